//! Implicit Q-learning (Kostrikov, Nair and Levine, 2021, arXiv 2110.06169).
//!
//! ```text
//! u   = min(Q̂0, Q̂1)(s, a) - V(s)
//! L_V = E[|τ - 1(u < 0)| u²]                                   Eq. 5
//! L_Q = E[(r + γ (1 - d) V(s') - Q_i(s, a))²],  i = 0, 1       Eq. 6
//! L_π = E[-min(exp(β u), 100) log π(a | s)]                    Eq. 7
//! Q̂_i ← (1 - ρ) Q̂_i + ρ Q_i
//! ```
//!
//! All three losses of a step are taken with the networks as the step found them, as in CORL (whose Maze2D figures are the
//! ones to hold ours against); the original updates V first. The policy is a Gaussian whose mean goes through tanh and whose
//! deviation is one free number per action dimension; it acts by its mean.
//!
//! Deviations: `policy.likelihood = "censored"` (Tobit) counts an action at a bound for all that lies beyond it, since a
//! controller's actions are cut there; a plain Gaussian is `gaussian`, which `paper` has.

#[cfg(feature = "train")]
mod learner;
mod networks;
mod policy;
mod settings;

#[cfg(feature = "train")]
pub use learner::Iql;
#[cfg(feature = "train")]
pub(super) use learner::{Critic, Lesson};
pub use networks::{ActionPolicy, ActionValues};
pub use policy::Actor;
pub(super) use settings::check_widths;
pub use settings::{CriticSettings, PolicySettings, Settings};

#[cfg(test)]
#[cfg(feature = "train")]
mod tests;
