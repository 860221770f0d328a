//! A scoreboard: many episodes with the settings on the page, with and without revaluation, from the same starts.

use diar_core::task::Task;

use super::{Command, State, ToWorker};

/// What many episodes came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoreboard {
    /// Episodes asked for.
    pub episodes: usize,
    /// The step of the first contact of each so far, with and without revaluation.
    pub contacts: [Vec<Option<usize>>; 2],
    pub done: bool,
    ticket: u32,
}

/// A mean and half the width of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    pub mean: f64,
    pub half: f64,
}

impl Mean {
    /// Of some numbers; none of fewer than two. The interval is the normal one, `1.96 s / √n`.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.len() < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Some(Self { mean, half: 1.96 * (variance / n).sqrt() })
    }
}

impl Scoreboard {
    /// First-contact scores of the episodes, with (0) or without (1) revaluation.
    pub fn scores(&self, which: usize, task: &Task) -> Vec<f64> {
        self.contacts[which]
            .iter()
            .map(|&contact| task.normalise(task.first_contact_return(contact)))
            .collect()
    }

    /// Gain by revaluation, episode by episode, as far as both have been played.
    pub fn gains(&self, task: &Task) -> Vec<f64> {
        self.scores(0, task)
            .into_iter()
            .zip(self.scores(1, task))
            .map(|(with, without)| with - without)
            .collect()
    }

    /// Episodes that reached the goal, and of how many.
    pub fn reached(&self, which: usize) -> (usize, usize) {
        (self.contacts[which].iter().flatten().count(), self.contacts[which].len())
    }
}

impl State {
    pub(super) fn score(&mut self, episodes: usize, commands: &mut Vec<Command>) {
        if self.ready().is_none() {
            return;
        }
        let ticket = self.ticket();
        self.scoreboard =
            Some(Scoreboard { episodes, contacts: [Vec::new(), Vec::new()], done: false, ticket });
        commands.push(Command::Send(ToWorker::Score { ticket, plan: self.plan.clone(), episodes }));
    }

    pub(super) fn scored(&mut self, ticket: u32, contacts: [Vec<Option<usize>>; 2], done: bool) {
        if let Some(scoreboard) = self.scoreboard.as_mut().filter(|scoreboard| scoreboard.ticket == ticket) {
            let [with, without] = contacts;
            scoreboard.contacts[0].extend(with);
            scoreboard.contacts[1].extend(without);
            scoreboard.done |= done;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_normal_distribution() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((mean.mean - 2.5).abs() < 1e-12);
        assert!((mean.half - 1.96 * (5.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(Mean::of(&[1.0]), None);
    }
}
