//! What was done and how long it took.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The parts of a command that have run so far.
#[derive(Default)]
pub struct Report {
    parts: Vec<(String, Duration)>,
}

impl Report {
    /// Announces a part, does it, and notes the time.
    pub fn part<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {title}");
        let start = Instant::now();
        let result = work().with_context(|| format!("'{title}' failed"));
        let taken = start.elapsed();
        println!("== {title}: {} {}", if result.is_ok() { "done in" } else { "failed after" }, human(taken));
        self.parts.push((title.to_owned(), taken));
        result
    }

    /// Prints the time of every part.
    pub fn print(&self) {
        if self.parts.is_empty() {
            return;
        }
        println!("\nTime:");
        for (title, taken) in &self.parts {
            println!("  {:>10}  {title}", human(*taken));
        }
        println!("  {:>10}  in all", human(self.parts.iter().map(|(_, taken)| *taken).sum()));
    }
}

/// A duration as a person would say it.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        for (milliseconds, text) in
            [(1_240, "1.2 s"), (59_900, "59 s"), (61_000, "1 min 01 s"), (3_725_000, "1 h 02 min")]
        {
            assert_eq!(human(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn a_failed_part_is_named_and_counted() {
        let mut report = Report::default();
        let error = report.part("walk", || anyhow::bail!("no legs") as Result<()>).unwrap_err();
        assert_eq!(format!("{error:#}"), "'walk' failed: no legs");
        assert_eq!(report.parts.len(), 1);
    }
}
