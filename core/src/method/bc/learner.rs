//! Training of behaviour cloning.

use burn::module::Module;
use burn::tensor::Tensor;

use super::{POLICY, Settings};
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::{Classroom, Course};
use crate::nn::train::Trained;
use crate::nn::{GaussianNet, NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::TrainSettings;

/// The policy and its training.
pub struct Cloning {
    key: Key,
    train: TrainSettings,
    net: Trained<GaussianNet>,
}

impl Course for Cloning {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Policy];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        let task = &room.task;
        let device = room.device.clone().autodiff();
        let net = settings.network(task.state_dim(), task.action_dim(), &device);
        let key = Key::new(settings.seed).named("cloning");
        Ok(Self { key, train: settings.policy.train.clone(), net: Trained::new(net) })
    }

    fn total(settings: &Settings, _: Stage) -> usize {
        settings.policy.train.steps
    }

    /// One update on a batch of rows drawn at random.
    fn step(
        &mut self,
        room: &Classroom,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let TrainSettings { rate, schedule, batch, steps, clip } = self.train;
        let mut stream = self.key.named("rows").fold(position as u64).stream();
        let (states, actions) = room.rows(&mut stream, batch);
        let device = room.device.clone().autodiff();
        let states: Tensor<2> = tensor(states, [batch, room.task.state_dim()], &device);
        let actions: Tensor<2> = tensor(actions, [batch, room.task.action_dim()], &device);
        let loss = self.net.net().forward(states).log_density(actions).mean().neg();
        self.net.update(&mut loss.backward(), schedule.rate(rate, position, steps), clip);
        if want_metrics { read(stage, position + 1, [("loss", loss)]) } else { Ok(Metrics::new()) }
    }

    fn save(&self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_trained(POLICY, &self.net)
    }

    fn load(&mut self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.take_trained(POLICY, &mut self.net)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters(POLICY, &self.net.net().valid())?)
    }
}
