//! Reassembly, for connection tracking and for INPUT. The fragments of a datagram are collected, not copied together:
//! rules see the datagram, and the egress sends the fragments in the sizes they came in, as Linux does.
//!
//! ```text
//!   key ──> | 0..1480 | 1480..2960 |  gap  | 4440..5000 last |    sorted, no overlap
//! ```
//!
//! Follows kernel `inet_fragment.c`, `ip_fragment.c` and `nf_conntrack_reasm.c`, RFC 815, RFC 5722. An
//! IPv4 fragment that is not the last and no multiple of eight long, which the kernel would cut to one,
//! is dropped.

use crate::address::{IpVersion, V4, V6};
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::time::Instant;
use crate::wire::header::set_tos;
use crate::wire::parse::{Headers, fragment_data};
use crate::wire::protocol;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::net::IpAddr;
use std::time::Duration;

/// Fragments of one datagram at most: 64 KiB in pieces of 1,480 bytes take 45.
const MAX_FRAGMENTS: usize = 64;

/// The mark of ECN for congestion that was met.
const CONGESTION: u8 = 3;

/// What a fragment led to.
#[derive(Debug)]
pub enum Reassembly<P> {
    /// The datagram is not complete.
    Pending,
    /// It is.
    Complete(Datagram<P>),
    /// The fragment is dropped, with as many others as the number says.
    Dropped(DropReason, usize),
}

/// A complete datagram.
#[derive(Debug)]
pub struct Datagram<P> {
    /// Its fragments with their headers, in order.
    pub pieces: Vec<(P, Headers)>,
    /// The mark that rules gave to the first.
    pub mark: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    id: u32,
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ingress: InterfaceId,
}

#[derive(Debug)]
struct Partial<P> {
    deadline: Instant,
    /// The first piece's.
    mark: u32,
    /// Sorted by offset, without overlap.
    pieces: Vec<(P, Headers)>,
}

/// With a fixed key: whoever finds keys that collide gains a walk over `capacity` entries, no more.
type Datagrams<P> = hashbrown::HashMap<Key, Partial<P>, BuildHasherDefault<DefaultHasher>>;

/// Datagrams in reassembly of one worker. Bounded in datagrams and in fragments; what comes when it is
/// full is refused, nothing is evicted (kernel `ipfrag_high_thresh`).
#[derive(Debug)]
pub struct Reassembler<P> {
    partial: Datagrams<P>,
    /// Empty lists of pieces, kept so that nothing is allocated later.
    spare: Vec<Vec<(P, Headers)>>,
    capacity: usize,
    held: usize,
    /// No datagram expires before.
    next_deadline: Instant,
}

/// Why a fragment does not fit to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfit {
    /// They hold all of it.
    Duplicate,
    /// It says that the datagram ends elsewhere.
    End,
    /// They hold some of it.
    Overlap,
}

/// What part of its datagram a fragment holds: the bytes `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u32,
    to: u32,
    last: bool,
}

fn span<P: Packet>(packet: &P, headers: &Headers) -> Span {
    let from = headers.fragment.map_or(0, |fragment| u32::from(fragment.offset));
    let start = fragment_data(packet.data(), headers);
    let to = from + u32::from(headers.end.saturating_sub(start));
    Span { from, to, last: headers.fragment.is_none_or(|fragment| !fragment.more) }
}

