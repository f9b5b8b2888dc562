//! `-m recent`: lists of addresses with the times they were seen (kernel `xt_recent`).
//!
//! ```text
//!   List "ssh", shared by all rules that name it, of both families
//!     10.0.0.7  ttl 64  stamps: 3 newest of 3 …      at most 100 addresses; the longest unseen gives way
//! ```

mod list;

pub use list::{Entry, LIST, List};

use super::{Condition, Kept};
use crate::address::Address;
use crate::rules::View;
use crate::time::Instant;
use crate::wire::header;
use list::{Inner, Key};
use std::time::Duration;

/// Which end of the packet is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `--rsource`.
    Source,
    /// `--rdest`.
    Destination,
}

/// What is done with the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `--set`: it is put in, or stamped.
    Set,
    /// `--rcheck`: it is there.
    Check,
    /// `--update`: the same, and then it is stamped.
    Update,
    /// `--remove`: it is there, and is taken out.
    Remove,
}

/// One use of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The list.
    pub list: Kept<List>,
    /// What is done.
    pub action: Action,
    /// With which address.
    pub end: End,
    /// `--mask`, as [`Address::to_bits`] has it.
    pub mask: u128,
    /// `--seconds`: only stamps as new as that count.
    pub seconds: Option<u32>,
    /// `--hitcount`: so many stamps must count.
    pub hits: u32,
    /// `--rttl`: only an entry of the same TTL will do.
    pub ttl: bool,
    /// `--reap`: what is older than `seconds` is taken out, one at a time.
    pub reap: bool,
    /// `!`.
    pub invert: bool,
}

impl Recent {
    /// What the rule finds, and does to the list.
    fn ask(&self, key: Key, ttl: u8, now: Instant) -> bool {
        let mut inner = self.list.0.0.hold();
        let Inner { entries, stamps, turn, .. } = &mut *inner;
        let Some(entry) = entries.get_mut(&key).filter(|entry| self.is_of_ttl(entry, ttl)) else {
            let set = self.action == Action::Set;
            if set {
                inner.remove(&key);
                inner.add(key, ttl, now);
            }
            return set;
        };
        let since = self.since(now);
        let found = match self.action {
            Action::Set => true,
            Action::Remove => {
                inner.remove(&key);
                return true;
            }
            Action::Check | Action::Update => entry.is_hit(since, self.hits),
        };
        let stamp = match self.action {
            Action::Set => true,
            Action::Update => found != self.invert,
            Action::Check | Action::Remove => false,
        };
        if stamp {
            *turn += 1;
            entry.stamp(now, ttl, *stamps, *turn);
        }
        if self.reap {
            self.reap(&mut inner, &key, stamp, since);
        }
        found
    }

    /// What [`Self::ask`] would find.
    fn find(&self, key: Key, ttl: u8, now: Instant) -> bool {
        let inner = self.list.0.0.hold();
        let entry = inner.entries.get(&key).filter(|entry| self.is_of_ttl(entry, ttl));
        match self.action {
            Action::Set => true,
            Action::Remove => entry.is_some(),
            Action::Check | Action::Update => {
                entry.is_some_and(|entry| entry.is_hit(self.since(now), self.hits))
            }
        }
    }

    fn is_of_ttl(&self, entry: &Entry, ttl: u8) -> bool {
        !self.ttl || entry.ttl == ttl || entry.ttl == 0 || ttl == 0
    }

    /// Where `--seconds` begin.
    fn since(&self, now: Instant) -> Option<Instant> {
        self.seconds.map(|seconds| {
            Instant(now.0.saturating_sub(Duration::from_secs(seconds.into()).as_nanos() as u64))
        })
    }

    /// Takes the entry out that has been unseen for longest, if it is too old; not one just stamped.
    fn reap(&self, inner: &mut Inner, own: &Key, stamped: bool, since: Option<Instant>) {
        let Some(oldest) = inner.oldest().filter(|oldest| !(stamped && oldest == own)) else {
            return;
        };
        let too_old = |entry: &Entry| since.is_some_and(|since| entry.last < since);
        if inner.entries.get(&oldest).is_some_and(too_old) {
            inner.remove(&oldest);
        }
    }
}

impl<A: Address> Condition<A> for Recent {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let address = match self.end {
            End::Source => view.source,
            End::Destination => view.destination,
        };
        let mut ttl = header::ttl(view.data, view.headers);
        // As it was before the packet was forwarded.
        if view.egress.is_some() && !view.socket {
            ttl = ttl.wrapping_add(1);
        }
        let key = (A::VERSION, address.to_bits() & self.mask);
        let ask = if view.is_dry() { Self::find } else { Self::ask };
        ask(self, key, ttl, view.around.now) != self.invert
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("recent")
    }
}

#[cfg(test)]
mod tests {
    use super::list::STAMPS;
    use super::*;
    use crate::address::IpVersion;
    use std::net::IpAddr;

    const SECOND: u64 = 1_000_000_000;

    fn rule(list: &Kept<List>, action: Action, seconds: Option<u32>, hits: u32) -> Recent {
        Recent {
            list: list.clone(),
            action,
            end: End::Source,
            mask: u128::MAX,
            seconds,
            hits,
            ttl: false,
            reap: false,
            invert: false,
        }
    }

