//! Owns running other programs: to their end with a time limit, or in the background until dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::eventually;

/// No command of a test needs longer; `timeout` ends the ones that hang.
const LIMIT_SECONDS: u32 = 120;

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit code; 124 when the time limit ended it, -1 when a signal did.
    pub code: i32,
    /// Everything from standard output.
    pub stdout: String,
    /// Everything from standard error.
    pub stderr: String,
}

/// Runs a shell script to its end, in front of it the words of `prefix` (as `ip netns exec NAME`).
pub fn shell(prefix: &[&str], script: &str) -> Output {
    let limit = LIMIT_SECONDS.to_string();
    let mut words = prefix.to_vec();
    words.extend(["timeout", "-k", "2", &limit, "bash", "-o", "pipefail", "-c", script]);
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {}: {error}", words[0]));
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a shell script that must succeed and gives its standard output.
///
/// # Panics
/// With everything the script said, when it fails.
pub fn must(prefix: &[&str], script: &str) -> String {
    let output = shell(prefix, script);
    assert!(
        output.code == 0,
        "failed with {}: {script}\n{}{}",
        output.code,
        output.stdout,
        output.stderr
    );
    output.stdout
}

/// A program that runs until it is stopped or dropped; what it says goes to a file.
#[derive(Debug)]
pub struct Background {
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts `words`; standard output and error go to the file `log`.
    pub fn start(words: &[&str], log: &Path) -> Self {
        let out = File::create(log).expect("cannot create the log file");
        let err = out.try_clone().expect("cannot share the log file");
        let child = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", words[0]));
        Self { child, log: log.to_owned() }
    }

    /// What the program said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("cannot wait for a child")
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself, which its exit status will tell.
        let _ = kill(self.pid(), signal);
    }

    /// Sends `signal` and waits at most `limit`; `None` when it still runs.
    pub fn stop(&mut self, signal: Signal, limit: Duration) -> Option<ExitStatus> {
        self.signal(signal);
        eventually(limit, || self.ended().is_some());
        self.ended()
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
