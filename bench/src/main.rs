//! Packet generator and benchmark suite. See docs/PERFORMANCE.md.
//!
//! A generator and one worker share a thread; what the worker lets out is compared with what it
//! should be, and a wrong frame fails the run.

mod callgrind;
mod gateway;
mod generator;
mod machine;
mod report;
mod rig;
mod ruleset;
mod sabotage;
mod suite;
mod traffic;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use machine::Machine;
use sabotage::Sabotage;
use std::path::PathBuf;
use suite::{Effort, Left, Scenario};

/// Measures Sluice's data plane.
#[derive(Debug, Parser)]
#[command(name = "sluice-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs scenarios and writes a report.
    Suite {
        /// Fewer rounds.
        #[arg(long)]
        quick: bool,
        /// Only scenarios whose name begins with this; may be repeated.
        #[arg(long, value_name = "PREFIX")]
        only: Vec<String>,
        /// Where the report goes [default: bench/report.json in the target directory].
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Breaks one packet of every round, to show that the run fails.
        #[arg(long, value_name = "HOW")]
        sabotage: Option<Sabotage>,
    },
    /// Tells which figures of two reports differ by more than noise.
    Compare {
        /// A report (report.json).
        first: PathBuf,
        /// Another of the same scenarios.
        second: PathBuf,
    },
    /// Generates packets on a DPDK port and counts them on another.
    Gen(Box<generator::Options>),
    /// Lists the scenarios.
    List,
    /// Counts instructions per packet with valgrind.
    Callgrind {
        /// Scenarios, by their whole names.
        #[arg(required = true)]
        scenarios: Vec<String>,
        /// Keeps callgrind's output (callgrind.SCENARIO.out) in this directory.
        #[arg(long, value_name = "DIRECTORY")]
        keep: Option<PathBuf>,
    },
    /// Fails when a scenario takes over 3% more instructions per packet than the file says; needs valgrind.
    Check {
        /// Instructions per packet by scenario, as JSON.
        #[arg(default_value = "bench/instructions.json")]
        file: PathBuf,
        /// Writes what is counted into the file instead.
        #[arg(long)]
        update: bool,
    },
    /// Prints the bytes that each of so many connections takes, as `memory/per-session` asks for.
    #[command(hide = true)]
    Memory {
        /// Connections.
        flows: u32,
    },
    /// Runs a scenario for so many rounds of 16,384 packets, on ordinary pages: for profilers.
    Rounds {
        /// The scenario's whole name.
        scenario: String,
        /// Rounds.
        #[arg(default_value_t = 1)]
        rounds: usize,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Suite { quick, only, json, sabotage } => {
            let effort = if quick { Effort::QUICK } else { Effort::FULL };
            run(&only, Effort { sabotage, ..effort }, json.unwrap_or_else(report::default_path))
        }
        Command::Compare { first, second } => report::compare(&first, &second),
        Command::Gen(options) => generator::run(&options),
        Command::List => {
            suite::all().iter().for_each(|scenario| println!("{}", scenario.name));
            Ok(())
        }
        Command::Callgrind { scenarios, keep } => callgrind::run(&scenarios, keep.as_deref()),
        Command::Check { file, update } => callgrind::check(&file, update),
        Command::Memory { flows } => {
            println!("{}", suite::memory(&Machine::plain(0)?, flows)?);
            Ok(())
        }
        Command::Rounds { scenario, rounds } => {
            let time = std::time::Duration::MAX;
            let effort = Effort { rounds, time, compare: false, sabotage: None };
            let scenario = named(&scenario)?;
            let machine = Machine::plain(scenario.megabytes())?;
            scenario.run(&machine, effort, &mut Left::default()).map(drop)
        }
    }
}

/// The scenario of that name.
fn named(name: &str) -> Result<Scenario> {
    let found = suite::all().into_iter().find(|scenario| scenario.name == name);
    found.with_context(|| format!("no scenario is called {name}; `sluice-bench list` lists them"))
}

fn run(only: &[String], effort: Effort, path: PathBuf) -> Result<()> {
    let wanted = |scenario: &Scenario| {
        only.is_empty() || only.iter().any(|prefix| scenario.name.starts_with(prefix.as_str()))
    };
    let scenarios: Vec<Scenario> = suite::all().into_iter().filter(wanted).collect();
    ensure!(!scenarios.is_empty(), "no scenario begins so; `sluice-bench list` lists them");
    let machine = Machine::start(scenarios.iter().map(Scenario::megabytes).max().unwrap_or(0))?;
    println!("{}", machine.describe());
    println!("{}", report::head());
    let (mut figures, mut failed, mut left) = (Vec::new(), Vec::new(), Left::default());
    for scenario in scenarios {
        match scenario.run(&machine, effort, &mut left) {
            Ok(new) => {
                new.iter().for_each(|figure| println!("{}", figure.line()));
                figures.extend(new);
            }
            // What others have shown is not lost.
            Err(error) => {
                println!("{:<46} FAILED", scenario.name);
                eprintln!("{error:?}");
                failed.push(scenario.name);
            }
        }
    }
    report::write(&figures, &machine.describe(), &path)?;
    ensure!(failed.is_empty(), "failed, and not in the report: {}", failed.join(", "));
    Ok(())
}
