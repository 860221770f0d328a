//! Linear, layer norm, GELU: the repeated layer of Q, V and the denoiser's embeddings (A.3).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor};

use super::{Layer, layer_norm, linear};
#[cfg(feature = "gpu")]
use crate::kernel::gpu::{Builder, Placed};
use crate::kernel::packed::PackedLayer;
use crate::rng::Key;

/// `GELU(LN(x W + b))`.
#[derive(Module, Debug)]
pub struct NormGelu {
    linear: Linear,
    norm: LayerNorm,
}

impl NormGelu {
    /// A layer from `input` to `output` numbers.
    pub fn new(key: Key, input: usize, output: usize, device: &Device) -> Self {
        Self { linear: linear(key, input, output, device), norm: layer_norm(output, device) }
    }

    /// `[.., input]` to `[.., output]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        Layer::of(&self.linear).norm(&self.norm).gelu().forward(x)
    }

    /// The layer, laid out for repeated use on the CPU device.
    pub(crate) fn pack(&self) -> PackedLayer {
        Layer::<2>::of(&self.linear).norm(&self.norm).gelu().pack()
    }

    /// The two parts of [`forward_joint`](Self::forward_joint) for a head of so many numbers, likewise.
    pub(crate) fn pack_joint(&self, head: usize) -> (PackedLayer, PackedLayer) {
        let [input, _] = self.linear.weight.dims();
        let tails = Layer::<2>::of(&self.linear).rows(head..input).unbiased().norm(&self.norm).gelu();
        (Layer::<2>::of(&self.linear).rows(0..head).pack(), tails.pack())
    }

    /// The layer in a table of layers for the GPU's kernels.
    #[cfg(feature = "gpu")]
    pub(crate) fn place(&self, builder: &mut Builder) -> Placed {
        Layer::<2>::of(&self.linear).norm(&self.norm).gelu().place(builder)
    }

    /// The head's part of [`forward_joint`](Self::forward_joint) for a head of so many numbers, likewise.
    #[cfg(feature = "gpu")]
    pub(crate) fn place_head(&self, head: usize, builder: &mut Builder) -> Placed {
        Layer::<2>::of(&self.linear).rows(0..head).place(builder)
    }

    /// The tail's part, likewise; the head's is a share of it.
    #[cfg(feature = "gpu")]
    pub(crate) fn place_tail(&self, head: usize, builder: &mut Builder) -> Placed {
        let [input, _] = self.linear.weight.dims();
        let tails = Layer::<2>::of(&self.linear).rows(head..input).unbiased();
        tails.norm(&self.norm).gelu().place(builder)
    }

    /// The same for inputs `[head ‖ tail]` of which many tails share a head: `[heads, head]` and
    /// `[heads, tails, tail]` to `[heads, tails, output]`. The head's share is computed once.
    pub fn forward_joint(&self, head: Tensor<2>, tail: Tensor<3>) -> Tensor<3> {
        let ([_, from], [_, _, width]) = (head.dims(), tail.dims());
        let share = Layer::of(&self.linear).rows(0..from).forward(head);
        let tails = Layer::of(&self.linear).rows(from..from + width).unbiased();
        tails.share(share.unsqueeze_dim(1)).norm(&self.norm).gelu().forward(tail)
    }
}
