//! Stage 3: Q and V (Alg. 1).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::critic::{
    BootstrapTerms, QNetwork, TwinQ, VNetwork, bootstrap_factor, expectile_loss, importance_weighted,
    ldcq_targets, td_targets,
};
use crate::data::Replay;
use crate::kernel::parallel;
use crate::nn::train::{Trained, follow, restore, save};
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::{CriticSettings, Settings, Target};
use crate::spec::TaskSpec;

/// Windows that Q and V learn from in one step; all states normalised.
pub(super) struct Lesson {
    /// First states, `[batch, state]`.
    pub starts: Vec<f32>,
    /// Last states, `[batch, state]`.
    pub ends: Vec<f32>,
    /// The windows' own latents, `[batch, latent]`.
    pub latents: Vec<f32>,
    /// What each window earns, `[batch]`.
    pub returns: Vec<f32>,
    /// True for windows that end an episode, or reach the goal where that counts as its end, `[batch]`.
    pub terminals: Vec<bool>,
    /// Latents drawn at the ends, `[batch, latents per window, latent]`.
    pub candidates: Tensor<3>,
}

/// Sizes that Q and V follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Numbers in a state.
    pub state: usize,
    /// Numbers in a latent.
    pub latent: usize,
    /// H.
    pub horizon: usize,
}

impl Sizes {
    pub(super) fn of(settings: &Settings, task: &TaskSpec) -> Self {
        Self { state: task.state_dim(), latent: settings.vae.latent, horizon: settings.data.horizon }
    }
}

pub(super) struct CriticStage {
    key: Key,
    settings: CriticSettings,
    sizes: Sizes,
    device: Device,
    position: usize,
    q: [Trained<QNetwork>; 2],
    v: Trained<VNetwork>,
    /// Q̂0 and Q̂1, which follow q slowly.
    target: TwinQ,
    replay: Replay,
}

