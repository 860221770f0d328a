//! Questions on the side, answered bit by bit while no message waits.

use std::sync::Arc;

use diar_core::agent::{Agent, AgentError, Episode, Rollout, RolloutOptions};
use diar_core::env::{self, Envs};
use diar_core::maze::Layout;

use super::field::Grid;
use super::{fail, now, post};
use crate::messages::{Candidates, Denoising, Failure, Plan, ToPage, Trail};
use crate::pace::{Pace, TURN};

/// Latents that are decoded into ways at once.
const WAYS: usize = 128;
/// States that are valued at once.
const STATES: usize = 1024;
/// Latents on their way from noise that are looked at at once.
const TRAIL: usize = 2048;
/// Most latents, over all sampler steps, of a denoising that is shown.
const MOST_OF_TRAIL: usize = 1 << 18;

/// Something under way.
pub(crate) enum Side {
    Imagine(Imagining),
    Denoise(Trailing),
    Field(Valuing),
    Measure(Box<Measuring>),
}

impl Side {
    /// Goes on for about a turn; answers whether it is done. What goes wrong is told to the page.
    pub(crate) async fn work(&mut self, pace: &mut Pace) -> bool {
        let since = now();
        while now() - since < TURN {
            let done = match self {
                Self::Imagine(imagining) => imagining.work().await,
                Self::Denoise(trailing) => trailing.work().await,
                Self::Field(valuing) => valuing.work().await,
                Self::Measure(measuring) => measuring.work(pace).await,
            };
            match done {
                Ok(false) => {}
                Ok(true) => return true,
                Err(error) => {
                    let failure = match self {
                        Self::Imagine(_) | Self::Denoise(_) => Failure::Insight,
                        Self::Measure(_) => Failure::Measure,
                        // V is part of every decision: without it none can be made.
                        Self::Field(_) => Failure::Compute,
                    };
                    fail(failure, None, error.to_string());
                    return true;
                }
            }
        }
        false
    }
}

/// Candidates on their way to be ways.
pub(crate) struct Imagining {
    ticket: u32,
    agent: Arc<Agent>,
    envs: Box<dyn Envs>,
    candidates: Candidates,
    ways: Vec<Vec<[f32; 2]>>,
    values: Vec<f32>,
}

impl Imagining {
    pub(crate) fn new(ticket: u32, agent: &Arc<Agent>, candidates: Candidates) -> Result<Self, AgentError> {
        let mut envs = env::open(agent.task())?;
        envs.reset(&[], &candidates.world)?;
        let agent = Arc::clone(agent);
        Ok(Self { ticket, agent, envs, candidates, ways: Vec::new(), values: Vec::new() })
    }

    async fn work(&mut self) -> Result<bool, AgentError> {
        let Candidates { state, latents, world, .. } = &self.candidates;
        let done = self.ways.len();
        let some = &latents[done..latents.len().min(done + WAYS)];
        if !some.is_empty() {
            let horizon = self.agent.settings().data.horizon;
            let ways = self.agent.imagine(&mut *self.envs, state, some, world, horizon).await?;
            // The page draws places: the first two numbers of a state.
            let place = |state: Vec<f64>| [state[0] as f32, state[1] as f32];
            let narrow = |way: Vec<Vec<f64>>| way.into_iter().map(place).collect();
            self.ways.extend(ways.into_iter().map(narrow));
            self.values.extend(end_values(&self.agent, state, some).await?);
        }
        let done = self.ways.len() == latents.len();
        if done {
            let (ways, values) = (std::mem::take(&mut self.ways), std::mem::take(&mut self.values));
            post(&ToPage::Imagined { ticket: self.ticket, ways, values });
        }
        Ok(done)
    }
}

/// V of the end that each latent promises.
async fn end_values(agent: &Agent, state: &[f64], latents: &[Vec<f32>]) -> Result<Vec<f32>, AgentError> {
    let mut state: Vec<f32> = state.iter().map(|&x| x as f32).collect();
    agent.normalise(&mut state);
    let states = agent.states(state.repeat(latents.len()));
    let values = agent.v(agent.end(states, agent.latents(latents.concat())));
    let device = |error: String| AgentError::Device(error);
    let data = Box::pin(values.into_data_async()).await.map_err(|error| device(error.to_string()))?;
    data.try_to_vec().map_err(|error| device(error.to_string()))
}

/// A denoising that is gone through again, some candidates after others.
pub(crate) struct Trailing {
    ticket: u32,
    agent: Arc<Agent>,
    denoising: Denoising,
    /// Of the candidates so far.
    trail: Trail,
    done: usize,
}

impl Trailing {
    /// # Errors
    /// When there is more of it than the page can hold.
    pub(crate) fn new(ticket: u32, agent: &Arc<Agent>, denoising: Denoising) -> Result<Self, String> {
        let settings = &denoising.settings;
        let updates = settings.sampler.steps.saturating_add(settings.sampler.extra_steps);
        if settings.candidates.saturating_mul(updates) > MOST_OF_TRAIL {
            return Err(format!(
                "The denoising of {} candidates over {updates} steps is more than the page can show, {MOST_OF_TRAIL} in all: \
                 choose fewer candidates or steps.",
                settings.candidates
            ));
        }
        let trail = Trail { latents: Vec::new(), ends: Vec::new(), q: Vec::new() };
        Ok(Self { ticket, agent: Arc::clone(agent), denoising, trail, done: 0 })
    }

