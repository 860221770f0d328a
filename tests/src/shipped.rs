//! The agent that comes with the repository.

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::bundle::Bundle;
use diar_core::settings::{PlanSettings, Sampler, SamplerSettings};

/// The agent for U-maze, on the CPU.
pub fn agent() -> Arc<Agent> {
    let bytes = include_bytes!("../../weights/maze2d-umaze-v1.safetensors");
    let bundle = Bundle::from_bytes(bytes).expect("the shipped bundle is whole");
    Arc::new(Agent::load(&bundle, &Device::flex()).expect("the shipped weights fit"))
}

/// Few candidates and steps: for tests of rules, not of scores.
pub fn settings(agent: &Agent) -> PlanSettings {
    PlanSettings {
        candidates: 8,
        sampler: SamplerSettings { kind: Sampler::Sde, steps: 3, extra_steps: 0 },
        ..agent.settings().plan
    }
}
