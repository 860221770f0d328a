//! Maze2D: a ball in a maze, as D4RL has it, in exact arithmetic.

mod generate;

use std::sync::Arc;

pub use generate::generate;

use super::{End, EnvError, Envs, Exactness, Frame, Lane, Snapshot, Start, Step, check_actions, check_width};
use crate::maze::{CELL_HIGH, CELL_LOW, Layout, MAX_SPEED, MazeId, PointMass, World};
use crate::rng::Stream;
use crate::spec::TaskSpec;

/// Half the width of the noise on drawn positions (starts and goals), m.
const POSITION_NOISE: f64 = 0.1;
/// Standard deviation of a start's velocity, m/s.
const VELOCITY_NOISE: f64 = 0.1;

/// Episodes of a Maze2D task. Observations are x, y (m), vx, vy (m/s); an episode ends at the time limit only.
#[derive(Clone, Debug)]
pub struct Maze2d {
    spec: Arc<TaskSpec>,
    maze: MazeId,
    lanes: Vec<Option<Episode>>,
}

/// An episode under way.
#[derive(Clone, Debug)]
struct Episode {
    layout: Arc<Layout>,
    ball: PointMass,
    steps: usize,
}

impl Episode {
    fn frame(&self) -> Frame {
        Frame { observation: self.ball.state().to_vec(), goal: Some(self.layout.goal_position().to_vec()) }
    }
}

impl Maze2d {
    /// A simulator of a task in one of the mazes, without episodes.
    #[must_use]
    pub fn new(spec: Arc<TaskSpec>, maze: MazeId) -> Self {
        Self { spec, maze, lanes: Vec::new() }
    }

    /// The state that an episode begins in.
    fn start(&self, layout: &Layout, start: &Start) -> Result<[f64; 4], EnvError> {
        let (state, mut stream) = match start {
            Start::At(state) => return self.inside(state),
            Start::Drawn(key) => {
                let mut stream = key.stream();
                // In the task's own maze, so that a change elsewhere moves no start.
                (random_start(self.maze.layout(), &mut stream), stream)
            }
            Start::Stratum(index, key) => {
                let mut stream = key.stream();
                let cells = layout.free_cells();
                (start_in(cells[(index % cells.len() as u64) as usize], &mut stream), stream)
            }
        };
        // Where it lies in a new wall, a random free cell takes its place.
        let free = layout.contains_free(state[0], state[1]);
        Ok(if free { state } else { random_start(layout, &mut stream) })
    }

    /// A state within the maze that is no faster than the ball gets.
    fn inside(&self, state: &[f64]) -> Result<[f64; 4], EnvError> {
        check_width(&self.spec, "a start", state.len(), 4)?;
        let [x, y, vx, vy] = [state[0], state[1], state[2], state[3]];
        let Layout { rows, cols, .. } = **self.maze.layout();
        let within = |q: f64, cells: usize| (CELL_LOW..=cells as f64 - 1.0 + CELL_HIGH).contains(&q);
        let speed = 2.0 * MAX_SPEED;
        if within(x, rows) && within(y, cols) && [vx, vy].iter().all(|v| v.abs() <= speed) {
            return Ok([x, y, vx, vy]);
        }
        Err(EnvError::Start {
            task: self.spec.id.clone(),
            found: state.to_vec(),
            expected: format!(
                "a place in its maze of {rows} x {cols} cells, at a speed of {speed} m/s at most"
            ),
        })
    }

    fn episode(&self, lane: Lane) -> Result<&Episode, EnvError> {
        self.lanes.get(lane).and_then(Option::as_ref).ok_or(EnvError::Idle { lane })
    }
}

impl Envs for Maze2d {
    fn spec(&self) -> &Arc<TaskSpec> {
        &self.spec
    }

    fn reset(&mut self, lanes: &[(Lane, Start)], world: &World) -> Result<Vec<Frame>, EnvError> {
        let layout = world.layout(self.maze)?;
        let starts = lanes.iter().map(|(_, start)| self.start(&layout, start));
        let starts = starts.collect::<Result<Vec<_>, _>>()?;
        let begin = |(&(lane, _), state): (&(Lane, Start), [f64; 4])| {
            let episode =
                Episode { layout: Arc::clone(&layout), ball: PointMass::from_state(state), steps: 0 };
            let frame = episode.frame();
            if self.lanes.len() <= lane {
                self.lanes.resize(lane + 1, None);
            }
            self.lanes[lane] = Some(episode);
            frame
        };
        Ok(lanes.iter().zip(starts).map(begin).collect())
    }

    fn step(&mut self, lanes: &[Lane], actions: &[f32], steps: &mut Vec<Step>) -> Result<(), EnvError> {
        check_actions(&self.spec, lanes, actions)?;
        for &lane in lanes {
            if self.episode(lane)?.steps >= self.spec.max_steps {
                return Err(EnvError::Idle { lane });
            }
        }
        steps.clear();
        for (&lane, action) in lanes.iter().zip(actions.chunks_exact(2)) {
            let Some(Episode { layout, ball, steps: taken }) = &mut self.lanes[lane] else { continue };
            ball.step(layout, [action[0], action[1]].map(f64::from));
            *taken += 1;
            let at_goal = layout.reaches_goal(ball.position);
            steps.push(Step {
                observation: ball.state().to_vec(),
                reward: if at_goal { 1.0 } else { 0.0 },
                at_goal,
                end: (*taken >= self.spec.max_steps).then_some(End::TimeLimit),
            });
        }
        Ok(())
    }

