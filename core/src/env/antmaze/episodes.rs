//! Episodes of AntMaze.

use std::fmt;
use std::sync::Arc;

use super::cells::{START, goal_cell};
use super::grid::{fits, place};
use super::model::{QPOS, QVEL, SUBSTEPS, controls, model};
use super::start::{goal, start};
use super::{ACTUATORS, OBSERVATION};
use crate::env::{
    End, EnvError, Envs, Exactness, Frame, Lane, Physics, PhysicsError, Snapshot, Start, Step, check_actions,
    check_width,
};
use crate::maze::{Layout, MazeId, World, WorldError, reaches};
use crate::rng::Key;
use crate::spec::TaskSpec;

/// Radius of the torso, m.
const TORSO: f64 = 0.25;
/// Largest number of a state that an episode may start in: m, rad and their rates.
const LARGEST: f64 = 100.0;
/// Where the middle of the goals of an evaluation is, relative to the middle of their cell, along each axis, m.
const MIDDLE_GOAL: f64 = 0.75;

/// Episodes of an AntMaze task over simulators that a program makes from a model's text. An episode ends when its goal
/// is reached. The goal is drawn anew for each, as D4RL's version 2 does, unless the world has one.
pub struct AntMaze<P> {
    spec: Arc<TaskSpec>,
    maze: MazeId,
    simulator: Simulator<P>,
    lanes: Vec<Option<Episode<P>>>,
}

/// The goal of an episode that begins so, [x, y], m, unless its world has one. Where the start is given, it is the middle of
/// where goals are drawn.
#[must_use]
pub fn drawn_goal(maze: MazeId, start: &Start) -> [f64; 2] {
    match start {
        Start::Drawn(key) | Start::Stratum(_, key) => goal(goal_cell(maze), &mut key.stream()),
        Start::At(_) => place(goal_cell(maze)).map(|middle| middle + MIDDLE_GOAL),
    }
}

/// Makes a simulator of a model's text.
type Simulator<P> = Box<dyn FnMut(&str) -> Result<P, PhysicsError>>;

/// An episode under way, or over.
struct Episode<P> {
    layout: Arc<Layout>,
    physics: P,
    goal: [f64; 2],
    steps: usize,
    over: bool,
}

/// A maze that is played in, and the goal where it is set.
struct Place {
    layout: Arc<Layout>,
    goal: Option<[f64; 2]>,
}

/// The beginning of an episode.
struct Beginning {
    qpos: [f64; QPOS],
    qvel: [f64; QVEL],
    goal: [f64; 2],
}

impl<P> fmt::Debug for AntMaze<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AntMaze").field("task", &self.spec.id).finish_non_exhaustive()
    }
}

impl<P: Physics> Episode<P> {
    fn observation(&self) -> Vec<f64> {
        [self.physics.qpos(), self.physics.qvel()].concat()
    }

    fn frame(&self) -> Frame {
        Frame { observation: self.observation(), goal: Some(self.goal.to_vec()) }
    }

    fn at_goal(&self) -> bool {
        reaches(self.goal, [self.physics.qpos()[0], self.physics.qpos()[1]])
    }
}

impl<P: Physics> AntMaze<P> {
    /// A task in one of the mazes, without episodes. `simulator` makes a simulator of a model's text.
    pub fn new(
        spec: Arc<TaskSpec>,
        maze: MazeId,
        simulator: impl FnMut(&str) -> Result<P, PhysicsError> + 'static,
    ) -> Self {
        Self { spec, maze, simulator: Box::new(simulator), lanes: Vec::new() }
    }

    /// The maze with the changes made.
    fn place(&self, world: &World) -> Result<Place, WorldError> {
        let walls = World { toggled: world.toggled.clone(), goal: None };
        let layout = walls.layout(self.maze)?;
        let goal = world.goal.unwrap_or_else(|| place(goal_cell(self.maze)));
        if !fits(&layout, goal, TORSO) {
            return Err(WorldError::Goal(goal[0], goal[1]));
        }
        Ok(Place { layout, goal: world.goal })
    }

    fn beginning(&self, place: &Place, from: &Start) -> Result<Beginning, EnvError> {
        match from {
            Start::At(state) => {
                let (qpos, qvel) = self.inside(state)?;
                Ok(Beginning { qpos, qvel, goal: place.goal.unwrap_or_else(|| drawn_goal(self.maze, from)) })
            }
            Start::Drawn(key) | Start::Stratum(_, key) => Ok(self.drawn(place, *key)),
        }
    }

