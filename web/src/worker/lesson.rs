//! Q and V trained anew, a turn at a time.

use std::sync::Arc;

use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::bundle::Bundle;
use diar_core::data::Experience;
use diar_core::learn::{CriticTraining, Stage};
use diar_core::maze::Layout;
use diar_core::settings::{CriticSettings, Target};

use super::field::Grid;
use super::{TURN, fetch, now, post};
use crate::messages::{Lesson, ToPage};

/// Milliseconds between two looks at the values so far.
const LOOK: f64 = 800.0;

/// Steps between two losses that are told.
const TELL: usize = 50;

pub struct Lessons {
    ticket: u32,
    training: CriticTraining,
    device: Device,
    begun: f64,
    looked: f64,
    losses: Option<[f64; 2]>,
}

impl Lessons {
    /// Fetches the windows, and gets ready.
    pub async fn new(
        bundle: &Bundle,
        device: &Device,
        ticket: u32,
        lesson: Lesson,
        windows: &str,
    ) -> Result<Self, String> {
        let bytes = fetch::windows(windows).await?;
        let experience = Experience::from_bytes(&bytes)
            .map_err(|error| format!("The windows of {windows} cannot be used: {error}."))?;
        let critic = CriticSettings {
            expectile: lesson.expectile,
            discount: lesson.discount,
            target: if lesson.ldcq { Target::Ldcq } else { Target::Diar },
            ..bundle.info().settings.critic.relearning()
        };
        let training = CriticTraining::new(bundle.clone(), Arc::new(experience), lesson.goal, critic, device)
            .map_err(|error| format!("Training cannot begin: {error}."))?;
        let begun = now();
        Ok(Self { ticket, training, device: device.clone(), begun, looked: begun, losses: None })
    }

    /// A turn of training; gives the agent when all is done.
    pub fn work(&mut self, layout: &Layout) -> Result<Option<Agent>, String> {
        let since = now();
        let words = |error: diar_core::learn::LearnError| format!("Training failed: {error}.");
        while self.training.stage() != Stage::Done && now() - since < TURN {
            let tell = self.training.stage() == Stage::Critic && self.training.position().is_multiple_of(TELL);
            let metrics = self.training.step(tell).map_err(words)?;
            let loss = |name: &str| metrics.iter().find(|(known, _)| *known == name).map(|&(_, loss)| loss);
            if let (Some(v), Some(q)) = (loss("v_loss"), loss("q0_loss")) {
                self.losses = Some([v, q]);
            }
        }
        let (step, total, losses) = (self.training.position(), self.training.total(), self.losses.take());
        post(&ToPage::Learning { ticket: self.ticket, step, total, losses });
        if now() - self.looked > LOOK && self.training.stage() == Stage::Critic {
            self.looked = now();
            let grid = Grid::of(layout);
            let values = self.training.values(&grid.states()).map_err(words)?;
            post(&ToPage::Field { field: grid.field(&values) });
        }
        if self.training.stage() != Stage::Done {
            return Ok(None);
        }
        let bundle = self.training.bundle().map_err(words)?;
        Agent::load(&bundle, &self.device).map(Some).map_err(|error| error.to_string())
    }

    /// Tells the page that it is done.
    pub fn tell(&self) {
        post(&ToPage::Learned { ticket: self.ticket, seconds: (now() - self.begun) / 1000.0 });
    }
}
