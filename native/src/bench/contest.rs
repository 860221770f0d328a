//! Ours and a rival's variants in turn, burst by burst, so that a machine that is slower for a while is so for all.

use std::time::Duration;

use serde_json::Value;

use super::BenchError;
use super::prepare::Repetition;
use super::rival::{Answer, Rival};
use super::times::Times;

/// Rounds in which the time is spent.
const ROUNDS: u32 = 7;
/// Fewest rounds, and so fewest repetitions, of a path slower than its time allows.
const LEAST_ROUNDS: u32 = 3;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Time for each contender.
    pub budget: Duration,
    /// Threads for each contender.
    pub threads: usize,
}

/// What a contest gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Our times.
    pub ours: Times,
    /// The times of each variant that the rival has of it.
    pub rivals: Vec<RivalTimes>,
}

/// A rival's times.
#[derive(Debug)]
pub(crate) struct RivalTimes {
    /// The rival's name and the variant's.
    pub name: String,
    /// Its times.
    pub times: Times,
}

/// Measures ours and, asked for by a request, the rival's variants. What else there is to know is said through `say`.
///
/// # Errors
/// When our path fails or the rival does not keep to the protocol.
pub(crate) fn contest(
    ours: &mut Repetition,
    effort: Effort,
    opponent: Option<(&mut Rival, Value)>,
    say: impl Fn(&str),
) -> Result<Outcome, BenchError> {
    let burst = effort.budget / ROUNDS;
    let mut field = opponent.map(|(rival, request)| Field::new(rival, &request, effort.threads, burst));
    // The first one finds cold caches and memory that the allocator has yet to ask for.
    ours()?;
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    for round in 0..ROUNDS {
        if round >= LEAST_ROUNDS && spent >= effort.budget {
            break;
        }
        let mut left = burst;
        loop {
            let time = ours()?;
            times.push(milliseconds(time));
            spent += time;
            left = left.saturating_sub(time);
            if left.is_zero() {
                break;
            }
        }
        if let Some(field) = &mut field {
            field.burst(&say)?;
        }
    }
    let rivals = field.map(Field::finish).unwrap_or_default();
    let ours = Times::of(times).expect("every round has a repetition");
    Ok(Outcome { ours, rivals })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The rival's variants of one path.
struct Field<'a> {
    rival: &'a mut Rival,
    variants: Vec<Variant>,
}

struct Variant {
    name: String,
    request: Value,
    times: Vec<f64>,
}

impl<'a> Field<'a> {
    fn new(rival: &'a mut Rival, request: &Value, threads: usize, burst: Duration) -> Self {
        let case = request["case"].as_str().unwrap_or_default();
        let variants = rival.variants(case).iter().map(|name| {
            let mut request = request.clone();
            request["variant"] = name.as_str().into();
            request["threads"] = threads.into();
            request["seconds"] = burst.as_secs_f64().into();
            Variant { name: name.clone(), request, times: Vec::new() }
        });
        let variants = variants.collect();
        Self { rival, variants }
    }

    /// A burst of each variant. One that the rival cannot run is left out from then on.
    fn burst(&mut self, say: &impl Fn(&str)) -> Result<(), BenchError> {
        let mut able = Vec::new();
        for mut variant in self.variants.drain(..) {
            match self.rival.ask(&variant.request)? {
                Answer::Times(times) => {
                    variant.times.extend(times);
                    able.push(variant);
                }
                Answer::Unable(reason) => {
                    let case = variant.request["case"].as_str().unwrap_or_default();
                    let name = format!("{} {}", self.rival.name(), variant.name);
                    say(&format!("warning: {case}: {name} is left out: {reason}"));
                }
            }
        }
        self.variants = able;
        Ok(())
    }

    fn finish(self) -> Vec<RivalTimes> {
        let Self { rival, variants } = self;
        variants
            .into_iter()
            .filter_map(|Variant { name, times, .. }| {
                Some(RivalTimes { name: format!("{} {name}", rival.name()), times: Times::of(times)? })
            })
            .collect()
    }
}
