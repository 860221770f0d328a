//! Training of IDQL: IQL's critic, then the diffusion model of actions.

use burn::tensor::Tensor;

use super::{NoiseNet, PolicySettings, Preserving, Settings};
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::iql::{Critic, Lesson};
use crate::method::{Classroom, Course};
use crate::nn::train::{Averaged, dropout_mask};
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::TrainSettings;

/// IDQL under training.
pub struct Idql {
    key: Key,
    critic: Critic,
    settings: PolicySettings,
    schedule: Preserving,
    net: Averaged<NoiseNet>,
}

impl Idql {
    /// One step of the diffusion model on a batch of rows drawn at random.
    fn imitate(&mut self, room: &Classroom, position: usize) -> Tensor<1> {
        let PolicySettings { hidden, blocks, dropout, average_rate, .. } = self.settings;
        let TrainSettings { rate, schedule, batch, steps, clip } = self.settings.train;
        let (state, action) = (room.task.state_dim(), room.task.action_dim());
        let key = self.key.named("steps").fold(position as u64);
        let mut stream = key.named("rows").stream();
        let (states, mut actions) = room.rows(&mut stream, batch);
        let noise = key.named("noise").normals(batch * action);
        let mut indices = Vec::with_capacity(batch);
        for (action, noise) in actions.chunks_exact_mut(action).zip(noise.chunks_exact(action)) {
            let t = 1 + stream.below(self.schedule.steps());
            let [kept, added] = self.schedule.shares(t).map(|share| share as f32);
            for (action, noise) in action.iter_mut().zip(noise) {
                *action = kept * *action + added * noise;
            }
            indices.push((t - 1) as f32);
        }
        let device = room.device.clone().autodiff();
        let mut drops = key.named("dropout").stream();
        let masks: Vec<Tensor<3>> = (0..blocks)
            .filter(|_| dropout > 0.0)
            .map(|_| tensor(dropout_mask(&mut drops, dropout, batch * hidden), [batch, 1, hidden], &device))
            .collect();
        let net = self.net.trained.net();
        let share = net.share(tensor(states, [batch, state], &device), tensor(indices, [batch, 1], &device));
        let predicted = net.forward(tensor(actions, [batch, 1, action], &device), share, &masks);
        let noise: Tensor<3> = tensor(noise, [batch, 1, action], &device);
        let loss = (noise - predicted).square().sum_dim(2).mean();
        self.net.trained.update(&mut loss.backward(), schedule.rate(rate, position, steps), clip);
        self.net.follow(average_rate);
        loss
    }
}

impl Course for Idql {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Critic, Stage::Policy];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        let net = settings.network(&room.task, &room.device.clone().autodiff());
        Ok(Self {
            key: Key::new(settings.seed).named("idql"),
            critic: Critic::new(settings.seed, &settings.critic, room),
            settings: settings.policy.clone(),
            schedule: Preserving::new(settings.policy.diffusion_steps),
            net: Averaged::new(net),
        })
    }

    fn total(settings: &Settings, stage: Stage) -> usize {
        if stage == Stage::Critic { settings.critic.train.steps } else { settings.policy.train.steps }
    }

    fn step(
        &mut self,
        room: &Classroom,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        if stage == Stage::Critic {
            let Lesson { losses, .. } = self.critic.step(room, position);
            return if want_metrics { read(stage, position + 1, losses) } else { Ok(Metrics::new()) };
        }
        let loss = self.imitate(room, position);
        if want_metrics { read(stage, position + 1, [("loss", loss)]) } else { Ok(Metrics::new()) }
    }

    fn save(&self, stage: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        if stage == Stage::Critic {
            return self.critic.save(checkpoint);
        }
        checkpoint.put_averaged("policy", &self.net)
    }

    fn load(&mut self, stage: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        if stage == Stage::Critic {
            return self.critic.load(checkpoint);
        }
        checkpoint.take_averaged("policy", &mut self.net)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        let mut tensors = self.critic.parameters()?;
        tensors.extend(named_parameters("policy", &self.net.average)?);
        Ok(tensors)
    }
}
