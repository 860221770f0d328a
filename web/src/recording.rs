//! A recorded run in few bytes: what the page plays before any weights have arrived.
//!
//! States, actions, rewards and values stay exact, and so does the number of candidates. Candidates take most of the
//! room and are only looked at, so each of their numbers becomes a level between the smallest and the largest of its
//! kind in the decision: 8 bits for latents, 16 for Q and predicted ends.

use diar_core::agent::{Candidates, Decision, Outcome, RunSpec, Step, Trace};
use diar_core::settings::PlanSettings;
use miniz_oxide::{deflate, inflate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::scale;

/// What a recording begins with, before its version.
const MAGIC: &[u8; 4] = b"DIAR";
/// The version this program writes and reads.
const VERSION: u8 = 1;
/// Most bytes that a recording may unpack to.
const LARGEST: usize = 4 * 1024 * 1024;
/// Bytes of a number of a latent; of a Q or a coordinate of a predicted end.
const COARSE: usize = 1;
const FINE: usize = 2;

/// Why bytes are not a recording.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RecordingError {
    /// Something else.
    #[error("these {0} bytes are not a recording, which begins with DIAR and a version")]
    Foreign(usize),
    /// Written by another page.
    #[error("the recording has version {0}, but this page reads {VERSION}: reload the page")]
    Version(u8),
    /// Changed on its way.
    #[error("the recording is damaged ({0}): fetch it again")]
    Damaged(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Packed {
    task: String,
    seed: u64,
    episode: u64,
    settings: PlanSettings,
    start: Vec<f64>,
    decisions: Vec<PackedDecision>,
}

#[derive(Serialize, Deserialize)]
struct PackedDecision {
    t: usize,
    state: Vec<f64>,
    latents: Levels,
    q: Levels,
    chosen: Option<usize>,
    ends: Levels,
    v_end: Option<f32>,
    v_now: Vec<f32>,
    steps: Vec<PackedStep>,
    outcome: Option<Outcome>,
}

/// A step of Maze2D: it is at the goal where it is rewarded.
#[derive(Serialize, Deserialize)]
struct PackedStep {
    action: Vec<f32>,
    state: Vec<f64>,
    reward: f32,
}

/// A matrix in levels, column by column; of each column the high bytes come first, because they resemble each other.
#[derive(Serialize, Deserialize)]
struct Levels {
    rows: usize,
    /// Smallest and largest number of each column, `[columns]`.
    spans: Vec<(f32, f32)>,
    /// `[columns, width, rows]`.
    bytes: Vec<u8>,
}

impl Levels {
    /// The levels of a matrix, `width` bytes each.
    fn of(matrix: &[Vec<f32>], width: usize) -> Self {
        let columns = matrix.first().map_or(0, Vec::len);
        let column = |j: usize| matrix.iter().map(move |row| row.get(j).copied().unwrap_or_default());
        let spans: Vec<(f32, f32)> =
            (0..columns).map(|j| scale::range(column(j)).unwrap_or_default()).collect();
        let mut bytes = Vec::with_capacity(columns * width * matrix.len());
        for (j, &(low, high)) in spans.iter().enumerate() {
            let levels: Vec<u32> = column(j).map(|value| level(value, low, high, top(width))).collect();
            for byte in (0..width).rev() {
                bytes.extend(levels.iter().map(|level| (level >> (8 * byte)) as u8));
            }
        }
        Self { rows: matrix.len(), spans, bytes }
    }

    /// The matrix again; `None` when the parts do not fit each other.
    fn matrix(&self, width: usize) -> Option<Vec<Vec<f32>>> {
        let finite = self.spans.iter().all(|(low, high)| low.is_finite() && high.is_finite());
        let size = self.rows.checked_mul(self.spans.len())?.checked_mul(width)?;
        // Rows without columns would take room without being there.
        if !finite || self.bytes.len() != size || (self.spans.is_empty() && self.rows > 0) {
            return None;
        }
        let number = |i: usize, j: usize| {
            let (low, high) = self.spans[j];
            let bytes = (0..width).map(|byte| self.bytes[(j * width + byte) * self.rows + i]);
            let level = bytes.fold(0, |level, byte| level << 8 | u32::from(byte));
            if level == top(width) {
                return high;
            }
            let [low, high] = [low, high].map(f64::from);
            (low + (high - low) * f64::from(level) / f64::from(top(width))) as f32
        };
        Some((0..self.rows).map(|i| (0..self.spans.len()).map(|j| number(i, j)).collect()).collect())
    }
}

/// The highest level of so many bytes.
fn top(width: usize) -> u32 {
    (1 << (8 * width)) - 1
}

fn level(value: f32, low: f32, high: f32, top: u32) -> u32 {
    let [value, low, high] = [value, low, high].map(f64::from);
    if high > low { ((value - low) / (high - low) * f64::from(top)).round() as u32 } else { 0 }
}

/// The bytes of a run: `DIAR`, the version, and the packed run, compressed; none of a run without plans.
pub fn encode(trace: &Trace) -> Option<Vec<u8>> {
    let decisions = trace.decisions.iter().map(|decision| PackedDecision {
        t: decision.t,
        state: decision.state.clone(),
        latents: Levels::of(decision.latents(), COARSE),
        q: Levels::of(&decision.q.iter().map(|&q| vec![q]).collect::<Vec<_>>(), FINE),
        chosen: decision.chosen,
        ends: Levels::of(&decision.ends, FINE),
        v_end: decision.v_end,
        v_now: decision.v_now.clone(),
        steps: decision.steps.iter().map(packed).collect(),
        outcome: decision.outcome,
    });
    let packed = Packed {
        task: trace.task.clone(),
        seed: trace.run.seed,
        episode: trace.run.episode,
        settings: *trace.run.settings.plan()?,
        start: trace.start.clone(),
        decisions: decisions.collect(),
    };
    // A vector never refuses bytes, so packing cannot fail; an empty payload would be refused on reading.
    let packed = postcard::to_allocvec(&packed).unwrap_or_default();
    // zlib's form of it has a checksum.
    Some([MAGIC.as_slice(), &[VERSION], &deflate::compress_to_vec_zlib(&packed, 10)].concat())
}

fn packed(Step { action, state, reward, .. }: &Step) -> PackedStep {
    PackedStep { action: action.clone(), state: state.clone(), reward: *reward }
}

fn step(PackedStep { action, state, reward }: PackedStep) -> Step {
    Step { action, state, reward, at_goal: reward > 0.0 }
}

/// The run of these bytes.
///
/// # Errors
/// When they are no recording, of another version, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Trace, RecordingError> {
    let foreign = RecordingError::Foreign(bytes.len());
    let (&version, payload) = bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or(foreign)?;
    if version != VERSION {
        return Err(RecordingError::Version(version));
    }
    let packed = inflate::decompress_to_vec_zlib_with_limit(payload, LARGEST)
        .map_err(|_| RecordingError::Damaged("it does not unpack"))?;
    let packed: Packed =
        postcard::from_bytes(&packed).map_err(|_| RecordingError::Damaged("its contents make no sense"))?;
    let decisions = packed.decisions.into_iter().map(decision).collect::<Option<_>>();
    Ok(Trace {
        task: packed.task,
        run: RunSpec::new(packed.seed, packed.episode, packed.settings),
        start: packed.start,
        decisions: decisions.ok_or(RecordingError::Damaged("the candidates of a decision do not fit"))?,
    })
}

/// A decision; `None` when its candidates are not as many everywhere.
fn decision(packed: PackedDecision) -> Option<Decision> {
    let latents = packed.latents.matrix(COARSE)?;
    let q = packed.q.matrix(FINE)?.concat();
    let ends = packed.ends.matrix(FINE)?;
    let fits = |count: usize, known: bool| count == if known { latents.len() } else { 0 };
    let known = packed.chosen.is_none_or(|chosen| chosen < latents.len());
    (known && fits(q.len(), packed.chosen.is_some()) && fits(ends.len(), packed.v_end.is_some())).then_some(
        Decision {
            t: packed.t,
            state: packed.state,
            candidates: Candidates::Latents(latents),
            q,
            chosen: packed.chosen,
            ends,
            v_end: packed.v_end,
            v_now: packed.v_now,
            steps: packed.steps.into_iter().map(step).collect(),
            outcome: packed.outcome,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Script, trace};
    use diar_core::rng::Key;

    /// A run with random candidates, and one decision that has only been sampled.
    fn run() -> Trace {
        let mut stream = Key::new(11).stream();
        let mut trace = trace(&[Script::Dropped(3), Script::Completed(5), Script::Goal(2)]);
        for decision in &mut trace.decisions {
            let mut numbers = |n| (0..n).map(|_| stream.range(-3.0, 5.0) as f32).collect::<Vec<_>>();
            decision.candidates = Candidates::Latents((0..40).map(|_| numbers(16)).collect());
            decision.ends = (0..40).map(|_| numbers(4)).collect();
            decision.q = numbers(40);
            decision.chosen = (0..40).max_by(|&a, &b| decision.q[a].total_cmp(&decision.q[b]));
        }
        let mut open = trace.decisions[0].clone();
        (open.q, open.chosen, open.ends, open.v_end) = (Vec::new(), None, Vec::new(), None);
        (open.v_now, open.steps, open.outcome) = (Vec::new(), Vec::new(), None);
        trace.decisions.push(open);
        trace
    }

    #[test]
    fn all_but_the_candidates_comes_back_exactly() {
        let run = run();
        let mut read = decode(&encode(&run).unwrap()).unwrap();
        assert_eq!(read.decisions.len(), run.decisions.len());
        for (read, decision) in read.decisions.iter_mut().zip(&run.decisions) {
            // The largest Q is that of the chosen one.
            if let Some(chosen) = decision.chosen {
                assert_eq!(read.q[chosen], decision.q[chosen]);
            }
            let pairs = [(read.latents(), decision.latents(), 255.0), (&read.ends, &decision.ends, 65535.0)];
            for (read, exact, levels) in pairs {
                assert_eq!(read.len(), exact.len());
                for (a, b) in read.concat().into_iter().zip(exact.concat()) {
                    // Half a level of a span of at most 8.
                    assert!((a - b).abs() <= 4.0 / levels + 1e-6, "{a} for {b}");
                }
            }
            (read.candidates, read.ends) = (decision.candidates.clone(), decision.ends.clone());
            read.q.clone_from(&decision.q);
        }
        assert_eq!(read, run);
    }

    #[test]
    fn packing_again_changes_nothing() {
        let bytes = encode(&run()).unwrap();
        assert_eq!(encode(&decode(&bytes).unwrap()), Some(bytes));
    }

    #[test]
    fn equal_numbers_stay_equal() {
        let run = trace(&[Script::Goal(2)]);
        assert_eq!(decode(&encode(&run).unwrap()).unwrap().decisions[0].ends, run.decisions[0].ends);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let bytes = encode(&run()).unwrap();
        assert_eq!(decode(b"<!doctype html>"), Err(RecordingError::Foreign(15)));
        assert_eq!(decode(b""), Err(RecordingError::Foreign(0)));
        assert_eq!(decode(b"DIAR\x02"), Err(RecordingError::Version(2)));
        for length in (5..bytes.len()).step_by(7) {
            assert!(matches!(decode(&bytes[..length]), Err(RecordingError::Damaged(_))), "{length} bytes");
        }
        let mut stream = Key::new(12).stream();
        for _ in 0..500 {
            let mut bytes = bytes.clone();
            let at = 5 + stream.below(bytes.len() - 5);
            bytes[at] ^= 1 << stream.below(8);
            // Bits that deflate does not look at may change; nothing else may.
            assert!(decode(&bytes).is_err() || decode(&bytes) == decode(&encode(&run()).unwrap()));
        }
    }

    #[test]
    fn candidates_that_do_not_fit_are_refused() {
        let mut run = run();
        run.decisions[1].ends.pop();
        assert!(matches!(decode(&encode(&run).unwrap()), Err(RecordingError::Damaged(_))));
        let mut run = self::run();
        run.decisions[1].chosen = Some(40);
        assert!(matches!(decode(&encode(&run).unwrap()), Err(RecordingError::Damaged(_))));
    }
}
