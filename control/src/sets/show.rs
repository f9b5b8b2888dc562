//! Sets shown: `list` and `save`.

use super::{Answer, convert, execute};
use sluice_config::ipset::listing::{self, Listing, Member};
use sluice_config::ipset::{Fault, Options, OutputMode};
use sluice_dataplane::sets::{Entry, Kind, Set, Sets};
use sluice_dataplane::time::Instant;
use std::sync::Arc;

/// `help`, as far as it concerns this program.
pub(super) const HELP: &str = include_str!("help.txt");

/// A set that is to be shown.
pub(super) struct Seen {
    name: String,
    set: Arc<Set>,
    references: usize,
}

/// One set, or all: lists last, so that what is read back finds their members there.
pub(super) fn look(sets: &Sets, name: Option<&str>) -> Result<Vec<Seen>, Fault> {
    let seen = |name: &str| {
        let set = execute::find(sets, name)?;
        Ok(Seen { name: name.to_owned(), set, references: sets.references(name) })
    };
    if let Some(name) = name {
        return Ok(vec![seen(name)?]);
    }
    let is_list = |name: &str| sets.get(name).is_some_and(|set| set.header().kind == Kind::ListSet);
    let (last, first): (Vec<&str>, Vec<&str>) = sets.names().partition(|name| is_list(name));
    first.into_iter().chain(last).map(seen).collect()
}

/// `list [NAME]`.
pub(super) fn list(seen: &[Seen], options: &Options, now: Instant, answer: &mut Answer) {
    let mode = options.output.unwrap_or(OutputMode::Plain);
    if options.names {
        let names = seen.iter().map(|seen| &seen.name);
        answer.stdout.push_str(&match mode {
            OutputMode::Plain | OutputMode::Save => names.map(|name| format!("{name}\n")).collect(),
            OutputMode::Xml => {
                let tags: String =
                    names.map(|name| format!("<ipset name=\"{name}\"/>\n")).collect();
                format!("<ipsets>\n{tags}</ipsets>\n")
            }
        });
        return;
    }
    let listings = listings(seen, options, now, !options.terse);
    answer.stdout.push_str(&listing::all(&listings, mode));
}

/// `save [NAME]`: elements always, whatever else is asked.
pub(super) fn save(seen: &[Seen], options: &Options, now: Instant, answer: &mut Answer) {
    let mode = options.output.unwrap_or(OutputMode::Save);
    answer.stdout.push_str(&listing::all(&listings(seen, options, now, true), mode));
}

fn listings(seen: &[Seen], options: &Options, now: Instant, members: bool) -> Vec<Listing> {
    let listing = |seen: &Seen| {
        let header = convert::header_words(seen.set.header());
        let kind = header.kind;
        let entries = seen.set.entries(now);
        let count = entries.len();
        let member = |entry: Entry| Member {
            element: convert::element(kind, &entry),
            timeout: entry.timeout,
            counters: entry.counters,
            nomatch: entry.nomatch,
            comment: entry.comment,
            skbinfo: convert::skbinfo_words(entry.skbinfo),
        };
        let mut listing = Listing {
            name: seen.name.clone(),
            header,
            memory: seen.set.memory(),
            references: seen.references,
            count,
            members: members.then(|| entries.into_iter().map(member).collect()),
        };
        if options.sorted {
            listing.sort();
        }
        listing
    };
    seen.iter().map(listing).collect()
}
