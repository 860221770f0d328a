//! `diar policy`: decisions for a simulator that is not ours, one JSON object per line.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use diar_core::agent::{Advance, Agent, AgentError, Episode, Event, Planner};
use diar_core::rng::Key;
use diar_core::settings::PlanSettings;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::output;
use crate::cli::PolicyArgs;
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;

/// No request is near this long; without a limit, a stream without line ends would fill the memory.
const LONGEST_LINE: u64 = 1 << 20;

/// Answers every line of standard input with one line on standard output.
pub(crate) fn policy(args: &PolicyArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let settings = &file.bundle.info().settings;
    let plan = evaluation::plan(settings, &args.plan, settings.plan.revalue && !args.no_revalue)?;
    let agent = file.agent(&args.device.device.open()?)?;
    let mut policy = Policy { agent, plan, episode: None };
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(Failure::Input)?;
        if read == 0 {
            return Ok(());
        }
        let answer = if read as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(Failure::Input)?;
            Err(Refusal::Long)
        } else {
            policy.answer(without_mark(&line))
        };
        let answer = answer.unwrap_or_else(|refusal| Answer::Refused { error: refusal.to_string() });
        if !output::json_answer(&answer)? {
            // Nobody reads any more; deciding further would be for nothing.
            return Ok(());
        }
    }
}

/// A line without the byte order mark that some programs begin files in UTF-8 with.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// A request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Seed of an episode to begin.
    reset: Option<u64>,
    /// Its number.
    episode: Option<u64>,
    /// Raw state, `[state]`.
    obs: Option<Vec<f64>>,
}

/// The answer to a line.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Begun {
        reset: u64,
        episode: u64,
        task: &'static str,
        state_dim: usize,
        action_dim: usize,
        horizon: usize,
    },
    Act {
        action: Vec<f32>,
        decision: Decided,
    },
    Refused {
        error: String,
    },
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

/// Why a line cannot be answered.
#[derive(Debug, Error)]
enum Refusal {
    #[error("the line is longer than {LONGEST_LINE} bytes: expected one JSON object per line")]
    Long,
    #[error("the line is not what is expected: {0}; expected {{\"reset\": seed}} or {{\"obs\": [...]}}")]
    Form(serde_json::Error),
    #[error("the line is not what is expected: it holds a zero byte, as UTF-16 does; expected JSON in UTF-8")]
    ZeroByte,
    #[error("the line is not what is expected: JSON has no {word}; expected finite numbers")]
    NoNumber { word: &'static str },
    #[error("expected {{\"reset\": seed}}, {{\"reset\": seed, \"episode\": k}} or {{\"obs\": [...]}}")]
    Combination,
    #[error("no episode has begun: {{\"reset\": seed}} comes before the first observation")]
    NoEpisode,
    #[error("the observation has {found} numbers, expected {expected}: {task} was learned with as many")]
    Length { found: usize, expected: usize, task: &'static str },
    #[error("number {index} of the observation is {value}, expected a finite number in single precision")]
    NotFinite { index: usize, value: f64 },
    #[error("{0}; the episode is over, {{\"reset\": seed}} begins another")]
    Agent(#[from] AgentError),
}

/// An agent that answers requests.
struct Policy {
    agent: Arc<Agent>,
    plan: PlanSettings,
    episode: Option<Running>,
}

/// The episode that observations belong to.
enum Running {
    /// No observation yet.
    Begun(Key),
    /// A plan is followed; `last` belongs to the action given last.
    Planning { planner: Box<Planner>, last: Decided },
}

impl Policy {
    fn answer(&mut self, line: &[u8]) -> Result<Answer, Refusal> {
        let request = serde_json::from_slice(line).map_err(|error| {
            let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
            // Python's `json.dumps` writes them.
            match ["NaN", "Infinity"].into_iter().find(|word| has(word)) {
                Some(word) => Refusal::NoNumber { word },
                None if line.contains(&0) => Refusal::ZeroByte,
                None => Refusal::Form(error),
            }
        })?;
        match request {
            Request { reset: Some(seed), episode, obs: None } => {
                Ok(self.reset(seed, episode.unwrap_or_default()))
            }
            Request { reset: None, episode: None, obs: Some(obs) } => self.observe(&obs),
            _ => Err(Refusal::Combination),
        }
    }

    fn reset(&mut self, seed: u64, index: u64) -> Answer {
        self.episode = Some(Running::Begun(Episode { seed, index, start: None }.plan_key()));
        let task = self.agent.task();
        Answer::Begun {
            reset: seed,
            episode: index,
            task: task.id,
            state_dim: task.state_dim,
            action_dim: task.action_dim,
            horizon: task.horizon,
        }
    }

    fn observe(&mut self, obs: &[f64]) -> Result<Answer, Refusal> {
        let state = self.state(obs)?;
        // What the planner holds after an error is unknown, so the episode is put back only after an action.
        let (mut planner, last) = match self.episode.take().ok_or(Refusal::NoEpisode)? {
            Running::Begun(key) => {
                let planner = Planner::new(Arc::clone(&self.agent), self.plan, [(key, state)], true)?;
                (Box::new(planner), Decided::default())
            }
            Running::Planning { mut planner, last } => {
                planner.observe(0, &state, None);
                (planner, Decided { step_of_plan: last.step_of_plan + 1, ..last })
            }
        };
        let (action, decision) = pollster::block_on(decide(&mut planner, last))?;
        self.episode = Some(Running::Planning { planner, last: decision });
        Ok(Answer::Act { action, decision })
    }

    /// The observation as the data has states, in single precision.
    fn state(&self, obs: &[f64]) -> Result<Vec<f32>, Refusal> {
        let task = self.agent.task();
        if obs.len() != task.state_dim {
            return Err(Refusal::Length { found: obs.len(), expected: task.state_dim, task: task.id });
        }
        let state: Vec<f32> = obs.iter().map(|&value| value as f32).collect();
        match state.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(Refusal::NotFinite { index, value: obs[index] }),
            None => Ok(state),
        }
    }
}

/// Runs the parts of a decision up to the next action.
async fn decide(planner: &mut Planner, last: Decided) -> Result<(Vec<f32>, Decided), AgentError> {
    let mut decided = Decided { new_plan: false, revalued: false, ..last };
    loop {
        let events = match planner.advance().await? {
            Advance::Decided(events) => events,
            Advance::Act(actions) => {
                let action = actions.into_iter().next().map(|(_, action)| action).unwrap_or_default();
                decided.number = planner.decisions(0);
                return Ok((action, decided));
            }
            Advance::Done => return Ok((Vec::new(), decided)),
        };
        for (_, event) in events {
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
                Event::Followed { .. } => {}
            }
        }
    }
}
