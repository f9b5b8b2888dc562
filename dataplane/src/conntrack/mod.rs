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
mod change;
mod claim;
mod create;
mod directory;
mod early_drop;
mod excerpt;
mod expect;
mod expect_list;
mod expire;
pub(crate) mod ftp;
mod hash;
mod help;
mod icmp;
mod icmp_error;
mod index;
mod journal;
mod lifecycle;
mod list;
mod policy;
mod protocol;
mod quick;
mod sctp;
mod sctp_state;
mod segment;
mod shift;
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
pub use create::{Creation, GivenState, NotCreated};
pub use directory::{Claim, Directory};
pub use excerpt::{Excerpt, Foreseen, Numbers, Sought};
pub use expect::Expectations;
pub(crate) use expect::{Expected, Follow, Refused};
pub use expect_list::ListedExpectation;
pub use help::Helper;
pub use journal::{Changes, Event, EventKind, ExpectationEvent, Journal, News};
pub use list::Listed;
pub use policy::{Policies, PolicyId, PolicyKind};
pub(crate) use quick::Moment;
pub use sctp_state::SctpConnectionState;
pub(crate) use table::Hashes;
pub use table::{Common, FlowRef, Half};
pub use tcp_state::TcpConnectionState;
pub use tcp_window::Window;
pub use timeouts::{ConntrackSettings, SctpTimeouts, TcpTimeouts, Timeouts};
pub use tuples::{is_untracked_protocol, reply_of, tuple_of};
pub use zones::Zones;
pub(crate) use zones::in_zone;

use crate::address::Address;
use crate::ids::{InterfaceId, WorkerId};
use crate::nat::Rewrite;
use crate::tuple::Tuple;
use account::Accounts;
use expect::Ticket;
use expire::{Aging, Ticks};
use hash::HashKey;
use help::HelpTable;
use list::Held;
use shift::{Role, ShiftTable};
use std::sync::Arc;
use table::Table;
use tcp::TcpState;

/// The state rules match on (`--ctstate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtState {
    /// Of a connection that nobody has answered yet.
    New,
    /// Of a connection seen in both directions.
    Established,
    /// An ICMP error about a connection.
    Related,
    /// Of no connection, and not fit to begin one.
    Invalid,
    /// Not looked at.
    Untracked,
}

/// Which way a packet of a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Direction {
    /// As its first packet.
    #[default]
    Original,
    /// The other way.
    Reply,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// What has become of a connection (the kernel's `IPS_*`), and in the bits of [`Changes`] of what nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(u16);

impl Status {
    /// A packet of the reply direction was seen.
    pub const SEEN_REPLY: Self = Self(0x01);
    /// It does not give way when the table fills.
    pub const ASSURED: Self = Self(0x02);
    /// It is in the table.
    pub const CONFIRMED: Self = Self(0x04);
    /// Its source is translated.
    pub const SRC_NAT: Self = Self(0x08);
    /// Its destination is translated.
    pub const DST_NAT: Self = Self(0x10);
    /// It is out of the index; only the packet that ended it still knows it.
    pub const DYING: Self = Self(0x20);
    /// It counts in the table of source mappings.
    pub(super) const MAPPED: Self = Self(0x40);
    /// Its source was translated by MASQUERADE: it ends when its way out goes down.
    pub const MASQUERADED: Self = Self(0x80);
    /// A helper has expected it.
    pub const EXPECTED: Self = Self(0x0400);
    /// Its packets are looked at one by one: SYNPROXY has begun it, its ends count differently, or it has a helper. Which
    /// of these lies [beside](shift::Role) the table.
    pub(crate) const ADJUSTED: Self = Self(0x0800);
    /// It has an account.
    pub(super) const ACCOUNTED: Self = Self(0x100);

