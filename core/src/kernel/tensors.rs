//! The kernels as operations on tensors of the CPU device, with their gradients.

use burn::backend::tensor::FloatTensor;
use burn::backend::{DispatchDevice, Flex, TensorMetadata};
use burn::tensor::{Device, Shape, Tensor, TensorData};

use super::attention::Attention;
use super::gru::Recurrence;
use super::layer::{Activation, Layer};
use super::{mish, norm};

pub(super) type Primitive = FloatTensor<Flex>;

/// A tensor of the given numbers on a device.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Whether the kernels serve this device: it is the CPU, and nobody asked for the reference path.
pub(crate) fn serves(device: &Device) -> bool {
    !super::reference_only() && on_cpu(device)
}

/// Whether this device is the CPU.
pub(crate) fn on_cpu(device: &Device) -> bool {
    let plain;
    let device = if device.is_autodiff() {
        plain = device.clone().inner();
        &plain
    } else {
        device
    };
    matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}

/// A layer's tensors but its input; see [`Layer`].
pub(crate) struct LayerTensors<const D: usize> {
    pub weight: Tensor<2>,
    pub bias: Option<Tensor<1>>,
    pub share: Option<Tensor<D>>,
    pub norm: Option<[Tensor<1>; 2]>,
    pub modulation: Option<Tensor<D>>,
    pub activation: Activation,
    pub skip: Option<Tensor<D>>,
}

/// [`Layer::forward`] on tensors of a device that is [served](serves).
pub(crate) fn layer<const D: usize>(x: Tensor<D>, rest: LayerTensors<D>) -> Tensor<D> {
    #[cfg(feature = "train")]
    if x.device().is_autodiff() {
        return autodiff::layer(x, rest);
    }
    let [gain, norm_bias] = split(rest.norm);
    let inputs = LayerInputs {
        x: plain(x),
        weight: plain(rest.weight),
        bias: rest.bias.map(plain),
        share: rest.share.map(plain),
        gain: gain.map(plain),
        norm_bias: norm_bias.map(plain),
        modulation: rest.modulation.map(plain),
        skip: rest.skip.map(plain),
        activation: rest.activation,
    };
    Tensor::from_primitive::<Flex>(inputs.forward(false).0)
}

/// [`Recurrence::forward`] on tensors of a device that is [served](serves): from gates `[steps, batch, 3 * hidden]` to
/// `[steps, batch, hidden]`, or `[1, batch, hidden]` when only the last state is wanted.
pub(crate) fn recurrence(
    gates: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    reversed: bool,
    last: bool,
) -> Tensor<3> {
    #[cfg(feature = "train")]
    if gates.device().is_autodiff() {
        return autodiff::recurrence(gates, weight, bias, reversed, last);
    }
    let inputs =
        RecurrenceInputs { gates: plain(gates), weight: plain(weight), bias: plain(bias), reversed, last };
    Tensor::from_primitive::<Flex>(inputs.forward().0)
}

/// [`mish::forward`] on tensors of a device that is [served](serves).
pub(crate) fn mish<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "train")]
    if x.device().is_autodiff() {
        return autodiff::mish_of(x);
    }
    let x = plain(x);
    Tensor::from_primitive::<Flex>(primitive(mish::forward(numbers(&x)), x.shape()))
}

/// [`norm::forward`] on tensors of a device that is [served](serves), `[.., width]`.
pub(crate) fn norm<const D: usize>(x: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>) -> Tensor<D> {
    #[cfg(feature = "train")]
    if x.device().is_autodiff() {
        return autodiff::norm_of(x, gain, bias);
    }
    let (x, gain, bias) = (plain(x), plain(gain), plain(bias));
    let values = norm::forward(numbers(&x), numbers(&gain), numbers(&bias));
    Tensor::from_primitive::<Flex>(primitive(values, x.shape()))
}

/// [`Attention::forward`] on tensors of a device that is [served](serves): from queries, keys and values,
/// `[batch, tokens, 3 * width]`, to `[batch, tokens, width]`. The mask `kept` is a constant.
pub(crate) fn causal_attention(parts: Tensor<3>, heads: usize, kept: Option<Tensor<4>>) -> Tensor<3> {
    #[cfg(feature = "train")]
    if parts.device().is_autodiff() {
        return autodiff::causal_attention(parts, heads, kept);
    }
    let inputs = AttentionInputs { parts: plain(parts), heads, kept: kept.map(plain) };
    Tensor::from_primitive::<Flex>(inputs.forward().0)
}

