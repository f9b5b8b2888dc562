//! `restore`: a text of commands, carried out line by line until one fails.
//!
//! The tool gathers elements of one set and sends them together. So a line that it cannot read takes with it what was read just
//! before and not yet sent; what the kernel refuses does not.

use super::execute::{self, Change};
use super::{Answer, SharedSets};
use sluice_config::ipset::values::For;
use sluice_config::ipset::{Command, Fault, Invocation, Options, split};
use sluice_dataplane::sets::Sets;
use sluice_dataplane::time::Instant;
use std::time::Duration;

/// Elements sent together: plain addresses of IPv4 in a message of 4096 bytes.
const TOGETHER: usize = 167;
/// Lines after which others who wait for the sets get them.
const IN_ONE_GO: usize = 8192;
/// A thread that waits for the lock wakes within this.
const PAUSE: Duration = Duration::from_micros(100);

/// Elements that are read and not sent.
#[derive(Default)]
struct Gathered {
    name: String,
    adds: bool,
    exist: bool,
    changes: Vec<(usize, Change)>,
}

type Wrong = (usize, Fault);

/// Carries out a text; the number of the line that failed, and why.
pub(super) fn restore(
    shared: &SharedSets,
    text: &str,
    options: &Options,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), Wrong> {
    let mut sets = shared.lock();
    let mut gathered = Gathered::default();
    for (number, line) in (1..).zip(text.lines()) {
        if number % IN_ONE_GO == 0 {
            drop(sets);
            std::thread::sleep(PAUSE);
            sets = shared.lock();
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "COMMIT" {
            gathered.send(&sets, now)?;
            continue;
        }
        let mut invocation = Invocation::parse(&split(line)).map_err(|fault| (number, fault))?;
        invocation.options.exist |= options.exist;
        if gathered.take(&sets, number, &invocation, now)? {
            continue;
        }
        gathered.send(&sets, now)?;
        execute::command(&mut sets, &invocation, now, answer).map_err(|fault| (number, fault))?;
        if answer.code != 0 {
            return Ok(());
        }
    }
    gathered.send(&sets, now)
}

impl Gathered {
    /// Takes a line that adds or deletes an element, and sends what cannot go with it; false for any other line.
    fn take(
        &mut self,
        sets: &Sets,
        line: usize,
        invocation: &Invocation,
        now: Instant,
    ) -> Result<bool, Wrong> {
        let (name, element, values, adds) = match &invocation.command {
            Command::Add { name, element, values } => (name, element, values, true),
            Command::Del { name, element, values } => (name, element, values, false),
            Command::Create { .. }
            | Command::Test { .. }
            | Command::Destroy(_)
            | Command::List(_)
            | Command::Save(_)
            | Command::Restore
            | Command::Flush(_)
            | Command::Rename(..)
            | Command::Swap(..)
            | Command::Help
            | Command::Version
            | Command::Quit => return Ok(false),
        };
        let purpose = if adds { For::Add } else { For::Del };
        let change = Change::read(sets, name, element, purpose, values);
        let change = change.map_err(|fault| (line, fault))?;
        let exist = invocation.options.exist;
        let together = self.name == *name && self.adds == adds && self.exist == exist;
        if !together || self.changes.len() >= TOGETHER {
            self.send(sets, now)?;
            name.clone_into(&mut self.name);
            (self.adds, self.exist) = (adds, exist);
        }
        self.changes.push((line, change));
        Ok(true)
    }

    /// Makes the changes until one is refused.
    fn send(&mut self, sets: &Sets, now: Instant) -> Result<(), Wrong> {
        for (line, change) in self.changes.drain(..) {
            let done = match self.adds {
                true => change.add(sets, self.exist, now),
                false => change.del(sets, self.exist, now),
            };
            done.map_err(|fault| (line, fault))?;
        }
        Ok(())
    }
}
