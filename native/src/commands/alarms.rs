//! `diar alarms`: how often Adaptive Revaluation is right, from plans that were followed to their end all the same.

use std::fmt;

use diar_core::agent::{Decision, Outcome, Trace};
use diar_core::method::Agent;
use diar_core::settings::PlanSettings;
use serde::Serialize;

use super::output;
use super::play::trace_in_turn;
use crate::cli::AlarmsArgs;
use crate::evaluation::{self, BundleFile};
use crate::failure::Failure;

/// Margins tried, in deviations of the error of `V(predicted end)`.
const MARGINS: [f64; 4] = [0.0, 0.5, 1.0, 2.0];

/// Plays episodes without revaluation and asks at every step what revaluation would have done.
pub(crate) fn alarms(args: &AlarmsArgs) -> Result<(), Failure> {
    let file = BundleFile::read(&args.bundle)?;
    let plan = evaluation::plan(&file.bundle.info().settings, &args.plan, false)?;
    let agent = Agent::Latent(file.agent(&args.device.device.open()?)?, plan);
    evaluation::require_recording(&agent)?;
    let mut plans = Vec::new();
    for index in 0..args.episodes {
        let trace = pollster::block_on(trace_in_turn(&agent, plan.into(), (args.seed, index), true))?;
        plans.extend(followed(&trace));
    }
    output::result(&Report::of(agent.task().id.clone(), args.episodes, args.seed, plan, &plans), args.json)
}

/// A plan that was followed for its whole length, short of the goal.
struct Followed {
    /// `V(s_now)` before each of its steps.
    now: Vec<f64>,
    /// `V` of the predicted end.
    predicted: f64,
    /// `V` of the state in which it did end.
    reached: f64,
    /// Predicted less true end: position, m, and velocity, m/s.
    miss: [f64; 2],
}

fn followed(trace: &Trace) -> Vec<Followed> {
    let pairs = trace.decisions.iter().zip(trace.decisions.iter().skip(1));
    pairs.filter(|(plan, _)| plan.outcome == Some(Outcome::Completed)).filter_map(pair).collect()
}

/// What the next plan saw when it was made is what this one led to.
fn pair((plan, next): (&Decision, &Decision)) -> Option<Followed> {
    let (predicted, reached) = (plan.v_end?, *next.v_now.first()?);
    let (end, chosen) = (&next.state, plan.ends.get(plan.chosen?)?);
    let between =
        |from: usize| (from..from + 2).map(|i| (f64::from(chosen[i]) - end[i]).powi(2)).sum::<f64>().sqrt();
    Some(Followed {
        now: plan.v_now.iter().copied().map(f64::from).collect(),
        predicted: predicted.into(),
        reached: reached.into(),
        miss: [between(0), between(2)],
    })
}

/// What revaluation would have done with some margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Alarms {
    /// Added to the predicted end's value.
    margin: f64,
    /// Share of the plans that would have been dropped before their end.
    dropped: f64,
    /// Share of those that did end where V is at least what it was when they would have been dropped.
    mistaken: f64,
    /// Share of the plans kept to their end that ended where V is less than where they began.
    missed: f64,
}

impl Alarms {
    fn of(plans: &[Followed], margin: f64) -> Self {
        let (mut dropped, mut wrong, mut missed) = (0.0, 0.0, 0.0);
        for plan in plans {
            match plan.now.iter().find(|&&now| now > plan.predicted + margin) {
                Some(&now) => {
                    dropped += 1.0;
                    wrong += f64::from(u8::from(plan.reached >= now));
                }
                None => {
                    missed += f64::from(u8::from(plan.now.first().is_some_and(|&now| plan.reached < now)));
                }
            }
        }
        let count = plans.len() as f64;
        Self {
            margin,
            dropped: dropped / count.max(1.0),
            mistaken: wrong / f64::max(dropped, 1.0),
            missed: missed / f64::max(count - dropped, 1.0),
        }
    }
}

#[derive(Serialize)]
struct Report {
    task: String,
    episodes: u64,
    seed: u64,
    candidates: usize,
    plans: usize,
    /// Root mean square distance between predicted and true end, m.
    position_error: f64,
    /// The same for velocities, m/s.
    velocity_error: f64,
    /// Mean of `V(predicted end) - V(true end)`.
    value_bias: f64,
    /// Its deviation.
    value_deviation: f64,
    /// Mean of `V(true end)`.
    value_mean: f64,
    alarms: Vec<Alarms>,
}

impl Report {
    fn of(task: String, episodes: u64, seed: u64, plan: PlanSettings, plans: &[Followed]) -> Self {
        let count = plans.len().max(1) as f64;
        let mean = |value: &dyn Fn(&Followed) -> f64| plans.iter().map(value).sum::<f64>() / count;
        let bias = mean(&|plan| plan.predicted - plan.reached);
        let deviation = mean(&|plan| (plan.predicted - plan.reached - bias).powi(2)).sqrt();
        Self {
            task,
            episodes,
            seed,
            candidates: plan.candidates,
            plans: plans.len(),
            position_error: mean(&|plan| plan.miss[0].powi(2)).sqrt(),
            velocity_error: mean(&|plan| plan.miss[1].powi(2)).sqrt(),
            value_bias: bias,
            value_deviation: deviation,
            value_mean: mean(&|plan| plan.reached),
            alarms: MARGINS.map(|margin| Alarms::of(plans, margin * deviation)).to_vec(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} episodes to the goal, seed {}, {} candidates: {} plans followed for their whole length",
            self.task, self.episodes, self.seed, self.candidates, self.plans
        )?;
        writeln!(
            f,
            "predicted against true end: position {:.3} m, velocity {:.2} m/s (root mean square)",
            self.position_error, self.velocity_error
        )?;
        writeln!(
            f,
            "V(predicted end) - V(true end): {:+.2} ± {:.2}, where V(true end) is {:.2} on average",
            self.value_bias, self.value_deviation, self.value_mean
        )?;
        write!(f, "{:>8} {:>9} {:>13} {:>8}", "margin", "dropped", "false alarms", "missed")?;
        for alarms in &self.alarms {
            let percent = |share: f64| format!("{:.1} %", 100.0 * share);
            write!(
                f,
                "\n{:>8.2} {:>9} {:>13} {:>8}",
                alarms.margin,
                percent(alarms.dropped),
                percent(alarms.mistaken),
                percent(alarms.missed)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(now: &[f64], predicted: f64, reached: f64) -> Followed {
        Followed { now: now.to_vec(), predicted, reached, miss: [3.0, 4.0] }
    }

    #[test]
    fn alarms_are_counted_by_what_came_of_the_plan() {
        let plans = [
            plan(&[1.0, 2.0, 5.0], 4.0, 3.0), // dropped at 5, and it did end lower
            plan(&[1.0, 2.0, 5.0], 4.0, 6.0), // dropped at 5, but it would have ended higher
            plan(&[1.0, 2.0, 3.0], 4.0, 0.5), // kept, and it led down
            plan(&[1.0, 2.0, 3.0], 4.0, 4.0), // kept, rightly
        ];
        let found = Alarms::of(&plans, 0.0);
        assert_eq!((found.dropped, found.mistaken, found.missed), (0.5, 0.5, 0.5));
        let wide = Alarms::of(&plans, 1.0);
        assert_eq!((wide.dropped, wide.mistaken, wide.missed), (0.0, 0.0, 0.25));
        assert_eq!(Alarms::of(&[], 0.0).dropped, 0.0);
    }
}
