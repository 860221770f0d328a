//! Decision Transformer: actions from the return that is still wanted (Chen et al., 2021, arXiv 2106.01345).
//!
//! ```text
//! R_t  = Σ_{k≥t} r_k / scale, to the end of the sequence
//! x    = dropout(LN([W_R R_t, W_s s_t, W_a a_t] + e_t)),  t the step within its sequence; three tokens for each of K steps
//! x    ← x + dropout(attention(LN(x))),  x ← x + dropout(W₂ GELU(W₁ LN(x))),  block by block; a token sees itself and earlier ones
//! â_t  = tanh(W LN(x)) at the token of s_t
//! L    = mean over steps and numbers of (â_t - a_t)²
//! ```
//!
//! Acting begins with R at a target, `act.target_return`, and takes what is earned from it: `R ← R - r / scale`. The network sees the
//! last K steps of the episode.
//!
//! The network, its first values (normal of deviation 0.02; queries, keys and values uniform in ±√(6 / 4d)), its dropout (also of the
//! attention's weights) and `paper`'s settings are those of CORL, whose `AdamW` has decay on all parameters and a linear warm-up.
//!
//! Where sequences end is `sequence.cut`. `segments` is the paper's and CORL's: at each timeout or terminal. In Maze2D a timeout marks
//! that the data's controller has reached its goal, so segments are shorter than episodes, and none earns what the published targets
//! of 140 and 280 ask for. `blocks` (`cpu` on Maze2D) cuts the recorded walk into as many rows as an episode has: returns are those of
//! whole episodes, and every step of an episode has an embedding that was trained.
//!
//! Deviations: the mean of the loss is over steps that are there (CORL counts padding as zeros); steps beyond the longest sequence of
//! training act with the last trained embedding instead of one as it was drawn; without `act.target_return` the target is the largest
//! return of a whole sequence of training. A target that no sequence of training had is refused unless `act.extrapolate` is set, as in
//! `paper`, whose targets for Maze2D are such.

#[cfg(feature = "train")]
mod learner;
mod network;
mod policy;
#[cfg(feature = "train")]
mod sequences;
mod settings;

#[cfg(feature = "train")]
pub use learner::Dt;
pub use network::{BlockMasks, Context, Masks, Transformer};
pub use policy::Actor;
pub use settings::{ActSettings, Cut, PolicySettings, SequenceSettings, Settings};

#[cfg(test)]
#[cfg(feature = "train")]
mod tests;
