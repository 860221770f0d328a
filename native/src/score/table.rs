//! Tables 1 and 2 of the paper beside ours.

use std::collections::BTreeMap;
use std::fmt;

use diar_core::task::TASKS;
use serde::Serialize;

use super::{Interval, Method, ScoreFile, paper};

/// One method on one task, over all its training seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// D4RL's environment id.
    pub task: String,
    /// What acted.
    pub method: Method,
    /// First contact, over all episodes of all training seeds.
    pub first_contact: Interval,
    /// D4RL's own return, likewise.
    pub native: Interval,
    /// Share of the episodes that touch the goal.
    pub success_rate: f64,
    /// Mean step of the first contact, over those.
    pub mean_first_contact_step: Option<f64>,
    /// Plans sampled in an episode.
    pub decisions_per_episode: f64,
    /// Plans dropped by revaluation in an episode.
    pub revaluations_per_episode: f64,
    /// Mean first contact of each training seed.
    pub by_training_seed: Vec<f64>,
    /// Episodes in all.
    pub episodes: usize,
}

/// Everything that result files say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// By task in order of size, then by method.
    pub cells: Vec<Cell>,
}

impl Table {
    /// Puts result files together.
    #[must_use]
    pub fn of(files: &[ScoreFile]) -> Self {
        let mut groups: BTreeMap<(usize, Method), Vec<&ScoreFile>> = BTreeMap::new();
        for file in files {
            let task = TASKS.iter().position(|task| task.id == file.task).unwrap_or(TASKS.len());
            groups.entry((task, file.method)).or_default().push(file);
        }
        Self { cells: groups.into_values().map(|files| Cell::of(&files)).collect() }
    }

    /// The cell of a method on a task.
    #[must_use]
    pub fn cell(&self, task: &str, method: Method) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.task == task && cell.method == method)
    }
}

impl Cell {
    fn of(files: &[&ScoreFile]) -> Self {
        let (mut first_contact, mut native, mut contacts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut by_training_seed, mut episodes) = (Vec::new(), 0);
        for file in files {
            // Checked when the file was read.
            let [contact, ret] = file.strata().unwrap_or_default();
            let sum: f64 = contact.iter().flatten().sum();
            by_training_seed.push(sum / file.episodes.max(1) as f64);
            episodes += file.episodes;
            first_contact.extend(contact);
            native.extend(ret);
            contacts.extend(file.contacts.iter().flatten().map(|&step| step as f64));
        }
        let mean = |value: fn(&ScoreFile) -> f64| {
            files.iter().map(|file| value(file) * file.episodes as f64).sum::<f64>() / episodes.max(1) as f64
        };
        Self {
            task: files[0].task.clone(),
            method: files[0].method,
            first_contact: Interval::of(&first_contact),
            native: Interval::of(&native),
            success_rate: contacts.len() as f64 / episodes.max(1) as f64,
            mean_first_contact_step: (!contacts.is_empty())
                .then(|| contacts.iter().sum::<f64>() / contacts.len() as f64),
            decisions_per_episode: mean(|file| file.decisions_per_episode),
            revaluations_per_episode: mean(|file| file.revaluations_per_episode),
            by_training_seed,
            episodes,
        }
    }
}

fn interval(found: Interval) -> String {
    format!("{:.1} [{:.1}, {:.1}]", found.mean, found.low, found.high)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Table 1. First-contact scores; the paper's figures and ours (mean and 95 % interval)\n"
        )?;
        write!(f, "| task |")?;
        for (name, _) in paper::ROWS[0].others {
            write!(f, " {name} |")?;
        }
        writeln!(f, " DIAR, paper | LDCQ, ours | DIAR, ours |")?;
        writeln!(f, "|---|{}", "---|".repeat(paper::ROWS[0].others.len() + 3))?;
        let ours = |task: &str, method| {
            self.cell(task, method).map_or_else(|| "-".to_owned(), |cell| interval(cell.first_contact))
        };
        for row in paper::ROWS {
            write!(f, "| {} |", row.task)?;
            for (_, score) in row.others {
                write!(f, " {score} |")?;
            }
            let [mean, sd] = row.with;
            let (ldcq, diar) = (ours(row.task, Method::Ldcq), ours(row.task, Method::Diar));
            writeln!(f, " {mean} ± {sd} | {ldcq} | {diar} |")?;
        }
        writeln!(f, "\nTable 2. The same with and without Adaptive Revaluation\n")?;
        writeln!(f, "| task | without, paper | without, ours | with, paper | with, ours |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in paper::ROWS {
            let [without, with] = [row.without, row.with].map(|[mean, sd]| format!("{mean} ± {sd}"));
            let (ours_without, ours_with) =
                (ours(row.task, Method::DiarWithout), ours(row.task, Method::Diar));
            writeln!(f, "| {} | {without} | {ours_without} | {with} | {ours_with} |", row.task)?;
        }
        writeln!(f, "\nEverything measured\n")?;
        writeln!(
            f,
            "| task | method | first contact | native | success | first contact (step) | decisions | revaluations \
             | by training seed | episodes |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|---|---|---|")?;
        for cell in &self.cells {
            let step =
                cell.mean_first_contact_step.map_or_else(|| "never".to_owned(), |step| format!("{step:.1}"));
            let seeds: Vec<String> =
                cell.by_training_seed.iter().map(|score| format!("{score:.1}")).collect();
            write!(
                f,
                "\n| {} | {} | {} | {} | {:.1} % | {step} | {:.1} | {:.1} | {} | {} |",
                cell.task,
                cell.method.title(),
                interval(cell.first_contact),
                interval(cell.native),
                100.0 * cell.success_rate,
                cell.decisions_per_episode,
                cell.revaluations_per_episode,
                seeds.join(", "),
                cell.episodes,
            )?;
        }
        Ok(())
    }
}