impl<P: Packet> Reassembler<P> {
    /// Room for `capacity` datagrams, and for twice as many fragments.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            partial: Datagrams::with_capacity_and_hasher(capacity, BuildHasherDefault::new()),
            spare: (0..capacity).map(|_| Vec::with_capacity(MAX_FRAGMENTS)).collect(),
            capacity,
            held: 0,
            next_deadline: Instant(u64::MAX),
        }
    }

    /// Fragments held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes a fragment, with the mark that rules gave it.
    pub fn push(
        &mut self,
        packet: P,
        headers: &Headers,
        ingress: InterfaceId,
        mark: u32,
        now: Instant,
    ) -> Reassembly<P> {
        let Span { from, to, last } = span(&packet, headers);
        // RFC 791: all but the last are multiples of eight; none reaches beyond 65,535.
        let header = match headers.version {
            IpVersion::V4 => u32::from(headers.l4.saturating_sub(headers.l3)),
            IpVersion::V6 => 0,
        };
        let key = key_of(&packet, headers, ingress);
        let odd = !last && !(to - from).is_multiple_of(8);
        // The kernel gives up the datagram: in IPv4 because of one that holds nothing, in IPv6 of one that is cut wrongly.
        let spoils = match headers.version {
            IpVersion::V4 => from == to || odd && to - from < 8,
            IpVersion::V6 => odd,
        };
        if spoils {
            return self.discard(&key, DropReason::BadFragment);
        }
        if from == to || odd || to + header > 65_535 {
            return Reassembly::Dropped(DropReason::BadFragment, 0);
        }
        if headers.version == IpVersion::V6 && from == 0 && !has_whole_header(&packet, headers) {
            return Reassembly::Dropped(DropReason::BadFragment, 0);
        }
        if self.held >= (2 * self.capacity).max(MAX_FRAGMENTS) {
            return Reassembly::Dropped(DropReason::ReassemblyFull, 0);
        }
        if !self.partial.contains_key(&key) && !self.open(key, headers.version, now) {
            return Reassembly::Dropped(DropReason::ReassemblyFull, 0);
        }
        let Some(partial) = self.partial.get_mut(&key) else {
            return Reassembly::Dropped(DropReason::ReassemblyFull, 0);
        };
        if from == 0 {
            partial.mark = mark;
        }
        let first_mark = partial.mark;
        match partial.insert(packet, *headers) {
            Ok(true) => {
                self.held += 1;
                match partial.congestion() {
                    Some(congestion) => {
                        let mut pieces = self.close(&key);
                        mark_alike(&mut pieces, congestion);
                        Reassembly::Complete(Datagram { pieces, mark: first_mark })
                    }
                    None => match self.discard(&key, DropReason::BadFragment) {
                        // The one at hand is among the pieces.
                        Reassembly::Dropped(reason, all) => Reassembly::Dropped(reason, all - 1),
                        other @ (Reassembly::Pending | Reassembly::Complete(_)) => other,
                    },
                }
            }
            Ok(false) => {
                self.held += 1;
                Reassembly::Pending
            }
            Err(Misfit::Duplicate) => Reassembly::Dropped(DropReason::DuplicateFragment, 0),
            Err(Misfit::End) if headers.version == IpVersion::V6 => {
                Reassembly::Dropped(DropReason::BadFragment, 0)
            }
            // RFC 5722, and the kernel for IPv4 too: an overlap discards the whole datagram.
            Err(Misfit::End | Misfit::Overlap) => self.discard(&key, DropReason::BadFragment),
        }
    }

    /// Drops what there is of a datagram with the fragment that spoilt it.
    fn discard(&mut self, key: &Key, reason: DropReason) -> Reassembly<P> {
        let pieces = self.close(key);
        let others = pieces.len();
        self.give_back(pieces);
        Reassembly::Dropped(reason, others)
    }

    /// Begins a datagram; false when there is no room.
    fn open(&mut self, key: Key, version: IpVersion, now: Instant) -> bool {
        if self.partial.len() >= self.capacity {
            return false;
        }
        let patience = match version {
            IpVersion::V4 => Duration::from_secs(30),
            IpVersion::V6 => Duration::from_secs(60),
        };
        let deadline = now + patience;
        self.next_deadline = self.next_deadline.min(deadline);
        let pieces = self.spare.pop().unwrap_or_default();
        self.partial.insert(key, Partial { deadline, mark: 0, pieces });
        true
    }

    /// Ends a datagram and hands its pieces out.
    fn close(&mut self, key: &Key) -> Vec<(P, Headers)> {
        let pieces = self.partial.remove(key).map(|partial| partial.pieces).unwrap_or_default();
        self.held -= pieces.len();
        pieces
    }

    /// An empty list for the fragments of a datagram.
    pub(crate) fn list(&mut self) -> Option<Vec<(P, Headers)>> {
        self.spare.pop()
    }

    /// Returns the emptied list of a completed datagram for further use.
    pub fn give_back(&mut self, mut list: Vec<(P, Headers)>) {
        list.clear();
        if self.spare.len() < self.capacity && list.capacity() >= MAX_FRAGMENTS {
            self.spare.push(list);
        }
    }

    /// Takes out one datagram that waited too long: its earliest fragment, whether that is the first, and how
    /// many fragments there were.
    pub fn expire_one(&mut self, now: Instant) -> Option<(P, bool, usize)> {
        if now < self.next_deadline {
            return None;
        }
        let late = self.partial.iter().find(|(_, partial)| partial.deadline <= now);
        let Some(key) = late.map(|(key, _)| *key) else {
            let deadlines = self.partial.values().map(|partial| partial.deadline);
            self.next_deadline = deadlines.min().unwrap_or(Instant(u64::MAX));
            return None;
        };
        let mut pieces = self.close(&key);
        let count = pieces.len();
        let first = pieces.drain(..).next();
        self.give_back(pieces);
        let (packet, headers) = first?;
        Some((packet, headers.is_first_fragment(), count))
    }
}

