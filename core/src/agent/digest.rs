//! What an episode was, in 16 digits.

use sha2::{Digest, Sha256};

use super::scenario::InterventionKind;
use super::trace::{Outcome, Trace};

impl Trace {
    /// The first 16 hexadecimal digits of the SHA-256 of what happened: task, scenario, start, and of every decision
    /// its candidate, its end and its actions, bit by bit. An episode has the digest of its replay.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |number: u64| hash.update(number.to_le_bytes());
        add(self.task.len() as u64);
        self.task.bytes().for_each(|byte| add(byte.into()));
        let world = &self.run.scenario.world;
        add(world.toggled.len() as u64);
        world.toggled.iter().for_each(|&(i, j)| add(u64::from(i) << 8 | u64::from(j)));
        add(world.goal.is_some().into());
        world.goal.iter().flatten().for_each(|x| add(x.to_bits()));
        add(self.run.scenario.interventions.len() as u64);
        for one in &self.run.scenario.interventions {
            let (kind, number) = match one.kind {
                InterventionKind::Keep => (0, 0),
                InterventionKind::Drop { at } => (1, at),
                InterventionKind::Take { candidate } => (2, candidate),
            };
            [one.decision.into(), kind, number.into()].into_iter().for_each(&mut add);
        }
        self.start.iter().for_each(|x| add(x.to_bits()));
        for decision in &self.decisions {
            // Policies without candidates choose none; a decision that is still to be made counts for nothing.
            if decision.chosen.is_none() && decision.steps.is_empty() {
                continue;
            }
            let chosen = decision.chosen.map_or(u64::MAX, |chosen| chosen as u64);
            let (outcome, at) = match decision.outcome {
                None => (0, 0),
                Some(Outcome::Completed) => (1, 0),
                Some(Outcome::Revalued { at }) => (2, at),
                Some(Outcome::Goal) => (3, 0),
                Some(Outcome::TimeLimit) => (4, 0),
            };
            [chosen, outcome, at as u64, decision.steps.len() as u64].into_iter().for_each(&mut add);
            decision.steps.iter().flat_map(|step| &step.action).for_each(|a| add(a.to_bits().into()));
        }
        let digits = hash.finalize().iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
        format!("{digits:016x}")
    }
}
