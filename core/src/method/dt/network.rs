//! The causal transformer over returns, states and actions.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::PolicySettings;
use crate::nn::{Layer, causal_attention, layer_norm, linear_of, norm, normal, tensor, xavier};
use crate::rng::Key;

/// Deviation of weights when they are drawn.
const DEVIATION: f32 = 0.02;

/// K steps each of some sequences, as the network sees them. Steps that are not there stand last, and change no others.
#[derive(Clone, Debug)]
pub struct Context {
    /// Returns still to come, `[batch, K, 1]`.
    pub returns: Tensor<3>,
    /// `[batch, K, state]`.
    pub states: Tensor<3>,
    /// `[batch, K, action]`.
    pub actions: Tensor<3>,
    /// Steps within their sequences, `[batch * K]`.
    pub times: Tensor<1, Int>,
}

/// The same as plain numbers.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    sizes: [usize; 2],
    /// `[batch, K]`.
    pub returns: Vec<f32>,
    /// `[batch, K, state]`.
    pub states: Vec<f32>,
    /// `[batch, K, action]`.
    pub actions: Vec<f32>,
    /// `[batch, K]`.
    pub times: Vec<i64>,
}

impl Steps {
    /// `count` steps, none of them there yet, of so many numbers in a state and an action.
    pub(super) fn none(count: usize, sizes: [usize; 2]) -> Self {
        let [state, action] = sizes.map(|size| vec![0.0; count * size]);
        Self { sizes, returns: vec![0.0; count], states: state, actions: action, times: vec![0; count] }
    }

    /// State and action of a step, to be filled.
    pub(super) fn at(&mut self, step: usize) -> [&mut [f32]; 2] {
        let [state, action] = self.sizes;
        [
            &mut self.states[step * state..(step + 1) * state],
            &mut self.actions[step * action..(step + 1) * action],
        ]
    }

    /// The steps of `batch` sequences on a device.
    pub(super) fn context(self, batch: usize, device: &Device) -> Context {
        let Self { sizes: [state, action], returns, states, actions, times } = self;
        let (count, steps) = (times.len(), times.len() / batch.max(1));
        Context {
            returns: tensor(returns, [batch, steps, 1], device),
            states: tensor(states, [batch, steps, state], device),
            actions: tensor(actions, [batch, steps, action], device),
            times: Tensor::from_data(TensorData::new(times, [count]), device),
        }
    }
}

/// Masks of dropout: 0, or the factor that keeps the mean. Empty where nothing is dropped.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// Of the tokens, `[batch, 3K, hidden]`.
    pub tokens: Option<Tensor<3>>,
    /// Of each block.
    pub blocks: Vec<BlockMasks>,
}

/// Masks of a block; the last block has rows of the states' tokens alone.
#[derive(Clone, Debug)]
pub struct BlockMasks {
    /// Of the attention's weights, `[batch, heads, 3K, 3K]`.
    pub weights: Tensor<4>,
    /// Of what the attention gives, `[batch, 3K or K, hidden]`.
    pub attended: Tensor<3>,
    /// Of what the layers behind give, `[batch, 3K or K, hidden]`.
    pub fed: Tensor<3>,
}

