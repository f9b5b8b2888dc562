//! `ipset` carried out: command lines of [`sluice_config::ipset`] on the sets of [`sluice_dataplane::sets`].
//!
//! The sets have a lock of their own, beside the controller's, so that a restore of a million elements holds up no neighbour.

mod convert;
mod execute;
mod restore;
mod show;
#[cfg(test)]
mod tests;

use restore::restore;
use sluice_config::Diagnostic;
use sluice_config::ipset::{Command, Fault, Invocation, Options};
use sluice_config::netfilter::{Family, SetFamily};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::sets::{Bell, Sets};
use sluice_dataplane::time::Instant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The gateway's sets, shared by the API, the housekeeper and the compiler of rules.
#[derive(Debug, Clone)]
pub struct SharedSets {
    sets: Arc<Mutex<Sets>>,
    bell: Bell,
}

impl Default for SharedSets {
    fn default() -> Self {
        let sets = Sets::default();
        let bell = sets.bell();
        Self { sets: Arc::new(Mutex::new(sets)), bell }
    }
}

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
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both are the same, not only alike.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.sets, &other.sets)
    }

    /// Frees what has timed out, makes room, and makes the changes of packets that wait. Holds the lock only to see what there is.
    pub fn maintain(&self, now: Instant) {
        let all = self.lock().all();
        all.iter().for_each(|set| set.maintain(now));
    }

    /// Whether packets need [`maintain`](Self::maintain) before its time.
    #[must_use]
    pub fn wants_maintenance(&self) -> bool {
        self.bell.heard()
    }

    /// Sets as `ipset save` text describes them.
    ///
    /// # Errors
    /// The first line that cannot be carried out.
    pub fn load(text: &str, file: &str, now: Instant) -> Result<Self, Diagnostic> {
        let shared = Self::default();
        let restored = restore(&shared, text, &Options::default(), now, &mut Answer::default());
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
pub fn run(sets: &SharedSets, words: &[String], input: &str, now: Instant) -> Answer {
    let mut answer = Answer::default();
    let quiet;
    let (fault, line) = match Invocation::parse(words) {
        Err(fault) => {
            quiet = words.iter().any(|word| word == "-q" || word == "-quiet");
            (fault, None)
        }
        Ok(invocation) => {
            quiet = invocation.options.quiet;
            let done = if invocation.command == Command::Restore {
                restore(sets, input, &invocation.options, now, &mut answer)
                    .map_err(|(line, fault)| (fault, Some(line)))
            } else {
                one(sets, &invocation, now, &mut answer).map_err(|fault| (fault, None))
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

/// Carries out everything but `restore`. A million elements are shown without holding the lock.
fn one(
    sets: &SharedSets,
    invocation: &Invocation,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), Fault> {
    match &invocation.command {
        Command::List(name) => {
            let seen = show::look(&sets.lock(), name.as_deref())?;
            show::list(&seen, &invocation.options, now, answer);
        }
        Command::Save(name) => {
            let seen = show::look(&sets.lock(), name.as_deref())?;
            show::save(&seen, &invocation.options, now, answer);
        }
        _ => execute::command(&mut sets.lock(), invocation, now, answer)?,
    }
    Ok(())
}
