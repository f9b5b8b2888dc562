//! Longest-prefix match: one trie per family, read by all workers while one writer changes it in
//! place.
//!
//! ```text
//!   root, 2^24 entries          blocks of 2^8 entries
//!   [ leaf | leaf | child ]──>  [ leaf | leaf | child ]──>  …
//!     bits 0..24                  bits 24..32 (IPv4)          … 120..128 (IPv6)
//! ```
//!
//! An IPv4 address is decided by one load from 16 MiB where its next hop has a number below 127, which first
//! hops have: the root's entries then fit a byte, and the TLB and the caches hold more of them. Where they do not,
//! and for IPv6, the root is 64 MiB of words. Memory holds what routes have touched.
//!
//! A route is pushed down to every entry it decides, so a lookup is one load per level and never
//! backtracks. Each entry is one atomic word that goes from the old answer to the new one in one
//! store; a block is filled before it is linked and stays as it is after it is unlinked, until
//! [`FibWriter::reclaim`] finds every worker past it. The default route has a word of its own, so
//! that it can flap without a walk over the trie.

mod writer;

pub use writer::{FibError, FibWriter};

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::address::Address;
use crate::ids::NextHopId;
use zerocopy::FromZeros;

/// Bits the root decides: few routes of the Internet are longer.
const ROOT_BITS: u8 = 24;
/// Bits each block decides.
const STRIDE: u8 = 8;
/// Entries of a block.
const FAN_OUT: usize = 1 << STRIDE;
/// What a narrow entry says where the wide one must be looked at; smaller ones are words themselves.
const WIDE: u8 = 0x80;

/// What one entry says. Encoded in 32 bits: zero is none, the top bit marks a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    None,
    Leaf(NextHopId),
    Child(u32),
}

impl Entry {
    const CHILD: u32 = 1 << 31;

    const fn decode(word: u32) -> Self {
        match word {
            0 => Self::None,
            child if child & Self::CHILD != 0 => Self::Child(child & !Self::CHILD),
            leaf => Self::Leaf(NextHopId(leaf - 1)),
        }
    }

    const fn encode(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Leaf(NextHopId(id)) => id + 1,
            Self::Child(block) => block | Self::CHILD,
        }
    }
}

/// The block an entry stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Root,
    Block(u32),
}

/// The root: of a length the compiler knows, so that 24 bits need not be compared with it.
type Root = Box<[AtomicU32; 1 << ROOT_BITS]>;

/// The readers' half, shared by all workers.
#[derive(Debug)]
pub struct Fib<A> {
    root: Root,
    /// What the root says, of IPv4, in a byte where that is enough: a quarter of the memory to look at.
    narrow: Box<[AtomicU8; 1 << ROOT_BITS]>,
    /// Where the trie says none: the default route, if any.
    default: AtomicU32,
    /// Room for all blocks, one after the other; memory holds those in use.
    blocks: Vec<AtomicU32>,
    /// Moves on after each change.
    changes: AtomicU32,
    family: PhantomData<A>,
}

impl<A: Address> Fib<A> {
    /// Whether the root of bytes is in use.
    const NARROW: bool = A::SIZE == 4;

    /// An empty table that may grow to `blocks` blocks of 1 KiB, and the half that writes it.
    ///
    /// A block serves 256 neighbouring prefixes: a full IPv4 table of a million routes takes some
    /// 50,000.
    ///
    /// # Errors
    /// [`FibError::Memory`].
    #[allow(clippy::new_ret_no_self)]
    pub fn new(blocks: usize) -> Result<(Arc<Self>, FibWriter<A>), FibError> {
        let blocks = blocks.min(1 << 30);
        let (root, narrow) = (zeroed(1 << ROOT_BITS)?, zeroed(1 << ROOT_BITS)?);
        let fib = Arc::new(Self {
            root: root.into_boxed_slice().try_into().map_err(|_| FibError::Memory)?,
            narrow: narrow.into_boxed_slice().try_into().map_err(|_| FibError::Memory)?,
            default: AtomicU32::new(0),
            blocks: zeroed(blocks * FAN_OUT)?,
            changes: AtomicU32::new(0),
            family: PhantomData,
        });
        let writer = FibWriter::new(Arc::clone(&fib), blocks);
        Ok((fib, writer))
    }

