//! The kernels of temporal networks as operations on tensors of the CPU device, with their gradients.

use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, Tensor};

use super::convolution::{Convolution, Time};
use super::group_norm::GroupNorm;
use super::tensors::{Primitive, numbers, plain, primitive};

/// [`Convolution::forward`] on tensors of a device that is [served](super::tensors::serves): `[batch, rows, input]` to
/// `[batch, rows', output]`; the weight's shape is that or, for a single tap, `[input, output]`.
pub(crate) fn convolution<const D: usize>(
    x: Tensor<3>,
    weight: Tensor<D>,
    bias: Tensor<1>,
    time: Time,
) -> Tensor<3> {
    #[cfg(feature = "train")]
    if x.device().is_autodiff() {
        return autodiff::convolution(x, weight, bias, time);
    }
    let inputs = ConvolutionInputs { weight: plain(weight), time };
    let (values, _) = inputs.forward(&plain(x), &plain(bias));
    Tensor::from_primitive::<Flex>(values)
}

/// [`GroupNorm::forward`] on tensors of a device that is served: `[batch, rows, channels]`; `rest` is of that shape or
/// `[batch, 1, channels]`.
pub(crate) fn norm_mish(
    x: Tensor<3>,
    [gain, bias]: [Tensor<1>; 2],
    groups: usize,
    rest: Option<Tensor<3>>,
) -> Tensor<3> {
    #[cfg(feature = "train")]
    if x.device().is_autodiff() {
        return autodiff::norm_mish(x, [gain, bias], groups, rest);
    }
    let inputs = NormInputs { x: plain(x), gain: plain(gain), bias: plain(bias), groups };
    Tensor::from_primitive::<Flex>(inputs.forward(rest.map(plain).as_ref()))
}

#[derive(Clone, Debug)]
struct ConvolutionInputs {
    weight: Primitive,
    time: Time,
}

impl ConvolutionInputs {
    fn convolution(&self) -> Convolution<'_> {
        let shape = self.weight.shape();
        let shape = match shape.num_dims() {
            2 => [1, shape[0], shape[1]],
            _ => [shape[0], shape[1], shape[2]],
        };
        Convolution { weight: numbers(&self.weight), shape, time: self.time }
    }

    /// The output, and the padded input or the input itself.
    fn forward(&self, x: &Primitive, bias: &Primitive) -> (Primitive, Primitive) {
        let (convolution, shape) = (self.convolution(), x.shape());
        let [batch, rows, width] = [shape[0], shape[1], shape[2]];
        let [values, padded] = convolution.forward(numbers(x), numbers(bias), batch);
        let kept = if padded.is_empty() {
            x.clone()
        } else {
            let rows = padded.len() / (batch * width);
            primitive(padded, Shape::new([batch, rows, width]))
        };
        let [_, _, output] = convolution.shape;
        (primitive(values, Shape::new([batch, self.time.rows(rows), output])), kept)
    }
}

#[derive(Clone, Debug)]
struct NormInputs {
    x: Primitive,
    gain: Primitive,
    bias: Primitive,
    groups: usize,
}

impl NormInputs {
    fn norm(&self) -> GroupNorm<'_> {
        GroupNorm { gain: numbers(&self.gain), bias: numbers(&self.bias), groups: self.groups }
    }

    fn forward(&self, rest: Option<&Primitive>) -> Primitive {
        let shape = self.x.shape();
        primitive(self.norm().forward(numbers(&self.x), shape[0], rest.map(numbers)), shape)
    }
}

#[cfg(feature = "train")]
mod autodiff {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::super::tensors::autodiff::{Tracked, tracked, value};
    use super::super::tensors::contiguous;
    use super::{
        ConvolutionInputs, Flex, NormInputs, Primitive, Shape, Tensor, TensorMetadata, Time, numbers,
        primitive,
    };

    #[derive(Debug)]
    struct ConvolutionBackward;

    /// Weight and form, what the forward pass kept of the input, and the shapes of input and bias.
    #[derive(Clone, Debug)]
    struct ConvolutionState {
        inputs: ConvolutionInputs,
        kept: Primitive,
        shape: Shape,
    }

    pub(crate) fn convolution<const D: usize>(
        x: Tensor<3>,
        weight: Tensor<D>,
        bias: Tensor<1>,
        time: Time,
    ) -> Tensor<3> {
        let (x, weight, bias) = (tracked(x), tracked(weight), tracked(bias));
        let input = value(&x);
        let inputs = ConvolutionInputs { weight: value(&weight), time };
        let (output, kept) = inputs.forward(&input, &value(&bias));
        let nodes = [x.node(), weight.node(), bias.node()];
        let output = match ConvolutionBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(ConvolutionState { inputs, kept, shape: input.shape() }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 3> for ConvolutionBackward {
        type State = ConvolutionState;

        fn backward(self, ops: Ops<ConvolutionState, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let ConvolutionState { inputs, kept, shape } = ops.state;
            let [x, weight, bias] = ops.parents;
            let convolution = inputs.convolution();
            let found =
                convolution.backward(numbers(&kept), shape[1], numbers(&arriving), shape[0], x.is_some());
            let outputs = Shape::new([found.bias.len()]);
            for (node, values, shape) in [
                (x, found.input, shape),
                (weight, found.weight, inputs.weight.shape()),
                (bias, found.bias, outputs),
            ] {
                if let Some(node) = node {
                    gradients.register::<Flex>(node.id, primitive(values, shape));
                }
            }
        }
    }

    #[derive(Debug)]
    struct NormBackward;

    pub(crate) fn norm_mish(
        x: Tensor<3>,
        [gain, bias]: [Tensor<1>; 2],
        groups: usize,
        rest: Option<Tensor<3>>,
    ) -> Tensor<3> {
        let (x, gain, bias) = (tracked(x), tracked(gain), tracked(bias));
        let rest = rest.map(tracked);
        let inputs = NormInputs { x: value(&x), gain: value(&gain), bias: value(&bias), groups };
        let added = rest.as_ref().map(value);
        let output = inputs.forward(added.as_ref());
        // A sum that is not there is a constant to the graph: any tensor without gradient does.
        let rest = rest.unwrap_or_else(|| Tracked::new(inputs.x.clone())).node();
        let nodes = [x.node(), gain.node(), bias.node(), rest];
        let output = match NormBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, added.map(|added| added.shape())), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 4> for NormBackward {
        type State = (NormInputs, Option<Shape>);

        fn backward(self, ops: Ops<Self::State, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let (inputs, added) = ops.state;
            let [x, gain, bias, rest] = ops.parents;
            let shape = inputs.x.shape();
            let found = inputs.norm().backward(numbers(&inputs.x), shape[0], numbers(&arriving));
            for (node, values, shape) in [
                (x, found.input, shape.clone()),
                (gain, found.gain, inputs.gain.shape()),
                (bias, found.bias, inputs.bias.shape()),
            ] {
                if let Some(node) = node {
                    gradients.register::<Flex>(node.id, primitive(values, shape));
                }
            }
            if let (Some(node), Some(added)) = (rest, added) {
                let gradient = if added == shape { arriving } else { primitive(found.rest, added) };
                gradients.register::<Flex>(node.id, gradient);
            }
        }
    }
}
