//! What every simulator behind `Envs` must hold: one suite for all of them.

use diar_core::env::{EnvError, Envs, Exactness, Start, Step};
use diar_core::maze::World;
use diar_core::rng::Key;

/// Makes a simulator without episodes.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Envs>;

/// Actions of so many steps in the numbers of the task, now and then far beyond its bounds, `[steps][action]`.
fn actions(envs: &dyn Envs, key: Key, steps: usize) -> Vec<Vec<f32>> {
    let (space, mut stream) = (&envs.spec().action, key.stream());
    let mut draw = || {
        let mut action: Vec<f32> = (0..space.dim).map(|_| stream.range(-1.0, 1.0) as f32).collect();
        space.expand(&mut action);
        action
    };
    (0..steps).map(|_| draw()).collect()
}

fn begin(envs: &mut dyn Envs, lane: usize, start: Start) -> Vec<f64> {
    envs.reset(&[(lane, start)], &World::default())
        .expect("the start is one of the task's")
        .remove(0)
        .observation
}

/// Steps of one lane until the episode or the actions end.
fn play(envs: &mut dyn Envs, lane: usize, actions: &[Vec<f32>]) -> Vec<Step> {
    let (mut taken, mut steps) = (Vec::new(), Vec::new());
    for action in actions {
        envs.step(&[lane], action, &mut steps).expect("the episode is under way");
        taken.append(&mut steps);
        if taken.last().is_some_and(|step: &Step| step.end.is_some()) {
            break;
        }
    }
    taken
}

/// The suite, with episodes of at most so many steps.
pub fn holds(make: Make<'_>, steps: usize) {
    specification_is_usable(make);
    same_key_gives_the_same_episode(make, steps);
    strata_take_turns(make);
    saved_moments_go_on_the_same(make, steps);
    lockstep_equals_one_by_one(make, steps);
    numbers_are_finite(make, steps);
    episodes_end_at_their_limit(make);
    mistakes_change_nothing(make);
}

fn specification_is_usable(make: Make<'_>) {
    let envs = make();
    envs.spec().check().expect("its numbers are within their limits");
    assert_ne!(envs.exactness(), Exactness::Approximate, "a simulator here is exact at least with itself");
}

fn same_key_gives_the_same_episode(make: Make<'_>, steps: usize) {
    let episode = |key: u64| {
        let mut envs = make();
        let actions = actions(&*envs, Key::new(7), steps);
        let start = begin(&mut *envs, 0, Start::Drawn(Key::new(key)));
        (start, play(&mut *envs, 0, &actions))
    };
    assert_eq!(episode(1), episode(1));
    assert_ne!(episode(1).0, episode(2).0, "another key starts elsewhere");
    // Whatever a lane did before.
    let mut envs = make();
    let actions = actions(&*envs, Key::new(7), steps);
    begin(&mut *envs, 0, Start::Drawn(Key::new(2)));
    play(&mut *envs, 0, &actions[..steps / 2]);
    let start = begin(&mut *envs, 0, Start::Drawn(Key::new(1)));
    assert_eq!((start, play(&mut *envs, 0, &actions)), episode(1));
}

fn strata_take_turns(make: Make<'_>) {
    let mut envs = make();
    let strata = envs.spec().scoring.strata as u64;
    let mut start = |index| begin(&mut *envs, 0, Start::Stratum(index, Key::new(3)));
    assert_eq!(start(0), start(strata), "after all of them comes the first again");
    assert!(strata == 1 || start(0) != start(1));
}

fn saved_moments_go_on_the_same(make: Make<'_>, steps: usize) {
    let mut envs = make();
    let actions = actions(&*envs, Key::new(8), steps);
    let (before, after) = actions.split_at(steps / 3);
    begin(&mut *envs, 0, Start::Drawn(Key::new(4)));
    play(&mut *envs, 0, before);
    let moment = envs.save(0).expect("the episode is under way");
    let first = play(&mut *envs, 0, after);
    assert!(first.len() > 2, "the moment is before the end");
    // In the lane it came from, and in another one that was elsewhere.
    begin(&mut *envs, 3, Start::Drawn(Key::new(5)));
    for lane in [0, 3] {
        let frame = envs.load(lane, &moment).expect("it is a moment of this task");
        assert_eq!(envs.save(lane), Ok(moment.clone()));
        let again = play(&mut *envs, lane, after);
        assert_eq!(again, first, "lane {lane}");
        assert_eq!(frame.observation.len(), envs.spec().state_dim());
    }
}

