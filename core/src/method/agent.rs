//! Agents of any method: their files, their networks on a device, and how they act.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::recipe::{AgentInfo, Recipe, Seen, Tested};
use super::settings::MethodSettings;
use super::{bc, dd, diffuser, dt, idql, iql};
use crate::agent::{
    self, Actor, Advance, AgentError, Episode, Observed, Outcome, Phase, Planner, Policy, Reflex, Rollout,
    RolloutOptions, Scenario,
};
use crate::bundle::{Bundle, BundleError, Method, Precision, Provenance, Sealed, method_of};
use crate::data::Normaliser;
use crate::env::Envs;
use crate::nn::{NamedTensor, tensor};
use crate::rng::Key;
use crate::spec::TaskSpec;

/// The same expression for every method.
macro_rules! each {
    ($any:expr, $one:ident => $value:expr) => {
        match $any {
            Self::Latent($one) => $value,
            Self::Bc($one) => $value,
            Self::Iql($one) => $value,
            Self::Idql($one) => $value,
            Self::Diffuser($one) => $value,
            Self::Dd($one) => $value,
            Self::Dt($one) => $value,
        }
    };
}

/// A trained agent of any method as plain numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentBundle {
    /// DIAR's or LDCQ's.
    Latent(Box<Bundle>),
    /// Behaviour cloning's.
    Bc(Box<Sealed<AgentInfo<bc::Settings>>>),
    /// IQL's.
    Iql(Box<Sealed<AgentInfo<iql::Settings>>>),
    /// IDQL's.
    Idql(Box<Sealed<AgentInfo<idql::Settings>>>),
    /// Diffuser's.
    Diffuser(Box<Sealed<AgentInfo<diffuser::Settings>>>),
    /// Decision Diffuser's.
    Dd(Box<Sealed<AgentInfo<dd::Settings>>>),
    /// The Decision Transformer's.
    Dt(Box<Sealed<AgentInfo<dt::Settings>>>),
}

impl AgentBundle {
    /// Reads a file.
    ///
    /// # Errors
    /// When the bytes are truncated, damaged, of another program or an unknown method, or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        Ok(match method_of(bytes)? {
            Method::Diar | Method::Ldcq => Self::Latent(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Bc => Self::Bc(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Iql => Self::Iql(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Idql => Self::Idql(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Diffuser => Self::Diffuser(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Dd => Self::Dd(Box::new(Sealed::from_bytes(bytes)?)),
            Method::Dt => Self::Dt(Box::new(Sealed::from_bytes(bytes)?)),
        })
    }

    /// The bundle as a file.
    ///
    /// # Errors
    /// When a weight is too large for the precision.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, BundleError> {
        each!(self, bundle => bundle.to_bytes(precision))
    }

    /// SHA-256 of the contents as they were read or made, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        each!(self, bundle => bundle.hash())
    }

    /// All parameters by name.
    #[must_use]
    pub fn tensors(&self) -> BTreeMap<String, NamedTensor> {
        each!(self, bundle => bundle.tensors())
    }

    /// Number of parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        each!(self, bundle => bundle.parameters())
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &TaskSpec {
        each!(self, bundle => &bundle.info().task)
    }

    /// Method that it was trained with.
    #[must_use]
    pub fn method(&self) -> Method {
        each!(self, bundle => bundle.info().method)
    }

