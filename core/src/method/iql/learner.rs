//! Training of IQL: Q, V and the policy in one step.

#[cfg(test)]
use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::settings::CriticSettings;
use super::{ActionPolicy, ActionValues, PolicySettings, Settings};
use crate::critic::{expectile_loss, td_targets};
use crate::data::StepBatch;
use crate::kernel::parallel::both;
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::{Classroom, Course};
#[cfg(test)]
use crate::nn::load_parameters;
use crate::nn::train::{Trained, follow, restore, save};
use crate::nn::{Mlp, NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::{ActionLikelihood, TrainSettings};
use crate::spec::TaskSpec;

/// Bound of actions as the networks see them.
const ACTION_BOUND: f64 = 1.0;

/// Q and V of single actions under training.
pub(in crate::method) struct Critic {
    key: Key,
    settings: CriticSettings,
    q: [Trained<Mlp>; 2],
    v: Trained<Mlp>,
    /// Q̂0 and Q̂1, which follow q slowly.
    target: ActionValues,
}

/// A step of the critic: its losses, and what the policy learns from.
pub(in crate::method) struct Lesson {
    /// Normalised, `[batch, state]`.
    pub states: Tensor<2>,
    /// Scaled to [-1, 1], `[batch, action]`.
    pub actions: Tensor<2>,
    /// `min(Q̂0, Q̂1)(s, a) - V(s)`, `[batch]`.
    pub advantages: Tensor<1>,
    /// Losses of V, Q0 and Q1, and the mean of V.
    pub losses: [(&'static str, Tensor<1>); 4],
}

impl Critic {
    /// Networks about to learn.
    pub(in crate::method) fn new(seed: u64, settings: &CriticSettings, room: &Classroom) -> Self {
        let (q, v) = settings.networks(seed, &room.task, &room.device.clone().autodiff());
        Self {
            key: Key::new(seed).named("iql"),
            settings: settings.clone(),
            target: q.valid(),
            q: [Trained::new(q.q0), Trained::new(q.q1)],
            v: Trained::new(v),
        }
    }

    /// One step on a batch drawn at random.
    pub(in crate::method) fn step(&mut self, room: &Classroom, position: usize) -> Lesson {
        let mut stream = self.key.named("steps").fold(position as u64).stream();
        let drawn = room.steps.draw(&mut stream, self.settings.train.batch);
        self.learn(Batch::of(drawn, room, &room.device), position)
    }

    /// One step on a batch.
    fn learn(&mut self, batch: Batch, position: usize) -> Lesson {
        let CriticSettings { expectile, discount, reward_shift, target_rate, .. } = self.settings;
        let TrainSettings { rate, schedule, steps, clip, .. } = self.settings.train;
        let rate = schedule.rate(rate, position, steps);
        let Batch { states, actions, rewards, next, goes_on } = batch;

        // All of it with the networks as they are.
        let both_sides = Tensor::cat(vec![states.clone(), actions.clone()], 1);
        let q = self.target.min(both_sides.clone());
        let values = self.v.net().valid().forward(next).squeeze_dim::<1>(1);
        let target = td_targets(rewards.add_scalar(reward_shift), goes_on.mul_scalar(discount), values);

        let v = self.v.net().forward(Tensor::from_inner(states.clone())).squeeze_dim::<1>(1);
        let advantages = q.clone() - v.clone().inner();
        let v_mean = v.clone().inner().mean();
        let v_loss = expectile_loss(Tensor::from_inner(q.unsqueeze_dim(1)), v, expectile);
        let learn = |q: &mut Trained<Mlp>| {
            let found = q.net().forward(Tensor::from_inner(both_sides.clone())).squeeze_dim::<1>(1);
            let loss = (Tensor::from_inner(target.clone()) - found).square().mean();
            q.update(&mut loss.backward(), rate, clip);
            loss
        };
        let (v_net, [q0, q1]) = (&mut self.v, &mut self.q);
        let (v_loss, (q0_loss, q1_loss)) = both(
            || {
                v_net.update(&mut v_loss.backward(), rate, clip);
                v_loss
            },
            || (learn(q0), learn(q1)),
        );
        let online = [&self.q[0], &self.q[1]].map(|q| q.net().valid());
        self.target = ActionValues {
            q0: follow(self.target.q0.clone(), &online[0], target_rate),
            q1: follow(self.target.q1.clone(), &online[1], target_rate),
        };
        let losses = [("v_loss", v_loss), ("q0_loss", q0_loss), ("q1_loss", q1_loss), ("v_mean", v_mean)];
        Lesson { states, actions, advantages, losses }
    }

    pub(in crate::method) fn save(&self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        for (name, q) in ["critic.q0", "critic.q1"].into_iter().zip(&self.q) {
            checkpoint.put_trained(name, q)?;
        }
        checkpoint.put_trained("critic.v", &self.v)?;
        checkpoint.put("critic.target.net", save(&self.target)?);
        Ok(())
    }

    pub(in crate::method) fn load(&mut self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        for (name, q) in ["critic.q0", "critic.q1"].into_iter().zip(&mut self.q) {
            checkpoint.take_trained(name, q)?;
        }
        checkpoint.take_trained("critic.v", &mut self.v)?;
        self.target = restore(self.target.clone(), checkpoint.take("critic.target.net")?)?;
        Ok(())
    }

    /// The slow networks, by which candidates are ranked, and V.
    pub(in crate::method) fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        let mut tensors = named_parameters("critic", &self.target)?;
        tensors.extend(named_parameters("critic.v", &self.v.net().valid())?);
        Ok(tensors)
    }
}

/// A batch of steps as the networks see them.
struct Batch {
    states: Tensor<2>,
    actions: Tensor<2>,
    rewards: Tensor<1>,
    next: Tensor<2>,
    goes_on: Tensor<1>,
}

impl Batch {
    fn of(drawn: StepBatch, room: &Classroom, device: &Device) -> Self {
        let StepBatch { mut states, mut actions, rewards, mut next, goes_on } = drawn;
        let task: &TaskSpec = &room.task;
        let batch = rewards.len();
        room.state_norm.apply(&mut states);
        room.state_norm.apply(&mut next);
        task.action.shrink(&mut actions);
        Self {
            states: tensor(states, [batch, task.state_dim()], device),
            actions: tensor(actions, [batch, task.action_dim()], device),
            rewards: tensor(rewards, [batch], device),
            next: tensor(next, [batch, task.state_dim()], device),
            goes_on: tensor(goes_on, [batch], device),
        }
    }
}

/// IQL under training.
pub struct Iql {
    critic: Critic,
    settings: PolicySettings,
    policy: Trained<ActionPolicy>,
}

impl Iql {
    /// One step of the policy on what the critic found.
    fn learn(
        &mut self,
        lesson: Lesson,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let Lesson { states, actions, advantages, losses } = lesson;
        let PolicySettings { beta, weight_cap, likelihood, rate, schedule, .. } = self.settings;
        let weights = advantages.mul_scalar(beta).exp().clamp_max(weight_cap);
        let gaussian = self.policy.net().forward(Tensor::from_inner(states));
        let actions = Tensor::from_inner(actions);
        let log_density = match likelihood {
            ActionLikelihood::Gaussian => gaussian.log_density(actions),
            ActionLikelihood::Censored => gaussian.censored_log_density(actions, ACTION_BOUND),
        };
        let loss = (Tensor::from_inner(weights.clone()) * log_density).mean().neg();
        let train = &self.critic.settings.train;
        let rate = schedule.rate(rate, position, train.steps);
        self.policy.update(&mut loss.backward(), rate, train.clip);
        if !want_metrics {
            return Ok(Metrics::new());
        }
        let [v_loss, q0_loss, q1_loss, v_mean] = losses;
        let policy = [("policy_loss", loss), ("weight_mean", weights.mean())];
        let [policy_loss, weight_mean] = policy;
        read(stage, position + 1, [v_loss, q0_loss, q1_loss, v_mean, policy_loss, weight_mean])
    }
}

#[cfg(test)]
impl Iql {
    /// The networks filled with parameters; Q̂ is Q.
    pub(super) fn with_weights(mut self, mut tensors: BTreeMap<String, NamedTensor>) -> Self {
        let [q0, q1] = [0, 1].map(|i| {
            load_parameters(&format!("critic.q{i}"), self.critic.q[i].net().clone(), &mut tensors).unwrap()
        });
        self.critic.target = ActionValues { q0: q0.valid(), q1: q1.valid() };
        self.critic.q = [Trained::new(q0), Trained::new(q1)];
        let v = load_parameters("critic.v", self.critic.v.net().clone(), &mut tensors).unwrap();
        self.critic.v = Trained::new(v);
        let policy = load_parameters("policy", self.policy.net().clone(), &mut tensors).unwrap();
        self.policy = Trained::new(policy);
        self
    }

    /// A step on a batch as the networks see it; gives all metrics.
    pub(super) fn learn_from(&mut self, batch: StepBatch, room: &Classroom, position: usize) -> Metrics {
        let lesson = self.critic.learn(Batch::of(batch, room, &room.device), position);
        self.learn(lesson, (Stage::Critic, position), true).unwrap()
    }

    /// V as it stands, `[states]`, from `[states, state]`.
    pub(super) fn v(&self, states: Tensor<2>) -> Tensor<1> {
        self.critic.v.net().valid().forward(states).squeeze_dim(1)
    }

    /// The policy's mean as it stands, `[states, action]`.
    pub(super) fn mean(&self, states: Tensor<2>) -> Tensor<2> {
        self.policy.net().valid().mean(states)
    }

    /// Parameters of the slow Q and of Q.
    pub(super) fn q(&self) -> Result<[Vec<NamedTensor>; 2], LearnError> {
        let [q0, q1] = [&self.critic.q[0], &self.critic.q[1]].map(|q| q.net().valid());
        let online = ActionValues { q0, q1 };
        Ok([named_parameters("q", &self.critic.target)?, named_parameters("q", &online)?])
    }
}

impl Course for Iql {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Critic];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        Ok(Self {
            critic: Critic::new(settings.seed, &settings.critic, room),
            settings: settings.policy.clone(),
            policy: Trained::new(settings.network(&room.task, &room.device.clone().autodiff())),
        })
    }

    fn total(settings: &Settings, _: Stage) -> usize {
        settings.critic.train.steps
    }

    fn step(
        &mut self,
        room: &Classroom,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let lesson = self.critic.step(room, position);
        self.learn(lesson, (stage, position), want_metrics)
    }

    fn save(&self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        self.critic.save(checkpoint)?;
        checkpoint.put_trained("critic.policy", &self.policy)
    }

    fn load(&mut self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        self.critic.load(checkpoint)?;
        checkpoint.take_trained("critic.policy", &mut self.policy)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        let mut tensors = self.critic.parameters()?;
        tensors.extend(named_parameters("policy", &self.policy.net().valid())?);
        Ok(tensors)
    }
}
