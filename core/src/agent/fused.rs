//! What deciding takes, laid out for the kernels of the device that decides.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use crate::critic::{TwinQ, VNetwork};
use crate::diffusion::{Denoiser, LatentSampler, NoiseSchedule};
use crate::kernel::denoise::PackedDenoiser;
use crate::kernel::packed::{PackedLayer, forward};
use crate::kernel::rank::{PackedQ, smallest_q};
use crate::kernel::tensors::{copied, serves};
use crate::nn::tensor;
use crate::settings::SamplerSettings;
use crate::vae::{Decoder, PackedDecoder};

#[cfg(feature = "gpu")]
use crate::{
    kernel::gpu::{self, PlacedDenoiser, PlacedQ, SideBySide},
    vae::PlacedDecoder,
};

/// The networks that act.
#[derive(Clone, Copy)]
pub(super) struct Networks<'a> {
    pub denoiser: &'a Denoiser,
    pub q: &'a TwinQ,
    pub v: &'a VNetwork,
    pub decoder: &'a Decoder,
}

/// The same networks for a device's kernels. Every method gives what the plain networks give.
#[derive(Debug)]
pub(super) enum Fused {
    Cpu(Packed),
    #[cfg(feature = "gpu")]
    Gpu(Box<Placed>),
}

#[derive(Debug)]
pub(super) struct Packed {
    denoiser: Arc<PackedDenoiser>,
    q: [PackedQ; 2],
    v: Vec<PackedLayer>,
    decoder: PackedDecoder,
}

#[cfg(feature = "gpu")]
#[derive(Debug)]
pub(super) struct Placed {
    denoiser: PlacedDenoiser,
    q: PlacedQ,
    v: SideBySide,
    decoder: PlacedDecoder,
}

impl Fused {
    /// Lays out networks for states and latents of so many numbers, where there are kernels for the device.
    pub(crate) fn new(networks: Networks, state: usize, latent: usize, device: &Device) -> Option<Self> {
        let Networks { denoiser, q, v, decoder } = networks;
        if serves(device) {
            return Some(Self::Cpu(Packed {
                denoiser: Arc::new(denoiser.pack()),
                q: q.pack(),
                v: v.pack(),
                decoder: PackedDecoder::new(decoder, state, latent),
            }));
        }
        #[cfg(feature = "gpu")]
        if gpu::serves(device) {
            let placed = Placed {
                denoiser: denoiser.place()?,
                q: q.place(device)?,
                v: v.place(device)?,
                decoder: PlacedDecoder::new(decoder, device)?,
            };
            return Some(Self::Gpu(Box::new(placed)));
        }
        None
    }

    /// Whether its kernels are to be used now.
    pub(crate) fn serves(&self, device: &Device) -> bool {
        match self {
            Self::Cpu(_) => serves(device),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => gpu::serves(device),
        }
    }

    /// A sampler of candidate latents.
    pub(crate) fn sampler(
        &self,
        denoiser: &Denoiser,
        schedule: &NoiseSchedule,
        settings: SamplerSettings,
    ) -> LatentSampler {
        match self {
            Self::Cpu(packed) => {
                LatentSampler::packed(denoiser, Arc::clone(&packed.denoiser), schedule, settings)
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(placed) => LatentSampler::placed(denoiser, placed.denoiser.clone(), schedule, settings),
        }
    }

    /// See [`TwinQ::min`].
    pub(crate) fn q(&self, states: Tensor<2>, latents: Tensor<3>) -> Tensor<2> {
        match self {
            Self::Cpu(packed) => {
                let ([count, candidates, _], device) = (latents.dims(), latents.device());
                let values = smallest_q(&packed.q, &copied(states), &copied(latents), candidates);
                tensor(values, [count, candidates], &device)
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(placed) => placed.q.smallest(states, latents),
        }
    }

    /// See [`VNetwork::forward`].
    pub(crate) fn v(&self, states: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Cpu(packed) => {
                let ([count, _], device) = (states.dims(), states.device());
                tensor(forward(&packed.v, &copied(states)), [count], &device)
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(placed) => placed.v.forward(states).squeeze_dim(1),
        }
    }

    /// See [`Decoder::end`].
    pub(crate) fn end(&self, states: Tensor<2>, latents: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Cpu(packed) => {
                let (shape, device) = (states.dims(), states.device());
                tensor(packed.decoder.end(&copied(states), &copied(latents)), shape, &device)
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(placed) => placed.decoder.end(states, latents),
        }
    }

    /// See `PolicyDecoder::act`; noise, if any, is `[rows, action]`.
    pub(crate) fn act(&self, states: Tensor<2>, latents: Tensor<2>, noise: Option<Tensor<2>>) -> Tensor<2> {
        match self {
            Self::Cpu(packed) => {
                let ([rows, _], device) = (states.dims(), states.device());
                let noise = noise.map(copied);
                let actions = packed.decoder.act(&copied(states), &copied(latents), noise.as_deref());
                let width = actions.len() / rows.max(1);
                tensor(actions, [rows, width], &device)
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(placed) => placed.decoder.act(states, latents, noise),
        }
    }
}
