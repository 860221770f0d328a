//! Limits of every setting, in one place: training, deciding, bundles and links are all checked against these.

use core::ops::RangeInclusive;

use thiserror::Error;

use super::{
    CriticSettings, DataSettings, DiffusionSettings, PlanSettings, Sampler, SamplerSettings, Schedule,
    Settings, TrainSettings, VaeSettings,
};

/// Widest layer of a network.
pub const WIDEST: usize = 8192;
/// Most layers of a kind in a network.
pub const DEEPEST: usize = 32;
/// Most steps of a diffusion.
pub const MOST_DIFFUSION_STEPS: usize = 8192;
/// Most recorded steps to learn from: beyond any machine's memory.
pub const MOST_ROWS: u64 = 1 << 36;
/// Longest window H, in environment steps.
const LONGEST_WINDOW: u64 = 1 << 16;
/// Most updates in a stage: Adam counts them in 31 bits.
pub const MOST_STEPS: u64 = i32::MAX as u64;
/// Most windows in a batch.
pub const MOST_BATCH: usize = 1 << 20;
/// Most calls of the denoiser in a decision: latents times sampler steps. The paper's own way takes 252 500.
pub const MOST_CALLS: usize = 1 << 21;
/// Largest seed: `config.toml` holds signed integers.
pub(crate) const LARGEST_SEED: u64 = i64::MAX as u64;
/// Most latents that the critic draws per window.
const MOST_LATENTS: usize = 1 << 16;

/// A setting that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{key} is {found}, expected {expected}")]
pub struct InvalidSetting {
    /// Dotted name of the setting.
    pub key: String,
    /// Its value.
    pub found: String,
    /// Values that can be used.
    pub expected: String,
}

impl Settings {
    /// Checks every setting against its limits, alone and together with others.
    ///
    /// # Errors
    /// The first setting that cannot be used, and what would be right.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let Self { seed, data, vae, diffusion, critic, plan } = self;
        whole("seed", *seed, 0..=LARGEST_SEED)?;
        data.check()?;
        vae.check()?;
        diffusion.check()?;
        critic.check(diffusion.diffusion_steps)?;
        plan.check(diffusion.diffusion_steps)
    }
}

impl DataSettings {
    fn check(&self) -> Result<(), InvalidSetting> {
        let Self { horizon, rows, stride, standardise_states: _ } = self;
        whole("data.horizon", *horizon as u64, 1..=LONGEST_WINDOW)?;
        whole("data.rows", *rows as u64, 1..=MOST_ROWS)?;
        whole("data.stride", *stride as u64, 1..=MOST_ROWS)
    }
}

impl TrainSettings {
    /// Checks the training of a stage; `stage` is the name of its settings.
    pub(crate) fn check(&self, stage: &str) -> Result<(), InvalidSetting> {
        let Self { rate, schedule, batch, steps, clip } = self;
        let key = |name: &str| format!("{stage}.train.{name}");
        positive(key("rate"), *rate)?;
        schedule.check(&key("schedule"))?;
        whole(key("batch"), *batch as u64, 1..=MOST_BATCH as u64)?;
        // A stage of no steps leaves its networks as they were drawn: the benchmark skips stages so.
        whole(key("steps"), *steps as u64, 0..=MOST_STEPS)?;
        clip.map_or(Ok(()), |clip| positive(key("clip"), clip))
    }
}

impl Schedule {
    pub(crate) fn check(self, key: &str) -> Result<(), InvalidSetting> {
        match self {
            Self::Constant | Self::Cosine => Ok(()),
            Self::Cyclic { half_period } => {
                whole(format!("{key}.cyclic.half_period"), half_period as u64, 1..=MOST_STEPS)
            }
            Self::Step { every, factor } => {
                whole(format!("{key}.step.every"), every as u64, 1..=MOST_STEPS)?;
                let expected = "a number above 0 and up to 1";
                require(factor > 0.0 && factor <= 1.0, format!("{key}.step.factor"), factor, expected)
            }
            Self::WarmUp { steps } => whole(format!("{key}.warm_up.steps"), steps as u64, 1..=MOST_STEPS),
        }
    }
}

