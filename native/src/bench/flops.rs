//! What one repetition of a path has to compute and to move at least.
//!
//! Counted are the products, 2 operations per multiply-add; norms, activations and optimisers are not. A training step
//! is three times its forward pass: one product more for the gradient of the input, one for that of the weights. What
//! is computed once per state or step in this program is counted once, so a rate says how busy the machine is with
//! work that is needed, and shares of its limit can be compared between programs only through times.

use diar_core::benchmark::Benchmark;
use diar_core::method::{Recipe, dt};
use diar_core::nn::temporal::UNetSettings;
use diar_core::settings::Settings;

use super::path::{HotPath, Work, transformer, unet};

/// Bytes that Adam moves per weight: weight and two moments are read and written, the gradient is written and read.
const TRAINED: f64 = 32.0;
/// Bytes of a weight that is only used.
const USED: f64 = 4.0;
/// Bytes of a target weight that follows another: read and written.
const FOLLOWED: f64 = 8.0;

/// Arithmetic and memory traffic of one repetition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Floating-point operations.
    pub flops: f64,
    /// Bytes of weights, gradients and moments. Activations can stay in cache.
    pub bytes: f64,
}

/// The cost of a path; `None` where there are no products to count.
pub(crate) fn cost(path: &HotPath, task: &Benchmark) -> Option<Cost> {
    let sizes = Sizes { settings: &path.settings, task };
    let batch = path.batch() as f64;
    let weights = |macs: usize, bytes: f64| macs as f64 * bytes;
    let (macs, bytes) = match path.work {
        Work::VaeStep => (3.0 * batch * sizes.vae() as f64, weights(sizes.vae_weights(), TRAINED)),
        Work::DenoiserStep => {
            let all = sizes.denoiser_time() + sizes.denoiser_state() + sizes.denoiser_latent();
            (3.0 * batch * all as f64, weights(all, TRAINED))
        }
        Work::CriticStep => {
            let (state, latent, v) = (sizes.q_state(), sizes.q_latent(), sizes.v());
            let targets = 2 * (state + path.settings.critic.latents * latent);
            // V is trained on a batch and then asked again; two Q networks are trained.
            let macs = targets + 4 * v + 3 * 2 * (state + latent);
            let q = 2 * (state + latent);
            (batch * macs as f64, weights(q + v, TRAINED) + weights(q, FOLLOWED))
        }
        Work::UNetStep { rows, conditioned } => {
            let [macs, weights_used] = unet_sizes(&unet(task.spec.state_dim(), conditioned), rows);
            (3.0 * batch * macs as f64, weights(weights_used, TRAINED))
        }
        Work::DtStep => (3.0 * batch * sizes.transformer(), weights(sizes.transformer_weights(), TRAINED)),
        Work::Decision => (batch * sizes.decision() as f64, weights(sizes.decision_weights(), USED)),
        // A decision for each lane, and an action for each of its observations.
        Work::Policy => (
            (path.lanes * sizes.decision()) as f64 + batch * sizes.policy() as f64,
            weights(sizes.decision_weights() + sizes.policy(), USED),
        ),
        Work::Encode => (batch * sizes.encoder() as f64, weights(sizes.encoder_weights(), USED)),
        Work::Act => (batch * sizes.policy() as f64, weights(sizes.policy(), USED)),
        Work::Environment => return None,
    };
    Some(Cost { flops: 2.0 * macs, bytes })
}

/// Multiply-adds of a U-Net for one window, and its weights.
fn unet_sizes(settings: &UNetSettings, rows: usize) -> [usize; 2] {
    const TAPS: usize = 5;
    let UNetSettings { channels, dim, condition, .. } = *settings;
    let widths: Vec<usize> = settings.multipliers.iter().map(|factor| factor * dim).collect();
    let last = widths.len() - 1;
    // Weights, and the rows that each is used for.
    let mut layers = vec![(2 * 4 * dim * dim, 1)];
    let mut residual = |input: usize, output: usize, rows: usize| {
        layers.push((TAPS * (input + output) * output, rows));
        layers.push(((dim + condition) * output, 1));
        if input != output {
            layers.push((input * output, rows));
        }
    };
    let mut resampled = Vec::new();
    for (level, &width) in widths.iter().enumerate() {
        let input = if level == 0 { channels } else { widths[level - 1] };
        residual(input, width, rows >> level);
        residual(width, width, rows >> level);
        if level > 0 {
            // A tap of the transposed convolution meets each row of the input once.
            resampled.extend([(3 * input * input, rows >> level), (4 * input * input, rows >> level)]);
            residual(2 * width, input, rows >> level);
            residual(input, input, rows >> level);
        }
    }
    residual(widths[last], widths[last], rows >> last);
    residual(widths[last], widths[last], rows >> last);
    layers.extend(resampled);
    layers.push((TAPS * widths[0] * dim + dim * channels, rows));
    [
        layers.iter().map(|(weights, rows)| weights * rows).sum(),
        layers.iter().map(|(weights, _)| weights).sum(),
    ]
}

