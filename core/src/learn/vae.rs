//! Stage 1: the β-VAE (Alg. 3).

use burn::module::Module;
use burn::tensor::Tensor;

use super::{Checkpoint, Context, LearnError, Metrics, Stage, read};
use crate::diffusion::{Noise, NoiseSchedule};
use crate::nn::train::Trained;
use crate::nn::{NamedTensor, named_parameters, tensor};
use crate::rng::Key;
use crate::settings::DiffusionPrior;
use crate::vae::{TransformerPrior, TransformerPriorConfig, Vae, vae_loss};

pub(super) struct VaeStage {
    key: Key,
    position: usize,
    vae: Trained<Vae>,
    prior: Option<Trained<TransformerPrior>>,
}

impl VaeStage {
    pub(crate) fn new(key: Key, context: &Context) -> Self {
        let device = context.device.clone().autodiff();
        let settings = &context.settings.vae;
        let prior = (settings.diffusion_prior != DiffusionPrior::Off).then(|| {
            let config = TransformerPriorConfig::default();
            let key = key.named("diffusion prior");
            Trained::new(TransformerPrior::new(
                key,
                config,
                context.task.state_dim(),
                settings.latent,
                &device,
            ))
        });
        let vae = Trained::new(Vae::new(key.named("networks"), settings, &context.task, &device));
        Self { key, position: 0, vae, prior }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// The VAE for use, without gradients.
    pub(crate) fn vae(&self) -> Vae {
        self.vae.net().valid()
    }

    pub(crate) fn step(&mut self, context: &Context, want_metrics: bool) -> Result<Metrics, LearnError> {
        let settings = &context.settings.vae;
        let train = &settings.train;
        let (task, horizon) = (&context.task, context.settings.data.horizon);
        let device = context.device.clone().autodiff();
        let key = self.key.named("steps").fold(self.position as u64);

        let mut stream = key.named("windows").stream();
        let chosen = (0..train.batch).map(|_| stream.below(context.windows.len()));
        let batch = context.windows.gather(chosen, &context.state_norm, &task.action);
        let states: Tensor<3> = tensor(batch.states, [train.batch, horizon, task.state_dim()], &device);
        let actions = tensor(batch.actions, [train.batch, horizon, task.action_dim()], &device);
        let noise = key.named("latents").normals(train.batch * settings.latent);
        let noise = tensor(noise, [train.batch, settings.latent], &device);

        let first = states.clone().narrow(1, 0, 1).squeeze_dim::<2>(1);
        let loss = vae_loss(self.vae.net(), states, actions, noise, settings);
        let mut total = loss.total;
        if let Some(prior) = &self.prior {
            let schedule = NoiseSchedule::new(settings.diffusion_prior_steps);
            let noise = Noise::draw(
                key.named("diffusion prior"),
                &schedule,
                context.settings.diffusion.min_snr,
                train.batch,
                settings.latent,
                &device,
            );
            let latents = match settings.diffusion_prior {
                DiffusionPrior::Attached => loss.latents,
                DiffusionPrior::Off | DiffusionPrior::Detached => loss.latents.detach(),
            };
            total = total + prior.net().loss(latents, first, &noise, schedule.steps());
        }
        let mut gradients = total.backward();
        let rate = train.schedule.rate(train.rate, self.position, train.steps);
        self.vae.update(&mut gradients, rate, train.clip);
        if let Some(prior) = &mut self.prior {
            prior.update(&mut gradients, rate, train.clip);
        }
        self.position += 1;
        if !want_metrics {
            return Ok(Metrics::new());
        }
        read(
            Stage::Vae,
            self.position,
            [("loss", total), ("action", loss.action), ("kl", loss.divergence), ("state", loss.state)],
        )
    }

    pub(crate) fn save(&self, checkpoint: &mut Checkpoint) -> Result<(), LearnError> {
        checkpoint.put_trained("vae", &self.vae)?;
        self.prior.as_ref().map_or(Ok(()), |prior| checkpoint.put_trained("prior", prior))
    }

    pub(crate) fn load(&mut self, checkpoint: &mut Checkpoint, position: usize) -> Result<(), LearnError> {
        checkpoint.take_trained("vae", &mut self.vae)?;
        if let Some(prior) = &mut self.prior {
            checkpoint.take_trained("prior", prior)?;
        }
        self.position = position;
        Ok(())
    }

    pub(crate) fn parameters(&self) -> Result<Vec<NamedTensor>, LearnError> {
        Ok(named_parameters("vae", &self.vae())?)
    }
}
