//! The policy behind `diar policy`: many episodes, decided together.

use std::collections::{BTreeMap, BTreeSet};

use diar_core::agent::{Advance, AgentError, Episode, Event, Observed, Policy};
use diar_core::method::{Agent, AnyPolicy};
use diar_core::rng::Key;
use serde::Serialize;

use super::request::{MOST_LANES, Refusal, Request, parse};

/// The answer to a line.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To one request, or to none that could be read.
    One(Answer),
    /// To an array of requests, in their order.
    Many(Vec<Answer>),
}

/// The answer to a request.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<usize>,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Kind {
    Begun {
        reset: u64,
        episode: u64,
        task: String,
        state_dim: usize,
        action_dim: usize,
        horizon: usize,
    },
    Act {
        action: Vec<f32>,
        /// Of agents that plan.
        #[serde(skip_serializing_if = "Option::is_none")]
        decision: Option<Decided>,
    },
    Refused {
        error: String,
    },
}

impl Answer {
    fn refused(lane: Option<usize>, refusal: &Refusal) -> Self {
        Self { lane, kind: Kind::Refused { error: refusal.to_string() } }
    }
}

/// The decision that an action belongs to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Decided {
    /// Plans made in this episode, this one included.
    number: usize,
    /// Actions taken with this plan before this one.
    step_of_plan: usize,
    /// The candidate that is followed.
    chosen: usize,
    /// Its Q.
    q: f32,
    /// Value of the observation.
    v_now: f32,
    /// Value of the predicted end.
    v_end: f32,
    /// True if the plan was made for this observation.
    new_plan: bool,
    /// True if a plan was dropped for this observation by Adaptive Revaluation.
    revalued: bool,
}

/// An episode under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    key: Key,
    /// The decision of the last action; `None` before the first observation.
    last: Option<Decided>,
}

/// An agent that answers requests.
pub struct Server {
    agent: Agent,
    policy: AnyPolicy,
    lanes: BTreeMap<usize, Running>,
}

impl Server {
    /// A server without episodes.
    ///
    /// # Errors
    /// When the agent cannot decide with these settings.
    pub fn new(agent: Agent) -> Result<Self, AgentError> {
        let policy = agent.policy(true)?;
        Ok(Self { agent, policy, lanes: BTreeMap::new() })
    }

