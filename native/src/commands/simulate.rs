//! `diar simulate`: the physics alone, on given actions.

use std::fs;
use std::io::{self, Read};

use diar_core::benchmark::{Benchmark, Family};
use diar_core::maze::{CELL_LOW, Layout, PointMass};
use serde::{Deserialize, Serialize};

use super::output;
use crate::cli::SimulateArgs;
use crate::failure::Failure;

/// Where it begins and what is done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    task: String,
    qpos: [f64; 2],
    qvel: [f64; 2],
    actions: Vec<[f64; 2]>,
}

/// What happens: the state after each action, and its reward.
#[derive(Serialize)]
struct Response {
    states: Vec<[f64; 4]>,
    rewards: Vec<f64>,
}

/// Reads a request, simulates it and prints what happens.
pub(crate) fn simulate(args: &SimulateArgs) -> Result<(), Failure> {
    let request: Request = serde_json::from_str(&read(args)?).map_err(|error| {
        Failure::Simulation(format!(
            "the input is not what is expected: {error}; expected \
             {{\"task\": \"maze2d-umaze-v1\", \"qpos\": [x, y], \"qvel\": [vx, vy], \"actions\": [[ax, ay], …]}}"
        ))
    })?;
    let task = Benchmark::find(&request.task)?;
    let Family::Maze2d(maze) = task.family else {
        return Err(Failure::NotMaze2d { task: request.task });
    };
    let layout = maze.layout();
    let mut ball = start(layout, &request)?;
    let mut response = Response { states: Vec::new(), rewards: Vec::new() };
    for &action in &request.actions {
        ball.step(layout, action);
        response.states.push(ball.state());
        response.rewards.push(if layout.reaches_goal(ball.position) { 1.0 } else { 0.0 });
    }
    output::json(&response)
}

fn read(args: &SimulateArgs) -> Result<String, Failure> {
    if let Some(path) = &args.file {
        return fs::read_to_string(path).map_err(Failure::file("read", path));
    }
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Simulation(format!("cannot read standard input: {error}")))?;
    Ok(text)
}

/// The ball at its start; inside a wall there is no direction to be pushed out in.
fn start(layout: &Layout, request: &Request) -> Result<PointMass, Failure> {
    let [x, y] = request.qpos;
    let cell = |at: f64| (at - CELL_LOW).floor() as isize;
    if layout.is_wall(cell(x), cell(y)) {
        return Err(Failure::Simulation(format!("qpos [{x}, {y}] is inside a wall or outside the maze")));
    }
    Ok(PointMass { position: request.qpos, velocity: request.qvel })
}
