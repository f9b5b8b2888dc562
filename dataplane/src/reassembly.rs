//! Reassembly for connection tracking. The fragments of a datagram are collected, not copied together:
//! rules see the datagram, and the egress sends the fragments in the sizes they came in, as Linux does.

use crate::address::{IpVersion, V4, V6};
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::time::Instant;
use crate::wire::parse::Headers;
use std::net::IpAddr;
use std::time::Duration;

/// Fragments of one datagram at most: 64 KiB in pieces of 1,480 bytes take 45.
const MAX_FRAGMENTS: usize = 64;

/// What a fragment led to.
#[derive(Debug)]
pub enum Reassembly<P> {
    /// The datagram is not complete.
    Pending,
    /// It is: its fragments with their headers, in order.
    Complete(Vec<(P, Headers)>),
    /// The fragment is dropped, with as many others as the number says.
    Dropped(DropReason, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
    ingress: InterfaceId,
}

#[derive(Debug)]
struct Partial<P> {
    key: Key,
    deadline: Instant,
    /// Sorted by offset, without overlap.
    pieces: Vec<(P, Headers)>,
}

/// Datagrams in reassembly of one worker.
#[derive(Debug)]
pub struct Reassembler<P> {
    partial: Vec<Partial<P>>,
    /// Empty lists of pieces, kept so that nothing is allocated later.
    spare: Vec<Vec<(P, Headers)>>,
    capacity: usize,
}

fn offset(headers: &Headers) -> u32 {
    headers.fragment.map_or(0, |fragment| u32::from(fragment.offset))
}

fn end(headers: &Headers) -> u32 {
    offset(headers) + u32::from(headers.end - headers.l4)
}

fn is_last(headers: &Headers) -> bool {
    headers.fragment.is_none_or(|fragment| !fragment.more)
}

impl<P: Packet> Reassembler<P> {
    /// Room for `capacity` datagrams.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            partial: Vec::with_capacity(capacity),
            spare: (0..capacity).map(|_| Vec::with_capacity(MAX_FRAGMENTS)).collect(),
            capacity,
        }
    }

    /// Fragments held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.iter().map(|partial| partial.pieces.len()).sum()
    }

    /// Takes a fragment.
    pub fn push(
        &mut self,
        packet: P,
        headers: &Headers,
        ingress: InterfaceId,
        now: Instant,
    ) -> Reassembly<P> {
        let length = end(headers) - offset(headers);
        // RFC 791: all but the last are multiples of eight; none reaches beyond 65,535.
        let header = u32::from(headers.l4 - headers.l3);
        if length == 0 || !is_last(headers) && length % 8 != 0 || end(headers) + header > 65_535 {
            return Reassembly::Dropped(DropReason::BadFragment, 0);
        }
        let key = key_of(&packet, headers, ingress);
        let at = match self.partial.iter().position(|partial| partial.key == key) {
            Some(at) => at,
            None if self.partial.len() == self.capacity => {
                return Reassembly::Dropped(DropReason::ReassemblyFull, 0);
            }
            None => {
                let patience = match headers.version {
                    IpVersion::V4 => Duration::from_secs(30),
                    IpVersion::V6 => Duration::from_secs(60),
                };
                let pieces = self.spare.pop().unwrap_or_default();
                self.partial.push(Partial { key, deadline: now + patience, pieces });
                self.partial.len() - 1
            }
        };
        let Some(partial) = self.partial.get_mut(at) else {
            return Reassembly::Dropped(DropReason::ReassemblyFull, 0);
        };
        match partial.insert(packet, *headers) {
            Ok(true) => Reassembly::Complete(self.partial.swap_remove(at).pieces),
            Ok(false) => Reassembly::Pending,
            Err(DropReason::DuplicateFragment) => {
                Reassembly::Dropped(DropReason::DuplicateFragment, 0)
            }
            // RFC 5722, and the kernel for IPv4 too: an overlap discards the whole datagram.
            Err(reason) => {
                let mut pieces = self.partial.swap_remove(at).pieces;
                let others = pieces.len();
                pieces.clear();
                self.give_back(pieces);
                Reassembly::Dropped(reason, others)
            }
        }
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
        let at = self.partial.iter().position(|partial| partial.deadline <= now)?;
        let mut pieces = self.partial.swap_remove(at).pieces;
        let count = pieces.len();
        let first = pieces.drain(..).next();
        self.give_back(pieces);
        let (packet, headers) = first?;
        Some((packet, offset(&headers) == 0, count))
    }
}

impl<P> Partial<P> {
    /// Adds a piece; true when nothing is missing any more.
    fn insert(&mut self, packet: P, headers: Headers) -> Result<bool, DropReason> {
        let (from, to) = (offset(&headers), end(&headers));
        let at = self.pieces.partition_point(|(_, piece)| offset(piece) < from);
        if let Some((_, piece)) = self.pieces.get(at)
            && (offset(piece), end(piece)) == (from, to)
        {
            return Err(DropReason::DuplicateFragment);
        }
        let overlaps_before =
            at > 0 && self.pieces.get(at - 1).is_some_and(|(_, piece)| end(piece) > from);
        let overlaps_after = self.pieces.get(at).is_some_and(|(_, piece)| offset(piece) < to);
        let beyond_last = self.pieces.last().is_some_and(|(_, last)| {
            is_last(last) && to > end(last) || is_last(&headers) && end(last) > to
        });
        if overlaps_before || overlaps_after || beyond_last || self.pieces.len() == MAX_FRAGMENTS {
            return Err(DropReason::BadFragment);
        }
        self.pieces.insert(at, (packet, headers));
        let mut next = 0;
        let contiguous = self.pieces.iter().all(|(_, piece)| {
            let follows = offset(piece) == next;
            next = end(piece);
            follows
        });
        Ok(contiguous && self.pieces.last().is_some_and(|(_, last)| is_last(last)))
    }
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
    Key { source, destination, id, protocol, ingress }
}
