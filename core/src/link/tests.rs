use super::*;
use crate::agent::{
    Candidates, Choice, Episode, Event, Intervention, InterventionKind, OwnSettings, Phase, Step,
};
use crate::benchmark::MAZE2D;
use crate::bundle::Method;
use crate::env::{self, End};
use crate::maze::{Controller, World};
use crate::rng::{Key, Stream};
use crate::settings::{PlanSettings, Preset, Sampler, SamplerSettings, Settings};

/// An episode of the waypoint controller, cut into decisions at random; 0 to 3 of them without a step. Odd ones are
/// shareable.
fn played(index: u64, scenario: Scenario) -> Trace {
    let task = &MAZE2D[index as usize % MAZE2D.len()];
    let settings = Settings::preset(Preset::Quick, &task.basis()).plan;
    let stream = &mut Key::new(index).named("test").stream();
    let layout = scenario.world.layout(task.maze()).unwrap();
    let mut envs = env::open(&task.spec).unwrap();
    let mut frames = envs.reset(&[(0, Episode::random(7, index).start())], &scenario.world).unwrap();
    let start = frames.remove(0).observation;
    let mut controller = Controller::new(task.maze().layout());
    let goal = layout.goal_position();
    let mut trace = Trace::new(task.id(), RunSpec { scenario, ..RunSpec::new(7, index, settings) }, start);
    let mut stepped = Vec::new();
    while trace.phase() != Phase::Done {
        trace.apply(Event::Sampled { latents: vec![vec![0.5]] });
        trace.apply(Event::Ranked { q: vec![1.0], chosen: stream.below(settings.candidates) });
        let v_end = stream.range(-3.0, 5.0) as f32;
        trace.apply(Event::Predicted { ends: vec![vec![0.0; 4]], v_end });
        let length = if stream.below(4) == 0 { 0 } else { stream.below(60) };
        for h in 1.. {
            let v_now = stream.range(-3.0, 5.0) as f32;
            let dropped = h > length;
            trace.apply(Event::Compared { v_now, dropped });
            if dropped {
                break;
            }
            let noise = [(); 2].map(|()| 0.3 * stream.normal());
            let state = <[f64; 4]>::try_from(trace.state()).unwrap();
            let wish = controller.act(state, goal, stream).action;
            let mut action = [0, 1].map(|k| (wish[k] + noise[k]).clamp(-1.0, 1.0) as f32);
            if index % 2 == 1 {
                action = action.map(shareable);
            }
            envs.step(&[0], &action, &mut stepped).unwrap();
            let step = stepped.pop().unwrap();
            let outcome = if step.at_goal {
                Some(Outcome::Goal)
            } else if step.end == Some(End::TimeLimit) {
                Some(Outcome::TimeLimit)
            } else {
                (h == settings.exec_horizon).then_some(Outcome::Completed)
            };
            trace.apply(Event::Followed {
                action: action.to_vec(),
                state: step.observation,
                reward: step.reward,
                at_goal: step.at_goal,
                outcome,
            });
            if outcome.is_some() {
                break;
            }
        }
    }
    trace
}

fn changed() -> Scenario {
    Scenario {
        world: World { toggled: vec![(1, 1), (2, 2)], goal: Some([3.0, 2.125]) },
        interventions: vec![
            Intervention { decision: 0, kind: InterventionKind::Keep },
            Intervention { decision: 0, kind: InterventionKind::Take { candidate: 127 } },
            Intervention { decision: 70_000, kind: InterventionKind::Drop { at: 29 } },
        ],
    }
}

/// Settings of a link's run, which is one of plans.
fn plan_of(link: &mut Link) -> &mut PlanSettings {
    match &mut link.run.settings {
        ActingSettings::Plan(plan) => plan,
        ActingSettings::Own(own) => panic!("{own:?}"),
    }
}

fn hash(trace: &Trace) -> Link {
    Link::of(trace, "0123456789abcdef0123", 11)
}

/// The trace as a link can give it back: what it does not carry is gone.
fn carried(mut trace: Trace, values: &Trace) -> Trace {
    for (decision, rounded) in trace.decisions.iter_mut().zip(&values.decisions) {
        decision.candidates = Candidates::Latents(Vec::new());
        decision.q.clear();
        decision.ends.clear();
        decision.v_end = rounded.v_end;
        decision.v_now.clone_from(&rounded.v_now);
    }
    trace
}

#[test]
fn an_episode_comes_back_bit_by_bit() {
    for index in 0..30 {
        let scenario = if index % 3 == 0 && index % 2 == 0 { changed() } else { Scenario::default() };
        let trace = played(index, scenario);
        let link = hash(&trace);
        let read = Link::decode(&format!("#{}", link.encode().unwrap())).unwrap();
        let replayed = read.replay().unwrap();
        assert_eq!(replayed, carried(trace.clone(), &replayed));
        assert_eq!(replayed.digest(), trace.digest());
        assert_eq!(read.is_shareable(), index % 2 == 1);
        // Values, to half a step.
        let values = |link: &Link| -> Vec<f32> {
            let of =
                |decision: &LinkDecision| [decision.v_end.unwrap()].into_iter().chain(decision.v_now.clone());
            link.decisions.iter().flat_map(of).collect()
        };
        let (exact, rounded) = (values(&link), values(&read));
        assert_eq!(exact.len(), rounded.len());
        let ends = exact.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
        let step = (ends.1 - ends.0) / 255.0;
        assert!(exact.iter().zip(&rounded).all(|(a, b)| (a - b).abs() <= 0.51 * step));
        // What has been rounded once stays.
        assert_eq!(Link::decode(&read.encode().unwrap()).unwrap(), read);
        assert_eq!(read.encode(), link.encode());
    }
}

