//! AntMaze by MuJoCo against what Python's MuJoCo recorded (`tests/golden/record_ant.py`).
//!
//! Run with `--nocapture` to see what was measured.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::LazyLock;

use diar::antmaze::{collect, walker};
use diar::dataset::{self, d4rl};
use diar::mujoco::{Model, Simulation};
use diar_core::benchmark::{ANTMAZE, Benchmark, Collection};
use diar_core::env::antmaze::{
    ACTUATORS, AntMaze, EPISODE_ROWS, Navigator, QPOS, QVEL, SENSES, SUBSTEPS, controls, model, senses,
};
use diar_core::env::{End, Envs, Physics, Start};
use diar_core::maze::{MazeId, World};
use diar_core::rng::Key;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    mujoco: String,
    /// Steps of a trajectory after which its state was kept.
    kept: Vec<usize>,
    mazes: BTreeMap<String, GoldenMaze>,
    walker: Vec<Answer>,
}

#[derive(Deserialize)]
struct GoldenMaze {
    /// qpos, qvel, action, qpos', qvel'; by the parts of the body that touch a wall.
    steps: BTreeMap<String, Vec<Vec<f64>>>,
    trajectories: Vec<Trajectory>,
    /// x, y, the target's x and y, row and column of the next cell.
    ways: Vec<[f64; 6]>,
}

#[derive(Deserialize)]
struct Trajectory {
    start: Vec<f64>,
    actions: Vec<[f32; ACTUATORS]>,
    states: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Answer {
    qpos: [f64; QPOS],
    qvel: [f64; QVEL],
    direction: [f64; 2],
    senses: Vec<f32>,
    action: [f64; ACTUATORS],
}

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/ant.json");
    let file = File::open(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let golden: Golden = serde_json::from_reader(BufReader::new(file)).unwrap();
    assert_eq!(golden.mujoco, "3.17.0");
    golden
});

fn mazes() -> impl Iterator<Item = (MazeId, &'static GoldenMaze)> {
    MazeId::ALL.into_iter().map(|maze| {
        let name = serde_json::to_value(maze).unwrap();
        (maze, &GOLDEN.mazes[name.as_str().unwrap()])
    })
}

fn simulation(maze: MazeId) -> Simulation {
    Model::compile(&model(maze.layout())).unwrap().simulation().unwrap()
}

