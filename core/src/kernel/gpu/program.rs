//! Networks as tables of layers that one kernel runs.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::kernel::layer::Activation;

/// Numbers that describe a layer.
pub(crate) const FIELDS: usize = 11;
/// No offset: the layer does without.
const NONE: i32 = -1;
/// [`Activation::Relu`] in the table.
pub(crate) const RELU: i32 = 1;
/// [`Activation::Gelu`] in the table.
pub(crate) const GELU: i32 = 2;

/// A layer in the table: its widths, where its numbers are, and what else goes into its output.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Placed {
    input: i32,
    output: i32,
    /// Offsets in the program's numbers: weight `[input, output]`, bias, gain and bias of the norm one after the other.
    weight: i32,
    bias: i32,
    norm: i32,
    share: i32,
    modulation: i32,
    activation: i32,
    skips: [i32; 2],
    save: i32,
}

impl Placed {
    /// Numbers in a row of the output.
    pub(crate) fn output(self) -> usize {
        self.output as usize
    }

    /// Adds this part of the tile's shares after the product.
    pub(crate) fn share(self, offset: usize) -> Self {
        Self { share: offset as i32, ..self }
    }

    /// Scales by one more than this part of the step's numbers after the norm, and adds the part after it.
    pub(crate) fn modulation(self, offset: usize) -> Self {
        Self { modulation: offset as i32, ..self }
    }

    /// Adds what an earlier layer of the same width saved; up to twice.
    pub(crate) fn skip(self, slot: usize) -> Self {
        let skips = if self.skips[0] == NONE { [slot as i32, NONE] } else { [self.skips[0], slot as i32] };
        Self { skips, ..self }
    }

    /// Saves the output.
    pub(crate) fn save(self, slot: usize) -> Self {
        Self { save: slot as i32, ..self }
    }

    fn fields(self) -> [i32; FIELDS] {
        let Self { input, output, weight, bias, norm, share, modulation, activation, skips, save } = self;
        [input, output, weight, bias, norm, share, modulation, activation, skips[0], skips[1], save]
    }
}

/// Collects the numbers of layers on their way into a [`Program`].
#[derive(Debug, Default)]
pub(crate) struct Builder {
    pieces: Vec<Tensor<1>>,
    length: usize,
    layers: Vec<Placed>,
}

impl Builder {
    /// Lays out a layer's numbers.
    pub(crate) fn place(
        &mut self,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
        norm: Option<[Tensor<1>; 2]>,
        activation: Activation,
    ) -> Placed {
        let [input, output] = weight.dims();
        Placed {
            input: input as i32,
            output: output as i32,
            weight: self.keep(weight.reshape([input * output])),
            bias: bias.map_or(NONE, |bias| self.keep(bias)),
            norm: norm.map_or(NONE, |[gain, bias]| {
                let at = self.keep(gain);
                self.keep(bias);
                at
            }),
            share: NONE,
            modulation: NONE,
            activation: match activation {
                Activation::Identity => 0,
                Activation::Relu => RELU,
                Activation::Gelu => GELU,
            },
            skips: [NONE; 2],
            save: NONE,
        }
    }

    /// The layer that runs after those before.
    pub(crate) fn push(&mut self, layer: Placed) {
        self.layers.push(layer);
    }

    /// Everything that was collected, on the device.
    pub(crate) fn finish(self, device: &Device) -> Program {
        let table: Vec<i32> = self.layers.iter().flat_map(|layer| layer.fields()).collect();
        let length = table.len();
        let widest = self.layers.iter().flat_map(|layer| [layer.input, layer.output]).max().unwrap_or(1);
        Program {
            numbers: Tensor::cat(self.pieces, 0),
            table: Tensor::from_data(TensorData::new(table, [length]), device),
            widest: widest as usize,
        }
    }

    /// Where the numbers will be.
    fn keep(&mut self, numbers: Tensor<1>) -> i32 {
        let at = self.length;
        self.length += numbers.dims()[0];
        self.pieces.push(numbers);
        at as i32
    }
}

/// Layers on a device.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Weights, biases and norms, one after the other.
    pub numbers: Tensor<1>,
    /// [`FIELDS`] numbers for each layer.
    pub table: Tensor<1, Int>,
    /// Columns of the widest layer.
    pub widest: usize,
}
