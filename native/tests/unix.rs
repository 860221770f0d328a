//! The program among others: signals, pipes whose other end goes away, devices, and file systems that lack calls.
#![cfg(unix)]

mod tiny;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use diar_core::bundle::Bundle;
use tempfile::TempDir;

use tiny::{diar, positions, success, train, wait_beyond};

/// The bundle that comes with the repository.
const BUNDLE: &str = "../weights/maze2d-umaze-v1.safetensors";

/// A run that stays in its first stage, with a checkpoint after each step.
fn endless(run: &Path) -> Command {
    let mut command = train(run);
    command.args(["--set", "vae.train.steps=1000000", "--checkpoint-every", "0"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    // The tests themselves may run under `nohup` or in the background, where signals are ignored.
    // SAFETY: between fork and exec only `signal` is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
    command
}

fn send(signal: &str, child: &Child) {
    success(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]));
}

/// How a program ends that is about to; one that does not end is killed, and fails the test.
fn end(mut child: Child) -> (Option<i32>, String) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_mins(5) {
            child.kill().unwrap();
            panic!("the program does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn signals_leave_a_checkpoint_and_say_what_to_do() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let mut done = 0;
    for (signal, code) in [("USR1", 75), ("USR2", 75), ("TERM", 75), ("HUP", 75), ("INT", 130)] {
        let mut child = endless(&run).spawn().unwrap();
        wait_beyond(&run, "vae", done + 2, &mut child);
        send(signal, &child);
        let (found, stderr) = end(child);
        assert_eq!(found, Some(code), "{signal}: {stderr}");
        assert!(stderr.contains("a checkpoint was written"), "{signal}: {stderr}");
        assert!(done == 0 || stderr.contains(&format!("going on from vae step {done}\n")), "{stderr}");
        done = *positions(&run, "vae").last().unwrap();
    }
}

/// Both signals are there when the program wakes up: it cannot have answered the first one yet.
#[test]
fn a_second_signal_ends_at_once() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let mut child = endless(&run).spawn().unwrap();
    wait_beyond(&run, "vae", 2, &mut child);
    for signal in ["STOP", "USR1", "TERM", "CONT"] {
        send(signal, &child);
    }
    let (code, stderr) = end(child);
    assert_eq!(code, Some(75), "{stderr}");
    assert!(!stderr.contains("a checkpoint was written"), "{stderr}");
    // The checkpoints are whole all the same.
    let mut child = endless(&run).spawn().unwrap();
    let last = *positions(&run, "vae").last().unwrap();
    wait_beyond(&run, "vae", last, &mut child);
    send("TERM", &child);
    let (_, stderr) = end(child);
    assert!(stderr.contains("going on from vae step") && !stderr.contains("left out"), "{stderr}");
}

/// As `nohup` and background jobs have it.
#[test]
fn ignored_signals_stay_ignored() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    let inner = endless(&run);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP INT USR1; exec \"$@\"", "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut done = 2;
    for signal in ["HUP", "INT", "USR1"] {
        wait_beyond(&run, "vae", done, &mut child);
        send(signal, &child);
        done = *positions(&run, "vae").last().unwrap() + 2;
    }
    wait_beyond(&run, "vae", done, &mut child);
    send("TERM", &child);
    assert_eq!(end(child).0, Some(75));
}

