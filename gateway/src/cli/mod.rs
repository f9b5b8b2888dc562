//! The operator's command line: what the user typed → a gRPC call → text.
//!
//! Each tool is a module of three parts that do not mix: its arguments (text → request), its call,
//! and its rendering (message → text, pure). [`Failure`] decides exit code and the line on stderr.

mod arguments;
mod arp;
mod bridge;
mod check;
mod config;
mod conntrack;
mod doctor;
mod failure;
mod getopt;
mod ip;
mod ipset;
mod iptables;
mod output;
mod recent;
mod remote;
mod stats;
mod trace;
mod wire;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, Tool};
use failure::Failure;
use remote::Remote;

/// The name in front of complaints that are not a tool's.
const SELF: &str = "sluice";

/// Runs the command line and returns the process's exit code: 0 done, 1 refused or failed, 2 usage.
pub(crate) fn main(mut words: Vec<String>) -> ExitCode {
    if let Some(tool) = words.first().and_then(|word| called_as(word)) {
        let remote = Remote::new(default_address());
        words.remove(0);
        return finish(tool.name(), block_on(run_tool(tool, &words, &remote)));
    }
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let remote = Remote::new(arguments.server);
    let (name, done) = match arguments.command {
        Command::Check(args) => (SELF, check::run(&args)),
        Command::Config(args) => (SELF, block_on(config::run(&args, &remote))),
        Command::Doctor(args) => (SELF, doctor::run(&args)),
        Command::Recent(args) => (SELF, block_on(recent::run(&args, &remote))),
        Command::Run(args) => {
            let run = crate::run::run(&args.config);
            (SELF, run.map_err(|error| Failure::Refused(format!("{error:#}"))))
        }
        Command::Stats(args) => (SELF, block_on(stats::run(&args, &remote))),
        Command::Trace(args) => (SELF, block_on(trace::run(&args, &remote))),
        Command::Tool(words) => match words.split_first() {
            Some((name, rest)) => match Tool::from_name(name) {
                Some(tool) => (tool.name(), block_on(run_tool(tool, rest, &remote))),
                None => (SELF, Err(arguments::unknown_command(name))),
            },
            None => (SELF, Err(Failure::Usage("no command given; try `sluice --help`".into()))),
        },
    };
    finish(name, done)
}

/// The tool whose name the binary was called by, if any (a link named `iptables-save`, say).
fn called_as(argv0: &str) -> Option<Tool> {
    Tool::from_name(Path::new(argv0).file_name().and_then(OsStr::to_str)?)
}

fn default_address() -> String {
    std::env::var("SLUICE_SERVER").unwrap_or_else(|_| arguments::DEFAULT_SERVER.to_owned())
}

async fn run_tool(tool: Tool, words: &[String], remote: &Remote) -> Result<ExitCode, Failure> {
    match tool {
        Tool::Arp => arp::run(words, remote).await,
        Tool::Bridge => bridge::run(words, remote).await,
        Tool::Conntrack => conntrack::run(words, remote).await,
        Tool::Ip => ip::run(words, remote).await,
        Tool::Ipset => ipset::run(words, remote).await,
        Tool::Iptables(family) => iptables::command(family, words, remote).await,
        Tool::IptablesSave(family) => iptables::save(family, words, remote).await,
        Tool::IptablesRestore(family) => iptables::restore(family, words, remote).await,
    }
}

/// A client waits for one answer at a time, so one thread is enough.
fn block_on<F>(task: F) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(task)
}

fn finish(name: &str, done: Result<ExitCode, Failure>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(failure) => {
            if let Some(line) = failure.line(name) {
                output::complain(&line);
            }
            failure.exit_code()
        }
    }
}
