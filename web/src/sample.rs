//! Made-up traces for the tests of the page.

use diar_core::agent::{Event, Outcome, RunSpec, Trace};
use diar_core::benchmark::{Benchmark, MAZE2D};
use diar_core::env::{self, Envs, Start, Step};
use diar_core::maze::World;
use diar_core::settings::{PlanSettings, Preset, Settings};

/// A decision: followed for so many steps, and then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// Followed to the horizon.
    Completed(usize),
    /// Dropped by revaluation.
    Dropped(usize),
    /// At the goal.
    Goal(usize),
    /// Not ended yet.
    Open(usize),
}

pub(crate) fn task() -> &'static Benchmark {
    &MAZE2D[0]
}

pub(crate) fn settings() -> PlanSettings {
    PlanSettings { candidates: 3, ..Settings::preset(Preset::Quick, &task().basis()).plan }
}

/// The events of a decision that begins after `t` steps.
pub(crate) fn events(t: usize, script: Script) -> Vec<Event> {
    let (steps, last) = match script {
        Script::Completed(steps) => (steps, Some(Outcome::Completed)),
        Script::Goal(steps) => (steps, Some(Outcome::Goal)),
        Script::Dropped(steps) | Script::Open(steps) => (steps, None),
    };
    let mut events = vec![
        Event::Sampled { latents: vec![vec![0.1, -0.2], vec![0.5, 0.4], vec![-0.3, 0.0]] },
        Event::Ranked { q: vec![0.2, 0.6, 0.4], chosen: 1 },
        Event::Predicted { ends: vec![vec![1.0, 2.0, 0.0, 0.0]; 3], v_end: 0.7 },
    ];
    for step in 1..=steps {
        events.push(Event::Compared { v_now: 0.5, dropped: false });
        events.push(Event::Followed {
            action: vec![0.25, -1.0],
            state: vec![3.0, 1.0 + 0.01 * (t + step) as f64, 0.0, 0.0],
            reward: if step == steps && matches!(script, Script::Goal(_)) { 1.0 } else { 0.0 },
            at_goal: step == steps && matches!(script, Script::Goal(_)),
            outcome: last.filter(|_| step == steps),
        });
    }
    if matches!(script, Script::Dropped(_)) {
        events.push(Event::Compared { v_now: 0.8, dropped: true });
    }
    events
}

/// A trace that follows a script.
pub(crate) fn trace(scripts: &[Script]) -> Trace {
    let mut trace = Trace::new(task().id(), RunSpec::new(7, 0, settings()), vec![3.0, 1.0, 0.0, 0.0]);
    for &script in scripts {
        for event in events(trace.steps(), script) {
            trace.apply(event);
        }
    }
    trace
}

/// The action that is taken all the time.
const PUSH: [f32; 2] = [0.0, -1.0];

/// An episode of the task in lane 0.
fn begun(start: [f64; 4]) -> Box<dyn Envs> {
    let mut envs = env::open(&task().spec).expect("the task has a simulator");
    envs.reset(&[(0, Start::At(start.to_vec()))], &World::default()).expect("it can start there");
    envs
}

fn pushed(envs: &mut dyn Envs) -> Step {
    let mut steps = Vec::new();
    envs.step(&[0], &PUSH, &mut steps).expect("the episode is under way");
    steps.remove(0)
}

/// The same episode as the physics has it, which a link can carry: it begins so far from the goal that the ball, pushed
/// all the time, touches it with the last step of a [`Script::Goal`].
pub(crate) fn played(scripts: &[Script]) -> Trace {
    let like = trace(scripts);
    let goal = task().maze().layout().goal_position();
    let begin = |centimetres: u32| [goal[0], goal[1] + 0.01 * f64::from(centimetres), 0.0, 0.0];
    let contact = |start| {
        let mut envs = begun(start);
        (1..=60).find(|_| pushed(&mut *envs).at_goal)
    };
    let wanted = like.first_contact();
    // Without a goal at the end it must not be touched on the way.
    let start = (50..170).map(begin).find(|&start| contact(start) == wanted.or(Some(like.steps() + 5)));
    let start = start.expect("some place is as far away as the script wants");
    let mut envs = begun(start);
    let mut played = Trace::new(task().id(), RunSpec::new(7, 0, settings()), start.to_vec());
    for &script in scripts {
        for event in events(played.steps(), script) {
            played.apply(match event {
                Event::Followed { outcome, .. } => {
                    let Step { observation, reward, at_goal, .. } = pushed(&mut *envs);
                    Event::Followed { action: PUSH.to_vec(), state: observation, reward, at_goal, outcome }
                }
                other => other,
            });
        }
    }
    played
}
