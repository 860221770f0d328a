//! A training run between two steps, as named bytes.

use std::collections::BTreeMap;

use super::{LearnError, Stage};

/// What the stages up to the diffusion model write.
const EARLIER: [&str; 3] = ["vae.", "encoded", "denoiser."];
/// The drawn latents.
pub(super) const DRAWN: &str = "drawn";

/// Everything needed to go on: which stage, how many of its steps are done, and named bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The stage under way.
    pub stage: Stage,
    /// Steps of it that are done.
    pub position: usize,
    /// Networks, optimisers, latents, priorities.
    pub blobs: BTreeMap<String, Vec<u8>>,
}

impl Checkpoint {
    /// What another run with the same data, VAE and diffusion model can begin with: this run's first two stages, and
    /// nothing drawn or learned after them. `None` when they are not complete.
    #[must_use]
    pub fn before_critic(mut self) -> Option<Self> {
        if self.stage < Stage::Draw {
            return None;
        }
        self.blobs.retain(|name, _| EARLIER.iter().any(|prefix| name.starts_with(prefix)));
        self.put_numbers(DRAWN, &[]);
        Some(Self { stage: Stage::Draw, position: 0, blobs: self.blobs })
    }

    pub(super) fn new(stage: Stage, position: usize) -> Self {
        Self { stage, position, blobs: BTreeMap::new() }
    }

    pub(super) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.blobs.insert(name.to_owned(), bytes);
    }

    pub(super) fn take(&mut self, name: &str) -> Result<Vec<u8>, LearnError> {
        self.blobs.remove(name).ok_or_else(|| LearnError::Blob(name.to_owned()))
    }

    pub(super) fn put_numbers(&mut self, name: &str, values: &[f32]) {
        self.put(name, values.iter().flat_map(|value| value.to_le_bytes()).collect());
    }

    pub(super) fn take_numbers(&mut self, name: &str) -> Result<Vec<f32>, LearnError> {
        let bytes = self.take(name)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(LearnError::Blob(name.to_owned()));
        }
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}
