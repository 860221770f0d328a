//! Baselines in the same episodes as the method.

use std::ops::Range;

use crate::simulators;
use diar_core::agent::{AgentError, Episode, Progress as Begun, Rollout, RolloutOptions, Scenario};
use diar_core::baseline::{Actor, AntController, Cloning, Imitator, MazeController, Random, Reflex};
use diar_core::benchmark::{Benchmark, Family};
use diar_core::data::Transitions;
use diar_core::learn::LearnError;
use diar_core::score::EpisodeResult;
use diar_core::settings::{Schedule, Settings, TrainSettings};
use diar_core::spec::{Space, TaskSpec};

use crate::antmaze;
use crate::run::progress::Progress;

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
    let policy = |begun: &[Begun]| Ok(Reflex::new(actor, begun));
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

/// How behaviour cloning is trained: a network as wide as the policy decoder, as many rows as a VAE of that preset sees.
#[must_use]
pub fn cloning(
    settings: &Settings,
    data: &Transitions,
    actions: &Space,
    device: &burn::tensor::Device,
) -> Cloning {
    let train =
        TrainSettings { rate: 1e-3, schedule: Schedule::Cosine, batch: 256, steps: 20_000, clip: Some(1.0) };
    Cloning::new(settings.seed, settings.vae.hidden, settings.vae.sigma_floor, train, data, actions, device)
}

/// Trains a clone to its end.
///
/// # Errors
/// When the loss is not finite or the device fails.
pub fn train(cloning: &mut Cloning, data: &Transitions) -> Result<(), LearnError> {
    const READ_EVERY: usize = 500;
    let mut progress = Progress::new();
    progress.begin("cloning", 0, cloning.steps());
    while cloning.position() < cloning.steps() {
        let loss = cloning.step(data, READ_EVERY)?;
        progress.update(cloning.position(), loss.map(|loss| format!("loss {loss:.4}")).as_deref());
    }
    progress.end();
    Ok(())
}

/// Episodes of a trained clone.
///
/// # Errors
/// When the task has no simulator here, or the device fails.
pub fn cloned(
    cloning: &Cloning,
    task: &TaskSpec,
    seed: u64,
    episodes: Range<u64>,
) -> Result<Vec<EpisodeResult>, AgentError> {
    play(task, seed, episodes, |episodes| Imitator::new(cloning, episodes))
}
