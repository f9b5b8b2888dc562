//! The flow table of one worker: where connections and their two directions are kept.
//!
//! ```text
//!   Index: hash -> half        halves:      [c0 original][c0 reply][c1 original][c1 reply] …
//!                              connections: [c0         ][c1         ] …
//! ```
//!
//! A half is what a packet needs: one cache line for IPv4. A connection is what both directions share
//! and most packets do not touch. For IPv4 a session takes 2 × 64 bytes of halves, 64 of connection and,
//! the index being half full, 2 × 16 of index: 224 bytes.

use super::expire::Ticks;
use super::hash::HashKey;
use super::index::Index;
use super::tcp::TcpState;
use super::tcp_window::Window;
use super::{Direction, Status};
use crate::address::{Address, V4};
use crate::cache::Cached;
use crate::ids::InterfaceId;
use crate::nat::Rewrite;
use crate::tuple::Tuple;

/// One direction of a connection in the table. Holds until the worker next
/// [expires](super::Conntrack::expire) or removes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowRef(pub(super) u32);

impl FlowRef {
    /// Which direction.
    #[must_use]
    pub const fn direction(self) -> Direction {
        if self.0 & 1 == 0 { Direction::Original } else { Direction::Reply }
    }
    /// The other direction.
    #[must_use]
    pub const fn peer(self) -> Self {
        Self(self.0 ^ 1)
    }
    pub(super) const fn connection(self) -> u32 {
        self.0 >> 1
    }
    pub(super) const fn original_of(connection: u32) -> Self {
        Self(connection << 1)
    }
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One direction of a connection: what its packets look like, what becomes of them, and how far they
/// have got.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Half<A> {
    /// What packets of this direction look like on arrival.
    pub key: Tuple<A>,
    /// What they look like when they leave.
    pub rewrite: Rewrite<A>,
    /// The verdict on the last one.
    pub cache: Cached,
    pub(super) window: Window,
}

const _: () = assert!(size_of::<Half<V4>>() == 64);
const _: () = assert!(size_of::<Half<crate::address::V6>>() == 128);
const _: () = assert!(size_of::<Connection>() == 64);

impl<A> Half<A> {
    /// When this direction's silence ends a connection without windows, if its peer is silent as well.
    pub(super) const fn deadline(&self) -> Ticks {
        Ticks(self.window.end)
    }
    pub(super) const fn set_deadline(&mut self, deadline: Ticks) {
        self.window.end = deadline.0;
    }
}

/// What both directions of a connection share.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Connection {
    /// Set by CONNMARK; zero until then.
    pub mark: u32,
    /// Where its first packet came in.
    pub ingress: InterfaceId,
    /// Where its first packet went out.
    pub egress: InterfaceId,
    /// What has become of it.
    pub status: Status,
    pub(super) tcp: TcpState,
    /// When it ends. Of TCP; other protocols keep it in their [halves](Half::deadline).
    pub(super) deadline: Ticks,
    /// From when on a UDP exchange counts as a stream.
    pub(super) stream_from: Ticks,
    /// Neighbours in the list of connections that expire together, or that are dying; the next free
    /// slot.
    pub(super) next: u32,
    pub(super) previous: u32,
}

impl Connection {
    /// Whether its source address or port is translated.
    #[must_use]
    pub const fn is_source_translated(&self) -> bool {
        self.status.has(Status::SRC_NAT)
    }
    /// Whether its destination address or port is translated.
    #[must_use]
    pub const fn is_destination_translated(&self) -> bool {
        self.status.has(Status::DST_NAT)
    }
}

/// No connection: the end of a list.
pub(super) const NIL: u32 = u32::MAX;

/// The table proper.
#[derive(Debug)]
pub(super) struct Table<A> {
    key: HashKey,
    index: Index,
    pub(super) halves: Vec<Half<A>>,
    pub(super) connections: Vec<Connection>,
    free: u32,
    slots: usize,
}

