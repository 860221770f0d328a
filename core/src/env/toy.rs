//! A point on a line: the smallest environment, which the seam is tested with.

use std::sync::{Arc, LazyLock};

use super::{End, EnvError, Envs, Exactness, Frame, Lane, Snapshot, Start, Step, check_actions, check_width};
use crate::maze::World;
use crate::spec::{RewardKind, ScoreKind, Scoring, Space, TaskSpec};

/// Length of the line: the point lies in [-1, 1].
const END: f64 = 1.0;
/// The goal is everything from here on to the right.
const GOAL: f64 = 0.8;
/// Distance that a whole action moves the point by.
const STRIDE: f64 = 0.1;

/// Episodes of a point on a line. Observations are its position; an action moves it, a step costs 1 until the goal is
/// reached, and the episode ends there.
#[derive(Clone, Debug)]
pub struct Line {
    lanes: Vec<Option<Episode>>,
}

#[derive(Clone, Copy, Debug)]
struct Episode {
    position: f64,
    steps: usize,
    over: bool,
}

impl Episode {
    fn frame(self) -> Frame {
        Frame { observation: vec![self.position], goal: Some(vec![GOAL]) }
    }
}

impl Line {
    /// Name of the task.
    pub const ID: &str = "line-v0";

    /// A simulator without episodes.
    #[must_use]
    pub fn new() -> Self {
        Self { lanes: Vec::new() }
    }

    fn episode(&self, lane: Lane) -> Result<Episode, EnvError> {
        self.lanes.get(lane).copied().flatten().ok_or(EnvError::Idle { lane })
    }

    fn start(&self, start: &Start) -> Result<f64, EnvError> {
        match start {
            Start::Drawn(key) => Ok(key.stream().range(-END, 0.5)),
            // Ten places from the left end on.
            Start::Stratum(index, _) => Ok(-END + STRIDE * (index % 10) as f64),
            Start::At(state) => {
                check_width(self.spec(), "a start", state.len(), 1)?;
                if (-END..=END).contains(&state[0]) {
                    return Ok(state[0]);
                }
                let expected = format!("a number from {} to {END}", -END);
                Err(EnvError::Start { task: Self::ID.to_owned(), found: state.clone(), expected })
            }
        }
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

impl Envs for Line {
    fn spec(&self) -> &Arc<TaskSpec> {
        static SPEC: LazyLock<Arc<TaskSpec>> = LazyLock::new(|| {
            Arc::new(TaskSpec {
                id: Line::ID.to_owned(),
                observation: Space::named(&["position"]),
                action: Space::within(1, -1.0, 1.0),
                max_steps: 50,
                reward: RewardKind::Penalty,
                scoring: Scoring {
                    kinds: vec![ScoreKind::Return, ScoreKind::Success],
                    reference: None,
                    strata: 10,
                },
            })
        });
        &SPEC
    }

    fn reset(&mut self, lanes: &[(Lane, Start)], world: &World) -> Result<Vec<Frame>, EnvError> {
        if !world.is_original() {
            return Err(EnvError::Unchangeable { task: Self::ID.to_owned() });
        }
        let starts = lanes.iter().map(|(_, start)| self.start(start)).collect::<Result<Vec<_>, _>>()?;
        let begin = |(&(lane, _), position): (&(Lane, Start), f64)| {
            let episode = Episode { position, steps: 0, over: false };
            if self.lanes.len() <= lane {
                self.lanes.resize(lane + 1, None);
            }
            self.lanes[lane] = Some(episode);
            episode.frame()
        };
        Ok(lanes.iter().zip(starts).map(begin).collect())
    }

    fn step(&mut self, lanes: &[Lane], actions: &[f32], steps: &mut Vec<Step>) -> Result<(), EnvError> {
        check_actions(self.spec(), lanes, actions)?;
        for &lane in lanes {
            if self.episode(lane)?.over {
                return Err(EnvError::Idle { lane });
            }
        }
        steps.clear();
        let max_steps = self.spec().max_steps;
        for (&lane, &action) in lanes.iter().zip(actions) {
            let Some(episode) = &mut self.lanes[lane] else { continue };
            let moved = episode.position + STRIDE * f64::from(action.clamp(-1.0, 1.0));
            episode.position = moved.clamp(-END, END);
            episode.steps += 1;
            let at_goal = episode.position >= GOAL;
            let late = (episode.steps >= max_steps).then_some(End::TimeLimit);
            let end = if at_goal { Some(End::Terminal) } else { late };
            episode.over = end.is_some();
            let reward = if at_goal { 0.0 } else { -1.0 };
            steps.push(Step { observation: vec![episode.position], reward, at_goal, end });
        }
        Ok(())
    }

    fn save(&self, lane: Lane) -> Result<Snapshot, EnvError> {
        let Episode { position, steps, .. } = self.episode(lane)?;
        Ok(Snapshot { numbers: vec![position], steps })
    }

    fn load(&mut self, lane: Lane, from: &Snapshot) -> Result<Frame, EnvError> {
        self.episode(lane)?;
        let position = self.start(&Start::At(from.numbers.clone()))?;
        let over = position >= GOAL && from.steps > 0 || from.steps >= self.spec().max_steps;
        let episode = Episode { position, steps: from.steps, over };
        self.lanes[lane] = Some(episode);
        Ok(episode.frame())
    }

    fn exactness(&self) -> Exactness {
        Exactness::Everywhere
    }
}
