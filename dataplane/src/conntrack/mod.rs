//! Connection tracking: which connection a packet belongs to, and in what state it is.
//!
//! ```text
//!   first packet   begin ─> NewConnection ─> (NAT edits reply) ─> claim_reply ─> confirm ─> table
//!                                   └─ dropped on the way: abandon
//!   later packets  lookup ─> update
//!   ICMP errors    related
//!   time           expire
//! ```
//!
//! Every connection lives in the [`Conntrack`] of one worker and is touched by no other. What workers
//! share is the [`Directory`], asked when a connection begins or ends and when a packet arrives at
//! a worker that does not know it. The meaning of packets follows the kernel's `nf_conntrack`.

mod account;
mod calls;
mod change;
mod claim;
mod create;
mod directory;
mod early_drop;
mod excerpt;
mod expect;
mod expect_known;
mod expect_list;
mod expected;
mod expire;
mod free_slots;
mod hash;
mod help;
mod helper;
mod icmp;
mod icmp_error;
mod index;
mod journal;
mod keymap;
mod lifecycle;
mod list;
mod new_connection;
mod policy;
mod protocol;
mod quick;
mod sctp;
mod sctp_state;
mod segment;
mod shift;
mod status;
mod table;
mod tcp;
mod tcp_state;
mod tcp_window;
mod timeouts;
mod tuples;
mod update;
mod zones;

#[cfg(test)]
mod tests;

pub use account::{Account, Carried};
pub use change::Change;
pub(crate) use claim::Beside;
pub use create::{Creation, GivenState, NotCreated};
pub use directory::{Claim, Directory};
pub use excerpt::{Excerpt, Foreseen, Numbers, Sought};
pub use expect::Expectations;
pub(crate) use expect::Refused;
pub use expect_list::ListedExpectation;
pub use expected::SourceMask;
pub(crate) use expected::{Expected, Follow};
pub use helper::{Helper, Helpers};
pub use journal::{Changes, Event, EventKind, ExpectationEvent, Journal, News};
pub use list::Listed;
pub(crate) use new_connection::FirstPacket;
pub use new_connection::NewConnection;
pub use policy::{Policies, PolicyId, PolicyKind};
pub(crate) use quick::Moment;
pub use sctp_state::SctpConnectionState;
pub(crate) use segment::{after, before};
pub use status::{CtState, Direction, Status};
pub(crate) use table::Hashes;
pub use table::{Common, FlowRef, Half};
pub use tcp_state::TcpConnectionState;
pub use tcp_window::Window;
pub use timeouts::{ConntrackSettings, SctpTimeouts, TcpTimeouts, Timeouts};
pub use tuples::{is_untracked_protocol, reply_of, tuple_of};
pub use zones::Zones;
pub(crate) use zones::in_zone;

use crate::address::Address;
use crate::ids::WorkerId;
use crate::nat::Rewrite;
use crate::tuple::Tuple;
use account::Accounts;
use expire::{Aging, Ticks};
use hash::HashKey;
use help::HelpTable;
use list::Held;
use shift::ShiftTable;
use std::sync::Arc;
use table::Table;

/// What [`Conntrack::begin`] makes of a packet without a connection.
#[derive(Debug)]
pub enum Begin<A> {
    /// It begins one.
    New(NewConnection<A>),
    /// It cannot begin one.
    Invalid,
    /// Another worker has its connection.
    Owned(WorkerId),
    /// There is no room, and nobody to give way.
    Full,
}

/// What [`Conntrack::update`] makes of a packet with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It is part of it: New or Established.
    Accept(CtState),
    /// It is not.
    Invalid,
    /// The connection is over and the packet begins another: [remove](Conntrack::remove) it and
    /// [begin](Conntrack::begin).
    Reopen,
}

/// A connection that is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed<A> {
    /// Its tuple.
    pub original: Tuple<A>,
    /// Its answers' tuple.
    pub reply: Tuple<A>,
    /// Whether it counted in the table of source mappings.
    pub mapped: bool,
    /// Its status at the end.
    pub status: Status,
}

/// What happened to the connections of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Confirmed.
    pub inserted: u64,
    /// Not confirmed: a clash, or no room.
    pub insert_failed: u64,
    /// Gave way when the table was full.
    pub early_drops: u64,
    /// Not begun because the table was full.
    pub full: u64,
    /// Ended by time.
    pub expired: u64,
    /// Packets of no connection and not fit to begin one, as far as seen here.
    pub invalid: u64,
}

/// The table would not fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a table of {slots} connections; lower net.netfilter.nf_conntrack_max")]
pub struct TableTooLarge {
    pub(crate) slots: usize,
}

