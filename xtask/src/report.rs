//! Parts of a command: how long each will take, and how long it took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Time that a part takes on two cores that have nothing else to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Less than a minute.
    Seconds,
    /// So many minutes, each time.
    Minutes(u32),
    /// So many minutes the first time. What is made stays, and costs seconds from then on.
    Once(u32),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds => write!(f, "less than a minute"),
            Self::Minutes(minutes) => write!(f, "about {minutes} min on two idle cores"),
            Self::Once(minutes) => {
                write!(f, "about {minutes} min on two idle cores the first time, then seconds")
            }
        }
    }
}

/// The parts of a command that have run so far.
#[derive(Default)]
pub(crate) struct Report {
    parts: Vec<(String, Duration)>,
}

impl Report {
    /// Announces a part, does it, and notes the time.
    pub(crate) fn part<T>(
        &mut self,
        title: &str,
        expected: Expected,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        println!("\n== {title} ({expected})");
        let start = Instant::now();
        let result = work().with_context(|| format!("'{title}' failed"));
        let taken = start.elapsed();
        println!("== {title}: {} {}", if result.is_ok() { "done in" } else { "failed after" }, human(taken));
        self.parts.push((title.to_owned(), taken));
        result
    }

    /// Prints the time of every part.
    pub(crate) fn print(&self) {
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
pub(crate) fn human(duration: Duration) -> String {
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
    fn a_part_says_beforehand_how_long_it_takes() {
        for (expected, text) in [
            (Expected::Seconds, "less than a minute"),
            (Expected::Minutes(3), "about 3 min on two idle cores"),
            (Expected::Once(8), "about 8 min on two idle cores the first time, then seconds"),
        ] {
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn a_failed_part_is_named_and_counted() {
        let mut report = Report::default();
        let walk = || anyhow::bail!("no legs") as Result<()>;
        let error = report.part("walk", Expected::Seconds, walk).unwrap_err();
        assert_eq!(format!("{error:#}"), "'walk' failed: no legs");
        assert_eq!(report.parts.len(), 1);
    }
}
