//! Training of Decision Diffuser: noise and inverse dynamics in one step.

use burn::tensor::Tensor;

use super::{Network, Settings};
use crate::data::{Transitions, Windows, earned};
use crate::diffusion::CosineSchedule;
use crate::diffusion::inpaint::Known;
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::trajectory::{Noised, draw, gather};
use crate::method::{Classroom, Course};
use crate::nn::train::Averaged;
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::{Key, Stream};
use crate::settings::TrainSettings;

/// Decision Diffuser under training.
pub struct DecisionDiffuser {
    key: Key,
    settings: Settings,
    windows: Windows,
    /// y of each row, `[rows]`; from 0 to 1 where a window begins.
    returns: Vec<f32>,
    schedule: CosineSchedule,
    net: Averaged<Network>,
}

/// Returns that become 0 and 1: these, or else the least and the largest.
pub(super) fn ends(returns: impl Iterator<Item = f32>, chosen: Option<[f64; 2]>) -> [f32; 2] {
    if let Some(chosen) = chosen {
        return chosen.map(|end| end as f32);
    }
    let all = [f32::INFINITY, f32::NEG_INFINITY];
    returns.fold(all, |[least, largest], found| [least.min(found), largest.max(found)])
}

/// A return between its ends, from 0 to 1; where all are alike, none of them is more than another.
pub(super) fn scaled(found: f32, [least, largest]: [f32; 2]) -> f32 {
    (found - least) / if largest > least { largest - least } else { 1.0 }
}

/// True where the action of a row led from its state to the next row's, as far as they were recorded: neither where a timeout or
/// an episode's end cut the walk, nor, where a walk goes on, behind a timeout, whose row repeats a state.
pub(super) fn is_pair(data: &Transitions, row: usize) -> bool {
    let stale = row > 0 && data.continuous && data.timeouts[row - 1];
    row + 1 < data.len() && !data.breaks_after(row) && !data.timeouts[row] && !stale
}

/// Pairs tried for each one wanted, before those that fit no action are taken too: data of nothing else must end.
const MOST_TRIES: usize = 100;

impl DecisionDiffuser {
    /// Mean squared error of the inverse dynamics on pairs drawn at random, `[1]`.
    fn inverse_loss(&self, room: &Classroom, stream: &mut Stream) -> Tensor<1> {
        let data = room.steps.transitions();
        let batch = self.settings.inverse.batch;
        let (mut from, mut to, mut actions) = (Vec::new(), Vec::new(), Vec::new());
        let mut tries = batch * MOST_TRIES;
        while actions.len() < batch * data.action_dim {
            let row = stream.below(data.len().saturating_sub(1).max(1));
            tries = tries.saturating_sub(1);
            if tries > 0 && !is_pair(data, row) {
                continue;
            }
            from.extend_from_slice(data.state(row));
            to.extend_from_slice(data.state((row + 1).min(data.len() - 1)));
            actions.extend_from_slice(data.action(row));
        }
        room.state_norm.apply(&mut from);
        room.state_norm.apply(&mut to);
        room.task.action.shrink(&mut actions);
        let device = room.device.clone().autodiff();
        let [from, to]: [Tensor<2>; 2] =
            [from, to].map(|states| tensor(states, [batch, data.state_dim], &device));
        let actions: Tensor<2> = tensor(actions, [batch, data.action_dim], &device);
        (self.net.trained.net().actions(from, to) - actions).square().mean()
    }
}

impl Course for DecisionDiffuser {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Policy];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        let data = room.steps.shared();
        let condition = &settings.condition;
        let returns = earned(&data, condition.discount, room.task.max_steps);
        let windows = Windows::new(data, settings.trajectory.horizon, 1)?;
        let seen = (0..windows.len()).map(|window| returns[windows.start(window)]);
        let ends = ends(seen, condition.returns);
        let net = settings.network(&room.task, &room.device.clone().autodiff());
        Ok(Self {
            key: Key::new(settings.seed).named("dd"),
            returns: returns.into_iter().map(|found| scaled(found, ends)).collect(),
            windows,
            schedule: CosineSchedule::new(settings.policy.diffusion_steps),
            net: Averaged::new(net),
            settings: settings.clone(),
        })
    }

    fn total(settings: &Settings, _: Stage) -> usize {
        settings.policy.train.steps
    }

    fn step(
        &mut self,
        room: &Classroom,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let TrainSettings { rate, schedule, batch, steps, clip } = self.settings.policy.train;
        let (rows, state) = (self.settings.trajectory.horizon, room.task.state_dim());
        let key = self.key.named("steps").fold(position as u64);
        let starts = draw(&self.windows, batch, &mut key.named("windows").stream());
        let clean = gather(room, &starts, [rows, 1], false);
        let device = room.device.clone().autodiff();
        let (shape, column) = ([batch, rows, state], [batch, 1]);
        let Noised { steps: at, noise, x } = Noised::draw(key, &self.schedule, &clean, shape, &device);
        let given: Vec<bool> = (0..rows * state).map(|entry| entry < state).collect();
        let known = Known::new(clean, &given, shape, &device);
        let returns = starts.iter().map(|&start| self.returns[start]).collect();
        let mut drops = key.named("drops").stream();
        let probability = self.settings.condition.drop_probability;
        let shown = (0..batch).map(|_| if drops.uniform() < probability { 0.0 } else { 1.0 }).collect();
        let predicted = self.net.trained.net().noise(
            known.hold(x),
            at,
            tensor(returns, column, &device),
            tensor(shown, column, &device),
        );
        let noise_loss = known.clear(predicted - noise).square().mean();
        let inverse_loss = self.inverse_loss(room, &mut key.named("pairs").stream());
        let loss = (noise_loss.clone() + inverse_loss.clone()).mul_scalar(0.5);
        self.net.trained.update(&mut loss.backward(), schedule.rate(rate, position, steps), clip);
        if let Some(rate) = self.settings.policy.average_by(position) {
            self.net.follow(rate);
        }
        if want_metrics {
            read(stage, position + 1, [("loss", noise_loss), ("inverse_loss", inverse_loss)])
        } else {
            Ok(Metrics::new())
        }
    }

    fn save(&self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_averaged("policy", &self.net)
    }

    fn load(&mut self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.take_averaged("policy", &mut self.net)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters("policy", &self.net.average)?)
    }
}