impl CriticStage {
    /// Networks about to learn from so many windows, on a plain (not autodiff) device.
    pub(crate) fn new(
        key: Key,
        settings: &CriticSettings,
        sizes: Sizes,
        windows: usize,
        device: &Device,
    ) -> Self {
        let autodiff = device.clone().autodiff();
        let networks = key.named("networks");
        let online = TwinQ::new(networks.named("q"), settings, sizes.state, sizes.latent, &autodiff);
        let v = VNetwork::new(networks.named("v"), settings, sizes.state, &autodiff);
        Self {
            key,
            settings: settings.clone(),
            sizes,
            device: device.clone(),
            position: 0,
            target: online.valid(),
            q: [Trained::new(online.q0), Trained::new(online.q1)],
            v: Trained::new(v),
            replay: Replay::new(windows, settings.replay_alpha),
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// `V(s)` as it stands, `[states]`, from `[states, state]`.
    pub(crate) fn v(&self, states: Tensor<2>) -> Tensor<1> {
        self.v.net().valid().forward(states)
    }

    /// One step of Q and V on the windows that the replay draws; `lesson` brings them, and takes a key for what it draws.
    pub(crate) fn step(
        &mut self,
        lesson: impl FnOnce(&[usize], Key) -> Lesson,
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let settings = &self.settings;
        let train = &settings.train;
        let Sizes { state, latent, horizon } = self.sizes;
        let batch = train.batch;
        let device = &self.device;
        let autodiff = device.clone().autodiff();
        let key = self.key.named("steps").fold(self.position as u64);

        // A batch by priority (line 5), and latents at the windows' ends (line 6).
        let beta = settings.replay_beta + settings.replay_beta_step * (self.position / settings.unit) as f64;
        let drawn = self.replay.draw(&mut key.named("windows").stream(), batch, beta.min(1.0));
        let Lesson { starts, ends, latents, returns, terminals, candidates } =
            lesson(&drawn.windows, key.named("latents"));
        let terms =
            BootstrapTerms { discount: settings.discount, kind: settings.bootstrap_discount, horizon };
        let factors = terminals.iter().map(|&terminal| bootstrap_factor(terms, terminal)).collect();
        let ends: Tensor<2> = tensor(ends, [batch, state], device);

        // V towards the upper expectile of Q̂ over those latents (line 7, Eq. 6).
        let (q_end, each) = match settings.target {
            Target::Diar => (self.target.min(ends.clone(), candidates), None),
            Target::Ldcq => {
                let own = self.target.q0.forward(ends.clone(), candidates.clone());
                let other = self.target.q1.forward(ends.clone(), candidates);
                (own.clone().min_pair(other.clone()), Some([own, other]))
            }
        };
        let v = self.v.net().forward(Tensor::from_inner(ends.clone()));
        let v_loss = expectile_loss(Tensor::from_inner(q_end), v, settings.expectile);
        let rate = train.schedule.rate(train.rate, self.position, train.steps);
        self.v.update(&mut v_loss.backward(), rate, train.clip);

        // Q towards reward and value of the end (line 8, Eq. 7), with the V just updated.
        let rewards: Tensor<1> = tensor(returns, [batch], device);
        let factors: Tensor<1> = tensor(factors, [batch], device);
        let targets = match each {
            None => {
                let target = td_targets(rewards, factors, self.v.net().valid().forward(ends));
                [target.clone(), target]
            }
            Some([own, other]) => [
                ldcq_targets(rewards.clone(), factors.clone(), own.clone(), other.clone()),
                ldcq_targets(rewards, factors, other, own),
            ],
        };
        let starts: Tensor<2> = tensor(starts, [batch, state], &autodiff);
        let latents: Tensor<3> = tensor(latents, [batch, 1, latent], &autodiff);
        let weights: Tensor<1> = tensor(drawn.weights.clone(), [batch], &autodiff);
        let learn = |q: &mut Trained<QNetwork>, target: Tensor<1>| {
            let target = Tensor::from_inner(target);
            let predicted = q.net().forward(starts.clone(), latents.clone()).squeeze_dim::<1>(1);
            let loss = importance_weighted(weights.clone(), target.clone(), predicted.clone());
            q.update(&mut loss.backward(), rate, train.clip);
            ((target - predicted).inner(), loss)
        };
        let ([q0, q1], [target0, target1]) = (&mut self.q, targets);
        let ((error0, q0_loss), (error1, q1_loss)) =
            parallel::both(|| learn(q0, target0), || learn(q1, target1));

        // Targets and priorities (lines 9-10).
        self.target = TwinQ {
            q0: follow(self.target.q0.clone(), &self.q[0].net().valid(), settings.target_rate),
            q1: follow(self.target.q1.clone(), &self.q[1].net().valid(), settings.target_rate),
        };
        let errors = Tensor::cat(vec![error0, error1], 0)
            .try_into_vec_as::<f32>()
            .map_err(|error| LearnError::Device(error.to_string()))?;
        if errors.iter().any(|error| !error.is_finite()) {
            return Err(LearnError::NotFinite {
                what: "a TD error",
                stage: Stage::Critic,
                step: self.position,
            });
        }
        self.replay.update(&drawn.windows, &errors[..batch], &errors[batch..]);
        self.position += 1;
        if !want_metrics {
            return Ok(Metrics::new());
        }
        let v_mean = self.v.net().valid().forward(starts.inner()).mean();
        read(
            Stage::Critic,
            self.position,
            [("v_loss", v_loss), ("q0_loss", q0_loss), ("q1_loss", q1_loss), ("v_mean", v_mean)],
        )
    }

    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        for (name, q) in ["q0", "q1"].into_iter().zip(&self.q) {
            checkpoint.put_trained(name, q)?;
        }
        checkpoint.put_trained("v", &self.v)?;
        checkpoint.put("target.net", save(&self.target)?);
        checkpoint.put_numbers("priorities", self.replay.priorities());
        Ok(())
    }

    pub(crate) fn load(&mut self, checkpoint: &mut Checkpoint, position: usize) -> Result<(), LearnError> {
        for (name, q) in ["q0", "q1"].into_iter().zip(&mut self.q) {
            checkpoint.take_trained(name, q)?;
        }
        checkpoint.take_trained("v", &mut self.v)?;
        self.target = restore(self.target.clone(), checkpoint.take("target.net")?)?;
        let priorities = checkpoint.take_numbers("priorities")?;
        if priorities.len() != self.replay.priorities().len() {
            return Err(LearnError::Blob("priorities".to_owned()));
        }
        self.replay = Replay::of(priorities, self.replay.alpha());
        self.position = position;
        Ok(())
    }

    pub(crate) fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        let mut tensors = named_parameters("critic.q0", &self.q[0].net().valid())?;
        tensors.extend(named_parameters("critic.q1", &self.q[1].net().valid())?);
        tensors.extend(named_parameters("critic.v", &self.v.net().valid())?);
        Ok(tensors)
    }
}
