//! Losses and targets of Q and V.

use burn::tensor::Tensor;

use crate::settings::BootstrapDiscount;

/// Mean of `|τ - 1(u < 0)|·u²` with `u = q - v` (Eq. 5 and 6), `[1]`.
///
/// `q` is `[states, candidates]`, `v` is `[states]`: every candidate counts on its own.
pub fn expectile_loss(q: Tensor<2>, v: Tensor<1>, expectile: f64) -> Tensor<1> {
    let u = q - v.unsqueeze_dim::<2>(1);
    let below = u.clone().lower_scalar(0.0).float();
    // |τ - 1(u < 0)| is τ above and 1 - τ below.
    let weight = below.mul_scalar(1.0 - 2.0 * expectile).add_scalar(expectile);
    (weight * u.square()).mean()
}

/// Terms of the factor by which the value of a window's end counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapTerms {
    /// γ.
    pub discount: f64,
    /// γ or γ^H.
    pub kind: BootstrapDiscount,
    /// H.
    pub horizon: usize,
}

/// The factor g of `V(s_end)` for a window (Eq. 7); 0 for a `terminal` one, which ends an episode or counts as its end.
pub fn bootstrap_factor(terms: BootstrapTerms, terminal: bool) -> f32 {
    if terminal {
        return 0.0;
    }
    match terms.kind {
        BootstrapDiscount::Gamma => terms.discount as f32,
        BootstrapDiscount::GammaPowH => libm::pow(terms.discount, terms.horizon as f64) as f32,
    }
}

/// `R + g·V(s_end)` (Eq. 7), all `[batch]`.
pub fn td_targets(rewards: Tensor<1>, factors: Tensor<1>, values: Tensor<1>) -> Tensor<1> {
    rewards + factors * values
}

/// The LDCQ baseline's targets for one network (Eq. 3): `R + g·min(Q̂0, Q̂1)(s_end, z')` with z' the candidate that
/// the *other* network likes best.
///
/// `own` and `other` are the two target networks' values, `[batch, candidates]`.
pub fn ldcq_targets(rewards: Tensor<1>, factors: Tensor<1>, own: Tensor<2>, other: Tensor<2>) -> Tensor<1> {
    let best = other.clone().argmax(1);
    let value = own.min_pair(other).gather(1, best).squeeze_dim::<1>(1);
    rewards + factors * value
}

/// Mean of `w·(y - q)²`, `[1]`: the weights apply sample by sample, all `[batch]`.
pub fn importance_weighted(weights: Tensor<1>, targets: Tensor<1>, q: Tensor<1>) -> Tensor<1> {
    (weights * (targets - q).square()).mean()
}
