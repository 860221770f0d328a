//! D4RL's AntMaze data, made anew: noisy walks from cell to cell.

use super::cells::{goal_cell, walked};
use super::model::{ACTUATORS, QPOS, QVEL, SUBSTEPS, controls};
use super::navigator::Navigator;
use super::senses::{SENSES, senses};
use super::start::{goal, start};
use super::{OBSERVATION, observation};
use crate::benchmark::Collection;
use crate::data::Transitions;
use crate::env::{Physics, PhysicsError};
use crate::maze::{MazeId, reaches};
use crate::rng::{Key, Stream};

/// Rows of an episode: D4RL's generator takes one more step than the task's 1 000.
pub const EPISODE_ROWS: usize = 1_001;
/// Standard deviation of the noise on the walker's actions.
const ACTION_NOISE: f64 = 0.2;

/// Walks through a maze as D4RL's generator does: a walker led by waypoints, with noise on its actions.
#[derive(Clone, Copy, Debug)]
pub struct Collector<W> {
    maze: MazeId,
    collection: Collection,
    walker: W,
    key: Key,
}

/// One walk of [`EPISODE_ROWS`] rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Where it led, [x, y], m.
    pub goal: [f64; 2],
    /// `[rows, 29]`: what was observed before each step.
    pub observations: Vec<f32>,
    /// `[rows, 8]`.
    pub actions: Vec<f32>,
    /// `[29]`: what was observed after the last step.
    pub last: Vec<f32>,
    /// The first row after which the goal was within reach.
    pub reached: Option<usize>,
    /// The torso lay upside down after the last step.
    pub overturned: bool,
}

impl<W: Fn(&[f32; SENSES]) -> [f32; ACTUATORS]> Collector<W> {
    /// Walks of a data set, which a seed determines.
    pub fn new(maze: MazeId, collection: Collection, walker: W, seed: u64) -> Self {
        Self { maze, collection, walker, key: Key::new(seed).named("data") }
    }

    /// The goal that the data set's rewards are for: one for all rows, drawn as for an evaluation.
    pub fn rewarded(&self) -> [f64; 2] {
        goal(goal_cell(self.maze), &mut self.key.named("goal").stream())
    }

    /// Walk number `number`, of so many rows. It depends on nothing but the seed and its number.
    ///
    /// # Errors
    /// When the simulator's model is not the ant's.
    pub fn episode(
        &self,
        number: u64,
        rows: usize,
        physics: &mut impl Physics,
    ) -> Result<Episode, PhysicsError> {
        let stream = &mut self.key.fold(number).stream();
        let [starts, goals] = walked(self.maze, self.collection);
        let begin = (self.collection != Collection::Fixed).then(|| starts[stream.below(starts.len())]);
        let (qpos, qvel) = start(begin, stream);
        let goal = goal(goals[stream.below(goals.len())], stream);
        let navigator = Navigator::new(self.maze.layout(), goal);
        physics.set(&qpos, &qvel)?;

        let mut episode = Episode {
            goal,
            observations: Vec::with_capacity(rows * OBSERVATION),
            actions: Vec::with_capacity(rows * ACTUATORS),
            last: Vec::new(),
            reached: None,
            overturned: false,
        };
        for row in 0..rows {
            let (qpos, qvel) = state(physics)?;
            episode.observations.extend(observation(&qpos, &qvel));
            let direction = navigator.direction([qpos[0], qpos[1]], stream);
            let action = noisy((self.walker)(&senses(&qpos, &qvel, direction)), stream);
            episode.actions.extend(action);
            physics.step(&controls(&action), SUBSTEPS)?;
            let position = [physics.qpos()[0], physics.qpos()[1]];
            if episode.reached.is_none() && reaches(goal, position) {
                episode.reached = Some(row);
            }
        }
        let (qpos, qvel) = state(physics)?;
        episode.last.extend(observation(&qpos, &qvel));
        // The world's up, along the body's own.
        episode.overturned = 1.0 - 2.0 * (qpos[4] * qpos[4] + qpos[5] * qpos[5]) < 0.0;
        Ok(episode)
    }

    /// The data set of walks one after the other, and what was observed after each of its steps, `[rows, 29]`.
    ///
    /// Rewards and terminals were written afterwards, for the one goal of [`rewarded`](Self::rewarded): those of a row
    /// are 1 where the observation of the next row has it within reach, be it another walk's. No walk ends there.
    pub fn join(&self, episodes: &[Episode]) -> (Transitions, Vec<f32>) {
        let mut data = Transitions {
            state_dim: OBSERVATION,
            action_dim: ACTUATORS,
            past_terminals: true,
            ..Transitions::default()
        };
        let mut after = Vec::new();
        for episode in episodes {
            let count = episode.actions.len() / ACTUATORS;
            data.states.extend(&episode.observations);
            data.actions.extend(&episode.actions);
            after.extend(episode.observations.iter().skip(OBSERVATION).chain(&episode.last));
            data.goals.extend(episode.goal.map(|x| x as f32).repeat(count));
            data.timeouts.extend((1..=count).map(|row| row == EPISODE_ROWS));
        }
        let goal = self.rewarded();
        let next = data.states.chunks_exact(OBSERVATION).skip(1);
        data.terminals = next.map(|state| reaches(goal, [state[0], state[1]].map(f64::from))).collect();
        data.terminals.resize(data.timeouts.len(), false);
        data.rewards = data.terminals.iter().map(|&paid| f32::from(u8::from(paid))).collect();
        (data, after)
    }
}

