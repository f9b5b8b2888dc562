//! Which external endpoint each internal endpoint has, shared by all workers.
//!
//! The kernel reuses a source's mapping towards other servers (`find_appropriate_src`). Connections
//! of one source may live in different workers, so the mappings are shared: a fixed table that is
//! touched when a translated connection is born or dies and at no other time.
//!
//! ```text
//!  bucket (V4: one cache line, V6: two)       control word of an entry
//!  | entry | entry | entry | entry |          | references:24 | fill:23 | busy:1 | port:16 |
//!     \ control, fingerprint | address
//! ```
//!
//! Nothing waits. An entry is a sequence lock: `fill` counts its owners, `busy` is set while one
//! moves in, and key and address change only then, so that a compare-and-swap of the control word
//! that succeeds proves what was read before it. References come and go by compare-and-swap; an
//! entry without any is free. A key has two buckets; where both are full, the mapping is not
//! remembered, and the source merely may get another port towards the next server.

use crate::address::{Address, L4Port};
use crate::conntrack::TableTooLarge;
use crate::tuple::Tuple;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use zerocopy::FromZeros;

/// A keyed hash of a connection's source: its address, port, protocol and zone are folded into the
/// state by wide multiplications.
fn hash<A: Address>(original: &Tuple<A>, seed: u64) -> u64 {
    let address = original.source.to_bits();
    let rest = u64::from(original.source_port.get()) << 32
        | u64::from(original.zone.get()) << 16
        | u64::from(original.protocol);
    let state = fold(seed ^ low(address), 0x9e37_79b9_7f4a_7c15 ^ rest);
    let state = fold(state ^ high(address), seed ^ 0xd1b5_4a32_d192_ed03);
    fold(state ^ seed.rotate_left(32), 0x94d0_49bb_1331_11eb)
}

#[allow(clippy::cast_possible_truncation)]
const fn low(wide: u128) -> u64 {
    wide as u64
}

const fn high(wide: u128) -> u64 {
    low(wide >> 64)
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    low(product) ^ high(product)
}

/// A control word; see the module's picture.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Control(u64);

impl Control {
    const BUSY: u64 = 1 << 16;
    const FILL: u64 = 1 << 17;
    const REFERENCE: u64 = 1 << 40;

    const fn is_busy(self) -> bool {
        self.0 & Self::BUSY != 0
    }
    const fn references(self) -> u64 {
        self.0 >> 40
    }
    const fn port(self) -> L4Port {
        let [.., a, b] = self.0.to_be_bytes();
        L4Port::from_wire([a, b])
    }
    /// Of the same owner: anything but the references equal.
    const fn same_owner(self, other: Self) -> bool {
        (self.0 ^ other.0) << 24 == 0
    }
    /// While the next owner moves in.
    const fn moving_in(self) -> Self {
        let fill = (self.0 & (Self::REFERENCE - Self::FILL)).wrapping_add(Self::FILL);
        Self(fill & (Self::REFERENCE - 1) | Self::BUSY)
    }
    /// When the owner has moved in, with one reference.
    const fn moved_in(self, port: L4Port) -> Self {
        let fill = self.0 & (Self::REFERENCE - Self::FILL);
        Self(fill | Self::REFERENCE | port.get() as u64)
    }
}

/// What an entry holds beside its control word: two or three of these words are used.
type Body = [u64; 3];

/// Words of a cache line.
const LINE: usize = 8;

/// An entry of the table.
struct Entry<'a>(&'a [AtomicU64]);

