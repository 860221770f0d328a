//! An episode as a URL fragment.
//!
//! A link carries how the episode was decided (settings, seed, start) and what came of it (decisions and actions).
//! Actions replay exactly on any device, because the physics is the same arithmetic everywhere; the seed allows the
//! decisions to be computed again, and the link says how many agree.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::agent::{Outcome, Trace};
use crate::settings::PlanSettings;

/// The version this program writes, and the newest it reads.
pub const VERSION: u32 = 1;
/// Characters of a bundle's hash that a link carries.
pub const HASH_LENGTH: usize = 16;
/// Longest link that is read, in characters.
pub const LONGEST: usize = 64 * 1024;
/// Most bytes a link may unpack to.
const LARGEST: usize = 256 * 1024;

/// A shared episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// D4RL's environment id.
    pub task: String,
    /// First characters of the bundle's hash.
    pub bundle: String,
    /// Seed of the run.
    pub seed: u64,
    /// Number of the episode.
    pub episode: u64,
    /// Where it began, when that was chosen by hand.
    pub start: Option<[f64; 4]>,
    /// How decisions were made.
    pub settings: PlanSettings,
    /// The moment that was being looked at, in environment steps.
    pub cursor: u32,
    /// What was decided.
    pub decisions: Vec<LinkDecision>,
    /// Every action taken.
    pub actions: Vec<[f32; 2]>,
}

/// One decision of a shared episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkDecision {
    /// Index of the chosen candidate.
    pub chosen: u16,
    /// Steps taken with it.
    pub steps: u16,
    /// How it ended; `None` for a decision still under way.
    pub outcome: Option<Outcome>,
}

/// Why a fragment is not a link.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    /// Longer than any link.
    #[error("the link has {0} characters, more than a link can have ({LONGEST})")]
    TooLong(usize),
    /// Written by a newer page.
    #[error("the link has version {0}, but this page reads up to {VERSION}: reload the page to update it")]
    Version(u32),
    /// Changed on its way.
    #[error("the link is damaged ({0}): copy it again from where it came from")]
    Damaged(&'static str),
}

impl Link {
    /// The link of an episode as far as it has come; `chosen_start` is set when the start was chosen by hand.
    pub fn of(trace: &Trace, bundle_hash: &str, chosen_start: Option<[f64; 4]>, cursor: u32) -> Self {
        let decided = trace.decisions.iter().filter_map(|decision| {
            decision.chosen.map(|chosen| LinkDecision {
                chosen: chosen as u16,
                steps: decision.steps.len() as u16,
                outcome: decision.outcome,
            })
        });
        let steps = trace.decisions.iter().flat_map(|decision| &decision.steps);
        Self {
            task: trace.task.clone(),
            bundle: bundle_hash.chars().take(HASH_LENGTH).collect(),
            seed: trace.seed,
            episode: trace.episode,
            start: chosen_start,
            settings: trace.settings,
            cursor,
            decisions: decided.collect(),
            actions: steps.map(|step| [step.action[0], step.action[1]]).collect(),
        }
    }