/// A pipe that nobody reads.
fn no_reader() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn training_goes_on_when_nobody_reads_its_messages() {
    let folder = TempDir::new().unwrap();
    let full = Path::new("/dev/full");
    let mut streams = vec![("closed", no_reader())];
    if full.exists() {
        streams.push(("full", OpenOptions::new().write(true).open(full).unwrap().into()));
    }
    for (name, stderr) in streams {
        let run = folder.path().join(name);
        let status = train(&run).stdout(Stdio::null()).stderr(stderr).status().unwrap();
        assert_eq!(status.code(), Some(0), "{name}");
        assert!(run.join("bundle.safetensors").exists(), "{name}");
    }
    // An error that nobody reads is an error all the same.
    let status = diar(&["info", "no-such-file"]).stderr(no_reader()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn results_that_nobody_reads_are_no_failure() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (run, data, bundle, scores) = (path("run"), path("data.hdf5"), path("agent"), path("scores"));
    fs::create_dir(&scores).unwrap();
    let score = format!("{scores}/a.json");
    let (windows, taught, drawing) = (path("windows"), path("taught"), path("drawing.svg"));
    success(&mut train(Path::new(&run)));
    let commands: Vec<Vec<&str>> = vec![
        vec!["--help"],
        vec!["--version"],
        vec!["data", "generate", tiny::TASK, "--rows", "300", "--out", &data],
        vec!["data", "inspect", &data],
        vec!["export", &run, "--out", &bundle],
        vec!["info", &run],
        vec!["eval", &run, "--episodes", "1"],
        vec!["compare", &run, "--episodes", "2", "--json"],
        vec!["samplers", &run, "--states", "2", "--latents", "4", "--no-episodes"],
        vec!["score", &run, "--episodes", "5", "--out", &score],
        vec!["table", &scores],
        vec!["plot", "paths", &run, "--episodes", "1", "--out", &drawing],
        vec!["play", &run],
        vec!["windows", &run, "--count", "50", "--out", &windows],
        vec!["relearn", &run, "--windows", &windows, "--goal", "3,1", "--out", &taught],
    ];
    for arguments in commands {
        let output = diar(&arguments).stdout(no_reader()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{arguments:?}: {stderr}");
    }
    for file in [&data, &bundle, &score, &drawing, &windows, &taught] {
        assert!(Path::new(file).exists(), "{file}");
    }
    // A full disk is a failure: what it lost was asked for.
    if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
        let output = diar(&["info", &run]).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && stderr.contains("standard output"), "{stderr}");
    }
}

/// The bundle as every command below has to write it.
fn exported(folder: &Path) -> Vec<u8> {
    let out = folder.join("exported");
    success(diar(&["export", BUNDLE, "--out"]).arg(&out));
    fs::read(out).unwrap()
}

/// A device of our own where the system lets us make one, otherwise a link to the system's.
fn null_device(folder: &Path) -> PathBuf {
    let path = folder.join("null");
    let made = Command::new("mknod").arg(&path).args(["c", "1", "3"]).stderr(Stdio::null()).status();
    if !(made.is_ok_and(|status| status.success()) && OpenOptions::new().write(true).open(&path).is_ok()) {
        let _ = fs::remove_file(&path);
        symlink("/dev/null", &path).unwrap();
    }
    path
}

#[test]
fn devices_and_pipes_get_the_bytes_and_are_not_replaced() {
    let folder = TempDir::new().unwrap();
    let expected = exported(folder.path());
    let null = null_device(folder.path());
    let scores = ["score", tiny::TASK, "--policy", "controller", "--episodes", "5", "--out"];
    for command in [
        &["export", BUNDLE, "--out"][..],
        &["data", "generate", tiny::TASK, "--rows", "300", "--out"],
        &["plot", "values", BUNDLE, "--out"],
        &scores,
    ] {
        success(diar(command).arg(&null));
        assert!(fs::metadata(&null).unwrap().file_type().is_char_device(), "{command:?}");
    }

    let pipe = folder.path().join("pipe");
    success(Command::new("mkfifo").arg(&pipe));
    let reader = thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    success(diar(&["export", BUNDLE, "--out"]).arg(&pipe));
    assert_eq!(reader.join().unwrap(), expected);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());

    let link = folder.path().join("link");
    symlink("exported", &link).unwrap();
    fs::write(folder.path().join("exported"), "old").unwrap();
    success(diar(&["export", BUNDLE, "--out"]).arg(&link));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(folder.path().join("exported")).unwrap(), expected);
}

/// Standard output is a pipe or a file, and takes the bytes and nothing else.
#[test]
fn the_file_may_be_standard_output() {
    let folder = TempDir::new().unwrap();
    let expected = exported(folder.path());
    let piped = success(&mut diar(&["export", BUNDLE, "--out", "/dev/stdout"]));
    assert_eq!(piped.stdout, expected);
    assert!(String::from_utf8(piped.stderr).unwrap().contains("sha256"), "the result is said elsewhere");

    let path = folder.path().join("redirected");
    let output = File::create(&path).unwrap();
    let status = diar(&["export", BUNDLE, "--out", "/dev/stdout"]).stdout(output).status().unwrap();
    assert!(status.success());
    assert_eq!(fs::read(&path).unwrap(), expected);

    let status = diar(&["export", BUNDLE, "--out", "/dev/stdout"]).stdout(no_reader()).status().unwrap();
    assert_eq!(status.code(), Some(0));

    // Another descriptor of the shell's.
    let path = folder.path().join("third");
    success(
        Command::new("sh")
            .args([
                "-c",
                "\"$0\" export \"$1\" --out /dev/fd/3 3> \"$2\"",
                env!("CARGO_BIN_EXE_diar"),
                BUNDLE,
            ])
            .arg(&path),
    );
    assert_eq!(fs::read(&path).unwrap(), expected);
}