/// The smallest change of anything that happened gives another digest; what was merely computed does not count.
#[test]
fn digests_tell_episodes_apart() {
    let trace = played(1, changed());
    let changed = |change: &dyn Fn(&mut Trace)| {
        let mut trace = trace.clone();
        change(&mut trace);
        trace.digest()
    };
    let step = trace.decisions.iter().position(|decision| !decision.steps.is_empty()).unwrap();
    let digests = [
        trace.digest(),
        changed(&|trace| trace.task = MAZE2D[2].id().to_owned()),
        changed(&|trace| trace.start[0] = trace.start[0].next_up()),
        changed(&|trace| trace.run.scenario.world.goal = None),
        changed(&|trace| trace.run.scenario.world.toggle((3, 3))),
        changed(&|trace| trace.run.scenario.interventions[2].kind = InterventionKind::Drop { at: 28 }),
        changed(&|trace| trace.decisions[0].chosen = trace.decisions[0].chosen.map(|chosen| chosen + 1)),
        changed(&|trace| trace.decisions[0].outcome = None),
        changed(&|trace| {
            let action = &mut trace.decisions[step].steps[0].action[1];
            *action = f32::from_bits(action.to_bits() ^ 1);
        }),
    ];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len(), "{digests:?}");
    assert!(digests.iter().all(|digest| digest.len() == 16));
    let computed = |trace: &mut Trace| trace.decisions.iter_mut().for_each(|decision| decision.v_now.clear());
    assert_eq!(changed(&computed), trace.digest());
}

#[test]
fn every_field_comes_back() {
    let mut link = hash(&played(3, changed()));
    link.run.seed = u64::MAX;
    link.run.episode = 1 << 40;
    link.cursor = u32::MAX;
    link.run.start = Some(vec![1.0 / 3.0, 2.5, -0.0, 1e-3]);
    let settings = plan_of(&mut link);
    settings.margin = 0.1;
    settings.revalue = false;
    settings.retry_cap = 100;
    settings.candidates = 4096;
    let other = Scenario { world: World::default(), ..changed() };
    for scenario in [Scenario::default(), other] {
        let paper = Settings::preset(Preset::Paper, &MAZE2D[0].basis()).plan;
        for settings in [link.run.settings.clone(), paper.into()] {
            for bundle in ["", "0123456789abcdef"] {
                let (bundle, settings) = (bundle.to_owned(), settings.clone());
                link.other = Some(Other { bundle, settings, scenario: scenario.clone() });
                let read = Link::decode(&link.encode().unwrap()).unwrap();
                let values = link.decisions.iter().zip(&read.decisions);
                let decisions = values.map(|(decision, rounded)| LinkDecision {
                    v_end: rounded.v_end,
                    v_now: rounded.v_now.clone(),
                    ..decision.clone()
                });
                assert_eq!(read, Link { decisions: decisions.collect(), ..link.clone() });
            }
        }
    }
    link.bundle = "not a hash".to_owned();
    assert_eq!(Link::decode(&link.encode().unwrap()).unwrap().bundle, "");
}

/// The simulator's rounding is not known everywhere: the states that the link carries take its place.
#[test]
fn recorded_states_come_back_rounded() {
    let trace = played(5, Scenario::default());
    let link = hash(&trace).with_states(&trace);
    let read = Link::decode(&link.encode().unwrap()).unwrap();
    let again = read.replay().unwrap();
    assert_eq!((again.steps(), again.first_contact()), (trace.steps(), trace.first_contact()));
    let states = |trace: &Trace| -> Vec<Vec<f64>> {
        let steps = trace.decisions.iter().flat_map(|decision| &decision.steps);
        std::iter::once(&trace.start).chain(steps.map(|step| &step.state)).cloned().collect()
    };
    let (exact, rounded) = (states(&trace), states(&again));
    assert_eq!(exact.len(), rounded.len());
    for j in 0..4 {
        let column = |states: &[Vec<f64>]| states.iter().map(|state| state[j]).collect::<Vec<_>>();
        let (exact, rounded) = (column(&exact), column(&rounded));
        let span =
            exact.iter().copied().fold(f64::MIN, f64::max) - exact.iter().copied().fold(f64::MAX, f64::min);
        for (a, b) in exact.iter().zip(&rounded) {
            assert!((a - b).abs() <= 0.51 * span / 4095.0 + 1e-6, "{a}, {b}");
        }
    }
    // States that do not fit the actions are refused.
    let mut short = link.clone();
    short.recorded.as_mut().unwrap().states.pop();
    assert_eq!(short.encode(), Err(LinkError::Unfit("its recorded states do not fit")));
}

