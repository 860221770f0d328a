//! Networks of DIAR and LDCQ.

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::{ActingSettings, Agent, AgentError, Episode, Rollout, RolloutOptions, Scenario};
use diar_core::bundle::{Bundle, BundleError, Method, Scores};
use diar_core::env;
use diar_core::spec::TaskSpec;

use crate::messages::Weights;

/// Episodes under way.
pub(in crate::worker) type Running = Rollout;

/// A bundle that was read.
pub(in crate::worker) struct File(Bundle);

impl File {
    /// Reads a bundle.
    pub(in crate::worker) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        match Bundle::from_bytes(bytes) {
            Err(BundleError::Method { found, .. }) if Method::find(&found).is_ok() => Err(format!(
                "they are of the method {found}, which the page's program for the CPU is built without; choose WebGPU in the \
                 settings"
            )),
            read => read.map(Self).map_err(|error| error.to_string()),
        }
    }

    /// Its task.
    pub(in crate::worker) fn task(&self) -> &TaskSpec {
        &self.0.info().task
    }

    /// Facts for the page.
    pub(in crate::worker) fn described(&self) -> Weights {
        let info = self.0.info();
        Weights {
            task: info.task.id.clone(),
            hash: self.0.hash().to_owned(),
            method: info.method,
            diffusion_steps: info.settings.diffusion.diffusion_steps,
            settings: info.settings.plan.into(),
            training_seconds: info.provenance.training_seconds,
            scores: info.scores.as_ref().and_then(|Scores { on, off, .. }| {
                Some((on.first_contact?.mean, Some(off.first_contact?.mean), on.episodes))
            }),
        }
    }
}

/// Networks on the worker's device.
#[derive(Clone)]
pub(in crate::worker) struct Networks(Arc<Agent>);

impl From<Agent> for Networks {
    fn from(agent: Agent) -> Self {
        Self(Arc::new(agent))
    }
}

impl Networks {
    /// Puts a bundle's networks on a device.
    pub(in crate::worker) fn load(file: &File, device: &Device) -> Result<Self, String> {
        Agent::load(&file.0, device).map(Self::from).map_err(|error| error.to_string())
    }

    /// An episode about to begin.
    pub(in crate::worker) fn run(
        &self,
        settings: &ActingSettings,
        episode: &Episode,
        options: RolloutOptions,
        scenario: &Scenario,
    ) -> Result<Running, String> {
        let plan = settings.plan().ok_or("these settings are not those of plans")?;
        let envs = env::open(self.0.task()).map_err(|error| error.to_string())?;
        let begun: Result<Running, AgentError> = Rollout::in_scenario(
            Arc::clone(&self.0),
            envs,
            *plan,
            std::slice::from_ref(episode),
            options,
            scenario,
        );
        begun.map_err(|error| error.to_string())
    }

    /// The agent that plans: an option, as not every method plans.
    #[allow(clippy::unnecessary_wraps, reason = "agents of other methods have none")]
    pub(in crate::worker) fn planner(&self) -> Option<&Arc<Agent>> {
        Some(&self.0)
    }
}