    fn drawn(&self, place: &Place, key: Key) -> Beginning {
        let stream = &mut key.stream();
        // Drawn even where it is set, so that a moved goal moves no start.
        let drawn = goal(goal_cell(self.maze), stream);
        let (mut qpos, mut qvel) = start(None, stream);
        // Where the start is a wall now, any free cell takes its place.
        if place.layout.is_wall(START.0 as isize, START.1 as isize) {
            let cells = place.layout.free_cells();
            (qpos, qvel) = start(Some(cells[stream.below(cells.len())]), stream);
        }
        Beginning { qpos, qvel, goal: place.goal.unwrap_or(drawn) }
    }

    /// A state within the maze that a simulator can go on from.
    fn inside(&self, state: &[f64]) -> Result<([f64; QPOS], [f64; QVEL]), EnvError> {
        check_width(&self.spec, "a start", state.len(), OBSERVATION)?;
        let (mut qpos, mut qvel) = ([0.0; QPOS], [0.0; QVEL]);
        qpos.copy_from_slice(&state[..QPOS]);
        qvel.copy_from_slice(&state[QPOS..]);
        let Layout { rows, cols, .. } = **self.maze.layout();
        let [left, top] = place((0, 0));
        let [right, bottom] = place((rows - 1, cols - 1));
        let norm = qpos[3..7].iter().map(|q| q * q).sum::<f64>();
        if (left..=right).contains(&qpos[0])
            && (top..=bottom).contains(&qpos[1])
            && state.iter().all(|number| number.abs() <= LARGEST)
            && norm > 0.25
        {
            return Ok((qpos, qvel));
        }
        Err(EnvError::Start {
            task: self.spec.id.clone(),
            found: state.to_vec(),
            expected: format!(
                "a place in its maze of {rows} x {cols} cells, a unit quaternion, and no number beyond {LARGEST}"
            ),
        })
    }

    fn episode(&self, lane: Lane) -> Result<&Episode<P>, EnvError> {
        self.lanes.get(lane).and_then(Option::as_ref).ok_or(EnvError::Idle { lane })
    }

    /// The simulator that a lane has, if it is of this maze, or a new one.
    fn simulator(&mut self, lane: Lane, layout: &Arc<Layout>) -> Result<P, EnvError> {
        match self.lanes.get_mut(lane).and_then(Option::take) {
            Some(episode) if episode.layout == *layout => Ok(episode.physics),
            _ => Ok((self.simulator)(&model(layout))?),
        }
    }
}

impl<P: Physics> Envs for AntMaze<P> {
    fn spec(&self) -> &Arc<TaskSpec> {
        &self.spec
    }

    fn reset(&mut self, lanes: &[(Lane, Start)], world: &World) -> Result<Vec<Frame>, EnvError> {
        let place = self.place(world)?;
        let begin = |(_, start): &(Lane, Start)| self.beginning(&place, start);
        let beginnings = lanes.iter().map(begin).collect::<Result<Vec<_>, _>>()?;
        let mut frames = Vec::with_capacity(lanes.len());
        for (&(lane, _), Beginning { qpos, qvel, goal }) in lanes.iter().zip(beginnings) {
            let mut physics = self.simulator(lane, &place.layout)?;
            physics.set(&qpos, &qvel)?;
            let episode = Episode { layout: Arc::clone(&place.layout), physics, goal, steps: 0, over: false };
            frames.push(episode.frame());
            if self.lanes.len() <= lane {
                self.lanes.resize_with(lane + 1, || None);
            }
            self.lanes[lane] = Some(episode);
        }
        Ok(frames)
    }

    fn step(&mut self, lanes: &[Lane], actions: &[f32], steps: &mut Vec<Step>) -> Result<(), EnvError> {
        check_actions(&self.spec, lanes, actions)?;
        for &lane in lanes {
            if self.episode(lane)?.over {
                return Err(EnvError::Idle { lane });
            }
        }
        steps.clear();
        for (&lane, action) in lanes.iter().zip(actions.as_chunks::<ACTUATORS>().0) {
            let Some(episode) = &mut self.lanes[lane] else { continue };
            episode.physics.step(&controls(action), SUBSTEPS)?;
            episode.steps += 1;
            let at_goal = episode.at_goal();
            let late = (episode.steps >= self.spec.max_steps).then_some(End::TimeLimit);
            let end = if at_goal { Some(End::Terminal) } else { late };
            episode.over = end.is_some();
            let reward = if at_goal { 1.0 } else { 0.0 };
            steps.push(Step { observation: episode.observation(), reward, at_goal, end });
        }
        Ok(())
    }

    fn save(&self, lane: Lane) -> Result<Snapshot, EnvError> {
        let Episode { physics, goal, steps, .. } = self.episode(lane)?;
        Ok(Snapshot { numbers: [&goal[..], &physics.save()].concat(), steps: *steps })
    }