/// [`AdamStep::apply`] on plain tensors of a device that is [served](serves): parameter and moments, changed.
#[cfg(feature = "train")]
pub(crate) fn adam(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    moments: [Tensor<1>; 2],
    step: super::adam::AdamStep,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [first, second] = moments;
    let [mut parameter, mut first, mut second] = [parameter, first, second].map(plain);
    let gradient = plain(gradient);
    step.apply(
        numbers_mut(&mut parameter),
        numbers(&gradient),
        [numbers_mut(&mut first), numbers_mut(&mut second)],
    );
    (Tensor::from_primitive::<Flex>(parameter), [first, second].map(Tensor::from_primitive::<Flex>))
}

/// `(1 - rate)·target + rate·online` of plain tensors of a device that is [served](serves).
#[cfg(feature = "train")]
pub(crate) fn mix<const D: usize>(target: Tensor<D>, online: Tensor<D>, rate: f64) -> Tensor<D> {
    let (mut target, online) = (plain(target), plain(online));
    super::adam::mix(numbers_mut(&mut target), numbers(&online), rate as f32);
    Tensor::from_primitive::<Flex>(target)
}

/// The sum of a plain tensor's squares.
#[cfg(feature = "train")]
pub(crate) fn sum_of_squares<const D: usize>(tensor: Tensor<D>) -> f64 {
    super::adam::sum_of_squares(numbers(&plain(tensor)))
}

/// The numbers of a plain tensor of the CPU device, copied.
pub(crate) fn copied<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    numbers(&plain(tensor)).to_vec()
}

pub(super) fn plain<const D: usize>(tensor: Tensor<D>) -> Primitive {
    contiguous(tensor.try_into_primitive::<Flex>().expect("the device is the CPU, without gradients"))
}

pub(super) fn contiguous(tensor: Primitive) -> Primitive {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

fn split<T>(pair: Option<[T; 2]>) -> [Option<T>; 2] {
    pair.map_or([None, None], |pair| pair.map(Some))
}

/// The numbers of a contiguous tensor.
pub(super) fn numbers(tensor: &Primitive) -> &[f32] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<f32>()[start..start + tensor.layout().num_elements()]
}

#[cfg(feature = "train")]
fn numbers_mut(tensor: &mut Primitive) -> &mut [f32] {
    let (start, count) = (tensor.layout().start_offset(), tensor.layout().num_elements());
    &mut tensor.storage_mut::<f32>()[start..start + count]
}

pub(super) fn primitive(values: Vec<f32>, shape: Shape) -> Primitive {
    Primitive::from_data(TensorData::new(values, shape))
}

#[derive(Clone, Debug)]
struct LayerInputs {
    x: Primitive,
    weight: Primitive,
    bias: Option<Primitive>,
    share: Option<Primitive>,
    gain: Option<Primitive>,
    norm_bias: Option<Primitive>,
    modulation: Option<Primitive>,
    skip: Option<Primitive>,
    activation: Activation,
}

impl LayerInputs {
    fn layer(&self) -> Layer<'_> {
        Layer {
            weight: numbers(&self.weight),
            output: self.weight.shape()[1],
            bias: self.bias.as_ref().map(numbers),
            share: self.share.as_ref().map(numbers),
            norm: self
                .gain
                .as_ref()
                .zip(self.norm_bias.as_ref())
                .map(|(gain, bias)| [numbers(gain), numbers(bias)]),
            modulation: self.modulation.as_ref().map(numbers),
            activation: self.activation,
            skip: self.skip.as_ref().map(numbers),
        }
    }

    fn rows(&self) -> usize {
        numbers(&self.x).len() / self.weight.shape()[0]
    }

    fn output_shape(&self) -> Shape {
        let mut shape = self.x.shape();
        let last = shape.num_dims() - 1;
        shape[last] = self.weight.shape()[1];
        shape
    }

    /// The output, and what the backward pass needs of it.
    fn forward(&self, keep: bool) -> (Primitive, Option<Primitive>) {
        let output = self.layer().forward(numbers(&self.x), self.rows(), keep);
        let values = primitive(output.values, self.output_shape());
        let kept = keep.then(|| {
            if self.layer().keeps_input() {
                primitive(output.before, self.output_shape())
            } else {
                values.clone()
            }
        });
        (values, kept)
    }
}

#[derive(Clone, Debug)]
struct RecurrenceInputs {
    gates: Primitive,
    weight: Primitive,
    bias: Primitive,
    reversed: bool,
    last: bool,
}

impl RecurrenceInputs {
    fn sizes(&self) -> [usize; 3] {
        let shape = self.gates.shape();
        [shape[0], shape[1], self.weight.shape()[0]]
    }

