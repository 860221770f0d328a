//! The acceptance test of few-step samplers: each is held against the full chain of the same agent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::simulators;
use diar_core::agent::acceptance::{Closeness, MaxQ, Reference, accepted};
use diar_core::agent::probe::{Drawn, Draws, draw, probe_states};
use diar_core::agent::{Agent, AgentError};
use diar_core::method;
use diar_core::rng::Key;
use diar_core::score::{EpisodeResult, Estimate, all_points, paired_difference};
use diar_core::settings::{PlanSettings, Sampler, SamplerSettings};
use serde::Serialize;

use crate::cli::EpisodeArgs;
use crate::evaluation;
use crate::failure::Failure;
use crate::memory::{self, TooMuch};
use crate::run::progress::Progress;

/// Few-step samplers on trial. One step of DDIM gives the mean of all latents: shown for what it is.
const ON_TRIAL: [(Sampler, usize); 7] = [
    (Sampler::Ddim, 1),
    (Sampler::Ddim, 5),
    (Sampler::Ddim, 10),
    (Sampler::Ddim, 20),
    (Sampler::Sde, 5),
    (Sampler::Sde, 10),
    (Sampler::Sde, 20),
];
/// Calls of the full chain beyond its T steps, as in the paper.
const EXTRA_STEPS: usize = 5;
/// Time that decisions are counted for.
const TIMED: Duration = Duration::from_millis(250);

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The bundle's way of deciding; only the sampler changes.
    pub plan: PlanSettings,
    /// States that latents are drawn in.
    pub states: usize,
    /// Fewest latents drawn in each.
    pub latents: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Paired episodes, if scores are compared too.
    pub episodes: Option<EpisodeArgs>,
    /// Points of score that a sampler may lose.
    pub margin: f64,
}

/// The full chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chain {
    /// Always `ddpm`.
    pub kind: Sampler,
    /// Diffusion steps T.
    pub steps: usize,
    /// Further calls at diffusion step 1.
    pub extra_steps: usize,
    /// The largest Q of its decisions.
    pub max_q: MaxQ,
    /// Its score, if episodes were played.
    pub first_contact: Option<Estimate>,
    /// Decisions per second, one state at a time: candidates sampled, ranked and the best one decoded.
    pub decisions_per_second: f64,
}

/// A few-step sampler.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Which.
    pub kind: Sampler,
    /// Network calls per latent.
    pub steps: usize,
    /// How far it is from the full chain.
    #[serde(flatten)]
    pub closeness: Closeness,
    /// The largest Q of its decisions.
    pub max_q: MaxQ,
    /// Its score, if episodes were played.
    pub first_contact: Option<Estimate>,
    /// Its score minus the full chain's, episode by episode.
    pub difference: Option<Estimate>,
    /// Whether it loses fewer points than the margin, to 95 %.
    pub accepted: Option<bool>,
    /// As for the full chain.
    pub decisions_per_second: f64,
}

/// The full chain and all samplers on trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The full chain.
    pub reference: Chain,
    /// Those with fewer steps than it, in the order of the trial.
    pub samplers: Vec<Candidate>,
}

impl Outcome {
    /// The accepted sampler of fewest steps; of equals the one with the higher score.
    #[must_use]
    pub fn cheapest(&self) -> Option<&Candidate> {
        let score = |candidate: &Candidate| candidate.difference.map_or(0.0, |difference| difference.mean);
        self.samplers
            .iter()
            .filter(|candidate| candidate.accepted == Some(true))
            .min_by(|a, b| a.steps.cmp(&b.steps).then(score(b).total_cmp(&score(a))))
    }
}

/// The name of a sampler, as in tables.
#[must_use]
pub fn name(kind: Sampler, steps: usize) -> String {
    let kind = match kind {
        Sampler::Ddpm => "ddpm",
        Sampler::Ddim => "ddim",
        Sampler::Sde => "sde",
    };
    format!("{kind} {steps}")
}

