//! What the networks of a bundle answer to a few fixed questions, as JSON: `answers <bundle>`.
//!
//! `tests/golden/bundle_in_python.py` asks the same of the same file, with nothing but numpy.

use std::process::ExitCode;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> ExitCode {
    match std::env::args()
        .nth(1)
        .ok_or("usage: answers <bundle>".into())
        .and_then(|path| native::answers(&path))
    {
        Ok(answers) => {
            println!("{answers}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// There are no files in a browser.
#[cfg(target_arch = "wasm32")]
fn main() -> ExitCode {
    ExitCode::FAILURE
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::error::Error;

    use burn::tensor::Device;
    use diar_core::agent::Agent;
    use diar_core::bundle::Bundle;
    use diar_core::env::{self, Start};
    use diar_core::maze::World;
    use diar_core::rng::Key;
    use serde_json::{Value, json};

    const QUESTIONS: usize = 8;

    pub(crate) fn answers(path: &str) -> Result<Value, Box<dyn Error>> {
        let agent = Agent::load(&Bundle::from_bytes(&std::fs::read(path)?)?, &Device::flex())?;
        let key = Key::new(1).named("questions");
        let answers =
            (0..QUESTIONS).map(|i| answer(&agent, key.fold(i as u64))).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({ "answers": answers }))
    }

    /// Q, V and the mean action in a start state with some latent; the state is raw, the latent as Q sees it.
    fn answer(agent: &Agent, key: Key) -> Result<Value, Box<dyn Error>> {
        let frames = env::open(agent.task())?.reset(&[(0, Start::Drawn(key))], &World::default())?;
        let state: Vec<f32> = frames[0].observation.iter().map(|&x| x as f32).collect();
        let latent = key.named("latent").normals(agent.latent());
        let mut normalised = state.clone();
        agent.normalise(&mut normalised);
        let states = agent.states(normalised);
        let latents = agent.latents(latent.clone());

        let q = agent.q(states.clone(), latents.clone().unsqueeze_dim(1)).try_into_vec_as::<f32>()?;
        let v = pollster::block_on(agent.values(std::slice::from_ref(&state)))?;
        let action = agent.act(states, latents, None).try_into_vec_as::<f32>()?;
        Ok(json!({ "state": state, "latent": latent, "q": q[0], "v": v[0], "action": action }))
    }
}