    fn recurrence(&self) -> Recurrence<'_> {
        let [_, _, hidden] = self.sizes();
        Recurrence {
            weight: numbers(&self.weight),
            bias: numbers(&self.bias),
            hidden,
            reversed: self.reversed,
            last: self.last,
        }
    }

    fn forward(&self) -> (Primitive, super::gru::Kept) {
        let [steps, batch, hidden] = self.sizes();
        let (states, kept) = self.recurrence().forward(numbers(&self.gates), steps, batch);
        let given = if self.last { 1 } else { steps };
        (primitive(states, Shape::new([given, batch, hidden])), kept)
    }
}

#[derive(Clone, Debug)]
struct AttentionInputs {
    parts: Primitive,
    heads: usize,
    kept: Option<Primitive>,
}

impl AttentionInputs {
    fn attention(&self) -> Attention<'_> {
        let shape = self.parts.shape();
        Attention {
            parts: numbers(&self.parts),
            tokens: shape[1],
            width: shape[2] / 3,
            heads: self.heads,
            kept: self.kept.as_ref().map(numbers),
        }
    }

    /// The output, and the attention's weights.
    fn forward(&self) -> (Primitive, Vec<f32>) {
        let shape = self.parts.shape();
        let (values, weights) = self.attention().forward();
        (primitive(values, Shape::new([shape[0], shape[1], shape[2] / 3])), weights)
    }
}

#[cfg(feature = "train")]
pub(super) mod autodiff {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::{
        AttentionInputs, Flex, FloatTensor, LayerInputs, LayerTensors, Primitive, RecurrenceInputs, Tensor,
        TensorMetadata, contiguous, numbers, primitive, split,
    };
    use crate::kernel::gru::Kept;
    use crate::kernel::{mish, norm};

    pub(in crate::kernel) type Tracked = FloatTensor<Autodiff<Flex>>;

    pub(in crate::kernel) fn tracked<const D: usize>(tensor: Tensor<D>) -> Tracked {
        tensor.try_into_primitive::<Autodiff<Flex>>().expect("the device is the CPU, with gradients")
    }

    pub(in crate::kernel) fn value(tensor: &Tracked) -> Primitive {
        contiguous(tensor.primitive().clone())
    }

    #[derive(Debug)]
    struct LayerBackward;

    /// Inputs of a layer, and what its forward pass kept.
    #[derive(Clone, Debug)]
    struct LayerState {
        inputs: LayerInputs,
        kept: Primitive,
    }

