//! The command line: types only, no logic.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use diar_core::agent::{Intervention, InterventionKind, Scenario};
use diar_core::benchmark::Benchmark;
use diar_core::bundle::{Method, Precision};
use diar_core::maze::World;
use diar_core::settings::{Preset, Sampler};

use crate::device::DeviceName;
use crate::label::RewardAt;
use crate::parse::{count, duration, episodes, pair, place, points, seed, threads};
use crate::run::overrides::Assignment;
use crate::run::tag::Tag;

const EXIT_CODES: &str = "\
Results go to standard output, everything else to standard error. NO_COLOR is respected.

Exit codes:
  0    done
  1    failed
  2    wrong usage, input or device
  75   training stopped by a signal, with a checkpoint: run the same command again
  130  interrupted (training: a checkpoint was written, the same command goes on from it)";

/// Train, evaluate and export DIAR agents.
#[derive(Debug, Parser)]
#[command(name = "diar", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make data sets in D4RL's HDF5 form, and look at those of D4RL, Minari, OGBench and NumPy
    #[command(subcommand)]
    Data(DataCommand),
    /// Train an agent, or go on with a run that was stopped
    Train(TrainArgs),
    /// Evaluate an agent over many episodes
    Eval(EvalArgs),
    /// Evaluate two agents, or one with and without Adaptive Revaluation, on the same starts
    Compare(CompareArgs),
    /// How often Adaptive Revaluation is right, from plans followed to their end all the same
    Alarms(AlarmsArgs),
    /// Hold few-step samplers against the full chain: latents, choices and scores
    Samplers(SamplersArgs),
    /// Score an agent, or a policy to hold it against, by the protocol, and write a result file
    Score(ScoreArgs),
    /// Print the paper's tables beside ours, from result files
    Table(TableArgs),
    /// Draw the paper's figures for our runs, as SVG
    #[command(subcommand)]
    Plot(PlotCommand),
    /// Write a run's agent to one file, with its scores
    Export(ExportArgs),
    /// Say what is in a bundle
    Info(InfoArgs),
    /// Play one episode to the goal and print its decisions
    Play(PlayArgs),
    /// Play a link of the page again, exactly
    Replay(ReplayArgs),
    /// Decide for another simulator: observations in, actions out, one JSON object per line
    Policy(PolicyArgs),
    /// Put windows of an agent's data into a small file, to train its critic again from
    Windows(WindowsArgs),
    /// Train an agent's critic again for another goal
    Relearn(RelearnArgs),
    /// Run the physics on given actions (JSON in, JSON out)
    Simulate(SimulateArgs),
    /// Measure the hot paths on this machine
    Bench(BenchArgs),
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Generate a task's data set and write it as HDF5
    Generate(GenerateArgs),
    /// Say what is in a data set, which tasks it fits, and what looks wrong
    Inspect(InspectArgs),
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// D4RL's environment id, such as maze2d-umaze-v1
    #[arg(value_parser = Benchmark::find)]
    pub task: &'static Benchmark,
    /// Seed of everything random
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Rows to generate [default: as many as D4RL's file has]
    #[arg(long, value_parser = count())]
    pub rows: Option<u64>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// HDF5 file of D4RL's, npz file of OGBench's or of plain arrays, or the folder of a Minari data set
    #[arg(value_name = "FILE|FOLDER")]
    pub data: PathBuf,
    #[command(flatten)]
    pub rewards: RewardArgs,
    /// Write the specification of the task that the data describes, for `diar train --spec`
    #[arg(long, value_name = "FILE.toml")]
    pub spec_out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    /// D4RL's environment id, such as maze2d-umaze-v1; without it, the task is that of --spec, or the one that --data describes
    #[arg(value_parser = Benchmark::find, required_unless_present = "data")]
    pub task: Option<&'static Benchmark>,
    /// Learn the task of this specification, which `diar data inspect --spec-out` writes
    #[arg(long, value_name = "FILE.toml", requires = "data", conflicts_with = "task")]
    pub spec: Option<PathBuf>,
    /// Method to learn by
    #[arg(long, value_enum, default_value_t = MethodName::Diar)]
    pub method: MethodName,
    /// Size of the run
    #[arg(long, value_enum, default_value_t = PresetName::Quick)]
    pub preset: PresetName,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Learn from D4RL's HDF5 file, an npz file or a Minari data set's folder instead of generated data
    #[arg(long, value_name = "FILE|FOLDER")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub rewards: RewardArgs,
    /// Run directory [default: runs/TASK-PRESET-SEED, and runs/TASK-METHOD-PRESET-SEED of other methods than DIAR]
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// Take the first stages of this finished run (same data and settings): for diar and ldcq the VAE and the diffusion model,
    /// for idql the critic of a run of iql
    #[arg(long, value_name = "RUN")]
    pub reuse: Option<PathBuf>,
    /// Seed of everything random [default: 0]
    #[arg(long, value_parser = seed())]
    pub seed: Option<u64>,
    /// Change a setting, such as vae.train.steps=2000 (repeatable; `none` clears one)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Assignment>,
    /// Write the bundle here as well
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Most seconds between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub checkpoint_every: u64,
    /// Keep the agent of every so many steps of the last stage in snapshots/, to compare with the last
    #[arg(long, value_name = "STEPS", value_parser = count())]
    pub snapshot_every: Option<u64>,
    /// Write scalars for `TensorBoard` into the run directory, too
    #[arg(long)]
    pub events: bool,
    /// Let the agent play 20 episodes of seed 1000 after every so many steps of the last stage, and log their scores
    #[arg(long, value_name = "STEPS", value_parser = count())]
    pub eval_every: Option<u64>,
    /// Say something about the run, which its configuration, its bundle and results of its agent then say (repeatable)
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    pub tags: Vec<Tag>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// How steps are rewarded where the data do not say.
#[derive(Clone, Copy, Debug, Args)]
pub struct RewardArgs {
    /// In data without rewards, reward 1 for each step after which the first two numbers of the observation lie within
    /// RADIUS of (X, Y), and 0 for the others
    #[arg(long, value_name = "X,Y,RADIUS", requires = "data", allow_hyphen_values = true)]
    pub reward_at: Option<RewardAt>,
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub episodes: EpisodeArgs,
    /// Switch Adaptive Revaluation off
    #[arg(long)]
    pub no_revalue: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Another agent of the same task, of any method [default: the same agent without revaluation]
    #[arg(value_name = "RUN|BUNDLE")]
    pub other: Option<PathBuf>,
    #[command(flatten)]
    pub episodes: EpisodeArgs,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AlarmsArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Episodes to play, up to the goal; their starts take turns over the free cells
    #[arg(long, default_value_t = 100, value_parser = episodes(1))]
    pub episodes: u64,
    /// Seed of the episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SamplersArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// States that latents are drawn in: half are starts, half lie on the way
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(2..=4096))]
    pub states: u64,
    /// Latents drawn in each, rounded up to whole decisions, at least two
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(2..=8192))]
    pub latents: u64,
    /// Latents sampled per decision [default: the bundle's]
    #[arg(long)]
    pub candidates: Option<usize>,
    /// Episodes played with each sampler, up to the first contact with the goal
    #[arg(long, default_value_t = 500, value_parser = episodes(2))]
    pub episodes: u64,
    /// Compare latents and choices only; nothing is accepted then
    #[arg(long, conflicts_with_all = ["episodes", "margin"])]
    pub no_episodes: bool,
    /// Points of first-contact score that a sampler may lose, at the lower end of the 95 % interval
    #[arg(long, value_name = "POINTS", default_value_t = 2.0, value_parser = points)]
    pub margin: f64,
    /// Seed of states, noise and episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Episodes played in lockstep; changes speed and memory, not the result
    #[arg(long, default_value_t = 128, value_parser = count())]
    pub batch: u64,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// Run directory or bundle file; with --policy, D4RL's environment id
    #[arg(value_name = "RUN|BUNDLE|TASK")]
    pub agent: String,
    /// Score this instead of a trained agent
    #[arg(long, value_enum)]
    pub policy: Option<PolicyName>,
    #[command(flatten)]
    pub episodes: ScoreEpisodes,
    /// Switch Adaptive Revaluation off
    #[arg(long, conflicts_with = "policy")]
    pub no_revalue: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub device: DeviceArg,
    /// File to write the result to
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which episodes are scored: starts take turns over the free cells.
#[derive(Clone, Copy, Debug, Args)]
pub struct ScoreEpisodes {
    /// Episodes to play
    #[arg(long, default_value_t = 1000, value_parser = episodes(1))]
    pub episodes: u64,
    /// Seed of the episodes: starts and noise
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Episodes played in lockstep; changes speed and memory, not the result
    #[arg(long, default_value_t = 250, value_parser = count())]
    pub batch: u64,
}