    /// Where the weights come from.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        each!(self, bundle => &bundle.info().provenance)
    }

    /// The same weights with scores; DIAR's and LDCQ's have [`Bundle::with_scores`].
    #[must_use]
    pub fn tested(self, scores: Tested) -> Self {
        match self {
            Self::Latent(_) => self,
            Self::Bc(bundle) => Self::Bc(Box::new(bundle.tested(scores))),
            Self::Iql(bundle) => Self::Iql(Box::new(bundle.tested(scores))),
            Self::Idql(bundle) => Self::Idql(Box::new(bundle.tested(scores))),
            Self::Diffuser(bundle) => Self::Diffuser(Box::new(bundle.tested(scores))),
            Self::Dd(bundle) => Self::Dd(Box::new(bundle.tested(scores))),
            Self::Dt(bundle) => Self::Dt(Box::new(bundle.tested(scores))),
        }
    }

    /// Scores, where it was tested; DIAR's and LDCQ's bundles have their own.
    #[must_use]
    pub fn scores(&self) -> Option<&Tested> {
        match self {
            Self::Latent(_) => None,
            Self::Bc(bundle) => bundle.info().scores.as_ref(),
            Self::Iql(bundle) => bundle.info().scores.as_ref(),
            Self::Idql(bundle) => bundle.info().scores.as_ref(),
            Self::Diffuser(bundle) => bundle.info().scores.as_ref(),
            Self::Dd(bundle) => bundle.info().scores.as_ref(),
            Self::Dt(bundle) => bundle.info().scores.as_ref(),
        }
    }

    /// Facts of the sequences of training, of a method that acts by returns.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Dt(bundle) => bundle.info().seen.as_ref(),
            _ => None,
        }
    }

    /// Settings of training, and of acting by default.
    #[must_use]
    pub fn settings(&self) -> MethodSettings {
        match self {
            Self::Latent(bundle) => MethodSettings::Latent(Box::new(bundle.info().settings.clone())),
            Self::Bc(bundle) => MethodSettings::Bc(bundle.info().settings.clone()),
            Self::Iql(bundle) => MethodSettings::Iql(bundle.info().settings.clone()),
            Self::Idql(bundle) => MethodSettings::Idql(bundle.info().settings.clone()),
            Self::Diffuser(bundle) => MethodSettings::Diffuser(bundle.info().settings.clone()),
            Self::Dd(bundle) => MethodSettings::Dd(bundle.info().settings.clone()),
            Self::Dt(bundle) => MethodSettings::Dt(bundle.info().settings.clone()),
        }
    }
}

impl<R: Recipe> Sealed<AgentInfo<R>> {
    /// The same weights with scores.
    #[must_use]
    pub fn tested(self, scores: Tested) -> Self {
        self.with_info(|info| info.scores = Some(scores))
    }
}

/// Networks of a method on a device, with all that acting needs.
#[derive(Debug)]
pub struct Loaded<R: Recipe> {
    pub(super) task: Arc<TaskSpec>,
    pub(super) settings: R,
    pub(super) state_norm: Normaliser,
    pub(super) network: R::Network,
    pub(super) seen: Option<Seen>,
    pub(super) device: Device,
}

impl<R: Recipe> Loaded<R> {
    fn new(bundle: &Sealed<AgentInfo<R>>, settings: R, device: &Device) -> Result<Self, BundleError> {
        let info = bundle.info();
        settings.check_seen(info.seen.as_ref())?;
        Ok(Self {
            task: Arc::new(info.task.clone()),
            network: info.settings.load(&info.task, bundle.tensors(), device)?,
            settings,
            state_norm: info.state_norm.clone(),
            seen: info.seen.clone(),
            device: device.clone(),
        })
    }

    /// Observations of lanes as the networks see them, `[lanes, state]`.
    pub(super) fn states(&self, lanes: &[(usize, &[f64])]) -> Tensor<2> {
        let mut values: Vec<f32> =
            lanes.iter().flat_map(|(_, state)| *state).map(|&number| number as f32).collect();
        self.state_norm.apply(&mut values);
        tensor(values, [lanes.len(), self.task.state_dim()], &self.device)
    }
}

/// Numbers of a tensor, for an actor.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, AgentError> {
    tensor.try_into_vec_as::<f32>().map_err(|error| AgentError::Device(error.to_string()))
}

/// A trained agent of any method on a device.
#[derive(Clone, Debug)]
pub enum Agent {
    /// DIAR or LDCQ, and how it acts.
    Latent(Arc<agent::Agent>, crate::settings::PlanSettings),
    /// Behaviour cloning.
    Bc(Arc<Loaded<bc::Settings>>),
    /// IQL.
    Iql(Arc<Loaded<iql::Settings>>),
    /// IDQL.
    Idql(Arc<Loaded<idql::Settings>>),
    /// Diffuser.
    Diffuser(Arc<Loaded<diffuser::Settings>>),
    /// Decision Diffuser.
    Dd(Arc<Loaded<dd::Settings>>),
    /// The Decision Transformer.
    Dt(Arc<Loaded<dt::Settings>>),
}

