//! The way of packets to the worker that owns their connections: a bounded ring a worker, which many fill and one
//! empties.
//!
//! ```text
//!   burst ─> a parcel an owner ─> ring ─> the owner's bursts
//! ```
//!
//! What one burst has for one owner goes as one parcel, so that the ring's atomic operations are paid once a
//! burst. Whatever needs more to be said of it goes alone. The order in which packets came is kept.

use super::Stage;
use crate::ids::WorkerId;
use crate::pipeline::BURST;
use crate::wire::parse::Headers;
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// A packet on its way to the worker that owns its connection, as it came from the wire.
#[derive(Debug)]
pub(super) struct HandOff<P> {
    pub(super) packet: P,
    /// Later fragments of its datagram, if that is complete.
    pub(super) rest: Vec<(P, Headers)>,
    /// The port it came from.
    pub(super) port: u16,
    pub(super) stage: Stage,
}

/// Plain packets of one burst, and so of one port, that no rule has seen.
#[derive(Debug)]
pub(super) struct Plain<P> {
    port: u16,
    count: u16,
    packets: [Option<P>; BURST],
}

impl<P> Plain<P> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { port: 0, count: 0, packets: std::array::from_fn(|_| None) }
    }
    /// Adds a packet of the burst at hand, which came from `port`; gives it back when there is no room.
    #[inline]
    pub(super) fn push(&mut self, port: u16, packet: P) -> Result<(), P> {
        match self.packets.get_mut(usize::from(self.count)) {
            Some(place) => {
                *place = Some(packet);
                (self.port, self.count) = (port, self.count + 1);
                Ok(())
            }
            None => Err(packet),
        }
    }
    /// How many.
    pub(super) fn len(&self) -> usize {
        usize::from(self.count)
    }
    /// The port they came from.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }
    /// They themselves, in order.
    pub(super) fn into_packets(self) -> impl Iterator<Item = P> {
        let count = self.len();
        self.packets.into_iter().take(count).flatten()
    }
}

/// What goes over at once.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation")]
pub(super) enum Parcel<P> {
    Plain(Plain<P>),
    Single(HandOff<P>),
}

impl<P> Parcel<P> {
    fn len(&self) -> usize {
        match self {
            Self::Plain(packets) => packets.len(),
            Self::Single(_) => 1,
        }
    }
}

/// Packets on their way to one worker.
#[derive(Debug)]
pub struct HandOffRing<P> {
    ring: ArrayQueue<Parcel<P>>,
    /// Packets in it, or about to be.
    count: AtomicUsize,
}

impl<P> HandOffRing<P> {
    /// Room for `capacity` packets; datagrams in fragments count as one. Not zero.
    ///
    /// # Panics
    /// The capacity is zero.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { ring: ArrayQueue::new(capacity), count: AtomicUsize::new(0) }
    }

    /// Puts a parcel in; gives it back when not all of it has room.
    pub(super) fn push(&self, parcel: Parcel<P>) -> Result<(), Parcel<P>> {
        let count = parcel.len();
        let refused = |parcel| {
            self.count.fetch_sub(count, Relaxed);
            parcel
        };
        if self.count.fetch_add(count, Relaxed) + count > self.ring.capacity() {
            return Err(refused(parcel));
        }
        self.ring.push(parcel).map_err(refused)
    }

    /// Takes the oldest out.
    pub(super) fn pop(&self) -> Option<Parcel<P>> {
        let parcel = self.ring.pop()?;
        self.count.fetch_sub(parcel.len(), Relaxed);
        Some(parcel)
    }

    /// Whether none is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }
}

/// What a burst has for each of the other workers.
#[derive(Debug)]
pub(super) struct Leaving<P> {
    /// By owner.
    parcels: Vec<Plain<P>>,
}

impl<P> Leaving<P> {
    /// Nothing, for so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self { parcels: (0..workers).map(|_| Plain::new()).collect() }
    }
    /// The parcel for `owner`, to be added to.
    #[inline]
    pub(super) fn of(&mut self, owner: WorkerId) -> Option<&mut Plain<P>> {
        self.parcels.get_mut(owner.index())
    }
    /// Takes the parcel for `owner`, if there is something in it.
    pub(super) fn take(&mut self, owner: WorkerId) -> Option<Plain<P>> {
        let parcel = self.of(owner).filter(|parcel| parcel.len() > 0)?;
        Some(std::mem::replace(parcel, Plain::new()))
    }
    /// Those for whom there is one.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> + use<P> {
        (0..u8::try_from(self.parcels.len()).unwrap_or(u8::MAX)).map(WorkerId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(packets: std::ops::Range<u32>) -> Parcel<u32> {
        let mut plain = Plain::new();
        packets.for_each(|packet| plain.push(7, packet).unwrap());
        Parcel::Plain(plain)
    }

    fn single(packet: u32) -> Parcel<u32> {
        Parcel::Single(HandOff { packet, rest: Vec::new(), port: 1, stage: Stage::Fragment })
    }

    fn packets(parcel: Parcel<u32>) -> Vec<u32> {
        match parcel {
            Parcel::Plain(plain) => plain.into_packets().collect(),
            Parcel::Single(one) => vec![one.packet],
        }
    }

    #[test]
    fn it_counts_packets_not_parcels_and_keeps_their_order() {
        let ring = HandOffRing::new(40);
        ring.push(plain(0..32)).unwrap();
        ring.push(single(32)).unwrap();
        ring.push(plain(33..40)).unwrap();
        assert_eq!(packets(ring.push(single(40)).unwrap_err()), [40], "40 have room");
        assert_eq!(packets(ring.push(plain(40..42)).unwrap_err()), [40, 41]);
        assert_eq!(packets(ring.pop().unwrap()), (0..32).collect::<Vec<_>>());
        ring.push(plain(40..72)).unwrap();
        assert!(ring.push(single(72)).is_err());
        let left: Vec<u32> = std::iter::from_fn(|| ring.pop()).flat_map(packets).collect();
        assert_eq!(left, (32..72).collect::<Vec<_>>());
        assert!(ring.is_empty() && ring.pop().is_none());
    }

    #[test]
    fn a_parcel_is_a_burst_at_most() {
        let mut plain = Plain::new();
        (0..BURST as u32).for_each(|packet| plain.push(3, packet).unwrap());
        assert_eq!(plain.push(3, 99), Err(99));
        assert_eq!((plain.len(), plain.port()), (BURST, 3));
    }

    #[test]
    fn each_owner_has_a_parcel_of_its_own() {
        let mut leaving = Leaving::new(3);
        leaving.of(WorkerId(2)).unwrap().push(1, 5_u32).unwrap();
        assert!(leaving.of(WorkerId(3)).is_none());
        let taken: Vec<_> =
            leaving.workers().map(|owner| leaving.take(owner).map(|p| p.len())).collect();
        assert_eq!(taken, [None, None, Some(1)]);
        assert!(leaving.take(WorkerId(2)).is_none(), "taken");
    }
}
