//! The transformer diffusion prior that may be trained beside the VAE (A.1, Alg. 3 lines 9-10).
//!
//! It is never used after stage 1. Detached, it cannot change the VAE either; it is kept because the paper has it.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::activation::{gelu, leaky_relu};
use burn::tensor::{Device, Tensor};

use crate::diffusion::Noise;
use crate::nn::{linear, linear_without_bias, tensor};
use crate::rng::Key;

/// Widths of the prior; the paper's ancestor uses 64, 128, 1024, 16, 4.
#[derive(Clone, Copy, Debug)]
pub struct TransformerPriorConfig {
    /// Width of a token between blocks.
    pub token: usize,
    /// Width of the three embeddings.
    pub embedding: usize,
    /// Width inside the attention.
    pub attention: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub blocks: usize,
}

impl Default for TransformerPriorConfig {
    fn default() -> Self {
        Self { token: 64, embedding: 128, attention: 1024, heads: 16, blocks: 4 }
    }
}

/// Slope of LeakyReLU left of zero (`PyTorch`'s default).
const LEAK: f64 = 0.01;
/// Residual sums are divided by √2, so that they keep their scale.
const RESIDUAL: f64 = 1.414;

/// `Linear(sin(Linear(t)))`, the first without bias.
#[derive(Module, Debug)]
struct TimeSiren {
    first: Linear,
    second: Linear,
}

impl TimeSiren {
    fn new(key: Key, width: usize, device: &Device) -> Self {
        Self {
            first: linear_without_bias(key.fold(0), 1, width, device),
            second: linear(key.fold(1), width, width, device),
        }
    }

    fn forward(&self, t: Tensor<2>) -> Tensor<2> {
        self.second.forward(self.first.forward(t).sin())
    }
}

/// Two linear layers with a leaky ReLU between them.
#[derive(Module, Debug)]
struct Embedding {
    first: Linear,
    second: Linear,
}

impl Embedding {
    fn new(key: Key, input: usize, width: usize, device: &Device) -> Self {
        Self {
            first: linear(key.fold(0), input, width, device),
            second: linear(key.fold(1), width, width, device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(leaky_relu(self.first.forward(x), LEAK))
    }
}

#[derive(Module, Debug)]
struct Block {
    widen: Linear,
    attention: MultiHeadAttention,
    narrow: Linear,
    first_norm: BatchNorm,
    expand: Linear,
    shrink: Linear,
    second_norm: BatchNorm,
}

impl Block {
    fn new(key: Key, config: TransformerPriorConfig, device: &Device) -> Self {
        let TransformerPriorConfig { token, attention, heads, .. } = config;
        let mut inner = MultiHeadAttentionConfig::new(attention, heads).with_dropout(0.0).init(device);
        // Burn would draw these from its device's generator.
        inner.query = linear(key.fold(0), attention, attention, device);
        inner.key = linear(key.fold(1), attention, attention, device);
        inner.value = linear(key.fold(2), attention, attention, device);
        inner.output = linear(key.fold(3), attention, attention, device);
        Self {
            widen: linear(key.fold(4), token, 3 * attention, device),
            attention: inner,
            narrow: linear(key.fold(5), attention, token, device),
            first_norm: BatchNormConfig::new(token).init(device),
            expand: linear(key.fold(6), token, 4 * token, device),
            shrink: linear(key.fold(7), 4 * token, token, device),
            second_norm: BatchNormConfig::new(token).init(device),
        }
    }

    /// `[batch, tokens, token]` to the same shape.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let wide = self.widen.forward(x.clone());
        let mut parts = wide.chunk(3, 2).into_iter();
        let attended = match (parts.next(), parts.next(), parts.next()) {
            (Some(query), Some(key), Some(value)) => {
                self.attention.forward(MhaInput::new(query, key, value)).context
            }
            _ => return x,
        };
        let x = (x + self.narrow.forward(attended)).div_scalar(RESIDUAL);
        let x = normalise(&self.first_norm, x);
        let fed = self.shrink.forward(gelu(self.expand.forward(x.clone())));
        normalise(&self.second_norm, (x + fed).div_scalar(RESIDUAL))
    }
}

/// Batch norm over the token's width.
fn normalise(norm: &BatchNorm, x: Tensor<3>) -> Tensor<3> {
    norm.forward(x.swap_dims(1, 2)).swap_dims(1, 2)
}

/// Three tokens (time, noised latent, state), transformer blocks, and the latent they predict.
#[derive(Module, Debug)]
pub struct TransformerPrior {
    time: TimeSiren,
    latent: Embedding,
    state: Embedding,
    tokens: Vec<Linear>,
    position: TimeSiren,
    blocks: Vec<Block>,
    output: Linear,
}

impl TransformerPrior {
    /// A prior over `latent` numbers given `state` numbers, newly drawn.
    pub fn new(
        key: Key,
        config: TransformerPriorConfig,
        state: usize,
        latent: usize,
        device: &Device,
    ) -> Self {
        let TransformerPriorConfig { token, embedding, blocks, .. } = config;
        Self {
            time: TimeSiren::new(key.named("time"), embedding, device),
            latent: Embedding::new(key.named("latent"), latent, embedding, device),
            state: Embedding::new(key.named("state"), state, embedding, device),
            tokens: (0..3).map(|i| linear(key.named("tokens").fold(i), embedding, token, device)).collect(),
            position: TimeSiren::new(key.named("position"), token, device),
            blocks: (0..blocks)
                .map(|i| Block::new(key.named("blocks").fold(i as u64), config, device))
                .collect(),
            output: linear(key.named("output"), 3 * token, latent, device),
        }
    }

    /// The predicted clean latent, `[batch, latent]`, from the noised one, the state `[batch, state]` and the time
    /// as a share of all steps, `[batch, 1]`.
    pub fn forward(&self, noised: Tensor<2>, state: Tensor<2>, time: Tensor<2>) -> Tensor<2> {
        let [batch, _] = noised.dims();
        let device = noised.device();
        let parts = [self.time.forward(time), self.latent.forward(noised), self.state.forward(state)];
        let tokens = parts
            .into_iter()
            .zip(&self.tokens)
            .enumerate()
            .map(|(i, (part, token))| {
                let place = Tensor::full([1, 1], (i + 1) as f32, &device);
                (token.forward(part) + self.position.forward(place)).unsqueeze_dim::<3>(1)
            })
            .collect();
        let mut x = Tensor::cat(tokens, 1);
        for block in &self.blocks {
            x = block.forward(x);
        }
        let [_, count, width] = x.dims();
        self.output.forward(x.reshape([batch, count * width]))
    }

    /// Mean over batch and width of `min(SNR, γ)·(z - ẑ)²` (Alg. 3 line 10), `[1]`.
    pub fn loss(&self, latents: Tensor<2>, states: Tensor<2>, noise: &Noise, steps: usize) -> Tensor<1> {
        let noised = noise.add_to(latents.clone());
        let share: Vec<f32> = noise.steps.iter().map(|&t| t as f32 / steps as f32).collect();
        let time = tensor(share, [noise.steps.len(), 1], &latents.device());
        let error = (latents - self.forward(noised, states, time)).square();
        (error * noise.weight.clone()).mean()
    }
}
