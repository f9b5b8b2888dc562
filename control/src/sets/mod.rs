//! `ipset` carried out: command lines of [`sluice_config::ipset`] on the sets of [`sluice_dataplane::sets`].
//!
//! The sets have a lock of their own, beside the controller's, so that a restore of a million elements holds up no neighbour.

mod convert;
mod execute;
mod show;
#[cfg(test)]
mod tests;

use sluice_config::Diagnostic;
use sluice_config::ipset::{Fault, Invocation, Options, split};
use sluice_config::netfilter::{Family, SetFamily};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::sets::Sets;
use sluice_dataplane::time::Instant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The gateway's sets, shared by the API, the housekeeper and the compiler of rules.
#[derive(Debug, Clone, Default)]
pub struct SharedSets(Arc<Mutex<Sets>>);

/// What a command line came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// The exit code.
    pub code: u8,
}

impl SharedSets {
    /// The sets. Each change is whole before another panics or not, so a poisoned lock is taken.
    pub fn lock(&self) -> MutexGuard<'_, Sets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees what has timed out and makes room, unless a command has the sets.
    pub fn maintain(&self, now: Instant) {
        if let Ok(sets) = self.0.try_lock() {
            sets.maintain(now);
        }
    }

    /// Sets as `ipset save` text describes them.
    ///
    /// # Errors
    /// The first line that cannot be carried out.
    pub fn load(text: &str, file: &str, now: Instant) -> Result<Self, Diagnostic> {
        let shared = Self::default();
        let restored =
            restore(&mut shared.lock(), text, &Options::default(), now, &mut Answer::default());
        match restored {
            Ok(()) => Ok(shared),
            Err((line, fault)) => Err(Diagnostic {
                file: file.to_owned(),
                line,
                column: 1,
                message: fault.text,
                help: Some("write lines as `ipset save` prints them".into()),
            }),
        }
    }
}

/// A rule may name the sets that there are.
impl sluice_config::netfilter::Sets for SharedSets {
    fn family(&self, name: &str) -> Option<SetFamily> {
        let family = self.lock().get(name)?.header().family;
        Some(match family {
            None => SetFamily::Any,
            Some(IpVersion::V4) => SetFamily::Only(Family::V4),
            Some(IpVersion::V6) => SetFamily::Only(Family::V6),
        })
    }
}

/// Carries out one command line; `input` is the text that `restore` reads.
#[must_use]
pub fn run(sets: &mut Sets, words: &[String], input: &str, now: Instant) -> Answer {
    let mut answer = Answer::default();
    let quiet;
    let (fault, line) = match Invocation::parse(words) {
        Err(fault) => {
            quiet = words.iter().any(|word| word == "-q" || word == "-quiet");
            (fault, None)
        }
        Ok(invocation) => {
            quiet = invocation.options.quiet;
            let done = if invocation.command == sluice_config::ipset::Command::Restore {
                restore(sets, input, &invocation.options, now, &mut answer)
                    .map_err(|(line, fault)| (fault, Some(line)))
            } else {
                execute::command(sets, &invocation, now, &mut answer).map_err(|fault| (fault, None))
            };
            match done {
                Ok(()) => {
                    if quiet {
                        answer.stderr.clear();
                    }
                    return answer;
                }
                Err(wrong) => wrong,
            }
        }
    };
    answer.code = fault.code;
    answer.stderr = if quiet && fault.code == 1 { String::new() } else { fault.stderr(line) };
    answer
}

/// Carries out the lines of a text until one fails: its number, and why.
fn restore(
    sets: &mut Sets,
    text: &str,
    options: &Options,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), (usize, Fault)> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "COMMIT" {
            continue;
        }
        let mut invocation = Invocation::parse(&split(line)).map_err(|fault| (number, fault))?;
        invocation.options.exist |= options.exist;
        execute::command(sets, &invocation, now, answer).map_err(|fault| (number, fault))?;
        if answer.code != 0 {
            return Ok(());
        }
    }
    Ok(())
}