    /// The fragment, without `#`: `v1.` and base64url of the packed episode and its checksum.
    pub fn encode(&self) -> String {
        // A vector never refuses bytes, so packing cannot fail; an empty payload would be refused on reading.
        let packed = postcard::to_allocvec(self).unwrap_or_default();
        let mut bytes = checksum(&packed).to_le_bytes().to_vec();
        bytes.extend(miniz_oxide::deflate::compress_to_vec(&packed, 9));
        format!("v{VERSION}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a fragment, with or without `#`.
    ///
    /// # Errors
    /// When it is too long, damaged, or of a newer version.
    pub fn decode(fragment: &str) -> Result<Self, LinkError> {
        let text = fragment.trim().trim_start_matches('#');
        if text.len() > LONGEST {
            return Err(LinkError::TooLong(text.len()));
        }
        let (version, payload) = text.split_once('.').ok_or(LinkError::Damaged("it has no version"))?;
        let version = version.strip_prefix('v').and_then(|number| number.parse::<u32>().ok());
        match version {
            None | Some(0) => return Err(LinkError::Damaged("it has no version")),
            Some(newer) if newer > VERSION => return Err(LinkError::Version(newer)),
            Some(_) => {}
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| LinkError::Damaged("a character is wrong or missing"))?;
        let (sum, packed) = bytes.split_first_chunk::<4>().ok_or(LinkError::Damaged("it is cut off"))?;
        let packed = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, LARGEST)
            .map_err(|_| LinkError::Damaged("it does not unpack"))?;
        if checksum(&packed) != u32::from_le_bytes(*sum) {
            return Err(LinkError::Damaged("its checksum is wrong"));
        }
        let link: Self =
            postcard::from_bytes(&packed).map_err(|_| LinkError::Damaged("its contents make no sense"))?;
        let numbers = link.actions.iter().flatten().all(|x| x.is_finite())
            && link.start.iter().flatten().all(|x| x.is_finite());
        if !numbers {
            return Err(LinkError::Damaged("it holds a number that is not finite"));
        }
        Ok(link)
    }

    /// How many of the link's decisions another run of the same episode agrees with: same candidate, same length, same
    /// end. Gives the number that agree and the number compared.
    pub fn agreement(&self, trace: &Trace) -> (usize, usize) {
        let again = Self::of(trace, &self.bundle, self.start, self.cursor);
        let pairs = self.decisions.iter().zip(&again.decisions);
        (pairs.filter(|(a, b)| a == b).count(), self.decisions.len())
    }
}

/// FNV-1a, 32 bits: tells a damaged link from a whole one.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Key;
    use crate::settings::{Preset, Settings};
    use crate::task::TASKS;

    fn link(steps: usize) -> Link {
        let mut stream = Key::new(5).stream();
        Link {
            task: TASKS[0].id.to_owned(),
            bundle: "0123456789abcdef".to_owned(),
            seed: 42,
            episode: 7,
            start: Some([1.0, 2.0, 0.25, -0.125]),
            settings: Settings::preset(Preset::Quick, &TASKS[0]).plan,
            cursor: 3,
            decisions: (0..steps / 3)
                .map(|i| LinkDecision {
                    chosen: stream.below(64) as u16,
                    steps: 3,
                    outcome: Some(Outcome::Revalued { at: i % 30 }),
                })
                .collect(),
            actions: (0..steps)
                .map(|_| [stream.range(-1.0, 1.0) as f32, stream.range(-1.0, 1.0) as f32])
                .collect(),
        }
    }

    #[test]
    fn links_survive_the_round_trip() {
        for steps in [0, 1, 90, 300, 800] {
            let link = link(steps);
            assert_eq!(Link::decode(&link.encode()), Ok(link.clone()));
            assert_eq!(Link::decode(&format!("#{}", link.encode())), Ok(link));
        }
    }

    #[test]
    fn damaged_links_are_refused() {
        let whole = link(60).encode();
        let mut stream = Key::new(6).stream();
        for _ in 0..2_000 {
            let mut bytes = whole.clone().into_bytes();
            match stream.below(3) {
                0 => bytes.truncate(stream.below(bytes.len())),
                1 => {
                    let at = stream.below(bytes.len());
                    bytes[at] = b"ABCabc019-_."[stream.below(12)];
                }
                _ => bytes.insert(stream.below(whole.len()), b'Q'),
            }
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(read) = Link::decode(&text) {
                assert_eq!(read, link(60), "a changed link that is read must be the same episode");
            }
        }
        assert_eq!(Link::decode("v2.AAAA"), Err(LinkError::Version(2)));
        assert!(matches!(Link::decode(""), Err(LinkError::Damaged(_))));
        assert!(matches!(Link::decode(&"x".repeat(LONGEST + 1)), Err(LinkError::TooLong(_))));
    }
}
