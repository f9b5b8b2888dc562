//! Sets shown: `list` and `save`.

use super::{Answer, convert, execute};
use sluice_config::ipset::listing::{self, Listing, Member};
use sluice_config::ipset::{Fault, Options, OutputMode};
use sluice_dataplane::sets::{Entry, Kind, Sets};
use sluice_dataplane::time::Instant;

/// `help`, as far as it concerns this program.
pub(super) const HELP: &str = include_str!("help.txt");

/// `list [NAME]`.
pub(super) fn list(
    sets: &Sets,
    name: Option<&str>,
    options: &Options,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), Fault> {
    let mode = options.output.unwrap_or(OutputMode::Plain);
    let names = names(sets, name)?;
    if options.names {
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        answer.stdout.push_str(&match mode {
            OutputMode::Plain | OutputMode::Save => lines,
            OutputMode::Xml => {
                let tags: String =
                    names.iter().map(|name| format!("<ipset name=\"{name}\"/>\n")).collect();
                format!("<ipsets>\n{tags}</ipsets>\n")
            }
        });
        return Ok(());
    }
    let listings = listings(sets, &names, options, now, !options.terse);
    answer.stdout.push_str(&listing::all(&listings, mode));
    Ok(())
}

/// `save [NAME]`: elements always, whatever else is asked.
pub(super) fn save(
    sets: &Sets,
    name: Option<&str>,
    options: &Options,
    now: Instant,
    answer: &mut Answer,
) -> Result<(), Fault> {
    let mode = options.output.unwrap_or(OutputMode::Save);
    let names = names(sets, name)?;
    let listings = listings(sets, &names, options, now, true);
    answer.stdout.push_str(&listing::all(&listings, mode));
    Ok(())
}

/// Lists last: what is read back finds their members there.
fn names(sets: &Sets, name: Option<&str>) -> Result<Vec<String>, Fault> {
    if let Some(name) = name {
        execute::find(sets, name)?;
        return Ok(vec![name.to_owned()]);
    }
    let is_list = |name: &str| sets.get(name).is_some_and(|set| set.header().kind == Kind::ListSet);
    let (last, first): (Vec<&str>, Vec<&str>) = sets.names().partition(|name| is_list(name));
    Ok(first.into_iter().chain(last).map(str::to_owned).collect())
}

fn listings(
    sets: &Sets,
    names: &[String],
    options: &Options,
    now: Instant,
    members: bool,
) -> Vec<Listing> {
    let listing = |name: &String| {
        let set = sets.get(name)?;
        let header = convert::header_words(set.header());
        let kind = header.kind;
        let entries = set.entries(now);
        let count = entries.len();
        let member = |entry: Entry| Member {
            element: convert::element(kind, &entry),
            timeout: entry.timeout,
            counters: entry.counters,
            nomatch: entry.nomatch,
            comment: entry.comment,
        };
        let mut listing = Listing {
            name: name.clone(),
            header,
            memory: set.memory(),
            references: sets.references(name),
            count,
            members: members.then(|| entries.into_iter().map(member).collect()),
        };
        if options.sorted {
            listing.sort();
        }
        Some(listing)
    };
    names.iter().filter_map(listing).collect()
}