/// Decisions drawn in each state: at least two, and at least so many latents together.
#[must_use]
pub fn draws(trial: &Trial) -> Draws {
    let candidates = trial.plan.candidates;
    Draws { decisions: trial.latents.div_ceil(candidates).max(2), candidates }
}

/// Holds every sampler on trial against the full chain.
///
/// # Errors
/// When the agent cannot decide.
pub fn run(agent: &Arc<Agent>, trial: &Trial) -> Result<Outcome, Failure> {
    let all = agent.schedule().steps();
    let chain = SamplerSettings { kind: Sampler::Ddpm, steps: all, extra_steps: EXTRA_STEPS };
    PlanSettings { sampler: chain, ..trial.plan }.check(all)?;
    require(agent, trial)?;
    let bench = Bench::new(agent, trial)?;
    let first = bench.drawn(chain, "reference")?;
    let second = bench.drawn(chain, "second reference")?;
    let reference = Reference::new(bench.key.named("directions"), agent.latent(), first, &second);
    let episodes = bench.episodes(chain)?;
    let (task, counted) = (agent.task(), agent.task().scoring.kinds[0]);
    let score = |episodes: &Vec<EpisodeResult>| Estimate::of(&all_points(task, counted, episodes));
    let row = Chain {
        kind: chain.kind,
        steps: chain.steps,
        extra_steps: chain.extra_steps,
        max_q: reference.max_q(),
        first_contact: episodes.as_ref().map(score),
        decisions_per_second: bench.speed(chain)?,
    };

    let mut samplers = Vec::new();
    for (kind, steps) in ON_TRIAL.into_iter().filter(|&(_, steps)| steps < all) {
        let sampler = SamplerSettings { kind, steps, extra_steps: 0 };
        let drawn = bench.drawn(sampler, "sampler")?;
        let own = bench.episodes(sampler)?;
        let difference = own
            .as_ref()
            .zip(episodes.as_ref())
            .map(|(own, chain)| paired_difference(task, counted, own, chain));
        samplers.push(Candidate {
            kind,
            steps,
            closeness: reference.closeness(&drawn),
            max_q: MaxQ::of(&drawn),
            first_contact: own.as_ref().map(score),
            difference,
            accepted: own
                .zip(difference)
                .map(|(own, difference)| accepted(&difference, own.len(), trial.margin)),
            decisions_per_second: bench.speed(sampler)?,
        });
    }
    Ok(Outcome { reference: row, samplers })
}

/// Refuses latents that take more memory than there is: two draws of the full chain and one of a sampler are kept.
fn require(agent: &Agent, trial: &Trial) -> Result<(), TooMuch> {
    let Draws { decisions, candidates } = draws(trial);
    let latents = (trial.states * decisions * candidates) as f64;
    let work = format!("{} latents in each of {} states", decisions * candidates, trial.states);
    memory::require(work, 3.0 * latents * (4.0 * agent.latent() as f64 + 32.0), "lower --states or --latents")
}

/// What every sampler is tried on.
struct Bench<'a> {
    agent: &'a Arc<Agent>,
    trial: &'a Trial,
    key: Key,
    states: Vec<Vec<f32>>,
}

impl<'a> Bench<'a> {
    fn new(agent: &'a Arc<Agent>, trial: &'a Trial) -> Result<Self, AgentError> {
        let states = pollster::block_on(probe_states(
            agent,
            simulators::open(agent.task())?,
            trial.plan,
            trial.seed,
            trial.states,
        ))?;
        Ok(Self { agent, trial, key: Key::new(trial.seed).named("samplers"), states })
    }

