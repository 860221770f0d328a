//! The worker that trains Q and V anew: a module of its own, fetched when somebody asks for it, which ends when it is
//! done. It trains on the CPU, whatever decides.

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::bundle::{Bundle, Precision};
use diar_core::data::Experience;
use diar_core::learn::{CriticTraining, LearnError, Stage};
use diar_core::settings::{CriticSettings, Target};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::accept;
use crate::geometry;
use crate::messages::{FromTrainer, RetrainingSettings, ToTrainer};
use crate::pace::TURN;
use crate::worker::field::Grid;
use crate::worker::{fetch, now, post, turn};

/// Milliseconds between two looks at the values so far.
const LOOK: f64 = 500.0;

/// Steps between two losses that are told.
const TELL: usize = 25;

/// Makes a panic a message to the page: nothing else would come out of a trapped module.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(&FromTrainer::Failed { message: format!("training broke down: {info}") });
    }));
}

/// Takes the message of the page; there is only one.
pub fn receive(message: JsValue) {
    spawn_local(async move {
        let learned = match serde_wasm_bindgen::from_value(message) {
            Ok(message) => train(message).await,
            Err(error) => Err(format!("a message of the page cannot be read: {error}")),
        };
        post(&learned.unwrap_or_else(|message| FromTrainer::Failed { message }));
    });
}

async fn train(message: ToTrainer) -> Result<FromTrainer, String> {
    let ToTrainer { bundle: address, from, windows, settings, world } = message;
    let begun = now();
    let bytes = fetch::quietly("weights", &address).await?;
    let bundle = Bundle::from_bytes(&bytes)
        .map_err(|error| format!("The weights of {address} cannot be used: {error}."))?;
    accept::same(&from, bundle.hash()).map_err(|refusal| {
        format!("The weights of {address} have changed since they were loaded: {refusal}. Reload the page, then train again.")
    })?;
    let bytes = fetch::quietly("windows", &windows).await?;
    let experience = Experience::from_bytes(&bytes)
        .map_err(|error| format!("The windows of {windows} cannot be used: {error}."))?;
    let critic = choices(&bundle.info().settings.critic, settings);
    let words = |error: LearnError| format!("Training cannot go on: {error}.");
    let mut training =
        CriticTraining::new(bundle, Arc::new(experience), settings.goal, critic, &Device::flex())
            .map_err(words)?;
    let layout = geometry::layout(training.task(), &world)?;
    let grid = Grid::of(&layout);
    let mut looked = now();
    while training.stage() != Stage::Done {
        let since = now();
        let mut losses = None;
        while training.stage() != Stage::Done && now() - since < TURN {
            let tell = training.stage() == Stage::Critic && training.position().is_multiple_of(TELL);
            let metrics = training.step(tell).map_err(words)?;
            let loss = |name: &str| metrics.iter().find(|(known, _)| *known == name).map(|&(_, loss)| loss);
            losses = loss("v_loss").zip(loss("q0_loss")).map(|(v, q)| [v, q]).or(losses);
        }
        post(&FromTrainer::Learning { step: training.position(), total: training.total(), losses });
        if training.stage() == Stage::Critic && now() - looked > LOOK {
            let values = training.values(&grid.states()).map_err(words)?;
            post(&FromTrainer::Field { field: grid.field(&values) });
            looked = now();
        }
        turn().await;
    }
    let bundle = training.bundle().map_err(words)?;
    let bundle = bundle.to_bytes(Precision::F32).map_err(|error| error.to_string())?;
    Ok(FromTrainer::Learned { from, bundle, seconds: (now() - begun) / 1000.0 })
}

/// The settings of the critic: those of training anew, but for what the user chose.
fn choices(critic: &CriticSettings, chosen: RetrainingSettings) -> CriticSettings {
    CriticSettings {
        expectile: chosen.expectile,
        discount: chosen.discount,
        target: if chosen.ldcq { Target::Ldcq } else { Target::Diar },
        ..critic.relearning()
    }
}
