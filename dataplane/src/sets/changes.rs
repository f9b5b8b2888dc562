//! How workers learn that what a set has said may not hold any more.
//!
//! ```text
//!   worker   reads the count ─> watches the set ─> looks into it ─> keeps the verdict, as one of that count
//!   writer   changes the set ─> was it watched? is no more ─> counts
//!   worker   the next burst reads another count ─> asks anew
//! ```
//!
//! What ends by itself nobody announces, and what counts packets wants to see each. A verdict that met such an element is not kept
//! ([`Query::fleeting`](super::Query::fleeting)), be it over or not, so none depends on it: nobody hears when its end changes, or when
//! it goes. That it comes is heard, as of any element: most packets meet none.
//!
//! There is one count for all sets of a gateway. A set that nobody has looked into since it counted last changes without a word, so a
//! million elements are filled in as fast as if nobody kept anything.
//!
//! **No verdict outlives what it was reached by.** Let a worker miss a change. It has watched before it looked, and the writer takes
//! the watch away (one atomic exchange) after the change; were the watch set anew after that, the worker would see the change. So the
//! writer, or one before it, finds the watch that the worker relied on and counts after it has taken it away. Had the worker read that count
//! when its burst began, it would have found the watch gone. So it read a smaller one, and its verdict is of the past.

use super::kind::Header;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32};

/// Counts changes of sets that verdicts may depend on.
#[derive(Debug, Clone, Default)]
pub struct SetChanges(Arc<AtomicU32>);

impl SetChanges {
    /// The count: to be read before a set is looked into.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u32 {
        self.0.load(Acquire)
    }
    pub(super) fn count(&self) {
        self.0.fetch_add(1, AcqRel);
    }
}

/// Whether verdicts depend on what one set has now.
#[derive(Debug)]
pub(super) struct Watch {
    watched: AtomicBool,
    /// Whether they may.
    steady: bool,
    changes: SetChanges,
}

