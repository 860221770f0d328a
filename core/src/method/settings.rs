//! Settings of any method.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::recipe::Recipe;
use super::{bc, dd, diffuser, dt, idql, iql};
use crate::agent::{ActingSettings, OwnSettings};
use crate::bundle::{BundleError, Method};
use crate::settings::{Basis, InvalidSetting, Preset, Settings, Target};
use crate::spec::TaskSpec;

/// Name of the group of settings of acting.
const ACT: &str = "act";

/// Settings of one of the methods. Read without a method's name, they are those of the first whose names they have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MethodSettings {
    /// DIAR's and LDCQ's.
    Latent(Box<Settings>),
    /// Behaviour cloning's.
    Bc(bc::Settings),
    /// IQL's.
    Iql(iql::Settings),
    /// IDQL's.
    Idql(idql::Settings),
    /// Diffuser's.
    Diffuser(diffuser::Settings),
    /// Decision Diffuser's.
    Dd(dd::Settings),
    /// The Decision Transformer's.
    Dt(dt::Settings),
}

impl MethodSettings {
    /// Settings of a size for a task.
    #[must_use]
    pub fn preset(method: Method, preset: Preset, basis: &Basis) -> Self {
        match method {
            Method::Diar | Method::Ldcq => {
                let mut settings = Settings::preset(preset, basis);
                if method == Method::Ldcq {
                    settings.critic.target = Target::Ldcq;
                    settings.plan.revalue = false;
                }
                Self::Latent(Box::new(settings))
            }
            Method::Bc => Self::Bc(Recipe::preset(preset, basis)),
            Method::Iql => Self::Iql(Recipe::preset(preset, basis)),
            Method::Idql => Self::Idql(Recipe::preset(preset, basis)),
            Method::Diffuser => Self::Diffuser(Recipe::preset(preset, basis)),
            Method::Dd => Self::Dd(Recipe::preset(preset, basis)),
            Method::Dt => Self::Dt(Recipe::preset(preset, basis)),
        }
    }

    /// Settings of a method from a tree of them.
    ///
    /// # Errors
    /// When one is missing, unknown, or of another type.
    pub fn of(method: Method, tree: Value) -> Result<Self, serde_json::Error> {
        Ok(match method {
            Method::Diar | Method::Ldcq => Self::Latent(serde_json::from_value(tree)?),
            Method::Bc => Self::Bc(serde_json::from_value(tree)?),
            Method::Iql => Self::Iql(serde_json::from_value(tree)?),
            Method::Idql => Self::Idql(serde_json::from_value(tree)?),
            Method::Diffuser => Self::Diffuser(serde_json::from_value(tree)?),
            Method::Dd => Self::Dd(serde_json::from_value(tree)?),
            Method::Dt => Self::Dt(serde_json::from_value(tree)?),
        })
    }

