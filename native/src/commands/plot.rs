//! `diar plot`: the paper's figures for our runs.

use std::path::Path;
use std::sync::Arc;

use diar_core::agent::{Agent, Episode, Outcome, Trace};
use diar_core::benchmark::{Benchmark, Family};
use diar_core::env::antmaze;
use diar_core::maze::{CELL_LOW, GOAL_RADIUS, Layout};
use diar_core::settings::PlanSettings;

use super::output;
use super::play::trace_in_turn;
use crate::cli::{PlotAgentArgs, PlotCommand, PlotScoresArgs};
use crate::evaluation::BundleFile;
use crate::failure::Failure;
use crate::figure::{self, Journey, Svg};
use crate::run::atomic;
use crate::score::ScoreFile;
use crate::score::table::Table;

/// Distance of the places whose value is drawn, m.
const SPACING: f64 = 0.1;

/// Draws what is asked for.
pub(crate) fn plot(command: &PlotCommand) -> Result<(), Failure> {
    match command {
        PlotCommand::Scores(args) => scores(args),
        PlotCommand::Paths(args) => paths(args),
        PlotCommand::Revaluation(args) => revaluation(args),
        PlotCommand::Values(args) => values(args),
    }
}

fn scores(args: &PlotScoresArgs) -> Result<(), Failure> {
    let table = Table::of(&ScoreFile::read_all(&args.results)?);
    write(&figure::scores(&table), &args.out)
}

/// Episodes from near and far.
fn paths(args: &PlotAgentArgs) -> Result<(), Failure> {
    let (agent, plan) = agent(args)?;
    let ground = Ground::of(&agent)?;
    let journeys = ground
        .starts(args.episodes)
        .into_iter()
        .map(|index| {
            let trace = play(&agent, plan, args.seed, index)?;
            Ok(ground.journey(&trace, format!("goal: {}", steps(&trace))))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let from = match ground.family {
        Family::Maze2d(_) => "from near and far",
        Family::AntMaze(..) => "goal by goal",
    };
    let title = format!("{}: the way to the goal, {from}", agent.task().id);
    write(&figure::paths(ground.layout, &title, &journeys), &args.out)
}

/// The same starts, revaluation off and on.
fn revaluation(args: &PlotAgentArgs) -> Result<(), Failure> {
    let (agent, plan) = agent(args)?;
    let ground = Ground::of(&agent)?;
    let mut journeys = [Vec::new(), Vec::new()];
    for index in ground.starts(args.episodes) {
        for (journeys, revalue) in journeys.iter_mut().zip([false, true]) {
            let trace = play(&agent, PlanSettings { revalue, ..plan }, args.seed, index)?;
            let name = if revalue { "with" } else { "without" };
            journeys.push(ground.journey(&trace, format!("{name}: {}", steps(&trace))));
        }
    }
    let title = format!("{}: the same starts without and with Adaptive Revaluation", agent.task().id);
    write(&figure::paths(ground.layout, &title, &journeys.concat()), &args.out)
}

/// V of a ball at rest, everywhere.
fn values(args: &PlotAgentArgs) -> Result<(), Failure> {
    let (agent, _) = agent(args)?;
    let task = agent.task();
    let Ground { layout, family: Family::Maze2d(_) } = Ground::of(&agent)? else {
        return Err(Failure::NotMaze2d { task: task.id.clone() });
    };
    let along =
        |cells: usize| (0..(cells as f64 / SPACING) as usize).map(|k| (k as f64 + 0.5) * SPACING - 0.7);
    let places: Vec<[f64; 2]> = along(layout.rows)
        .flat_map(|x| along(layout.cols).map(move |y| [x, y]))
        .filter(|&[x, y]| layout.contains_free(x, y))
        .collect();
    let states: Vec<Vec<f32>> = places.iter().map(|&[x, y]| vec![x as f32, y as f32, 0.0, 0.0]).collect();
    let found = pollster::block_on(agent.values(&states))?;
    let field: Vec<_> = places.into_iter().zip(found).collect();
    let title = format!("{}: V of a ball at rest", task.id);
    write(&figure::values(layout, &title, &field, SPACING), &args.out)
}

fn agent(args: &PlotAgentArgs) -> Result<(Arc<Agent>, PlanSettings), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let plan = file.bundle.info().settings.plan;
    Ok((file.agent(&args.device.device.open()?)?, plan))
}

/// The maze of an agent's task.
struct Ground {
    layout: &'static Layout,
    family: Family,
}

impl Ground {
    fn of(agent: &Agent) -> Result<Self, Failure> {
        let family = Benchmark::find(&agent.task().id)?.family;
        let (Family::Maze2d(maze) | Family::AntMaze(maze, _)) = family;
        Ok(Self { layout: maze.layout(), family })
    }

    /// Episodes to draw. A ball's begin in cells spread evenly from the farthest from the goal to the nearest that is not the
    /// goal's; an ant always begins in one place.
    fn starts(&self, count: u64) -> Vec<u64> {
        if let Family::AntMaze(..) = self.family {
            return (0..count).collect();
        }
        let layout = self.layout;
        let distances = layout.distances(layout.goal());
        let mut cells: Vec<(usize, usize)> = layout
            .free_cells()
            .iter()
            .enumerate()
            .filter_map(|(number, &cell)| Some((distances[layout.index(cell)]?, number)))
            .filter(|&(distance, _)| distance > 0)
            .collect();
        cells.sort_by(|a, b| b.cmp(a));
        let count = (count as usize).min(cells.len());
        (0..count).map(|i| cells[i * cells.len() / count].1 as u64).collect()
    }

    fn journey(&self, trace: &Trace, caption: String) -> Journey {
        let place = |position: &[f64]| self.place([position[0], position[1]]);
        let mut path = vec![place(&trace.start)];
        let mut drops = Vec::new();
        for decision in &trace.decisions {
            path.extend(decision.steps.iter().map(|step| place(&step.state)));
            if let (Some(Outcome::Revalued { .. }), Some(&here)) = (decision.outcome, path.last()) {
                drops.push(here);
            }
        }
        let (goal, reach) = match self.family {
            Family::Maze2d(_) => (self.layout.goal_position(), GOAL_RADIUS),
            Family::AntMaze(maze, _) => {
                let begun = Episode::stratified(trace.run.seed, trace.run.episode).start();
                (self.place(antmaze::drawn_goal(maze, &begun)), GOAL_RADIUS / antmaze::CELL)
            }
        };
        Journey { caption, goal, reach, path, drops }
    }

    /// A position (m) in Maze2D's frame.
    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        match self.family {
            Family::Maze2d(_) => [x, y],
            // Cells are wider, and columns come first.
            Family::AntMaze(..) => [y, x].map(|along| 1.5 + along / antmaze::CELL + CELL_LOW),
        }
    }
}

fn play(agent: &Arc<Agent>, plan: PlanSettings, seed: u64, index: u64) -> Result<Trace, Failure> {
    Ok(pollster::block_on(trace_in_turn(Arc::clone(agent), plan, seed, index))?)
}

fn steps(trace: &Trace) -> String {
    trace
        .first_contact()
        .map_or_else(|| format!("more than {} steps", trace.steps()), |step| format!("{step} steps"))
}

fn write(svg: &Svg, out: &Path) -> Result<(), Failure> {
    atomic::write(out, svg.to_string().as_bytes()).map_err(Failure::file("write", out))?;
    output::beside(Some(out), &out.display().to_string(), false)
}