/// A library that stands before the system's, and whose calls fail as those of a file system that lacks them.
#[cfg(target_os = "linux")]
fn file_system_without(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("without.c"), folder.join("without.so"));
    fs::write(
        &source,
        r#"
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdlib.h>
        #include <sys/stat.h>

        static int lacks(const char *call) {
            const char *error = getenv(call);
            if (error) errno = atoi(error);
            return error != NULL;
        }
        int flock(int file, int operation) {
            static int (*next)(int, int);
            if (!next) next = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
            return lacks("WITHOUT_FLOCK") ? -1 : next(file, operation);
        }
        int fsync(int file) {
            static int (*next)(int);
            struct stat found;
            if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
            return fstat(file, &found) == 0 && S_ISDIR(found.st_mode) && lacks("WITHOUT_FSYNC") ? -1 : next(file);
        }
        int rename(const char *from, const char *to) {
            static int (*next)(const char *, const char *);
            if (!next) next = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
            return lacks("WITHOUT_RENAME") ? -1 : next(from, to);
        }
        int fchmod(int file, mode_t mode) {
            static int (*next)(int, mode_t);
            if (!next) next = (int (*)(int, mode_t))dlsym(RTLD_NEXT, "fchmod");
            return lacks("WITHOUT_FCHMOD") ? -1 : next(file, mode);
        }
        "#,
    )
    .unwrap();
    success(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl"));
    library
}

#[cfg(target_os = "linux")]
#[test]
fn training_goes_on_without_calls_that_a_file_system_lacks() {
    let folder = TempDir::new().unwrap();
    let library = file_system_without(folder.path());
    let whole = folder.path().join("whole");
    success(&mut train(&whole));
    let tensors = |run: &Path| {
        Bundle::from_bytes(&fs::read(run.join("bundle.safetensors")).unwrap()).unwrap().tensors()
    };
    let expected = tensors(&whole);
    let lacking = [
        ("enosys", vec![("FLOCK", libc::ENOSYS)]),
        ("enolck", vec![("FLOCK", libc::ENOLCK)]),
        ("fsync", vec![("FSYNC", libc::EINVAL), ("FCHMOD", libc::EPERM)]),
        ("rename", vec![("RENAME", libc::ENOSYS)]),
        ("all", vec![("FLOCK", libc::EOPNOTSUPP), ("FSYNC", libc::EOPNOTSUPP), ("RENAME", libc::EXDEV)]),
    ];
    for (name, calls) in lacking {
        let run = folder.path().join(name);
        let start = || {
            let mut command = train(&run);
            command.env("LD_PRELOAD", &library).stdout(Stdio::null()).stderr(Stdio::piped());
            for (call, error) in &calls {
                command.env(format!("WITHOUT_{call}"), error.to_string());
            }
            command
        };
        // Stopped on the way, so that a checkpoint is read again.
        let mut child = start().args(["--checkpoint-every", "0"]).spawn().unwrap();
        wait_beyond(&run, "diffusion", 3, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let stderr = String::from_utf8(success(&mut start()).stderr).unwrap();
        for (call, named) in [("FLOCK", "locks"), ("FSYNC", "`fsync` of directories"), ("RENAME", "`rename`")]
        {
            let said = stderr.matches(&format!("lacks {named}")).count();
            let lacks = calls.iter().any(|&(lacking, _)| lacking == call);
            assert_eq!(said, usize::from(lacks), "{name}, {call}: {stderr}");
        }
        assert!(stderr.contains("going on from diffusion"), "{name}: {stderr}");
        assert_eq!(tensors(&run), expected, "{name}");
    }
    // A disk that fails is another matter.
    let output = train(&folder.path().join("failing"))
        .env("LD_PRELOAD", &library)
        .env("WITHOUT_FSYNC", libc::EIO.to_string())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("cannot write"), "{stderr}");
}

/// Reads the first line of a program's output and goes away.
#[test]
fn a_policy_that_nobody_reads_ends() {
    let mut child = diar(&["policy", BUNDLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let asking = thread::spawn(move || {
        // As `yes` does, until the pipe breaks.
        while input.write_all(b"{\"reset\": 1}\n").is_ok() {}
    });
    let mut first = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    assert!(first.contains("maze2d-umaze-v1"), "{first}");
    drop(output);
    let (code, stderr) = end(child);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    asking.join().unwrap();
}
