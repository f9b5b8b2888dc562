//! Which calls belong together (kernel `nf_conntrack_proto_gre.c`): a packet of PPTP names the call of its receiver
//! alone, and what the control connection has said tells the sender's.
//!
//! ```text
//!   GRE from source to destination, call 9 ─> bucket: [ source | destination | 9 ─> 7 ] … ─> both keys of its tuple
//! ```
//!
//! All workers share it, and nobody looks into it while it is empty. A bucket's lock is held for one look at its places.
//! As in the kernel, the zone does not matter.

use super::expect::Refused;
use super::hash::HashKey;
use crate::address::{Address, L4Port};
use crate::rules::spin::Spin;
use crate::tuple::{Tuple, Zone};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use zerocopy::FromZeros;

const BUCKETS: usize = 128;
/// Twice as many as a call needs.
const PLACES: usize = 16;

/// Names a place, as long as it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
pub(crate) struct KeyTicket {
    bucket: u32,
    /// Zero names none.
    serial: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place<A> {
    serial: u32,
    /// Of packets of one direction; in no zone.
    tuple: Tuple<A>,
}

impl<A: Address> Place<A> {
    /// Whether packets like these have its key.
    fn is_of(&self, tuple: &Tuple<A>) -> bool {
        keyless(&self.tuple) == keyless(tuple)
    }
}

type Bucket<A> = [Option<Place<A>>; PLACES];

/// The keys of all calls.
#[derive(Debug)]
pub(super) struct Keymap<A> {
    key: HashKey,
    count: AtomicUsize,
    serial: AtomicU32,
    buckets: Box<[Spin<Bucket<A>>]>,
}

impl<A: Address> Keymap<A> {
    /// None yet. `key` is secret.
    pub(super) fn new(key: HashKey) -> Self {
        let (count, serial) = Default::default();
        Self {
            key,
            count,
            serial,
            buckets: (0..BUCKETS).map(|_| Spin::new([None; PLACES])).collect(),
        }
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// The source key of packets with this tuple; zero where nothing is known of it. The first that has been noted counts.
    pub(super) fn source_key(&self, tuple: &Tuple<A>) -> L4Port {
        if self.is_empty() {
            return L4Port::default();
        }
        let Some(bucket) = self.buckets.get(self.number(tuple)) else { return L4Port::default() };
        let bucket = bucket.hold();
        let found = bucket.iter().flatten().filter(|place| place.is_of(tuple));
        found
            .min_by_key(|place| place.serial)
            .map_or(L4Port::default(), |place| place.tuple.source_port)
    }

    /// Notes the source key of packets with this tuple. `before` is what the same direction of the same control connection has
    /// noted before, which stays as it is.
    ///
    /// # Errors
    /// That is of another call, or there is no room.
    pub(super) fn note(&self, tuple: &Tuple<A>, before: KeyTicket) -> Result<KeyTicket, Refused> {
        if let Some(noted) = self.at(before, |place| *place).flatten() {
            return if noted.is_of(tuple) { Ok(before) } else { Err(Refused::Clash) };
        }
        let number = self.number(tuple);
        let mut bucket = self.buckets.get(number).ok_or(Refused::Full)?.hold();
        let free = bucket.iter_mut().find(|place| place.is_none()).ok_or(Refused::Full)?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) | 1 << 31;
        *free = Some(Place { serial, tuple: Tuple { icmp: 0, zone: Zone::default(), ..*tuple } });
        self.count.fetch_add(1, Ordering::Release);
        Ok(KeyTicket { bucket: u32::try_from(number).unwrap_or(0), serial })
    }