impl<P: Packet> Partial<P> {
    fn span_at(&self, at: usize) -> Option<Span> {
        self.pieces.get(at).map(|(packet, headers)| span(packet, headers))
    }

    /// Adds a piece; true when nothing is missing any more.
    fn insert(&mut self, packet: P, headers: Headers) -> Result<bool, Misfit> {
        let new = span(&packet, &headers);
        if self.covers(new) {
            return Err(Misfit::Duplicate);
        }
        let at = self.pieces.partition_point(|(packet, piece)| span(packet, piece).from < new.from);
        let before = at.checked_sub(1).and_then(|before| self.span_at(before));
        let after = self.span_at(at);
        let end = self.pieces.len().checked_sub(1).and_then(|end| self.span_at(end));
        let overlap = before.is_some_and(|before| before.to > new.from)
            || after.is_some_and(|after| after.from < new.to);
        let beyond_last =
            end.is_some_and(|end| end.last && new.to > end.to || new.last && end.to > new.to);
        if beyond_last {
            return Err(Misfit::End);
        }
        if overlap || self.pieces.len() == MAX_FRAGMENTS {
            return Err(Misfit::Overlap);
        }
        self.pieces.insert(at, (packet, headers));
        Ok(self.is_complete())
    }

    /// What the marks of the pieces say of congestion on their way, to be added to the first one's; none where they contradict
    /// one another (RFC 3168 section 5.3, kernel `ip_frag_ecn_table`).
    fn congestion(&self) -> Option<u8> {
        let marks = self.pieces.iter().fold(0_u8, |marks, (_, piece)| marks | 1 << (piece.tos & 3));
        let (incapable, met) = (marks & 1 != 0, marks & 1 << CONGESTION != 0);
        match marks.count_ones() {
            0 | 1 => Some(0),
            _ if incapable => None,
            _ => Some(if met { CONGESTION } else { 0 }),
        }
    }

    /// Whether the pieces hold all of `new` without a gap (kernel `inet_frag_queue_insert`, `IPFRAG_DUP`).
    fn covers(&self, new: Span) -> bool {
        let mut next = new.from;
        for (packet, headers) in &self.pieces {
            let piece = span(packet, headers);
            if piece.from <= next && next < piece.to {
                next = piece.to;
            }
        }
        // A last fragment that ends elsewhere is a contradiction, not a duplicate.
        let end = self.pieces.len().checked_sub(1).and_then(|end| self.span_at(end));
        next >= new.to && !(new.last && end.is_some_and(|end| end.to != new.to))
    }

    fn is_complete(&self) -> bool {
        let mut next = 0;
        let mut last = false;
        let contiguous = self.pieces.iter().all(|(packet, headers)| {
            let piece = span(packet, headers);
            let follows = piece.from == next;
            (next, last) = (piece.to, piece.last);
            follows
        });
        contiguous && last
    }
}

/// Gives all pieces the first one's TOS or traffic class, and in it the mark.
fn mark_alike<P: Packet>(pieces: &mut [(P, Headers)], mark: u8) {
    let Some(tos) = pieces.first().map(|(_, headers)| headers.tos | mark) else { return };
    for (packet, headers) in pieces.iter_mut().filter(|(_, headers)| headers.tos != tos) {
        set_tos(packet.data_mut(), headers, tos);
        headers.tos = tos;
    }
}

/// RFC 8200 section 4.5: the first fragment holds all headers up to layer 4's (kernel `ipv6frag_thdr_truncated`).
fn has_whole_header<P: Packet>(packet: &P, headers: &Headers) -> bool {
    let least = match headers.protocol {
        protocol::TCP => 20,
        protocol::UDP | protocol::ICMPV6 => 8,
        _ => 1,
    };
    headers.payload(packet.data()).len() >= least
}

fn key_of<P: Packet>(packet: &P, headers: &Headers, ingress: InterfaceId) -> Key {
    let data = packet.data();
    let (source, destination) = match headers.version {
        IpVersion::V4 => {
            (headers.source::<V4>(data).0.into(), headers.destination::<V4>(data).0.into())
        }
        IpVersion::V6 => {
            (headers.source::<V6>(data).0.into(), headers.destination::<V6>(data).0.into())
        }
    };
    // IPv6 fragments may name different next headers; RFC 8200 section 4.5 keys without it.
    let protocol = match headers.version {
        IpVersion::V4 => headers.protocol,
        IpVersion::V6 => 0,
    };
    let id = headers.fragment.map_or(0, |fragment| fragment.id);
    Key { id, source, destination, protocol, ingress }
}

#[cfg(test)]
#[path = "reassembly_tests.rs"]
mod tests;
