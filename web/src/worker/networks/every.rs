//! Networks of every method.

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::{ActingSettings, Agent, Episode, Rollout, RolloutOptions, Scenario};
use diar_core::bundle::Scores;
use diar_core::env;
use diar_core::method::{Agent as AnyAgent, AgentBundle, AnyPolicy};
use diar_core::spec::TaskSpec;

use crate::messages::Weights;

/// Episodes under way.
pub(in crate::worker) type Running = Rollout<AnyPolicy>;

/// A bundle that was read.
pub(in crate::worker) struct File(AgentBundle);

impl File {
    /// Reads a bundle.
    pub(in crate::worker) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        AgentBundle::from_bytes(bytes).map(Self).map_err(|error| error.to_string())
    }

    /// Its task.
    pub(in crate::worker) fn task(&self) -> &TaskSpec {
        self.0.task()
    }

    /// Facts for the page.
    pub(in crate::worker) fn described(&self) -> Weights {
        let settings = self.0.settings();
        let scores = match &self.0 {
            AgentBundle::Latent(bundle) => {
                bundle.info().scores.as_ref().and_then(|Scores { on, off, .. }| {
                    Some((on.first_contact?.mean, Some(off.first_contact?.mean), on.episodes))
                })
            }
            other => other
                .scores()
                .and_then(|scores| Some((scores.results.first_contact?.mean, None, scores.results.episodes))),
        };
        Weights {
            task: self.0.task().id.clone(),
            hash: self.0.hash().to_owned(),
            method: self.0.method(),
            diffusion_steps: settings.latent().map_or(0, |settings| settings.diffusion.diffusion_steps),
            settings: settings.acting(),
            training_seconds: self.0.provenance().training_seconds,
            scores,
        }
    }
}

/// Networks of a bundle.
#[derive(Clone)]
pub(in crate::worker) enum Networks {
    /// DIAR's or LDCQ's, on the worker's device.
    Latent(Arc<Agent>),
    /// Those of a method without latents, which every run loads: they are small, and act on the CPU.
    Own(Arc<AgentBundle>),
}

impl From<Agent> for Networks {
    fn from(agent: Agent) -> Self {
        Self::Latent(Arc::new(agent))
    }
}

impl Networks {
    /// Puts a bundle's networks on a device.
    pub(in crate::worker) fn load(file: &File, device: &Device) -> Result<Self, String> {
        let File(bundle) = file;
        let loaded = if let AgentBundle::Latent(bundle) = bundle {
            Agent::load(bundle, device).map(Self::from)
        } else {
            AnyAgent::load(bundle, bundle.settings(), &Device::flex())
                .map(|_| Self::Own(Arc::new(bundle.clone())))
        };
        loaded.map_err(|error| error.to_string())
    }

    /// An episode about to begin.
    pub(in crate::worker) fn run(
        &self,
        settings: &ActingSettings,
        episode: &Episode,
        options: RolloutOptions,
        scenario: &Scenario,
    ) -> Result<Running, String> {
        let agent = self.acting_by(settings)?;
        let envs = env::open(agent.task()).map_err(|error| error.to_string())?;
        let begun = agent.rollout_in(envs, std::slice::from_ref(episode), options, scenario);
        begun.map_err(|error| error.to_string())
    }

    /// The agent that acts by the settings of a run.
    fn acting_by(&self, settings: &ActingSettings) -> Result<AnyAgent, String> {
        let loaded = match self {
            Self::Latent(agent) => {
                let plan = settings.plan().ok_or("these settings are not those of plans")?;
                return Ok(AnyAgent::Latent(Arc::clone(agent), *plan));
            }
            Self::Own(bundle) => bundle
                .settings()
                .acting_by(settings)
                .and_then(|acting| AnyAgent::load(bundle, acting, &Device::flex())),
        };
        loaded.map_err(|error| error.to_string())
    }

    /// The agent that plans, where it is one.
    pub(in crate::worker) fn planner(&self) -> Option<&Arc<Agent>> {
        match self {
            Self::Latent(agent) => Some(agent),
            Self::Own(_) => None,
        }
    }
}