    fn ask(rule: &Recent, host: u8, second: u64) -> bool {
        rule.ask((IpVersion::V4, host.into()), 64, Instant((1000 + second) * SECOND))
    }

    #[test]
    fn five_are_let_in_and_the_sixth_is_not() {
        let list = Kept::<List>::default();
        let (check, set) =
            (rule(&list, Action::Check, Some(3600), 5), rule(&list, Action::Set, None, 0));
        for second in 0..5 {
            assert!(!ask(&check, 1, second));
            assert!(ask(&set, 1, second));
        }
        assert!(ask(&check, 1, 6) && !ask(&check, 2, 6));
        assert!(!ask(&check, 1, 3601 + 4), "too long ago");
    }

    #[test]
    fn an_update_prolongs_and_a_check_does_not() {
        let list = Kept::<List>::default();
        ask(&rule(&list, Action::Set, None, 0), 1, 0);
        assert!(ask(&rule(&list, Action::Check, Some(10), 0), 1, 9));
        assert!(!ask(&rule(&list, Action::Check, Some(10), 0), 1, 11));
        assert!(ask(&rule(&list, Action::Update, Some(15), 0), 1, 12));
        assert!(ask(&rule(&list, Action::Check, Some(10), 0), 1, 22));
        assert!(ask(&rule(&list, Action::Remove, None, 0), 1, 22));
        assert!(!ask(&rule(&list, Action::Remove, None, 0), 1, 22));
    }

    #[test]
    fn the_longest_unseen_gives_way_and_the_oldest_stamp_too() {
        let list = Kept::<List>::default();
        let set = rule(&list, Action::Set, None, 0);
        assert!((0..=LIST as u8).all(|host| ask(&set, host, 0)));
        assert!(!ask(&rule(&list, Action::Check, None, 0), 0, 1));
        assert!(ask(&rule(&list, Action::Check, None, 0), 1, 1));
        assert!((0..STAMPS as u64 + 5).all(|second| ask(&set, 7, second)));
        assert_eq!(list.entries().last().map(|(_, entry)| entry.stamps.len()), Some(STAMPS));
        assert!(ask(&rule(&list, Action::Check, None, STAMPS as u32), 7, 100));
        list.make_room(40);
        assert!(list.entries().is_empty(), "a list that grows forgets");
    }

    #[test]
    fn what_is_written_by_hand_counts_and_keeps_the_ttl() {
        let list = Kept::<List>::default();
        let host = "0.0.0.7".parse().unwrap();
        ask(&rule(&list, Action::Set, None, 0), 7, 0);
        list.0.add(host, Instant(1001 * SECOND));
        assert!(ask(&rule(&list, Action::Check, Some(10), 2), 7, 2));
        let [(_, entry)] = &list.0.entries()[..] else { panic!("not one entry") };
        assert_eq!((entry.ttl, entry.last, entry.stamps().1), (64, Instant(1001 * SECOND), 2));
        assert!(list.0.remove(host) && !list.0.remove(host));
        list.0.add(host, Instant(1002 * SECOND));
        assert_eq!(list.0.entries().first().map(|(_, entry)| entry.ttl), Some(0));
        list.0.flush();
        assert!(list.0.entries().is_empty());
    }

    #[test]
    fn reaping_takes_one_that_is_too_old() {
        let list = Kept::<List>::default();
        let set = rule(&list, Action::Set, None, 0);
        ask(&set, 1, 0);
        ask(&set, 2, 50);
        let reap = Recent { reap: true, ..rule(&list, Action::Check, Some(20), 0) };
        assert!(ask(&reap, 2, 60));
        let left: Vec<IpAddr> = list.entries().into_iter().map(|(ip, _)| ip).collect();
        assert_eq!(left, ["0.0.0.2".parse::<IpAddr>().unwrap()]);
    }

    proptest::proptest! {
        #[test]
        fn looking_finds_what_asking_would_and_changes_nothing(
            steps in proptest::collection::vec(
                (0..4_usize, proptest::option::of(1..5_u32), 0..4_u32, 0..3_u8, 62..65_u8, 0..3_u64, 0..4_u8),
                1..60,
            ),
        ) {
            let (looked_at, plain) = (Kept::<List>::default(), Kept::<List>::default());
            let mut second = 1000;
            for (action, seconds, hits, host, ttl, pause, options) in steps {
                second += pause;
                let action = [Action::Set, Action::Check, Action::Update, Action::Remove][action];
                let rule = |list: &Kept<List>| Recent {
                    ttl: options & 1 != 0,
                    reap: options & 2 != 0,
                    ..rule(list, action, seconds, hits)
                };
                let (looked_at, plain) = (rule(&looked_at), rule(&plain));
                let (key, now) = ((IpVersion::V4, host.into()), Instant(second * SECOND));
                let found = looked_at.find(key, ttl, now);
                proptest::prop_assert_eq!(looked_at.ask(key, ttl, now), found);
                proptest::prop_assert_eq!(plain.ask(key, ttl, now), found);
            }
            proptest::prop_assert_eq!(looked_at.entries(), plain.entries());
        }
    }
}