/// The same episode decided by a method of its own: at each step it chooses between actions, or has only one.
fn acted(index: u64, chooses: bool) -> Trace {
    let plans = played(index, Scenario::default());
    let method = if chooses { Method::Idql } else { Method::Iql };
    let act = if chooses { serde_json::json!({ "candidates": 3 }) } else { serde_json::Value::Null };
    let run = RunSpec::new(7, index, OwnSettings { method, act });
    let mut trace = Trace::new(&plans.task, run, plans.start.clone());
    let stream = &mut Key::new(index).named("acted").stream();
    for step in plans.decisions.into_iter().flat_map(|decision| decision.steps) {
        let Step { action, state, reward, at_goal } = step;
        if chooses {
            let candidates = Candidates::Actions(vec![action.clone(); 3]);
            trace.apply(Event::Chose(Choice { candidates, q: vec![1.0; 3], chosen: stream.below(3) }));
        }
        let outcome = at_goal.then_some(Outcome::Goal);
        trace.apply(Event::Followed { action, state, reward, at_goal, outcome });
    }
    trace
}

#[test]
fn runs_of_methods_without_latents_come_back() {
    for (index, chooses) in [(1, true), (1, false), (3, true), (3, false), (4, false)] {
        let whole = acted(index, chooses);
        assert_eq!(whole.decisions.len(), if chooses { whole.steps() } else { 1 });
        for steps in [whole.steps(), whole.steps() / 2, 0] {
            let mut trace = whole.clone();
            if steps < whole.steps() {
                trace.decisions.retain(|decision| decision.t < steps.max(1));
                let last = trace.decisions.last_mut().unwrap();
                last.steps.truncate(if chooses { steps.min(1) } else { steps });
                last.outcome = None;
            }
            let link = hash(&trace);
            let text = link.encode().unwrap();
            assert!(text.starts_with("v4."), "{text}");
            let read = Link::decode(&text).unwrap();
            assert_eq!(read, link);
            let replayed = read.replay().unwrap();
            assert_eq!(replayed.digest(), trace.digest());
            assert_eq!(replayed.phase(), trace.phase());
            assert_eq!(link.agreement(&replayed), link.agreement(&trace));
        }
        // A second run may be of plans.
        let mut link = hash(&whole);
        let settings = played(index, Scenario::default()).run.settings;
        link.other =
            Some(Other { bundle: "0123456789abcdef".into(), settings, scenario: Scenario::default() });
        assert_eq!(Link::decode(&link.encode().unwrap()).unwrap(), link);
        // What only plans have is refused.
        for change in [
            (|link: &mut Link| link.decisions[0].outcome = Some(Outcome::Revalued { at: 0 }))
                as fn(&mut Link),
            |link| link.decisions[0].v_end = Some(0.5),
            |link| {
                let kept = Intervention { decision: 0, kind: InterventionKind::Keep };
                link.run.scenario.interventions.push(kept);
            },
        ] {
            let mut link = hash(&whole);
            change(&mut link);
            assert!(link.replay().is_err(), "{link:?}");
        }
    }
}

/// A task of one action and one observation, whose goal costs nothing.
#[test]
fn any_task_has_links() {
    let spec = env::spec("line-v0").unwrap();
    let settings =
        PlanSettings { exec_horizon: 30, ..Settings::preset(Preset::Quick, &MAZE2D[0].basis()).plan };
    let mut envs = env::open(&spec).unwrap();
    let begun = envs.reset(&[(0, Episode::random(3, 1).start())], &World::default()).unwrap();
    let mut trace = Trace::new(&spec.id, RunSpec::new(3, 1, settings), begun[0].observation.clone());
    trace.apply(Event::Sampled { latents: vec![vec![0.5]] });
    trace.apply(Event::Ranked { q: vec![1.0], chosen: 0 });
    trace.apply(Event::Predicted { ends: vec![vec![0.0]], v_end: 1.0 });
    let mut stepped = Vec::new();
    while trace.phase() != Phase::Done {
        trace.apply(Event::Compared { v_now: 0.0, dropped: false });
        envs.step(&[0], &[0.75], &mut stepped).unwrap();
        let step = stepped.pop().unwrap();
        let outcome = step.end.map(|_| Outcome::Goal);
        let (reward, at_goal) = (step.reward, step.at_goal);
        trace.apply(Event::Followed {
            action: vec![0.75],
            state: step.observation,
            reward,
            at_goal,
            outcome,
        });
    }
    let replayed = Link::decode(&hash(&trace).encode().unwrap()).unwrap().replay().unwrap();
    assert_eq!(replayed, carried(trace.clone(), &replayed));
    assert_eq!(replayed.first_contact(), Some(trace.steps()));
}

