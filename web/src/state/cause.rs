//! Changes that reach beyond one part of the state.

use super::Command;

/// A change that makes work under way pointless, wherever that work is. A new cause does not compile before every part
/// says what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Other weights are loaded, perhaps of another maze.
    Weights,
    /// Another worker decides with the same weights: on another device, or started again.
    Device,
    /// The worker failed, and none takes its place: it answers nothing any more.
    Failure,
    /// The plan was made in another maze than that of the weights, and is about to be played in theirs.
    Task,
    /// Q and V are other ones: trained here, or the shipped ones again.
    Critic,
    /// Goal or walls were moved.
    World,
    /// The run begins anew, with the same plan or with another one in the same world.
    Run,
    /// A link was opened.
    Link,
}

#[cfg(test)]
impl Cause {
    /// Every cause.
    pub(crate) const ALL: [Self; 8] = [
        Self::Weights,
        Self::Device,
        Self::Failure,
        Self::Task,
        Self::Critic,
        Self::World,
        Self::Run,
        Self::Link,
    ];
}

/// A part of the state, which owns its fields: no other part changes them.
pub(super) trait Part {
    /// Gives up what a change has made pointless. Implementations name every cause, without a wildcard.
    fn reset(&mut self, cause: Cause, commands: &mut Vec<Command>);
}
