//! Longest-prefix match: one trie per family, read by all workers while one writer changes it in
//! place.
//!
//! ```text
//!   root, 2^24 entries          blocks of 2^8 entries
//!   [ leaf | leaf | child ]──>  [ leaf | leaf | child ]──>  …
//!     bits 0..24                  bits 24..32 (IPv4)          … 120..128 (IPv6)
//! ```
//!
//! The root is 64 MiB of address space, of which memory holds what routes have touched; an IPv4 address is
//! decided by one load, or two.
//!
//! A route is pushed down to every entry it decides, so a lookup is one load per level and never
//! backtracks. Each entry is one atomic word that goes from the old answer to the new one in one
//! store; a block is filled before it is linked and stays as it is after it is unlinked, until
//! [`FibWriter::reclaim`] finds every worker past it. The default route has a word of its own, so
//! that it can flap without a walk over the trie.

mod writer;

pub use writer::{FibError, FibWriter};

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::address::Address;
use crate::ids::NextHopId;
use zerocopy::FromZeros;

/// Bits the root decides: few routes of the Internet are longer.
const ROOT_BITS: u8 = 24;
/// Bits each block decides.
const STRIDE: u8 = 8;
/// Entries of a block.
const FAN_OUT: usize = 1 << STRIDE;
/// Blocks of the first chunk, 1 MiB, as a power of two. Each chunk is twice as large as the one before:
/// a small table stays small, a large one lies on huge pages where the system gives them.
const FIRST_CHUNK: u32 = 10;

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

type Block = [AtomicU32; FAN_OUT];

/// The chunk a block is in and its index there.
const fn place(block: u32) -> (usize, usize) {
    let chunk = ((block >> FIRST_CHUNK) + 1).ilog2();
    (chunk as usize, block as usize - first_block(chunk as usize))
}

/// The first block of a chunk.
const fn first_block(chunk: usize) -> usize {
    ((1 << chunk) - 1) << FIRST_CHUNK
}

/// The readers' half, shared by all workers.
#[derive(Debug)]
pub struct Fib<A> {
    root: Vec<AtomicU32>,
    /// Where the trie says none: the default route, if any.
    default: AtomicU32,
    /// Blocks by number, allocated a chunk at a time and never moved; see [`place`].
    chunks: Box<[OnceLock<Vec<Block>>]>,
    family: PhantomData<A>,
}

impl<A: Address> Fib<A> {
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
        let chunks = blocks.checked_sub(1).map_or(0, |last| place(last as u32).0 + 1);
        let fib = Arc::new(Self {
            root: zeroed(1 << ROOT_BITS)?,
            default: AtomicU32::new(0),
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
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

    /// As [`Self::lookup`] for up to `N` addresses, level by level over all of them, so that one waits for
    /// memory while the others are looked at.
    #[inline]
    pub fn lookup_burst<const N: usize>(&self, addresses: &[A]) -> [Option<NextHopId>; N] {
        for address in addresses {
            self.prefetch(*address);
        }
        let mut words = [0; N];
        for (address, word) in addresses.iter().zip(&mut words) {
            *word = self.root_entry(*address).map_or(0, |entry| entry.load(Ordering::Acquire));
        }
        self.descend(addresses, &mut words);
        let mut found = [None; N];
        for ((address, word), found) in addresses.iter().zip(words).zip(&mut found) {
            *found = match Entry::decode(word) {
                Entry::Leaf(next_hop) => Some(next_hop),
                // The default route, and what changes at this moment.
                Entry::None | Entry::Child(_) => self.lookup(*address),
            };
        }
        found
    }

    /// Brings the first entry for `address` towards L1.
    #[inline]
    pub fn prefetch(&self, address: A) {
        if let Some(entry) = self.root_entry(address) {
            dpdk::cpu::prefetch(entry);
        }
    }

    #[inline]
    fn root_entry(&self, address: A) -> Option<&AtomicU32> {
        let bits = address.to_bits() << (128 - 8 * A::SIZE);
        self.root.get((bits >> (128 - u32::from(ROOT_BITS))) as usize)
    }

    /// Follows children, one level of all addresses at a time.
    fn descend<const N: usize>(&self, addresses: &[A], words: &mut [u32; N]) {
        let mut shift = u32::from(ROOT_BITS);
        while shift < 8 * A::SIZE as u32 && words.iter().any(|&word| word & Entry::CHILD != 0) {
            let mut entries: [Option<&AtomicU32>; N] = [None; N];
            for ((address, word), entry) in addresses.iter().zip(&*words).zip(&mut entries) {
                let Entry::Child(block) = Entry::decode(*word) else { continue };
                let bits = address.to_bits() << (128 - 8 * A::SIZE) << shift;
                let slot = (bits >> (128 - u32::from(STRIDE))) as usize;
                *entry = self.block(block).and_then(|entries| entries.get(slot));
                if let Some(entry) = entry {
                    dpdk::cpu::prefetch(*entry);
                }
            }
            for (word, entry) in words.iter_mut().zip(entries) {
                if let Some(entry) = entry {
                    *word = entry.load(Ordering::Acquire);
                }
            }
            shift += u32::from(STRIDE);
        }
    }

    fn walk(&self, address: A) -> Option<NextHopId> {
        // Left-aligned, so that the bits of the next level are always on top.
        let mut bits = address.to_bits() << (128 - 8 * A::SIZE);
        let slot = (bits >> (128 - u32::from(ROOT_BITS))) as usize;
        bits <<= ROOT_BITS;
        let mut word = self.root.get(slot)?.load(Ordering::Acquire);
        loop {
            let block = match Entry::decode(word) {
                Entry::None => return None,
                Entry::Leaf(next_hop) => return Some(next_hop),
                Entry::Child(block) => block,
            };
            let slot = (bits >> (128 - u32::from(STRIDE))) as usize;
            bits <<= STRIDE;
            word = self.block(block)?.get(slot)?.load(Ordering::Acquire);
        }
    }

    fn block(&self, block: u32) -> Option<&Block> {
        let (chunk, index) = place(block);
        self.chunks.get(chunk)?.get()?.get(index)
    }

    fn entry(&self, node: Node, slot: usize) -> Option<&AtomicU32> {
        match node {
            Node::Root => self.root.get(slot),
            Node::Block(block) => self.block(block)?.get(slot),
        }
    }

    /// Makes sure the memory of `block` is there, in a table of at most `limit` blocks.
    fn grow(&self, block: u32, limit: usize) -> Option<()> {
        let (number, _) = place(block);
        let size = (1 << FIRST_CHUNK << number).min(limit - first_block(number).min(limit));
        let chunk = self.chunks.get(number)?;
        if chunk.get().is_none() {
            // The writer is the only one that grows.
            chunk.set(zeroed(size).ok()?).ok()?;
        }
        Some(())
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
