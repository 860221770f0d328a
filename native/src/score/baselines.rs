//! Policies to hold the method against, in the same episodes.

use std::ops::Range;

use diar_core::agent::Episode;
use diar_core::baseline::Cloning;
use diar_core::data::Transitions;
use diar_core::env::MazeEnv;
use diar_core::learn::LearnError;
use diar_core::maze::Controller;
use diar_core::rng::Stream;
use diar_core::score::EpisodeResult;
use diar_core::settings::{Schedule, Settings, TrainSettings};
use diar_core::task::Task;

use crate::run::progress::Progress;

/// An episode's environment and its own random numbers.
struct Lane {
    env: MazeEnv,
    stream: Stream,
}

impl Lane {
    fn new(task: &'static Task, seed: u64, index: u64) -> Self {
        let episode = Episode::stratified(task, seed, index);
        Self { env: episode.env(task, task.maze.layout()), stream: episode.key().named("baseline").stream() }
    }

    fn result(&self) -> EpisodeResult {
        EpisodeResult {
            first_contact: self.env.first_contact(),
            native: self.env.native_return(),
            decisions: 0,
            revaluations: 0,
            steps: self.env.steps(),
        }
    }
}

/// Uniformly random actions.
#[must_use]
pub fn random(task: &'static Task, seed: u64, episodes: Range<u64>) -> Vec<EpisodeResult> {
    let play = |index| {
        let mut lane = Lane::new(task, seed, index);
        while !lane.env.over() {
            let action = [(); 2].map(|()| lane.stream.range(-1.0, 1.0) as f32);
            lane.env.step(action);
        }
        lane.result()
    };
    episodes.map(play).collect()
}

/// The controller that collected the data, without its noise; it plans anew for each episode.
#[must_use]
pub fn controller(task: &'static Task, seed: u64, episodes: Range<u64>) -> Vec<EpisodeResult> {
    let layout = task.maze.layout();
    let play = |index| {
        let mut lane = Lane::new(task, seed, index);
        let mut controller = Controller::new(layout);
        while !lane.env.over() {
            let command = controller.act(lane.env.state(), layout.goal_position(), &mut lane.stream);
            lane.env.step(command.action.map(|number| number as f32));
        }
        lane.result()
    };
    episodes.map(play).collect()
}

/// How behaviour cloning is trained: a network as wide as the policy decoder, as many rows as a VAE of that preset sees.
#[must_use]
pub fn cloning(settings: &Settings, data: &Transitions, device: &burn::tensor::Device) -> Cloning {
    let train =
        TrainSettings { rate: 1e-3, schedule: Schedule::Cosine, batch: 256, steps: 20_000, clip: Some(1.0) };
    Cloning::new(settings.seed, settings.vae.hidden, settings.vae.sigma_floor, train, data, device)
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

/// Episodes of a trained clone, in lockstep. Its actions are sampled, as the policy decoder's are.
///
/// # Errors
/// When the device fails.
pub fn cloned(
    cloning: &Cloning,
    task: &'static Task,
    seed: u64,
    episodes: Range<u64>,
) -> Result<Vec<EpisodeResult>, LearnError> {
    let mut lanes: Vec<Lane> = episodes.map(|index| Lane::new(task, seed, index)).collect();
    for _ in 0..task.max_steps {
        let states = lanes.iter().flat_map(|lane| lane.env.state().map(|x| x as f32)).collect();
        let noise = lanes
            .iter_mut()
            .flat_map(|lane| (0..task.action_dim).map(|_| lane.stream.normal() as f32).collect::<Vec<_>>())
            .collect();
        let actions = cloning.act(states, noise)?;
        for (lane, action) in lanes.iter_mut().zip(actions.chunks_exact(task.action_dim)) {
            lane.env.step([action[0], action[1]]);
        }
    }
    Ok(lanes.iter().map(Lane::result).collect())
}