impl VaeSettings {
    fn check(&self) -> Result<(), InvalidSetting> {
        let Self {
            hidden,
            gru_layers,
            latent,
            beta,
            sigma_floor,
            action_likelihood: _,
            diffusion_prior: _,
            diffusion_prior_steps,
            train,
        } = self;
        whole("vae.hidden", *hidden as u64, 1..=WIDEST as u64)?;
        whole("vae.gru_layers", *gru_layers as u64, 1..=DEEPEST as u64)?;
        whole("vae.latent", *latent as u64, 1..=WIDEST as u64)?;
        let single = is_single(*beta) && *beta >= 0.0;
        require(single, "vae.beta", beta, "a number from 0, finite in single precision")?;
        positive("vae.sigma_floor", *sigma_floor)?;
        let most = MOST_DIFFUSION_STEPS as u64;
        whole("vae.diffusion_prior_steps", *diffusion_prior_steps as u64, 1..=most)?;
        train.check("vae")
    }
}

impl DiffusionSettings {
    fn check(&self) -> Result<(), InvalidSetting> {
        let Self {
            widths,
            embedding,
            diffusion_steps,
            min_snr,
            drop_probability,
            standardise_latents: _,
            train,
        } = self;
        require(
            (1..=DEEPEST).contains(&widths.len()) && widths.iter().all(|width| (1..=WIDEST).contains(width)),
            "diffusion.widths",
            format!("{widths:?}"),
            format!("1 to {DEEPEST} widths, each at least 1 and at most {WIDEST}"),
        )?;
        whole("diffusion.embedding", *embedding as u64, 1..=WIDEST as u64)?;
        whole("diffusion.diffusion_steps", *diffusion_steps as u64, 1..=MOST_DIFFUSION_STEPS as u64)?;
        positive("diffusion.min_snr", *min_snr)?;
        share("diffusion.drop_probability", *drop_probability)?;
        train.check("diffusion")
    }
}

impl CriticSettings {
    fn check(&self, diffusion_steps: usize) -> Result<(), InvalidSetting> {
        let Self {
            state_hidden,
            latent_hidden,
            last_hidden,
            expectile,
            discount,
            bootstrap_discount: _,
            window_return: _,
            terminal_mask: _,
            target: _,
            target_rate,
            replay_alpha,
            replay_beta,
            replay_beta_step,
            unit,
            windows,
            latents,
            keep_latents: _,
            sampler,
            train,
        } = self;
        for (key, width) in [
            ("critic.state_hidden", state_hidden),
            ("critic.latent_hidden", latent_hidden),
            ("critic.last_hidden", last_hidden),
        ] {
            whole(key, *width as u64, 1..=WIDEST as u64)?;
        }
        for (key, value) in [
            ("critic.expectile", expectile),
            ("critic.discount", discount),
            ("critic.target_rate", target_rate),
            ("critic.replay_alpha", replay_alpha),
            ("critic.replay_beta", replay_beta),
            ("critic.replay_beta_step", replay_beta_step),
        ] {
            share(key, *value)?;
        }
        whole("critic.unit", *unit as u64, 1..=MOST_STEPS)?;
        windows.map_or(Ok(()), |windows| whole("critic.windows", windows as u64, 1..=MOST_ROWS))?;
        whole("critic.latents", *latents as u64, 1..=MOST_LATENTS as u64)?;
        sampler.check("critic.sampler", diffusion_steps)?;
        sampler.check_calls("critic.latents", *latents)?;
        train.check("critic")
    }
}

impl SamplerSettings {
    /// Most further calls at diffusion step 1. The paper takes 5.
    pub const MAX_EXTRA_STEPS: usize = 1000;

    /// Checks the number of steps against the diffusion steps T that the denoiser was trained with; `group` is the name
    /// of the sampler's settings, such as `plan.sampler`.
    ///
    /// # Errors
    /// When there are none, more than T, or (DDPM) not exactly T, or too many extra steps.
    pub fn check(&self, group: &str, diffusion_steps: usize) -> Result<(), InvalidSetting> {
        let key = format!("{group}.steps");
        match self.kind {
            Sampler::Ddpm => require(
                self.steps == diffusion_steps && (1..=MOST_DIFFUSION_STEPS).contains(&self.steps),
                key,
                self.steps,
                format!(
                    "{} (ddpm takes every diffusion step; use ddim or sde for fewer)",
                    diffusion_steps.clamp(1, MOST_DIFFUSION_STEPS)
                ),
            ),
            Sampler::Ddim | Sampler::Sde => {
                let most = diffusion_steps.min(MOST_DIFFUSION_STEPS);
                require((1..=most).contains(&self.steps), key, self.steps, format!("1 to {most}"))
            }
        }?;
        let most = Self::MAX_EXTRA_STEPS;
        let key = format!("{group}.extra_steps");
        require(self.extra_steps <= most, key, self.extra_steps, format!("0 to {most}"))
    }