/// The connections of one worker and one IP version.
#[derive(Debug)]
pub struct Conntrack<A: Address> {
    worker: WorkerId,
    directory: Option<Arc<Directory<A>>>,
    table: Table<A>,
    shifts: ShiftTable,
    helps: HelpTable,
    /// Shared by all workers.
    expectations: Arc<Expectations<A>>,
    accounts: Accounts,
    aging: Aging,
    count: usize,
    capacity: usize,
    /// Where the search for a connection that gives way goes on.
    hand: u32,
    statistics: Statistics,
    journal: Option<Arc<Journal>>,
    /// Whether the journal had listeners at the last round of aging.
    telling: bool,
    /// The time of the last round of aging.
    aged: Ticks,
    /// While a packet is under way and somebody listens: what is to be told of its connection.
    held: Option<Held>,
    /// The process that asks for what is done now; zero for none.
    portid: u32,
}

impl<A: Address> Conntrack<A> {
    /// Slots beside the capacity: for connections that have given way until they are
    /// [expired](Self::expire).
    const SPARE: usize = 1024;

    /// An empty table for `capacity` connections, or `settings.max` if that is less. `hash_key` is
    /// secret. With several workers all share one `directory`, whose key is theirs then.
    ///
    /// # Errors
    /// The system has not that much memory.
    pub fn new(
        worker: WorkerId,
        settings: &ConntrackSettings,
        hash_key: [u64; 2],
        capacity: usize,
        directory: Option<Arc<Directory<A>>>,
    ) -> Result<Self, TableTooLarge> {
        let capacity = capacity.min(settings.bound());
        // What is hashed for one is good for the other.
        let key = directory.as_ref().map_or(HashKey(hash_key), |directory| directory.key());
        let slots = capacity.saturating_add(Self::SPARE);
        let accounts = Accounts::new(slots, settings.accounting);
        Ok(Self {
            worker,
            directory,
            table: Table::new(slots, key)?,
            shifts: ShiftTable::new(slots)?,
            helps: HelpTable::new(slots)?,
            expectations: Arc::new(Expectations::new(key.0)),
            accounts: accounts.ok_or(TableTooLarge { slots })?,
            aging: Aging::new(slots, Self::SPARE).ok_or(TableTooLarge { slots })?,
            count: 0,
            capacity,
            hand: 0,
            statistics: Statistics::default(),
            journal: None,
            telling: false,
            aged: Ticks::default(),
            held: None,
            portid: 0,
        })
    }

    /// The same, telling events where somebody can hear them.
    #[must_use]
    pub fn with_journal(mut self, journal: Arc<Journal>) -> Self {
        self.telling = journal.is_listened_to();
        self.journal = Some(journal);
        self
    }

    /// The same, with what all workers' connections expect.
    #[must_use]
    pub fn with_expectations(mut self, expectations: Arc<Expectations<A>>) -> Self {
        self.expectations = expectations;
        self
    }

    /// The hash [`Self::lookup`] wants.
    #[must_use]
    #[inline]
    pub fn hash(&self, tuple: &Tuple<A>) -> u64 {
        self.table.hash(tuple)
    }

    /// The direction of a connection of this worker that has `tuple`.
    #[must_use]
    #[inline]
    pub fn lookup(&self, hash: u64, tuple: &Tuple<A>) -> Option<FlowRef> {
        self.table.find(hash, tuple)
    }

    /// One direction of a connection.
    #[must_use]
    pub fn half(&self, flow: FlowRef) -> &Half<A> {
        self.table.half(flow)
    }
    /// One direction of a connection.
    pub fn half_mut(&mut self, flow: FlowRef) -> &mut Half<A> {
        self.table.half_mut(flow)
    }
    /// What both directions share.
    #[must_use]
    pub fn common(&self, flow: FlowRef) -> &Common {
        &self.table.session(flow.session()).common
    }
    /// What both directions share.
    pub fn common_mut(&mut self, flow: FlowRef) -> &mut Common {
        &mut self.table.session_mut(flow.session()).common
    }
    /// What becomes of the packets of a direction.
    #[must_use]
    pub fn rewrite(&self, flow: FlowRef) -> Rewrite<A> {
        self.table.rewrite(flow)
    }

    /// Connections in the table.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
    /// Whether one more finds room without another giving way.
    pub(crate) const fn has_room(&self, settings: &ConntrackSettings) -> bool {
        self.count < self.capacity && self.count < settings.bound()
    }
    /// Connections it has room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }
    /// Bytes of memory reserved.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.table.bytes()
    }
    /// What has happened so far.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }
}
