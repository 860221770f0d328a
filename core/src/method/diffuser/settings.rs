//! Settings of Diffuser.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::benchmark::{Benchmark, Family};
use crate::bundle::Method;
use crate::data::Normaliser;
use crate::maze::TIME_STEP;
use crate::method::trajectory::{LONGEST, NetSettings, check_data, check_temperature};
use crate::method::{Recipe, RowSettings};
use crate::nn::temporal::UNet;
use crate::nn::{LoadError, NamedTensor, load_parameters, parameter_shapes};
use crate::rng::Key;
use crate::settings::check::{positive, require, whole};
use crate::settings::{Basis, InvalidSetting, Preset, Sampler, SamplerSettings};
use crate::spec::TaskSpec;

/// Settings of Diffuser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Recorded steps to learn from; their states are always scaled.
    pub data: RowSettings,
    /// Trajectories.
    pub trajectory: TrajectorySettings,
    /// The network.
    pub policy: NetSettings,
    /// Acting.
    pub act: ActSettings,
}

/// Settings of trajectories.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrajectorySettings {
    /// H, in environment steps.
    pub horizon: usize,
    /// Environment steps between two rows of a trajectory.
    pub stride: usize,
    /// Leave actions out of the rows.
    pub states_only: bool,
}

/// Way in which a plan becomes actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// As published: a proportional-derivative follower of one plan, which parks at its end.
    Published,
    /// The plan's own actions, and none after its end.
    Actions,
    /// The follower without parking: nothing pushes after the plan's end.
    Unparked,
    /// The follower, with a new plan every `act.replan_every` steps.
    Replan,
}

/// Settings of acting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActSettings {
    /// Way in which a plan becomes actions.
    pub follow: Follow,
    /// State that the last row of a plan is, `[state]`, raw; `None` is at rest at the goal of the task's maze.
    pub goal: Option<Vec<f32>>,
    /// Gains of the follower on position and velocity.
    pub gains: [f64; 2],
    /// Steps between two plans, where there is more than one.
    pub replan_every: usize,
    /// Seconds of an environment step, by which velocities continue positions between the rows of a plan.
    pub time_step: f64,
    /// Sampler of plans.
    pub sampler: SamplerSettings,
    /// Factor of the noise of sampling.
    pub temperature: f64,
}

impl TrajectorySettings {
    /// Rows of a trajectory.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.horizon / self.stride.max(1)
    }

    /// Rows of the data from the first to the last row of a trajectory.
    #[must_use]
    pub fn span(&self) -> usize {
        (self.rows().max(1) - 1) * self.stride + 1
    }

    /// Numbers in a row.
    #[must_use]
    pub fn channels(&self, task: &TaskSpec) -> usize {
        task.state_dim() + if self.states_only { 0 } else { task.action_dim() }
    }
}

impl Settings {
    /// The network, newly drawn.
    pub(super) fn network(&self, task: &TaskSpec, device: &Device) -> UNet {
        let config = self.policy.config(self.trajectory.channels(task), 0);
        UNet::new(Key::new(self.seed).named("diffuser"), &config, device)
    }

    /// The last row's state, `[state]`, raw.
    pub(super) fn goal(&self, task: &TaskSpec) -> Result<Vec<f32>, InvalidSetting> {
        let (key, width) = ("act.goal", task.state_dim());
        if let Some(goal) = &self.act.goal {
            let fits = goal.len() == width;
            require(
                fits,
                key,
                format!("{goal:?}"),
                format!("the {width} numbers of a state of {}", task.id),
            )?;
            return Ok(goal.clone());
        }
        let maze = Benchmark::find(&task.id).ok().filter(|benchmark| *benchmark.spec == *task);
        let Some(Family::Maze2d(maze)) = maze.map(|benchmark| benchmark.family) else {
            let expected =
                format!("the {width} numbers of the state of {} that plans end in: no maze says it", task.id);
            require(false, key, "none", expected)?;
            return Ok(Vec::new());
        };
        let [x, y] = maze.layout().goal_position().map(|x| x as f32);
        Ok(vec![x, y, 0.0, 0.0])
    }
}

impl Recipe for Settings {
    type Network = UNet;

    const METHOD: Method = Method::Diffuser;