impl<A: Address> Table<A> {
    /// A table of `slots` connections. All memory is reserved here, and touched when first used.
    ///
    /// # Errors
    /// The system has not that much memory.
    pub(super) fn new(slots: usize, key: HashKey) -> Result<Self, super::TableTooLarge> {
        // Halves are numbered with 32 bits, of which the lists of the wheel take some.
        const MOST: usize = 1 << 30;
        let error = super::TableTooLarge { slots };
        if slots > MOST {
            return Err(error);
        }
        let (mut halves, mut connections) = (Vec::new(), Vec::new());
        halves.try_reserve_exact(2 * slots).map_err(|_| error)?;
        connections.try_reserve_exact(slots).map_err(|_| error)?;
        let index = Index::new(2 * slots).map_err(|_| error)?;
        Ok(Self { key, index, halves, connections, free: NIL, slots })
    }

    /// Bytes reserved.
    pub(super) const fn bytes(&self) -> usize {
        self.index.bytes() + self.slots * (2 * size_of::<Half<A>>() + size_of::<Connection>())
    }

    /// Whether no slot is left.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.free == NIL && self.connections.len() == self.slots
    }

    pub(super) fn hash(&self, tuple: &Tuple<A>) -> u64 {
        self.key.hash(tuple)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, tuple: &Tuple<A>) -> Option<FlowRef> {
        let is_it =
            |entry: u32| self.halves.get(entry as usize).is_some_and(|half| half.key == *tuple);
        self.index.find(hash, is_it).map(FlowRef)
    }

    pub(super) fn half(&self, flow: FlowRef) -> &Half<A> {
        &self.halves[flow.index()]
    }
    pub(super) fn half_mut(&mut self, flow: FlowRef) -> &mut Half<A> {
        &mut self.halves[flow.index()]
    }
    pub(super) fn connection(&self, number: u32) -> &Connection {
        &self.connections[number as usize]
    }
    pub(super) fn connection_mut(&mut self, number: u32) -> &mut Connection {
        &mut self.connections[number as usize]
    }

    /// A connection with the halves of both directions, the one `flow` names first.
    pub(super) fn parts(
        &mut self,
        flow: FlowRef,
    ) -> Option<(&mut Connection, &mut Half<A>, &mut Half<A>)> {
        let halves = self.halves.get_disjoint_mut([flow.index(), flow.peer().index()]);
        let [own, peer] = halves.ok()?;
        Some((self.connections.get_mut(flow.connection() as usize)?, own, peer))
    }

    /// Puts a connection into a free slot and both tuples into the index; none when there is no room.
    /// The tuples must not be in the table.
    pub(super) fn insert(&mut self, connection: Connection, halves: [Half<A>; 2]) -> Option<u32> {
        let number = self.take_slot(connection, halves)?;
        let [original, reply] = halves.map(|half| half.key);
        let flow = FlowRef::original_of(number);
        if self.enter(flow, &original) {
            // A connection whose answers look like its questions stands in the index once.
            if original == reply || self.enter(flow.peer(), &reply) {
                return Some(number);
            }
            self.index.remove(self.key.hash(&original), flow.0);
        }
        self.free(number);
        None
    }

    fn enter(&mut self, flow: FlowRef, tuple: &Tuple<A>) -> bool {
        let (key, halves) = (self.key, &self.halves);
        let hash_of = |entry: u32| halves.get(entry as usize).map_or(0, |half| key.hash(&half.key));
        self.index.insert(key.hash(tuple), flow.0, hash_of)
    }

    fn take_slot(&mut self, connection: Connection, halves: [Half<A>; 2]) -> Option<u32> {
        let [original, reply] = halves;
        if self.free == NIL {
            if self.connections.len() == self.slots {
                return None;
            }
            let number = u32::try_from(self.connections.len()).ok()?;
            self.connections.push(connection);
            self.halves.push(original);
            self.halves.push(reply);
            return Some(number);
        }
        let number = self.free;
        let flow = FlowRef::original_of(number);
        self.free = self.connection(number).next;
        *self.connection_mut(number) = connection;
        *self.half_mut(flow) = original;
        *self.half_mut(flow.peer()) = reply;
        Some(number)
    }

    /// Takes both tuples out of the index: no packet finds the connection any more.
    pub(super) fn unlink(&mut self, number: u32) {
        let flow = FlowRef::original_of(number);
        for flow in [flow, flow.peer()] {
            let hash = self.key.hash(&self.half(flow).key);
            self.index.remove(hash, flow.0);
        }
    }

    /// Gives the slot of an unlinked connection back.
    pub(super) fn free(&mut self, number: u32) {
        let next = self.free;
        let connection = self.connection_mut(number);
        connection.status = Status::default();
        connection.next = next;
        self.free = number;
    }
}
