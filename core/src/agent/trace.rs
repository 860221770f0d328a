//! The record of an episode: the seam between deciding and everything that shows decisions.
//!
//! The rollout emits [`Event`]s, one per part of a decision; a [`Trace`] is their fold. Native prints it, tests
//! compare it, the page draws it, a link encodes it. It holds plain numbers and no tensor.

use serde::{Deserialize, Serialize};

use super::run::{ActingSettings, RunSpec};

/// Candidates of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidates {
    /// Plans: one latent z per candidate, `[candidates, latent]`; empty until sampled.
    Latents(Vec<Vec<f32>>),
    /// Actions for the next step, `[candidates, action]`, each number in [-1, 1]; empty where a method has a single one.
    Actions(Vec<Vec<f32>>),
    /// Predicted states, `[candidates, states, state]`, the current one first.
    Paths(Vec<Vec<Vec<f32>>>),
}

impl Candidates {
    /// Number of candidates.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Latents(rows) | Self::Actions(rows) => rows.len(),
            Self::Paths(paths) => paths.len(),
        }
    }

    /// Returns `true` if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The choice of a policy without latents: what it is between, and what is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Actions or paths.
    pub candidates: Candidates,
    /// Their values, `[candidates]`; empty where the method has none.
    pub q: Vec<f32>,
    /// Index of the candidate followed.
    pub chosen: usize,
}

/// The parts of a decision, in order (Alg. 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Draw candidate latents from the diffusion model (line 6).
    Sample,
    /// Score them by Q and choose the best (lines 7-8).
    Rank,
    /// Predict where the chosen plan ends, and its value (lines 9-10).
    Predict,
    /// Compare the value of the current state with that of the predicted end (lines 14-17).
    Compare,
    /// Take one environment step with the chosen latent (lines 19-22).
    Follow,
    /// The episode is over.
    Done,
}

/// Why a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Followed for the whole horizon.
    Completed,
    /// Dropped by Adaptive Revaluation, or by hand, before step `at` of the plan.
    Revalued {
        /// Steps taken with this plan.
        at: usize,
    },
    /// The goal was reached and the episode stopped there.
    Goal,
    /// The episode's time limit was reached.
    TimeLimit,
}

/// What one part of a decision produced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "part")]
pub enum Event {
    /// Candidate latents, `[candidates, latent]`.
    Sampled {
        /// One latent z per candidate.
        latents: Vec<Vec<f32>>,
    },
    /// Their values, `[candidates]`, and the one to follow.
    Ranked {
        /// `min(Q0, Q1)(s, z)` per candidate.
        q: Vec<f32>,
        /// Index of the candidate followed: the largest, unless another one was taken by hand.
        chosen: usize,
    },
    /// Predicted end states, `[candidates, state]`, and the value of the chosen one.
    Predicted {
        /// Mean of the state decoder per candidate.
        ends: Vec<Vec<f32>>,
        /// `V(s_end)` of the chosen candidate.
        v_end: f32,
    },
    /// The value of the current state, and whether the plan was dropped for it.
    Compared {
        /// `V(s_now)`.
        v_now: f32,
        /// Whether the plan is dropped: because this exceeds the value of the predicted end, or by hand.
        dropped: bool,
    },
    /// Candidates of a policy without latents, all of one part. A decision that has been followed ends with them.
    Chose(Choice),
    /// One environment step.
    Followed {
        /// The action taken, each number in [-1, 1]: scaled to the task's bounds.
        action: Vec<f32>,
        /// The state it led to.
        state: Vec<f64>,
        /// Its reward.
        reward: f32,
        /// True if that state is at the goal.
        at_goal: bool,
        /// Set when the decision ends with this step.
        outcome: Option<Outcome>,
    },
}

/// One environment step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The action taken, each number in [-1, 1]: scaled to the task's bounds.
    pub action: Vec<f32>,
    /// The state it led to.
    pub state: Vec<f64>,
    /// Its reward.
    pub reward: f32,
    /// True if that state is at the goal.
    #[serde(default)]
    pub at_goal: bool,
}