/// Multiply-adds of the networks, for one row each. Where a network sees a row once, they are its weights as well.
struct Sizes<'a> {
    settings: &'a Settings,
    task: &'a Benchmark,
}

impl Sizes<'_> {
    /// A sequence through the Decision Transformer: embeddings, blocks with attention among all tokens, and actions. What follows the
    /// attention in the last block is computed for the tokens of states alone.
    fn transformer(&self) -> f64 {
        let dt::Settings { policy, sequence, .. } = transformer(self.task);
        let (d, steps) = (policy.hidden, sequence.context);
        let (tokens, inputs) = (3 * steps, 1 + self.task.spec.state_dim() + self.task.spec.action_dim());
        let seen = policy.blocks * tokens * (3 * d * d + 2 * tokens * d);
        let behind = (tokens * (policy.blocks - 1) + steps) * 9 * d * d;
        (seen + behind + steps * d * (inputs + self.task.spec.action_dim())) as f64
    }

    fn transformer_weights(&self) -> usize {
        transformer(self.task).parameters(&self.task.spec) as usize
    }

    /// From a state to a chosen latent with its value.
    fn decision(&self) -> usize {
        let plan = &self.settings.plan;
        let calls = plan.sampler.steps + plan.sampler.extra_steps;
        let latents = calls * self.denoiser_latent() + 2 * self.q_latent();
        self.decision_states() + plan.candidates * latents
    }

    fn decision_weights(&self) -> usize {
        self.decision_states() + self.denoiser_latent() + 2 * self.q_latent()
    }

    /// The part of a decision that is the same for all candidates.
    fn decision_states(&self) -> usize {
        self.denoiser_state() + 2 * self.q_state() + self.end() + self.v()
    }

    /// Encoder, policy at every step, state decoder and prior, for one window.
    fn vae(&self) -> usize {
        self.encoder() + self.task.horizon * self.policy() + self.state_decoder() + self.prior()
    }

    fn vae_weights(&self) -> usize {
        self.encoder_weights() + self.policy() + self.state_decoder() + self.prior()
    }

    /// One window. The last layer's way back takes a single step: only its output at the last step is used.
    fn encoder(&self) -> usize {
        let layers = self.settings.vae.gru_layers;
        let steps = self.task.horizon;
        let gru: usize = (0..layers)
            .map(|layer| {
                let back = if layer + 1 == layers { 1 } else { steps };
                (steps + back) * self.gru_layer(layer)
            })
            .sum();
        steps * self.embedding() + gru + self.encoder_heads()
    }

    fn encoder_weights(&self) -> usize {
        let gru: usize = (0..self.settings.vae.gru_layers).map(|layer| 2 * self.gru_layer(layer)).sum();
        self.embedding() + gru + self.encoder_heads()
    }

    fn embedding(&self) -> usize {
        let hidden = self.settings.vae.hidden;
        (self.task.spec.state_dim() + hidden) * hidden
    }

    /// One step in one direction.
    fn gru_layer(&self, layer: usize) -> usize {
        let hidden = self.settings.vae.hidden;
        let input = if layer == 0 { hidden + self.task.spec.action_dim() } else { 2 * hidden };
        (input + hidden) * 3 * hidden
    }

    fn encoder_heads(&self) -> usize {
        let hidden = self.settings.vae.hidden;
        2 * (2 * hidden + self.settings.vae.latent) * hidden
    }

    /// Trunk, and one or both heads.
    fn gaussian(&self, input: usize, output: usize, heads: usize) -> usize {
        let hidden = self.settings.vae.hidden;
        (input + hidden) * hidden + heads * (hidden + output) * hidden
    }

    /// All numbers of one action.
    fn policy(&self) -> usize {
        let input = self.task.spec.state_dim() + self.settings.vae.latent;
        (0..self.task.spec.action_dim()).map(|known| self.gaussian(input + known, 1, 2)).sum()
    }

    fn state_decoder(&self) -> usize {
        self.gaussian(self.task.spec.state_dim() + self.settings.vae.latent, self.task.spec.state_dim(), 2)
    }

    /// The state decoder's mean alone.
    fn end(&self) -> usize {
        self.gaussian(self.task.spec.state_dim() + self.settings.vae.latent, self.task.spec.state_dim(), 1)
    }

    fn prior(&self) -> usize {
        self.gaussian(self.task.spec.state_dim(), self.settings.vae.latent, 2)
    }

    /// Widths of the denoiser's blocks in order.
    fn blocks(&self) -> impl Iterator<Item = usize> {
        let widths = &self.settings.diffusion.widths;
        let upward = widths.iter().rev().skip(1);
        widths.iter().chain(upward).chain(&widths[..1]).copied()
    }

    /// What depends on the diffusion step alone.
    fn denoiser_time(&self) -> usize {
        const SINUSOIDS: usize = 128;
        let embedding = self.settings.diffusion.embedding;
        (SINUSOIDS + embedding) * embedding + self.blocks().map(|width| embedding * 2 * width).sum::<usize>()
    }

    /// What depends on the state alone.
    fn denoiser_state(&self) -> usize {
        let embedding = self.settings.diffusion.embedding;
        (self.task.spec.state_dim() + embedding) * embedding
            + self.blocks().map(|width| (embedding + width) * width).sum::<usize>()
    }

    /// What is left for every latent and step.
    fn denoiser_latent(&self) -> usize {
        let widths = &self.settings.diffusion.widths;
        let ends = 2 * self.settings.vae.latent * widths[0];
        let ways: usize = widths.windows(2).map(|pair| 2 * pair[0] * pair[1]).sum();
        ends + ways + self.blocks().map(|width| 2 * width * width).sum::<usize>()
    }

    /// One Q network: the state tower and its half of the joint layer.
    fn q_state(&self) -> usize {
        let critic = &self.settings.critic;
        let (wide, narrow) = (critic.state_hidden, critic.latent_hidden);
        (self.task.spec.state_dim() + wide + narrow) * wide
    }

    /// One Q network: the latent tower and the layers after it.
    fn q_latent(&self) -> usize {
        let critic = &self.settings.critic;
        let (narrow, last) = (critic.latent_hidden, critic.last_hidden);
        (self.settings.vae.latent + narrow + narrow + last) * narrow + last
    }

    fn v(&self) -> usize {
        let critic = &self.settings.critic;
        self.q_state() + critic.latent_hidden * critic.last_hidden + critic.last_hidden
    }
}

