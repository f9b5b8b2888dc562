//! The flow table of one worker: where connections and their two directions are kept.
//!
//! ```text
//!   Index: hash -> flow        sessions, two cache lines each (IPv4):
//!                              [ original 48 | common 16 ][ reply 48 | TCP history 16 ] …
//! ```
//!
//! A direction's new addresses and ports are not stored: they are the other direction's key, read backwards.
//! An IPv4 session takes 128 bytes, and 26 to 32 of an index that is made to be half to five eighths full: 160 bytes at
//! most, all state included.

use super::expire::Ticks;
use super::free_slots::FreeSlots;
use super::hash::HashKey;
use super::index::Index;
use super::sctp_state::SctpConnectionState;
use super::tcp::{TcpHistory, TcpState};
use super::tcp_state::{Kind, TcpConnectionState};
use super::tcp_window::Window;
use super::{Direction, Status};
use crate::address::{Address, V4};
use crate::cache::Cached;
use crate::ids::InterfaceId;
use crate::nat::{Delta, Rewrite};
use crate::tuple::Tuple;
use std::ops::Range;

/// One direction of a connection in the table. Holds until the worker next
/// [expires](super::Conntrack::expire) or removes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRef(pub(super) u32);

impl FlowRef {
    /// Which direction.
    #[must_use]
    #[inline]
    pub const fn direction(self) -> Direction {
        if self.0 & 1 == 0 { Direction::Original } else { Direction::Reply }
    }
    /// The other direction.
    #[must_use]
    #[inline]
    pub const fn peer(self) -> Self {
        Self(self.0 ^ 1)
    }
    #[inline]
    pub(super) const fn session(self) -> u32 {
        self.0 >> 1
    }
    pub(super) const fn original_of(session: u32) -> Self {
        Self(session << 1)
    }
}

/// One direction of a connection: what its packets look like, what becomes of them, and how far they
/// have got.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Half<A> {
    /// What packets of this direction look like on arrival.
    pub key: Tuple<A>,
    /// The verdict on the last one.
    pub cache: Cached,
    /// By how much translation changes their checksums.
    pub(crate) delta: Delta,
    /// TCP: the highest acknowledgement sent.
    pub(super) max_ack: u32,
    /// TCP: what has been sent and may be sent.
    pub(super) window: Window,
}

/// What both directions of a connection share.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct Common {
    /// Set by CONNMARK; zero until then. Of a free slot, what [`FreeSlots`] keeps there.
    pub mark: u32,
    /// When it ends.
    pub(super) deadline: Ticks,
    /// Where its first packet went out.
    pub egress: InterfaceId,
    /// What has become of it; [`Status::default`] in a free slot.
    pub status: Status,
    /// TCP: its state.
    pub(super) state: TcpConnectionState,
    /// TCP: the last segment that counted, or that was ignored.
    pub(super) last_kind: Kind,
    pub(super) last_direction: Direction,
    pub(super) repetitions: u8,
}

impl Common {
    /// Whether its source address or port is translated.
    #[must_use]
    pub const fn is_source_translated(&self) -> bool {
        self.status.has(Status::SRC_NAT)
    }
    /// Whether either is translated.
    pub(crate) fn is_translated(&self) -> bool {
        self.is_source_translated() || self.is_destination_translated()
    }
    /// Whether its destination address or port is translated.
    #[must_use]
    pub const fn is_destination_translated(&self) -> bool {
        self.status.has(Status::DST_NAT)
    }
    /// SCTP: its state, where TCP counts repetitions.
    pub(super) fn sctp_state(&self) -> SctpConnectionState {
        SctpConnectionState::numbered(self.repetitions)
    }
    /// Whether packets belong to it.
    pub(super) const fn is_live(&self) -> bool {
        self.status.has(Status::CONFIRMED) && !self.status.has(Status::DYING)
    }
}

/// A connection in the table.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Session<A> {
    original: Half<A>,
    pub(super) common: Common,
    reply: Half<A>,
    pub(super) history: TcpHistory,
}

const _: () = assert!(size_of::<Session<V4>>() == 128);
const _: () = assert!(size_of::<Session<crate::address::V6>>() == 192);

/// A connection seen from one of its directions.
pub(super) struct Parts<'s, A> {
    pub(super) own: &'s mut Half<A>,
    pub(super) peer: &'s mut Half<A>,
    pub(super) common: &'s mut Common,
    pub(super) history: &'s mut TcpHistory,
}

impl<A: Address> Session<A> {
    pub(super) fn new([original, reply]: [Half<A>; 2], common: Common, tcp: &TcpState) -> Self {
        let mut session = Self { original, common, reply, history: TcpHistory::default() };
        session.parts(Direction::Original).set_tcp(Direction::Original, tcp);
        session
    }

