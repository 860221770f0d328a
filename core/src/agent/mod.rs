//! Acting: sample, rank, predict, compare, follow (Alg. 2).

mod evaluate;
mod model;
mod planner;
mod rollout;
mod trace;

pub use evaluate::{EpisodeResult, Estimate, Evaluation, evaluate, paired_difference};
pub use model::{Agent, AgentError};
pub use planner::{Advance, LaneAction, LaneEvent, Planner};
pub use rollout::{Episode, Rollout, RolloutOptions};
pub use trace::{Decision, Event, Outcome, Phase, Step, Trace};
