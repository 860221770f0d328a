//! Changes to an episode: a changed world, or with decisions changed by hand.

use serde::{Deserialize, Serialize};

use crate::maze::World;
use crate::settings::{InvalidSetting, PlanSettings};

/// What is changed about an episode; nothing by default. Everything before a change stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Changes to the world it is played in.
    pub world: World,
    /// Decisions changed by hand, at most one of each kind for a decision.
    pub interventions: Vec<Intervention>,
}

/// One decision changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervention {
    /// Index of the decision in its episode.
    pub decision: u32,
    /// What is done to it.
    pub kind: InterventionKind,
}

/// What can be done to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterventionKind {
    /// Revaluation does not drop its plan.
    Keep,
    /// Its plan is dropped before step `at` whatever V says, unless revaluation drops it sooner.
    Drop {
        /// Steps taken with the plan before it is dropped.
        at: u16,
    },
    /// This candidate is followed instead of the best by Q.
    Take {
        /// Its index.
        candidate: u16,
    },
}

impl Scenario {
    /// Whether nothing is changed.
    #[must_use]
    pub fn is_original(&self) -> bool {
        self.world.is_original() && self.interventions.is_empty()
    }

    /// Checks that its interventions can happen with these settings. Its world is for the simulator to check.
    ///
    /// # Errors
    /// When an intervention names a candidate or a step that there is not, or is named twice.
    pub fn check(&self, settings: &PlanSettings) -> Result<(), InvalidSetting> {
        check(&self.interventions, settings)
    }
}

/// Checks that interventions can happen with these settings.
pub(super) fn check(interventions: &[Intervention], settings: &PlanSettings) -> Result<(), InvalidSetting> {
    let below = |key: &str, found: u16, end: usize| {
        if usize::from(found) < end {
            return Ok(());
        }
        let (found, expected) = (found.to_string(), format!("0 to {}", end.saturating_sub(1)));
        Err(InvalidSetting { key: key.to_owned(), found, expected })
    };
    for (number, one) in interventions.iter().enumerate() {
        match one.kind {
            InterventionKind::Keep => {}
            InterventionKind::Drop { at } => below("step of an intervention", at, settings.exec_horizon)?,
            InterventionKind::Take { candidate } => {
                below("candidate of an intervention", candidate, settings.candidates)?;
            }
        }
        let same = |other: &Intervention| {
            let kinds = [one, other].map(|each| std::mem::discriminant(&each.kind));
            one.decision == other.decision && kinds[0] == kinds[1]
        };
        if interventions[..number].iter().any(same) {
            return Err(InvalidSetting {
                key: "decision of an intervention".to_owned(),
                found: format!("{} twice", one.decision),
                expected: "one intervention of a kind for a decision".to_owned(),
            });
        }
    }
    Ok(())
}

/// The candidate taken by hand in a decision, if any.
pub(super) fn taken(interventions: &[Intervention], decision: usize) -> Option<usize> {
    kinds(interventions, decision).find_map(|kind| match kind {
        InterventionKind::Take { candidate } => Some(usize::from(candidate)),
        _ => None,
    })
}

/// Whether a decision's plan is dropped after so many steps, where that is not left to revaluation.
pub(super) fn dropped(interventions: &[Intervention], decision: usize, followed: usize) -> Option<bool> {
    let drop = |kind| matches!(kind, InterventionKind::Drop { at } if usize::from(at) == followed);
    if kinds(interventions, decision).any(drop) {
        return Some(true);
    }
    kinds(interventions, decision).any(|kind| kind == InterventionKind::Keep).then_some(false)
}

fn kinds(interventions: &[Intervention], decision: usize) -> impl Iterator<Item = InterventionKind> {
    interventions.iter().filter(move |one| one.decision as usize == decision).map(|one| one.kind)
}
