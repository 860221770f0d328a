//! `--set key=value`: single settings changed by their dotted names.

use std::str::FromStr;

use diar_core::method::MethodSettings;
use diar_core::settings::{CriticSettings, PlanSettings, Settings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

/// One `key=value` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Dotted name, such as `vae.train.steps`.
    pub key: String,
    /// The value as written.
    pub value: String,
}

/// An assignment that cannot be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AssignmentError {
    /// Not of the form `key=value`.
    #[error("'{0}' is no assignment: expected key=value, such as vae.train.steps=2000")]
    Form(String),
    /// No setting of that name.
    #[error("unknown setting '{key}': {place} has {known}")]
    Unknown {
        /// The name that was given.
        key: String,
        /// How far the name leads.
        place: String,
        /// The names that exist there.
        known: String,
    },
    /// The name of a group.
    #[error("'{key}' is a group of settings, not one: it has {known}")]
    Group {
        /// The name that was given.
        key: String,
        /// The names in the group.
        known: String,
    },
    /// A setting that training has fixed.
    #[error("setting '{key}' is fixed once an agent is trained: expected one that begins with '{group}'")]
    Trained {
        /// The setting.
        key: String,
        /// How those begin that can still be changed.
        group: &'static str,
    },
    /// A value of the wrong type.
    #[error("setting '{key}' cannot be '{value}': {reason} (it is {current} now)")]
    Value {
        /// The setting.
        key: String,
        /// The value that was given.
        value: String,
        /// What was expected.
        reason: String,
        /// The value before.
        current: String,
    },
}

