//! A scoreboard: many episodes with the settings on the page, with and without revaluation, from the same starts.

use diar_core::benchmark::Benchmark;

use super::{Cause, Command, Part, State};
use crate::messages::ToWorker;

/// Actions on the scoreboard.
#[derive(Clone, Copy, Debug)]
pub enum ScoringAction {
    /// Play so many episodes with and without revaluation.
    Play(usize),
    Stop,
}

/// Results of many episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoreboard {
    /// Episodes asked for.
    pub episodes: usize,
    /// The step of the first contact of each so far, with and without revaluation.
    pub contacts: [Vec<Option<usize>>; 2],
    pub done: bool,
    /// The task they were played in, which scores depend on.
    task: &'static Benchmark,
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
    pub fn scores(&self, which: usize) -> Vec<f64> {
        self.contacts[which]
            .iter()
            .map(|&contact| self.task.spec.normalise(self.task.spec.first_contact_return(contact)))
            .collect()
    }

    /// Gain by revaluation, episode by episode, as far as both have been played.
    pub fn gains(&self) -> Vec<f64> {
        self.scores(0).into_iter().zip(self.scores(1)).map(|(with, without)| with - without).collect()
    }

    /// Episodes that reached the goal, and of how many.
    pub fn reached(&self, which: usize) -> (usize, usize) {
        (self.contacts[which].iter().flatten().count(), self.contacts[which].len())
    }
}

/// Playing many episodes.
#[derive(Clone, Debug, Default)]
pub struct Scoring {
    board: Option<Scoreboard>,
}

impl Scoring {
    pub fn board(&self) -> Option<&Scoreboard> {
        self.board.as_ref()
    }

    /// Returns true while more episodes are to come.
    pub fn under_way(&self) -> bool {
        self.board.as_ref().is_some_and(|board| !board.done)
    }

    pub(super) fn scored(&mut self, ticket: u32, contacts: [Vec<Option<usize>>; 2], done: bool) {
        if let Some(board) = self.board.as_mut().filter(|board| board.ticket == ticket) {
            let [with, without] = contacts;
            board.contacts[0].extend(with);
            board.contacts[1].extend(without);
            board.done |= done;
        }
    }

    /// No more episodes come.
    pub(super) fn end(&mut self) {
        if let Some(board) = &mut self.board {
            board.done = true;
        }
    }

    fn stop(&mut self, commands: &mut Vec<Command>) {
        if self.under_way() {
            self.end();
            commands.push(Command::Send(ToWorker::Stop));
        }
    }
}

impl Part for Scoring {
    fn reset(&mut self, cause: Cause, commands: &mut Vec<Command>) {
        match cause {
            Cause::Weights => self.board = None,
            // What a new worker was not asked, it does not answer.
            Cause::Device | Cause::Failure => self.end(),
            // The rest would be played by the critic of before.
            Cause::Critic => self.stop(commands),
            // Its episodes go on with the plan that they began with.
            Cause::Task | Cause::World | Cause::Run | Cause::Link => {}
        }
    }
}

impl State {
    pub(super) fn fold_scoring(&mut self, action: ScoringAction, commands: &mut Vec<Command>) {
        match action {
            ScoringAction::Play(episodes) => self.score(episodes, commands),
            ScoringAction::Stop => self.scoring.stop(commands),
        }
    }

    fn score(&mut self, episodes: usize, commands: &mut Vec<Command>) {
        if !self.plan_fits() {
            return;
        }
        let Some(task) = self.ready().and_then(|(_, weights)| Benchmark::find(&weights.task).ok()) else {
            return;
        };
        let ticket = self.deciding.ticket();
        let contacts = [Vec::new(), Vec::new()];
        self.scoring.board = Some(Scoreboard { episodes, contacts, done: false, task, ticket });
        let plan = self.run.plan().clone();
        commands.push(Command::Send(ToWorker::Score { ticket, plan, episodes }));
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