    /// Whether any of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }
    /// Whether it is in the table, answered and assured, as TCP's established connections stay, and its packets leave
    /// with the numbers they came with.
    #[inline]
    pub(crate) const fn is_settled(self) -> bool {
        const SETTLED: u16 = Status::SEEN_REPLY.0 | Status::ASSURED.0 | Status::CONFIRMED.0;
        self.0 & (SETTLED | Self::DYING.0 | Self::ADJUSTED.0) == SETTLED
    }
    pub(super) const fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }
    const fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }
    /// What nobody is told of it after its beginning.
    #[must_use]
    pub const fn silenced(self) -> Changes {
        Changes::among(self.0)
    }
    const fn silence(&mut self, changes: Changes) {
        let later = changes.without(Changes::NEW);
        self.0 = self.0 & !Changes::LATER.bits() | later.bits();
    }
    /// What `self` has and `before` had not, of what is told.
    const fn changes_since(self, before: Self) -> Changes {
        let fresh = Self(self.0 & !before.0);
        Changes::among(0)
            .and_if(fresh.has(Self::SEEN_REPLY), Changes::REPLY)
            .and_if(fresh.has(Self::ASSURED), Changes::ASSURED)
    }
}

/// A connection that its first packet has begun and that is not in the table yet. It holds claims:
/// end it with [`Conntrack::confirm`] or [`Conntrack::abandon`].
#[derive(Debug)]
pub struct NewConnection<A> {
    /// The tuple of its first packet.
    pub original: Tuple<A>,
    /// The tuple of the answers as they will arrive. NAT changes it.
    pub reply: Tuple<A>,
    /// Whether the translation counts in the table of source mappings.
    pub mapped: bool,
    /// Set by CONNMARK.
    pub mark: u32,
    /// Where it goes out.
    pub egress: InterfaceId,
    pub(crate) status: Status,
    /// Bytes of its first packet, where it has an account.
    pub(crate) first_bytes: u32,
    /// What nobody is to be told of it.
    pub(crate) silenced: Changes,
    /// Why its packets are looked at one by one.
    pub(crate) role: Role,
    /// What it expects.
    pub(crate) ticket: Ticket,
    /// Its translation is that of the connection that expected it, and no rule is asked.
    pub(crate) followed: bool,
    /// The reply tuple that is claimed.
    pub(crate) claimed: Option<Tuple<A>>,
    pub(crate) first: FirstPacket,
}

impl<A: Address> NewConnection<A> {
    /// One that nothing more is known of than its tuples and what its first packet means.
    #[inline]
    pub(crate) fn of(original: Tuple<A>, reply: Tuple<A>, first: FirstPacket) -> Self {
        Self {
            original,
            reply,
            mapped: false,
            mark: 0,
            egress: InterfaceId::default(),
            status: Status::default(),
            first_bytes: 0,
            silenced: Changes::default(),
            role: Role::default(),
            ticket: Ticket::NONE,
            followed: false,
            claimed: None,
            first,
        }
    }

    /// What can be told of it when it has not come to be.
    #[must_use]
    pub(crate) const fn unclaimed(&self) -> Self {
        Self { claimed: None, mapped: false, ticket: Ticket::NONE, ..*self }
    }
    /// Notes that the source is translated.
    pub const fn set_source_translated(&mut self) {
        self.status.set(Status::SRC_NAT);
    }
    /// Notes that MASQUERADE has chosen the source, an address of the way out.
    pub const fn set_masqueraded(&mut self, egress: InterfaceId) {
        self.egress = egress;
        self.status.set(Status::MASQUERADED);
    }
    /// Notes that SYNPROXY begins it.
    pub(crate) const fn set_proxied(&mut self) {
        self.set_role(Role::PROXIED);
    }
    const fn set_role(&mut self, role: Role) {
        self.role.set(role);
        self.status.set(Status::ADJUSTED);
    }
    /// Notes that the destination is translated.
    pub const fn set_destination_translated(&mut self) {
        self.status.set(Status::DST_NAT);
    }
    /// Lets nobody be told of these changes.
    pub const fn silence(&mut self, changes: Changes) {
        self.silenced = changes;
        self.status.silence(changes);
    }
    /// Whether the source is translated.
    #[must_use]
    pub const fn is_source_translated(&self) -> bool {
        self.status.has(Status::SRC_NAT)
    }
    /// Whether the destination is translated.
    #[must_use]
    pub const fn is_destination_translated(&self) -> bool {
        self.status.has(Status::DST_NAT)
    }
}

/// What the first packet means to its protocol.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FirstPacket {
    tcp: TcpState,
    windows: [Window; 2],
    /// Seconds until the connection ends if nothing more comes.
    timeout: u32,
}

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
            aging: Aging::new(Self::SPARE),
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