/// Every action there can be.
#[test]
fn actions_are_exact() {
    let mut stream = Key::new(8).stream();
    let mut link = hash(&played(2, Scenario::default()));
    let tiny = f32::MIN_POSITIVE;
    let mut special =
        vec![0.0, -0.0, 1.0, -1.0, tiny, -tiny, tiny / 8.0, f32::from_bits(1), f32::EPSILON, 0.5];
    special.extend([1.0, 0.5, 1.0 / 1024.0].map(f32::next_down));
    let anything = |stream: &mut Stream| match stream.below(3) {
        0 => special[stream.below(special.len())],
        1 => stream.range(-1.0, 1.0) as f32,
        _ => f32::from_bits(stream.below(0x3F80_0001) as u32),
    };
    for _ in 0..200 {
        for action in &mut link.actions {
            *action = (0..2).map(|_| anything(&mut stream)).collect();
        }
        let read = Link::decode(&link.encode().unwrap()).unwrap();
        let bits = |link: &Link| link.actions.iter().flatten().map(|a| a.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&link));
    }
}

/// The same episode, each action to the nearest 256th: at most half of that away, and far shorter.
#[test]
fn shareable_actions_make_short_links() {
    for index in [2, 4, 6, 8] {
        let mut link = hash(&played(index, Scenario::default()));
        let exact = link.actions.clone();
        let long = link.encode().unwrap().len();
        link.actions = exact.iter().map(|action| action.iter().map(|&a| shareable(a)).collect()).collect();
        for (a, b) in exact.iter().flatten().zip(link.actions.iter().flatten()) {
            assert!((a - b).abs() <= 0.5 / 256.0 && (b * 256.0).fract() == 0.0 && shareable(*b) == *b);
        }
        let read = Link::decode(&link.encode().unwrap()).unwrap();
        let bits = |link: &Link| link.actions.iter().flatten().map(|a| a.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&link));
        assert!(
            link.is_shareable() && link.encode().unwrap().len() * 5 < 3 * long,
            "{} of {long}",
            link.encode().unwrap().len()
        );
    }
    assert_eq!(
        [-0.0, 0.0004, -0.0004, 1.5, -1.0].map(|a| shareable(a).to_bits()),
        [0.0_f32, 0.0, 0.0, 1.0, -1.0].map(f32::to_bits)
    );
}

/// An episode looked at halfway: the last decision under way, at each of its parts.
#[test]
fn an_episode_under_way_comes_back() {
    let whole = played(4, Scenario::default());
    let middle = &whole.decisions[whole.decisions.len() / 2];
    assert!(middle.steps.len() > 3, "a decision of a few steps is needed");
    for (steps, compared) in [(0, 0), (0, 1), (3, 3), (3, 4)] {
        let mut trace = whole.clone();
        trace.decisions.truncate(whole.decisions.len() / 2 + 1);
        let last = trace.decisions.last_mut().unwrap();
        last.steps.truncate(steps);
        last.v_now.truncate(compared);
        last.outcome = None;
        let replayed = Link::decode(&hash(&trace).encode().unwrap()).unwrap().replay().unwrap();
        assert_eq!(replayed, carried(trace.clone(), &replayed));
        assert_eq!(hash(&trace).agreement(&whole), (trace.decisions.len() - 1, trace.decisions.len() - 1));

        // Before its plan is known a decision does not count.
        let last = trace.decisions.last_mut().unwrap();
        *last = crate::agent::Decision::new(last.t, last.state.clone(), &whole.run.settings);
        last.candidates = Candidates::Latents(vec![vec![0.5]]);
        let replayed = Link::decode(&hash(&trace).encode().unwrap()).unwrap().replay().unwrap();
        assert_eq!(replayed, carried(trace.clone(), &replayed));
    }
}

#[test]
fn actions_that_lead_elsewhere_are_refused() {
    let trace = played(1, Scenario::default());
    let link = hash(&trace);
    let astray = |change: &dyn Fn(&mut Link)| {
        let mut link = link.clone();
        change(&mut link);
        assert!(link.replay().is_err(), "{link:?}");
        link
    };
    let last = link.decisions.len() - 1;
    // These reach the reader as they are.
    for link in [
        astray(&|link| link.decisions[last].outcome = Some(Outcome::TimeLimit)),
        astray(&|link| link.decisions[0].outcome = Some(Outcome::Goal)),
        astray(&|link| link.actions.iter_mut().for_each(|action| *action = vec![0.0; 2])),
        astray(&|link| link.run.seed += 1),
        astray(&|link| link.run.scenario.world.goal = Some([1.0, 1.0])),
        astray(&|link| plan_of(link).exec_horizon = 2),
    ] {
        let read = link.encode().and_then(|text| Link::decode(&text)).and_then(|link| link.replay());
        assert!(read.is_err(), "{link:?}");
    }
    astray(&|link| link.decisions[0].steps += 1);
    astray(&|link| link.actions.truncate(link.actions.len() / 2));
    astray(&|link| plan_of(link).candidates = 1);
    astray(&|link| link.run.start = Some(vec![f64::NAN, 1.0, 0.0, 0.0]));
    astray(&|link| link.run.start = Some(vec![40.0, 1.0, 0.0, 0.0]));
    astray(&|link| link.run.start = Some(vec![1.0; 3]));
    astray(&|link| link.actions[0] = vec![0.0; 3]);
    astray(&|link| link.task = "maze2d-../huge".to_owned());
    astray(&|link| link.run.scenario.world.toggled = vec![(0, 0)]);
    astray(&|link| {
        let kind = InterventionKind::Take { candidate: 4000 };
        link.other = Some(Other {
            bundle: String::new(),
            settings: link.run.settings.clone(),
            scenario: Scenario {
                interventions: vec![Intervention { decision: 0, kind }],
                ..Scenario::default()
            },
        });
    });
}