    #[inline]
    pub(super) fn half(&self, direction: Direction) -> &Half<A> {
        match direction {
            Direction::Original => &self.original,
            Direction::Reply => &self.reply,
        }
    }

    #[inline]
    pub(super) fn half_mut(&mut self, direction: Direction) -> &mut Half<A> {
        match direction {
            Direction::Original => &mut self.original,
            Direction::Reply => &mut self.reply,
        }
    }

    #[inline]
    pub(super) fn parts(&mut self, direction: Direction) -> Parts<'_, A> {
        let Self { original, common, reply, history } = self;
        let (own, peer) = match direction {
            Direction::Original => (original, reply),
            Direction::Reply => (reply, original),
        };
        Parts { own, peer, common, history }
    }

    /// What becomes of a packet of this direction.
    #[inline]
    fn rewrite(&self, direction: Direction) -> Rewrite<A> {
        Rewrite::towards(&self.half(direction.opposite()).key, self.half(direction).delta)
    }

    /// From when on a UDP exchange counts as a stream: protocols without windows keep it in one.
    pub(super) const fn set_stream_from(&mut self, time: Ticks) {
        self.reply.window.end = time.0;
    }

    fn prefetch(&self) {
        dpdk::cpu::prefetch(&self.original);
        dpdk::cpu::prefetch(&self.reply);
        // An IPv6 session has a third line.
        if size_of::<Self>() > 2 * dpdk::cpu::CACHE_LINE {
            dpdk::cpu::prefetch(&self.history);
        }
    }
}

impl<A> Parts<'_, A> {
    /// What [`Session::set_stream_from`] set; `own` is the half of `direction`.
    pub(super) const fn stream_from(&self, direction: Direction) -> Ticks {
        Ticks(match direction {
            Direction::Original => self.peer.window.end,
            Direction::Reply => self.own.window.end,
        })
    }

    /// The TCP state, gathered from where it lies; `own` is that of `direction`.
    pub(super) fn tcp(&self, direction: Direction) -> TcpState {
        let (original, reply) = match direction {
            Direction::Original => (self.own.max_ack, self.peer.max_ack),
            Direction::Reply => (self.peer.max_ack, self.own.max_ack),
        };
        TcpState {
            state: self.common.state,
            last_kind: self.common.last_kind,
            last_direction: self.common.last_direction,
            repetitions: self.common.repetitions,
            history: *self.history,
            max_ack: [original, reply],
        }
    }

    /// The inverse of [`Self::tcp`].
    pub(super) fn set_tcp(&mut self, direction: Direction, tcp: &TcpState) {
        let [original, reply] = tcp.max_ack;
        (self.own.max_ack, self.peer.max_ack) = match direction {
            Direction::Original => (original, reply),
            Direction::Reply => (reply, original),
        };
        self.common.state = tcp.state;
        self.common.last_kind = tcp.last_kind;
        self.common.last_direction = tcp.last_direction;
        self.common.repetitions = tcp.repetitions;
        *self.history = tcp.history;
    }
}

/// Of both tuples of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hashes {
    pub(crate) original: u64,
    pub(crate) reply: u64,
}

/// The table proper.
#[derive(Debug)]
pub(super) struct Table<A> {
    key: HashKey,
    index: Index,
    sessions: Vec<Session<A>>,
    free: FreeSlots,
    slots: usize,
}

impl<A: Address> Table<A> {
    /// A table of `slots` connections. All memory is taken here.
    ///
    /// # Errors
    /// The system has not that much memory.
    pub(super) fn new(slots: usize, key: HashKey) -> Result<Self, super::TableTooLarge> {
        // Directions are numbered with 32 bits.
        const MOST: usize = 1 << 30;
        let error = super::TableTooLarge { slots };
        if slots > MOST {
            return Err(error);
        }
        let mut sessions = Vec::new();
        sessions.try_reserve_exact(slots).map_err(|_| error)?;
        dpdk::memory::populate(&sessions);
        let index = Index::new(2 * slots).map_err(|_| error)?;
        Ok(Self { key, index, sessions, free: FreeSlots::new(), slots })
    }

    /// Bytes reserved.
    pub(super) const fn bytes(&self) -> usize {
        self.index.bytes() + self.slots * size_of::<Session<A>>()
    }

