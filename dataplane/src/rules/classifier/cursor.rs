//! The lists a packet found, merged into one ascending sequence of positions.

use super::Classifier;
use super::lists::Lists;
use crate::address::Address;
use crate::rules::View;
use std::ops::Range;

/// Lists kept at a time.
const HITS: usize = 8;
/// No position.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Hit {
    /// Its next position.
    head: u32,
    /// Where that stands in the lists, and where the list ends.
    at: u32,
    end: u32,
}

/// Where a walk through one chain is. Of more lists than it has room for, those that begin last are
/// looked up again once the others have come as far.
#[derive(Debug)]
pub(in crate::rules) struct Cursor {
    hits: [Hit; HITS],
    len: usize,
    /// From here on, there may be positions in no list kept.
    horizon: u32,
}

impl Cursor {
    /// No lists; what is at `horizon` and beyond has not been looked up.
    pub(super) const fn before(horizon: u32) -> Self {
        Self { hits: [Hit { head: NONE, at: 0, end: 0 }; HITS], len: 0, horizon }
    }

    /// No lists, and nothing else.
    pub(super) const fn empty() -> Self {
        Self::before(NONE)
    }

    /// Adds a list.
    #[inline]
    pub(super) fn add(&mut self, lists: &Lists, list: Range<u32>) {
        let Some(head) = lists.position(list.start).filter(|_| !list.is_empty()) else { return };
        let hit = Hit { head, at: list.start, end: list.end };
        if let Some(room) = self.hits.get_mut(self.len) {
            *room = hit;
            self.len += 1;
            return;
        }
        let mut dropped = hit;
        if let Some(last) = self.hits.iter_mut().max_by_key(|hit| hit.head)
            && hit.head < last.head
        {
            dropped = std::mem::replace(last, hit);
        }
        self.horizon = self.horizon.min(dropped.head);
    }

    fn head(&self) -> u32 {
        let hits = self.hits.get(..self.len).unwrap_or_default();
        hits.iter().map(|hit| hit.head).min().unwrap_or(NONE)
    }

    /// A position no later than the next one; [`NONE`] when there is none.
    pub(super) fn resume(&self) -> u32 {
        self.head().min(self.horizon)
    }

    /// The next position.
    #[inline]
    pub(super) fn next<A: Address>(
        &mut self,
        classifier: &Classifier<A>,
        view: &View<'_, A>,
    ) -> Option<u32> {
        if self.head() > self.horizon {
            *self = classifier.look_up(view, self.horizon);
        }
        let head = self.head();
        if head == NONE {
            return None;
        }
        if head == self.horizon {
            // Lists left out may begin here too.
            *self = Self::before(head + 1);
            return Some(head);
        }
        for hit in self.hits.get_mut(..self.len).unwrap_or_default() {
            if hit.head == head {
                hit.at += 1;
                let next = (hit.at < hit.end).then(|| classifier.lists.position(hit.at)).flatten();
                hit.head = next.unwrap_or(NONE);
            }
        }
        Some(head)
    }
}
