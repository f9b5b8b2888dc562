//! The writer's half of the table: the routes themselves and the shape of the trie.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Entry, FAN_OUT, Fib, Node, ROOT_BITS, STRIDE};
use crate::address::Address;
use crate::ids::NextHopId;
use crate::published::{Quiescence, Retired};

/// Why a route was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FibError {
    /// The trie may not grow further.
    #[error("the forwarding table is full")]
    Full,
    /// The system has not the memory.
    #[error("no memory for the forwarding table")]
    Memory,
    /// A prefix longer than an address.
    #[error("a prefix of {0} bits is longer than the address")]
    PrefixLength(u8),
    /// The number does not fit an entry.
    #[error("next hop number {} is too large", .0.0)]
    NextHop(NextHopId),
}

/// The answer an entry holds and how long the prefix is that put it there: zero where the trie has
/// no answer (a default route is not in the trie).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leaf {
    entry: Entry,
    length: u8,
}

impl Leaf {
    const NONE: Self = Self { entry: Entry::None, length: 0 };
}

/// What the writer knows of a block and readers need not.
#[derive(Debug)]
struct Shape {
    /// Length of the prefix behind each leaf.
    lengths: Box<[u8]>,
    /// Prefixes that end here and children linked from here; a block with neither is given up.
    occupants: u32,
}

impl Shape {
    fn new(entries: usize) -> Self {
        Self { lengths: vec![0; entries].into_boxed_slice(), occupants: 0 }
    }
}

/// A level of the trie, and with it the bits its entries decide: `base..base + width`.
#[derive(Debug, Clone, Copy)]
struct Level {
    base: u8,
    width: u8,
}

impl Level {
    const ROOT: Self = Self { base: 0, width: ROOT_BITS };

    const fn below(self) -> Self {
        Self { base: self.base + self.width, width: STRIDE }
    }

    const fn end(self) -> u8 {
        self.base + self.width
    }

    /// The entry of this level that `bits` (left-aligned) goes through.
    const fn slot(self, bits: u128) -> usize {
        ((bits << self.base) >> (128 - self.width as u32)) as usize
    }

    /// The entries of this level under a prefix that ends in it.
    const fn span(self, prefix: Prefix) -> (usize, usize) {
        let first = self.slot(prefix.bits);
        (first, first + (1 << (self.end() - prefix.length)))
    }
}

/// A prefix, its bits left-aligned and zero beyond its length. Ordered as routes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix {
    bits: u128,
    length: u8,
}

impl Prefix {
    fn new<A: Address>(address: A, length: u8) -> Self {
        Self { bits: address.to_bits() << (128 - 8 * A::SIZE), length: 128 }.shortened(length)
    }

    fn shortened(self, length: u8) -> Self {
        let host = u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        Self { bits: self.bits & !host, length }
    }

    fn address<A: Address>(self) -> A {
        A::from_bits(self.bits >> (128 - 8 * A::SIZE))
    }
}

/// The one writer of a [`Fib`].
#[derive(Debug)]
pub struct FibWriter<A> {
    fib: Arc<Fib<A>>,
    routes: BTreeMap<Prefix, NextHopId>,
    /// Routes of each length, so that a search for a shorter prefix skips the lengths nobody uses.
    per_length: [u32; 129],
    root: Shape,
    blocks: Vec<Shape>,
    limit: usize,
    free: Vec<u32>,
    retired: Retired<u32>,
}

impl<A: Address> FibWriter<A> {
    pub(super) fn new(fib: Arc<Fib<A>>, limit: usize) -> Self {
        Self {
            fib,
            routes: BTreeMap::new(),
            per_length: [0; 129],
            root: Shape::new(1 << ROOT_BITS),
            blocks: Vec::new(),
            limit,
            free: Vec::new(),
            retired: Retired::default(),
        }
    }