    /// The next hop of the longest prefix that holds `address`.
    #[must_use]
    pub fn lookup(&self, address: A) -> Option<NextHopId> {
        // The third look is for an address whose longer route came just before its default went.
        self.walk(address)
            .or_else(|| self.default.load(Ordering::Acquire).checked_sub(1).map(NextHopId))
            .or_else(|| self.walk(address))
    }

    /// As [`Self::lookup`] for `N` addresses, level by level over all of them. None may also say that the table was
    /// changing: whoever must know looks up that address alone.
    ///
    /// Nothing in a level depends on what another address found there, so the processor has as many loads under way
    /// as it can hold instructions: of those there are as few as can be.
    #[inline]
    pub fn lookup_burst<const N: usize>(&self, addresses: &[A; N], found: &mut Found<N>) {
        let (root, narrow) = (self.root.as_ref(), self.narrow.as_ref());
        let mut all = 0;
        for (address, found) in addresses.iter().zip(&found.words) {
            let slot = root_slot(*address);
            let word = match Self::NARROW {
                true => widened(narrow[slot].load(Ordering::Acquire)),
                false => root[slot].load(Ordering::Acquire),
            };
            all |= word;
            found.store(word, Ordering::Relaxed);
        }
        if all & Entry::CHILD != 0 {
            if Self::NARROW {
                all = self.widen(addresses, found);
            }
            if all & Entry::CHILD != 0 {
                self.descend(addresses, found);
            }
        }
        found.default = self.default.load(Ordering::Acquire);
    }

    /// Looks at words where bytes are not enough; all of these words.
    #[inline]
    fn widen<const N: usize>(&self, addresses: &[A; N], found: &mut Found<N>) -> u32 {
        let mut all = 0;
        for (address, word) in addresses.iter().zip(&mut found.words) {
            let word = word.get_mut();
            if *word & Entry::CHILD != 0 {
                *word = self.root[root_slot(*address)].load(Ordering::Acquire);
                all |= *word;
            }
        }
        all
    }

    /// A number that moves on after each change: what is looked up after it was read holds as long as it stays.
    pub(crate) fn changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Brings the first entry for `address` towards L1.
    #[inline]
    pub fn prefetch(&self, address: A) {
        match Self::NARROW {
            true => dpdk::cpu::prefetch(&self.narrow[root_slot(address)]),
            false => dpdk::cpu::prefetch(&self.root[root_slot(address)]),
        }
    }

    /// Follows children, one level of all addresses at a time.
    #[inline]
    fn descend<const N: usize>(&self, addresses: &[A; N], found: &mut Found<N>) {
        let blocks = self.blocks.as_slice();
        let mut places = [0; N];
        for level in usize::from(ROOT_BITS / 8)..A::SIZE {
            for ((address, word), place) in addresses.iter().zip(&mut found.words).zip(&mut places)
            {
                let (word, byte) = (*word.get_mut(), address.bytes().get(level).copied());
                let at = (word & !Entry::CHILD) as usize * FAN_OUT + usize::from(byte.unwrap_or(0));
                // What is no child looks at an entry that is in the caches, and forgets it.
                *place = if word & Entry::CHILD != 0 { at } else { 0 };
                dpdk::cpu::prefetch_element(blocks, *place);
            }
            let mut all = 0;
            for (word, place) in found.words.iter_mut().zip(&places) {
                let word = word.get_mut();
                let entry = blocks.get(*place).map_or(0, |entry| entry.load(Ordering::Acquire));
                *word = if *word & Entry::CHILD != 0 { entry } else { *word };
                all |= *word;
            }
            if all & Entry::CHILD == 0 {
                return;
            }
        }
    }

