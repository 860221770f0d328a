//! Decision Diffuser: states by diffusion given a return, actions by inverse dynamics (Ajay et al., ICLR 2023, arXiv 2211.15657).
//!
//! ```text
//! L = ½ E‖(ε - ε̂(x_i, i, y)) rows 1 … H-1‖² + ½ E‖a - f(s, s')‖²        y left out with probability 0.25
//! ε = ε_∅ + w (ε_y - ε_∅),  x̂ = (x - √(1 - ᾱ_i) ε) / √ᾱ_i,  clipped to [-1, 1]
//! y = (Σ_{k<T} γ^k r_{t+k} - least) / (largest - least)
//! a = f(s now, s planned next)
//! ```
//!
//! Trajectories are states alone, scaled to [-1, 1], with the cosine schedule. The first row is the state now, to the bit, and
//! has no loss. The return goes through a network of two hidden layers, whose output is multiplied with 0 where it is left out,
//! and stands beside the code of the diffusion step. Both passes of the guidance are one batch of twice the size. Noise of
//! sampling is multiplied with 0.5 (`act.temperature`). Network and inverse dynamics learn with one optimiser, and their average
//! acts. `paper` has the sizes of the authors' code and 2 000 000 steps; no score on Maze2D was ever published.
//!
//! Deviations:
//! - Returns are sums over the recorded stream ([`crate::data::earned`]), scaled so that `condition.returns` become 0 and 1: the least
//!   and the largest at the first rows of windows by default. The authors divide by a number for each task. Targets lie in [0, 1]: what lies
//!   beyond was never seen.
//! - States are scaled by their limits, not by their distribution.
//! - Pairs for the inverse dynamics are drawn by themselves, not from the windows, and never at stale rows of Maze2D's stream:
//!   where a timeout cut it, a state was recorded twice, so that two of its steps have no action that fits.
//! - `cpu` has a U-Net of 1 million parameters instead of 60, samples in 10 deterministic steps, and plans every 4 steps with
//!   the inverse dynamics between.

#[cfg(feature = "train")]
mod learner;
mod network;
mod policy;
mod settings;

#[cfg(feature = "train")]
pub use learner::DecisionDiffuser;
pub use network::Network;
pub use policy::Actor;
pub use settings::{ActSettings, ConditionSettings, InverseSettings, Settings, TrajectorySettings};

#[cfg(test)]
mod tests;