impl Agent {
    /// Puts a bundle's networks on a device, to act by settings of the same method.
    ///
    /// # Errors
    /// When the settings are another method's, or parameters do not fit them.
    pub fn load(bundle: &AgentBundle, acting: MethodSettings, device: &Device) -> Result<Self, BundleError> {
        match (bundle, acting) {
            (AgentBundle::Latent(bundle), MethodSettings::Latent(settings)) => {
                Ok(Self::Latent(Arc::new(agent::Agent::load(bundle, device)?), settings.plan))
            }
            (AgentBundle::Bc(bundle), MethodSettings::Bc(settings)) => {
                Ok(Self::Bc(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (AgentBundle::Iql(bundle), MethodSettings::Iql(settings)) => {
                Ok(Self::Iql(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (AgentBundle::Idql(bundle), MethodSettings::Idql(settings)) => {
                Ok(Self::Idql(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (AgentBundle::Diffuser(bundle), MethodSettings::Diffuser(settings)) => {
                Ok(Self::Diffuser(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (AgentBundle::Dd(bundle), MethodSettings::Dd(settings)) => {
                Ok(Self::Dd(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (AgentBundle::Dt(bundle), MethodSettings::Dt(settings)) => {
                Ok(Self::Dt(Arc::new(Loaded::new(bundle, settings, device)?)))
            }
            (bundle, acting) => Err(BundleError::Method {
                found: bundle.method().name().to_owned(),
                expected: acting.method().name().to_owned(),
            }),
        }
    }

    /// Numbers that a decision for one episode holds, about, as a float.
    #[must_use]
    pub fn held_numbers(&self) -> f64 {
        match self {
            // A candidate's latent is drawn, gathered and handed on.
            Self::Latent(agent, plan) => plan.candidates as f64 * (4.0 * agent.latent() as f64 + 4.0),
            Self::Bc(agent) => 8.0 * agent.settings.policy.hidden as f64,
            Self::Iql(agent) => agent.settings.policy.hidden.iter().map(|&width| 2.0 * width as f64).sum(),
            // Noise of every update, and the samples.
            Self::Idql(agent) => {
                let idql::Settings { policy, act, .. } = &agent.settings;
                let drawn = (policy.diffusion_steps + 4) * agent.task.action_dim();
                act.candidates as f64 * drawn as f64
            }
            // What the network gives for a plan, and the plan itself.
            Self::Diffuser(agent) => {
                let diffuser::Settings { trajectory, policy, .. } = &agent.settings;
                policy.outputs(trajectory.rows()) + 4.0 * (trajectory.horizon * agent.task.state_dim()) as f64
            }
            // The same, with the return and without.
            Self::Dd(agent) => {
                let dd::Settings { trajectory, policy, .. } = &agent.settings;
                2.0 * policy.outputs(trajectory.horizon)
            }
            // Three tokens a step: one queries, keys and values, one four times as wide, and the attention's weights.
            Self::Dt(agent) => {
                let dt::Settings { policy, sequence, .. } = &agent.settings;
                let tokens = 3.0 * sequence.context as f64;
                tokens * (12.0 * policy.hidden as f64 + policy.heads as f64 * tokens)
            }
        }
    }

    /// Steps of a plan; 1 for methods that decide anew at each step.
    #[must_use]
    pub fn horizon(&self) -> usize {
        match self {
            Self::Latent(agent, _) => agent.settings().data.horizon,
            Self::Bc(_) | Self::Iql(_) | Self::Idql(_) | Self::Dt(_) => 1,
            Self::Diffuser(agent) => agent.settings.trajectory.span(),
            Self::Dd(agent) => agent.settings.trajectory.horizon,
        }
    }

    /// The task it was trained for.
    #[must_use]
    pub fn task(&self) -> &Arc<TaskSpec> {
        match self {
            Self::Latent(agent, _) => agent.task(),
            Self::Bc(agent) => &agent.task,
            Self::Iql(agent) => &agent.task,
            Self::Idql(agent) => &agent.task,
            Self::Diffuser(agent) => &agent.task,
            Self::Dd(agent) => &agent.task,
            Self::Dt(agent) => &agent.task,
        }
    }

    /// Its policy, in no episode yet.
    ///
    /// # Errors
    /// When it cannot act by its settings.
    pub fn policy(&self, record: bool) -> Result<AnyPolicy, AgentError> {
        let width = self.task().state_dim();
        let step = |actor: Box<dyn Actor>| {
            let reflex = Reflex::new(actor, width, [])?;
            Ok(AnyPolicy::Step(if record { reflex.recording() } else { reflex }))
        };
        match self {
            Self::Latent(agent, plan) => {
                Ok(AnyPolicy::Plan(Box::new(Planner::new(Arc::clone(agent), *plan, [], record)?)))
            }
            Self::Bc(agent) => step(Box::new(bc::Imitator::new(Arc::clone(agent)))),
            Self::Iql(agent) => step(Box::new(iql::Actor::new(Arc::clone(agent)))),
            Self::Idql(agent) => step(Box::new(idql::Actor::new(Arc::clone(agent)))),
            Self::Diffuser(agent) => step(Box::new(diffuser::Actor::new(Arc::clone(agent))?)),
            Self::Dd(agent) => step(Box::new(dd::Actor::new(Arc::clone(agent)))),
            Self::Dt(agent) => step(Box::new(dt::Actor::new(Arc::clone(agent)))),
        }
    }

    /// Episodes about to begin, in an unchanged world.
    ///
    /// # Errors
    /// When it cannot act by its settings, or an episode cannot begin.
    pub fn rollout(
        &self,
        envs: Box<dyn Envs>,
        episodes: &[Episode],
        options: RolloutOptions,
    ) -> Result<Rollout<AnyPolicy>, AgentError> {
        self.rollout_in(envs, episodes, options, &Scenario::default())
    }

    /// Episodes about to begin, all in the same changed world and with the same interventions.
    ///
    /// # Errors
    /// When it cannot act by its settings, the scenario cannot be played, or an episode cannot begin.
    pub fn rollout_in(
        &self,
        envs: Box<dyn Envs>,
        episodes: &[Episode],
        options: RolloutOptions,
        scenario: &Scenario,
    ) -> Result<Rollout<AnyPolicy>, AgentError> {
        Rollout::of(envs, episodes, options, scenario, |begun| {
            let mut policy = match self.policy(options.record)? {
                AnyPolicy::Plan(planner) => {
                    AnyPolicy::Plan(Box::new(planner.intervene(&scenario.interventions)?))
                }
                AnyPolicy::Step(_) if !scenario.interventions.is_empty() => {
                    return Err(AgentError::NoPlans);
                }
                step @ AnyPolicy::Step(_) => step,
            };
            for (lane, (episode, begun)) in episodes.iter().zip(begun).enumerate() {
                policy.begin(lane, episode.key(), &begun.state)?;
            }
            Ok(policy)
        })
    }
}

/// How an agent of any method acts. Episodes begin with their own key, [`Episode::key`].
pub enum AnyPolicy {
    /// Plans of latents.
    Plan(Box<Planner>),
    /// Actions from observations.
    Step(Reflex<Box<dyn Actor>>),
}

/// The same expression for every kind of policy.
macro_rules! either {
    ($any:expr, $one:ident => $value:expr) => {
        match $any {
            Self::Plan($one) => $value,
            Self::Step($one) => $value,
        }
    };
}

impl Policy for AnyPolicy {
    fn begin(&mut self, lane: usize, key: Key, state: &[f64]) -> Result<(), AgentError> {
        match self {
            Self::Plan(planner) => planner.begin(lane, key.named("plan"), state),
            Self::Step(reflex) => reflex.begin(lane, key, state),
        }
    }

    fn abandon(&mut self, lane: usize) {
        either!(self, policy => policy.abandon(lane));
    }

    async fn advance_some(&mut self, work: usize) -> Result<Advance, AgentError> {
        either!(self, policy => policy.advance_some(work).await)
    }

    fn observe(&mut self, lane: usize, observed: Observed<'_>) -> Option<Outcome> {
        either!(self, policy => policy.observe(lane, observed))
    }

    fn phase(&self, lane: usize) -> Phase {
        either!(self, policy => policy.phase(lane))
    }

    fn is_midway(&self) -> bool {
        either!(self, policy => policy.is_midway())
    }

    fn decisions(&self, lane: usize) -> usize {
        either!(self, policy => policy.decisions(lane))
    }

    fn revaluations(&self, lane: usize) -> usize {
        either!(self, policy => policy.revaluations(lane))
    }

    fn phases(&self) -> &'static [Phase] {
        either!(self, policy => policy.phases())
    }
}