    /// `paper` is the published setting of each maze (H 128, 256 and 384 steps); other tasks take that of the maze with the
    /// next shorter time limit.
    fn preset(preset: Preset, basis: &Basis) -> Self {
        let (horizon, diffusion_steps, cpu_steps) = match basis.max_steps {
            800.. => (384, 256, 25_000),
            600.. => (256, 256, 35_000),
            300.. => (128, 64, 60_000),
            least => ((least / 2 / 16 * 16).max(8), 64, 60_000),
        };
        let (horizon, diffusion_steps) = match preset {
            Preset::Smoke => (horizon.min(32), 8),
            _ => (horizon, diffusion_steps),
        };
        let published = preset == Preset::Paper;
        let stride = if published || !horizon.is_multiple_of(16) { 1 } else { 4 };
        Self {
            seed: 0,
            data: RowSettings { rows: basis.rows, standardise_states: true },
            trajectory: TrajectorySettings { horizon, stride, states_only: !published },
            policy: NetSettings::preset(preset, diffusion_steps, cpu_steps, (32, [1, 4, 8])),
            act: ActSettings {
                follow: Follow::Published,
                goal: None,
                gains: [1.0, 1.0],
                replan_every: 32,
                time_step: TIME_STEP,
                sampler: SamplerSettings { kind: Sampler::Ddpm, steps: diffusion_steps, extra_steps: 0 },
                temperature: 1.0,
            },
        }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn data(&self) -> &RowSettings {
        &self.data
    }

    fn normaliser(&self, states: &[f32], width: usize) -> Normaliser {
        Normaliser::to_limits(states, width)
    }

    fn check_own(&self) -> Result<(), InvalidSetting> {
        check_data(&self.data)?;
        let TrajectorySettings { horizon, stride, states_only } = &self.trajectory;
        whole("trajectory.horizon", *horizon as u64, 2..=LONGEST)?;
        whole("trajectory.stride", *stride as u64, 1..=LONGEST)?;
        let whole_rows = horizon.is_multiple_of(*stride);
        require(whole_rows, "trajectory.horizon", horizon, format!("a multiple of the stride, {stride}"))?;
        let expected = "true: actions between rows are left out where the stride is above 1";
        require(*states_only || *stride == 1, "trajectory.states_only", states_only, expected)?;
        self.policy.check()?;
        self.policy.check_rows(self.trajectory.rows())?;
        let ActSettings { follow, goal, gains, replan_every, time_step, sampler, temperature } = &self.act;
        let has_actions = *follow != Follow::Actions || !states_only;
        let expected = "published, unparked or replan: the rows of this agent's trajectories hold no actions";
        require(has_actions, "act.follow", "actions", expected)?;
        let finite = goal.iter().flatten().all(|number| number.is_finite());
        require(finite, "act.goal", format!("{goal:?}"), "finite numbers")?;
        let finite = gains.iter().all(|gain| (*gain as f32).is_finite());
        require(finite, "act.gains", format!("{gains:?}"), "two numbers, finite in single precision")?;
        whole("act.replan_every", *replan_every as u64, 1..=LONGEST)?;
        positive("act.time_step", *time_step)?;
        sampler.check("act.sampler", self.policy.diffusion_steps)?;
        check_temperature(*temperature)
    }

    fn check_for(&self, task: &TaskSpec) -> Result<(), InvalidSetting> {
        self.goal(task)?;
        let (state, action) = (task.state_dim(), task.action_dim());
        let follows = self.act.follow != Follow::Actions;
        let expected = format!(
            "actions: a plan is followed by positions and velocities, one of each per number of an action, which the states \
             of {} ({state} numbers, {action} in an action) are not",
            task.id
        );
        require(!follows || state == 2 * action, "act.follow", "a follower", expected)
    }

    fn shapes(&self, task: &TaskSpec) -> BTreeMap<String, Vec<usize>> {
        parameter_shapes("policy", &self.network(task, &Device::flex())).into_iter().collect()
    }

    fn largest_step(&self) -> f64 {
        self.policy.outputs(self.trajectory.rows()) * self.policy.train.batch as f64
    }

    fn load(
        &self,
        task: &TaskSpec,
        mut tensors: BTreeMap<String, NamedTensor>,
        device: &Device,
    ) -> Result<UNet, LoadError> {
        load_parameters("policy", self.network(task, device), &mut tensors)
    }
}
