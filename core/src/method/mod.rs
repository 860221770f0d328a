//! Methods beside DIAR: each folder has its settings, networks, training and acting, and a page of formulas and deviations.
//!
//! DIAR and LDCQ share one implementation, which the modules below this one are: [`crate::learn`] trains it and
//! [`crate::agent::Planner`] acts. The methods here act step by step, on the observation or on plans that they keep to
//! themselves: each has a [`Recipe`], whose settings say what it learns, an [`crate::agent::Actor`], and (feature `train`) a
//! [`Course`], which [`Lessons`] takes from step to step. [`Agent`] and [`MethodSettings`] are the closed list of all of them.

mod agent;
pub mod bc;
pub mod dd;
pub mod diffuser;
pub mod dt;
#[cfg(test)]
#[cfg(feature = "train")]
mod golden;
pub mod idql;
pub mod iql;
mod recipe;
mod settings;
#[cfg(test)]
#[cfg(feature = "train")]
mod toy;
#[cfg(feature = "train")]
mod training;
mod trajectory;

use agent::numbers;
pub use agent::{Agent, AgentBundle, AnyPolicy, Loaded};
pub use recipe::{AgentInfo, Recipe, RowSettings, Seen, Tested};
pub use settings::MethodSettings;
#[cfg(feature = "train")]
pub use training::{Classroom, Course, Lessons, learner};
pub use trajectory::NetSettings;