    /// Adds or replaces the route to `prefix/length` (bits beyond the length are ignored) and returns
    /// the next hop it had before.
    ///
    /// # Errors
    /// See [`FibError`]; the table is then as it was.
    pub fn insert(
        &mut self,
        prefix: A,
        length: u8,
        next_hop: NextHopId,
    ) -> Result<Option<NextHopId>, FibError> {
        if usize::from(length) > 8 * A::SIZE {
            return Err(FibError::PrefixLength(length));
        }
        if next_hop.0 >= Entry::CHILD - 1 {
            return Err(FibError::NextHop(next_hop));
        }
        let prefix = Prefix::new(prefix, length);
        let leaf = Leaf { entry: Entry::Leaf(next_hop), length };
        let old = self.routes.get(&prefix).copied();
        if old == Some(next_hop) {
            return Ok(old);
        }
        if length == 0 {
            self.fib.default.store(leaf.entry.encode(), Ordering::Release);
        } else {
            let (node, level) = self.descend(prefix)?;
            self.paint(node, level, prefix, leaf);
            if old.is_none() {
                self.shape_mut(node, |shape| shape.occupants += 1);
            }
        }
        self.routes.insert(prefix, next_hop);
        if old.is_none() {
            self.count(length, |count| count + 1);
        }
        self.changed();
        Ok(old)
    }

    /// Removes the route to `prefix/length` and returns the next hop it had.
    pub fn remove(&mut self, prefix: A, length: u8) -> Option<NextHopId> {
        let prefix = self.prefix(prefix, length)?;
        let old = self.routes.remove(&prefix)?;
        self.count(length, |count| count - 1);
        if length == 0 {
            self.fib.default.store(0, Ordering::Release);
            self.changed();
            return Some(old);
        }
        let path = self.path(prefix);
        if let Some(&(node, level, _)) = path.last() {
            self.paint(node, level, prefix, self.covering(prefix));
            self.shape_mut(node, |shape| shape.occupants -= 1);
        }
        self.prune(&path);
        self.changed();
        Some(old)
    }

    /// Tells readers, once they can see it.
    fn changed(&self) {
        self.fib.changes.fetch_add(1, Ordering::Release);
    }

    /// The next hop of exactly `prefix/length`.
    #[must_use]
    pub fn exact(&self, prefix: A, length: u8) -> Option<NextHopId> {
        self.routes.get(&self.prefix(prefix, length)?).copied()
    }