    /// The method that they belong to.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Latent(settings) => Method::of(settings),
            Self::Bc(_) => Method::Bc,
            Self::Iql(_) => Method::Iql,
            Self::Idql(_) => Method::Idql,
            Self::Diffuser(_) => Method::Diffuser,
            Self::Dd(_) => Method::Dd,
            Self::Dt(_) => Method::Dt,
        }
    }

    /// Checks every setting against its limits.
    ///
    /// # Errors
    /// The first setting that cannot be used, and what would be right.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        match self {
            Self::Latent(settings) => settings.check(),
            Self::Bc(settings) => settings.check(),
            Self::Iql(settings) => settings.check(),
            Self::Idql(settings) => settings.check(),
            Self::Diffuser(settings) => settings.check(),
            Self::Dd(settings) => settings.check(),
            Self::Dt(settings) => settings.check(),
        }
    }

    /// Checks what they need of a task.
    ///
    /// # Errors
    /// The first setting that the task does not allow.
    pub fn check_for(&self, task: &TaskSpec) -> Result<(), InvalidSetting> {
        match self {
            Self::Diffuser(settings) => settings.check_for(task),
            Self::Latent(_) | Self::Bc(_) | Self::Iql(_) | Self::Idql(_) | Self::Dd(_) | Self::Dt(_) => {
                Ok(())
            }
        }
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        match self {
            Self::Latent(settings) => settings.seed,
            Self::Bc(settings) => settings.seed,
            Self::Iql(settings) => settings.seed,
            Self::Idql(settings) => settings.seed,
            Self::Diffuser(settings) => settings.seed,
            Self::Dd(settings) => settings.seed,
            Self::Dt(settings) => settings.seed,
        }
    }

    /// Seed of everything random, to be changed.
    pub fn seed_mut(&mut self) -> &mut u64 {
        match self {
            Self::Latent(settings) => &mut settings.seed,
            Self::Bc(settings) => &mut settings.seed,
            Self::Iql(settings) => &mut settings.seed,
            Self::Idql(settings) => &mut settings.seed,
            Self::Diffuser(settings) => &mut settings.seed,
            Self::Dd(settings) => &mut settings.seed,
            Self::Dt(settings) => &mut settings.seed,
        }
    }

    /// Rows to generate, where no data set is given.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Latent(settings) => settings.data.rows,
            Self::Bc(settings) => settings.data.rows,
            Self::Iql(settings) => settings.data.rows,
            Self::Idql(settings) => settings.data.rows,
            Self::Diffuser(settings) => settings.data.rows,
            Self::Dd(settings) => settings.data.rows,
            Self::Dt(settings) => settings.data.rows,
        }
    }

    /// Numbers in all parameters together, as a float.
    #[must_use]
    pub fn parameters(&self, task: &TaskSpec) -> f64 {
        match self {
            Self::Latent(settings) => crate::networks::AgentNetworks::parameters(settings, task),
            Self::Bc(settings) => settings.parameters(task),
            Self::Iql(settings) => settings.parameters(task),
            Self::Idql(settings) => settings.parameters(task),
            Self::Diffuser(settings) => settings.parameters(task),
            Self::Dd(settings) => settings.parameters(task),
            Self::Dt(settings) => settings.parameters(task),
        }
    }

    /// Outputs of layers that the largest step of training holds, in numbers; of methods that learn from single steps.
    #[must_use]
    pub fn largest_step(&self) -> f64 {
        match self {
            Self::Latent(_) => 0.0,
            Self::Bc(settings) => settings.largest_step(),
            Self::Iql(settings) => settings.largest_step(),
            Self::Idql(settings) => settings.largest_step(),
            Self::Diffuser(settings) => settings.largest_step(),
            Self::Dd(settings) => settings.largest_step(),
            Self::Dt(settings) => settings.largest_step(),
        }
    }

    /// Those of acting.
    #[must_use]
    pub fn acting(&self) -> ActingSettings {
        match self {
            Self::Latent(settings) => settings.plan.into(),
            own => {
                // Settings are made of what JSON has.
                let mut tree = serde_json::to_value(own).unwrap_or_default();
                OwnSettings { method: own.method(), act: tree[ACT].take() }.into()
            }
        }
    }

    /// The same settings with others of acting.
    ///
    /// # Errors
    /// When those are another method's, one is missing, unknown or of another type, or breaks a limit.
    pub fn acting_by(self, acting: &ActingSettings) -> Result<Self, BundleError> {
        let settings = match (self, acting) {
            (Self::Latent(mut settings), ActingSettings::Plan(plan)) => {
                plan.check(settings.diffusion.diffusion_steps)?;
                settings.plan = *plan;
                return Ok(Self::Latent(settings));
            }
            (own, ActingSettings::Own(OwnSettings { method, act })) if own.method() == *method => {
                let mut tree = serde_json::to_value(&own)?;
                if !act.is_null() {
                    tree[ACT] = act.clone();
                }
                Self::of(*method, tree)?
            }
            (own, acting) => {
                let expected = match acting {
                    ActingSettings::Plan(_) => "diar or ldcq",
                    ActingSettings::Own(own) => own.method.name(),
                };
                let (found, expected) = (own.method().name().to_owned(), expected.to_owned());
                return Err(BundleError::Method { found, expected });
            }
        };
        settings.check()?;
        Ok(settings)
    }

    /// DIAR's or LDCQ's settings, where they are.
    #[must_use]
    pub fn latent(&self) -> Option<&Settings> {
        match self {
            Self::Latent(settings) => Some(settings),
            _ => None,
        }
    }
}