fn lockstep_equals_one_by_one(make: Make<'_>, steps: usize) {
    const LANES: usize = 5;
    let width = make().spec().action_dim();
    let chosen: Vec<_> =
        (0..LANES as u64).map(|lane| actions(&*make(), Key::new(20 + lane), steps)).collect();
    let start = |lane: usize| Start::Drawn(Key::new(30 + lane as u64));
    let alone: Vec<_> = (0..LANES)
        .map(|lane| {
            let mut envs = make();
            begin(&mut *envs, lane, start(lane));
            play(&mut *envs, lane, &chosen[lane])
        })
        .collect();
    let mut envs = make();
    let starts: Vec<_> = (0..LANES).map(|lane| (lane, start(lane))).collect();
    envs.reset(&starts, &World::default()).expect("all can start");
    let mut together = vec![Vec::new(); LANES];
    let mut stepped = Vec::new();
    let mut t = 0;
    loop {
        // From the last lane to the first: the order of lanes is the caller's.
        let under_way = |lane: &usize| {
            together[*lane].last().is_none_or(|step: &Step| step.end.is_none()) && t == together[*lane].len()
        };
        let lanes: Vec<usize> = (0..LANES).rev().filter(under_way).collect();
        if lanes.is_empty() || t == steps {
            break;
        }
        let taken: Vec<f32> = lanes.iter().flat_map(|&lane| chosen[lane][t].clone()).collect();
        assert_eq!(taken.len(), lanes.len() * width);
        envs.step(&lanes, &taken, &mut stepped).expect("they are under way");
        for (lane, step) in lanes.into_iter().zip(stepped.drain(..)) {
            together[lane].push(step);
        }
        t += 1;
    }
    assert_eq!(together, alone);
}

fn numbers_are_finite(make: Make<'_>, steps: usize) {
    let mut envs = make();
    let mut actions = actions(&*envs, Key::new(9), steps);
    for action in actions.iter_mut().step_by(3) {
        for a in action {
            *a *= 1e6;
        }
    }
    let start = begin(&mut *envs, 0, Start::Drawn(Key::new(6)));
    let width = envs.spec().state_dim();
    assert!(start.len() == width && start.iter().all(|x| x.is_finite()));
    for step in play(&mut *envs, 0, &actions) {
        assert!(step.observation.len() == width && step.observation.iter().all(|x| x.is_finite()));
        assert!(envs.spec().reward.holds(step.reward), "{} is none of {}", step.reward, envs.spec().reward);
        assert_eq!(step.at_goal, envs.spec().reward.reaches(step.reward));
    }
}

fn episodes_end_at_their_limit(make: Make<'_>) {
    let mut envs = make();
    let limit = envs.spec().max_steps;
    begin(&mut *envs, 0, Start::Drawn(Key::new(10)));
    let mut still = vec![0.0; envs.spec().action_dim()];
    envs.spec().action.expand(&mut still);
    let steps = play(&mut *envs, 0, &vec![still.clone(); limit + 1]);
    assert!(steps.len() <= limit && steps.last().is_some_and(|step| step.end.is_some()));
    assert_eq!(envs.step(&[0], &still, &mut Vec::new()), Err(EnvError::Idle { lane: 0 }));
}

fn mistakes_change_nothing(make: Make<'_>) {
    let mut envs = make();
    let (state, width) = (envs.spec().state_dim(), envs.spec().action_dim());
    let mut steps = Vec::new();
    assert_eq!(envs.step(&[0], &vec![0.0; width], &mut steps), Err(EnvError::Idle { lane: 0 }));
    assert_eq!(envs.save(2), Err(EnvError::Idle { lane: 2 }));
    begin(&mut *envs, 0, Start::Drawn(Key::new(11)));
    let before = envs.save(0);
    for actions in [vec![0.0; width + 1], vec![f32::NAN; width], Vec::new()] {
        let error = envs.step(&[0], &actions, &mut steps).expect_err("these are no actions");
        assert!(error.to_string().len() > 20, "{error}");
    }
    let both = vec![0.0; 2 * width];
    assert_eq!(envs.step(&[0, 1], &both, &mut steps), Err(EnvError::Idle { lane: 1 }));
    for start in [vec![0.0; state + 1], vec![f64::NAN; state], vec![1e300; state]] {
        let error = envs.reset(&[(0, Start::At(start))], &World::default()).expect_err("nobody starts there");
        assert!(error.to_string().contains(&envs.spec().id), "{error}");
    }
    assert_eq!(envs.save(0), before);
}
