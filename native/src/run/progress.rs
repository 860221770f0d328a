//! How far training is: bars on a terminal, plain lines elsewhere. Everything goes to standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::say::say;

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress of one piece of work after the other.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    stage: Option<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    /// Hidden where there is no terminal; it still does the counting and the estimate.
    bar: ProgressBar,
    begun: Instant,
    first: u64,
    last_line: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Progress on standard error.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), stage: None }
    }

    /// Begins a piece of work of `total` steps, `done` of which were done earlier.
    pub fn begin(&mut self, name: &str, done: usize, total: usize) {
        self.end();
        let bar = if self.terminal { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        bar.set_length(total as u64);
        bar.set_style(style());
        bar.set_prefix(name.to_owned());
        bar.set_position(done as u64);
        bar.reset_eta();
        let now = Instant::now();
        if !self.terminal {
            say(format_args!("{name}: {done}/{total}"));
        }
        self.stage =
            Some(Stage { name: name.to_owned(), bar, begun: now, first: done as u64, last_line: now });
    }

    /// Steps are done; `note` is shown beside them when there is something new to say.
    pub fn update(&mut self, done: usize, note: Option<&str>) {
        let Some(stage) = &mut self.stage else { return };
        stage.bar.set_position(done as u64);
        if let Some(note) = note {
            stage.bar.set_message(note.to_owned());
        }
        if !self.terminal && stage.last_line.elapsed() >= LINE_EVERY {
            stage.last_line = Instant::now();
            say(stage.line());
        }
    }

    /// Ends the current piece of work; its last state stays on the screen.
    pub fn end(&mut self) {
        let Some(stage) = self.stage.take() else { return };
        if self.terminal {
            stage.bar.abandon();
        } else {
            say(stage.line());
        }
    }

    /// Says something between the bars.
    pub fn say(&self, text: &str) {
        match &self.stage {
            Some(stage) if self.terminal => stage.bar.suspend(|| say(text)),
            _ => say(text),
        }
    }
}

impl Stage {
    fn line(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let spent = self.begun.elapsed();
        let steps = done.saturating_sub(self.first);
        let percent = 100.0 * done as f64 / total.max(1) as f64;
        let rate = steps as f64 / spent.as_secs_f64().max(1e-9);
        let left = Duration::from_secs_f64(total.saturating_sub(done) as f64 / rate.max(1e-3));
        let time = if done < total {
            format!("{rate:.1}/s, {} left", HumanDuration(left))
        } else {
            format!("done in {}", HumanDuration(spent))
        };
        format!("{}: {done}/{total} ({percent:.0} %), {time}  {}", self.name, self.bar.message())
            .trim_end()
            .to_owned()
    }
}

fn style() -> ProgressStyle {
    let template = "{prefix:>10} [{bar:28.cyan}] {pos}/{len} {per_sec}, {eta} left  {wide_msg}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
