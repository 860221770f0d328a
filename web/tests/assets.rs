//! The files that the page ships are what this program makes of the recorded run.
//!
//! To record another run, or to draw the poster again from the one there is:
//!
//! ```sh
//! diar play weights/maze2d-umaze-v1.safetensors --seed 20 --json > run.json
//! DIAR_RECORDING=$PWD/run.json cargo test --release -p diar-web --test assets
//! DIAR_RECORDING=$PWD/web/assets/recorded.bin cargo test --release -p diar-web --test assets
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use diar_core::agent::{Outcome, Phase, Trace};
use diar_core::benchmark::Benchmark;
use diar_core::env::{self, Start};
use diar_core::maze::World;
use diar_web::export::poster::poster;
use diar_web::recording;

/// Most bytes of the recorded run, and of the poster.
const RECORDING: usize = 60_000;
const POSTER: usize = 8_000;

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name)
}

/// It goes into the page itself, and is no file of its own there.
fn poster_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("poster.svg")
}

fn drawn(trace: &Trace) -> String {
    poster(trace, Benchmark::find(&trace.task).unwrap().maze().layout())
}

/// The recorded run; written first when a new one is given.
static RECORDED: LazyLock<Trace> = LazyLock::new(|| {
    let given = std::env::var_os("DIAR_RECORDING");
    if let Some(path) = &given {
        let bytes = fs::read(path).unwrap();
        let trace = recording::decode(&bytes).or_else(|_| serde_json::from_slice(&bytes)).unwrap();
        fs::write(asset("recorded.bin"), recording::encode(&trace).unwrap()).unwrap();
    }
    let trace = recording::decode(&fs::read(asset("recorded.bin")).unwrap()).unwrap();
    if given.is_some() {
        fs::write(poster_file(), drawn(&trace)).unwrap();
    }
    trace
});

#[test]
fn the_shipped_files_are_made_of_the_recorded_run() {
    let trace = &*RECORDED;
    let bytes = fs::read(asset("recorded.bin")).unwrap();
    assert!(
        recording::encode(trace).as_ref() == Some(&bytes),
        "recorded.bin is not what this program writes"
    );
    assert!(bytes.len() <= RECORDING, "{} bytes", bytes.len());
    let committed = fs::read_to_string(poster_file()).unwrap();
    assert!(
        committed == drawn(trace),
        "poster.svg is not drawn from recorded.bin: see the head of this file"
    );
    assert!(committed.len() <= POSTER, "{} bytes", committed.len());
}

/// The physics is the same arithmetic everywhere, so the recorded actions lead through the recorded states bit by bit.
#[test]
fn the_recorded_actions_lead_through_the_recorded_states() {
    let trace = &*RECORDED;
    let task = Benchmark::find(&trace.task).unwrap();
    let mut envs = env::open(&task.spec).unwrap();
    envs.reset(&[(0, Start::At(trace.start.clone()))], &World::default()).unwrap();
    let (mut stepped, mut now, mut taken, mut contact) = (Vec::new(), trace.start.clone(), 0, None);
    for decision in &trace.decisions {
        assert_eq!((decision.t, &decision.state), (taken, &now));
        for step in &decision.steps {
            envs.step(&[0], &step.action, &mut stepped).unwrap();
            let found = &stepped[0];
            assert_eq!(
                (&step.state, step.reward, step.at_goal),
                (&found.observation, found.reward, found.at_goal)
            );
            now.clone_from(&found.observation);
            taken += 1;
            contact = contact.or(found.at_goal.then_some(taken));
        }
    }
    assert_eq!((trace.phase(), trace.first_contact()), (Phase::Done, contact));
    assert_eq!(trace.decisions.last().unwrap().outcome, Some(Outcome::Goal));
}

/// Candidates lose digits, but not their order at the top, nor the reason why a plan was dropped.
#[test]
fn the_recorded_decisions_follow_from_their_numbers() {
    let trace = &*RECORDED;
    let plan = trace.run.settings.plan().unwrap();
    for decision in &trace.decisions {
        assert_eq!(decision.latents().len(), plan.candidates);
        let best = decision.q.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!(decision.q[decision.chosen.unwrap()], best);
        if let Some(Outcome::Revalued { .. }) = decision.outcome {
            assert!(*decision.v_now.last().unwrap() > decision.v_end.unwrap() + plan.margin);
        }
    }
}
