//! `diar plot`: the paper's figures for our runs.

use std::path::Path;
use std::sync::Arc;

use diar_core::agent::{ActingSettings, Agent, Episode, Outcome, Trace};
use diar_core::benchmark::{Benchmark, Family};
use diar_core::env::antmaze;
use diar_core::maze::{CELL_LOW, GOAL_RADIUS, Layout};
use diar_core::method::Agent as AnyAgent;
use diar_core::settings::PlanSettings;
use diar_core::spec::TaskSpec;

use super::output;
use super::play::trace_in_turn;
use crate::cli::{PlotAgentArgs, PlotCommand, PlotMethodsArgs, PlotScoresArgs, PlotWaysArgs};
use crate::evaluation::{AgentFile, BundleFile};
use crate::failure::Failure;
use crate::figure::{self, Journey, Svg, Way};
use crate::run::atomic;
use crate::score::table::Table;
use crate::score::{Method, ScoreFile};

/// Distance of the places whose value is drawn, m.
const SPACING: f64 = 0.1;

/// Draws what is asked for.
pub(crate) fn plot(command: &PlotCommand) -> Result<(), Failure> {
    match command {
        PlotCommand::Scores(args) => scores(args),
        PlotCommand::Paths(args) => paths(args),
        PlotCommand::Revaluation(args) => revaluation(args),
        PlotCommand::Values(args) => values(args),
        PlotCommand::Methods(args) => methods(args),
        PlotCommand::Ways(args) => ways(args),
    }
}

fn scores(args: &PlotScoresArgs) -> Result<(), Failure> {
    let table = Table::of(&ScoreFile::read_all(&args.results)?);
    write(&figure::scores(&table), &args.out)
}

fn methods(args: &PlotMethodsArgs) -> Result<(), Failure> {
    let files = args.results.iter().map(|path| ScoreFile::read_all(path)).collect::<Result<Vec<_>, _>>()?;
    write(&figure::methods(&Table::of(&files.concat())), &args.out)
}

/// Episodes from near and far.
fn paths(args: &PlotAgentArgs) -> Result<(), Failure> {
    let file = AgentFile::read(&args.bundle)?;
    let agent = file.agent(file.bundle.settings(), &args.device.device.open()?)?;
    let ground = Ground::of(agent.task())?;
    let journeys = ground
        .starts(args.episodes)
        .into_iter()
        .map(|index| {
            let trace = play(&agent, file.bundle.settings().acting(), (args.seed, index), true)?;
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

/// Several agents from the same starts, to the time limit.
fn ways(args: &PlotWaysArgs) -> Result<(), Failure> {
    let device = args.device.device.open()?;
    let files = args.bundles.iter().map(|path| AgentFile::read(path)).collect::<Result<Vec<_>, _>>()?;
    let task = files[0].bundle.task();
    if let Some(other) = files.iter().find(|file| file.bundle.task() != task) {
        let [expected, found] = [task, other.bundle.task()].map(|task| task.id.clone());
        return Err(Failure::OtherTaskThan { path: other.path.clone(), expected, found });
    }
    let ground = Ground::of(task)?;
    let mut agents = Vec::new();
    for file in &files {
        let settings = file.bundle.settings();
        let (name, acting) = (Method::of(&settings).title(), settings.acting());
        agents.push((name, acting, file.agent(settings, &device)?));
    }
    let mut rows = Vec::new();
    for index in ground.starts(args.episodes) {
        let mut row = Vec::new();
        for (name, acting, agent) in &agents {
            let trace = play(agent, acting.clone(), (args.seed, index), false)?;
            let taken = || trace.decisions.iter().flat_map(|decision| &decision.steps);
            let rewards: f64 = taken().map(|step| f64::from(step.reward)).sum();
            let contact = trace.first_contact();
            let said =
                contact.map_or("never at the goal".to_owned(), |step| format!("at the goal: step {step}"));
            let mut journey = ground.journey(&trace, format!("{said}, reward {rewards:.0}"));
            let behind = contact.map_or(journey.path.len(), |step| step + 1);
            let after = journey.path.split_off(behind.min(journey.path.len()));
            row.push(Way { method: name, journey, after });
        }
        rows.push(row);
    }
    let title = format!("{}: the same start, seed {}", task.id, args.seed);
    write(&figure::ways(ground.layout, &title, &rows), &args.out)
}

/// The same starts, revaluation off and on.
fn revaluation(args: &PlotAgentArgs) -> Result<(), Failure> {
    let (agent, plan) = agent(args)?;
    let ground = Ground::of(agent.task())?;
    let mut journeys = [Vec::new(), Vec::new()];
    for index in ground.starts(args.episodes) {
        for (journeys, revalue) in journeys.iter_mut().zip([false, true]) {
            let plan = PlanSettings { revalue, ..plan };
            let acting = AnyAgent::Latent(Arc::clone(&agent), plan);
            let trace = play(&acting, plan.into(), (args.seed, index), true)?;
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
    let Ground { layout, family: Family::Maze2d(_) } = Ground::of(task)? else {
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

/// An agent that plans, for what only plans have.
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
    fn of(task: &TaskSpec) -> Result<Self, Failure> {
        let family = Benchmark::find(&task.id)?.family;
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

fn play(
    agent: &AnyAgent,
    acting: ActingSettings,
    episode: (u64, u64),
    stop_at_goal: bool,
) -> Result<Trace, Failure> {
    Ok(pollster::block_on(trace_in_turn(agent, acting, episode, stop_at_goal))?)
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