    fn save(&self, lane: Lane) -> Result<Snapshot, EnvError> {
        let Episode { ball, steps, .. } = self.episode(lane)?;
        Ok(Snapshot { numbers: ball.state().to_vec(), steps: *steps })
    }

    fn load(&mut self, lane: Lane, from: &Snapshot) -> Result<Frame, EnvError> {
        let state = self.inside(&from.numbers)?;
        let episode = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(EnvError::Idle { lane })?;
        episode.ball = PointMass::from_state(state);
        episode.steps = from.steps;
        Ok(episode.frame())
    }

    fn exactness(&self) -> Exactness {
        Exactness::Everywhere
    }
}

/// A start in any free cell: [x, y, vx, vy].
fn random_start(layout: &Layout, stream: &mut Stream) -> [f64; 4] {
    start_in(layout.free_cells()[stream.below(layout.free_cells().len())], stream)
}

/// A start in a cell: [x, y, vx, vy].
fn start_in(cell: (usize, usize), stream: &mut Stream) -> [f64; 4] {
    let [x, y] = near(cell, stream);
    let [vx, vy] = [(); 2].map(|()| VELOCITY_NOISE * stream.normal());
    [x, y, vx, vy]
}

/// A random free cell, the goal's too, with noise: how the data's goals are drawn.
fn random_position(layout: &Layout, stream: &mut Stream) -> [f64; 2] {
    near(layout.free_cells()[stream.below(layout.free_cells().len())], stream)
}

fn near((i, j): (usize, usize), stream: &mut Stream) -> [f64; 2] {
    [i, j].map(|k| k as f64 + stream.range(-POSITION_NOISE, POSITION_NOISE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::rng::Key;

    fn umaze() -> Maze2d {
        Maze2d::new(Arc::clone(&MAZE2D[0].spec), MazeId::Umaze)
    }

    fn observed(world: &World, start: Start) -> Vec<f64> {
        umaze().reset(&[(0, start)], world).unwrap().remove(0).observation
    }

    #[test]
    fn a_start_in_a_new_wall_moves_and_no_other() {
        let world = World { toggled: vec![(3, 1)], goal: None };
        let layout = world.layout(MazeId::Umaze).unwrap();
        let mut moved = 0;
        for index in 0..100 {
            let start = Start::Drawn(Key::new(index));
            let own = observed(&World::default(), start.clone());
            let changed = observed(&world, start);
            assert!(layout.contains_free(changed[0], changed[1]));
            let walled = !layout.contains_free(own[0], own[1]);
            assert_eq!(walled, own != changed);
            moved += usize::from(walled);
        }
        assert!(moved > 0);
    }

    #[test]
    fn every_free_cell_has_its_turn() {
        for world in [World::default(), World { toggled: vec![(2, 2), (3, 1)], goal: None }] {
            let cells = world.layout(MazeId::Umaze).unwrap().free_cells().to_vec();
            for (index, cell) in (0..).zip(&cells) {
                let state = observed(&world, Start::Stratum(index, Key::new(index)));
                let found = [state[0], state[1]].map(|q| q.round() as usize);
                assert_eq!(found, [cell.0, cell.1]);
            }
        }
    }

    #[test]
    fn a_moved_goal_pays_where_it_lies() {
        let world = World { toggled: Vec::new(), goal: Some([2.9, 2.55]) };
        let stepped = |[x, y]: [f64; 2]| {
            let (mut envs, mut steps) = (umaze(), Vec::new());
            envs.reset(&[(0, Start::At(vec![x, y, 0.0, 0.0]))], &world).unwrap();
            envs.step(&[0], &[0.0; 2], &mut steps).unwrap();
            (steps[0].reward, steps[0].at_goal)
        };
        let paid = [stepped([2.9, 2.1]), stepped([2.9, 2.0]), stepped([1.0, 1.0])];
        assert_eq!(paid, [(1.0, true), (0.0, false), (0.0, false)]);
    }

    #[test]
    fn starts_outside_are_refused() {
        for state in
            [vec![0.0; 3], vec![-0.8, 1.0, 0.0, 0.0], vec![1.0, 4.4, 0.0, 0.0], vec![1.0, 1.0, 11.0, 0.0]]
        {
            let error = umaze().reset(&[(0, Start::At(state))], &World::default()).unwrap_err();
            assert!(error.to_string().contains("maze2d-umaze-v1"), "{error}");
        }
        assert!(umaze().reset(&[(0, Start::At(vec![1.0, 1.0, f64::NAN, 0.0]))], &World::default()).is_err());
    }
}
