//! One command on the sets, with the kernel's refusals in the tool's words.

use super::convert;
use super::{Answer, show};
use sluice_config::ipset::values::For;
use sluice_config::ipset::{Command, Element, Fault, Header, Invocation, SetType, VERSION, Values};
use sluice_dataplane::sets::{Refusal, Set, Sets, SetsError};
use sluice_dataplane::time::Instant;
use std::sync::Arc;

const NO_SET: &str = "The set with the given name does not exist";
const IN_USE: &str = "Set cannot be destroyed: it is in use by a kernel component";

/// Carries out everything but `restore`.
pub(super) fn command(
    sets: &mut Sets,
    invocation: &Invocation,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), Fault> {
    let options = &invocation.options;
    match &invocation.command {
        Command::Create { name, header } => create(sets, name, header, options.exist),
        Command::Add { name, element, values } => {
            let change = Change::read(sets, name, element, For::Add, values)?;
            change.add(sets, options.exist, now)
        }
        Command::Del { name, element, values } => {
            let change = Change::read(sets, name, element, For::Del, values)?;
            change.del(sets, options.exist, now)
        }
        Command::Test { name, element, values } => {
            let change = Change::read(sets, name, element, For::Test, values)?;
            let is_in = change.test(sets, now)?;
            let said = change.said(element);
            if is_in {
                answer.stderr = format!("Warning: {said} is in set {name}.\n");
            } else {
                answer.stderr = format!("{said} is NOT in set {name}.\n");
                answer.code = 1;
            }
            Ok(())
        }
        Command::Destroy(None) => sets.destroy_all().map_err(|_| Fault::refused(IN_USE)),
        Command::Destroy(Some(name)) => sets.destroy(name).map_err(|error| match error {
            SetsError::InUse => Fault::refused(IN_USE),
            SetsError::Exists | SetsError::Missing | SetsError::Second | SetsError::Types => {
                Fault::refused(NO_SET)
            }
        }),
        Command::Flush(None) => {
            let names: Vec<String> = sets.names().map(str::to_owned).collect();
            names.iter().filter_map(|name| sets.get(name)).for_each(|set| set.flush());
            Ok(())
        }
        Command::Flush(Some(name)) => {
            find(sets, name)?.flush();
            Ok(())
        }
        Command::Rename(from, to) => sets.rename(from, to).map_err(|error| {
            Fault::refused(match error {
                SetsError::InUse => "Set cannot be renamed: it is in use by another system",
                SetsError::Second => {
                    "Set cannot be renamed: a set with the new name already exists"
                }
                SetsError::Exists | SetsError::Missing | SetsError::Types => NO_SET,
            })
        }),
        Command::Swap(from, to) => sets.swap(from, to).map_err(|error| {
            Fault::refused(match error {
                SetsError::Second => "Sets cannot be swapped: the second set does not exist",
                SetsError::Types => "The sets cannot be swapped: their type does not match",
                SetsError::Exists | SetsError::Missing | SetsError::InUse => NO_SET,
            })
        }),
        Command::List(name) => {
            show::list(&show::look(sets, name.as_deref())?, options, now, answer);
            Ok(())
        }
        Command::Save(name) => {
            show::save(&show::look(sets, name.as_deref())?, options, now, answer);
            Ok(())
        }
        Command::Version => {
            answer.stdout = format!("{VERSION}\n");
            Ok(())
        }
        Command::Help => {
            answer.stdout.push_str(show::HELP);
            Ok(())
        }
        // `restore` within a restored text, and `quit`, do nothing.
        Command::Restore | Command::Quit => Ok(()),
    }
}

pub(super) fn find(sets: &Sets, name: &str) -> Result<Arc<Set>, Fault> {
    sets.get(name).ok_or_else(|| Fault::refused(NO_SET))
}

fn create(sets: &mut Sets, name: &str, header: &Header, exist: bool) -> Result<(), Fault> {
    if let Some(there) = sets.get(name) {
        if exist
            && convert::header_words(there.header())
                .is_same(&convert::header_words(&convert::header(header)))
        {
            return Ok(());
        }
        return Err(Fault::refused("Set cannot be created: set with the same name already exists"));
    }
    // The name is free: this cannot fail.
    let _ = sets.create(name, convert::header(header));
    Ok(())
}

/// Elements of one command, and the set they are for.
pub(super) struct Change {
    set: Arc<Set>,
    kind: SetType,
    header: Header,
    elements: Vec<Element>,
    values: Values,
}