/// Actions from returns, states and earlier actions.
#[derive(Module, Debug)]
pub struct Transformer {
    returns: Linear,
    states: Linear,
    actions: Linear,
    /// Embeddings of steps, `[times, hidden]`.
    times: Param<Tensor<2>>,
    entry_norm: LayerNorm,
    blocks: Vec<Block>,
    exit_norm: LayerNorm,
    exit: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct Block {
    attention_norm: LayerNorm,
    /// Queries, keys and values side by side, `[hidden, 3 * hidden]`.
    project: Linear,
    output: Linear,
    norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl Transformer {
    /// A network with embeddings of `times` steps, newly drawn.
    pub fn new(
        key: Key,
        settings: &PolicySettings,
        times: usize,
        [state, action]: [usize; 2],
        device: &Device,
    ) -> Self {
        let PolicySettings { hidden, blocks, heads, .. } = *settings;
        let drawn = |key: Key, input: usize, output: usize| {
            linear_of(normal(key, [input, output], DEVIATION, device), output, device)
        };
        let block = |i: usize| {
            let key = key.named("block").fold(i as u64);
            Block {
                attention_norm: layer_norm(hidden, device),
                project: xavier(key.fold(0), hidden, 3 * hidden, device),
                output: drawn(key.fold(1), hidden, hidden),
                norm: layer_norm(hidden, device),
                wide: drawn(key.fold(2), hidden, 4 * hidden),
                narrow: drawn(key.fold(3), 4 * hidden, hidden),
            }
        };
        Self {
            returns: drawn(key.named("returns"), 1, hidden),
            states: drawn(key.named("states"), state, hidden),
            actions: drawn(key.named("actions"), action, hidden),
            times: normal(key.named("times"), [times, hidden], DEVIATION, device),
            entry_norm: layer_norm(hidden, device),
            blocks: (0..blocks).map(block).collect(),
            exit_norm: layer_norm(hidden, device),
            exit: drawn(key.named("exit"), hidden, action),
            heads,
        }
    }

    /// Actions of all steps in [-1, 1], `[batch, K, action]`. That of a step does not depend on it, nor on later tokens.
    pub fn forward(&self, context: Context, masks: &Masks) -> Tensor<3> {
        self.before_bound(context, masks).tanh()
    }

    /// The same before the tangent that bounds them.
    pub(super) fn before_bound(&self, context: Context, masks: &Masks) -> Tensor<3> {
        let Context { returns, states, actions, times } = context;
        let [batch, steps, _] = states.dims();
        let [_, hidden] = self.times.dims();
        let time: Tensor<3> = self.times.val().select(0, times).reshape([batch, steps, hidden]);
        let tokens = [(&self.returns, returns), (&self.states, states), (&self.actions, actions)];
        let tokens = tokens.map(|(linear, values)| {
            Layer::of(linear).share(time.clone()).norm(&self.entry_norm).forward(values)
        });
        let x: Tensor<4> = Tensor::stack(tokens.to_vec(), 2);
        let mut x = drop(x.reshape([batch, 3 * steps, hidden]), masks.tokens.as_ref());
        for (i, block) in self.blocks.iter().enumerate() {
            let last = i + 1 == self.blocks.len();
            x = block.forward(x, self.heads, masks.blocks.get(i), last);
        }
        Layer::of(&self.exit).forward(norm(&self.exit_norm, x))
    }
}

impl Block {
    /// `[batch, 3K, hidden]` to the same, or to the states' tokens, `[batch, K, hidden]`, when nothing else is wanted.
    fn forward(&self, x: Tensor<3>, heads: usize, masks: Option<&BlockMasks>, last: bool) -> Tensor<3> {
        let parts = Layer::of(&self.project).forward(norm(&self.attention_norm, x.clone()));
        let attended = causal_attention(parts, heads, masks.map(|masks| masks.weights.clone()));
        let [x, attended] = [x, attended].map(|tokens| if last { of_states(tokens) } else { tokens });
        let attended = Layer::of(&self.output).forward(attended);
        let x = x + drop(attended, masks.map(|masks| &masks.attended));
        let fed = Layer::of(&self.wide).gelu().forward(norm(&self.norm, x.clone()));
        x + drop(Layer::of(&self.narrow).forward(fed), masks.map(|masks| &masks.fed))
    }
}

/// The second of each three tokens.
fn of_states(tokens: Tensor<3>) -> Tensor<3> {
    let [batch, count, hidden] = tokens.dims();
    let tokens: Tensor<4> = tokens.reshape([batch, count / 3, 3, hidden]);
    tokens.narrow(2, 1, 1).squeeze_dim(2)
}

fn drop(x: Tensor<3>, mask: Option<&Tensor<3>>) -> Tensor<3> {
    match mask {
        Some(mask) => x * mask.clone(),
        None => x,
    }
}
