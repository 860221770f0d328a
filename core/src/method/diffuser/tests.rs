//! Sizes, checks, and plans that must be right.

use super::{Follow, Settings};
use crate::benchmark::{ANTMAZE, Benchmark, MAZE2D};
use crate::method::Recipe;
use crate::settings::{InvalidSetting, Preset};

fn preset(preset: Preset, task: &Benchmark) -> Settings {
    Recipe::preset(preset, &task.basis())
}

/// Parameters counted by hand.
#[test]
fn networks_have_their_sizes() {
    let published = preset(Preset::Paper, &MAZE2D[2]);
    assert_eq!(published.parameters(&MAZE2D[2].spec), 3_682_118.0);
    let Settings { trajectory, policy, .. } = published;
    assert_eq!((trajectory.horizon, trajectory.rows(), policy.diffusion_steps), (384, 384, 256));
    for (task, rows) in MAZE2D.iter().zip([32, 64, 96]) {
        let settings = preset(Preset::Cpu, task);
        settings.check().unwrap();
        settings.check_for(&task.spec).unwrap();
        assert_eq!((settings.trajectory.rows(), settings.trajectory.span()), (rows, 4 * rows - 3));
    }
    let mut with_actions = preset(Preset::Cpu, &MAZE2D[0]);
    with_actions.trajectory.states_only = false;
    assert_eq!(with_actions.parameters(&MAZE2D[0].spec), 997_574.0);
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let refused = |change: fn(&mut Settings), task: &Benchmark| -> InvalidSetting {
        let mut settings = preset(Preset::Cpu, task);
        change(&mut settings);
        settings.check().and_then(|()| settings.check_for(&task.spec)).unwrap_err()
    };
    let maze = &MAZE2D[0];
    for (change, key, part) in [
        ((|s| s.trajectory.horizon = 126) as fn(&mut Settings), "trajectory.horizon", "stride, 4"),
        (|s| s.trajectory.horizon = 120, "trajectory.horizon", "multiple of 4"),
        (|s| s.trajectory.states_only = false, "trajectory.states_only", "stride"),
        (|s| s.act.follow = Follow::Actions, "act.follow", "no actions"),
        (|s| s.act.goal = Some(vec![1.0, 2.0]), "act.goal", "4 numbers"),
        (|s| s.act.sampler.steps = 10, "act.sampler.steps", "64"),
        (|s| s.policy.dim = 20, "policy.dim", "multiple of 8"),
        (|s| s.data.standardise_states = false, "data.standardise_states", "limits"),
    ] {
        let error = refused(change, maze);
        assert_eq!(error.key, key);
        assert!(error.expected.contains(part), "{error}");
    }
    let error = refused(|_| {}, &ANTMAZE[0]).to_string();
    assert!(error.starts_with("act.goal is none") && error.contains("antmaze-umaze-v2"), "{error}");
    let error = refused(|s| s.act.goal = Some(vec![0.0; 29]), &ANTMAZE[0]).to_string();
    assert!(error.starts_with("act.follow is") && error.contains("29 numbers, 8 in an action"), "{error}");
}

#[cfg(feature = "train")]
mod trained {
    use std::sync::Arc;

    use burn::tensor::Device;

    use super::*;
    use crate::agent::Actor as _;
    use crate::bundle::Provenance;
    use crate::data::Transitions;
    use crate::learn::{Learner, Stage};
    use crate::method::diffuser::{Actor, Diffuser, TrajectorySettings};
    use crate::method::toy::task;
    use crate::method::{Agent, AgentBundle, Lessons};
    use crate::rng::Key;
    use crate::settings::Schedule;

    /// Rows of a toy's trajectories.
    const ROWS: usize = 16;

    /// Half circles over the x axis, of random radius and middle, run through at an even speed, an episode each.
    fn half_circles() -> Transitions {
        let mut data = Transitions { state_dim: 2, action_dim: 1, ..Transitions::default() };
        let mut stream = Key::new(8).stream();
        for _ in 0..500 {
            let (radius, middle) = (stream.range(0.3, 1.0), stream.range(-0.5, 0.5));
            let side = if stream.uniform() < 0.5 { 1.0 } else { -1.0 };
            for row in 0..ROWS {
                let angle = core::f64::consts::PI * row as f64 / (ROWS - 1) as f64;
                let (sin, cos) = libm::sincos(angle);
                data.states.extend([middle - side * radius * cos, radius * sin].map(|x| x as f32));
                data.actions.push(0.0);
                data.rewards.push(0.0);
                data.terminals.push(false);
                data.timeouts.push(row + 1 == ROWS);
            }
        }
        data
    }

