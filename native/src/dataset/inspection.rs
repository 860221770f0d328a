//! A data set, looked at: its numbers, the tasks that it fits, and what looks wrong.

use std::fmt;

use diar_core::benchmark::{Family, MAZE2D};
use diar_core::data::Transitions;
use diar_core::maze::{MAX_SPEED, TIME_STEP};
use diar_core::spec::TaskSpec;
use serde::Serialize;

use super::summary::{self, Summary};
use super::{Bounds, Description, Fit, Layout, Origin};

/// The furthest that the ball gets in a step, per axis, m: the push adds up to 5 % to the clipped speed.
const REACH: f32 = (TIME_STEP * MAX_SPEED * 1.05) as f32;

/// Result of `diar data inspect`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Its source and its numbers.
    #[serde(flatten)]
    pub description: Description,
    /// Comparison with each task.
    pub tasks: Vec<Fit>,
    /// Oddities, a sentence each.
    pub findings: Vec<String>,
}

impl Inspection {
    /// Looks at a data set.
    #[must_use]
    pub fn of(data: &Transitions, description: Description) -> Self {
        let Description { origin, summary, .. } = &description;
        let tasks = Fit::all(data);
        let mut findings = origin.findings.clone();
        findings.extend(mismatch(&tasks, origin.layout));
        findings.extend(oddities(data, &description, &tasks));
        findings.extend(flow(data, summary, &tasks));
        Self { description, tasks, findings }
    }

    /// Warnings for someone who wants to learn a task from it.
    #[must_use]
    pub fn warnings(&self, task: &TaskSpec) -> Vec<String> {
        let fitting: Vec<&str> = self.tasks.iter().filter(|fit| fit.fits).map(|fit| fit.task).collect();
        let other = (!fitting.is_empty() && !fitting.contains(&task.id.as_str()))
            .then(|| format!("the data fits {}, not {}", fitting.join(" and "), task.id));
        self.findings.iter().cloned().chain(other).collect()
    }
}

/// True if no known task has the data's sizes.
fn is_own(tasks: &[Fit]) -> bool {
    tasks.iter().all(|fit| fit.inside.is_none())
}

/// Why it fits no task, or fits with a difference.
fn mismatch(tasks: &[Fit], layout: Layout) -> Option<String> {
    if let Some(fit) = tasks.iter().find(|fit| fit.fits) {
        let differs = matches!(fit.family, Family::Maze2d(_)) && fit.next_rewards > fit.rewards;
        return differs.then(|| {
            "rewards are those of the state after the action; D4RL's belong to the state of their own row"
                .to_owned()
        });
    }
    if is_own(tasks) {
        return None;
    }
    if let Some(fit) = tasks.iter().find(|fit| fit.lies_inside()) {
        return Some(format!(
            "rewards are not those of {}: {:.1} % of the rows that are rewarded or lie at its goal are both",
            fit.task,
            100.0 * fit.rewards.unwrap_or_default()
        ));
    }
    let inside = |fit: &Fit| fit.inside.unwrap_or_default();
    let fit = tasks.iter().max_by(|a, b| inside(a).total_cmp(&inside(b)))?;
    let frame = match layout {
        Layout::Minari => {
            ": Minari's mazes have their centre at 0 and y upwards, D4RL's begin at a corner with x along the rows"
        }
        Layout::D4rl | Layout::Ogbench => "",
    };
    Some(format!(
        "in every task's maze some positions lie in walls; {} comes nearest with {:.1} % in free cells{frame}",
        fit.task,
        100.0 * inside(fit)
    ))
}

/// Columns with values that no task's data has.
fn oddities(
    data: &Transitions,
    Description { origin, summary, .. }: &Description,
    tasks: &[Fit],
) -> Vec<String> {
    let mut found = Vec::new();
    for (name, columns) in [("state", &summary.states), ("action", &summary.actions)] {
        for (i, moments) in columns.iter().enumerate().filter(|(_, moments)| moments.min == moments.max) {
            found.push(format!("{name}[{i}] is {} in every row", moments.min));
        }
    }
    let outside = data.actions.iter().filter(|action| action.abs() > 1.0).count();
    if outside > 0 && !is_own(tasks) {
        let furthest = data.actions.iter().fold(0.0_f32, |furthest, action| furthest.max(action.abs()));
        found.push(format!(
            "{outside} numbers of actions lie outside [-1, 1], the furthest at {furthest} from 0"
        ));
    }
    if let Some(bounds) = &origin.declared.actions {
        found.extend(beyond(&data.actions, bounds));
    }
    let odd = data.rewards.iter().filter(|&&reward| reward != 0.0 && reward != 1.0).count();
    if odd > 0 && !is_own(tasks) {
        found.push(format!("{odd} rewards are neither 0 nor 1, as the tasks' are"));
    }
    if summary.rewards.min == summary.rewards.max {
        let same = summary.rewards.min;
        found.push(if same == 0.0 {
            "no row is rewarded: there is nothing to learn".to_owned()
        } else {
            format!("every reward is {same}: there is nothing to learn")
        });
    }
    found
}

