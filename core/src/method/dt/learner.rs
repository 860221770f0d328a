//! Training of the Decision Transformer.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::network::Steps;
use super::sequences::Sequences;
use super::{BlockMasks, Masks, PolicySettings, Settings, Transformer};
use crate::data::Transitions;
use crate::kernel::parallel;
use crate::learn::{Checkpoint, LearnError, Metrics, Stage, read};
use crate::method::{Classroom, Course, Seen};
use crate::nn::train::{Trained, dropout_mask};
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::{Key, Stream};
use crate::settings::TrainSettings;
use crate::spec::TaskSpec;

/// The Decision Transformer under training.
pub struct Dt {
    key: Key,
    settings: Settings,
    sequences: Sequences,
    net: Trained<Transformer>,
}

/// Parts of sequences, padded at their ends.
pub(super) struct Batch {
    /// As the network sees them.
    pub steps: Steps,
    /// `[batch, K]`: 1 for a step, 0 for padding.
    pub there: Vec<f32>,
}

impl Dt {
    /// Parts of sequences that begin at rows drawn with equal probability: sequences in proportion to their lengths.
    fn draw(&self, room: &Classroom, stream: &mut Stream) -> Batch {
        let data = room.steps.transitions();
        let (context, batch) = (self.settings.sequence.context, self.settings.policy.train.batch);
        let scale = self.settings.sequence.return_scale;
        let times = self.settings.sequence.longest + context;
        let mut steps = Steps::none(batch * context, [data.state_dim, data.action_dim]);
        let mut there = vec![0.0; batch * context];
        for i in 0..batch {
            let row = stream.below(data.len());
            let (time, end) = self.sequences.place(row);
            for (k, row) in (row..end).take(context).enumerate() {
                let at = i * context + k;
                let [state, action] = steps.at(at);
                state.copy_from_slice(data.state(row));
                room.state_norm.apply(state);
                action.copy_from_slice(data.action(row));
                room.task.action.shrink(action);
                steps.returns[at] = (f64::from(self.sequences.to_go(row)) / scale) as f32;
                steps.times[at] = (time + k).min(times - 1) as i64;
                there[at] = 1.0;
            }
        }
        Batch { steps, there }
    }

    /// One step on a batch.
    pub(super) fn learn(
        &mut self,
        batch: Batch,
        room: &Classroom,
        masks: &Masks,
        position: usize,
    ) -> Tensor<1> {
        let TrainSettings { rate, schedule, steps, clip, .. } = self.settings.policy.train;
        let device = room.device.clone().autodiff();
        let length = self.settings.sequence.context;
        let count = batch.there.len() / length;
        let context = batch.steps.context(count, &device);
        let numbers = batch.there.iter().sum::<f32>() * room.task.action_dim() as f32;
        let weights = batch.there.iter().map(|there| there / numbers).collect();
        let weights: Tensor<3> = tensor(weights, [count, length, 1], &device);
        let wanted = context.actions.clone();
        let predicted = self.net.net().forward(context, masks);
        let loss = ((predicted - wanted).square() * weights).sum();
        self.net.update(&mut loss.backward(), schedule.rate(rate, position, steps), clip);
        loss
    }

    /// Masks of dropout for a batch, each from a key of its own.
    fn masks(&self, key: Key, device: &Device) -> Masks {
        let PolicySettings { hidden, blocks, heads, dropout, ref train, .. } = self.settings.policy;
        if dropout == 0.0 {
            return Masks::default();
        }
        let (batch, steps) = (train.batch, self.settings.sequence.context);
        let tokens = 3 * steps;
        let of = |block: usize| if block + 1 == blocks { steps } else { tokens };
        let mut sizes = vec![batch * tokens * hidden];
        for block in 0..blocks {
            sizes.extend([
                batch * heads * tokens * tokens,
                batch * of(block) * hidden,
                batch * of(block) * hidden,
            ]);
        }
        let jobs: Vec<(usize, usize)> = sizes.into_iter().enumerate().collect();
        let drawn =
            parallel::run(jobs, |(i, size)| dropout_mask(&mut key.fold(i as u64).stream(), dropout, size));
        let mut drawn = drawn.into_iter();
        let mut next = || drawn.next().unwrap_or_default();
        Masks {
            tokens: Some(tensor(next(), [batch, tokens, hidden], device)),
            blocks: (0..blocks)
                .map(|block| BlockMasks {
                    weights: tensor(next(), [batch, heads, tokens, tokens], device),
                    attended: tensor(next(), [batch, of(block), hidden], device),
                    fed: tensor(next(), [batch, of(block), hidden], device),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
impl Dt {
    /// The network filled with parameters.
    pub(super) fn with_weights(
        mut self,
        mut tensors: std::collections::BTreeMap<String, NamedTensor>,
    ) -> Self {
        let net = crate::nn::load_parameters("policy", self.net.net().clone(), &mut tensors).unwrap();
        self.net = Trained::with_decay(net, self.settings.policy.decay);
        self
    }

    /// The network as it stands.
    pub(super) fn net(&self) -> Transformer {
        self.net.net().valid()
    }
}

impl Course for Dt {
    type Recipe = Settings;

    const STAGES: &'static [Stage] = &[Stage::Policy];

    fn new(settings: &Settings, room: &Classroom) -> Result<Self, LearnError> {
        let net = settings.network(&room.task, &room.device.clone().autodiff());
        Ok(Self {
            key: Key::new(settings.seed).named("dt"),
            sequences: Sequences::new(room.steps.transitions(), &settings.sequence, room.task.max_steps),
            settings: settings.clone(),
            net: Trained::with_decay(net, settings.policy.decay),
        })
    }

    fn seen(settings: &Settings, task: &TaskSpec, data: &Transitions) -> Option<Seen> {
        Some(Sequences::new(data, &settings.sequence, task.max_steps).seen)
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
        let key = self.key.named("steps").fold(position as u64);
        let batch = self.draw(room, &mut key.named("rows").stream());
        let masks = self.masks(key.named("dropout"), &room.device.clone().autodiff());
        let loss = self.learn(batch, room, &masks, position);
        if want_metrics { read(stage, position + 1, [("loss", loss)]) } else { Ok(Metrics::new()) }
    }

    fn save(&self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_trained("policy", &self.net)
    }

    fn load(&mut self, _: Stage, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.take_trained("policy", &mut self.net)
    }

    fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters("policy", &self.net.net().valid())?)
    }
}