    /// Notes the keys of what client and server of a control connection send. Where the server's cannot be noted, those of
    /// both are forgotten, also those of before.
    ///
    /// # Errors
    /// As of [`Self::note`].
    pub(super) fn note_both(
        &self,
        [client, server]: [&Tuple<A>; 2],
        keys: &mut [KeyTicket; 2],
    ) -> Result<(), Refused> {
        let [of_client, of_server] = keys;
        *of_client = self.note(client, *of_client)?;
        match self.note(server, *of_server) {
            Ok(ticket) => *of_server = ticket,
            Err(refused) => {
                self.forget_both(keys);
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Forgets both.
    pub(super) fn forget_both(&self, keys: &mut [KeyTicket; 2]) {
        std::mem::take(keys).into_iter().for_each(|key| self.forget(key));
    }

    /// Forgets what a ticket names, if it is still there.
    fn forget(&self, ticket: KeyTicket) {
        self.at(ticket, |place| self.empty(place));
    }

    /// Forgets the key of packets with this tuple, whoever has noted it.
    pub(super) fn forget_of(&self, tuple: &Tuple<A>) {
        if self.is_empty() {
            return;
        }
        let Some(bucket) = self.buckets.get(self.number(tuple)) else { return };
        let mut bucket = bucket.hold();
        let is_it = |place: &&mut Option<Place<A>>| {
            place.is_some_and(|place| {
                place.is_of(tuple) && place.tuple.source_port == tuple.source_port
            })
        };
        if let Some(place) = bucket.iter_mut().find(is_it) {
            self.empty(place);
        }
    }

    fn empty(&self, place: &mut Option<Place<A>>) {
        if place.take().is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn number(&self, tuple: &Tuple<A>) -> usize {
        (self.key.hash(&keyless(tuple)) >> 32) as usize % BUCKETS
    }

    /// What `then` makes of the place that a ticket names.
    fn at<T>(&self, ticket: KeyTicket, then: impl FnOnce(&mut Option<Place<A>>) -> T) -> Option<T> {
        let bucket = self.buckets.get(ticket.bucket as usize).filter(|_| ticket.serial != 0)?;
        let mut bucket = bucket.hold();
        let is_it = |place: &&mut Option<Place<A>>| {
            place.is_some_and(|place| place.serial == ticket.serial)
        };
        bucket.iter_mut().find(is_it).map(then)
    }
}

/// What a packet tells of its tuple.
fn keyless<A: Copy>(tuple: &Tuple<A>) -> Tuple<A> {
    Tuple { icmp: 0, zone: Zone::default(), source_port: L4Port::default(), ..*tuple }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V4;
    use crate::wire::protocol::GRE;

    const CLIENT: V4 = V4([10, 1, 0, 2]);
    const SERVER: V4 = V4([192, 168, 1, 9]);

    fn tuple(source: u16, destination: u16) -> Tuple<V4> {
        Tuple {
            icmp: 0,
            protocol: GRE,
            zone: Zone::new(5),
            source: CLIENT,
            destination: SERVER,
            source_port: L4Port::new(source),
            destination_port: L4Port::new(destination),
        }
    }

    fn keymap() -> Keymap<V4> {
        Keymap::new(HashKey([1, 2]))
    }

    #[test]
    fn a_call_has_its_key_until_it_is_forgotten() {
        let keymap = keymap();
        assert!(keymap.is_empty());
        let ticket = keymap.note(&tuple(7, 9), KeyTicket::default()).unwrap();
        assert_eq!(keymap.source_key(&tuple(0, 9)).get(), 7);
        assert_eq!(keymap.source_key(&Tuple { zone: Zone::default(), ..tuple(0, 9) }).get(), 7);
        assert_eq!(keymap.source_key(&tuple(0, 8)).get(), 0);
        assert_eq!(keymap.source_key(&tuple(0, 9).reversed()).get(), 0);
        keymap.forget(ticket);
        keymap.forget(ticket);
        assert_eq!((keymap.source_key(&tuple(0, 9)).get(), keymap.is_empty()), (0, true));
    }

    #[test]
    fn what_is_said_twice_stays_as_it_was() {
        let keymap = keymap();
        let ticket = keymap.note(&tuple(7, 9), KeyTicket::default()).unwrap();
        assert_eq!(keymap.note(&tuple(8, 9), ticket), Ok(ticket));
        assert_eq!(keymap.source_key(&tuple(0, 9)).get(), 7);
        assert_eq!(keymap.note(&tuple(7, 10), ticket), Err(Refused::Clash));
    }

    #[test]
    fn the_first_counts() {
        let keymap = keymap();
        let first = keymap.note(&tuple(7, 9), KeyTicket::default()).unwrap();
        keymap.note(&tuple(8, 9), KeyTicket::default()).unwrap();
        assert_eq!(keymap.source_key(&tuple(0, 9)).get(), 7);
        keymap.forget(first);
        assert_eq!(keymap.source_key(&tuple(0, 9)).get(), 8);
        keymap.forget_of(&tuple(7, 9));
        assert_eq!(keymap.source_key(&tuple(0, 9)).get(), 8, "another's");
        keymap.forget_of(&tuple(8, 9));
        assert!(keymap.is_empty());
    }

    #[test]
    fn there_is_an_end_to_it() {
        let keymap = keymap();
        let noted =
            (0..100).filter(|key| keymap.note(&tuple(*key, 9), KeyTicket::default()).is_ok());
        assert_eq!(noted.count(), PLACES);
    }
}
