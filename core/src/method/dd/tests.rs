//! Sizes, checks, and samples that must be right.

use super::Settings;
use crate::benchmark::{ANTMAZE, Benchmark, MAZE2D};
use crate::method::Recipe;
use crate::settings::Preset;

fn preset(preset: Preset, task: &Benchmark) -> Settings {
    Recipe::preset(preset, &task.basis())
}

/// Parameters counted by hand: the U-Net with its return, and the inverse dynamics.
#[test]
fn networks_have_their_sizes() {
    let sizes = |which: Preset, task: &Benchmark| {
        let shapes = preset(which, task).shapes(&task.spec);
        let count = |inverse: bool| {
            let part = shapes.iter().filter(|(name, _)| name.starts_with("policy.inverse") == inverse);
            part.map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>()
        };
        (count(false), count(true))
    };
    assert_eq!(sizes(Preset::Paper, &MAZE2D[0]), (59_726_212, 68_610));
    assert_eq!(sizes(Preset::Paper, &ANTMAZE[0]).0, 59_748_637);
    assert_eq!(sizes(Preset::Cpu, &MAZE2D[0]), (1_034_212, 68_610));
    assert_eq!(sizes(Preset::Quick, &MAZE2D[0]).0, 260_596);
    for task in Benchmark::all() {
        for which in [Preset::Smoke, Preset::Quick, Preset::Cpu, Preset::Paper] {
            preset(which, task).check().unwrap();
        }
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (change, key, part) in [
        ((|s| s.act.target = 1.5) as fn(&mut Settings), "act.target", "largest return of the data"),
        (|s| s.act.target = f64::NAN, "act.target", "from 0 to 1"),
        (|s| s.act.replan_every = 64, "act.replan_every", "at most 63"),
        (|s| s.act.guidance = -1.0, "act.guidance", "from 0"),
        (|s| s.condition.returns = Some([2.0, 2.0]), "condition.returns", "smaller one first"),
        (|s| s.trajectory.horizon = 62, "trajectory.horizon", "multiple of 4"),
        (|s| s.inverse.hidden = Vec::new(), "inverse.hidden", "widths"),
    ] {
        let mut settings = preset(Preset::Cpu, &MAZE2D[0]);
        change(&mut settings);
        let error = settings.check().unwrap_err();
        assert_eq!(error.key, key);
        assert!(error.expected.contains(part), "{error}");
    }
}

#[cfg(feature = "train")]
mod trained {
    use std::sync::Arc;

    use burn::tensor::{Device, Tensor};

    use super::super::learner::{ends, is_pair, scaled};
    use super::*;
    use crate::agent::Actor as _;
    use crate::bundle::Provenance;
    use crate::data::Transitions;
    use crate::env::maze2d::generate;
    use crate::learn::{Learner, Stage};
    use crate::maze::MazeId;
    use crate::method::dd::{Actor, DecisionDiffuser};
    use crate::method::toy::task;
    use crate::method::{Agent, AgentBundle, Lessons, Loaded};
    use crate::nn::tensor;
    use crate::rng::Key;
    use crate::settings::Schedule;
    use crate::spec::TaskSpec;

    /// Rows of a toy's trajectories.
    const ROWS: usize = 8;

    fn train(settings: Settings, data: Transitions, task: Arc<TaskSpec>) -> AgentBundle {
        let mut lessons =
            Lessons::<DecisionDiffuser>::new(settings, task, Arc::new(data), &Device::flex()).unwrap();
        while lessons.stage() != Stage::Done {
            lessons.step(false).unwrap();
        }
        AgentBundle::from_bytes(&lessons.file(Provenance::default()).unwrap()).unwrap()
    }

    fn load(bundle: &AgentBundle, change: impl FnOnce(&mut Settings)) -> Arc<Loaded<Settings>> {
        let AgentBundle::Dd(sealed) = bundle else { panic!("another method") };
        let mut settings = sealed.info().settings.clone();
        change(&mut settings);
        let acting = crate::method::MethodSettings::Dd(settings);
        let Agent::Dd(loaded) = Agent::load(bundle, acting, &Device::flex()).unwrap() else {
            panic!("another method");
        };
        loaded
    }

    /// Lines from 0 to ends around 0.3, which earn 1, and around -0.3, which earn nothing.
    fn lines() -> Transitions {
        let mut data = Transitions { state_dim: 1, action_dim: 1, ..Transitions::default() };
        let mut stream = Key::new(8).stream();
        for line in 0..600 {
            let good = line % 2 == 0;
            let end = if good { 0.3 } else { -0.3 } + 0.15 * stream.normal();
            for row in 0..ROWS {
                data.states.push((end * row as f64 / (ROWS - 1) as f64) as f32);
                data.actions.push(0.0);
                data.rewards.push(if good && row + 1 == ROWS { 1.0 } else { 0.0 });
                data.terminals.push(row + 1 == ROWS);
                data.timeouts.push(false);
            }
        }
        data
    }

    fn settings() -> Settings {
        let mut settings = preset(Preset::Smoke, &MAZE2D[0]);
        settings.trajectory.horizon = ROWS;
        settings.condition.discount = 1.0;
        settings.policy.dim = 16;
        settings.policy.diffusion_steps = 20;
        settings.policy.average_rate = 0.02;
        settings.policy.train.schedule = Schedule::Cosine;
        settings.policy.train.batch = 64;
        settings.policy.train.steps = 1_500;
        settings.act.target = 1.0;
        settings.act.temperature = 1.0;
        settings
    }

    /// Last states of sampled lines, raw.
    fn sampled(agent: &Arc<Loaded<Settings>>, count: usize) -> Vec<f64> {
        let mut actor = Actor::new(Arc::clone(agent));
        for lane in 0..count {
            actor.begin(lane, Key::new(5).fold(lane as u64));
        }
        let lanes: Vec<(usize, &[f64])> = (0..count).map(|lane| (lane, [0.0].as_slice())).collect();
        let mut plans = actor.plans(&lanes).unwrap();
        agent.state_norm.invert(&mut plans);
        plans.chunks_exact(ROWS).map(|plan| f64::from(plan[ROWS - 1])).collect()
    }

    /// The return decides the class; guidance beyond 1 goes beyond it, and without guidance both classes come.
    #[test]
    fn the_return_decides_and_guidance_exaggerates() {
        let bundle = train(settings(), lines(), task(1));
        let mean = |guidance: f64, target: f64| {
            let agent = load(&bundle, |settings| {
                settings.act.guidance = guidance;
                settings.act.target = target;
            });
            let found = sampled(&agent, 200);
            let right = found.iter().filter(|&&end| end > 0.0).count();
            (found.iter().sum::<f64>() / 200.0, right)
        };
        let (hit, right) = mean(1.0, 1.0);
        assert!((hit - 0.3).abs() < 0.06 && right > 185, "{hit}, {right} of 200 to the right");
        let (missed, right) = mean(1.0, 0.0);
        assert!((missed + 0.3).abs() < 0.06 && right < 15, "{missed}, {right} of 200 to the right");
        let (beyond, _) = mean(4.0, 1.0);
        assert!(beyond > hit + 0.04, "{beyond}, not beyond {hit}");
        let (_, right) = mean(0.0, 1.0);
        assert!((50..150).contains(&right), "{right} of 200 to the right without guidance");
    }

    #[test]
    fn lockstep_of_one_and_of_many_plan_the_same() {
        let mut settings = settings();
        settings.policy.train.steps = 20;
        let agent = load(&train(settings, lines(), task(1)), |_| {});
        let (together, alone) = (sampled(&agent, 64), sampled(&agent, 1));
        assert!((together[0] - alone[0]).abs() < 1e-5, "{} beside others, {} alone", together[0], alone[0]);
    }

    #[test]
    fn returns_lie_between_their_ends() {
        let all = |returns: &[f32], chosen| {
            let ends = ends(returns.iter().copied(), chosen);
            returns.iter().map(|&found| scaled(found, ends)).collect::<Vec<_>>()
        };
        assert_eq!(all(&[2.0, -2.0, 0.0], None), [1.0, 0.0, 0.5]);
        assert_eq!(all(&[25.0, 60.0], Some([0.0, 50.0])), [0.5, 1.2]);
        assert_eq!(all(&[3.0, 3.0], None), [0.0, 0.0]);
    }

    /// In free space, `u = 4.19879 (v' - v) + 0.01 v` of mass, damping and gear: what recorded pairs obey, what stale ones do
    /// not, and what the inverse dynamics learn.
    #[test]
    fn inverse_dynamics_are_those_of_the_point_mass() {
        let data = generate(MazeId::Large, 30_000, 4);
        let exact = |row: usize| {
            let (from, to) = (data.state(row), data.state(row + 1));
            [2, 3].map(|k| 4.198_79 * (to[k] - from[k]) + 0.01 * from[k])
        };
        let obeys = |row: usize| exact(row).iter().zip(data.action(row)).all(|(u, a)| (u - a).abs() < 2e-3);
        let pairs: Vec<usize> = (0..data.len()).filter(|&row| is_pair(&data, row)).collect();
        let free: Vec<usize> = pairs.iter().copied().filter(|&row| obeys(row)).collect();
        assert!(free.len() > pairs.len() * 7 / 10, "{} of {} pairs", free.len(), pairs.len());
        let others: Vec<usize> = (1..data.len() - 1).filter(|&row| !is_pair(&data, row)).collect();
        assert!(!others.is_empty() && !others.iter().any(|&row| obeys(row)), "a stale row obeys");

        let mut settings = preset(Preset::Smoke, &MAZE2D[2]);
        settings.inverse.hidden = vec![64, 64];
        settings.inverse.batch = 256;
        settings.policy.train.batch = 1;
        settings.policy.train.schedule = Schedule::Cosine;
        settings.policy.train.steps = 2_500;
        settings.policy.average_rate = 0.02;
        let agent = load(&train(settings, data.clone(), Arc::clone(&MAZE2D[2].spec)), |_| {});
        let rows: Vec<usize> = free.iter().copied().step_by(7).collect();
        let states = |ahead: usize| -> Tensor<2> {
            let mut values: Vec<f32> =
                rows.iter().flat_map(|&row| data.state(row + ahead)).copied().collect();
            agent.state_norm.apply(&mut values);
            tensor(values, [rows.len(), 4], &agent.device)
        };
        let found = agent.network.actions(states(0), states(1)).try_into_vec_as::<f32>().unwrap();
        let expected: Vec<f32> = rows.iter().flat_map(|&row| exact(row)).collect();
        let mean = expected.iter().sum::<f32>() / expected.len() as f32;
        let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x * x)).sum::<f64>();
        let left = squares(&mut found.iter().zip(&expected).map(|(found, expected)| found - expected));
        let fit = 1.0 - left / squares(&mut expected.iter().map(|expected| expected - mean));
        assert!(fit > 0.99, "R² is {fit}");
    }
}