#[cfg(test)]
mod tests {
    use diar_core::benchmark::MAZE2D;
    use diar_core::settings::Preset;

    use super::*;
    use crate::bench::path::{critic, hot_paths};

    fn paper(work: Work) -> HotPath {
        HotPath::training(work, Settings::preset(Preset::Paper, &MAZE2D[0].basis()))
    }

    fn flops(path: &HotPath) -> f64 {
        cost(path, &MAZE2D[0]).unwrap().flops
    }

    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 0.01, "{found:e}, expected {expected:e}");
    }

    /// Totals counted from the ancestor's PyTorch networks.
    #[test]
    fn training_steps_are_the_known_totals() {
        let mut vae = paper(Work::VaeStep);
        vae.settings.vae.train.batch = 1;
        // The ancestor lets the last layer's way back go over all 30 steps: 29 more than are used.
        let wasted = 29.0 * 768.0 * 768.0;
        near(flops(&vae) + 6.0 * wasted, 868e6);
        vae.settings.vae.gru_layers = 2;
        near(flops(&vae) + 6.0 * wasted, 443e6);

        let mut denoiser = paper(Work::DenoiserStep);
        denoiser.settings.diffusion.train.batch = 1;
        near(flops(&denoiser), 4.25e6);

        for (n, expected) in [(1, 0.39e9), (10, 0.57e9), (100, 2.4e9), (500, 10.3e9)] {
            let mut critic = HotPath::training(Work::CriticStep, critic(&MAZE2D[0]));
            critic.settings.critic.latents = n;
            let found = flops(&critic);
            assert!((found / expected - 1.0).abs() < 0.02, "{n}: {found:e}, expected {expected:e}");
        }
    }

    #[test]
    fn a_decision_is_the_known_total() {
        let plan = Settings::preset(Preset::Paper, &MAZE2D[0].basis()).plan;
        let path =
            |n| HotPath::decision(Settings::preset(Preset::Paper, &MAZE2D[0].basis()), n, plan.sampler);
        // 500 latents, 505 steps, factored; ranking adds 78 MF.
        near(flops(&path(500)), 59e9 + 0.078e9);
        // Two more latents cost two times 118 MF and their Q.
        near(flops(&path(502)) - flops(&path(500)), 2.0 * (118e6 + 0.16e6));
    }

    /// The known totals of a forward pass over six numbers, 73.0 MFLOP at 128 rows and linear in them, and of parameters.
    #[test]
    fn a_unet_is_the_known_total() {
        let [macs, weights] = unet_sizes(&unet(6, false), 128);
        near(2.0 * macs as f64, 73.0e6);
        near(weights as f64, 997_574.0);
        let [longer, _] = unet_sizes(&unet(6, false), 384);
        near(2.0 * longer as f64, 3.0 * 73.0e6);
        let [conditioned, _] = unet_sizes(&unet(4, true), 64);
        near(2.0 * conditioned as f64, 36.6e6);
    }

    /// Weights, counted without biases and norms, against the number of parameters that the networks have.
    #[test]
    fn weights_are_nearly_all_parameters() {
        for (work, parameters) in [(Work::VaeStep, 5.50e6), (Work::DenoiserStep, 715_776.0)] {
            let weights = cost(&paper(work), &MAZE2D[0]).unwrap().bytes / TRAINED;
            assert!((0.98..1.0).contains(&(weights / parameters)), "{work:?}: {weights}");
        }
    }

    #[test]
    fn everything_but_the_environment_is_counted() {
        for path in hot_paths(&MAZE2D[0]) {
            assert_eq!(cost(&path, &MAZE2D[0]).is_none(), path.work == Work::Environment, "{}", path.name());
        }
    }
}
