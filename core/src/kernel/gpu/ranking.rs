//! Q of many candidates in two launches.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use super::launch::{Kernels, Smallest};
use super::program::{Builder, Placed, Program};
use super::tile::TileShape;
use super::{SideBySide, count_launch, fits};

/// Several Q networks, their state halves apart from their latent halves.
#[derive(Clone, Debug)]
pub(crate) struct PlacedQ {
    /// From states to the shares that they have in each network's joint layer.
    states: SideBySide,
    latents: Program,
    plan: Smallest,
}

impl PlacedQ {
    /// Networks of latents whose layers were placed by the builder; `None` when they are too wide for the device.
    ///
    /// # Panics
    /// When they differ in their number of layers.
    pub(crate) fn new(
        states: SideBySide,
        mut builder: Builder,
        networks: Vec<Vec<Placed>>,
        device: &Device,
    ) -> Option<Self> {
        let (count, layers) = (networks.len(), networks.first().map_or(0, Vec::len));
        assert!(networks.iter().all(|network| network.len() == layers), "networks of {layers} layers");
        networks.into_iter().flatten().for_each(|layer| builder.push(layer));
        let latents = builder.finish(device);
        let plan = Smallest { count, layers, shape: TileShape::of(latents.widest) };
        fits(device, latents.widest).then_some(Self { states, latents, plan })
    }

    /// The smallest Q of the networks, `[states, candidates]`, from `[states, state]` and
    /// `[states, candidates, latent]`.
    pub(crate) fn smallest(&self, states: Tensor<2>, latents: Tensor<3>) -> Tensor<2> {
        let Program { numbers, table, .. } = self.latents.clone();
        count_launch();
        let out = Dispatch::smallest(
            numbers.into_dispatch(),
            table.into_dispatch(),
            self.states.forward(states).into_dispatch(),
            latents.into_dispatch(),
            self.plan,
        );
        Tensor::from_dispatch(out)
    }
}
