//! Every simulator of `core`, through one suite.
#![cfg(not(target_arch = "wasm32"))]

use diar_core::benchmark::MAZE2D;
use diar_core::env::toy::Line;
use diar_core::env::{self, EnvError, Envs};
use diar_core::maze::World;
use diar_core::spec::{RewardKind, TaskSpec};
use diar_tests::envs::holds;

#[test]
fn maze2d_holds() {
    for task in MAZE2D.iter() {
        holds(&|| env::open(&task.spec).expect("it has a simulator"), 120);
    }
}

#[test]
fn a_point_on_a_line_holds() {
    holds(&|| Box::new(Line::new()), 40);
}

#[test]
fn a_world_that_cannot_change_says_so() {
    let moved = World { toggled: Vec::new(), goal: Some([0.0, 0.0]) };
    assert!(matches!(Line::new().reset(&[], &moved), Err(EnvError::Unchangeable { .. })));
}

#[test]
fn tasks_without_a_simulator_are_told_from_others_of_the_same_name() {
    let own = &*MAZE2D[0].spec;
    let unknown = TaskSpec { id: "my-robot-v0".to_owned(), ..own.clone() };
    let foreign = TaskSpec { reward: RewardKind::Penalty, ..own.clone() };
    let refused = |spec: &TaskSpec| env::open(spec).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused(&unknown).contains("no simulator of my-robot-v0"), "{}", refused(&unknown));
    assert!(refused(&foreign).contains("differs from the task of that name"), "{}", refused(&foreign));
    assert_eq!(refused(own), "");
}