impl Entry<'_> {
    fn control(&self) -> Option<&AtomicU64> {
        self.0.first()
    }

    /// Control word and body, consistent; none when free or changing hands.
    fn read(&self) -> Option<(Control, Body)> {
        let word = self.control()?;
        let before = Control(word.load(Ordering::Acquire));
        if before.is_busy() || before.references() == 0 {
            return None;
        }
        let mut body = Body::default();
        for (to, from) in body.iter_mut().zip(self.0.iter().skip(1)) {
            *to = from.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        let after = Control(word.load(Ordering::Relaxed));
        (before.same_owner(after) && after.references() > 0).then_some((after, body))
    }

    /// Adds (or, with `down`, drops) a reference, provided the entry holds `body` and `port`, and
    /// says how many there are then.
    fn count(&self, body: &Body, port: L4Port, down: bool) -> Option<u64> {
        let word = self.control()?;
        // Fails only when another thread succeeds.
        while let Some((control, found)) = self.read() {
            let full = !down && control.references() == (1 << 24) - 1;
            if found != *body || control.port() != port || full {
                return None;
            }
            let new = match down {
                true => control.0 - Control::REFERENCE,
                false => control.0 + Control::REFERENCE,
            };
            let swap = word.compare_exchange(control.0, new, Ordering::AcqRel, Ordering::Relaxed);
            if swap.is_ok() {
                return Some(Control(new).references());
            }
        }
        None
    }

    /// Moves `body` in with one reference, if the entry is free.
    fn fill(&self, body: &Body, port: L4Port) -> bool {
        let Some(word) = self.control() else { return false };
        let free = Control(word.load(Ordering::Relaxed));
        if free.is_busy() || free.references() > 0 {
            return false;
        }
        let moving = free.moving_in();
        if word.compare_exchange(free.0, moving.0, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        fence(Ordering::Release);
        for (to, from) in self.0.iter().skip(1).zip(body) {
            to.store(*from, Ordering::Relaxed);
        }
        word.store(moving.moved_in(port).0, Ordering::Release);
        true
    }
}

/// Internal endpoints and their external ones, with a count of the connections that use each.
#[derive(Debug)]
pub struct SourceMappings<A> {
    /// All zeros is empty. A type aligned to cache lines would have the allocator write each zero, and so take the
    /// memory of them all; these words are aligned by leaving out the first of them.
    words: Vec<AtomicU64>,
    first: usize,
    seed: u64,
    /// Entries in use, so that an empty table costs nothing to look into.
    live: AtomicUsize,
    family: PhantomData<A>,
}

impl<A: Address> SourceMappings<A> {
    /// Words an entry takes: a fingerprint shares its word with an IPv4 address.
    const WORDS: usize = if A::SIZE == 4 { 2 } else { 4 };
    /// Words of a bucket, whole cache lines.
    const BUCKET: usize = 4 * Self::WORDS;

    /// Room for `capacity` mappings at half load; `seed` keys the hash. 32 bytes a mapping for
    /// IPv4, 64 for IPv6, of memory that is taken when mappings are: most sources keep their ports and need none.
    ///
    /// # Errors
    /// The system has not that much memory.
    pub fn new(capacity: usize, seed: u64) -> Result<Self, TableTooLarge> {
        let buckets = capacity.div_ceil(2).next_power_of_two().max(2);
        let words = AtomicU64::new_vec_zeroed(buckets * Self::BUCKET + LINE - 1)
            .map_err(|_| TableTooLarge { slots: capacity })?;
        let first = words.as_ptr().addr().wrapping_neg() / size_of::<u64>() % LINE;
        Ok(Self { words, first, seed, live: AtomicUsize::new(0), family: PhantomData })
    }

    /// An external endpoint of the source of `original` that `fits`, if it has one.
    pub fn find(
        &self,
        original: &Tuple<A>,
        mut fits: impl FnMut(A, L4Port) -> bool,
    ) -> Option<(A, L4Port)> {
        if self.is_empty() {
            return None;
        }
        let hash = hash(original, self.seed);
        let mark = Self::body(hash, A::default());
        self.entries(hash).find_map(|entry| {
            let (control, body) = entry.read()?;
            let (address, port) = (Self::address(&mark, &body)?, control.port());
            fits(address, port).then_some((address, port))
        })
    }

    /// Notes that one more connection of the source of `original` appears as `address` and `port`.
    /// False when there was no room: then [`Self::release`] must not follow.
    pub fn insert_or_ref(&self, original: &Tuple<A>, address: A, port: L4Port) -> bool {
        let hash = hash(original, self.seed);
        let body = Self::body(hash, address);
        if self.entries(hash).any(|entry| entry.count(&body, port, false).is_some()) {
            return true;
        }
        // Counted before anybody can see it, so that the count is never too low.
        self.live.fetch_add(1, Ordering::Relaxed);
        let filled = self.entries(hash).any(|entry| entry.fill(&body, port));
        self.live.fetch_sub(usize::from(!filled), Ordering::Relaxed);
        filled
    }

    /// Notes the end of one connection that [`Self::insert_or_ref`] noted.
    pub fn release(&self, original: &Tuple<A>, address: A, port: L4Port) {
        let hash = hash(original, self.seed);
        let body = Self::body(hash, address);
        let left = self.entries(hash).find_map(|entry| entry.count(&body, port, true));
        self.live.fetch_sub(usize::from(left == Some(0)), Ordering::Relaxed);
    }

    /// Mappings in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether no mapping is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries `hash` may stand in: those of two buckets in turn, so that both fill evenly.
    fn entries(&self, hash: u64) -> impl Iterator<Item = Entry<'_>> {
        let buckets = (self.words.len() - (LINE - 1)) / Self::BUCKET;
        let first = (hash >> 32) as usize & (buckets - 1);
        let second = first ^ ((hash >> 44) as usize & (buckets - 1)).max(1);
        let [first, second] = [first, second].map(|bucket| {
            let start = self.first + bucket * Self::BUCKET;
            let words = self.words.get(start..start + Self::BUCKET).unwrap_or_default();
            words.chunks_exact(Self::WORDS).map(Entry)
        });
        first.zip(second).flat_map(|(one, other)| [one, other])
    }

    /// The words of a key with this hash mapped to `address`.
    fn body(hash: u64, address: A) -> Body {
        let bits = address.to_bits();
        match Self::WORDS {
            2 => [hash << 32 | low(bits), 0, 0],
            _ => [hash, high(bits), low(bits)],
        }
    }

    /// The address in `body`, if it belongs to the key that `mark` was made for.
    fn address(mark: &Body, body: &Body) -> Option<A> {
        let [mark, ..] = *mark;
        let [first, second, third] = *body;
        let (same, bits) = match Self::WORDS {
            2 => (first >> 32 == mark >> 32, u128::from(first & 0xffff_ffff)),
            _ => (first == mark, u128::from(second) << 64 | u128::from(third)),
        };
        same.then(|| A::from_bits(bits))
    }
}

#[cfg(test)]
#[path = "mappings_tests.rs"]
mod tests;