    /// Calls of the denoiser on the way from noise to a latent.
    #[must_use]
    pub fn calls(&self) -> usize {
        match self.kind {
            Sampler::Ddpm => self.steps.saturating_add(self.extra_steps),
            Sampler::Ddim | Sampler::Sde => self.steps,
        }
    }

    /// Checks the calls of the denoiser for so many latents, `key`, which are drawn together.
    fn check_calls(&self, key: &str, latents: usize) -> Result<(), InvalidSetting> {
        let calls = self.calls();
        require(
            latents.saturating_mul(calls) <= MOST_CALLS,
            key,
            latents,
            format!(
                "at most {} with {calls} sampler steps ({MOST_CALLS} calls of the denoiser)",
                MOST_CALLS / calls.max(1)
            ),
        )
    }
}

impl PlanSettings {
    /// Most candidates a decision may sample.
    pub const MAX_CANDIDATES: usize = 4096;
    /// Most plans that may be dropped in a row before their first step.
    pub const MAX_RETRIES: usize = 100;
    /// Longest plan that may be followed: as many steps as a link holds.
    pub const MAX_HORIZON: usize = u16::MAX as usize;

    /// Checks the settings against the diffusion steps T the denoiser was trained with.
    ///
    /// # Errors
    /// The first setting that cannot be used, and what would be right.
    pub fn check(&self, diffusion_steps: usize) -> Result<(), InvalidSetting> {
        let Self { candidates, sampler, exec_horizon, revalue: _, retry_cap, margin, mean_action: _ } = self;
        require(
            (1..=Self::MAX_CANDIDATES).contains(candidates),
            "plan.candidates",
            candidates,
            format!("1 to {}", Self::MAX_CANDIDATES),
        )?;
        whole("plan.exec_horizon", *exec_horizon as u64, 1..=Self::MAX_HORIZON as u64)?;
        require(
            *retry_cap <= Self::MAX_RETRIES,
            "plan.retry_cap",
            retry_cap,
            format!("0 to {}", Self::MAX_RETRIES),
        )?;
        require(margin.is_finite(), "plan.margin", margin, "a finite number")?;
        sampler.check("plan.sampler", diffusion_steps)?;
        sampler.check_calls("plan.candidates", *candidates)
    }
}

pub(crate) fn whole(
    key: impl Into<String>,
    found: u64,
    allowed: RangeInclusive<u64>,
) -> Result<(), InvalidSetting> {
    let expected = format!("at least {} and at most {}", allowed.start(), allowed.end());
    require(allowed.contains(&found), key, found, expected)
}

pub(crate) fn share(key: &str, found: f64) -> Result<(), InvalidSetting> {
    require((0.0..=1.0).contains(&found), key, found, "a number from 0 to 1")
}

/// Networks compute in single precision: a number beyond it is infinite there, or zero.
pub(crate) fn positive(key: impl Into<String>, found: f64) -> Result<(), InvalidSetting> {
    let holds = is_single(found) && found as f32 > 0.0;
    require(holds, key, found, "a positive number, finite in single precision")
}

fn is_single(x: f64) -> bool {
    (x as f32).is_finite()
}

