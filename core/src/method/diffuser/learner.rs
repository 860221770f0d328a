//! Training of Diffuser.

use burn::tensor::Tensor;

use super::Settings;
use crate::data::{Transitions, Windows};
use crate::diffusion::CosineSchedule;
use crate::diffusion::inpaint::Known;
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::trajectory::{Noised, draw, gather, given};
use crate::method::{Classroom, Course};
use crate::nn::temporal::UNet;
use crate::nn::train::Averaged;
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::TrainSettings;
use crate::spec::RewardKind;

/// Diffuser under training.
pub struct Diffuser {
    key: Key,
    settings: Settings,
    windows: Windows,
    schedule: CosineSchedule,
    net: Averaged<UNet>,
}

/// True where a trajectory must not go on behind a row: at the goal, where the next row is not there any more.
pub(super) fn leaves_goal(reward: RewardKind, data: &Transitions, row: usize) -> bool {
    let at_goal = |row: usize| data.rewards.get(row).is_some_and(|&found| reward.reaches(found));
    at_goal(row) && !at_goal(row + 1)
}

impl Course for Diffuser {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Policy];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        let (data, reward) = (room.steps.shared(), room.task.reward);
        let cuts = |data: &Transitions, row: usize| leaves_goal(reward, data, row);
        let net = settings.network(&room.task, &room.device.clone().autodiff());
        Ok(Self {
            key: Key::new(settings.seed).named("diffuser"),
            windows: Windows::cut(data, settings.trajectory.span(), 1, cuts)?,
            schedule: CosineSchedule::new(settings.policy.diffusion_steps),
            net: Averaged::new(net),
            settings: settings.clone(),
        })
    }

    fn total(settings: &Settings, _: Stage) -> usize {
        settings.policy.train.steps
    }

    fn step(
        &mut self,
        room: &Classroom,
        (stage, position): (Stage, usize),
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let TrainSettings { rate, schedule, batch, steps, clip } = self.settings.policy.train;
        let trajectory = &self.settings.trajectory;
        let (rows, channels) = (trajectory.rows(), trajectory.channels(&room.task));
        let key = self.key.named("steps").fold(position as u64);
        let starts = draw(&self.windows, batch, &mut key.named("windows").stream());
        let clean = gather(room, &starts, [rows, trajectory.stride], !trajectory.states_only);
        let device = room.device.clone().autodiff();
        let shape = [batch, rows, channels];
        let Noised { steps: at, x, .. } = Noised::draw(key, &self.schedule, &clean, shape, &device);
        let known = Known::new(clean.clone(), &given(rows, channels, room.task.state_dim()), shape, &device);
        let guess = known.hold(self.net.trained.net().forward(known.hold(x), at, None));
        let clean: Tensor<3> = tensor(clean, shape, &device);
        let loss = (guess - clean).square().mean();
        self.net.trained.update(&mut loss.backward(), schedule.rate(rate, position, steps), clip);
        if let Some(rate) = self.settings.policy.average_by(position) {
            self.net.follow(rate);
        }
        if want_metrics { read(stage, position + 1, [("loss", loss)]) } else { Ok(Metrics::new()) }
    }

    fn save(&self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_averaged("policy", &self.net)
    }

    fn load(&mut self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.take_averaged("policy", &mut self.net)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters("policy", &self.net.average)?)
    }
}
