//! Behaviour cloning: a network `π(a | s)` of the policy decoder's form imitates the data.
//!
//! `L = E[-log π(a | s)]` over recorded steps. Actions are sampled from π, as the policy decoder's are: the mean of a policy
//! that was recorded in both directions stands still between them. Nothing is published for this network; it shows what
//! imitation alone is worth on our data.

#[cfg(feature = "train")]
mod learner;
mod policy;
mod settings;

#[cfg(feature = "train")]
pub use learner::Cloning;
pub use policy::Imitator;
pub use settings::{ActSettings, PolicySettings, Settings};

/// Name that the parameters begin with.
const POLICY: &str = "policy";
