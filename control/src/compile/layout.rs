//! Which numbers the chains of a ruleset and the counters of their rules have in the data plane.
//!
//! ```text
//!   chain ─┬─ its ChainId, as long as there is a chain of that name in its table
//!          └─ its block of counters: its rules' in their order, then its policy's
//! ```
//!
//! A chain that says what it said keeps its numbers when others change, and what was compiled of it. A chain that outgrows
//! its block gets another behind all others. Once as much has been left behind as is in use all are numbered anew.

use super::rules::is_idle;
use sluice_config::netfilter::{Chain, Ruleset, Table};
use sluice_dataplane::rules::ChainId;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Numbers that may be left behind in any case.
const WASTE: usize = 4096;

/// The numbers of one generation of a ruleset. Its chains stand as in the ruleset, table by table.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    pub(super) places: Vec<Place>,
    counters: usize,
    chains: usize,
}

/// The numbers of one chain.
#[derive(Debug, Clone)]
pub(super) struct Place {
    table: Table,
    name: Arc<str>,
    edition: u64,
    /// None in a table that no packet notices.
    pub(super) id: Option<ChainId>,
    /// The first of its counters.
    pub(super) first: u32,
    /// How many it has, and may have.
    length: u32,
    room: u32,
    /// Whether chain and numbers are those of the generation before.
    pub(super) is_kept: bool,
}

/// Counters of a chain.
fn length(chain: &Chain) -> u32 {
    u32::try_from(chain.rules.len() + usize::from(chain.policy.is_some())).unwrap_or(u32::MAX)
}

impl Layout {
    /// The numbers of a ruleset that takes the place of the one that had these.
    pub(crate) fn after(&self, ruleset: &Ruleset) -> Self {
        let next = self.next(ruleset);
        let used: usize = next.places.iter().map(|place| place.length as usize).sum();
        let is_wasted = |all: usize, used: usize| all > 2 * used + WASTE;
        match is_wasted(next.counters, used) || is_wasted(next.chains, next.places.len()) {
            true => Self::default().next(ruleset),
            false => next,
        }
    }

    fn next(&self, ruleset: &Ruleset) -> Self {
        let mut old: HashMap<u64, &Place> =
            self.places.iter().map(|place| (place.edition, place)).collect();
        let mut next = Self { places: Vec::new(), counters: self.counters, chains: self.chains };
        // Chains that are as they were, and a gap for each of the others.
        let mut places = Vec::with_capacity(self.places.len());
        for (table, model) in ruleset.tables() {
            let idle = is_idle(model);
            for chain in &model.chains {
                let kept = old.remove(&chain.edition.number());
                let kept = kept.filter(|old| old.table == table && old.id.is_none() == idle);
                let kept = kept.map(|old| Place { is_kept: true, ..old.clone() });
                places.push((table, idle, chain, kept));
            }
        }
        let mut named: HashMap<(Table, &str), &Place> =
            old.into_values().map(|place| ((place.table, &*place.name), place)).collect();
        next.places = places
            .into_iter()
            .map(|(table, idle, chain, kept)| {
                kept.unwrap_or_else(|| {
                    let before = named.remove(&(table, chain.name.as_str()));
                    next.place(table, idle, chain, before)
                })
            })
            .collect();
        next
    }

    /// The numbers of a chain that is new or was another.
    fn place(&mut self, table: Table, idle: bool, chain: &Chain, before: Option<&Place>) -> Place {
        let length = length(chain);
        let (first, room) = match before.filter(|before| before.room >= length) {
            Some(before) => (before.first, before.room),
            None => {
                // What has grown once may do so again; all that is new is as long as it is.
                let room = length + if before.is_some() { length / 8 } else { 0 };
                let first = u32::try_from(self.counters).unwrap_or(u32::MAX);
                self.counters += room as usize;
                (first, room)
            }
        };
        let mut id = before.and_then(|before| before.id).filter(|_| !idle);
        if id.is_none() && !idle {
            id = Some(ChainId(u32::try_from(self.chains).unwrap_or(u32::MAX)));
            self.chains += 1;
        }
        let name = match before {
            Some(before) => Arc::clone(&before.name),
            None => chain.name.as_str().into(),
        };
        let edition = chain.edition.number();
        Place { table, name, edition, id, first, length, room, is_kept: false }
    }

    /// How many counters there are room for.
    #[must_use]
    pub const fn counters(&self) -> usize {
        self.counters
    }

    /// How many chains.
    pub(super) const fn chains(&self) -> usize {
        self.chains
    }

    /// The number of each chain, in the ruleset's order; none in tables that no packet notices.
    pub fn ids(&self) -> impl Iterator<Item = Option<ChainId>> {
        self.places.iter().map(|place| place.id)
    }

    /// Each chain, in the ruleset's order: its table, its place there, its counters.
    pub fn blocks(&self) -> impl Iterator<Item = (Table, usize, Range<usize>)> {
        let mut last = (Table::Raw, 0);
        self.places.iter().map(move |place| {
            last = if place.table == last.0 { (last.0, last.1 + 1) } else { (place.table, 1) };
            let first = place.first as usize;
            (place.table, last.1 - 1, first..first + place.length as usize)
        })
    }
}
