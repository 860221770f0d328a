//! The paper's tables beside ours, one for each protocol.

use std::collections::BTreeMap;
use std::fmt;

use diar_core::benchmark::Benchmark;
use diar_core::spec::ScoreKind;
use serde::Serialize;

use super::{Interval, Method, ScoreFile, paper};

/// One method on one task, over all its training seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// D4RL's environment id.
    pub task: String,
    /// Method that acted.
    pub method: Method,
    /// Each score of the task by its name, over all episodes of all training seeds.
    #[serde(flatten)]
    pub scores: BTreeMap<&'static str, Interval>,
    /// Share of the episodes that touch the goal.
    pub success_rate: f64,
    /// Mean step of the first contact, over those.
    pub mean_first_contact_step: Option<f64>,
    /// Plans sampled in an episode.
    pub decisions_per_episode: f64,
    /// Plans dropped by revaluation in an episode.
    pub revaluations_per_episode: f64,
    /// Mean of the score that counts first, of each training seed.
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
            let task = Benchmark::all().position(|task| task.id() == file.task).unwrap_or(usize::MAX);
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
        // Checked when the files were read.
        let kinds = Benchmark::find(&files[0].task).map(|task| task.spec.scoring.kinds.clone());
        let kinds: Vec<ScoreKind> = kinds.unwrap_or_default();
        let strata = |file: &ScoreFile, kind| file.strata(kind).unwrap_or_default();
        let scores = kinds.iter().map(|&kind| {
            let all: Vec<Vec<f64>> = files.iter().flat_map(|file| strata(file, kind)).collect();
            (kind.name(), Interval::of(&all))
        });
        let first = |file: &&ScoreFile| {
            let sum: f64 = kinds.first().map_or(0.0, |&kind| strata(file, kind).iter().flatten().sum());
            sum / file.episodes.max(1) as f64
        };
        let by_training_seed = files.iter().map(first).collect();
        let episodes: usize = files.iter().map(|file| file.episodes).sum();
        let contacts = files.iter().flat_map(|file| file.contacts.iter().flatten());
        let contacts: Vec<f64> = contacts.map(|&step| step as f64).collect();
        let mean = |value: fn(&ScoreFile) -> f64| {
            files.iter().map(|file| value(file) * file.episodes as f64).sum::<f64>() / episodes.max(1) as f64
        };
        Self {
            task: files[0].task.clone(),
            method: files[0].method,
            scores: scores.collect(),
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

/// One score of all methods on its tasks, measured and published.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// D4RL's environment ids.
    pub tasks: Vec<&'static str>,
    /// Methods.
    pub rows: Vec<MeasuredRow>,
}

/// A method's scores, `[tasks]`.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRow {
    /// Its name.
    pub name: &'static str,
    /// Ours.
    pub ours: Vec<Option<Interval>>,
    /// Published by the same protocol.
    pub published: Vec<Option<f64>>,
}

impl Measured {
    /// Returns `true` if any score of it is ours.
    #[must_use]
    pub fn any_ours(&self) -> bool {
        self.rows.iter().any(|row| row.ours.iter().any(Option::is_some))
    }
}

fn interval(found: Interval) -> String {
    format!("{:.1} [{:.1}, {:.1}]", found.mean, found.low, found.high)
}

impl Table {
    /// Methods of ours that were measured on one of these tasks, in order.
    fn measured_on(&self, tasks: &[&str]) -> Vec<Method> {
        let cells = self.cells.iter().filter(|cell| tasks.contains(&cell.task.as_str()));
        let mut methods: Vec<Method> = cells.map(|cell| cell.method).collect();
        methods.sort();
        methods.dedup();
        methods
    }

    /// One score of all methods: ours first, each with its published figures, then methods that are only published.
    #[must_use]
    pub fn measured(&self, kind: ScoreKind) -> Measured {
        let maze2d = matches!(kind, ScoreKind::FirstContact | ScoreKind::Return);
        let tasks = tasks_of(if maze2d { ScoreKind::FirstContact } else { kind });
        let mut published: Vec<(&'static str, Vec<Option<f64>>)> = if maze2d {
            let rows = paper::MAZE2D.iter().filter(|row| row.score == kind);
            rows.map(|row| (row.method, row.scores.map(Some).to_vec())).collect()
        } else {
            let rows: Vec<&paper::Row> = paper::ROWS.iter().filter(|row| row.score == kind).collect();
            let others = paper::ROWS[0].others.iter().enumerate();
            let others =
                others.map(|(i, &(name, _))| (name, rows.iter().map(|row| row.others[i].1).collect()));
            let diar = rows.iter().map(|row| Some(row.diar[0])).collect();
            others.chain([("DIAR", diar)]).collect()
        };
        published.retain(|(_, scores)| scores.iter().any(Option::is_some));
        let mut rows = Vec::new();
        for method in self.measured_on(&tasks) {
            let score = |task: &&str| self.cell(task, method)?.scores.get(kind.name()).copied();
            let own = published.iter().position(|&(name, _)| name == method.published());
            let scores = own.map(|own| published.remove(own).1);
            rows.push(MeasuredRow {
                name: method.title(),
                ours: tasks.iter().map(score).collect(),
                published: scores.unwrap_or_else(|| vec![None; tasks.len()]),
            });
        }
        let none = vec![None; tasks.len()];
        let only = published.into_iter();
        rows.extend(only.map(|(name, published)| MeasuredRow { name, ours: none.clone(), published }));
        Measured { tasks, rows }
    }

