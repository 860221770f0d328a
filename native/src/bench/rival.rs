//! Another program that does the same work, asked for its times.
//!
//! One JSON object per line, request and answer in turn. `{"hello": 1}` gives the rival's name and the variants that it
//! has of each path; a path, its sizes, a variant, `threads` and `seconds` give the times of single repetitions, or an
//! error when this machine cannot run that variant. What prepares a variant is not part of its times.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

/// A rival that cannot be measured.
#[derive(Debug, Error)]
pub enum RivalError {
    /// No command.
    #[error("the rival's command is empty: expected a program and its arguments")]
    Empty,
    /// A program that does not start.
    #[error("the rival '{command}' cannot be started ({source}): install it, or give another --rival")]
    Start {
        /// Its command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// A program that ended or closed its ends.
    #[error("the rival '{command}' ended without an answer: run it by itself to see why")]
    Ended {
        /// Its command.
        command: String,
    },
    /// An answer that cannot be understood.
    #[error("the rival '{command}' answered {answer}, expected {expected}")]
    Answer {
        /// Its command.
        command: String,
        /// The line.
        answer: String,
        /// What it should have been.
        expected: &'static str,
    },
}

/// What a rival makes of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Times of single repetitions, ms, at least one.
    Times(Vec<f64>),
    /// Why it cannot run that here.
    Unable(String),
}

#[derive(Deserialize)]
struct Hello {
    name: String,
    variants: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Times { ms: Vec<f64> },
    Unable { error: String },
}

/// A running rival. It ends with this value.
#[derive(Debug)]
pub(crate) struct Rival {
    command: String,
    name: String,
    variants: BTreeMap<String, Vec<String>>,
    pipe: Pipe,
}

/// The two ends of its process.
#[derive(Debug)]
struct Pipe {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // A rival that has ended already needs no killing, and one that cannot be killed no waiting for.
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

impl Rival {
    /// Starts a command, split at spaces, and asks what it can do.
    ///
    /// # Errors
    /// When it does not start or does not introduce itself.
    pub(crate) fn start(command: &str) -> Result<Self, RivalError> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or(RivalError::Empty)?;
        let failed = |source| RivalError::Start { command: command.to_owned(), source };
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::ErrorKind::BrokenPipe.into()));
        };
        let pipe = Pipe { child, requests, answers: BufReader::new(answers) };
        let mut rival =
            Self { command: command.to_owned(), name: String::new(), variants: BTreeMap::new(), pipe };
        let expected = r#"{"name": "…", "variants": {"decision": ["…"], …}}"#;
        let Hello { name, variants } = rival.exchange(&json!({"hello": 1}), expected)?.0;
        Ok(Self { name, variants, ..rival })
    }

    /// Its name and version.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The variants that it has of a path.
    pub(crate) fn variants(&self, case: &str) -> &[String] {
        self.variants.get(case).map_or(&[], Vec::as_slice)
    }

    /// Asks for the times of one variant of one path.
    ///
    /// # Errors
    /// When it ends, or answers anything but times or an error.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Answer, RivalError> {
        let expected = r#"{"ms": [12.1, …]}, positive times, or {"error": "…"}"#;
        match self.exchange(request, expected)? {
            (Reply::Unable { error }, _) => Ok(Answer::Unable(error)),
            (Reply::Times { ms }, _) if !ms.is_empty() && ms.iter().all(|&ms| ms > 0.0) => {
                Ok(Answer::Times(ms))
            }
            (Reply::Times { .. }, line) => {
                let command = self.command.clone();
                Err(RivalError::Answer { command, answer: shown(&line), expected })
            }
        }
    }

    /// The answer to a request, and its line.
    fn exchange<T: DeserializeOwned>(
        &mut self,
        request: &Value,
        expected: &'static str,
    ) -> Result<(T, String), RivalError> {
        let command = &self.command;
        let mut line = String::new();
        let sent = writeln!(self.pipe.requests, "{request}").and_then(|()| self.pipe.requests.flush());
        let received = sent.and_then(|()| self.pipe.answers.read_line(&mut line));
        match received {
            Ok(0) => return Err(RivalError::Ended { command: command.clone() }),
            Err(error) if error.kind() != io::ErrorKind::InvalidData => {
                return Err(RivalError::Ended { command: command.clone() });
            }
            _ => {}
        }
        let answer = line.trim().to_owned();
        match serde_json::from_str(&answer) {
            Ok(value) => Ok((value, answer)),
            Err(_) => Err(RivalError::Answer { command: command.clone(), answer: shown(&answer), expected }),
        }
    }
}

/// A line as it fits an error message.
fn shown(line: &str) -> String {
    const LONGEST: usize = 160;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("'{}…'", &line[..end]),
        None => format!("'{line}'"),
    }
}