    /// Whether no slot is left.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.free.is_empty() && self.sessions.len() == self.slots
    }

    /// Slots that have ever been used: sessions are numbered below this.
    pub(super) const fn used(&self) -> usize {
        self.sessions.len()
    }

    #[inline]
    pub(super) fn hash(&self, tuple: &Tuple<A>) -> u64 {
        self.key.hash(tuple)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, tuple: &Tuple<A>) -> Option<FlowRef> {
        let is_it = |entry: u32| {
            let flow = FlowRef(entry);
            let session = self.sessions.get(flow.session() as usize);
            session.is_some_and(|session| session.half(flow.direction()).key.is(tuple))
        };
        self.index.find(hash, is_it).map(FlowRef)
    }

    /// Brings the index line of `hash` towards L1.
    #[inline]
    pub(super) fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(hash);
    }

    /// The first entry whose tag fits, on its way to L1; its key may be another's.
    #[inline]
    pub(super) fn candidate(&self, hash: u64) -> Option<FlowRef> {
        let flow = FlowRef(self.index.candidate(hash)?);
        self.sessions.get(flow.session() as usize)?.prefetch();
        Some(flow)
    }

    /// Brings a slot towards L1; any number will do.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        if let Some(session) = self.sessions.get(number as usize) {
            session.prefetch();
        }
    }

    /// Brings what both directions share in a slot towards L1; any number will do.
    #[inline]
    pub(super) fn prefetch_common(&self, number: u32) {
        if let Some(session) = self.sessions.get(number as usize) {
            dpdk::cpu::prefetch(&session.common);
        }
    }

    /// Those of the slots of these numbers that have been used.
    #[inline]
    pub(super) fn sessions(&self, Range { start, end }: Range<u32>) -> &[Session<A>] {
        let end = self.sessions.len().min(end as usize);
        self.sessions.get(start as usize..end).unwrap_or_default()
    }

    #[inline]
    pub(super) fn session(&self, number: u32) -> &Session<A> {
        &self.sessions[number as usize]
    }
    #[inline]
    pub(super) fn session_mut(&mut self, number: u32) -> &mut Session<A> {
        &mut self.sessions[number as usize]
    }
    #[inline]
    pub(super) fn half(&self, flow: FlowRef) -> &Half<A> {
        self.session(flow.session()).half(flow.direction())
    }
    #[inline]
    pub(super) fn half_mut(&mut self, flow: FlowRef) -> &mut Half<A> {
        self.session_mut(flow.session()).half_mut(flow.direction())
    }
    #[inline]
    pub(super) fn rewrite(&self, flow: FlowRef) -> Rewrite<A> {
        self.session(flow.session()).rewrite(flow.direction())
    }

    /// Puts a connection into a free slot and both tuples into the index; none when there is no room.
    /// The tuples, of these hashes, must not be in the table.
    pub(super) fn insert(&mut self, session: Session<A>, hashes: Hashes) -> Option<u32> {
        // A connection whose answers look like its questions stands in the index once. What comes after its first packet is
        // taken for answers: the kernel finds the entry that it puts in last (`__nf_conntrack_hash_insert`).
        let once = session.original.key.is(&session.reply.key);
        let number = self.take_slot(session)?;
        let flow = FlowRef::original_of(number);
        if self.enter(flow.peer(), hashes.reply) {
            if once || self.enter(flow, hashes.original) {
                return Some(number);
            }
            self.index.remove(hashes.reply, flow.peer().0);
        }
        self.free(number);
        None
    }

    fn enter(&mut self, flow: FlowRef, hash: u64) -> bool {
        let (key, sessions) = (self.key, &self.sessions);
        let hash_of = |entry: u32| {
            let flow = FlowRef(entry);
            let session = sessions.get(flow.session() as usize);
            session.map_or(0, |session| key.hash(&session.half(flow.direction()).key))
        };
        self.index.insert(hash, flow.0, hash_of)
    }

    fn take_slot(&mut self, session: Session<A>) -> Option<u32> {
        let Some(number) = self.free.next() else {
            if self.sessions.len() == self.slots {
                return None;
            }
            let number = u32::try_from(self.sessions.len()).ok()?;
            self.sessions.push(session);
            return Some(number);
        };
        let slot = self.sessions.get_mut(number as usize)?;
        let soon = self.free.take(slot.common.mark);
        *slot = session;
        self.prefetch(soon);
        Some(number)
    }

    /// Takes both tuples out of the index and forgets the verdicts: no packet finds the connection any
    /// more, nor does one that found it a moment ago trust what it sees.
    pub(super) fn unlink(&mut self, number: u32, hashes: Hashes) {
        let flow = FlowRef::original_of(number);
        for (flow, hash) in [(flow, hashes.original), (flow.peer(), hashes.reply)] {
            self.index.remove(hash, flow.0);
            self.half_mut(flow).cache.clear();
        }
    }

    /// The hashes of both tuples of a connection.
    #[inline]
    pub(super) fn hashes(&self, number: u32) -> Hashes {
        let session = self.session(number);
        Hashes {
            original: self.key.hash(&session.original.key),
            reply: self.key.hash(&session.reply.key),
        }
    }

    /// Gives the slot of an unlinked connection back.
    pub(super) fn free(&mut self, number: u32) {
        let kept = self.free.give(number);
        let common = &mut self.session_mut(number).common;
        common.status = Status::default();
        common.mark = kept;
    }
}
