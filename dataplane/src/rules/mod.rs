//! The compiled form of iptables rules: what [`crate::pipeline`] asks at each hook.
//!
//! A match is one file in [`matches`], a target one file in [`targets`].
//!
//! ```text
//!   hook ──> base chain ──> rule: matches… ──> target ──> verdict
//!                │       │     │                 └─ user chain (stack of return places)
//!                │       │     └─ counter, noted in the packet's trail
//!                └─ policy
//!                        └─ of a long chain, only the rules its classifier finds
//! ```

pub mod bpf;
mod bytes;
mod classifier;
mod consulted;
mod counters;
mod evaluate;
pub mod matches;
mod paths;
mod prepared;
mod reach;
pub mod report;
mod set_query;
pub(crate) mod spin;
pub mod targets;
mod view;

pub use counters::{Count, RuleCounters, Trail};
pub use evaluate::Outcome;
pub(crate) use evaluate::Walk;
pub use prepared::Prepared;
pub(crate) use reach::{Course, Kind, Stamps};
pub(crate) use view::Tracked;
pub use view::{Connection, Surroundings, View};

use crate::address::{Address, IpVersion};
use crate::sets::SetChanges;
use crate::tuple::Tuple;
use consulted::Consulted;
pub(crate) use consulted::Told;
use matches::connlimit::Counts;
use matches::{Kept, Match};
use paths::{Paths, Slots};
use reach::Reach;
use std::sync::Arc;
use targets::Target;

/// A table, in the order in which the tables of one hook run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// raw.
    Raw,
    /// mangle.
    Mangle,
    /// nat.
    Nat,
    /// filter.
    Filter,
    /// security.
    Security,
}

/// A netfilter hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Before routing, of packets from the wire.
    Prerouting,
    /// To the host.
    Input,
    /// Through.
    Forward,
    /// From the host.
    Output,
    /// After routing, on the way out.
    Postrouting,
}

/// Position of a chain in [`Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainId(pub u32);

/// Position of a counter: one per rule, one per policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterId(pub u32);

/// What happens at the end of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// ACCEPT.
    Accept,
    /// DROP.
    Drop,
}

/// One rule: every match must hold, then the target acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<A> {
    /// Its counter.
    pub counter: CounterId,
    /// Matches in the order written.
    pub matches: Vec<Match<A>>,
    /// What to do.
    pub target: Target<A>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain<A> {
    /// Rules in order.
    pub rules: Vec<Rule<A>>,
    /// Policy and its counter; none for a user chain, whose end returns.
    pub policy: Option<(Policy, CounterId)>,
}

impl<A: PartialEq> Chain<A> {
    /// Whether rule by rule the same matches stand in both; counters and targets may differ.
    fn matches_alike(&self, other: &Self) -> bool {
        self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(own, their)| own.matches == their.matches)
    }
}

/// All tables of one family.
#[derive(Debug)]
pub struct Rules<A> {
    chains: Vec<Arc<Prepared<A>>>,
    entries: [[Option<ChainId>; 5]; 5],
    needs_conntrack: bool,
    asks_sockets: bool,
    copies: bool,
    needs_accounting: bool,
    zones: bool,
    transit: Option<Trail>,
    consulted: Consulted<A>,
    /// Which packets of known connections meet a rule that asks for routes, and which one that looks into a set.
    asks_routes: [bool; Kind::COUNT],
    asks_sets: [bool; Kind::COUNT],
    /// What counts changes of sets, where a rule looks into one: those of nat, which only first packets meet, too.
    sets: Option<SetChanges>,
    reach: Reach,
    slots: Arc<Slots>,
    counters: Vec<RuleCounters>,
    /// Where connlimit counts connections.
    counted: Vec<Kept<Counts<A>>>,
}

impl<A: Address> Rules<A> {
    /// Compiles chains; `entries` names the base chain of each table and hook that has one.
    /// `counters` is how many [`CounterId`]s the rules use, `workers` how many will count.
    #[must_use]
    pub fn new(
        chains: Vec<Chain<A>>,
        entries: &[(Table, Hook, ChainId)],
        counters: usize,
        workers: usize,
    ) -> Self {
        Self::build(None, prepared::all(chains, &[]), entries, counters, workers)
    }

