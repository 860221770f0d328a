//! Baselines that learn nothing, in the same episodes as the methods.

use std::ops::Range;

use crate::simulators;
use diar_core::agent::{Actor, AgentError, Episode, Progress, Reflex, Rollout, RolloutOptions, Scenario};
use diar_core::baseline::{AntController, MazeController, Random};
use diar_core::benchmark::{Benchmark, Family};
use diar_core::score::EpisodeResult;
use diar_core::spec::TaskSpec;

use crate::antmaze;

/// Episodes of a baseline, in lockstep; their starts take turns.
///
/// # Errors
/// When the task has no simulator here, or it fails.
fn play<A: Actor>(
    task: &TaskSpec,
    seed: u64,
    episodes: Range<u64>,
    actor: impl FnOnce(&[Episode]) -> A,
) -> Result<Vec<EpisodeResult>, AgentError> {
    let episodes: Vec<Episode> = episodes.map(|index| Episode::stratified(seed, index)).collect();
    let options = RolloutOptions { record: false, stop_at_goal: false, shareable: false };
    let actor = actor(&episodes);
    let policy = |begun: &[Progress]| {
        let starts =
            episodes.iter().zip(begun).map(|(episode, begun)| (episode.key(), begun.state.as_slice()));
        Reflex::new(actor, task.state_dim(), starts)
    };
    let mut rollout = Rollout::of(simulators::open(task)?, &episodes, options, &Scenario::default(), policy)?;
    pollster::block_on(rollout.finish())
}

/// Uniformly random actions.
///
/// # Errors
/// When the task has no simulator here, or it fails.
pub fn random(task: &TaskSpec, seed: u64, episodes: Range<u64>) -> Result<Vec<EpisodeResult>, AgentError> {
    play(task, seed, episodes, |episodes| Random::new(episodes, task.action_dim()))
}

/// The controller that collected the data, without its noise; it plans anew for each episode.
///
/// # Errors
/// When the task has no simulator here, or it fails.
pub fn controller(
    task: &Benchmark,
    seed: u64,
    episodes: Range<u64>,
) -> Result<Vec<EpisodeResult>, AgentError> {
    match task.family {
        Family::Maze2d(maze) => {
            play(&task.spec, seed, episodes, |episodes| MazeController::new(episodes, maze.layout()))
        }
        Family::AntMaze(maze, _) => {
            let walker = antmaze::walker()?;
            play(&task.spec, seed, episodes, |episodes| AntController::new(episodes, maze, walker))
        }
    }
}