/// One decision, filled in part by part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Environment steps taken before it.
    pub t: usize,
    /// The state it was made in.
    pub state: Vec<f64>,
    /// Candidates: `latents`, `actions` or `paths`.
    #[serde(flatten)]
    pub candidates: Candidates,
    /// Their Q, `[candidates]`; empty until ranked, or where the method has none.
    pub q: Vec<f32>,
    /// The one followed.
    pub chosen: Option<usize>,
    /// Where each would end, `[candidates, state]`; empty until predicted.
    pub ends: Vec<Vec<f32>>,
    /// Value of the chosen one's end.
    pub v_end: Option<f32>,
    /// Value of the current state at each comparison, `[comparisons]`.
    pub v_now: Vec<f32>,
    /// Steps taken so far with this plan.
    pub steps: Vec<Step>,
    /// Why it ended, once it has.
    pub outcome: Option<Outcome>,
}

impl Decision {
    /// A decision about to be made by these settings.
    pub(crate) fn new(t: usize, state: Vec<f64>, settings: &ActingSettings) -> Self {
        Self {
            t,
            state,
            candidates: match settings {
                ActingSettings::Plan(_) => Candidates::Latents(Vec::new()),
                ActingSettings::Own(_) => Candidates::Actions(Vec::new()),
            },
            q: Vec::new(),
            chosen: None,
            ends: Vec::new(),
            v_end: None,
            v_now: Vec::new(),
            steps: Vec::new(),
            outcome: None,
        }
    }

    /// Candidate latents, `[candidates, latent]`; none before they are sampled, or of a method without any.
    #[must_use]
    pub fn latents(&self) -> &[Vec<f32>] {
        match &self.candidates {
            Candidates::Latents(latents) => latents,
            Candidates::Actions(_) | Candidates::Paths(_) => &[],
        }
    }

    /// Returns `true` if it is one of a planner of latents, whose decisions have all parts of Alg. 2.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        matches!(self.candidates, Candidates::Latents(_))
    }

    /// The part that comes next.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.outcome.is_some() {
            Phase::Done
        } else if !self.has_parts() {
            Phase::Follow
        } else if self.candidates.is_empty() {
            Phase::Sample
        } else if self.chosen.is_none() {
            Phase::Rank
        } else if self.v_end.is_none() {
            Phase::Predict
        } else if self.v_now.len() == self.steps.len() {
            Phase::Compare
        } else {
            Phase::Follow
        }
    }
}

/// An episode, decision by decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Name of the task.
    pub task: String,
    /// The run that was asked for.
    pub run: RunSpec,
    /// Where the episode began, `[state]`.
    pub start: Vec<f64>,
    /// All decisions, the last one possibly unfinished.
    pub decisions: Vec<Decision>,
}

impl Trace {
    /// An episode about to begin.
    #[must_use]
    pub fn new(task: &str, run: RunSpec, start: Vec<f64>) -> Self {
        let decisions = vec![Decision::new(0, start.clone(), &run.settings)];
        Self { task: task.to_owned(), run, start, decisions }
    }

    /// Adds what one part of a decision produced.
    ///
    /// Events come in the order of [`Phase`]; one that comes after the end of the episode is ignored.
    pub fn apply(&mut self, event: Event) {
        let Some(decision) = self.decisions.last_mut() else { return };
        if decision.outcome.is_some() {
            return;
        }
        match event {
            Event::Sampled { latents } => decision.candidates = Candidates::Latents(latents),
            Event::Chose(Choice { candidates, q, chosen }) => {
                if !decision.steps.is_empty() {
                    decision.outcome = Some(Outcome::Completed);
                    self.decide();
                }
                if let Some(decision) = self.decisions.last_mut() {
                    (decision.candidates, decision.q, decision.chosen) = (candidates, q, Some(chosen));
                }
                return;
            }
            Event::Ranked { q, chosen } => {
                decision.q = q;
                decision.chosen = Some(chosen);
            }
            Event::Predicted { ends, v_end } => {
                decision.ends = ends;
                decision.v_end = Some(v_end);
            }
            Event::Compared { v_now, dropped } => {
                decision.v_now.push(v_now);
                if dropped {
                    decision.outcome = Some(Outcome::Revalued { at: decision.steps.len() });
                }
            }
            Event::Followed { action, state, reward, at_goal, outcome } => {
                decision.steps.push(Step { action, state, reward, at_goal });
                decision.outcome = outcome;
            }
        }
        if matches!(decision.outcome, Some(Outcome::Completed | Outcome::Revalued { .. })) {
            self.decide();
        }
    }