    fn settings() -> Settings {
        let mut settings = preset(Preset::Smoke, &MAZE2D[0]);
        settings.trajectory = TrajectorySettings { horizon: ROWS, stride: 1, states_only: false };
        settings.policy.dim = 16;
        settings.policy.diffusion_steps = 16;
        settings.policy.average_rate = 0.02;
        settings.policy.train.rate = 2e-3;
        settings.policy.train.schedule = Schedule::Cosine;
        settings.policy.train.batch = 32;
        settings.policy.train.steps = 1_200;
        settings.act.sampler.steps = 16;
        settings.act.follow = Follow::Actions;
        settings.act.goal = Some(vec![0.6, 0.0]);
        settings
    }

    fn train(settings: Settings, data: Transitions, states: usize) -> AgentBundle {
        let mut lessons =
            Lessons::<Diffuser>::new(settings, task(states), Arc::new(data), &Device::flex()).unwrap();
        while lessons.stage() != Stage::Done {
            lessons.step(false).unwrap();
        }
        AgentBundle::from_bytes(&lessons.file(Provenance::default()).unwrap()).unwrap()
    }

    /// Plans of many episodes, `[lanes][rows][state]`, raw.
    fn plans(bundle: &AgentBundle, starts: &[[f64; 2]]) -> Vec<Vec<[f32; 2]>> {
        let Agent::Diffuser(loaded) = Agent::load(bundle, bundle.settings(), &Device::flex()).unwrap() else {
            panic!("another method");
        };
        let mut actor = Actor::new(Arc::clone(&loaded)).unwrap();
        for lane in 0..starts.len() {
            actor.begin(lane, Key::new(2).fold(lane as u64));
        }
        let lanes: Vec<(usize, &[f64])> =
            starts.iter().enumerate().map(|(lane, start)| (lane, start.as_slice())).collect();
        let values = actor.plans(&lanes).unwrap();
        let plan = |rows: &[f32]| {
            let mut states: Vec<f32> = rows.chunks_exact(3).flat_map(|row| &row[1..]).copied().collect();
            loaded.state_norm.invert(&mut states);
            states.chunks_exact(2).map(|state| [state[0], state[1]]).collect()
        };
        values.chunks_exact(ROWS * 3).map(plan).collect()
    }

    /// Between two ends there is one half circle: the plan is on it, and its middle is over the middle.
    #[test]
    fn plans_lie_on_the_circle_through_their_ends() {
        let bundle = train(settings(), half_circles(), 2);
        let starts: Vec<[f64; 2]> = [-0.6, -0.4, -0.2, 0.0].map(|x| [x, 0.0]).to_vec();
        for (plan, start) in plans(&bundle, &starts).iter().zip(&starts) {
            let (middle, radius) = (0.5 * (start[0] + 0.6), 0.5 * (0.6 - start[0]));
            let ends = [plan[0], plan[ROWS - 1]];
            let near = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-5;
            assert!(near(ends[0][0], start[0]) && near(ends[1][0], 0.6) && near(ends[1][1], 0.0), "{ends:?}");
            for [x, y] in plan {
                let found = (f64::from(*x) - middle).hypot(f64::from(*y));
                assert!(
                    (found - radius).abs() < 0.12,
                    "{start:?}: ({x}, {y}) is {found} away, radius {radius}"
                );
            }
        }
    }

    /// A plan is its lane's alone, whatever is planned beside it.
    #[test]
    fn lockstep_of_one_and_of_many_plan_the_same() {
        let mut settings = settings();
        settings.policy.train.steps = 20;
        let bundle = train(settings, half_circles(), 2);
        let starts: Vec<[f64; 2]> = (0..64).map(|i| [-0.5 + 0.01 * f64::from(i), 0.0]).collect();
        let together = plans(&bundle, &starts);
        let alone = plans(&bundle, &starts[..1]);
        for (found, expected) in alone[0].iter().flatten().zip(together[0].iter().flatten()) {
            assert!((found - expected).abs() < 1e-5, "{found}, {expected}");
        }
    }

    /// A horizon beyond the longest stretch, which the exit from the goal cuts too.
    #[test]
    fn a_horizon_longer_than_the_data_is_refused() {
        let refused = |horizon, data| {
            let mut settings = settings();
            settings.trajectory.horizon = horizon;
            Lessons::<Diffuser>::new(settings, task(2), Arc::new(data), &Device::flex())
                .err()
                .map(|error| error.to_string())
        };
        let error = refused(32, half_circles()).unwrap();
        assert!(error.contains("has 16 rows, but one window needs 32"), "{error}");
        assert_eq!(refused(16, half_circles()), None);
    }

    #[test]
    fn windows_are_cut_where_the_goal_is_left() {
        use super::super::learner::leaves_goal;
        use crate::spec::RewardKind;
        let rewards = vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        let data = Transitions { rewards, ..Transitions::default() };
        let cut = |kind| (0..6).filter(|&row| leaves_goal(kind, &data, row)).collect::<Vec<_>>();
        assert_eq!(cut(RewardKind::AtGoal), [2, 5]);
        assert!(cut(RewardKind::Dense).is_empty());
    }
}
