//! The loss of stage 1 (Eq. 1, Alg. 3 lines 6-8), scaled as the ancestor's code scales it.

use burn::tensor::Tensor;

use super::Vae;
use crate::settings::VaeSettings;

/// The parts of the loss, each `[1]`, and the latents they were computed with.
pub struct VaeLoss {
    /// `-log π` per action, averaged over batch and time (L1 / H).
    pub action: Tensor<1>,
    /// `KL(q ‖ p)` per window, divided by H (L2 / H).
    pub divergence: Tensor<1>,
    /// `-log f(s_end)` per window, divided by H (L3 / H).
    pub state: Tensor<1>,
    /// `action + β · divergence + state`.
    pub total: Tensor<1>,
    /// The sampled latents z, `[batch, latent]`.
    pub latents: Tensor<2>,
}

/// The loss of a batch of windows, `[batch, horizon, state]` and `[batch, horizon, action]`.
///
/// `noise` is standard normal, `[batch, latent]`. The state decoder sees z detached: it learns to read latents and
/// does not shape them. Its target is the last state of the window, `s_{H-1}`.
pub fn vae_loss(
    vae: &Vae,
    states: Tensor<3>,
    actions: Tensor<3>,
    noise: Tensor<2>,
    settings: &VaeSettings,
) -> VaeLoss {
    let [batch, horizon, state_dim] = states.dims();
    let [_, _, action_dim] = actions.dims();
    let posterior = vae.encode(states.clone(), actions.clone());
    let latents = posterior.sample(noise);
    let [_, latent] = latents.dims();

    let rows = batch * horizon;
    let repeated = latents.clone().unsqueeze_dim::<3>(1).expand([batch, horizon, latent]);
    let action = vae
        .decoder
        .policy
        .log_density(
            states.clone().reshape([rows, state_dim]),
            actions.reshape([rows, action_dim]),
            repeated.reshape([rows, latent]),
            settings.action_likelihood,
        )
        .mean()
        .neg();

    let first = states.clone().narrow(1, 0, 1).squeeze_dim::<2>(1);
    let last = states.narrow(1, horizon - 1, 1).squeeze_dim::<2>(1);
    let prior = vae.prior.forward(first.clone());
    let divergence = posterior.divergence(&prior).mean().div_scalar(horizon as f64);

    let state = vae
        .decoder
        .state
        .forward(Tensor::cat(vec![first, latents.clone().detach()], 1))
        .log_density(last)
        .mean()
        .div_scalar(-(horizon as f64));

    let total = action.clone() + divergence.clone().mul_scalar(settings.beta) + state.clone();
    VaeLoss { action, divergence, state, total, latents }
}