    /// Begins the next decision.
    fn decide(&mut self) {
        self.decisions.push(Decision::new(self.steps(), self.state().to_vec(), &self.run.settings));
    }

    /// Environment steps taken.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.decisions.iter().map(|decision| decision.steps.len()).sum()
    }

    /// The current state, `[state]`.
    #[must_use]
    pub fn state(&self) -> &[f64] {
        self.decisions
            .iter()
            .rev()
            .flat_map(|decision| decision.steps.iter().rev())
            .next()
            .map_or(&self.start, |step| &step.state)
    }

    /// The part that comes next.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.decisions.last().map_or(Phase::Done, Decision::phase)
    }

    /// Number of the first step that led to the goal (1 = the first of the episode), if any.
    #[must_use]
    pub fn first_contact(&self) -> Option<usize> {
        self.decisions
            .iter()
            .flat_map(|decision| &decision.steps)
            .position(|step| step.at_goal)
            .map(|index| index + 1)
    }

    /// Decisions that Adaptive Revaluation ended.
    #[must_use]
    pub fn revaluations(&self) -> usize {
        self.decisions
            .iter()
            .filter(|decision| matches!(decision.outcome, Some(Outcome::Revalued { .. })))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agent::OwnSettings;
    use crate::benchmark::MAZE2D;
    use crate::bundle::Method;
    use crate::settings::{Preset, Settings};

    #[test]
    fn events_fold_into_decisions() {
        let settings = Settings::preset(Preset::Quick, &MAZE2D[0].basis()).plan;
        let mut trace = Trace::new("maze2d-umaze-v1", RunSpec::new(1, 2, settings), vec![0.0; 4]);
        let followed = |x: f64, outcome| Event::Followed {
            action: vec![0.0; 2],
            state: vec![x, 0.0, 0.0, 0.0],
            reward: if x > 1.5 { 1.0 } else { 0.0 },
            at_goal: x > 1.5,
            outcome,
        };
        assert_eq!(trace.phase(), Phase::Sample);
        trace.apply(Event::Sampled { latents: vec![vec![0.0]; 3] });
        assert_eq!(trace.phase(), Phase::Rank);
        trace.apply(Event::Ranked { q: vec![1.0, 3.0, 2.0], chosen: 1 });
        assert_eq!(trace.phase(), Phase::Predict);
        trace.apply(Event::Predicted { ends: vec![vec![0.0; 4]; 3], v_end: 2.0 });
        assert_eq!(trace.phase(), Phase::Compare);
        trace.apply(Event::Compared { v_now: 1.0, dropped: false });
        assert_eq!(trace.phase(), Phase::Follow);
        trace.apply(followed(1.0, None));
        trace.apply(Event::Compared { v_now: 3.0, dropped: true });
        assert_eq!(trace.decisions[0].outcome, Some(Outcome::Revalued { at: 1 }));
        assert_eq!((trace.decisions[1].t, trace.decisions[1].state[0]), (1, 1.0));
        assert_eq!(trace.phase(), Phase::Sample);

        trace.apply(Event::Sampled { latents: vec![vec![0.0]; 3] });
        trace.apply(Event::Ranked { q: vec![1.0, 3.0, 2.0], chosen: 1 });
        trace.apply(Event::Predicted { ends: vec![vec![0.0; 4]; 3], v_end: 9.0 });
        trace.apply(Event::Compared { v_now: 1.0, dropped: false });
        trace.apply(followed(2.0, Some(Outcome::Goal)));
        assert_eq!(trace.phase(), Phase::Done);
        assert_eq!((trace.steps(), trace.first_contact(), trace.revaluations()), (2, Some(2), 1));
        let before = trace.clone();
        trace.apply(Event::Compared { v_now: 1.0, dropped: true });
        assert_eq!(trace, before);
    }

    fn followed(x: f64, outcome: Option<Outcome>) -> Event {
        Event::Followed { action: vec![0.0; 2], state: vec![x, 0.0], reward: 0.0, at_goal: false, outcome }
    }

    #[test]
    fn candidates_of_any_kind_end_the_decision_before() {
        let own = OwnSettings { method: Method::Idql, act: json!({ "candidates": 2 }) };
        let mut trace = Trace::new("a task", RunSpec::new(1, 2, own), vec![0.0; 2]);
        let chose = |candidates| Event::Chose(Choice { candidates, q: vec![1.0, 2.0], chosen: 1 });
        trace.apply(chose(Candidates::Actions(vec![vec![0.1], vec![0.2]])));
        assert_eq!((trace.decisions.len(), trace.phase()), (1, Phase::Follow));
        trace.apply(followed(1.0, None));
        trace.apply(chose(Candidates::Paths(vec![vec![vec![1.0; 2]; 3]; 2])));
        trace.apply(followed(2.0, None));
        trace.apply(followed(3.0, Some(Outcome::TimeLimit)));
        assert_eq!(trace.decisions[0].outcome, Some(Outcome::Completed));
        assert_eq!((trace.decisions[1].t, trace.decisions[1].state.as_slice()), (1, [1.0, 0.0].as_slice()));
        assert_eq!((trace.decisions[1].steps.len(), trace.phase()), (2, Phase::Done));
        let text = serde_json::to_string(&trace).unwrap();
        assert!(text.contains(r#""settings":{"method":"idql","act":{"candidates":2}}"#), "{text}");
        assert!(text.contains(r#""actions":[[0.1],[0.2]],"q":[1.0,2.0],"chosen":1"#), "{text}");
        assert_eq!(serde_json::from_str::<Trace>(&text).unwrap(), trace);
    }

    #[test]
    fn a_method_without_candidates_decides_once() {
        let own = OwnSettings { method: Method::Iql, act: Value::Null };
        let mut trace = Trace::new("a task", RunSpec::new(1, 2, own), vec![0.0; 2]);
        for x in [1.0, 2.0, 3.0] {
            trace.apply(followed(x, None));
        }
        assert_eq!((trace.decisions.len(), trace.steps(), trace.phase()), (1, 3, Phase::Follow));
    }

    #[test]
    fn traces_of_plans_are_written_as_before_other_methods() {
        let text = concat!(
            r#"{"task":"maze2d-umaze-v1","run":{"seed":1,"episode":2,"start":null,"settings":{"candidates":1,"#,
            r#""sampler":{"kind":"ddim","steps":10,"extra_steps":0},"exec_horizon":30,"revalue":true,"retry_cap":10,"#,
            r#""margin":0.0,"mean_action":true},"scenario":{"world":{"toggled":[],"goal":null},"interventions":[]}},"#,
            r#""start":[0.0],"decisions":[{"t":0,"state":[0.0],"latents":[[0.1,-0.3]],"q":[0.7],"chosen":0,"#,
            r#""ends":[[0.2]],"v_end":0.4,"v_now":[0.3],"steps":[],"outcome":null}]}"#,
        );
        let trace: Trace = serde_json::from_str(text).unwrap();
        assert_eq!(trace.decisions[0].latents(), [[0.1, -0.3]]);
        assert_eq!(serde_json::to_string(&trace).unwrap(), text);
    }
}
