//! Stage 2: the latent diffusion model (Alg. 4).

use burn::module::Module;

use super::encode::EncodeStage;
use super::{Checkpoint, Context, LearnError, Metrics, Stage, read};
use crate::diffusion::{Denoiser, Noise, NoiseSchedule, denoising_loss};
use crate::nn::train::Trained;
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::Key;

pub(super) struct DiffusionStage {
    key: Key,
    position: usize,
    schedule: NoiseSchedule,
    denoiser: Trained<Denoiser>,
}

impl DiffusionStage {
    pub(crate) fn new(key: Key, context: &Context) -> Self {
        let settings = &context.settings.diffusion;
        let denoiser = Denoiser::new(
            key.named("networks"),
            &settings.widths,
            settings.embedding,
            context.task.state_dim(),
            context.settings.vae.latent,
            &context.device.clone().autodiff(),
        );
        Self {
            key,
            position: 0,
            schedule: NoiseSchedule::new(settings.diffusion_steps),
            denoiser: Trained::new(denoiser),
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    /// The denoiser for use, without gradients.
    pub(crate) fn denoiser(&self) -> Denoiser {
        self.denoiser.net().valid()
    }

    pub(crate) fn step(
        &mut self,
        context: &Context,
        encode: &EncodeStage,
        want_metrics: bool,
    ) -> Result<Metrics, LearnError> {
        let settings = &context.settings.diffusion;
        let train = &settings.train;
        let (batch, state, latent) = (train.batch, context.task.state_dim(), context.settings.vae.latent);
        let device = context.device.clone().autodiff();
        let key = self.key.named("steps").fold(self.position as u64);

        let mut stream = key.named("windows").stream();
        let (mut states, mut latents) = (Vec::new(), Vec::new());
        for _ in 0..batch {
            let window = stream.below(context.windows.len());
            states.extend_from_slice(context.windows.first(window));
            latents.extend_from_slice(encode.latent(window));
        }
        context.state_norm.apply(&mut states);
        let shown = (settings.drop_probability > 0.0).then(|| {
            let mut stream = key.named("shown").stream();
            let shown =
                (0..batch).map(|_| f32::from(u8::from(stream.uniform() >= settings.drop_probability)));
            tensor(shown.collect(), [batch, 1], &device)
        });
        let noise = Noise::draw(key, &self.schedule, settings.min_snr, batch, latent, &device);
        let loss = denoising_loss(
            self.denoiser.net(),
            tensor(latents, [batch, latent], &device),
            tensor(states, [batch, state], &device),
            shown,
            &noise,
        );
        let mut gradients = loss.backward();
        let rate = train.schedule.rate(train.rate, self.position, train.steps);
        self.denoiser.update(&mut gradients, rate, train.clip);
        self.position += 1;
        if !want_metrics {
            return Ok(Metrics::new());
        }
        read(Stage::Diffusion, self.position, [("loss", loss)])
    }

    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_trained("denoiser", &self.denoiser)
    }

    pub(crate) fn load(&mut self, checkpoint: &mut Checkpoint, position: usize) -> Result<(), LearnError> {
        checkpoint.take_trained("denoiser", &mut self.denoiser)?;
        self.position = position;
        Ok(())
    }

    pub(crate) fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters("denoiser", &self.denoiser())?)
    }
}