    /// Rows of our methods: one score on some tasks.
    fn ours(&self, f: &mut fmt::Formatter<'_>, tasks: &[&str], kind: ScoreKind) -> fmt::Result {
        for method in self.measured_on(tasks) {
            write!(f, "| {}, ours | {} |", method.title(), method.side())?;
            for task in tasks {
                let score = self.cell(task, method).and_then(|cell| cell.scores.get(kind.name()));
                let score = score.map_or_else(|| "missing".to_owned(), |&score| interval(score));
                write!(f, " {score} |")?;
            }
            writeln!(f, " `docs/results` |")?;
        }
        Ok(())
    }

    /// The head of a table over tasks.
    fn head(f: &mut fmt::Formatter<'_>, tasks: &[&str]) -> fmt::Result {
        writeln!(f, "| method | told beside observations | {} | source |", tasks.join(" | "))?;
        writeln!(f, "|---|---|{}---|", "---|".repeat(tasks.len()))
    }

    /// Maze2D by one score: the published rows that count it, then ours.
    fn maze2d(&self, f: &mut fmt::Formatter<'_>, kind: ScoreKind) -> fmt::Result {
        let tasks = tasks_of(ScoreKind::FirstContact);
        Self::head(f, &tasks)?;
        for row in paper::MAZE2D.iter().filter(|row| row.score == kind) {
            let [small, medium, large] = row.scores;
            let paper::Published { method, side, source, .. } = row;
            writeln!(f, "| {method}, published | {side} | {small} | {medium} | {large} | {source} |")?;
        }
        self.ours(f, &tasks, kind)
    }

    /// Tasks with one score: the paper's columns as rows, then ours.
    fn others(&self, f: &mut fmt::Formatter<'_>, kind: ScoreKind) -> fmt::Result {
        let tasks = tasks_of(kind);
        Self::head(f, &tasks)?;
        let rows: Vec<&paper::Row> = paper::ROWS.iter().filter(|row| row.score == kind).collect();
        for (i, (name, _)) in paper::ROWS[0].others.iter().enumerate() {
            let scores: Vec<Option<f64>> = rows.iter().map(|row| row.others[i].1).collect();
            if scores.iter().any(Option::is_some) {
                let shown =
                    scores.iter().map(|score| score.map_or("-".to_owned(), |score| score.to_string()));
                let side = if *name == "BC" { "nothing" } else { paper::REWARDS };
                let shown = shown.collect::<Vec<_>>().join(" | ");
                writeln!(f, "| {name}, published | {side} | {shown} | DIAR's Table 1 |")?;
            }
        }
        let diar = rows.iter().map(|row| format!("{} ± {}", row.diar[0], row.diar[1]));
        let diar = diar.collect::<Vec<_>>().join(" | ");
        writeln!(f, "| DIAR, published | {} | {diar} | DIAR's Table 1 |", paper::REWARDS)?;
        self.ours(f, &tasks, kind)
    }
}

/// Tasks of the paper whose figures are of this score.
fn tasks_of(kind: ScoreKind) -> Vec<&'static str> {
    paper::ROWS.iter().filter(|row| row.score == kind).map(|row| row.task).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Table 1. Maze2D, first contact: every step from the first contact with the goal on counts\n"
        )?;
        self.maze2d(f, ScoreKind::FirstContact)?;
        writeln!(f, "\nTable 2. Maze2D, native: every step at the goal counts\n")?;
        self.maze2d(f, ScoreKind::Return)?;
        writeln!(
            f,
            "\nThe paper's Table 1 prints both protocols side by side. Its DT (27.3, 32.1, 18.1) is in neither table, since its \
             protocol is unknown; no Maze2D score of DD is published.\n"
        )?;
        writeln!(f, "Table 3. AntMaze: share of the episodes that reach the goal, in per cent\n")?;
        self.others(f, ScoreKind::Success)?;
        writeln!(f, "\nTable 4. Kitchen: share of the four subtasks, in per cent\n")?;
        self.others(f, ScoreKind::Subtasks)?;
        writeln!(f, "\nTable 5. With and without Adaptive Revaluation, each task by the paper's score\n")?;
        writeln!(f, "| task | without, paper | without, ours | with, paper | with, ours |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        let ours = |row: &paper::Row, method| {
            let score = self.cell(row.task, method).and_then(|cell| cell.scores.get(row.score.name()));
            score.map_or_else(|| "missing".to_owned(), |&score| interval(score))
        };
        for row in &paper::ROWS {
            let [without, with] = [row.without, row.with].map(|[mean, sd]| format!("{mean} ± {sd}"));
            let (ours_without, ours_with) = (ours(row, Method::DiarWithout), ours(row, Method::Diar));
            writeln!(f, "| {} | {without} | {ours_without} | {with} | {ours_with} |", row.task)?;
        }
        let missing = paper::ROWS.iter().filter(|row| self.cell(row.task, Method::Diar).is_none());
        let missing: Vec<&str> = missing.map(|row| row.task).collect();
        if !missing.is_empty() {
            writeln!(f, "\nNot measured yet: {}.", missing.join(", "))?;
        }
        writeln!(f, "\nEverything measured\n")?;
        writeln!(
            f,
            "| task | method | scores | success | first contact (step) | decisions | revaluations | by training seed | \
             episodes |"
        )?;
        write!(f, "|---|---|---|---|---|---|---|---|---|")?;
        for cell in &self.cells {
            let step =
                cell.mean_first_contact_step.map_or_else(|| "never".to_owned(), |step| format!("{step:.1}"));
            let seeds: Vec<String> =
                cell.by_training_seed.iter().map(|score| format!("{score:.1}")).collect();
            let scores = cell
                .scores
                .iter()
                .map(|(name, &score)| format!("{} {}", name.replace('_', " "), interval(score)));
            write!(
                f,
                "\n| {} | {} | {} | {:.1} % | {step} | {:.1} | {:.1} | {} | {} |",
                cell.task,
                cell.method.title(),
                scores.collect::<Vec<_>>().join(", "),
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
