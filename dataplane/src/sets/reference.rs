//! What rules and lists hold of a set: its name's place, whatever stands there.

use super::query::{Addition, Directions, MatchOptions, Query};
use super::set::Set;
use super::skbinfo::MarkMap;
use arc_swap::ArcSwap;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

/// A named place, and the set in it. `swap` exchanges what stands in two places.
#[derive(Debug)]
pub(super) struct Named {
    /// Only commands read it.
    name: Mutex<String>,
    contents: ArcSwap<Set>,
    references: AtomicUsize,
    /// Packets are expected to add to what stands here.
    grows: AtomicBool,
}

impl Named {
    pub(super) fn new(name: &str, set: Set) -> Arc<Self> {
        Arc::new(Self {
            name: Mutex::new(name.to_owned()),
            contents: ArcSwap::from_pointee(set),
            references: AtomicUsize::new(0),
            grows: AtomicBool::new(false),
        })
    }
    pub(super) fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub(super) fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.lock().unwrap_or_else(PoisonError::into_inner));
    }
    pub(super) fn set(&self) -> Arc<Set> {
        self.contents.load_full()
    }
    pub(super) fn expect_packets(&self) {
        self.grows.store(true, SeqCst);
        self.set().expect_packets();
    }
    /// Makes room in what has come to stand here since packets were expected.
    pub(super) fn keep_ready(&self) {
        if self.grows.load(SeqCst) {
            self.set().expect_packets();
        }
    }
    pub(super) fn swap(&self, other: &Self) {
        other.contents.store(self.contents.swap(other.set()));
    }
    pub(super) fn references(&self) -> usize {
        self.references.load(SeqCst)
    }
}

/// A reference to the set of a name, held by a rule or a list. While it lives, the set cannot be destroyed or renamed; after a
/// `swap` it means the other set. Cloning and dropping are for the control thread.
#[derive(Debug)]
pub struct SetRef(Arc<Named>);

impl SetRef {
    pub(super) fn new(named: &Arc<Named>) -> Self {
        named.references.fetch_add(1, SeqCst);
        Self(Arc::clone(named))
    }
    /// The name now.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.name()
    }
    /// The set that has the name now.
    #[must_use]
    pub fn set(&self) -> Arc<Set> {
        self.0.set()
    }
    /// Makes room for what packets will add, in this set and in any that comes to have its name. For the control thread, before
    /// a rule adds to it.
    pub fn expect_packets(&self) {
        self.0.expect_packets();
    }
    /// As [`Set::watch`]: once `swap` has exchanged it, that has counted.
    #[must_use]
    pub fn watch(&self) -> bool {
        self.0.contents.load().watch()
    }
    /// As [`Set::counts`].
    #[must_use]
    pub fn counts(&self) -> bool {
        self.0.contents.load().counts()
    }
    /// Whether the packet matches: `-m set --match-set NAME src,dst`.
    #[must_use]
    #[inline]
    pub fn test(&self, query: &Query<'_>, at: Directions, options: &MatchOptions) -> bool {
        self.0.contents.load().test(query, at, options)
    }
    /// The same, and what mark the element gives to packets: `--map-set NAME src,dst`, as [`Set::map`].
    #[inline]
    pub fn map(
        &self,
        query: &Query<'_>,
        at: Directions,
        options: &MatchOptions,
        mark: &mut MarkMap,
    ) -> bool {
        self.0.contents.load().map(query, at, options, mark)
    }
    /// `--add-set`: true when the element was added or, with `--exist`, made new.
    pub fn add(&self, query: &Query<'_>, at: Directions, addition: &Addition) -> bool {
        self.0.contents.load().add(query, at, addition)
    }
    /// `--del-set`: true when there was something to take out.
    pub fn del(&self, query: &Query<'_>, at: Directions) -> bool {
        self.0.contents.load().del(query, at)
    }
}

impl Clone for SetRef {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for SetRef {
    fn drop(&mut self) {
        self.0.references.fetch_sub(1, SeqCst);
    }
}

impl PartialEq for SetRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SetRef {}
