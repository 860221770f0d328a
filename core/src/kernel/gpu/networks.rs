//! Small networks of the same rows in one launch.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use super::launch::{Kernels, Networks};
use super::program::{Builder, Placed, Program};
use super::tile::TileShape;
use super::{count_launch, fits};

/// Networks of as many layers each, whose outputs come side by side.
#[derive(Clone, Debug)]
pub(crate) struct SideBySide {
    program: Program,
    plan: Networks,
}

impl SideBySide {
    /// Networks whose layers were placed by the builder; `None` when they are too wide for the device.
    ///
    /// # Panics
    /// When they differ in their number of layers.
    pub(crate) fn new(mut builder: Builder, networks: Vec<Vec<Placed>>, device: &Device) -> Option<Self> {
        let layers = networks.first().map_or(0, Vec::len);
        assert!(networks.iter().all(|network| network.len() == layers), "networks of {layers} layers");
        let total = networks.iter().filter_map(|network| network.last()).map(|layer| layer.output()).sum();
        let count = networks.len();
        networks.into_iter().flatten().for_each(|layer| builder.push(layer));
        let program = builder.finish(device);
        let shape = TileShape::of(program.widest);
        fits(device, program.widest)
            .then_some(Self { program, plan: Networks { count, layers, total, shape } })
    }

    /// `[rows, input]` to `[rows, total]`, in one launch.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let Program { numbers, table, .. } = self.program.clone();
        count_launch();
        let out =
            Dispatch::networks(numbers.into_dispatch(), table.into_dispatch(), x.into_dispatch(), self.plan);
        Tensor::from_dispatch(out)
    }
}
