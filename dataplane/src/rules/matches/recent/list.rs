//! The lists themselves: addresses, and when each was seen.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::address::IpVersion;
use crate::rules::spin::Spin;
use crate::time::Instant;

/// Addresses of a list, the kernel's `ip_list_tot`.
pub const LIST: usize = 100;
/// Stamps of an address where no rule wants more: for a hit count of 31.
pub(super) const STAMPS: usize = 32;

/// An address; both families share a list.
pub(super) type Key = (IpVersion, u128);

/// An address of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The TTL of the last packet.
    pub ttl: u8,
    /// When it was last seen.
    pub last: Instant,
    /// Times it was seen, in a ring.
    pub(super) stamps: Vec<Instant>,
    /// Where the next stamp goes.
    next: usize,
    /// Tells which has been unseen for longest.
    pub(super) turn: u64,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) entries: HashMap<Key, Entry>,
    /// Entries that are not used, with room for their stamps.
    spare: Vec<Entry>,
    /// Stamps of an entry, a power of two.
    pub(super) stamps: usize,
    pub(super) turn: u64,
}

/// A list.
#[derive(Debug)]
pub struct List(pub(super) Spin<Inner>);

impl Default for List {
    fn default() -> Self {
        Self::for_hits(0)
    }
}

impl Inner {
    /// All memory is taken here.
    fn new(stamps: usize) -> Self {
        let entry = || Entry {
            ttl: 0,
            last: Instant(0),
            stamps: Vec::with_capacity(stamps),
            next: 0,
            turn: 0,
        };
        let spare = std::iter::repeat_with(entry).take(LIST).collect();
        Self { entries: HashMap::with_capacity(LIST), spare, stamps, turn: 0 }
    }

    /// Puts an address in; where the list is full the one longest unseen goes.
    pub(super) fn add(&mut self, key: Key, ttl: u8, now: Instant) {
        if self.entries.len() >= LIST
            && let Some(oldest) = self.oldest()
        {
            self.remove(&oldest);
        }
        let Some(mut entry) = self.spare.pop() else { return };
        entry.stamps.clear();
        entry.next = 0;
        self.turn += 1;
        entry.stamp(now, ttl, self.stamps, self.turn);
        self.entries.insert(key, entry);
    }

    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let gone = self.entries.remove(key);
        let was = gone.is_some();
        self.spare.extend(gone);
        was
    }

    pub(super) fn oldest(&self) -> Option<Key> {
        self.entries.iter().min_by_key(|(_, entry)| entry.turn).map(|(key, _)| *key)
    }
}

impl Entry {
    pub(super) fn stamp(&mut self, now: Instant, ttl: u8, most: usize, turn: u64) {
        self.next %= most;
        match self.stamps.get_mut(self.next) {
            Some(stamp) => *stamp = now,
            None => self.stamps.push(now),
        }
        self.next += 1;
        (self.last, self.ttl, self.turn) = (now, ttl, turn);
    }

    /// Whether enough stamps are new enough.
    pub(super) fn is_hit(&self, since: Option<Instant>, hits: u32) -> bool {
        let counted = self.stamps.iter().filter(|&&stamp| since.is_none_or(|since| stamp >= since));
        counted.take(hits.max(1) as usize).count() >= hits.max(1) as usize
    }
}

/// Stamps an address has for a hit count: the next power of two.
fn stamps_for(hits: u32) -> usize {
    if hits == 0 { STAMPS } else { (hits as usize).next_power_of_two() }
}

impl List {
    /// A list whose first rule asks for so many hits.
    #[must_use]
    pub fn for_hits(hits: u32) -> Self {
        Self(Spin::new(Inner::new(stamps_for(hits))))
    }

    /// Makes room for stamps enough for a hit count. A list that has to grow forgets what is in it, as the kernel's
    /// does. Not for the packet path.
    pub fn make_room(&self, hits: u32) {
        let wanted = stamps_for(hits);
        if self.0.hold().stamps < wanted {
            let new = Inner::new(wanted);
            *self.0.hold() = new;
        }
    }

    /// Every address, the longest unseen first, with its entry. For operators.
    #[must_use]
    pub fn entries(&self) -> Vec<(IpAddr, Entry)> {
        let mut found: Vec<_> =
            self.0.hold().entries.iter().map(|(key, entry)| (*key, entry.clone())).collect();
        found.sort_by_key(|(_, entry)| entry.turn);
        found.into_iter().map(|(key, entry)| (ip_of(key), entry)).collect()
    }

    /// Puts an address in, or stamps it, as writing `+ADDRESS` to the kernel's file does: one that was there keeps
    /// its TTL.
    pub fn add(&self, address: IpAddr, now: Instant) {
        let (key, mut inner) = (key_of(address), self.0.hold());
        let Inner { entries, stamps, turn, .. } = &mut *inner;
        match entries.get_mut(&key) {
            Some(entry) => {
                *turn += 1;
                entry.stamp(now, entry.ttl, *stamps, *turn);
            }
            None => inner.add(key, 0, now),
        }
    }

    /// Takes an address out, as writing `-ADDRESS` does; whether it was there.
    pub fn remove(&self, address: IpAddr) -> bool {
        self.0.hold().remove(&key_of(address))
    }

    /// Takes every address out, as writing `/` does.
    pub fn flush(&self) {
        let mut inner = self.0.hold();
        let gone: Vec<Entry> = inner.entries.drain().map(|(_, entry)| entry).collect();
        inner.spare.extend(gone);
    }
}

impl Entry {
    /// Its stamps as they lie in the ring, and where the next goes.
    #[must_use]
    pub fn stamps(&self) -> (&[Instant], usize) {
        (&self.stamps, self.next)
    }
}

fn key_of(address: IpAddr) -> Key {
    match address {
        IpAddr::V4(ip) => (IpVersion::V4, ip.to_bits().into()),
        IpAddr::V6(ip) => (IpVersion::V6, ip.to_bits()),
    }
}

fn ip_of((version, bits): Key) -> IpAddr {
    match version {
        IpVersion::V4 => IpAddr::V4(std::net::Ipv4Addr::from_bits(bits as u32)),
        IpVersion::V6 => IpAddr::V6(std::net::Ipv6Addr::from_bits(bits)),
    }
}