    /// The answer to a line of JSON, which may begin with a byte order mark.
    pub fn reply(&mut self, line: &[u8]) -> Reply {
        // Some programs begin files in UTF-8 with it.
        match parse(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)) {
            Ok((requests, true)) => Reply::Many(self.answer(requests)),
            Ok((requests, false)) => {
                Reply::One(self.answer(requests).pop().unwrap_or_else(|| Self::refuse(&Refusal::Combination)))
            }
            Err(refusal) => Reply::One(Self::refuse(&refusal)),
        }
    }

    /// The answer to a line of more than so many bytes, of which no end was read.
    #[must_use]
    pub fn too_long(most: u64) -> Reply {
        Reply::One(Self::refuse(&Refusal::Long { most }))
    }

    fn refuse(refusal: &Refusal) -> Answer {
        Answer::refused(None, refusal)
    }

    /// An answer to each request of a line, in their order; observations are decided together.
    fn answer(&mut self, requests: Vec<Request>) -> Vec<Answer> {
        let mut asked = BTreeSet::new();
        let mut decided: BTreeMap<usize, Decided> = BTreeMap::new();
        // Refusals and resets first; a lane's place is kept for its action.
        let mut told = Vec::new();
        for request in requests {
            let (named, lane) = (request.lane, request.lane.unwrap_or_default());
            let answer =
                if asked.insert(lane) { self.take(lane, request) } else { Err(Refusal::Twice { lane }) };
            if let Ok(None) = answer {
                decided.insert(lane, Decided::default());
            }
            told.push((named, answer));
        }
        let acted = self.decide(&mut decided);
        let answer = |(named, told): (Option<usize>, Result<Option<Kind>, Refusal>)| {
            let lane = named.unwrap_or_default();
            match (told, &acted) {
                (Ok(Some(kind)), _) => Answer { lane: named, kind },
                (Err(refusal), _) => Answer::refused(named, &refusal),
                (Ok(None), Err(error)) => Answer::refused(named, &Refusal::Agent(error.clone())),
                (Ok(None), Ok(actions)) => {
                    let action = actions.get(&lane).cloned().unwrap_or_default();
                    let plans = matches!(self.policy, AnyPolicy::Plan(_));
                    let decision = decided.get(&lane).copied().filter(|_| plans);
                    Answer { lane: named, kind: Kind::Act { action, decision } }
                }
            }
        };
        told.into_iter().map(answer).collect()
    }

    /// Takes a request in: an answer, or `None` for an observation that an action is to be decided for.
    fn take(&mut self, lane: usize, request: Request) -> Result<Option<Kind>, Refusal> {
        if lane >= MOST_LANES {
            return Err(Refusal::Lane { found: lane });
        }
        match request {
            Request { reset: Some(seed), episode, obs: None, reward: None, .. } => {
                Ok(Some(self.reset(lane, seed, episode.unwrap_or_default())))
            }
            Request { reset: None, episode: None, obs: Some(obs), reward, .. } => {
                self.observe(lane, &obs, reward.unwrap_or_default()).map(|()| None)
            }
            _ => Err(Refusal::Combination),
        }
    }

    fn reset(&mut self, lane: usize, seed: u64, index: u64) -> Kind {
        let key = Episode::random(seed, index).key();
        self.lanes.insert(lane, Running { key, last: None });
        let task = self.agent.task();
        Kind::Begun {
            reset: seed,
            episode: index,
            task: task.id.clone(),
            state_dim: task.state_dim(),
            action_dim: task.action_dim(),
            horizon: self.agent.horizon(),
        }
    }

    fn observe(&mut self, lane: usize, obs: &[f64], reward: f64) -> Result<(), Refusal> {
        let task = self.agent.task();
        let expected = task.state_dim();
        if obs.len() != expected {
            return Err(Refusal::Length { found: obs.len(), expected, task: task.id.clone() });
        }
        if let Some(index) = obs.iter().position(|&value| !(value as f32).is_finite()) {
            return Err(Refusal::NotFinite { index, value: obs[index] });
        }
        if !(reward as f32).is_finite() {
            return Err(Refusal::Reward { value: reward });
        }
        let running = self.lanes.get(&lane).ok_or(Refusal::NoEpisode { lane })?;
        if running.last.is_some() {
            self.policy.observe(lane, Observed { state: obs, reward: reward as f32, ended: None });
        } else {
            self.policy.begin(lane, running.key, obs)?;
        }
        Ok(())
    }

    /// Decides for every lane of `decided`, together. Gives their actions, in the numbers of the task.
    fn decide(
        &mut self,
        decided: &mut BTreeMap<usize, Decided>,
    ) -> Result<BTreeMap<usize, Vec<f32>>, AgentError> {
        for (lane, decision) in decided.iter_mut() {
            let last = self.lanes.get(lane).and_then(|running| running.last);
            *decision = last.map_or_else(Decided::default, |last| Decided {
                step_of_plan: last.step_of_plan + 1,
                new_plan: false,
                revalued: false,
                ..last
            });
        }
        let acted = pollster::block_on(advance(&mut self.policy, decided));
        match acted {
            Ok(mut actions) => {
                for (lane, decision) in decided.iter_mut() {
                    decision.number = self.policy.decisions(*lane);
                    if let Some(running) = self.lanes.get_mut(lane) {
                        running.last = Some(*decision);
                    }
                }
                let space = &self.agent.task().action;
                for action in actions.values_mut() {
                    space.expand(action);
                }
                Ok(actions)
            }
            Err(error) => {
                // The policy's state is unknown: lanes of this line must begin again.
                for lane in decided.keys() {
                    self.lanes.remove(lane);
                    self.policy.abandon(*lane);
                }
                Err(error)
            }
        }
    }
}

/// Runs the parts of decisions until each of these lanes has acted.
async fn advance(
    policy: &mut AnyPolicy,
    decided: &mut BTreeMap<usize, Decided>,
) -> Result<BTreeMap<usize, Vec<f32>>, AgentError> {
    let mut actions = BTreeMap::new();
    while actions.len() < decided.len() {
        let events = match policy.advance().await? {
            Advance::Decided(events) => events,
            Advance::Act(acted) => {
                actions.extend(acted);
                continue;
            }
            Advance::Done => break,
        };
        for (lane, event) in events {
            let Some(decided) = decided.get_mut(&lane) else { continue };
            match event {
                Event::Sampled { .. } => {
                    decided.step_of_plan = 0;
                    decided.new_plan = true;
                }
                Event::Ranked { q, chosen } => {
                    decided.chosen = chosen;
                    decided.q = q[chosen];
                }
                Event::Predicted { v_end, .. } => decided.v_end = v_end,
                Event::Compared { v_now, dropped } => {
                    decided.v_now = v_now;
                    decided.revalued |= dropped;
                }
                // Only plans are told of.
                Event::Chose(_) | Event::Followed { .. } => {}
            }
        }
    }
    Ok(actions)
}
