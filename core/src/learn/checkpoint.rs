//! A training run between two steps, as named bytes.

use std::collections::BTreeMap;

use burn::module::Module;

use super::{LearnError, Stage};
use crate::nn::train::{Averaged, Trained, restore, save};

/// Means of the encoded windows.
pub(super) const ENCODED: &str = "encoded";
/// The drawn latents.
pub(super) const DRAWN: &str = "drawn";

/// Everything needed to resume: the stage under way, how many of its steps are done, and named bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The stage under way.
    pub stage: Stage,
    /// Steps of it that are done.
    pub position: usize,
    /// Networks, optimisers, latents, priorities.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

/// The stage that changes a blob.
fn stage_of(name: &str) -> Stage {
    match name.split('.').next() {
        Some("vae" | "prior") => Stage::Vae,
        Some(ENCODED) => Stage::Encode,
        Some("denoiser") => Stage::Diffusion,
        Some(DRAWN) => Stage::Draw,
        Some("policy") => Stage::Policy,
        _ => Stage::Critic,
    }
}

impl Checkpoint {
    /// True for a blob of a finished stage, which no later step changes.
    #[must_use]
    pub fn is_product(&self, name: &str) -> bool {
        stage_of(name) < self.stage
    }

    /// The beginning of a stage that is under way or finished: products of the stages before it, nothing else. `None`
    /// for a stage that has not begun, and for the first one, which needs no checkpoint to begin.
    #[must_use]
    pub fn back_to(mut self, stage: Stage) -> Option<Self> {
        if stage > self.stage || stage == Stage::Vae {
            return None;
        }
        self.blobs.retain(|name, _| stage_of(name) < stage);
        Some(Self { stage, position: 0, blobs: self.blobs })
    }

    /// The furthest beginning of a stage that needs none of these blobs.
    #[must_use]
    pub fn without(self, lost: &[String]) -> Option<Self> {
        let first = lost.iter().map(|name| stage_of(name)).min()?;
        self.back_to(first)
    }

    /// True if the stage under way has saved nothing: it begins.
    pub(crate) fn begins(&self) -> bool {
        self.position == 0 && self.blobs.keys().all(|name| self.is_product(name))
    }

    pub(crate) fn new(stage: Stage, position: usize) -> Self {
        Self { stage, position, blobs: BTreeMap::new() }
    }

    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.blobs.insert(name.to_owned(), bytes);
    }

    pub(crate) fn take(&mut self, name: &str) -> Result<Vec<u8>, LearnError> {
        self.blobs.remove(name).ok_or_else(|| LearnError::Blob(name.to_owned()))
    }

    /// Puts a network and its optimiser in, as `name.net` and `name.adam`.
    pub(crate) fn put_trained<M: Module>(&mut self, name: &str, net: &Trained<M>) -> Result<(), LearnError> {
        let (net, adam) = net.save()?;
        self.put(&format!("{name}.net"), net);
        self.put(&format!("{name}.adam"), adam);
        Ok(())
    }

    /// Takes out what [`Self::put_trained`] put in.
    pub(crate) fn take_trained<M: Module>(
        &mut self,
        name: &str,
        net: &mut Trained<M>,
    ) -> Result<(), LearnError> {
        let saved = self.take(&format!("{name}.net"))?;
        Ok(net.load(saved, &self.take(&format!("{name}.adam"))?)?)
    }

    /// Puts a network, its optimiser and its average in, the last as `name.average`.
    pub(crate) fn put_averaged<M: Module>(
        &mut self,
        name: &str,
        net: &Averaged<M>,
    ) -> Result<(), LearnError> {
        self.put(&format!("{name}.average"), save(&net.average)?);
        self.put_trained(name, &net.trained)
    }

    /// Takes out what [`Self::put_averaged`] put in.
    pub(crate) fn take_averaged<M: Module>(
        &mut self,
        name: &str,
        net: &mut Averaged<M>,
    ) -> Result<(), LearnError> {
        net.average = restore(net.average.clone(), self.take(&format!("{name}.average"))?)?;
        self.take_trained(name, &mut net.trained)
    }

    pub(crate) fn put_numbers(&mut self, name: &str, values: &[f32]) {
        self.put(name, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(crate) fn take_numbers(&mut self, name: &str) -> Result<Vec<f32>, LearnError> {
        let bytes = self.take(name)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(LearnError::Blob(name.to_owned()));
        }
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}