    /// As [`Self::new`], to be published after `previous`: chains that match what they did there keep their index, and
    /// packets of connections that reach the same rules as there keep their verdicts.
    #[must_use]
    pub fn after(
        previous: &Self,
        chains: Vec<Chain<A>>,
        entries: &[(Table, Hook, ChainId)],
        counters: usize,
        workers: usize,
    ) -> Self {
        let chains = prepared::all(chains, &previous.chains);
        Self::build(Some(previous), chains, entries, counters, workers)
    }

    /// As [`Self::after`], of chains that are prepared, some of them for rules before.
    #[must_use]
    pub fn of(
        previous: &Self,
        chains: Vec<Arc<Prepared<A>>>,
        entries: &[(Table, Hook, ChainId)],
        counters: usize,
        workers: usize,
    ) -> Self {
        Self::build(Some(previous), chains, entries, counters, workers)
    }

    /// A chain, for rules that have it too.
    #[must_use]
    pub fn prepared(&self, ChainId(id): ChainId) -> Option<&Arc<Prepared<A>>> {
        self.chains.get(id as usize)
    }

    fn build(
        previous: Option<&Self>,
        chains: Vec<Arc<Prepared<A>>>,
        entries: &[(Table, Hook, ChainId)],
        counters: usize,
        workers: usize,
    ) -> Self {
        let mut table = [[None; 5]; 5];
        for &(at, hook, chain) in entries {
            table[at as usize][hook as usize] = Some(chain);
        }
        let needs_conntrack = chains.iter().any(|chain| chain.needs_conntrack);
        let previous_paths = previous.filter(|previous| {
            previous.needs_conntrack == needs_conntrack && previous.has_room(counters, workers)
        });
        let mut reach = Reach::new(&chains, &table);
        let slots = Arc::new(match previous_paths {
            Some(previous) => reach.carry_over(previous, &chains, counters, &previous.slots),
            None => Slots::new(counters, None, &[]),
        });
        let paths = |worker: usize| match previous_paths.and_then(|old| old.counters.get(worker)) {
            Some(old) => Arc::clone(old.paths()),
            None => Arc::new(Paths::new(counters)),
        };
        Self {
            asks_routes: reach.meets(&chains, Match::asks_routes),
            asks_sets: reach.meets(&chains, |asked| asked.asks_sets().is_some()),
            sets: chains.iter().find_map(|chain| chain.sets.clone()),
            entries: table,
            needs_conntrack,
            asks_sockets: chains.iter().any(|chain| chain.asks_sockets),
            copies: chains.iter().any(|chain| chain.copies),
            needs_accounting: chains.iter().any(|chain| chain.needs_accounting),
            zones: chains.iter().any(|chain| chain.zones),
            transit: transit(&chains, &table),
            consulted: match previous {
                Some(previous) => previous.consulted.after(&previous.chains, &chains),
                None => Consulted::new(chains.iter().map(|chain| &***chain)),
            },
            counted: chains.iter().flat_map(|chain| &chain.counted).cloned().collect(),
            counters: (0..workers)
                .map(|worker| RuleCounters::new(counters, &slots, paths(worker)))
                .collect(),
            chains,
            reach,
            slots,
        }
    }

    /// Whether rules with so many counters may go on with the paths of these.
    fn has_room(&self, counters: usize, workers: usize) -> bool {
        let as_large = Paths::capacity_for(counters);
        workers == self.counters.len()
            && self.slots.has_room()
            && self
                .counters
                .iter()
                .map(RuleCounters::paths)
                .all(|paths| paths.capacity() == as_large && paths.has_room())
    }

    /// No rules at all.
    #[must_use]
    pub fn empty(workers: usize) -> Self {
        Self::new(Vec::new(), &[], 0, workers)
    }

    /// The base chain of `table` at `hook`.
    #[must_use]
    pub fn entry(&self, table: Table, hook: Hook) -> Option<ChainId> {
        self.entries[table as usize][hook as usize]
    }

    /// Whether some rule needs connection tracking; without one there is none, as in the kernel.
    #[must_use]
    pub const fn needs_conntrack(&self) -> bool {
        self.needs_conntrack
    }

    /// Whether some rule asks for the host's sockets.
    #[must_use]
    pub const fn asks_sockets(&self) -> bool {
        self.asks_sockets
    }

    /// Whether datagrams are put together before any rule sees them: connection tracking and the match for sockets have the
    /// kernel do so.
    #[must_use]
    pub const fn reassembles(&self) -> bool {
        self.needs_conntrack || self.asks_sockets
    }