/// A link as version 1 wrote it: an episode of the shipped agent on the medium maze, 24 steps to the goal.
const VERSION_1: &str = concat!(
    "v1.Zon7ORPITaxKNUrRzU1NySzN1S0zFDAwNDI2MTUzt7BMTEpOSU1jYGRoYGRkZZBjZGQAAkZmcQteRkbeVAYg34gRCKxBL",
    "CcQKxPEygKxCkGsIBArGsSSALFEQSxpEEsZxEoHsURArCIQywRuHgeIVQJi5YBYmoyMTBKuG1LtpXVe71u3KtXeJGbrvi7rJ",
    "PsDGyv3VVbF2-v5ce9baxhnzxXBvVdqcrS9hKSy7VbdKPs3vnttZaMi7a3WsdmZOEbYv-qUs-v5G27_q8_I7sLJaPt12dZ2F",
    "78l2osWOdq9Ucix5_9kYfdeusR-yv1tdg5WVfb6y-3t-n_U2j8__MFuwcUme_F_BnZteq3272tP2_Xodtgv5Vm514-_xz6ro",
    "GzvZ7EW-_dbJu_ludZonxzDs09pe7T9Cp6sfRP4YmxOc1nsAwA",
);

#[test]
fn links_of_version_1_are_read() {
    let link = Link::decode(VERSION_1).unwrap();
    assert_eq!((link.task.as_str(), link.bundle.as_str()), ("maze2d-medium-v1", "0123456789abcdef"));
    assert_eq!((link.run.seed, link.run.episode, link.cursor, &link.run.start), (0, 1, 3, &None));
    assert_eq!(link.run.settings, Settings::preset(Preset::Cpu, &MAZE2D[1].basis()).plan.into());
    assert_eq!((link.decisions.len(), link.actions.len()), (23, 24));
    assert!(link.run.scenario.is_original() && link.other.is_none());
    let trace = link.replay().unwrap();
    assert_eq!((trace.first_contact(), trace.phase()), (Some(24), Phase::Done));
    // Where the recording ended.
    let end =
        [5.531_424_062_254_732, 5.914_500_190_899_408, 4.834_758_076_681_529_5, 0.183_210_193_652_286_27];
    assert_eq!(trace.state(), end);
    assert!(trace.decisions.iter().all(|decision| decision.v_end.is_none() && decision.v_now.is_empty()));
    let again = Link::decode(&link.encode().unwrap()).unwrap();
    assert_eq!(again, link, "it can be passed on");
    assert_eq!(again.replay().unwrap().digest(), trace.digest());
}

/// A link as version 2 wrote it before links had a limit of work: episode 3 of the shipped agent on the U-maze.
const VERSION_2: &str = concat!(
    "v2.oem9fgC_JWtFaSRJMPu6MI6e-eeug40ofoR5htEb9Z_Cxo_zwHT8IzzeMHxnLGiylqmryV_dS2RqBZDP0MKsjBmkYMuaE",
    "TICRy18z5IhimadaJkffw_JHChPBOdbDnyFPl3F_ZxWckkzENbRSHVNp5EqVKZ-TuZFoUszt3Nes-mrN6UwcztLlcR1Jy2on",
    "6DkW8cxjS7GD_1JlqLf3A5VK8R6u6O2x0rydWPDmbDxylKx2MNDw28R6S_q",
);

#[test]
fn links_of_version_2_stay_readable() {
    let link = Link::decode(VERSION_2).unwrap();
    assert_eq!((link.task.as_str(), link.run.seed, link.run.episode), ("maze2d-umaze-v1", 0, 3));
    let trace = link.replay().unwrap();
    assert_eq!((trace.first_contact(), trace.revaluations()), (Some(42), 25));
    assert_eq!((trace.decisions.len(), trace.digest().as_str()), (26, "b16b352b2a132da1"));
    let anew = link.encode().unwrap();
    assert!(anew.starts_with("v3.") && anew.len() < VERSION_2.len() + 50, "{anew}");
    assert_eq!(Link::decode(&anew).unwrap(), link);
}

