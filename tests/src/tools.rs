//! Owns tools that are run again and again at one router: a shell stays in the kernel's namespace, and Sluice's own tools
//! in one process, since starting programs is what takes the time.

use std::fs::{read_to_string, write};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::process::Output;
use crate::{Namespace, Router, gateway};

/// What runs the tools of one router. They end with it.
#[derive(Debug)]
pub struct Tools {
    process: Child,
    calls: ChildStdin,
    ends: BufReader<ChildStdout>,
    /// Where Sluice listens; the kernel's shell needs no such thing.
    socket: Option<String>,
    files: TempDir,
}

impl Tools {
    /// The tools of a router that runs in this namespace.
    ///
    /// # Panics
    /// When they cannot be started.
    pub fn start(router: &Router, namespace: &Namespace) -> Self {
        let (mut command, socket) = match router {
            Router::Kernel(_) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace.name(), "bash"]);
                (command, None)
            }
            Router::Sluice(gateway) => {
                let program = gateway::binary().with_file_name("tools");
                assert!(program.exists(), "{} is missing", program.display());
                (Command::new(program), Some(gateway.socket()))
            }
        };
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.expect("cannot start tools");
        let calls = process.stdin.take().expect("it was asked for");
        let ends = BufReader::new(process.stdout.take().expect("it was asked for"));
        let files = tempfile::tempdir().expect("cannot make a temporary folder");
        Self { process, calls, ends, socket, files }
    }

    /// Begins such a call, as `["iptables", "-S"]`; its end is waited for by [`end`](Self::end).
    ///
    /// # Panics
    /// When the process has ended.
    pub fn begin(&mut self, words: &[&str], input: &str) {
        let [from, out, err] = ["in", "out", "err"].map(|name| self.path(name));
        write(&from, input).expect("cannot write a tool's input");
        let line = match &self.socket {
            Some(socket) => {
                [&[&*from, &*out, &*err, "sluice", "-S", socket][..], words].concat().join("\t")
            }
            None => {
                let words: String = words.iter().map(|word| format!("'{word}' ")).collect();
                format!("{words} < {from} > {out} 2> {err}; echo $?")
            }
        };
        writeln!(self.calls, "{line}").expect("tools have ended");
    }

    /// How the call ended that was begun.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn end(&mut self) -> Output {
        let mut code = String::new();
        self.ends.read_line(&mut code).expect("tools have ended");
        let text = |name| read_to_string(self.path(name)).expect("written");
        let code = code.trim().parse().unwrap_or_else(|_| panic!("no code: {}", text("err")));
        Output { code, stdout: text("out"), stderr: text("err") }
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = self.files.path();
        path.join(name).display().to_string()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