    fn walk(&self, address: A) -> Option<NextHopId> {
        let mut bits = left_aligned(address) << ROOT_BITS;
        let mut entry = self.load(Node::Root, root_slot(address));
        loop {
            let block = match entry {
                Entry::None => return None,
                Entry::Leaf(next_hop) => return Some(next_hop),
                Entry::Child(block) => block,
            };
            let slot = (bits >> (128 - u32::from(STRIDE))) as usize;
            bits <<= STRIDE;
            entry = self.load(Node::Block(block), slot);
        }
    }

    fn load(&self, node: Node, slot: usize) -> Entry {
        if Self::NARROW && node == Node::Root {
            let narrow = self.narrow.get(slot).map_or(0, |narrow| narrow.load(Ordering::Acquire));
            if narrow < WIDE {
                return Entry::decode(narrow.into());
            }
        }
        Entry::decode(self.wide(node, slot).map_or(0, |entry| entry.load(Ordering::Acquire)))
    }

    /// For the writer alone.
    fn store(&self, node: Node, slot: usize, entry: Entry) {
        let word = entry.encode();
        let narrow = self.narrow.get(slot).filter(|_| Self::NARROW && node == Node::Root);
        match narrow {
            Some(narrow) if word < WIDE.into() => {
                return narrow.store(word as u8, Ordering::Release);
            }
            Some(_) | None => {}
        }
        if let Some(wide) = self.wide(node, slot) {
            wide.store(word, Ordering::Release);
        }
        // Those who read this find the word, or one that took its place.
        if let Some(narrow) = narrow {
            narrow.store(WIDE, Ordering::Release);
        }
    }

    fn wide(&self, node: Node, slot: usize) -> Option<&AtomicU32> {
        match node {
            Node::Root => self.root.get(slot),
            Node::Block(block) => self.blocks.get(block as usize * FAN_OUT + slot),
        }
    }
}

/// The root's entry for an address.
#[inline]
fn root_slot<A: Address>(address: A) -> usize {
    // The mask tells the compiler what the shift has done already.
    (left_aligned(address) >> (128 - u32::from(ROOT_BITS))) as usize & ((1 << ROOT_BITS) - 1)
}

/// The bits of an address, so that the first is always on top.
#[inline]
fn left_aligned<A: Address>(address: A) -> u128 {
    address.to_bits() << (128 - 8 * A::SIZE)
}

/// A byte of the root as the word it stands for: negative where its word says more.
#[inline]
const fn widened(byte: u8) -> u32 {
    byte.cast_signed() as u32
}

/// What addresses of a burst have found.
///
/// The words are atomic so that the compiler leaves each by itself. Put together to vectors, which it would do, the next lookups
/// would have to wait until all of these are through.
#[derive(Debug)]
pub struct Found<const N: usize> {
    words: [AtomicU32; N],
    default: u32,
}

impl<const N: usize> Default for Found<N> {
    fn default() -> Self {
        Self { words: [const { AtomicU32::new(0) }; N], default: 0 }
    }
}

impl<const N: usize> Found<N> {
    /// The next hop of each address, in their order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<NextHopId>> + '_ {
        self.words.iter().map(|word| {
            let word = word.load(Ordering::Relaxed);
            let word = if word == 0 { self.default } else { word };
            word.checked_sub(1).map(NextHopId)
        })
    }
}

/// A table of zeros, on huge pages where there are any.
fn zeroed<T: FromZeros>(count: usize) -> Result<Vec<T>, FibError> {
    let table = T::new_vec_zeroed(count).map_err(|_| FibError::Memory)?;
    dpdk::memory::prefer_huge_pages(&table);
    Ok(table)
}

#[cfg(test)]
mod tests;