    /// Whether datagrams for the host are put together before INPUT, and no others.
    #[must_use]
    pub fn reassembles_for_input(&self) -> bool {
        A::VERSION == IpVersion::V4 && self.has_any(Hook::Input) && !self.reassembles()
    }

    /// Whether what the host's stack has cut is put together again: the kernel cuts behind POSTROUTING.
    #[must_use]
    pub fn reassembles_own(&self) -> bool {
        self.has_any(Hook::Output) || self.has_any(Hook::Postrouting)
    }

    fn has_any(&self, hook: Hook) -> bool {
        self.entries.iter().any(|hooks| hooks[hook as usize].is_some())
    }

    /// Whether some rule copies packets.
    #[must_use]
    pub const fn copies(&self) -> bool {
        self.copies
    }

    /// Whether some rule asks what connections have carried.
    #[must_use]
    pub const fn needs_accounting(&self) -> bool {
        self.needs_accounting
    }

    /// Whether some rule puts packets into zones: which connection one belongs to is not known before the raw table.
    #[must_use]
    pub const fn have_zones(&self) -> bool {
        self.zones
    }

    /// What every packet on its way through counts, when no rule can stop or change one.
    #[must_use]
    pub const fn transit(&self) -> Option<&Trail> {
        self.transit.as_ref()
    }

    /// What cached verdicts depend on in these rules.
    #[must_use]
    pub(crate) const fn stamps(&self) -> &Stamps {
        &self.reach.stamps
    }

    /// Whether cached verdicts on such packets depend on more of the routes than a packet's way.
    #[must_use]
    pub(crate) const fn asks_routes(&self, kind: usize) -> bool {
        self.asks_routes[kind]
    }

    /// Whether they depend on sets.
    #[must_use]
    pub(crate) const fn asks_sets(&self, kind: usize) -> bool {
        self.asks_sets[kind]
    }

    /// How often sets have changed on which verdicts may depend; none where no rule looks into any.
    #[inline]
    pub(crate) fn changes_of_sets(&self) -> Option<u32> {
        self.sets.as_ref().map(SetChanges::now)
    }

    /// What the rules can tell of `tuple`.
    #[inline]
    pub(crate) fn told(&self, tuple: &Tuple<A>) -> Told<A> {
        self.consulted.told(tuple)
    }

    /// Whether some rule counts connections.
    #[must_use]
    pub const fn counts_connections(&self) -> bool {
        !self.counted.is_empty()
    }

    /// A connection has ended, closed, or did not come to be.
    pub fn forget_connection(&self, original: &Tuple<A>) {
        self.counted.iter().for_each(|counts| counts.forget(original));
    }

    /// Bytes of the index that finds the rules of long chains.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.chains.iter().filter_map(|chain| chain.index()).map(|index| index.bytes()).sum()
    }

    /// The counters one worker writes.
    #[must_use]
    pub fn counters(&self, worker: crate::ids::WorkerId) -> Option<&RuleCounters> {
        self.counters.get(worker.index())
    }

    /// Packets and bytes of every counter, over all workers.
    #[must_use]
    pub fn totals(&self) -> Vec<Count> {
        let mut sums = Vec::new();
        for counters in &self.counters {
            counters.add_to(&mut sums);
        }
        sums
    }
}

/// The policies a packet passes on its way through; none when there are rules on that way, or a policy that
/// drops.
fn transit<A>(chains: &[Arc<Prepared<A>>], entries: &[[Option<ChainId>; 5]; 5]) -> Option<Trail> {
    const WAY: [(Table, Hook); 6] = [
        (Table::Raw, Hook::Prerouting),
        (Table::Mangle, Hook::Prerouting),
        (Table::Mangle, Hook::Forward),
        (Table::Filter, Hook::Forward),
        (Table::Security, Hook::Forward),
        (Table::Mangle, Hook::Postrouting),
    ];
    let mut trail = Trail::new();
    for (table, hook) in WAY {
        let Some(id) = entries[table as usize][hook as usize] else { continue };
        let chain = chains.get(id.0 as usize)?;
        match chain.policy {
            _ if !chain.rules.is_empty() => return None,
            Some((Policy::Accept, counter)) => trail.note(counter),
            Some((Policy::Drop, _)) => return None,
            None => {}
        }
    }
    Some(trail)
}