impl From<ScoreEpisodes> for EpisodeArgs {
    fn from(ScoreEpisodes { episodes, seed, batch }: ScoreEpisodes) -> Self {
        Self { episodes, seed, batch }
    }
}

#[derive(Debug, Args)]
pub struct TableArgs {
    /// Folder of result files
    #[arg(default_value = "docs/results")]
    pub results: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum PlotCommand {
    /// Score bars, the paper's beside ours (Figure 1)
    Scores(PlotScoresArgs),
    /// Ways to the goal from near and far (Figures 2 and 7)
    Paths(PlotAgentArgs),
    /// Ways without and with revaluation, from the same starts (Figure 6)
    Revaluation(PlotAgentArgs),
    /// V of a ball at rest, everywhere in the maze
    Values(PlotAgentArgs),
    /// Scores of all methods with 95 % intervals, a panel for each protocol
    Methods(PlotMethodsArgs),
    /// Ways of several agents of one task, of any methods, from the same starts
    Ways(PlotWaysArgs),
}

#[derive(Debug, Args)]
pub struct PlotMethodsArgs {
    /// Result files, or folders of them
    #[arg(default_value = "docs/results", num_args = 1..)]
    pub results: Vec<PathBuf>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct PlotWaysArgs {
    /// Run directories or bundle files
    #[arg(value_name = "RUN|BUNDLE", required = true, num_args = 1..=8)]
    pub bundles: Vec<PathBuf>,
    /// Starts to draw, a row each, spread from the farthest to the nearest
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    pub episodes: u64,
    /// Seed of the episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArg,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct PlotScoresArgs {
    /// Folder of result files
    #[arg(default_value = "docs/results")]
    pub results: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct PlotAgentArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Starts to draw, spread from the farthest to the nearest
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub episodes: u64,
    /// Seed of the episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    #[command(flatten)]
    pub device: DeviceArg,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PolicyName {
    /// The controller that collected the data, without its noise
    Controller,
    /// Uniformly random actions
    Random,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Numbers the weights are stored as
    #[arg(long, value_enum, default_value_t = PrecisionName::F16)]
    pub precision: PrecisionName,
    /// Episodes to evaluate first, with and without revaluation, starts in turn; the scores go into the file
    #[arg(long, default_value_t = 0, value_parser = episodes(0))]
    pub episodes: u64,
    /// Seed of those episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Episodes played in lockstep
    #[arg(long, default_value_t = 128, value_parser = count())]
    pub batch: u64,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WindowsArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// The data it was trained on; without it, that data is generated again
    #[arg(long, value_name = "FILE|FOLDER")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub rewards: RewardArgs,
    /// Windows to keep, evenly spread over the data
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub count: u64,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RelearnArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Windows of its data, as `diar windows` writes them
    #[arg(long, value_name = "FILE")]
    pub windows: PathBuf,
    /// The goal, in metres
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    pub goal: [f64; 2],
    /// Change a setting of the critic, such as critic.train.steps=2000 (repeatable; `none` clears one)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Assignment>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct InfoArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlayArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Seed of the run of episodes
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Number of the episode within it
    #[arg(long, default_value_t = 0)]
    pub episode: u64,
    /// Switch Adaptive Revaluation off
    #[arg(long)]
    pub no_revalue: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Take actions as they are decoded, not rounded to 256ths; the link is longer
    #[arg(long)]
    pub exact: bool,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print the whole trace as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is changed about an episode.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What if")]
pub struct ScenarioArgs {
    /// Put the goal here, m
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    pub goal: Option<[f64; 2]>,
    /// Change the cell in row I and column J between wall and free (repeatable)
    #[arg(long, value_name = "I,J", value_parser = |text: &str| pair::<u8, u8>(text, ','))]
    pub toggle: Vec<(u8, u8)>,
    /// In decision D, the first is 0, follow candidate C instead of the best (repeatable)
    #[arg(long, value_name = "D:C", value_parser = |text: &str| pair::<u32, u16>(text, ':'))]
    pub take: Vec<(u32, u16)>,
    /// Let revaluation not drop the plan of decision D (repeatable)
    #[arg(long, value_name = "D")]
    pub keep: Vec<u32>,
    /// Drop the plan of decision D after H steps (repeatable)
    #[arg(long, value_name = "D:H", value_parser = |text: &str| pair::<u32, u16>(text, ':'))]
    pub drop: Vec<(u32, u16)>,
}

impl From<&ScenarioArgs> for Scenario {
    fn from(args: &ScenarioArgs) -> Self {
        let mut world = World { toggled: Vec::new(), goal: args.goal };
        args.toggle.iter().for_each(|&cell| world.toggle(cell));
        let take = args.take.iter().map(|&(d, candidate)| (d, InterventionKind::Take { candidate }));
        let keep = args.keep.iter().map(|&d| (d, InterventionKind::Keep));
        let drop = args.drop.iter().map(|&(d, at)| (d, InterventionKind::Drop { at }));
        let interventions =
            take.chain(keep).chain(drop).map(|(decision, kind)| Intervention { decision, kind }).collect();
        Self { world, interventions }
    }
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The page's address with the episode in it, or what follows its #
    pub link: String,
    /// Run directory or bundle file to decide it anew with
    #[arg(long, value_name = "RUN|BUNDLE")]
    pub bundle: Option<PathBuf>,
    /// Run directory or bundle file of the second run, where the link compares two bundles
    #[arg(long, value_name = "RUN|BUNDLE", requires = "bundle")]
    pub other: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

const POLICY_LINES: &str = "\
Requests on standard input, one JSON object per line, each answered by one on standard output:
  {\"reset\": 7}                    begins episode 0 of seed 7; \"episode\": k beside it chooses another
  {\"obs\": [x, y, vx, vy]}         the action for this observation, and the decision behind it
A line that cannot be answered gets {\"error\": \"...\"}. The end of input ends the program.";

#[derive(Debug, Args)]
#[command(after_help = POLICY_LINES)]
pub struct PolicyArgs {
    /// Run directory or bundle file
    #[arg(value_name = "RUN|BUNDLE")]
    pub bundle: PathBuf,
    /// Switch Adaptive Revaluation off
    #[arg(long)]
    pub no_revalue: bool,
    #[command(flatten)]
    pub plan: PlanArgs,
    #[command(flatten)]
    pub device: DeviceArg,
}

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// JSON file with task, qpos, qvel and actions [default: standard input]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Only paths whose name and size, as the table has them, contain this
    #[arg(long, value_name = "SUBSTRING")]
    pub filter: Option<String>,
    /// Seconds to measure each path for, at least three repetitions [default: 2, with --scaling 0.5]
    #[arg(long, value_parser = duration)]
    pub seconds: Option<f64>,
    /// Threads to compute with [default: all cores]
    #[arg(long, value_parser = threads())]
    pub threads: Option<u64>,
    /// Program to measure in turn with ours, such as "python3 tests/rivals/pytorch.py"; split at spaces
    #[arg(long, value_name = "COMMAND", conflicts_with = "scaling")]
    pub rival: Option<String>,
    /// How cost grows with candidates, steps, environments, batch and width, instead
    #[arg(long)]
    pub scaling: bool,
    /// Print one JSON array, an object per row
    #[arg(long)]
    pub json: bool,
}

/// Which episodes are played.
#[derive(Clone, Copy, Debug, Args)]
pub struct EpisodeArgs {
    /// Episodes to play
    #[arg(long, default_value_t = 500, value_parser = episodes(1))]
    pub episodes: u64,
    /// Seed of the episodes: starts and noise
    #[arg(long, default_value_t = 0, value_parser = seed())]
    pub seed: u64,
    /// Episodes played in lockstep; changes speed and memory, not the result
    #[arg(long, default_value_t = 128, value_parser = count())]
    pub batch: u64,
}

/// How decisions are made, where it differs from the bundle's defaults.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArgs {
    /// Latents sampled per decision [default: the bundle's]
    #[arg(long)]
    pub candidates: Option<usize>,
    /// How they are sampled [default: the bundle's]
    #[arg(long, value_enum)]
    pub sampler: Option<SamplerName>,
    /// Steps of the sampler [default: the bundle's; ddpm takes every diffusion step]
    #[arg(long)]
    pub steps: Option<usize>,
    /// Change another setting of acting, such as `plan.exec_horizon=15` (repeatable); other methods' begin with `act.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Assignment>,
}

#[derive(Clone, Copy, Debug, Args)]
pub struct DeviceArg {
    /// Device to compute on: cpu, cuda:N, wgpu or wgpu:N
    #[arg(long, default_value = "cpu")]
    pub device: DeviceName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MethodName {
    /// Latent plans by diffusion, Q and V, Adaptive Revaluation
    Diar,
    /// The same latents with LDCQ's critic, without revaluation
    Ldcq,
    /// Behaviour cloning: one network imitates the data
    Bc,
    /// Implicit Q-learning
    Iql,
    /// Implicit Q-learning with a diffusion model of actions
    Idql,
    /// Diffusion of trajectories whose ends are given
    Diffuser,
    /// Decision Diffuser: diffusion of states that earn a given return, and inverse dynamics
    Dd,
    /// Decision Transformer: actions from the return still wanted
    Dt,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Diar => Self::Diar,
            MethodName::Ldcq => Self::Ldcq,
            MethodName::Bc => Self::Bc,
            MethodName::Iql => Self::Iql,
            MethodName::Idql => Self::Idql,
            MethodName::Diffuser => Self::Diffuser,
            MethodName::Dd => Self::Dd,
            MethodName::Dt => Self::Dt,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PresetName {
    /// Every stage in seconds, with tiny networks: a first try of a data set
    Smoke,
    /// Minutes on two CPU cores
    Quick,
    /// A quarter of an hour (DIAR) to an hour on two CPU cores
    Cpu,
    /// Each method's settings as published, for a GPU
    Paper,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Smoke => Self::Smoke,
            PresetName::Quick => Self::Quick,
            PresetName::Cpu => Self::Cpu,
            PresetName::Paper => Self::Paper,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SamplerName {
    /// Ancestral sampling over every diffusion step
    Ddpm,
    /// Deterministic
    Ddim,
    /// First-order stochastic DPM-Solver++
    Sde,
}

impl From<SamplerName> for Sampler {
    fn from(name: SamplerName) -> Self {
        match name {
            SamplerName::Ddpm => Self::Ddpm,
            SamplerName::Ddim => Self::Ddim,
            SamplerName::Sde => Self::Sde,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrecisionName {
    /// Half precision: half the size
    F16,
    /// Single precision, as trained
    F32,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::F16 => Self::F16,
            PrecisionName::F32 => Self::F32,
        }
    }
}