/// Positions and velocities of an ant.
fn state(physics: &impl Physics) -> Result<([f64; QPOS], [f64; QVEL]), PhysicsError> {
    let (qpos, qvel) = (physics.qpos(), physics.qvel());
    let size = |what, found: usize, expected| move |_| PhysicsError::Size { what, found, expected };
    Ok((
        qpos.try_into().map_err(size("positions", qpos.len(), QPOS))?,
        qvel.try_into().map_err(size("velocities", qvel.len(), QVEL))?,
    ))
}

fn noisy(action: [f32; ACTUATORS], stream: &mut Stream) -> [f32; ACTUATORS] {
    action.map(|a| (f64::from(a) + ACTION_NOISE * stream.normal()).clamp(-1.0, 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::antmaze::place;
    use crate::env::antmaze::puck::Puck;

    /// Pushes where the direction points. The puck hardly turns, so that the body's frame is the world's.
    fn push(senses: &[f32; SENSES]) -> [f32; ACTUATORS] {
        let mut action = [0.0; ACTUATORS];
        action[..2].copy_from_slice(&senses[26..28]);
        action
    }

    type Pushed = Collector<fn(&[f32; SENSES]) -> [f32; ACTUATORS]>;

    fn collector(maze: MazeId, collection: Collection, seed: u64) -> Pushed {
        Collector::new(maze, collection, push, seed)
    }

    #[test]
    fn a_walk_is_led_to_its_goal_and_stays_there() {
        for (maze, collection) in [
            (MazeId::Umaze, Collection::Fixed),
            (MazeId::Medium, Collection::Play),
            (MazeId::Large, Collection::Diverse),
        ] {
            let collector = collector(maze, collection, 3);
            for number in 0..20 {
                let episode = collector.episode(number, EPISODE_ROWS, &mut Puck::new()).unwrap();
                let reached = episode.reached.unwrap();
                let [x, y] = [0, 1].map(|k| f64::from(episode.observations[(reached + 1) * OBSERVATION + k]));
                assert!(reaches(episode.goal, [x, y]), "{maze:?} {number}");
                assert!(reaches(episode.goal, [episode.last[0], episode.last[1]].map(f64::from)));
                assert!(!episode.overturned);
                let start = [episode.observations[0], episode.observations[1]].map(f64::from);
                if collection == Collection::Fixed {
                    assert!(start.iter().all(|x| x.abs() <= 0.1), "{start:?}");
                    assert!((0.0..1.5).contains(&episode.goal[0]) && (8.0..9.5).contains(&episode.goal[1]));
                }
            }
        }
    }

    #[test]
    fn a_walk_depends_on_its_number_alone() {
        let [collector, other] = [5, 6].map(|seed| collector(MazeId::Medium, Collection::Diverse, seed));
        let mut used = Puck::new();
        let first = collector.episode(0, 50, &mut used).unwrap();
        let second = collector.episode(1, 50, &mut used).unwrap();
        assert_ne!(first.goal, second.goal);
        assert_eq!(collector.episode(1, 50, &mut Puck::new()).unwrap(), second);
        assert_ne!(other.episode(1, 50, &mut used).unwrap(), second);
    }

    #[test]
    fn rows_are_joined_as_d4rl_has_them() {
        let collector = collector(MazeId::Umaze, Collection::Fixed, 1);
        let lengths = [EPISODE_ROWS, EPISODE_ROWS, 10];
        let walk = |(number, rows)| collector.episode(number, rows, &mut Puck::new()).unwrap();
        let episodes: Vec<Episode> = (0..).zip(lengths).map(walk).collect();
        let rows = lengths.iter().sum();
        let (data, after) = collector.join(&episodes);
        data.check().unwrap();
        assert_eq!((data.len(), after.len()), (rows, rows * OBSERVATION));
        let cut: Vec<usize> = (0..rows).filter(|&row| data.timeouts[row]).collect();
        assert_eq!(cut, [EPISODE_ROWS - 1, 2 * EPISODE_ROWS - 1]);
        let goal = collector.rewarded();
        let mut paid = 0;
        for row in 0..rows - 1 {
            let after = &after[row * OBSERVATION..(row + 1) * OBSERVATION];
            assert_eq!(after == data.state(row + 1), !data.timeouts[row], "{row}");
            let near = |state: &[f32]| reaches(goal, [state[0], state[1]].map(f64::from));
            assert_eq!(data.terminals[row], near(data.state(row + 1)));
            assert_eq!(data.rewards[row], f32::from(u8::from(data.terminals[row])));
            paid += usize::from(data.terminals[row]);
        }
        assert!(paid > 0, "walks end in the goal's cell");
        assert_eq!(data.goals[2 * EPISODE_ROWS..2 * EPISODE_ROWS + 2], episodes[1].goal.map(|x| x as f32));
        assert_eq!(after[EPISODE_ROWS * OBSERVATION - OBSERVATION..][..OBSERVATION], episodes[0].last);
    }

    #[test]
    fn diverse_walks_begin_and_end_everywhere() {
        let collector = collector(MazeId::Medium, Collection::Diverse, 2);
        let free = MazeId::Medium.layout().free_cells();
        let [mut begun, mut ended] = [vec![0; free.len()], vec![0; free.len()]];
        for number in 0..400 {
            let episode = collector.episode(number, 1, &mut Puck::new()).unwrap();
            let start = [episode.observations[0], episode.observations[1]].map(f64::from);
            for (at, [x, y], width) in [(&mut begun, start, 1.0), (&mut ended, episode.goal, 1.5)] {
                let inside = |&&cell: &&(usize, usize)| {
                    let [left, top] = place(cell);
                    (left..left + width).contains(&x) && (top..top + width).contains(&y)
                };
                let cell =
                    free.iter().position(|cell| inside(&cell)).expect("a position lies in a free cell");
                at[cell] += 1;
            }
        }
        assert!(begun.iter().chain(&ended).all(|&count| (3..40).contains(&count)), "{begun:?} {ended:?}");
    }
}
