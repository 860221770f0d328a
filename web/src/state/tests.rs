//! The state, driven by actions and by messages as workers send them.

mod changes;
mod comparison;
mod cursor;
mod deciding;
mod insight;
mod links;
mod recording;
mod retraining;
mod run;
mod scoring;
mod second;
mod view;
mod world;

use diar_core::agent::{Event, Intervention, InterventionKind, Trace};
use diar_core::bundle::Method;
use diar_core::settings::Sampler;

use super::cursor::MOST_WAITING;
use super::*;
use crate::describe;
use crate::messages::{
    Decider, DeviceInfo, Failure, FromTrainer, Lane, Plan, ToPage, ToTrainer, ToWorker, Trail, Unit, Weights,
};
use crate::sample::{Script, events, played, settings, task, trace};
use crate::scale::Ground;
use crate::{share, timeline};

const START: [f64; 4] = [3.0, 1.0, 0.0, 0.0];

fn weights() -> Weights {
    Weights {
        task: task().id().into(),
        hash: "abcdef0123456789abcdef".into(),
        method: Method::Diar,
        settings: settings().into(),
        diffusion_steps: 500,
        training_seconds: 60.0,
        scores: None,
    }
}

fn gpu() -> DeviceInfo {
    DeviceInfo { webgpu: true, name: "test adapter".into(), software: false, note: None }
}

fn measured(millis: f64) -> ToPage {
    ToPage::Measured { loaded: weights().hash, millis }
}

/// The worker that trains is done, with a critic made from the bundle of this hash.
fn learned(from: &str) -> RetrainingAction {
    RetrainingAction::Heard(FromTrainer::Learned { from: from.into(), bundle: vec![7; 3], seconds: 9.0 })
}

/// A page whose recording is not coming.
fn launch(fragment: &str) -> (State, Vec<Command>) {
    let (mut state, commands) = launch_before_recording(fragment);
    state.run.take_recording(None);
    (state, commands)
}

fn launch_before_recording(fragment: &str) -> (State, Vec<Command>) {
    State::new(Launch {
        bundle: "weights.safetensors".into(),
        fragment: fragment.into(),
        ..Launch::default()
    })
}

fn told(commands: &[Command]) -> Vec<ToWorker> {
    commands
        .iter()
        .filter_map(|command| match command {
            // What is asked about the decision on display is no part of a run.
            Command::Send(ToWorker::Imagine { .. }) => None,
            Command::Send(message) => Some(message.clone()),
            _ => None,
        })
        .collect()
}

/// Returns true if some commands only ask about the decision on display.
fn idle(commands: &[Command]) -> bool {
    commands.iter().all(|command| matches!(command, Command::Send(ToWorker::Imagine { .. })))
}

fn ready_on(state: &mut State, device: DeviceInfo) -> Vec<Command> {
    state.update(DecidingAction::Heard(ToPage::Ready { device, weights: weights() }))
}

/// A page with a run that has just begun.
fn begun() -> State {
    let mut state = launch("").0;
    let commands = ready_on(&mut state, DeviceInfo::cpu(None));
    answer_begin(&mut state, &commands);
    state
}

/// Answers the begin among some commands, as the worker would.
fn answer_begin(state: &mut State, commands: &[Command]) -> Vec<Command> {
    let generation = told(commands)
        .into_iter()
        .find_map(|message| match message {
            ToWorker::Begin { generation, .. } => Some(generation),
            _ => None,
        })
        .expect("a run begins");
    state.update(DecidingAction::Heard(ToPage::Begun { generation, start: START.to_vec() }))
}

/// Plays the worker: serves every advance from a script, until nothing more is asked for.
fn serve(state: &mut State, mut commands: Vec<Command>, script: &[Script]) {
    let whole = trace(script);
    let all: Vec<Event> = {
        let mut t = 0;
        let mut all = Vec::new();
        for (&one, decision) in script.iter().zip(&whole.decisions) {
            all.extend(events(t, one));
            t += decision.steps.len();
        }
        all
    };
    while let Some((generation, unit)) = told(&commands).into_iter().find_map(|message| match message {
        ToWorker::Advance { generation, unit } => Some((generation, unit)),
        _ => None,
    }) {
        let from = state.run.running().map_or(0, |trace| timeline::length(trace));
        let mut batch = Vec::new();
        for event in &all[from.min(all.len())..] {
            batch.push(event.clone());
            if unit.completed_by(event) {
                break;
            }
        }
        assert!(!batch.is_empty(), "the page asks for more than the episode has");
        state.update(DecidingAction::Heard(ToPage::Events { generation, events: batch, millis: 4.0 }));
        commands = state.update(DecidingAction::Heard(ToPage::Idle { generation }));
    }
}

fn errors(state: &State) -> Vec<&str> {
    let errors = state.view.notices().iter().filter(|notice| notice.level == Level::Error);
    errors.map(|notice| notice.text.as_str()).collect()
}

const EPISODE: [Script; 3] = [Script::Dropped(2), Script::Dropped(0), Script::Goal(3)];

/// Answers what was begun in the other lane.
fn answer_other(state: &mut State, commands: &[Command]) -> Vec<Command> {
    let generation = told(commands)
        .into_iter()
        .find_map(|message| match message {
            ToWorker::Begin { generation, lane: Lane::Compared, .. } => Some(generation),
            _ => None,
        })
        .expect("another run begins");
    state.update(DecidingAction::Heard(ToPage::Begun { generation, start: START.to_vec() }))
}

/// Plays the worker for the other run.
fn serve_other(state: &mut State, mut commands: Vec<Command>, script: &[Script]) {
    for (index, &one) in script.iter().enumerate() {
        let asked = told(&commands).into_iter().find_map(|message| match message {
            ToWorker::Advance { generation, unit: Unit::Decision } => Some(generation),
            _ => None,
        });
        let generation = asked.unwrap_or_else(|| panic!("decision {index} is asked for: {commands:?}"));
        let t = state.comparison.run().unwrap().trace().unwrap().steps();
        state.update(DecidingAction::Heard(ToPage::Events {
            generation,
            events: events(t, one),
            millis: 1.0,
        }));
        commands = state.update(DecidingAction::Heard(ToPage::Idle { generation }));
    }
    assert_eq!(told(&commands), []);
}

/// A page with a whole run on display.
fn finished() -> State {
    let mut state = begun();
    for _ in 0..3 {
        let commands = state.update(CursorAction::Forward(Unit::Decision));
        serve(&mut state, commands, &EPISODE);
    }
    state
}

/// The same, with its start chosen by hand.
fn from_there(trace: &Trace) -> Trace {
    let mut chosen = trace.clone();
    chosen.run.start = Some(trace.start.clone());
    chosen
}

/// The link to a moment of an episode.
fn link_to(trace: &Trace, hash: &str, at: usize) -> String {
    share::compose(&from_there(trace), hash, at, None).unwrap()
}
