//! Set-up and chores of the workspace: `cargo xtask <command>`.
//!
//! Commands say what they do, show the output of what they run, and print how long each part took.

// Input must not be able to end the program; tests may.
#![warn(clippy::unwrap_used, clippy::missing_assert_message)]

mod budget;
mod cards;
mod ci;
mod demo;
mod files;
mod finish;
mod local;
mod mujoco;
mod page;
mod report;
mod serve;
mod shell;
mod system;
mod test;
mod text;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::report::Report;
use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <command>

  demo [--no-train] [--port N] [--no-serve]
                      build the page for this machine and serve it on localhost with the shipped weights; then,
                      while one looks, train a small agent on U-maze, show it in the page, evaluate it, and build
                      the page's WebGPU module (--no-train: the shipped weights only; --no-serve: stop when
                      everything is built; port 8080 unless told)
  test                every test: native, WebGPU through Vulkan and in a browser, the page's journeys, Python

  setup               install what the two commands above need, or say what to install
  mujoco              fetch MuJoCo's library, so that cargo builds with --features mujoco (AntMaze)
  page                build the page into dist/, within its budget of bytes
  finish              what trunk calls at the end of a build: hashed names, one page per task
  serve [--port N]    serve dist/ on localhost
  ci                  format, lints, documentation and the CUDA build, then every test";

enum Command {
    Demo(demo::Options),
    Test,
    Setup,
    Mujoco,
    Page,
    Finish,
    Serve { port: u16 },
    Ci,
}

fn parse(arguments: &[String]) -> Result<Command> {
    let (name, flags) = arguments.split_first().context("no command given")?;
    let mut port = 8080;
    let (mut train, mut serve) = (true, true);
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        match (name.as_str(), flag.as_str()) {
            ("demo" | "serve", "--port") => {
                let value = flags.next().context("--port needs a number")?;
                port = value
                    .parse()
                    .with_context(|| format!("--port is '{value}', expected a number from 0 to 65535"))?;
            }
            ("demo", "--no-train") => train = false,
            ("demo", "--no-serve") => serve = false,
            _ => bail!("'{name}' does not know '{flag}'"),
        }
    }
    Ok(match name.as_str() {
        "demo" => Command::Demo(demo::Options { train, port: serve.then_some(port) }),
        "test" => Command::Test,
        "setup" => Command::Setup,
        "mujoco" => Command::Mujoco,
        "page" => Command::Page,
        "finish" => Command::Finish,
        "serve" => Command::Serve { port },
        "ci" => Command::Ci,
        _ => bail!("there is no command '{name}'"),
    })
}

fn run(command: &Command) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut report = Report::default();
    let result = match command {
        Command::Demo(options) => demo::run(&workspace, options, &mut report),
        Command::Test => test::run(&workspace, &mut report),
        Command::Setup => test::set_up(&workspace, &mut report).map(|_| ()),
        Command::Mujoco => mujoco::set_up(&workspace),
        Command::Page => page::build(&workspace, &mut report),
        Command::Finish => finish::run(),
        Command::Serve { port } => serve::serve(&workspace.dist(), *port),
        Command::Ci => ci::run(&workspace, &mut report),
    };
    report.print();
    result
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if matches!(arguments.first().map(String::as_str), Some("help" | "--help" | "-h")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error:#}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_choose_what_the_demo_does() {
        let Ok(Command::Demo(options)) = parsed("demo --no-train --port 9000") else { panic!() };
        assert_eq!((options.train, options.port), (false, Some(9000)));
        let Ok(Command::Demo(options)) = parsed("demo --no-serve") else { panic!() };
        assert_eq!((options.train, options.port), (true, None));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (line, expected) in [
            ("", "no command"),
            ("fly", "no command 'fly'"),
            ("test --fast", "'--fast'"),
            ("serve --port", "needs a number"),
            ("serve --port 70000", "'70000'"),
        ] {
            let error = format!("{:#}", parsed(line).err().expect(line));
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