/// Largest difference of a simulation's state from one that was recorded.
fn apart(simulation: &Simulation, state: &[f64]) -> f64 {
    assert_eq!(state.len(), QPOS + QVEL);
    let ours = simulation.qpos().iter().chain(simulation.qvel());
    ours.zip(state).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn one_step_is_mujocos() {
    for (maze, golden) in mazes() {
        let mut simulation = simulation(maze);
        for (touching, rows) in &golden.steps {
            let mut worst: f64 = 0.0;
            for row in rows {
                let (start, rest) = row.split_at(QPOS + QVEL);
                let (action, end) = rest.split_at(ACTUATORS);
                simulation.set(&start[..QPOS], &start[QPOS..]).unwrap();
                let action: [f32; ACTUATORS] = core::array::from_fn(|k| action[k] as f32);
                simulation.step(&controls(&action), SUBSTEPS).unwrap();
                worst = worst.max(apart(&simulation, end));
            }
            println!("{maze:?}, parts at a wall: {touching}: {} steps, worst {worst:.1e}", rows.len());
            assert!(worst <= 1e-12, "{maze:?} {touching}: {worst:e}");
        }
    }
}

#[test]
fn a_hundred_steps_are_mujocos() {
    for (maze, golden) in mazes() {
        let mut simulation = simulation(maze);
        for trajectory in &golden.trajectories {
            simulation.set(&trajectory.start[..QPOS], &trajectory.start[QPOS..]).unwrap();
            let mut states = trajectory.states.iter();
            for (step, action) in trajectory.actions.iter().enumerate() {
                simulation.step(&controls(action), SUBSTEPS).unwrap();
                if GOLDEN.kept.contains(&(step + 1)) {
                    let apart = apart(&simulation, states.next().unwrap());
                    println!("{maze:?}: {apart:.1e} after {} steps", step + 1);
                    assert!(apart <= 1e-9, "{maze:?} after {} steps: {apart:e}", step + 1);
                }
            }
            assert!(states.next().is_none());
        }
    }
}

#[test]
fn a_state_that_was_saved_goes_on_to_the_last_bit() {
    let trajectory = &GOLDEN.mazes["medium"].trajectories[0];
    let actions = &trajectory.actions;
    let mut first = simulation(MazeId::Medium);
    first.set(&trajectory.start[..QPOS], &trajectory.start[QPOS..]).unwrap();
    let run = |simulation: &mut Simulation, actions: &[[f32; ACTUATORS]]| {
        for action in actions {
            simulation.step(&controls(action), SUBSTEPS).unwrap();
        }
        [simulation.qpos(), simulation.qvel()].concat()
    };
    run(&mut first, &actions[..40]);
    let saved = first.save();
    let expected = run(&mut first, &actions[40..]);
    // In another simulation, which did something else before.
    let mut second = simulation(MazeId::Medium);
    run(&mut second, &actions[..7]);
    second.load(&saved).unwrap();
    assert_eq!(run(&mut second, &actions[40..]), expected);
    // Positions and velocities alone are not all of a state.
    second.set(&saved[..QPOS], &saved[QPOS..QPOS + QVEL]).unwrap();
    assert_ne!(run(&mut second, &actions[40..]), expected, "the warm start counts");
    // A new beginning forgets what was before.
    let start = |simulation: &mut Simulation| {
        simulation.set(&trajectory.start[..QPOS], &trajectory.start[QPOS..]).unwrap();
    };
    start(&mut second);
    let again = run(&mut second, &actions[..10]);
    let mut fresh = simulation(MazeId::Medium);
    start(&mut fresh);
    assert_eq!(run(&mut fresh, &actions[..10]), again);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut simulation = simulation(MazeId::Umaze);
    let refusals = [
        simulation.set(&[0.0; QPOS - 1], &[0.0; QVEL]).unwrap_err(),
        simulation.set(&[0.0; QPOS], &[0.0; QVEL + 1]).unwrap_err(),
        simulation.step(&[0.0; 7], 1).unwrap_err(),
        simulation.load(&[0.0; 3]).unwrap_err(),
    ];
    for (error, expected) in refusals.iter().zip(["has 15", "has 14", "has 8", "3 numbers"]) {
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = Model::compile("<mujoco><worldbody><geom size=\"-1\"/></worldbody></mujoco>").unwrap_err();
    assert!(error.to_string().contains("refuses the model"), "{error}");
}

#[test]
fn bodies_are_where_their_joints_put_them() {
    let mut simulation = simulation(MazeId::Umaze);
    let mut qpos = [0.0; QPOS];
    // A quarter turn to the left, and the first hip by 30 degrees.
    let half = std::f64::consts::FRAC_1_SQRT_2;
    qpos[..8].copy_from_slice(&[1.0, 2.0, 0.8, half, 0.0, 0.0, half, std::f64::consts::FRAC_PI_6]);
    simulation.set(&qpos, &[0.0; QVEL]).unwrap();
    let poses = simulation.poses();
    // The world, the torso, and for each leg what is fixed to the torso, what the hip turns, what the ankle turns.
    assert_eq!(poses.len(), 14);
    let near =
        |found: [f64; 3], expected: [f64; 3]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(near(poses[1].position, [1.0, 2.0, 0.8]));
    let [x, y] = [poses[1].rotation[0], poses[1].rotation[3]];
    assert!(x.abs() < 1e-12 && (y - 1.0).abs() < 1e-12, "the body's x axis points along the world's y");
    // The first hip lies at (0.2, 0.2) in the body's frame.
    assert!(near(poses[3].position, [0.8, 2.2, 0.8]), "{:?}", poses[3]);
    // Its ankle at (0.2, 0.2) from there, turned by 90 and 30 degrees.
    let (sin, cos) = 120_f64.to_radians().sin_cos();
    let ankle = [0.8 + 0.2 * (cos - sin), 2.2 + 0.2 * (sin + cos), 0.8];
    assert!(near(poses[4].position, ankle), "{:?}, expected {ankle:?}", poses[4]);
}

#[test]
fn ways_are_d4rls() {
    for (maze, golden) in mazes() {
        for &[x, y, tx, ty, row, column] in &golden.ways {
            let next = Navigator::new(maze.layout(), [tx, ty]).next([x, y]);
            assert_eq!(next, Some((row as usize, column as usize)), "{maze:?} from {x} {y} to {tx} {ty}");
        }
    }
}

#[test]
fn the_walker_answers_as_in_python() {
    let walker = walker().unwrap();
    for answer in &GOLDEN.walker {
        let seen: [f32; SENSES] = senses(&answer.qpos, &answer.qvel, answer.direction);
        for (ours, theirs) in seen.iter().zip(&answer.senses) {
            assert!((ours - theirs).abs() <= 1e-6, "{seen:?} {:?}", answer.senses);
        }
        let action = walker.act(&seen);
        for (ours, theirs) in action.iter().zip(&answer.action) {
            assert!((f64::from(*ours) - theirs).abs() <= 1e-5, "{action:?} {:?}", answer.action);
        }
    }
}

fn envs(task: &Benchmark) -> AntMaze<Simulation> {
    AntMaze::new(task.spec.clone(), task.maze(), |text| Model::compile(text)?.simulation())
}

/// Walks of the controller, the walker led by waypoints without noise: how many of so many episodes reach their goal.
fn solved(task: &Benchmark, episodes: u64) -> usize {
    let (walker, mut envs, mut steps) = (walker().unwrap(), envs(task), Vec::new());
    let mut solved = 0;
    for episode in 0..episodes {
        let key = Key::new(11).fold(episode);
        let frame = envs.reset(&[(0, Start::Drawn(key))], &World::default()).unwrap().remove(0);
        let goal = frame.goal.unwrap();
        let navigator = Navigator::new(task.maze().layout(), [goal[0], goal[1]]);
        let stream = &mut key.named("waypoints").stream();
        let mut state = frame.observation;
        let end = loop {
            let (qpos, qvel) = (state[..QPOS].try_into().unwrap(), state[QPOS..].try_into().unwrap());
            let direction = navigator.direction([state[0], state[1]], stream);
            envs.step(&[0], &walker.act(&senses(&qpos, &qvel, direction)), &mut steps).unwrap();
            state.clone_from(&steps[0].observation);
            if let Some(end) = steps[0].end {
                break end;
            }
        };
        solved += usize::from(end == End::Terminal);
    }
    solved
}

#[test]
fn the_controller_reaches_its_goals() {
    for task in [&ANTMAZE[0], &ANTMAZE[3], &ANTMAZE[5]] {
        let solved = solved(task, 10);
        println!("{}: {solved} of 10", task.id());
        assert!(solved >= 7, "{}: {solved} of 10", task.id());
    }
}

#[test]
fn episodes_side_by_side_are_those_alone() {
    let task = &ANTMAZE[3];
    let (mut both, mut alone, mut steps) = (envs(task), envs(task), Vec::new());
    let start = |lane| Start::Drawn(Key::new(lane as u64));
    both.reset(&[(0, start(0)), (1, start(1))], &World::default()).unwrap();
    alone.reset(&[(0, start(1))], &World::default()).unwrap();
    let stream = &mut Key::new(9).stream();
    let mut action = || -> Vec<f32> { (0..ACTUATORS).map(|_| stream.range(-1.0, 1.0) as f32).collect() };
    let mut saved = None;
    for step in 0..60 {
        let actions = [action(), action()];
        both.step(&[0, 1], &actions.concat(), &mut steps).unwrap();
        let other = steps[1].clone();
        alone.step(&[0], &actions[1], &mut steps).unwrap();
        assert_eq!(steps[0], other, "{step}");
        if step == 30 {
            saved = Some((alone.save(0).unwrap(), Vec::new()));
        } else if let Some((_, after)) = &mut saved {
            after.push((actions[1].clone(), other));
        }
    }
    // Back to a moment, in the lane of the other episode.
    let (moment, after) = saved.unwrap();
    both.load(0, &moment).unwrap();
    for (action, expected) in after {
        both.step(&[0], &action, &mut steps).unwrap();
        assert_eq!(steps[0], expected);
    }
}

#[test]
fn data_depends_on_the_seed_and_not_on_the_threads() {
    let rows = 3 * EPISODE_ROWS + 100;
    let with = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| collect(MazeId::Medium, Collection::Diverse, rows, seed)).unwrap()
    };
    let one = with(1, 4);
    assert_eq!(with(3, 4), one);
    assert_ne!(with(3, 5), one);
    one.data.check().unwrap();
    assert_eq!((one.data.len(), one.walks), (rows, 3));
    assert_eq!(one.data.timeouts.iter().filter(|&&cut| cut).count(), 3);
    assert!(one.data.actions.iter().all(|a| (-1.0..=1.0).contains(a)));
}

#[test]
fn most_walks_reach_their_goal() {
    let collected = collect(MazeId::Medium, Collection::Diverse, 12 * EPISODE_ROWS, 0).unwrap();
    println!("{} of 12 reach their goal, {} end upside down", collected.reached, collected.overturned);
    assert!(collected.reached >= 8, "{}", collected.reached);
}

/// Terminals mark the rewarded goal wherever a walk passes it; the reader sees from the states that they end nothing.
#[test]
fn a_file_is_read_as_the_data_were_made() {
    let collected = collect(MazeId::Umaze, Collection::Fixed, 12 * EPISODE_ROWS, 0).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("walks.hdf5");
    let infos = d4rl::Infos { states: &collected.after, positions: QPOS };
    d4rl::write_with(&path, &collected.data, infos).unwrap();
    let (read, description) = dataset::read(&path, None).unwrap();
    assert!(read.terminals.iter().filter(|&&terminal| terminal).count() > 100);
    assert!(read == collected.data);
    assert_eq!(description.summary.sha256, dataset::hash(&collected.data));
    assert_eq!((description.summary.episodes, description.summary.longest_episode), (12, EPISODE_ROWS));
    assert!(description.origin.rules().any(|rule| rule.contains("end no episode")));
}
