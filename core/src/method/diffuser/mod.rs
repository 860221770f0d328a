//! Diffuser: trajectories by diffusion, with their ends given (Janner et al., ICML 2022, arXiv 2205.09991; figures and Maze2D's
//! settings are those of the authors' branch `maze2d`).
//!
//! ```text
//! row  = (a, s), or s alone, scaled to [-1, 1] by the limits of the data
//! β_i  = min(1 - f(i+1) / f(i), 0.999),  f(i) = cos²((i/T + s) / (1 + s) · π/2),  s = 0.008
//! L    = mean (x̂(√ᾱ_i x + √(1 - ᾱ_i) ε, i) - x)²
//! x    ← β_i √ᾱ_{i-1} / (1 - ᾱ_i) x̂ + (1 - ᾱ_{i-1}) √α_i / (1 - ᾱ_i) x + √(β_i (1 - ᾱ_{i-1}) / (1 - ᾱ_i)) z,  i = T-1 … 0
//! a_t  = k_p (x_{t+1} - x) + k_d (v_{t+1} - v)
//! ```
//!
//! The network ([`crate::nn::temporal`]) predicts the clean trajectory, which is clipped to [-1, 1]. The states of the first and
//! the last row are given: in training they are the window's own, in the noisy input and in the output, so that they have no
//! loss; in sampling they are the state now and the goal at rest, at the start and after every update. An average of the
//! network over its updates acts.
//!
//! Windows are cut where a row leaves the goal ([`crate::spec::RewardKind::reaches`]) and where an episode ends; where no reward
//! marks a goal, only there. They run across the stale rows of Maze2D's stream, as published: those repeat a state.
//!
//! Four ways of acting (`act.follow`), which must not be mixed up: `published` follows one plan by position and velocity, with
//! the gains 1 and 1, and parks at its last row; `actions` takes the plan's own actions, and none after its end; `unparked`
//! follows and lets go at the end; `replan` follows and makes a new plan every `act.replan_every` steps, which each time
//! takes the whole horizon again. All are told the goal. A plan takes H steps however near the goal is, so that H decides much
//! of the score.
//!
//! Deviations of `cpu` and `quick`: every 4th row, states only, with cubic Hermite splines of positions and velocities between
//! rows; narrower levels; a cosine rate and 25 000 to 60 000 steps of batch 32, which are 1 to 2 % of the published samples.
//! `paper` draws 64 windows at once where the authors add the gradients of two batches of 32. Guidance by a learned return is
//! not there: tasks without a state to end in, such as AntMaze's, are refused.

mod follower;
#[cfg(feature = "train")]
mod learner;
mod policy;
mod settings;

#[cfg(feature = "train")]
pub use learner::Diffuser;
pub use policy::Actor;
pub use settings::{ActSettings, Follow, Settings, TrajectorySettings};

#[cfg(test)]
mod tests;