impl Change {
    /// Reads what the tool reads before the kernel is asked.
    pub(super) fn read(
        sets: &Sets,
        name: &str,
        element: &str,
        command: For,
        values: &[String],
    ) -> Result<Self, Fault> {
        let set = find(sets, name)?;
        let header = convert::header_words(set.header());
        let elements = Element::parse(&header, element)?;
        let values = Values::parse(&header, command, values)?;
        Ok(Self { kind: header.kind, set, header, elements, values })
    }

    /// The first element as the tool would print it.
    fn said(&self, typed: &str) -> String {
        use sluice_config::ipset::Place;
        let text = match self.elements.as_slice() {
            [only] => only.text(&self.header),
            _ => typed.to_owned(),
        };
        match &self.values.place {
            Place::End => text,
            // The tool tells both places the same way.
            Place::Before(name) | Place::After(name) => format!("{text} after {name}"),
        }
    }

    pub(super) fn add(&self, sets: &Sets, exist: bool, now: Instant) -> Result<(), Fault> {
        for element in &self.elements {
            let entry = convert::entry(self.kind, element, &self.values);
            if self.kind == SetType::ListSet {
                let member =
                    sets.reference(&element.set).ok_or_else(|| fault(Refusal::NoMember))?;
                let place = convert::place(&self.values.place);
                self.known_place(sets)?;
                self.set.insert_member(member, &entry, &place, exist, now).map_err(fault)?;
            } else {
                self.set.insert(&entry, exist, now).map_err(fault)?;
            }
        }
        Ok(())
    }

    pub(super) fn del(&self, sets: &Sets, exist: bool, now: Instant) -> Result<(), Fault> {
        for element in &self.elements {
            let done = if self.kind == SetType::ListSet {
                let place = convert::place(&self.values.place);
                if sets.get(&element.set).is_none() {
                    return Err(fault(Refusal::NoMember));
                }
                self.known_place(sets)?;
                self.set.remove_member(&element.set, &place, now)
            } else {
                self.set.remove(&convert::key(self.kind, element, self.values.wildcard), now)
            };
            match done {
                Err(Refusal::Missing) if exist => {}
                Err(Refusal::Missing) => {
                    return Err(Fault::refused(
                        "Element cannot be deleted from the set: it's not added",
                    ));
                }
                done => done.map_err(fault)?,
            }
        }
        Ok(())
    }

    fn known_place(&self, sets: &Sets) -> Result<(), Fault> {
        use sluice_config::ipset::Place;
        match &self.values.place {
            Place::End => Ok(()),
            Place::Before(name) | Place::After(name) => match sets.get(name) {
                Some(_) => Ok(()),
                None => Err(Fault::refused(
                    "The set to which you referred with 'before' or 'after' does not exist.",
                )),
            },
        }
    }

    fn test(&self, sets: &Sets, now: Instant) -> Result<bool, Fault> {
        for element in &self.elements {
            let is_in = if self.kind == SetType::ListSet {
                if sets.get(&element.set).is_none() {
                    return Err(fault(Refusal::NoMember));
                }
                let place = convert::place(&self.values.place);
                self.set.contains_member(&element.set, &place, now)
            } else {
                let key = convert::key(self.kind, element, self.values.wildcard);
                self.set.contains(&key, self.values.nomatch, now)
            };
            if !is_in.map_err(fault)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The tool's words.
fn fault(refusal: Refusal) -> Fault {
    Fault::refused(match refusal {
        Refusal::Exists => "Element cannot be added to the set: it's already added",
        Refusal::Missing => "Element cannot be deleted from the set: it's not added",
        Refusal::Full => "Hash is full, cannot add more elements",
        Refusal::ListFull => "The set is full, more elements cannot be added.",
        Refusal::Null => "Null-valued element, cannot be stored in a hash type of set",
        Refusal::Range => "Element is out of the range of the set",
        Refusal::Prefix => "The value of the CIDR parameter of the IP address is invalid",
        Refusal::NoTimeout => "Timeout cannot be used: set was created without timeout support",
        Refusal::NoCounters => {
            "Packet/byte counters cannot be used: set was created without counter support"
        }
        Refusal::NoComment => "Comment cannot be used: set was created without comment support",
        Refusal::NoSkbInfo => {
            "Skbinfo mapping cannot be used: set was created without skbinfo support"
        }
        Refusal::NoReference => {
            "The set to which you referred with 'before' or 'after' is not added to the set."
        }
        Refusal::NoMember => "Set to be added/deleted/tested as element does not exist.",
        Refusal::Loop => "Sets with list:set type cannot be added to the set.",
    })
}
