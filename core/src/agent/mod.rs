//! Acting: sample, rank, predict, compare, follow (Alg. 2).

pub mod acceptance;
mod digest;
mod fused;
mod imagine;
mod model;
mod planner;
mod policy;
pub mod probe;
mod reflex;
mod rollout;
mod run;
mod scenario;
mod trace;
mod trail;

pub use model::{Agent, AgentError};
pub use planner::Planner;
pub(crate) use planner::argmax;
pub use policy::{Advance, LaneAction, LaneEvent, Observed, Policy};
pub use reflex::{Actor, Reflex};
pub(crate) use rollout::ACTION_PARTS;
pub use rollout::{Begin, Episode, Progress, Rollout, RolloutOptions, shareable};
pub use run::{ActingSettings, OwnSettings, RunSpec};
pub use scenario::{Intervention, InterventionKind, Scenario};
pub use trace::{Candidates, Choice, Decision, Event, Outcome, Phase, Step, Trace};
pub use trail::Trail;
