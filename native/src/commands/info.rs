//! `diar info`: what is in a bundle.

use std::fmt;

use diar_core::bundle::Scores;
use diar_core::method::{AgentBundle, MethodSettings, Tested};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::output;
use crate::cli::InfoArgs;
use crate::evaluation::AgentFile;
use crate::failure::Failure;
use crate::score::Method;

/// Prints what a bundle says about itself.
pub(crate) fn info(args: &InfoArgs) -> Result<(), Failure> {
    let file = AgentFile::read(&args.bundle)?;
    output::result(&Described(&file.bundle), args.json)
}

/// A bundle as it is printed.
struct Described<'a>(&'a AgentBundle);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = match self.0 {
            AgentBundle::Latent(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Bc(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Iql(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Idql(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Diffuser(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Dd(bundle) => serde_json::to_value(bundle.info()),
            AgentBundle::Dt(bundle) => serde_json::to_value(bundle.info()),
        };
        let mut tree = json!({ "sha256": self.0.hash(), "parameters": self.0.parameters() });
        if let (Some(tree), Value::Object(info)) = (tree.as_object_mut(), info.map_err(S::Error::custom)?) {
            tree.extend(info);
        }
        tree.serialize(serializer)
    }
}

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bundle = self.0;
        let (task, provenance) = (bundle.task(), bundle.provenance());
        let commit = match provenance.commit.as_str() {
            "" => String::new(),
            commit => format!(" ({commit})"),
        };
        writeln!(f, "task        {}", task.id)?;
        writeln!(f, "method      {}", bundle.method().name())?;
        writeln!(f, "sha256      {}", bundle.hash())?;
        writeln!(
            f,
            "trained     {:.0} s on {}, seed {}, diar {}{}, burn {}",
            provenance.training_seconds,
            provenance.device,
            provenance.seed,
            provenance.diar_version,
            commit,
            provenance.burn_version
        )?;
        writeln!(f, "data        {} rows, sha256 {}", provenance.data_rows, provenance.data_hash)?;
        write!(f, "networks    {} parameters", bundle.parameters())?;
        match bundle.settings() {
            MethodSettings::Latent(settings) => {
                let plan = settings.plan;
                write!(
                    f,
                    ": VAE {} wide, latent {}, denoiser {:?}, Q and V {} wide\ndecisions   {} candidates, {:?} in {} steps, \
                     followed for {} steps",
                    settings.vae.hidden,
                    settings.vae.latent,
                    settings.diffusion.widths,
                    settings.critic.state_hidden,
                    plan.candidates,
                    plan.sampler.kind,
                    plan.sampler.steps,
                    plan.exec_horizon
                )?;
            }
            MethodSettings::Bc(settings) => write!(f, ": {} wide", settings.policy.hidden)?,
            MethodSettings::Idql(settings) => {
                let (policy, candidates) = (&settings.policy, settings.act.candidates);
                write!(
                    f,
                    ": Q and V {:?} wide, diffusion of actions {} wide in {} blocks and {} steps\ndecisions   {candidates} candidates",
                    settings.critic.hidden, policy.hidden, policy.blocks, policy.diffusion_steps
                )?;
            }
            MethodSettings::Diffuser(settings) => {
                let (trajectory, policy, act) = (&settings.trajectory, &settings.policy, &settings.act);
                write!(
                    f,
                    ": U-Net {} wide times {:?}, {} rows over {} steps\ndecisions   {:?} in {} steps, {}",
                    policy.dim,
                    policy.multipliers,
                    trajectory.rows(),
                    trajectory.horizon,
                    act.sampler.kind,
                    act.sampler.steps,
                    Method::of(&bundle.settings()).title()
                )?;
            }
            MethodSettings::Dd(settings) => {
                let (policy, act) = (&settings.policy, &settings.act);
                write!(
                    f,
                    ": U-Net {} wide times {:?}, {} rows, inverse dynamics {:?} wide\ndecisions   {:?} in {} steps every {}, \
                     return {} with guidance {}",
                    policy.dim,
                    policy.multipliers,
                    settings.trajectory.horizon,
                    settings.inverse.hidden,
                    act.sampler.kind,
                    act.sampler.steps,
                    act.replan_every,
                    act.target,
                    act.guidance
                )?;
            }
            MethodSettings::Dt(settings) => {
                let (policy, context) = (&settings.policy, settings.sequence.context);
                write!(
                    f,
                    ": transformer {} wide in {} blocks over {context} steps\ndecisions   for a return of ",
                    policy.hidden, policy.blocks
                )?;
                match (settings.act.target_return, bundle.seen()) {
                    (Some(target), Some(seen)) => {
                        write!(f, "{target}, of {} to {} in training", seen.lowest, seen.highest)?;
                    }
                    (None, Some(seen)) => write!(f, "{}, the largest of a sequence in training", seen.best)?,
                    (_, None) => write!(f, "no known size")?,
                }
            }
            MethodSettings::Iql(settings) => {
                write!(
                    f,
                    ": Q and V {:?} wide, policy {:?}",
                    settings.critic.hidden, settings.policy.hidden
                )?;
            }
        }
        for (name, loss) in &provenance.losses {
            write!(f, "\nloss        {name} {loss:.5}")?;
        }
        let (ways, seed) = match bundle {
            AgentBundle::Latent(bundle) => match &bundle.info().scores {
                Some(Scores { seed, on, off }) => {
                    (vec![("revaluation on: ", on), ("revaluation off: ", off)], *seed)
                }
                None => (Vec::new(), 0),
            },
            other => match other.scores() {
                Some(Tested { seed, results }) => (vec![("", results)], *seed),
                None => (Vec::new(), 0),
            },
        };
        if ways.is_empty() {
            return write!(f, "\nscores      none; `diar export --episodes` adds them");
        }
        for (way, evaluation) in ways {
            let found = evaluation.scores(task).into_iter();
            let found = found.map(|(kind, score)| {
                format!("{} {:.1} ± {:.1}", kind.name().replace('_', " "), score.mean, score.ci95)
            });
            let found = found.collect::<Vec<_>>().join(", ");
            write!(f, "\nscores      {way}{found} ({} episodes, seed {seed})", evaluation.episodes)?;
        }
        Ok(())
    }
}
