//! `-j SET`: adds the packet's addresses or ports to a set, deletes them, or takes marks from it
//! (kernel: xt_set, target revision 3).

use crate::netfilter::fault::Fault;
use crate::netfilter::sets;
use crate::netfilter::words::{
    Given, Look, Objection, Opt, Place, Surroundings, Words, number, opt,
};
use crate::netfilter::{Hook, Table};

/// What is done with which sets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Set {
    /// `--add-set`
    pub add: Option<SetEntry>,
    /// `--exist`: an entry that is there already gets a new timeout.
    pub exist: bool,
    /// `--timeout`, in seconds; absent: the set's own.
    pub timeout: Option<u32>,
    /// `--del-set`
    pub delete: Option<SetEntry>,
    /// `--map-set`: the entry whose extensions the packet gets.
    pub map: Option<SetEntry>,
    /// `--map-mark`
    pub map_mark: bool,
    /// `--map-prio`
    pub map_priority: bool,
    /// `--map-queue`
    pub map_queue: bool,
}

/// A set and the packet's fields that make an entry of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SetEntry {
    /// The set's name.
    pub set: String,
    /// For each dimension whether it is taken from the destination, else from the source; at most
    /// six.
    pub from_destination: Vec<bool>,
}

/// The most dimensions a set can have (IPSET_DIM_MAX).
const MAX_DIMENSIONS: usize = 6;

impl SetEntry {
    /// `NAME src|dst[,…]`
    fn read(given: &Given<'_>) -> Result<Self, Fault> {
        let set = given.argument(0);
        let directions = given.second(&format!("--{} requires two args.", given.option))?;
        sets::check(given.sets, set, given.family)?;
        let mut from_destination = Vec::new();
        for direction in directions.split(',') {
            if from_destination.len() == MAX_DIMENSIONS {
                let message = format!("Can't be more src/dst options than {MAX_DIMENSIONS}.");
                return Err(Fault::usage(message).help("one for each dimension of the set"));
            }
            from_destination.push(match direction {
                "src" => false,
                "dst" => true,
                _ => {
                    let message = "You must spefify (the comma separated list of) 'src' or 'dst'.";
                    return Err(Fault::usage(message).help("as in `src`, `dst` or `src,dst`"));
                }
            });
        }
        Ok(Self { set: set.to_owned(), from_destination })
    }

    /// ` NAME src,dst`
    fn text(&self) -> String {
        let word = |dst: &bool| if *dst { "dst" } else { "src" };
        let words: Vec<&str> = self.from_destination.iter().map(word).collect();
        format!(" {} {}", self.set, words.join(","))
    }
}

impl Set {
    /// ` add-set …`, the words with `dashes` before them.
    fn text(&self, dashes: &str) -> String {
        let entry = |name: &str, entry: &Option<SetEntry>| {
            entry.as_ref().map_or(String::new(), |e| format!(" {dashes}{name}{}", e.text()))
        };
        let flag = |name: &str, on| if on { format!(" {dashes}{name}") } else { String::new() };
        let timeout = self.timeout.map(|seconds| format!(" {dashes}timeout {seconds}"));
        [
            entry("add-set", &self.add),
            flag("exist", self.exist),
            timeout.unwrap_or_default(),
            entry("del-set", &self.delete),
            entry("map-set", &self.map),
            flag("map-mark", self.map_mark),
            flag("map-prio", self.map_priority),
            flag("map-queue", self.map_queue),
        ]
        .concat()
    }
}

impl Words for Set {
    fn options(&self) -> &'static [Opt] {
        // The tool's own parser of this target takes a `!` and forgets it.
        const OPTIONS: &[Opt] = &[
            opt("add-set").arguments(2).negatable(),
            opt("del-set").arguments(2).negatable(),
            opt("map-set").arguments(2).negatable(),
            opt("timeout").negatable().repeatable(),
            opt("exist").arguments(0).negatable().repeatable(),
            opt("map-mark").arguments(0).negatable().repeatable(),
            opt("map-prio").arguments(0).negatable().repeatable(),
            opt("map-queue").arguments(0).negatable().repeatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "add-set" => self.add = Some(SetEntry::read(given)?),
            "del-set" => self.delete = Some(SetEntry::read(given)?),
            "map-set" => self.map = Some(SetEntry::read(given)?),
            "timeout" => {
                let seconds = number(given.argument(0)).and_then(|n| u32::try_from(n).ok());
                self.timeout = Some(seconds.filter(|n| *n != u32::MAX).ok_or_else(|| {
                    let message = "Invalid value for option --timeout or out of range 0-4294967294";
                    Fault::usage(message).help("write seconds")
                })?);
            }
            "exist" => self.exist = true,
            "map-mark" => self.map_mark = true,
            "map-prio" => self.map_priority = true,
            _ => self.map_queue = true,
        }
        Ok(())
    }

    fn repeated(&self, _extension: &str, option: &Opt) -> String {
        format!("--{} can be specified only once", option.name)
    }

    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        let maps = self.map_mark || self.map_priority || self.map_queue;
        let message = if self.add.is_none() && self.delete.is_none() && self.map.is_none() {
            "You must specify either `--add-set' or `--del-set' or `--map-set'"
        } else if self.add.is_none() && self.exist {
            "Flag `--exist' can be used with `--add-set' only"
        } else if self.add.is_none() && self.timeout.is_some() {
            "Option `--timeout' can be used with `--add-set' only"
        } else if self.map.is_none() && self.map_mark {
            "Flag `--map-mark' can be used with `--map-set' only"
        } else if self.map.is_none() && self.map_priority {
            "Flag `--map-prio' can be used with `--map-set' only"
        } else if self.map.is_none() && self.map_queue {
            "Flag `--map-queue' can be used with `--map-set' only"
        } else if self.map.is_some() && !maps {
            "You must specify flags `--map-mark' or '--map-prio` or `--map-queue'"
        } else {
            return Ok(());
        };
        Err(Fault::usage(message)
            .help("as in `--add-set NAME src` or `--map-set NAME src --map-mark`"))
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        self.map.as_ref()?;
        let leaves = [Hook::Forward, Hook::Output, Hook::Postrouting];
        if place.table != Table::Mangle {
            return Objection::invalid("--map-set works in table mangle only");
        }
        match place.hook {
            Some(hook) if (self.map_priority || self.map_queue) && !leaves.contains(&hook) => {
                Objection::invalid(format!("--map-prio and --map-queue do not work in {hook}"))
            }
            Some(_) | None => None,
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&self.text(""));
    }
}
