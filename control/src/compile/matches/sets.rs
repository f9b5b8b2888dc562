//! `-m set`.

use super::Within;
use crate::compile::error::Unsupported;
use sluice_config::netfilter::matches as words;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::set::SetMatch;
use sluice_dataplane::sets::{Compare, Direction, Directions, MatchOptions};

/// A set that is not there.
pub(in crate::compile) const MISSING: Unsupported = Unsupported {
    what: "a set that does not exist",
    instead: "make it first with `ipset create`, or name it in `ipset = …` of [rules]",
};

/// The language takes six directions at most, as sets do.
pub(in crate::compile) fn directions(asked: impl Iterator<Item = Direction>) -> Directions {
    Directions::new(&asked.collect::<Vec<_>>()).unwrap_or_default()
}

pub(super) fn set<A>(asked: &words::Set, within: Within<'_>) -> Result<Match<A>, Unsupported> {
    let set = within.world.sets.lock().reference(&asked.name).ok_or(MISSING)?;
    let at = directions(asked.ends.iter().map(|end| match end {
        words::SetEnd::Source => Direction::Source,
        words::SetEnd::Destination => Direction::Destination,
    }));
    let compare = |wanted: Option<words::CounterTest>| {
        wanted.map(|wanted| match wanted {
            words::CounterTest::Equal(than) => Compare::Equal(than),
            words::CounterTest::NotEqual(than) => Compare::NotEqual(than),
            words::CounterTest::Less(than) => Compare::Less(than),
            words::CounterTest::Greater(than) => Compare::Greater(than),
        })
    };
    let options = MatchOptions {
        keep_counters: asked.skip_counters,
        keep_subcounters: asked.skip_subcounters,
        return_nomatch: asked.return_nomatch,
        packets: compare(asked.packets),
        bytes: compare(asked.bytes),
    };
    Ok(Match::Set(SetMatch { set, at, options, invert: asked.negated }))
}