    async fn work(&mut self) -> Result<bool, AgentError> {
        let Denoising { state, seed, episode, decision, settings } = &self.denoising;
        let updates = settings.sampler.steps + settings.sampler.extra_steps;
        let to = settings.candidates.min(self.done + (TRAIL / updates.max(1)).max(1));
        let key = Episode::random(*seed, *episode).plan_key();
        let part = self.agent.trail_of(self.done..to, state, key, *decision, settings).await?;
        let Trail { latents, ends, q } = &mut self.trail;
        let place =
            |ends: Vec<Vec<f32>>| -> Vec<[f32; 2]> { ends.iter().map(|end| [end[0], end[1]]).collect() };
        append(latents, part.latents);
        append(ends, part.ends.into_iter().map(place).collect());
        append(q, part.q);
        self.done = to;
        let done = to == settings.candidates;
        if done {
            let empty = Trail { latents: Vec::new(), ends: Vec::new(), q: Vec::new() };
            let trail = std::mem::replace(&mut self.trail, empty);
            post(&ToPage::Denoised { ticket: self.ticket, trail });
        }
        Ok(done)
    }
}

/// Adds further candidates to each step.
fn append<T>(all: &mut Vec<Vec<T>>, some: Vec<Vec<T>>) {
    all.resize_with(some.len(), Vec::new);
    for (all, some) in all.iter_mut().zip(some) {
        all.extend(some);
    }
}

/// V over the maze.
pub(crate) struct Valuing {
    agent: Arc<Agent>,
    grid: Grid,
    states: Vec<Vec<f32>>,
    values: Vec<f32>,
}

impl Valuing {
    pub(crate) fn new(agent: &Arc<Agent>, layout: &Layout) -> Self {
        let grid = Grid::of(layout);
        Self { agent: Arc::clone(agent), states: grid.states(), grid, values: Vec::new() }
    }

    async fn work(&mut self) -> Result<bool, AgentError> {
        let done = self.values.len();
        let some = &self.states[done..self.states.len().min(done + STATES)];
        self.values.extend(self.agent.values(some).await?);
        let done = self.values.len() == self.states.len();
        if done {
            post(&ToPage::Field { field: self.grid.field(&self.values) });
        }
        Ok(done)
    }
}

/// The first decisions of a run, against the clock. The first of them may have to compile kernels, and does not count.
pub(crate) struct Measuring {
    agent: Arc<Agent>,
    /// Hash of the agent's bundle.
    loaded: String,
    plan: Plan,
    rollout: Option<Rollout>,
    /// Parts of this decision that are done, and milliseconds they took.
    parts: usize,
    millis: f64,
    /// Milliseconds of each decision so far.
    taken: Vec<f64>,
}

impl Measuring {
    /// Sample, rank, predict, compare.
    const PARTS: usize = 4;
    const DECISIONS: usize = 3;
    /// Milliseconds after which two decisions are enough.
    const ENOUGH: f64 = 1000.0;

    pub(crate) fn new(agent: &Arc<Agent>, loaded: &str, plan: Plan) -> Self {
        let (agent, loaded) = (Arc::clone(agent), loaded.to_owned());
        Self { agent, loaded, plan, rollout: None, parts: 0, millis: 0.0, taken: Vec::new() }
    }

    async fn work(&mut self, pace: &mut Pace) -> Result<bool, AgentError> {
        let begun = now();
        let rollout = match &mut self.rollout {
            Some(rollout) => rollout,
            None => self.rollout.insert(begin(&self.agent, &self.plan)?),
        };
        let events = rollout.advance_some(pace.work()).await?;
        let millis = now() - begun;
        pace.took(millis, rollout.is_midway());
        self.millis += millis;
        // Recorded, so that every part has something to tell.
        self.parts += usize::from(!events.is_empty());
        if self.parts < Self::PARTS {
            return Ok(false);
        }
        self.taken.push(self.millis);
        (self.rollout, self.parts, self.millis) = (None, 0, 0.0);
        let long = self.taken.len() > 1 && self.taken.iter().sum::<f64>() > Self::ENOUGH;
        if self.taken.len() < Self::DECISIONS && !long {
            return Ok(false);
        }
        let millis = self.taken.iter().copied().fold(f64::INFINITY, f64::min);
        post(&ToPage::Measured { loaded: self.loaded.clone(), millis });
        Ok(true)
    }
}

fn begin(agent: &Arc<Agent>, plan: &Plan) -> Result<Rollout, AgentError> {
    let options = RolloutOptions { record: true, stop_at_goal: true, shareable: true };
    let episode = Episode::chosen(plan.run.seed, plan.run.episode, plan.run.start.as_deref());
    let settings = plan.run.settings.plan().copied().unwrap_or(agent.settings().plan);
    Rollout::new(Arc::clone(agent), env::open(agent.task())?, settings, &[episode], options)
}