pub(crate) fn require(
    holds: bool,
    key: impl Into<String>,
    found: impl ToString,
    expected: impl ToString,
) -> Result<(), InvalidSetting> {
    if holds {
        return Ok(());
    }
    Err(InvalidSetting { key: key.into(), found: found.to_string(), expected: expected.to_string() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::benchmark::MAZE2D;
    use crate::settings::Preset;

    fn tree() -> Value {
        serde_json::to_value(Settings::preset(Preset::Quick, &MAZE2D[0].basis())).unwrap()
    }

    fn pointer(key: &str) -> String {
        format!("/{}", key.replace('.', "/"))
    }

    /// Settings with one value changed, and what the check says.
    fn checked(changes: &[(&str, Value)]) -> Result<(), InvalidSetting> {
        let mut tree = tree();
        for (key, value) in changes {
            *tree.pointer_mut(&pointer(key)).unwrap() = value.clone();
        }
        serde_json::from_value::<Settings>(tree).unwrap().check()
    }

    /// The dotted names of all numbers among the settings.
    fn numbers(name: &str, tree: &Value, found: &mut BTreeSet<String>) {
        match tree {
            Value::Object(inner) => {
                for (key, value) in inner {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    numbers(&name, value, found);
                }
            }
            Value::Number(_) | Value::Array(_) => {
                found.insert(name.to_owned());
            }
            _ => {}
        }
    }

    const HUGE: u64 = u64::MAX;

    /// Puts a number into a setting.
    type Change = fn(&mut Settings, f64);

    /// Values that each setting must refuse.
    fn refused() -> Vec<(&'static str, Vec<Value>)> {
        let size = || vec![json!(0), json!(8193), json!(100_000_000_000_u64), json!(HUGE)];
        let count = || vec![json!(0), json!(HUGE)];
        let share = || vec![json!(-0.1), json!(1.5), json!(1e300), json!(-1e300)];
        let positive = || vec![json!(0.0), json!(-1.0), json!(1e300), json!(-1e300), json!(1e-300)];
        let batch = || vec![json!(0), json!((1 << 20) + 1), json!(HUGE)];
        let steps = || vec![json!(1_u64 << 31), json!(HUGE)];
        vec![
            ("seed", vec![json!(1_u64 << 63), json!(HUGE)]),
            ("data.horizon", vec![json!(0), json!(65_537)]),
            ("data.rows", count()),
            ("data.stride", count()),
            ("vae.hidden", size()),
            ("vae.gru_layers", vec![json!(0), json!(33), json!(HUGE)]),
            ("vae.latent", size()),
            ("vae.beta", vec![json!(-0.1), json!(1e300), json!(-1e300)]),
            ("vae.sigma_floor", positive()),
            ("vae.diffusion_prior_steps", size()),
            ("vae.train.rate", positive()),
            ("vae.train.batch", batch()),
            ("vae.train.steps", steps()),
            ("vae.train.clip", positive()),
            (
                "diffusion.widths",
                vec![json!([]), json!([64, 0]), json!([8193]), json!([HUGE]), json!(vec![8; 33])],
            ),
            ("diffusion.embedding", size()),
            ("diffusion.diffusion_steps", vec![json!(0), json!(10_000), json!(HUGE)]),
            ("diffusion.min_snr", positive()),
            ("diffusion.drop_probability", share()),
            ("diffusion.train.rate", positive()),
            ("diffusion.train.batch", batch()),
            ("diffusion.train.steps", steps()),
            ("diffusion.train.clip", positive()),
            ("critic.state_hidden", size()),
            ("critic.latent_hidden", size()),
            ("critic.last_hidden", size()),
            ("critic.expectile", share()),
            ("critic.discount", share()),
            ("critic.target_rate", share()),
            ("critic.replay_alpha", share()),
            ("critic.replay_beta", share()),
            ("critic.replay_beta_step", share()),
            ("critic.unit", count()),
            ("critic.windows", count()),
            ("critic.latents", vec![json!(0), json!(65_537), json!(HUGE)]),
            ("critic.sampler.steps", vec![json!(0), json!(501), json!(HUGE)]),
            ("critic.sampler.extra_steps", vec![json!(1001), json!(HUGE)]),
            ("critic.train.rate", positive()),
            ("critic.train.batch", batch()),
            ("critic.train.steps", steps()),
            ("critic.train.clip", positive()),
            ("plan.candidates", vec![json!(0), json!(4097), json!(HUGE)]),
            ("plan.sampler.steps", vec![json!(0), json!(501), json!(HUGE)]),
            ("plan.sampler.extra_steps", vec![json!(1001), json!(HUGE)]),
            ("plan.exec_horizon", vec![json!(0), json!(65_536), json!(HUGE)]),
            ("plan.retry_cap", vec![json!(101), json!(HUGE)]),
            ("plan.margin", vec![json!(1e300), json!(-1e300)]),
        ]
    }

    #[test]
    fn a_value_out_of_its_limits_is_refused_by_name() {
        for (key, values) in refused() {
            for value in values {
                let error = checked(&[(key, value.clone())]).unwrap_err();
                assert_eq!(error.key, key, "{value}");
                let text = error.to_string();
                assert!(text.starts_with(&format!("{key} is ")) && text.contains(", expected "), "{text}");
                if value.is_u64() {
                    assert_eq!(error.found, value.to_string(), "{text}");
                }
            }
        }
    }

    /// A setting that is added to the settings has to be added to the table above.
    #[test]
    fn every_number_has_its_limits_tried() {
        let mut all = BTreeSet::new();
        numbers("", &tree(), &mut all);
        let tried: BTreeSet<String> = refused().into_iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(tried, all);
    }

    #[test]
    fn schedules_are_checked_in_every_stage() {
        for stage in ["vae", "diffusion", "critic"] {
            let key = format!("{stage}.train.schedule");
            for (schedule, name, shown) in [
                (json!({"step": {"every": 0, "factor": 0.3}}), "step.every", "is 0"),
                (json!({"step": {"every": HUGE, "factor": 0.3}}), "step.every", "is 18446744073709551615"),
                (json!({"step": {"every": 10, "factor": 0.0}}), "step.factor", "is 0"),
                (json!({"step": {"every": 10, "factor": -0.5}}), "step.factor", "is -0.5"),
                (json!({"step": {"every": 10, "factor": 1.5}}), "step.factor", "is 1.5"),
                (json!({"warm_up": {"steps": 0}}), "warm_up.steps", "is 0"),
                (json!({"cyclic": {"half_period": 0}}), "cyclic.half_period", "is 0"),
                (json!({"cyclic": {"half_period": HUGE}}), "cyclic.half_period", "is 18446744073709551615"),
            ] {
                let error = checked(&[(&key, schedule)]).unwrap_err().to_string();
                assert!(error.starts_with(&format!("{key}.{name} {shown}, expected ")), "{error}");
            }
        }
    }

    /// JSON holds no NaN, but a caller of this library may.
    #[test]
    fn what_is_not_a_number_is_refused() {
        let changes: [(&str, Change); 15] = [
            ("vae.beta", |s, x| s.vae.beta = x),
            ("vae.sigma_floor", |s, x| s.vae.sigma_floor = x),
            ("vae.train.rate", |s, x| s.vae.train.rate = x),
            ("vae.train.clip", |s, x| s.vae.train.clip = Some(x)),
            ("diffusion.min_snr", |s, x| s.diffusion.min_snr = x),
            ("diffusion.drop_probability", |s, x| s.diffusion.drop_probability = x),
            ("diffusion.train.clip", |s, x| s.diffusion.train.clip = Some(x)),
            ("critic.expectile", |s, x| s.critic.expectile = x),
            ("critic.discount", |s, x| s.critic.discount = x),
            ("critic.target_rate", |s, x| s.critic.target_rate = x),
            ("critic.replay_alpha", |s, x| s.critic.replay_alpha = x),
            ("critic.replay_beta", |s, x| s.critic.replay_beta = x),
            ("critic.replay_beta_step", |s, x| s.critic.replay_beta_step = x),
            ("critic.train.schedule.step.factor", |s, x| {
                s.critic.train.schedule = Schedule::Step { every: 1, factor: x };
            }),
            ("plan.margin", |s, x| s.plan.margin = x as f32),
        ];
        for (key, change) in changes {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut settings = Settings::preset(Preset::Quick, &MAZE2D[0].basis());
                change(&mut settings, value);
                assert_eq!(settings.check().unwrap_err().key, key, "{value}");
            }
        }
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let ddpm = json!({"kind": "ddpm", "steps": 10, "extra_steps": 0});
        let error = checked(&[("plan.sampler", ddpm.clone())]).unwrap_err().to_string();
        assert!(error.contains("plan.sampler.steps is 10, expected 500"), "{error}");
        let error = checked(&[("critic.sampler", ddpm)]).unwrap_err().to_string();
        assert!(error.contains("critic.sampler.steps is 10, expected 500"), "{error}");

        let whole = json!({"kind": "ddpm", "steps": 500, "extra_steps": 1000});
        checked(&[("plan.sampler", whole.clone()), ("plan.candidates", json!(1398))]).unwrap();
        let error = checked(&[("plan.sampler", whole.clone()), ("plan.candidates", json!(1399))]);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("plan.candidates is 1399, expected at most 1398 with 1500 "), "{error}");
        let error = checked(&[("critic.sampler", whole), ("critic.latents", json!(1399))]);
        assert_eq!(error.unwrap_err().key, "critic.latents");
    }

    /// The ends of every range can be used.
    #[test]
    fn limits_themselves_are_allowed() {
        for (key, values) in [
            ("seed", [json!(0), json!(i64::MAX)]),
            ("data.rows", [json!(1), json!(1_u64 << 36)]),
            ("vae.hidden", [json!(1), json!(8192)]),
            ("vae.gru_layers", [json!(1), json!(32)]),
            ("vae.beta", [json!(0), json!(1)]),
            ("vae.train.steps", [json!(0), json!(i32::MAX)]),
            ("vae.train.clip", [json!(null), json!(1e30)]),
            ("diffusion.widths", [json!([1]), json!(vec![8192; 32])]),
            ("critic.expectile", [json!(0), json!(1)]),
            ("critic.windows", [json!(null), json!(1)]),
            ("plan.candidates", [json!(1), json!(4096)]),
            ("plan.sampler.extra_steps", [json!(0), json!(1000)]),
            ("plan.retry_cap", [json!(0), json!(100)]),
        ] {
            for value in values {
                assert_eq!(checked(&[(key, value.clone())]), Ok(()), "{key} = {value}");
            }
        }
    }
}