impl FromStr for Assignment {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let (key, value) = text.split_once('=').ok_or_else(|| AssignmentError::Form(text.to_owned()))?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.is_empty() {
            return Err(AssignmentError::Form(text.to_owned()));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// The settings with assignments made, one after the other.
///
/// A value is read as JSON where it is JSON, as text otherwise; `none` clears an optional setting.
///
/// # Errors
/// The first assignment whose setting does not exist or cannot hold the value. What the settings mean together is
/// for [`Settings::check`].
pub fn assign<S: Serialize + DeserializeOwned>(
    settings: S,
    assignments: &[Assignment],
) -> Result<S, AssignmentError> {
    assignments.iter().try_fold(settings, |settings, assignment| assign_one(&settings, assignment))
}

/// The same of any method's settings, which stay that method's.
///
/// # Errors
/// As [`assign`].
pub fn assign_any(
    settings: MethodSettings,
    assignments: &[Assignment],
) -> Result<MethodSettings, AssignmentError> {
    Ok(match settings {
        MethodSettings::Latent(settings) => MethodSettings::Latent(Box::new(assign(*settings, assignments)?)),
        MethodSettings::Bc(settings) => MethodSettings::Bc(assign(settings, assignments)?),
        MethodSettings::Iql(settings) => MethodSettings::Iql(assign(settings, assignments)?),
        MethodSettings::Idql(settings) => MethodSettings::Idql(assign(settings, assignments)?),
        MethodSettings::Diffuser(settings) => MethodSettings::Diffuser(assign(settings, assignments)?),
        MethodSettings::Dd(settings) => MethodSettings::Dd(assign(settings, assignments)?),
        MethodSettings::Dt(settings) => MethodSettings::Dt(assign(settings, assignments)?),
    })
}

/// The settings of a method with those of acting changed; a trained agent's other settings are what they are.
///
/// # Errors
/// The first assignment whose setting does not exist, is not one of acting, or cannot hold the value.
pub fn assign_acting(
    settings: MethodSettings,
    assignments: &[Assignment],
) -> Result<MethodSettings, AssignmentError> {
    must_begin_with("act.", assignments)?;
    assign_any(settings, assignments)
}

/// The settings of deciding with assignments made; a trained agent's other settings are what they are.
///
/// # Errors
/// The first assignment whose setting does not exist, is not one of deciding, or cannot hold the value.
pub fn assign_plan(settings: &Settings, assignments: &[Assignment]) -> Result<PlanSettings, AssignmentError> {
    must_begin_with("plan.", assignments)?;
    assign(settings.clone(), assignments).map(|settings| settings.plan)
}

/// The settings of the critic with assignments made, for training it again.
///
/// # Errors
/// The first assignment whose setting does not exist, is not one of the critic, or cannot hold the value.
pub fn assign_critic(
    settings: Settings,
    assignments: &[Assignment],
) -> Result<CriticSettings, AssignmentError> {
    must_begin_with("critic.", assignments)?;
    assign(settings, assignments).map(|settings| settings.critic)
}

fn must_begin_with(group: &'static str, assignments: &[Assignment]) -> Result<(), AssignmentError> {
    match assignments.iter().find(|assignment| !assignment.key.starts_with(group)) {
        Some(other) => Err(AssignmentError::Trained { key: other.key.clone(), group }),
        None => Ok(()),
    }
}

fn assign_one<S: Serialize + DeserializeOwned>(
    settings: &S,
    assignment: &Assignment,
) -> Result<S, AssignmentError> {
    let Assignment { key, value } = assignment;
    let wrong = |reason: String, current: &Value| AssignmentError::Value {
        key: key.clone(),
        value: value.clone(),
        reason,
        current: current.to_string(),
    };
    let mut tree = serde_json::to_value(settings).map_err(|error| wrong(error.to_string(), &Value::Null))?;
    let place = find(&mut tree, key)?;
    let current = place.clone();
    *place = match value.as_str() {
        "none" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    serde_json::from_value(tree).map_err(|error| wrong(error.to_string(), &current))
}

/// The place of a setting in the tree of all settings.
fn find<'a>(tree: &'a mut Value, key: &str) -> Result<&'a mut Value, AssignmentError> {
    let mut place = tree;
    let mut path = Vec::new();
    for name in key.split('.') {
        let known = names(place);
        let here = || {
            if path.is_empty() { "the top level".to_owned() } else { format!("'{}'", path.join(".")) }
        };
        place = match place.get_mut(name) {
            Some(inner) => inner,
            None => return Err(AssignmentError::Unknown { key: key.to_owned(), place: here(), known }),
        };
        path.push(name);
    }
    // A value with a name inside it, such as a schedule's period, may be replaced as a whole.
    match place {
        Value::Object(inner) if inner.len() > 1 => {
            Err(AssignmentError::Group { key: key.to_owned(), known: names(place) })
        }
        place => Ok(place),
    }
}

fn names(place: &Value) -> String {
    match place {
        Value::Object(inner) => inner.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        _ => "no settings inside".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use diar_core::benchmark::MAZE2D;
    use diar_core::settings::{Preset, Sampler, Schedule};

    use super::*;

    fn set(assignments: &[&str]) -> Result<Settings, AssignmentError> {
        let assignments: Vec<Assignment> =
            assignments.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        assign(Settings::preset(Preset::Quick, &MAZE2D[0].basis()), &assignments)
    }

    #[test]
    fn every_kind_of_value_can_be_set() {
        let settings = set(&[
            "vae.hidden=16",
            "vae.train.rate=2e-3",
            "vae.train.clip=none",
            "diffusion.widths=[16, 8]",
            "critic.windows=500",
            "critic.sampler.kind=ddim",
            "plan.revalue=false",
            "critic.train.schedule={\"cyclic\": {\"half_period\": 30}}",
            "critic.train.schedule.cyclic.half_period=40",
            "plan.margin = 0.5",
        ])
        .unwrap();
        assert_eq!((settings.vae.hidden, settings.vae.train.rate), (16, 2e-3));
        assert_eq!((settings.vae.train.clip, settings.critic.windows), (None, Some(500)));
        assert_eq!(settings.diffusion.widths, [16, 8]);
        assert_eq!(settings.critic.sampler.kind, Sampler::Ddim);
        assert_eq!(settings.critic.train.schedule, Schedule::Cyclic { half_period: 40 });
        assert_eq!((settings.plan.revalue, settings.plan.margin), (false, 0.5));
        assert_eq!(set(&["critic.windows=none"]).unwrap().critic.windows, None);
    }

    #[test]
    fn a_schedule_can_be_replaced_as_a_whole() {
        let settings = set(&[
            "critic.train.schedule={\"cyclic\": {\"half_period\": 30}}",
            "critic.train.schedule=constant",
        ]);
        assert_eq!(settings.unwrap().critic.train.schedule, Schedule::Constant);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, parts) in [
            ("vae.train.step=3", ["'vae.train.step'", "'vae.train' has", "steps"]),
            ("wae.hidden=3", ["'wae.hidden'", "the top level has", "diffusion"]),
            ("seed.x=3", ["'seed.x'", "'seed' has", "no settings inside"]),
            ("vae.hidden=abc", ["'vae.hidden'", "'abc'", "usize"]),
            ("vae.hidden=1.5", ["'vae.hidden'", "'1.5'", "usize"]),
            ("vae.hidden=-1", ["'vae.hidden'", "'-1'", "usize"]),
            ("vae.hidden=none", ["'vae.hidden'", "'none'", "usize"]),
            ("plan.revalue=yes", ["'plan.revalue'", "'yes'", "boolean"]),
            ("critic.sampler.kind=euler", ["'critic.sampler.kind'", "euler", "ddpm"]),
            ("vae.train=5", ["'vae.train'", "group", "rate"]),
            (
                r#"vae.train.schedule={"step":{"every":5,"factor":0.5,"ever":6}}"#,
                ["'vae.train.schedule'", "`ever`", "`factor`"],
            ),
            ("vae.hidden", ["'vae.hidden'", "no assignment", "key=value"]),
            ("=5", ["'=5'", "no assignment", "key=value"]),
        ] {
            let error = set(&[text]).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{text}: '{part}' is missing in: {error}");
            }
        }
    }
}