    /// All routes, by address and then length.
    pub fn iter(&self) -> impl Iterator<Item = (A, u8, NextHopId)> + '_ {
        self.routes.iter().map(|(prefix, id)| (prefix.address(), prefix.length, *id))
    }

    /// Number of routes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is no route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Blocks in use, retired ones included.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len() - self.free.len()
    }

    /// Makes blocks that no worker can be in any more available again. Call now and then after
    /// removals.
    pub fn reclaim(&mut self, quiescence: &Quiescence) {
        let free = &mut self.free;
        self.retired.reclaim(quiescence, |block| free.push(block));
    }

    fn prefix(&self, prefix: A, length: u8) -> Option<Prefix> {
        (usize::from(length) <= 8 * A::SIZE).then(|| Prefix::new(prefix, length))
    }

    fn count(&mut self, length: u8, change: impl FnOnce(u32) -> u32) {
        if let Some(count) = self.per_length.get_mut(usize::from(length)) {
            *count = change(*count);
        }
    }

    /// What decides the addresses of `prefix` when it has no route of its own.
    fn covering(&self, prefix: Prefix) -> Leaf {
        (1..prefix.length)
            .rev()
            .filter(|&length| self.per_length.get(usize::from(length)).is_some_and(|n| *n > 0))
            .find_map(|length| {
                let next_hop = self.routes.get(&prefix.shortened(length))?;
                Some(Leaf { entry: Entry::Leaf(*next_hop), length })
            })
            .unwrap_or(Leaf::NONE)
    }

    /// The block in which `prefix` ends, with the blocks on the way to it made where missing.
    fn descend(&mut self, prefix: Prefix) -> Result<(Node, Level), FibError> {
        let path = self.path(prefix);
        let (mut node, mut level, _) = *path.last().ok_or(FibError::Full)?;
        let mut made = path.clone();
        while prefix.length > level.end() {
            let slot = level.slot(prefix.bits);
            let Some(child) = self.split(node, slot) else {
                self.prune(&made);
                return Err(FibError::Full);
            };
            (node, level) = (Node::Block(child), level.below());
            made.push((node, level, level.slot(prefix.bits)));
        }
        Ok((node, level))
    }

    /// The existing blocks towards `prefix`, root first, each with its level and the entry taken.
    fn path(&self, prefix: Prefix) -> Vec<(Node, Level, usize)> {
        let (mut node, mut level) = (Node::Root, Level::ROOT);
        let mut path = vec![(node, level, level.slot(prefix.bits))];
        while prefix.length > level.end() {
            let Entry::Child(child) = self.leaf(node, level.slot(prefix.bits)).entry else { break };
            (node, level) = (Node::Block(child), level.below());
            path.push((node, level, level.slot(prefix.bits)));
        }
        path
    }

    /// Replaces a leaf by a block full of that leaf; none when the trie may not grow.
    fn split(&mut self, node: Node, slot: usize) -> Option<u32> {
        let leaf = self.leaf(node, slot);
        let child = self.allocate()?;
        for inner in 0..FAN_OUT {
            self.set(Node::Block(child), inner, leaf);
        }
        self.fib.store(node, slot, Entry::Child(child));
        self.shape_mut(node, |shape| shape.occupants += 1);
        Some(child)
    }

    /// Gives up the empty blocks at the end of `path`.
    fn prune(&mut self, path: &[(Node, Level, usize)]) {
        for pair in path.windows(2).rev() {
            let &[(parent, _, slot), (node, _, _)] = pair else { return };
            let Node::Block(block) = node else { return };
            if self.shape(node).is_some_and(|shape| shape.occupants > 0) {
                return;
            }
            // With no prefix of its own, all its entries are one leaf from above.
            let leaf = self.leaf(node, 0);
            self.set(parent, slot, leaf);
            self.shape_mut(parent, |shape| shape.occupants -= 1);
            self.retired.push(block);
        }
    }

    /// Writes `leaf` wherever under `prefix` nothing longer decides.
    fn paint(&mut self, node: Node, level: Level, prefix: Prefix, leaf: Leaf) {
        let (first, end) = level.span(prefix);
        self.paint_span(node, first, end, prefix.length, leaf);
    }

    fn paint_span(&mut self, node: Node, first: usize, end: usize, length: u8, leaf: Leaf) {
        for slot in first..end {
            let old = self.leaf(node, slot);
            match old.entry {
                Entry::Child(child) => {
                    self.paint_span(Node::Block(child), 0, FAN_OUT, length, leaf);
                }
                Entry::None | Entry::Leaf(_) if old.length <= length => {
                    self.set(node, slot, leaf);
                }
                Entry::None | Entry::Leaf(_) => {}
            }
        }
    }

    fn allocate(&mut self) -> Option<u32> {
        if let Some(block) = self.free.pop() {
            return Some(block);
        }
        let block = self.blocks.len();
        if block >= self.limit {
            return None;
        }
        let number = u32::try_from(block).ok()?;
        self.blocks.push(Shape::new(FAN_OUT));
        Some(number)
    }

    fn shape(&self, node: Node) -> Option<&Shape> {
        match node {
            Node::Root => Some(&self.root),
            Node::Block(block) => self.blocks.get(block as usize),
        }
    }

    fn shape_mut(&mut self, node: Node, change: impl FnOnce(&mut Shape)) {
        let shape = match node {
            Node::Root => Some(&mut self.root),
            Node::Block(block) => self.blocks.get_mut(block as usize),
        };
        shape.map(change).unwrap_or_default();
    }

    fn leaf(&self, node: Node, slot: usize) -> Leaf {
        let length = self.shape(node).and_then(|shape| shape.lengths.get(slot)).copied();
        Leaf { entry: self.fib.load(node, slot), length: length.unwrap_or(0) }
    }

    fn set(&mut self, node: Node, slot: usize, leaf: Leaf) {
        self.fib.store(node, slot, leaf.entry);
        self.shape_mut(node, |shape| {
            if let Some(length) = shape.lengths.get_mut(slot) {
                *length = leaf.length;
            }
        });
    }
}
