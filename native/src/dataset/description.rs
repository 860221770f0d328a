//! All that is known about a data set before anything is learned from it.

use diar_core::data::Transitions;
use serde::Serialize;

use super::Origin;
use super::summary::Summary;

/// A data set by its source and its numbers: enough to describe the task that it was recorded in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// A name for the task: the data set's own id, or the name of its file or folder.
    pub name: String,
    /// Where it comes from, and the rules that it was read by.
    #[serde(flatten)]
    pub origin: Origin,
    /// Its numbers.
    #[serde(flatten)]
    pub summary: Summary,
}

impl Description {
    /// Counts the numbers of a data set.
    #[must_use]
    pub fn of(name: impl Into<String>, origin: Origin, data: &Transitions) -> Self {
        Self { name: name.into(), origin, summary: Summary::of(data) }
    }
}
