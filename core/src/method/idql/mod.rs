//! IDQL: IQL's critic with a diffusion model of actions (Hansen-Estruch et al., 2023, arXiv 2304.10573).
//!
//! ```text
//! β_t = 1 - exp(-0.1 / T - 9.9 (2t - 1) / (2 T²)),  α_t = 1 - β_t,  ᾱ_t = α_1 … α_t
//! L   = E[Σ (ε - ε̂(√ᾱ_t a + √(1 - ᾱ_t) ε, s, t))²]
//! x   ← (x - β_t / √(1 - ᾱ_t) ε̂) / √α_t + √β_t z,  then clipped to [-1, 1],  t = T … 1,  z = 0 at the last
//! ```
//!
//! Q and V learn first, as in IQL ([`super::iql`]). The actor imitates the data, all actions alike; it acts by the best of
//! `act.candidates` samples by min(Q̂0, Q̂1). Its network is the published residual one with layer norms
//! (`LN_Resnet`), whose average over the updates acts.
//!
//! Deviations: `cpu` has the published form at half the width with two blocks instead of three (282 thousand parameters
//! instead of 1.6 million), and its samples come to 4 % of the published number; `paper` is the paper's.

#[cfg(feature = "train")]
mod learner;
mod network;
mod policy;
mod schedule;
mod settings;

#[cfg(feature = "train")]
pub use learner::Idql;
pub use network::{Acting, NoiseNet};
pub use policy::Actor;
pub use schedule::Preserving;
pub use settings::{ActSettings, PolicySettings, Settings};

#[cfg(test)]
mod tests;
