//! Episodes: a policy and the environments it acts in.

use std::sync::Arc;

use super::model::{Agent, AgentError};
use super::planner::Planner;
use super::policy::{Advance, LaneEvent, Observed, Policy};
use super::scenario::Scenario;
use super::trace::{Event, Outcome, Phase};
use crate::env::{End, Envs, Start, Step};
use crate::rng::Key;
use crate::score::EpisodeResult;
use crate::settings::PlanSettings;

/// An episode: its random draws depend on these numbers alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Seed of the run it belongs to.
    pub seed: u64,
    /// Number within the run.
    pub index: u64,
    /// Its start.
    pub begin: Begin,
}

/// Choice of an episode's start.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// As the task's reset draws it.
    Random,
    /// In the stratum whose turn it is: over many episodes, each counts the same.
    InTurn,
    /// In this observation, `[state]`.
    At(Vec<f64>),
}

impl Episode {
    /// An episode that begins where the task's reset happens to put it.
    #[must_use]
    pub fn random(seed: u64, index: u64) -> Self {
        Self { seed, index, begin: Begin::Random }
    }

    /// An episode that begins in the stratum whose turn it is, such as a free cell of a maze.
    #[must_use]
    pub fn stratified(seed: u64, index: u64) -> Self {
        Self { seed, index, begin: Begin::InTurn }
    }

    /// An episode that begins in an observation, or as drawn where there is none.
    #[must_use]
    pub fn chosen(seed: u64, index: u64, start: Option<&[f64]>) -> Self {
        let begin = start.map_or(Begin::Random, |state| Begin::At(state.to_vec()));
        Self { seed, index, begin }
    }

    /// Its start, with the key that it is drawn from.
    #[must_use]
    pub fn start(&self) -> Start {
        let key = self.key().named("reset");
        match &self.begin {
            Begin::Random => Start::Drawn(key),
            Begin::InTurn => Start::Stratum(self.index, key),
            Begin::At(state) => Start::At(state.clone()),
        }
    }

    /// Key of everything random in it.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(self.seed).named("episode").fold(self.index)
    }

    /// Key of the noise that decisions take.
    #[must_use]
    pub fn plan_key(&self) -> Key {
        self.key().named("plan")
    }
}

/// Actions of a shareable episode are whole multiples of one part in so many.
pub(crate) const ACTION_PARTS: f32 = 256.0;

/// The action (in [-1, 1]) that a shareable episode takes instead of this one: rounded to a 256th, so that a link
/// holds it in a few bits.
#[must_use]
pub fn shareable(action: f32) -> f32 {
    // Adding 0 turns -0 into 0.
    (action.clamp(-1.0, 1.0) * ACTION_PARTS).round() / ACTION_PARTS + 0.0
}

/// What is recorded, and when episodes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutOptions {
    /// Give every part's numbers.
    pub record: bool,
    /// End an episode at the first contact with the goal instead of at the time limit.
    pub stop_at_goal: bool,
    /// Round actions ([`shareable`]), so that a link to the episode is short.
    pub shareable: bool,
}

/// Progress of an episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Observation now, `[state]`.
    pub state: Vec<f64>,
    /// Position of the goal, where the task has one.
    pub goal: Option<Vec<f64>>,
    /// Steps taken.
    pub steps: usize,
    /// The first step (1 = the first of the episode) that led to the goal.
    pub first_contact: Option<usize>,
    /// Sum of the rewards.
    pub native: f64,
}

impl Progress {
    fn add(&mut self, step: &Step) {
        self.state.clone_from(&step.observation);
        self.steps += 1;
        self.native += f64::from(step.reward);
        if step.at_goal {
            self.first_contact.get_or_insert(self.steps);
        }
    }
}

/// Episodes in lockstep.
#[derive(Debug)]
pub struct Rollout<P = Planner> {
    policy: P,
    envs: Box<dyn Envs>,
    lanes: Vec<Progress>,
    options: RolloutOptions,
    stepped: Vec<Step>,
}

impl Rollout<Planner> {
    /// Episodes of an agent about to begin.
    ///
    /// # Errors
    /// When a setting cannot be used with this agent, or an episode cannot begin.
    pub fn new(
        agent: Arc<Agent>,
        envs: Box<dyn Envs>,
        settings: PlanSettings,
        episodes: &[Episode],
        options: RolloutOptions,
    ) -> Result<Self, AgentError> {
        Self::in_scenario(agent, envs, settings, episodes, options, &Scenario::default())
    }

    /// Episodes of an agent about to begin, all in the same changed world and with the same interventions.
    ///
    /// # Errors
    /// When a setting cannot be used with this agent, or the scenario cannot be played.
    pub fn in_scenario(
        agent: Arc<Agent>,
        envs: Box<dyn Envs>,
        settings: PlanSettings,
        episodes: &[Episode],
        options: RolloutOptions,
        scenario: &Scenario,
    ) -> Result<Self, AgentError> {
        Self::of(envs, episodes, options, scenario, |begun| {
            let lanes = episodes.iter().zip(begun);
            let lanes = lanes.map(|(episode, lane)| (episode.plan_key(), lane.state.as_slice()));
            Planner::new(agent, settings, lanes, options.record)?.intervene(&scenario.interventions)
        })
    }
}