    pub(crate) fn layer<const D: usize>(x: Tensor<D>, rest: LayerTensors<D>) -> Tensor<D> {
        let (x, weight) = (tracked(x), tracked(rest.weight));
        let [gain, norm_bias] = split(rest.norm).map(|part| part.map(tracked));
        let [share, modulation, skip] =
            [rest.share, rest.modulation, rest.skip].map(|part| part.map(tracked));
        let bias = rest.bias.map(tracked);
        let inputs = LayerInputs {
            x: value(&x),
            weight: value(&weight),
            bias: bias.as_ref().map(value),
            share: share.as_ref().map(value),
            gain: gain.as_ref().map(value),
            norm_bias: norm_bias.as_ref().map(value),
            modulation: modulation.as_ref().map(value),
            skip: skip.as_ref().map(value),
            activation: rest.activation,
        };
        // An input that is not there is a constant to the graph: any tensor without gradient does.
        let node = |part: Option<Tracked>| part.unwrap_or_else(|| Tracked::new(inputs.x.clone())).node();
        let nodes = [
            x.node(),
            weight.node(),
            node(bias),
            node(share),
            node(gain),
            node(norm_bias),
            node(modulation),
            node(skip),
        ];
        let output = match LayerBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, kept) = inputs.forward(true);
                let kept = kept.unwrap_or_else(|| output.clone());
                prepared.finish(LayerState { inputs, kept }, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(inputs.forward(false).0),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 8> for LayerBackward {
        type State = LayerState;

        fn backward(self, ops: Ops<LayerState, 8>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let LayerState { inputs, kept } = ops.state;
            let [x, weight, bias, share, gain, norm_bias, modulation, skip] = ops.parents;
            let layer = inputs.layer();
            let found = layer.backward(
                numbers(&inputs.x),
                inputs.rows(),
                numbers(&kept),
                numbers(&arriving),
                x.is_some(),
            );
            let [found_gain, found_norm_bias] = found.norm;
            let one = |part: &Primitive| Some(part.clone());
            for (node, values, like) in [
                (x, found.input, one(&inputs.x)),
                (weight, found.weight, one(&inputs.weight)),
                (bias, found.bias, inputs.bias.clone()),
                (share, found.share, inputs.share.clone()),
                (gain, found_gain, inputs.gain.clone()),
                (norm_bias, found_norm_bias, inputs.norm_bias.clone()),
                (modulation, found.modulation, inputs.modulation.clone()),
            ] {
                if let (Some(node), Some(like)) = (node, like) {
                    gradients.register::<Flex>(node.id, primitive(values, like.shape()));
                }
            }
            if let Some(node) = skip {
                gradients.register::<Flex>(node.id, arriving);
            }
        }
    }

    #[derive(Debug)]
    struct MishBackward;

    pub(crate) fn mish_of<const D: usize>(x: Tensor<D>) -> Tensor<D> {
        let x = tracked(x);
        let input = value(&x);
        let output = primitive(mish::forward(numbers(&input)), input.shape());
        let output = match MishBackward.prepare::<NoCheckpointing>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(input, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 1> for MishBackward {
        type State = Primitive;

        fn backward(self, ops: Ops<Primitive, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let ([node], x) = (ops.parents, ops.state);
            if let Some(node) = node {
                let values = mish::backward(numbers(&x), numbers(&arriving));
                gradients.register::<Flex>(node.id, primitive(values, x.shape()));
            }
        }
    }

    #[derive(Debug)]
    struct NormBackward;

    pub(crate) fn norm_of<const D: usize>(x: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>) -> Tensor<D> {
        let (x, gain, bias) = (tracked(x), tracked(gain), tracked(bias));
        let inputs = [value(&x), value(&gain), value(&bias)];
        let [values, gains, biases] = &inputs;
        let output = norm::forward(numbers(values), numbers(gains), numbers(biases));
        let output = primitive(output, values.shape());
        let nodes = [x.node(), gain.node(), bias.node()];
        let output = match NormBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(inputs, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 3> for NormBackward {
        type State = [Primitive; 3];

        fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let [x, gain, bias] = &ops.state;
            let found = norm::backward(numbers(x), numbers(gain), numbers(bias), numbers(&arriving));
            for ((node, values), like) in ops.parents.into_iter().zip(found).zip([x, gain, bias]) {
                if let Some(node) = node {
                    gradients.register::<Flex>(node.id, primitive(values, like.shape()));
                }
            }
        }
    }

    #[derive(Debug)]
    struct AttentionBackward;

    pub(crate) fn causal_attention(parts: Tensor<3>, heads: usize, kept: Option<Tensor<4>>) -> Tensor<3> {
        let parts = tracked(parts);
        let kept = kept.map(|kept| value(&tracked(kept)));
        let inputs = AttentionInputs { parts: value(&parts), heads, kept };
        let (output, weights) = inputs.forward();
        let prepared = AttentionBackward.prepare::<NoCheckpointing>([parts.node()]);
        let output = match prepared.compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, weights), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 1> for AttentionBackward {
        type State = (AttentionInputs, Vec<f32>);

        fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let ([node], (inputs, weights)) = (ops.parents, ops.state);
            if let Some(node) = node {
                let values = inputs.attention().backward(&weights, numbers(&arriving));
                gradients.register::<Flex>(node.id, primitive(values, inputs.parts.shape()));
            }
        }
    }

    #[derive(Debug)]
    struct RecurrenceBackward;

    pub(crate) fn recurrence(
        gates: Tensor<3>,
        weight: Tensor<2>,
        bias: Tensor<1>,
        reversed: bool,
        last: bool,
    ) -> Tensor<3> {
        let (gates, weight, bias) = (tracked(gates), tracked(weight), tracked(bias));
        let inputs = RecurrenceInputs {
            gates: value(&gates),
            weight: value(&weight),
            bias: value(&bias),
            reversed,
            last,
        };
        let nodes = [gates.node(), weight.node(), bias.node()];
        let (output, kept) = inputs.forward();
        let output = match RecurrenceBackward.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, kept), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }

    impl Backward<Flex, 3> for RecurrenceBackward {
        type State = (RecurrenceInputs, Kept);

        fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
            let arriving = contiguous(gradients.consume::<Flex>(&ops.node));
            let (inputs, kept) = ops.state;
            let [steps, batch, _] = inputs.sizes();
            let found = inputs.recurrence().backward(steps, batch, &kept, numbers(&arriving));
            let [gates, weight, bias] = ops.parents;
            for (node, values, like) in [
                (gates, found.gates, &inputs.gates),
                (weight, found.weight, &inputs.weight),
                (bias, found.bias, &inputs.bias),
            ] {
                if let Some(node) = node {
                    gradients.register::<Flex>(node.id, primitive(values, like.shape()));
                }
            }
        }
    }
}