/// A fragment of some bytes, with the right checksum: anybody can compute that.
fn fragment(version: u32, packed: &[u8], bytes: Vec<u8>) -> String {
    let bytes = [checksum(packed).to_le_bytes().to_vec(), bytes].concat();
    format!("v{version}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A link of version 1 with these settings and nothing decided.
fn version_1(settings: PlanSettings) -> String {
    let nothing = (Vec::<(u16, u16, Option<Outcome>)>::new(), Vec::<[f32; 2]>::new());
    let fields = (MAZE2D[0].id(), "", 0_u64, 0_u64, None::<[f64; 4]>, settings, 0_u32, nothing.0, nothing.1);
    let packed = postcard::to_allocvec(&fields).unwrap();
    fragment(1, &packed, miniz_oxide::deflate::compress_to_vec(&packed, 9))
}

/// A link of version 2 as a program writes it that knows no limits, up to the first that its reader meets.
fn version_2(link: &Link) -> String {
    let mut encoder = coder::Encoder::new();
    let _limit = packed::code(&mut encoder, &mut link.clone(), 2);
    let packed = encoder.finish();
    fragment(2, &packed, packed.clone())
}

fn sampled(candidates: usize, kind: Sampler, steps: usize, extra_steps: usize) -> PlanSettings {
    let plan = Settings::preset(Preset::Quick, &MAZE2D[0].basis()).plan;
    PlanSettings { candidates, sampler: SamplerSettings { kind, steps, extra_steps }, ..plan }
}

#[test]
fn settings_beyond_reason_are_refused_in_one_sentence() {
    let plan = sampled(128, Sampler::Ddim, 5, 0);
    let huge = usize::MAX;
    for (settings, part) in [
        (sampled(128, Sampler::Ddpm, 500, huge), "plan.sampler.extra_steps is 18446744073709551615"),
        (sampled(128, Sampler::Ddpm, 500, 65_535), "plan.sampler.extra_steps is 65535, expected 0 to 1000"),
        (sampled(128, Sampler::Ddpm, huge, 0), "plan.sampler.steps is 18446744073709551615"),
        (sampled(128, Sampler::Sde, 8193, 0), "plan.sampler.steps is 8193, expected 1 to 8192"),
        (sampled(huge, Sampler::Ddim, 5, 0), "plan.candidates is 18446744073709551615"),
        (sampled(4096, Sampler::Sde, 8192, 0), "plan.candidates is 4096, expected at most 256 with 8192"),
        (PlanSettings { retry_cap: 101, ..plan }, "plan.retry_cap is 101"),
        (PlanSettings { exec_horizon: huge, ..plan }, "plan.exec_horizon is 18446744073709551615"),
        (PlanSettings { margin: f32::NAN, ..plan }, "plan.margin is NaN"),
    ] {
        let mut link = Link::decode(VERSION_1).unwrap();
        link.run.settings = settings.into();
        let written = link.encode().unwrap_err().to_string();
        let first = Link::decode(&version_1(settings)).unwrap_err().to_string();
        assert_eq!(first, written);
        assert!(first.contains(part) && first.contains("expected"), "{first}");
        // Version 2 has a limit of its own for every number.
        let second = Link::decode(&version_2(&link)).unwrap_err().to_string();
        assert!(second == first || second.contains("a number is too large"), "{second}");

        let settings = settings.into();
        let other = Other { bundle: String::new(), settings, scenario: Scenario::default() };
        link.run.settings = plan.into();
        link.other = Some(other);
        assert_eq!(link.encode().unwrap_err().to_string(), written, "the run compared with has them too");
        assert!(Link::decode(&version_2(&link)).is_err());
    }
    // The paper's way of deciding, and the whole chain with most candidates.
    for settings in [sampled(500, Sampler::Ddpm, 500, 5), sampled(4096, Sampler::Ddpm, 500, 5)] {
        assert_eq!(Link::decode(&version_1(settings)).unwrap().run.settings, settings.into());
    }
}

#[test]
fn more_work_than_an_episode_is_worth_is_refused() {
    let outcome = Some(Outcome::Revalued { at: 0 });
    let dropped = LinkDecision { chosen: Some(0), outcome, ..LinkDecision::default() };
    let link = |decisions| Link {
        run: RunSpec::new(0, 0, sampled(4096, Sampler::Ddpm, 500, 5)),
        decisions: vec![dropped.clone(); decisions],
        actions: Vec::new(),
        ..Link::decode(VERSION_1).unwrap()
    };
    // 1038 times 4096 times 505 is the last below 2^31.
    let largest = link(1038);
    assert_eq!(Link::decode(&largest.encode().unwrap()).unwrap().decisions.len(), 1038);
    for decisions in [1039, 30_000] {
        let link = link(decisions);
        let error = link.encode().unwrap_err();
        assert!(matches!(error, LinkError::Work { candidates: 4096, steps: 505, .. }), "{error}");
        assert!(error.to_string().contains("expected at most 2147483648"), "{error}");
        assert_eq!(Link::decode(&version_2(&link)), Err(error));
    }
}

/// A run over a limit has no link, rather than one that cannot be opened.
#[test]
fn runs_over_a_limit_are_not_written() {
    let whole = hash(&played(1, Scenario::default()));
    let kept = |decision| Intervention { decision, kind: InterventionKind::Keep };
    let refused = |change: &dyn Fn(&mut Link)| {
        let mut link = whole.clone();
        change(&mut link);
        link.encode().unwrap_err()
    };
    let number = LinkError::Unfit("a number is too large");
    assert_eq!(refused(&|link| link.run.scenario.interventions = (0..257).map(kept).collect()), number);
    let mut link = whole.clone();
    link.run.scenario.interventions = (0..256).map(kept).collect();
    assert_eq!(Link::decode(&link.encode().unwrap()).unwrap().run.scenario, link.run.scenario);

    let values = Key::new(5).normals(2 * 40_000);
    let dropped = |count: usize| -> Vec<LinkDecision> {
        let pairs = values.chunks_exact(2).take(count).enumerate();
        let decision = |(i, pair): (usize, &[f32])| LinkDecision {
            chosen: Some((i * 37 % 128) as u16),
            steps: 0,
            outcome: Some(Outcome::Revalued { at: 0 }),
            v_end: Some(pair[0]),
            v_now: vec![pair[1]],
        };
        pairs.map(decision).collect()
    };
    let only = |link: &mut Link, count| {
        link.decisions = dropped(count);
        link.actions.clear();
    };
    assert_eq!(refused(&|link| only(link, 40_000)), number, "decisions");
    let long = refused(&|link| only(link, 32_000));
    assert!(matches!(long, LinkError::TooLong(length) if length > LONGEST), "{long}");
    assert_eq!(
        refused(&|link| link.task = "maze2d-../huge".to_owned()),
        LinkError::Unfit("its task is not known")
    );
    assert_eq!(
        refused(&|link| link.decisions[0].chosen = Some(128)),
        LinkError::Unfit("a decision takes a candidate that does not exist")
    );
    assert_eq!(refused(&|link| link.actions[0][0] = 2.0), LinkError::Unfit("an action is out of reach"));
    assert_eq!(refused(&|link| link.actions.truncate(3)), LinkError::Unfit("its steps do not add up"));
    let error = refused(&|link| link.decisions[0].v_end = Some(f32::NAN)).to_string();
    assert_eq!(error, "this run does not fit into a link: a value is not finite");
}

/// A link broken into lines, with this between them.
fn broken(link: &str, between: &str) -> String {
    let lines: Vec<&str> =
        link.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join(between)
}

/// As chats, mail programs and browsers pass a link on.
#[test]
fn links_are_read_as_chats_pass_them_on() {
    for link in [hash(&played(1, changed())).encode().unwrap(), VERSION_1.to_owned()] {
        let whole = Link::decode(&link).unwrap();
        let address = format!("https://example.org/diar/#{link}");
        let read = |text: &str| assert_eq!(Link::decode(text).as_ref(), Ok(&whole), "{text}");
        let marks = ".,)>]}!?;:*_-~|`'\"#/=\u{2019}\u{201D}\u{BB}\u{2026}\u{3002}\u{FF09}\u{200B}\u{AD}\u{A0}\u{FEFF}\n";
        let more = [
            "**",
            ").",
            "*_",
            "...",
            "\u{2014}great",
            " _(12 steps)_",
            "\r\nsee you",
            " has 12 plans",
            "&utm_source=chat",
            "?fbclid=IwAR0",
            "%20%2E",
            "%29.",
            "%E2%80%8B",
            "%252E",
            "</a>",
            "&quot;",
        ];
        for behind in marks.chars().map(String::from).chain(more.map(String::from)) {
            read(&format!("{link}{behind}"));
            read(&format!("#{link}{behind}"));
            read(&format!("{address}{behind}"));
            read(&format!("Look at {address}{behind}"));
        }
        let (version, payload) = link.split_once('.').unwrap();
        for text in [
            format!("<{address}>"),
            format!("[a run]({address})"),
            format!("[{address}]({address})."),
            format!("<a href=\"{address}\">{}...</a>", &address[..80]),
            format!("\u{201C}{address}\u{201D}"),
            format!("_{link}_"),
            format!("diar replay '#{link}'"),
            address.replace('#', "%23"),
            address.replace('#', "%2523").replace("v3.", "v3%252E"),
            format!("#{version}%2E{payload}"),
            format!("#{version}%2e{payload}%2e"),
            format!("{}#{link}", "https://v2.example.org/v1.html"),
            link.replace('_', "\\_").replace('-', "\\-"),
            link.replace('-', "\u{2011}"),
            link.replace("--", "\u{2014}").replace('-', "\u{2013}"),
            format!("{version}.\n{payload}"),
            broken(&address, "\n"),
            broken(&address, "\r\n"),
            broken(&address, "=\r\n"),
            broken(&address, "\n> "),
            broken(&address, " "),
            broken(&address, "%0D%0A"),
            broken(&address, "\u{200B}"),
            broken(&address, "\u{AD}"),
            broken(&link, "\n") + "\nThat was it.",
        ] {
            read(&text);
        }
    }
}

/// Text that is no link does not become one, and the reader names the trouble.
#[test]
fn what_is_no_link_stays_none() {
    let link = hash(&played(1, Scenario::default())).encode().unwrap();
    for (text, reason) in [
        (String::new(), "it has no version"),
        ("https://example.org/".to_owned(), "it has no version"),
        (format!("https://v2.example.org/#{}", &link[3..]), "damaged"),
        (format!("#{}", &link[..link.len() - 6]), "damaged"),
        (format!("{}.", link.replacen('A', "B", 1)), "damaged"),
        (format!("{}.{}", &link[..90], &link[90..]), "damaged"),
        ("#v2.".to_owned(), "cut off"),
        ("#v3.".to_owned(), "cut off"),
        ("https://v1.example.org/#v9.AAAA.".to_owned(), "version 9"),
        ("v0.AAAA".to_owned(), "it has no version"),
    ] {
        let error = Link::decode(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    // The most that an address can ask of the reader.
    for text in [
        "v1.".repeat(LONGEST / 3),
        "v1.".to_owned() + &"A ".repeat(LONGEST / 2 - 2),
        "v2.".to_owned() + &"_".repeat(LONGEST - 3),
    ] {
        assert!(Link::decode(&text).is_err());
    }
}

/// Chats leave `-` and `_` at the end of an address out.
#[test]
fn links_end_in_a_letter_or_a_digit() {
    let mut padded = 0;
    for index in 0..6 {
        let mut link = hash(&played(index, Scenario::default()));
        for cursor in 0..500 {
            link.cursor = cursor;
            let text = link.encode().unwrap();
            assert!(text.ends_with(|c: char| c.is_ascii_alphanumeric()), "{text}");
            let read = Link::decode(&text).unwrap();
            assert_eq!((read.cursor, &read.actions), (cursor, &link.actions));
            assert_eq!(read.encode().unwrap(), text);
            let bytes = URL_SAFE_NO_PAD.decode(&text[3..]).unwrap();
            padded += usize::from(bytes.ends_with(&[0]));
        }
    }
    assert!(padded > 0, "none of these links needed it");
}

/// Anything may stand in an address bar.
#[test]
fn nothing_breaks_the_reader() {
    let texts: Vec<String> = [hash(&played(0, changed())), hash(&played(1, Scenario::default()))]
        .map(|link| link.encode().unwrap())
        .into_iter()
        .chain([VERSION_1.to_owned()])
        .collect();
    let mut stream = Key::new(6).stream();
    let mut read = 0;
    for number in 0..60_000 {
        let whole = &texts[number % texts.len()];
        let mut bytes = whole.clone().into_bytes();
        match stream.below(4) {
            0 => bytes.truncate(stream.below(bytes.len())),
            1 => {
                let at = stream.below(bytes.len());
                bytes[at] = b"ABCabc019-_."[stream.below(12)];
            }
            2 => bytes.insert(stream.below(whole.len()), b'Q'),
            _ => bytes = (0..stream.below(80)).map(|_| 33 + stream.below(94) as u8).collect(),
        }
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(link) = Link::decode(&text) {
            assert_eq!(Ok(link), Link::decode(whole), "a changed link that is read must be the same episode");
            read += 1;
        }
    }
    assert!(read > 0, "some changes change nothing");
    assert_eq!(Link::decode("v5.AAAA"), Err(LinkError::Version(5)));
    assert!(matches!(Link::decode("v4.AAAA"), Err(LinkError::Damaged(_))));
    assert!(matches!(Link::decode("v1.AAAA"), Err(LinkError::Damaged(_))));
    assert!(matches!(Link::decode("v2.AAAA"), Err(LinkError::Damaged(_))));
    assert!(matches!(Link::decode("v3.AAAA"), Err(LinkError::Damaged(_))));
    assert!(matches!(Link::decode(""), Err(LinkError::Damaged(_))));
    assert!(matches!(Link::decode(&"x".repeat(LONGEST + 1)), Err(LinkError::TooLong(_))));
}

/// The same behind the checksum, which an attacker can compute.
#[test]
fn nothing_breaks_the_unpacker() {
    let whole: Vec<Vec<u8>> = (0..6)
        .map(|index| packed::pack(&hash(&played(index, Scenario::default())), VERSION).unwrap())
        .chain([packed::pack(&hash(&played(6, changed())), VERSION).unwrap()])
        .collect();
    let mut stream = Key::new(7).stream();
    let (mut read, mut replayed) = (0, 0);
    for number in 0..60_000 {
        let mut bytes = whole[number % whole.len()].clone();
        match stream.below(4) {
            0 => bytes.truncate(stream.below(bytes.len())),
            1 => bytes = (0..stream.below(80)).map(|_| stream.below(256) as u8).collect(),
            // Late changes leave the beginning readable.
            2 => {
                let at = bytes.len() - 1 - stream.below(bytes.len().min(40));
                bytes[at] = stream.below(256) as u8;
            }
            _ => {
                let at = stream.below(bytes.len());
                bytes[at] ^= 1 << stream.below(8);
            }
        }
        let Ok(link) = packed::unpack(&bytes, VERSION) else { continue };
        assert!(link.decisions.len() <= packed::MOST_DECISIONS && link.actions.len() <= 800);
        read += 1;
        replayed += usize::from(link.replay().is_ok());
    }
    assert!(read > 1_000 && replayed > 0, "{read} were read, {replayed} replayed");
}