/// Actions out of the bounds that the data set itself has for them.
fn beyond(actions: &[f32], Bounds { low, high }: &Bounds) -> Option<String> {
    let outside = |&index: &usize| {
        let (action, number) = (actions[index], index % low.len());
        action < low[number] || action > high[number]
    };
    let first = (0..actions.len()).find(outside)?;
    let number = first % low.len();
    Some(format!(
        "{} numbers of actions lie outside the data set's own action space, the first is action[{number}] of row {} with \
         {}, expected {} to {}",
        (first..actions.len()).filter(outside).count(),
        first / low.len(),
        actions[first],
        low[number],
        high[number]
    ))
}

/// Oddities in the order of rows.
fn flow(data: &Transitions, summary: &Summary, tasks: &[Fit]) -> Vec<String> {
    let mut found = Vec::new();
    if summary.segments == 0 {
        found.push("no row ends a segment: timeouts and terminals are missing or all false".to_owned());
    }
    let stray = summary::repeated(data).filter(|&row| !data.timeouts[row - 1]).count();
    if stray > 0 {
        found
            .push(format!("{stray} observations are those of the row before, though no segment ended there"));
    }
    if tasks.iter().any(|fit| matches!(fit.family, Family::Maze2d(_)) && fit.lies_inside()) {
        let jumps = jumps(data);
        if let Some(first) = jumps.first() {
            found.push(format!(
                "{} rows lie further from the row before than the ball gets in a step, row {first} is the first: \
                 resets that nothing marks?",
                jumps.len()
            ));
        }
    }
    let horizon = MAZE2D.iter().map(|task| task.horizon).min().unwrap_or_default();
    let short = summary::segment_lengths(data).iter().filter(|&&length| length < horizon).count();
    if !data.continuous && short > 0 {
        found.push(format!(
            "{short} of {} episodes are shorter than a window of {horizon} steps and are left out",
            summary.segments
        ));
    }
    found
}

/// Rows, within an episode, that the ball cannot have reached from the row before.
fn jumps(data: &Transitions) -> Vec<usize> {
    let mut jumps = Vec::new();
    // Steps between the last new observation and this row: where it is repeated, the ball moves on all the same.
    let mut steps = 0_u8;
    for row in 1..data.len() {
        if data.breaks_after(row - 1) {
            steps = 0;
            continue;
        }
        let (before, after) = (data.state(row - 1), data.state(row));
        steps = steps.saturating_add(1);
        if before == after {
            continue;
        }
        let reach = f32::from(steps) * REACH;
        if before.iter().zip(after).take(2).any(|(before, after)| (after - before).abs() > reach) {
            jumps.push(row);
        }
        steps = 0;
    }
    jumps
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description { name, origin, summary } = &self.description;
        writeln!(f, "name         {name}")?;
        writeln!(f, "layout       {}, {}", origin.layout, origin.storage)?;
        writeln!(f, "boundaries   {}", origin.boundaries)?;
        if origin.past_terminals {
            writeln!(f, "terminals    {}", Origin::PAST_TERMINALS)?;
        }
        writeln!(f, "rewards      {}", origin.reward_source)?;
        for left_out in origin.left_out() {
            writeln!(f, "left out     {left_out}")?;
        }
        writeln!(f, "{summary}")?;
        if is_own(&self.tasks) {
            writeln!(
                f,
                "task         its own: no task known here has as many numbers in a state and in an action"
            )?;
        } else {
            for fit in &self.tasks {
                writeln!(f, "{fit}")?;
            }
        }
        if self.findings.is_empty() {
            return write!(f, "nothing looks wrong");
        }
        write!(f, "looks wrong:")?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  - {finding}"))
    }
}