    fn load(&mut self, lane: Lane, from: &Snapshot) -> Result<Frame, EnvError> {
        let max_steps = self.spec.max_steps;
        let episode = self.lanes.get_mut(lane).and_then(Option::as_mut).ok_or(EnvError::Idle { lane })?;
        let (&goal, state) = from.numbers.split_first_chunk().ok_or(PhysicsError::Size {
            what: "a snapshot",
            found: from.numbers.len(),
            expected: 2 + episode.physics.save().len(),
        })?;
        episode.physics.load(state)?;
        episode.goal = goal;
        episode.steps = from.steps;
        episode.over = from.steps > 0 && episode.at_goal() || from.steps >= max_steps;
        Ok(episode.frame())
    }

    fn exactness(&self) -> Exactness {
        Exactness::SameBuild
    }
}

impl From<PhysicsError> for EnvError {
    fn from(error: PhysicsError) -> Self {
        Self::Simulator(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::benchmark::ANTMAZE;
    use crate::env::antmaze::puck::Puck;

    /// U-maze, and how many simulators it has asked for.
    fn umaze() -> (AntMaze<Puck>, Rc<Cell<usize>>) {
        let made = Rc::new(Cell::new(0));
        let count = Rc::clone(&made);
        let simulator = move |text: &str| {
            assert!(text.contains("<mujoco"));
            count.set(count.get() + 1);
            Ok(Puck::new())
        };
        (AntMaze::new(Arc::clone(&ANTMAZE[0].spec), MazeId::Umaze, simulator), made)
    }

    fn drawn(seed: u64) -> Start {
        Start::Drawn(Key::new(seed))
    }

    /// At a place, upright and at rest.
    fn at(x: f64, y: f64) -> Start {
        let mut state = vec![0.0; OBSERVATION];
        state[..4].copy_from_slice(&[x, y, 0.75, 1.0]);
        Start::At(state)
    }

    fn moved(goal: [f64; 2]) -> World {
        World { toggled: Vec::new(), goal: Some(goal) }
    }

    /// Pushes along the world's axes.
    fn push(envs: &mut AntMaze<Puck>, lane: Lane, x: f32, y: f32) -> Result<Step, EnvError> {
        let mut steps = Vec::new();
        envs.step(&[lane], &[x, y, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], &mut steps)?;
        Ok(steps.remove(0))
    }

    #[test]
    fn each_episode_draws_its_goal_and_ends_there() {
        let (mut envs, _) = umaze();
        let mut goals = Vec::new();
        for seed in 0..30 {
            let frame = envs.reset(&[(0, drawn(seed))], &World::default()).unwrap().remove(0);
            let goal = frame.goal.unwrap();
            assert!((0.0..1.5).contains(&goal[0]) && (8.0..9.5).contains(&goal[1]), "{goal:?}");
            assert!(frame.observation[..2].iter().all(|x| x.abs() <= 0.1));
            assert_eq!(
                envs.reset(&[(1, drawn(seed))], &World::default()).unwrap()[0].goal,
                Some(goal.clone())
            );
            goals.push(goal[0].to_bits());
            // The puck goes through walls. It stops 0.5 m before the goal, 0.2 m a step.
            let ended = loop {
                let step = push(&mut envs, 0, 0.0, 1.0).unwrap();
                let [x, y] = [step.observation[0] - goal[0], step.observation[1] - goal[1]];
                let near = (x * x + y * y).sqrt() <= 0.5;
                assert_eq!((step.at_goal, step.reward), (near, f32::from(u8::from(near))));
                assert_eq!(step.end, near.then_some(End::Terminal));
                if near || y > 1.0 {
                    break near;
                }
            };
            assert_eq!(push(&mut envs, 0, 0.0, 1.0).is_err(), ended);
        }
        goals.sort_unstable();
        goals.dedup();
        assert_eq!(goals.len(), 30);
    }

    #[test]
    fn an_episode_without_a_goal_ends_by_time() {
        let (mut envs, _) = umaze();
        envs.reset(&[(0, drawn(0))], &World::default()).unwrap();
        for step in 1..=700 {
            let end = push(&mut envs, 0, 0.0, 0.0).unwrap().end;
            assert_eq!(end, (step == 700).then_some(End::TimeLimit));
        }
        assert_eq!(push(&mut envs, 0, 0.0, 0.0), Err(EnvError::Idle { lane: 0 }));
        assert_eq!(push(&mut envs, 3, 0.0, 0.0), Err(EnvError::Idle { lane: 3 }));
    }

    #[test]
    fn a_moved_goal_pays_where_it_lies_and_moves_no_start() {
        let (mut envs, _) = umaze();
        let world = moved([8.0, 4.0]);
        let frame = envs.reset(&[(0, drawn(5)), (1, at(8.0, 3.4))], &world).unwrap();
        assert_eq!(frame[0].goal, Some(vec![8.0, 4.0]));
        let own = envs.reset(&[(2, drawn(5))], &World::default()).unwrap();
        assert_eq!(frame[0].observation, own[0].observation);
        assert!(push(&mut envs, 1, 0.0, 1.0).unwrap().at_goal);
        for goal in [[4.0, 4.0], [8.0, 5.9e10], [9.8, 0.0], [f64::NAN, 0.0]] {
            let error = envs.reset(&[(0, drawn(0))], &moved(goal)).unwrap_err();
            assert!(matches!(error, EnvError::World(WorldError::Goal(..))), "{error}");
        }
        // A wall in the goal's own cell.
        let walled = World { toggled: vec![(3, 1)], goal: None };
        assert!(envs.reset(&[(0, drawn(0))], &walled).is_err());
    }

    #[test]
    fn a_start_that_is_a_wall_now_moves() {
        let spec = Arc::clone(&ANTMAZE[3].spec);
        let mut envs = AntMaze::new(spec, MazeId::Medium, |_| Ok(Puck::new()));
        let world = World { toggled: vec![(1, 1)], goal: None };
        let layout = world.layout(MazeId::Medium).unwrap();
        for seed in 0..20 {
            let frame = envs.reset(&[(0, drawn(seed))], &world).unwrap().remove(0);
            assert!(fits(&layout, [frame.observation[0], frame.observation[1]], TORSO));
        }
    }

    #[test]
    fn a_simulator_serves_a_lane_until_the_maze_changes() {
        let (mut envs, made) = umaze();
        let lanes = [(0, drawn(0)), (1, drawn(1))];
        for _ in 0..3 {
            envs.reset(&lanes, &World::default()).unwrap();
        }
        envs.reset(&lanes, &moved([8.0, 4.0])).unwrap();
        assert_eq!(made.get(), 2, "the goal is no part of the model");
        envs.reset(&lanes, &World { toggled: vec![(2, 2)], goal: None }).unwrap();
        assert_eq!(made.get(), 4);
    }

    #[test]
    fn a_saved_moment_is_gone_back_to() {
        let (mut envs, _) = umaze();
        envs.reset(&[(0, drawn(0)), (1, drawn(1))], &World::default()).unwrap();
        push(&mut envs, 0, 0.3, 0.7).unwrap();
        let saved = envs.save(0).unwrap();
        let after = push(&mut envs, 0, 1.0, -1.0).unwrap();
        let frame = envs.load(1, &saved).unwrap();
        assert_ne!(frame.observation, after.observation);
        assert_eq!(push(&mut envs, 1, 1.0, -1.0).unwrap(), after);
        assert_eq!(envs.save(1).unwrap(), envs.save(0).unwrap());
        // At its goal an episode is over, at its time as well.
        let mut late = saved.clone();
        late.steps = 700;
        envs.load(1, &late).unwrap();
        assert!(push(&mut envs, 1, 0.0, 0.0).is_err());
        let mut at_goal = saved.clone();
        at_goal.numbers.copy_within(2..4, 0);
        envs.load(1, &at_goal).unwrap();
        assert!(push(&mut envs, 1, 0.0, 0.0).is_err());
        let nothing = Snapshot { numbers: vec![0.0], steps: 0 };
        assert!(matches!(envs.load(0, &nothing), Err(EnvError::Simulator(_))));
        assert_eq!(envs.load(9, &saved), Err(EnvError::Idle { lane: 9 }));
    }

    #[test]
    fn starts_outside_are_refused_before_any_lane_changes() {
        let (mut envs, _) = umaze();
        envs.reset(&[(0, drawn(0))], &World::default()).unwrap();
        let before = envs.save(0).unwrap();
        let broken = |at: usize, number: f64| {
            let Start::At(mut state) = self::at(0.0, 0.0) else { unreachable!() };
            state[at] = number;
            Start::At(state)
        };
        for start in [
            Start::At(vec![0.0; 4]),
            at(-9.0, 0.0),
            at(0.0, 13.0),
            broken(3, 0.0),
            broken(20, f64::NAN),
            broken(2, 1e3),
        ] {
            let error = envs.reset(&[(0, drawn(1)), (1, start)], &World::default()).unwrap_err();
            assert!(error.to_string().contains("antmaze-umaze-v2"), "{error}");
            assert_eq!(envs.save(0).unwrap(), before);
        }
        let mut steps = Vec::new();
        assert!(envs.step(&[0], &[0.0; 7], &mut steps).is_err());
        assert_eq!(envs.step(&[0], &[f32::NAN; 8], &mut steps), Err(EnvError::Action { lane: 0 }));
    }
}