impl Watch {
    pub(super) const fn new(header: &Header, changes: SetChanges) -> Self {
        Self { watched: AtomicBool::new(false), steady: header.is_steady(), changes }
    }
    /// Before a look; whether a verdict may depend on it.
    pub(super) fn watch(&self) -> bool {
        if self.steady && !self.watched.load(SeqCst) {
            self.watched.swap(true, SeqCst);
        }
        self.steady
    }
    /// After a change of what verdicts may depend on.
    pub(super) fn changed(&self) {
        if self.steady && self.watched.swap(false, SeqCst) {
            self.changes.count();
        }
    }
    pub(super) const fn changes(&self) -> &SetChanges {
        &self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::query;
    use super::super::{
        Direction, Directions, Entry, Key, Kind, MatchOptions, Place, Query, Set, Sets,
    };
    use super::Header;
    use crate::address::IpVersion;
    use crate::time::Instant;
    use std::cell::Cell;

    const NOW: Instant = Instant(1_000_000_000);

    fn plain(kind: Kind) -> Header {
        Header::new(kind, Some(IpVersion::V4), 1)
    }

    fn host(last: u8) -> Entry {
        Entry { key: Key { first: last.into(), ..Key::default() }, ..Entry::default() }
    }

    fn net(last: u8) -> Entry {
        Entry { key: Key { first: last.into(), prefix: 32, ..Key::default() }, ..Entry::default() }
    }

    /// What it counts when the set is changed so, watched and not.
    fn counted(set: &Set, change: impl Fn(&Set)) -> u32 {
        assert!(set.watch());
        let before = set.changes().now();
        change(set);
        let counted = set.changes().now() - before;
        assert!(set.watch());
        counted
    }

    #[test]
    fn every_change_of_a_watched_set_counts_once() {
        let set = Set::new(plain(Kind::HashNet));
        let add = |set: &Set| set.insert(&net(1), true, NOW).unwrap();
        assert_eq!(counted(&set, add), 1, "a new element");
        assert_eq!(counted(&set, add), 0, "one that is there stays as it is");
        let except = |set: &Set| {
            set.insert(&Entry { nomatch: true, ..net(1) }, true, NOW).unwrap();
        };
        assert_eq!(counted(&set, except), 1, "an exception now");
        assert_eq!(counted(&set, |set| set.remove(&net(1).key, NOW).unwrap()), 1);
        assert_eq!(counted(&set, |set| assert!(set.remove(&net(1).key, NOW).is_err())), 0);
        set.insert(&net(1), false, NOW).unwrap();
        set.insert(&net(2), false, NOW).unwrap();
        assert_eq!(counted(&set, |set| assert!(set.insert(&net(2), false, NOW).is_err())), 0);
        assert_eq!(counted(&set, Set::flush), 1, "many elements, and one change");
        assert_eq!(counted(&set, |set| set.maintain(NOW)), 0);
    }

    #[test]
    fn a_full_set_that_gives_an_element_up_counts() {
        let header = Header { max_elements: 1, force_add: true, ..plain(Kind::HashIp) };
        let set = Set::new(header);
        set.insert(&host(1), false, NOW).unwrap();
        for last in 2..40 {
            // Another shard may have nothing to give up.
            let mut added = false;
            let before = set.len();
            let counted = counted(&set, |set| {
                let _ = set.insert(&host(last), false, NOW);
            });
            added |= set.len() != before || set.contains(&host(last).key, false, NOW).unwrap();
            assert_eq!(counted > 0, added);
        }
    }

    #[test]
    fn nobody_is_told_what_nobody_watches() {
        let set = Set::new(plain(Kind::HashIp));
        let before = set.changes().now();
        (0..200).for_each(|last| set.insert(&host(last + 1), false, NOW).unwrap());
        assert_eq!(set.changes().now(), before);
    }

    #[test]
    fn what_looks_at_ethernet_is_never_watched() {
        assert!(!Set::new(Header::new(Kind::HashMac, None, 1)).watch());
    }

    #[test]
    fn what_counts_packets_is_heard_of_when_it_comes() {
        let set = Set::new(Header { counters: true, ..plain(Kind::HashIp) });
        assert!(set.counts());
        let add = |set: &Set| set.insert(&host(1), true, NOW).unwrap();
        assert_eq!(asked(&set, NOW), (false, false), "nothing is there");
        assert_eq!(counted(&set, add), 1);
        assert_eq!(asked(&set, NOW), (true, true));
        assert_eq!(counted(&set, add), 0, "nobody depends on it");
        assert_eq!(counted(&set, |set| set.remove(&host(1).key, NOW).unwrap()), 0);
        assert_eq!(asked(&set, NOW), (false, false));
    }

    #[test]
    fn what_ends_by_itself_counts_when_it_comes_and_never_again() {
        let set = Set::new(Header { timeout: Some(0), ..plain(Kind::HashIp) });
        let add = |set: &Set, seconds, now| {
            set.insert(&Entry { timeout: Some(seconds), ..host(1) }, true, now).unwrap();
        };
        let later = Instant(NOW.0 + 2_000_000_000);
        assert_eq!(counted(&set, |set| add(set, 1, NOW)), 1, "it is new");
        assert_eq!(counted(&set, |set| add(set, 9, NOW)), 0, "another end");
        assert_eq!(counted(&set, |set| add(set, 1, NOW)), 0);
        assert_eq!(counted(&set, |set| add(set, 1, later)), 0, "after its end, still there");
        assert_eq!(counted(&set, |set| set.maintain(Instant(later.0 * 2))), 0, "freed");
        assert_eq!(counted(&set, |set| add(set, 1, later)), 1, "new again");
        assert_eq!(counted(&set, |set| set.remove(&host(1).key, later).unwrap()), 0);
        assert_eq!(counted(&set, |set| add(set, 0, later)), 1, "for good");
        assert_eq!(counted(&set, |set| add(set, 1, later)), 1, "no more for good");
        assert_eq!(counted(&set, |set| add(set, 0, later)), 0, "for good again");
        assert_eq!(counted(&set, Set::flush), 1);
    }

    /// What a set says of a packet from 0.0.0.1, and whether that is said of this one only.
    fn asked(set: &Set, now: Instant) -> (bool, bool) {
        let fleeting = Cell::new(false);
        let query = Query { fleeting: Some(&fleeting), ..query(1, now) };
        let at = Directions::new(&[Direction::Source, Direction::Source]).unwrap();
        (set.test(&query, at, &MatchOptions::default()), fleeting.get())
    }

    #[test]
    fn answers_are_fleeting_where_something_that_ends_was_met() {
        let ending = |kind| Header { timeout: Some(0), ..plain(kind) };
        let set = Set::new(ending(Kind::HashNet));
        let add = |prefix, seconds| {
            let key = Key { first: 1, prefix, ..Key::default() };
            set.insert(&Entry { key, timeout: Some(seconds), ..Entry::default() }, true, NOW)
                .unwrap();
        };
        let later = Instant(NOW.0 + 2_000_000_000);
        assert_eq!(asked(&set, NOW), (false, false), "nothing is there");
        set.insert(&Entry { timeout: Some(1), ..net(2) }, false, NOW).unwrap();
        assert_eq!(asked(&set, NOW), (false, false), "another's");
        add(24, 1);
        assert_eq!(asked(&set, NOW), (true, true));
        assert_eq!(asked(&set, later), (false, true), "it is there, though over");
        add(32, 0);
        assert_eq!(asked(&set, NOW), (true, false), "the longer one decides");
        add(32, 1);
        assert_eq!(asked(&set, NOW), (true, true));
        set.maintain(later);
        assert_eq!(asked(&set, later), (false, false), "gone");

        let mut sets = Sets::default();
        let list =
            Header { max_elements: 8, timeout: Some(0), ..Header::new(Kind::ListSet, None, 1) };
        for (name, header) in [("one", plain(Kind::HashIp)), ("list", list)] {
            sets.create(name, header).unwrap();
        }
        let list = sets.get("list").unwrap();
        let one = |seconds| {
            let (member, timeout) = (Some("one".to_owned()), Some(seconds));
            let entry = Entry { member, timeout, ..Entry::default() };
            let set = sets.reference("one").unwrap();
            list.insert_member(set, &entry, &Place::End, true, NOW).unwrap();
        };
        one(0);
        assert_eq!(asked(&list, NOW), (false, false));
        one(1);
        assert_eq!(asked(&list, NOW), (false, true), "a member ends");
        assert_eq!(asked(&list, later), (false, true));
    }

    #[test]
    fn a_list_counts_with_its_members_and_stands_still_with_all_of_them_alone() {
        let mut sets = Sets::default();
        for (name, header) in [
            ("one", plain(Kind::HashIp)),
            ("other", plain(Kind::HashIp)),
            ("macs", Header::new(Kind::HashMac, None, 1)),
            ("list", Header { max_elements: 8, ..Header::new(Kind::ListSet, None, 1) }),
        ] {
            sets.create(name, header).unwrap();
        }
        let list = sets.get("list").unwrap();
        let member = |sets: &Sets, name: &str| {
            let set = sets.reference(name).unwrap();
            let entry = Entry { member: Some(name.to_owned()), ..Entry::default() };
            list.insert_member(set, &entry, &Place::End, false, NOW).unwrap();
        };
        assert_eq!(counted(&list, |_| member(&sets, "one")), 1);
        let one = sets.get("one").unwrap();
        assert_eq!(counted(&list, |_| one.insert(&host(1), false, NOW).unwrap()), 1);
        let before = list.changes().now();
        assert!(list.watch());
        sets.swap("one", "other").unwrap();
        assert_eq!(list.changes().now(), before + 1, "a swap, whoever watches");
        member(&sets, "macs");
        assert!(!list.watch());
        list.remove_member("macs", &Place::End, NOW).unwrap();
        assert_eq!(counted(&list, Set::flush), 1);
    }
}