impl<P: Policy> Rollout<P> {
    /// Episodes of any policy about to begin; `policy` makes it for the lanes at their starts.
    ///
    /// # Errors
    /// When an episode cannot begin, or the policy cannot.
    pub fn of(
        mut envs: Box<dyn Envs>,
        episodes: &[Episode],
        options: RolloutOptions,
        scenario: &Scenario,
        policy: impl FnOnce(&[Progress]) -> Result<P, AgentError>,
    ) -> Result<Self, AgentError> {
        let starts: Vec<_> = episodes.iter().map(Episode::start).enumerate().collect();
        let begun = envs.reset(&starts, &scenario.world)?.into_iter().map(|frame| Progress {
            state: frame.observation,
            goal: frame.goal,
            steps: 0,
            first_contact: None,
            native: 0.0,
        });
        let lanes: Vec<Progress> = begun.collect();
        Ok(Self { policy: policy(&lanes)?, envs, lanes, options, stepped: Vec::new() })
    }

    /// Runs one part of a decision, or one environment step, for the lanes that are furthest behind. Gives events only
    /// when they are recorded.
    ///
    /// # Errors
    /// When the device fails, a network gives a number that is not finite, or the simulator fails.
    pub async fn advance(&mut self) -> Result<Vec<LaneEvent>, AgentError> {
        self.advance_some(usize::MAX).await
    }

    /// The same, but a long part of a decision takes several calls; see [`Policy::advance_some`].
    ///
    /// # Errors
    /// As [`Rollout::advance`].
    pub async fn advance_some(&mut self, work: usize) -> Result<Vec<LaneEvent>, AgentError> {
        let mut actions = match self.policy.advance_some(work).await? {
            Advance::Decided(events) => return Ok(events),
            Advance::Done => return Ok(Vec::new()),
            Advance::Act(actions) => actions,
        };
        if self.options.shareable {
            actions.iter_mut().flat_map(|(_, action)| action).for_each(|a| *a = shareable(*a));
        }
        let lanes: Vec<usize> = actions.iter().map(|&(lane, _)| lane).collect();
        let mut taken: Vec<f32> = actions.iter().flat_map(|(_, action)| action).copied().collect();
        self.envs.spec().action.expand(&mut taken);
        self.envs.step(&lanes, &taken, &mut self.stepped)?;

        let mut events = Vec::new();
        for ((lane, action), step) in actions.into_iter().zip(&self.stepped) {
            let progress = &mut self.lanes[lane];
            progress.add(step);
            let ended = match step.end {
                _ if self.options.stop_at_goal && step.at_goal => Some(Outcome::Goal),
                Some(End::Terminal) => Some(Outcome::Goal),
                Some(End::TimeLimit) => Some(Outcome::TimeLimit),
                None => None,
            };
            let observed = Observed { state: &step.observation, reward: step.reward, ended };
            let outcome = self.policy.observe(lane, observed);
            if self.options.record {
                let Step { observation, reward, at_goal, .. } = step.clone();
                events.push((lane, Event::Followed { action, state: observation, reward, at_goal, outcome }));
            }
        }
        Ok(events)
    }

    /// Plays all episodes to their ends.
    ///
    /// # Errors
    /// As [`Rollout::advance`].
    pub async fn finish(&mut self) -> Result<Vec<EpisodeResult>, AgentError> {
        while !self.finished() {
            self.advance().await?;
        }
        let result = |(lane, progress): (usize, &Progress)| EpisodeResult {
            first_contact: progress.first_contact,
            native: progress.native,
            decisions: self.policy.decisions(lane),
            revaluations: self.policy.revaluations(lane),
            steps: progress.steps,
        };
        Ok(self.lanes.iter().enumerate().map(result).collect())
    }

    /// Returns `true` while a part is begun that [`Rollout::advance_some`] has yet to end.
    pub fn is_midway(&self) -> bool {
        self.policy.is_midway()
    }

    /// Returns `true` once all episodes have ended.
    pub fn finished(&self) -> bool {
        (0..self.lanes.len()).all(|lane| self.phase(lane) == Phase::Done)
    }

    /// The episodes so far, lane by lane.
    pub fn lanes(&self) -> &[Progress] {
        &self.lanes
    }

    /// Phase of a lane.
    pub fn phase(&self, lane: usize) -> Phase {
        self.policy.phase(lane)
    }

    /// Plans of a lane that revaluation has dropped so far.
    pub fn revaluations(&self, lane: usize) -> usize {
        self.policy.revaluations(lane)
    }

    /// Plans sampled for a lane so far.
    pub fn decisions(&self, lane: usize) -> usize {
        self.policy.decisions(lane)
    }
}
