//! `-m set`: whether the packet's addresses or ports are in a set (kernel: xt_set, revision 4).

use crate::netfilter::fault::Fault;
use crate::netfilter::sets;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, number, opt};

/// `[!] --match-set NAME FLAGS` and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set {
    /// The set's name.
    pub name: String,
    /// `!`
    pub negated: bool,
    /// Which end of the packet each part of an element is compared with, first part first; from 1
    /// to 6 of them.
    pub ends: Vec<SetEnd>,
    /// `--return-nomatch`: an element marked `nomatch` counts as found.
    pub return_nomatch: bool,
    /// `! --update-counters`: the element found keeps its counters.
    pub skip_counters: bool,
    /// `! --update-subcounters`: of a list of sets, the members keep theirs.
    pub skip_subcounters: bool,
    /// `--packets-eq` and the like: what the element's packet counter must be.
    pub packets: Option<CounterTest>,
    /// `--bytes-eq` and the like.
    pub bytes: Option<CounterTest>,
}

/// One end of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetEnd {
    /// `src`
    Source,
    /// `dst`
    Destination,
}

/// What a counter must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterTest {
    /// `-eq`
    Equal(u64),
    /// `! -eq`
    NotEqual(u64),
    /// `-lt`
    Less(u64),
    /// `-gt`
    Greater(u64),
}

/// The kernel's IPSET_DIM_MAX.
const MAX_ENDS: usize = 6;

impl CounterTest {
    /// Reads `--packets-lt 5` and the like; `unit` is `packets` or `bytes`.
    fn parse(given: &Given<'_>, unit: &str, earlier: Option<Self>) -> Result<Self, Fault> {
        if earlier.is_some() {
            let message = format!("only one of the --{unit}-[eq|lt|gt] is allowed");
            return Err(Fault::usage(message).help("write a second `-m set` for the other"));
        }
        let (kind, negated) = (given.option.trim_start_matches(unit), given.negated);
        if negated && kind != "-eq" {
            let message = format!("--{} option cannot be inverted", given.option);
            return Err(Fault::usage(message).help("leave the `!` out"));
        }
        let text = given.argument(0);
        let value = number(text).ok_or_else(|| {
            Fault::usage(format!("Cannot parse {text} as a counter value"))
                .help("write a number of 64 bits")
        })?;
        Ok(match kind {
            "-eq" if negated => Self::NotEqual(value),
            "-eq" => Self::Equal(value),
            "-lt" => Self::Less(value),
            _ => Self::Greater(value),
        })
    }

    fn text(self, option: &str) -> String {
        match self {
            Self::Equal(value) => format!(" {option}-eq {value}"),
            Self::NotEqual(value) => format!(" ! {option}-eq {value}"),
            Self::Less(value) => format!(" {option}-lt {value}"),
            Self::Greater(value) => format!(" {option}-gt {value}"),
        }
    }
}

impl SetEnd {
    /// `src` or `dst`, one for each part of an element; the tools look at three letters.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, Fault> {
        let mut words = text.split(',');
        let mut ends = Vec::new();
        for word in words.by_ref().take(MAX_ENDS) {
            ends.push(match word {
                word if word.starts_with("src") => Self::Source,
                word if word.starts_with("dst") => Self::Destination,
                _ => {
                    let message = "You must spefify (the comma separated list of) 'src' or 'dst'.";
                    return Err(Fault::usage(message).help("as in `src` or `dst,dst`"));
                }
            });
        }
        match words.next() {
            None => Ok(ends),
            Some(_) => {
                let message = format!("Can't be more src/dst options than {MAX_ENDS}.");
                Err(Fault::usage(message).help("one for each part of the set's elements"))
            }
        }
    }

    /// The list as the tools print it.
    pub(crate) fn list_text(ends: &[Self]) -> String {
        let name = |end: &Self| match end {
            Self::Source => "src",
            Self::Destination => "dst",
        };
        ends.iter().map(name).collect::<Vec<_>>().join(",")
    }
}

impl Set {
    fn match_set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        if !self.ends.is_empty() {
            let help = "write a second `-m set` for the other set";
            return Err(Fault::usage("--match-set can be specified only once").help(help));
        }
        let flags = given.second("--match-set requires two args.")?;
        let name = given.argument(0);
        sets::check(given.sets, name, given.family)?;
        self.ends = SetEnd::parse_list(flags)?;
        self.name = name.to_owned();
        self.negated = given.negated;
        Ok(())
    }

    /// Everything, with dashes before the options or without.
    fn text(&self, dashes: &str) -> String {
        let bang = if self.negated { " !" } else { "" };
        let ends = SetEnd::list_text(&self.ends);
        let mut out = format!("{bang} {dashes}match-set {} {ends}", self.name);
        if self.return_nomatch {
            out.push_str(&format!(" {dashes}return-nomatch"));
        }
        if self.skip_counters {
            out.push_str(&format!(" ! {dashes}update-counters"));
        }
        if self.skip_subcounters {
            out.push_str(&format!(" ! {dashes}update-subcounters"));
        }
        for (unit, test) in [("packets", self.packets), ("bytes", self.bytes)] {
            out.push_str(&test.map_or_else(String::new, |t| t.text(&format!("{dashes}{unit}"))));
        }
        out
    }
}

impl Words for Set {
    /// The tool checks repetition and `!` itself.
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("match-set").alias(&["set"]).arguments(2).negatable().repeatable(),
            opt("return-nomatch").arguments(0).negatable().repeatable(),
            opt("update-counters").arguments(0).negatable().repeatable(),
            opt("packets-eq").negatable().repeatable(),
            opt("packets-lt").negatable().repeatable(),
            opt("packets-gt").negatable().repeatable(),
            opt("bytes-eq").negatable().repeatable(),
            opt("bytes-lt").negatable().repeatable(),
            opt("bytes-gt").negatable().repeatable(),
            opt("update-subcounters").arguments(0).negatable().repeatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "match-set" => self.match_set(given)?,
            "return-nomatch" if given.negated => {
                let message = "--return-nomatch flag cannot be inverted";
                return Err(Fault::usage(message).help("leave the `!` out"));
            }
            "return-nomatch" => self.return_nomatch = true,
            // Not negated it asks for what is done anyway.
            "update-counters" => self.skip_counters |= given.negated,
            "update-subcounters" => self.skip_subcounters |= given.negated,
            option if option.starts_with("packets") => {
                self.packets = Some(CounterTest::parse(given, "packets", self.packets)?);
            }
            _ => self.bytes = Some(CounterTest::parse(given, "bytes", self.bytes)?),
        }
        Ok(())
    }

    fn finish(&mut self, _rule: &Surroundings<'_>) -> Result<(), Fault> {
        match self.ends.as_slice() {
            [] => Err(Fault::usage("You must specify `--match-set' with proper arguments")
                .help("add `--match-set NAME src`")),
            [_, ..] => Ok(()),
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&self.text(""));
    }
}