    /// Draws in every state. Samplers on trial share their noise, which differs from the full chain's.
    fn drawn(&self, sampler: SamplerSettings, noise: &str) -> Result<Vec<Drawn>, AgentError> {
        let mut progress = Progress::new();
        progress.begin(&format!("{} latents", name(sampler.kind, sampler.steps)), 0, self.states.len());
        let sampler = self.agent.sampler(sampler);
        let key = self.key.named(noise);
        let mut drawn = Vec::new();
        for (i, state) in self.states.iter().enumerate() {
            let key = key.fold(i as u64);
            drawn.push(pollster::block_on(draw(self.agent, &sampler, state, key, draws(self.trial)))?);
            progress.update(drawn.len(), None);
        }
        progress.end();
        Ok(drawn)
    }

    /// The trial's episodes, if it has any.
    fn episodes(&self, sampler: SamplerSettings) -> Result<Option<Vec<EpisodeResult>>, Failure> {
        let Some(episodes) = self.trial.episodes else { return Ok(None) };
        let plan = PlanSettings { sampler, ..self.trial.plan };
        let name = format!("{} episodes", name(sampler.kind, sampler.steps));
        let agent = method::Agent::Latent(Arc::clone(self.agent), plan);
        evaluation::play_to_goal(&name, &agent, episodes).map(Some)
    }

    fn speed(&self, sampler: SamplerSettings) -> Result<f64, AgentError> {
        let sampler = self.agent.sampler(sampler);
        let one = Draws { decisions: 1, candidates: self.trial.plan.candidates };
        let decide = |number: usize| {
            let state = &self.states[number % self.states.len()];
            let key = self.key.named("speed").fold(number as u64);
            pollster::block_on(draw(self.agent, &sampler, state, key, one))
        };
        // A device's first use of a shape takes longer.
        decide(0)?;
        let begun = Instant::now();
        let mut decisions = 0;
        while decisions == 0 || begun.elapsed() < TIMED {
            decisions += 1;
            decide(decisions)?;
        }
        Ok(decisions as f64 / begun.elapsed().as_secs_f64().max(1e-9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(kind: Sampler, steps: usize, mean: f64, accepted: Option<bool>) -> Candidate {
        let estimate = |mean| Estimate { mean, ci95: 1.0 };
        Candidate {
            kind,
            steps,
            closeness: Closeness {
                mmd2: 0.0,
                mmd2_floor: 0.0,
                sliced_w1: 0.0,
                sliced_w1_floor: 0.0,
                deviation_ratio: vec![1.0],
                action_rms: 0.0,
                action_rms_floor: 0.0,
                max_q_difference: estimate(0.0),
            },
            max_q: MaxQ { mean: 0.0, sd: 0.0, sd_states: 0.0 },
            first_contact: Some(estimate(100.0 + mean)),
            difference: Some(estimate(mean)),
            accepted,
            decisions_per_second: 1.0,
        }
    }

    #[test]
    fn the_cheapest_is_the_accepted_sampler_of_fewest_steps() {
        let reference = Chain {
            kind: Sampler::Ddpm,
            steps: 500,
            extra_steps: EXTRA_STEPS,
            max_q: MaxQ { mean: 0.0, sd: 0.0, sd_states: 0.0 },
            first_contact: None,
            decisions_per_second: 1.0,
        };
        let mut outcome = Outcome {
            reference,
            samplers: vec![
                candidate(Sampler::Ddim, 1, -60.0, Some(false)),
                candidate(Sampler::Ddim, 10, 0.0, Some(true)),
                candidate(Sampler::Sde, 20, 3.0, Some(true)),
                candidate(Sampler::Sde, 10, 0.5, Some(true)),
            ],
        };
        let cheapest = outcome.cheapest().unwrap();
        assert_eq!((cheapest.kind, cheapest.steps), (Sampler::Sde, 10));
        outcome.samplers.iter_mut().for_each(|candidate| candidate.accepted = Some(false));
        assert!(outcome.cheapest().is_none());
        outcome.samplers.iter_mut().for_each(|candidate| candidate.accepted = None);
        assert!(outcome.cheapest().is_none());
    }
}
