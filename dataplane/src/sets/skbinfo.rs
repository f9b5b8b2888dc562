//! What elements give to packets (`skbinfo`), and how it lies in a table.

/// What an element gives to the packets that `SET --map-set` maps to it; zeros where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkbInfo {
    /// The mark and its mask.
    pub mark: MarkMap,
    /// `skbprio`: major number in the high half, minor in the low one. There is no queueing discipline to ask for it.
    pub priority: u32,
    /// `skbqueue`: kept only to be shown, as the priority.
    pub queue: u16,
}

/// A mark for packets: `(mark & !mask) ^ value`. By default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarkMap {
    /// Bits set or toggled.
    pub value: u32,
    /// Bits cleared first.
    pub mask: u32,
}

impl MarkMap {
    /// The packet's mark afterwards.
    #[must_use]
    pub const fn apply(self, mark: u32) -> u32 {
        (mark & !self.mask) ^ self.value
    }

    /// In one word, so that who reads it while it is written sees one or the other.
    pub(super) const fn pack(self) -> u64 {
        (self.value as u64) << 32 | self.mask as u64
    }

    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn unpack(word: u64) -> Self {
        Self { value: (word >> 32) as u32, mask: word as u32 }
    }
}

#[allow(clippy::cast_possible_truncation)]
impl SkbInfo {
    /// Words it takes.
    pub(super) const WORDS: usize = 2;

    pub(super) const fn pack(self) -> [u64; Self::WORDS] {
        [self.mark.pack(), (self.priority as u64) << 16 | self.queue as u64]
    }

    pub(super) const fn unpack([mark, rest]: [u64; Self::WORDS]) -> Self {
        Self { mark: MarkMap::unpack(mark), priority: (rest >> 16) as u32, queue: rest as u16 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::IpVersion;
    use crate::sets::query::query;
    use crate::sets::{
        Addition, Direction, Directions, Entry, Header, Key, Kind, MatchOptions, Refusal, Set, Sets,
    };
    use crate::time::Instant;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const NOW: Instant = Instant(1_000_000_000);

    fn header(skbinfo: bool) -> Header {
        let header = Header::new(Kind::HashIp, Some(IpVersion::V4), 7);
        Header { skbinfo, counters: true, ..header }
    }

    fn entry(first: u128, skbinfo: Option<SkbInfo>) -> Entry {
        Entry { key: Key { first, ..Key::default() }, skbinfo, ..Entry::default() }
    }

    fn giving(value: u32, mask: u32) -> Option<SkbInfo> {
        Some(SkbInfo { mark: MarkMap { value, mask }, priority: 0x1_0010, queue: 3 })
    }

    fn at() -> Directions {
        Directions::new(&[Direction::Source]).expect("one direction")
    }

    fn mapped(set: &Set, source: u128) -> Option<MarkMap> {
        let mut mark = MarkMap::default();
        set.map(&query(source, NOW), at(), &MatchOptions::default(), &mut mark).then_some(mark)
    }

    #[test]
    fn an_element_gives_what_it_was_last_said_to() {
        let set = Set::new(header(true));
        set.insert(&entry(1, giving(5, 15)), false, NOW).expect("added");
        assert_eq!(mapped(&set, 1), Some(MarkMap { value: 5, mask: 15 }));
        assert_eq!(mapped(&set, 2), None);
        assert_eq!(set.entries(NOW)[0].skbinfo, giving(5, 15));
        set.insert(&entry(1, giving(6, 0)), true, NOW).expect("there");
        assert_eq!(mapped(&set, 1), Some(MarkMap { value: 6, mask: 0 }));
        assert_eq!(set.entries(NOW)[0].counters, Some((2, 200)), "counters stay");
        let anew = Addition { exist: true, timeout: None };
        assert!(set.add(&query(1, NOW), at(), &anew));
        assert_eq!(mapped(&set, 1), Some(MarkMap::default()), "a packet says nothing");
    }

    #[test]
    fn a_set_without_it_gives_and_takes_nothing() {
        let set = Set::new(header(false));
        assert_eq!(set.insert(&entry(1, giving(0, 0)), false, NOW), Err(Refusal::NoSkbInfo));
        set.insert(&entry(1, None), false, NOW).expect("added");
        assert_eq!(mapped(&set, 1), Some(MarkMap::default()));
        assert_eq!(set.entries(NOW)[0].skbinfo, None);
    }

    #[test]
    fn a_list_gives_its_own_or_that_of_its_members() {
        for own in [false, true] {
            let mut sets = Sets::default();
            sets.create("a", header(true)).expect("created");
            let list = Header { skbinfo: own, ..Header::new(Kind::ListSet, None, 0) };
            sets.create("l", list).expect("created");
            let members = sets.get("a").expect("there");
            members.insert(&entry(1, giving(5, 15)), false, NOW).expect("added");
            let list = sets.get("l").expect("there");
            let member = sets.reference("a").expect("there");
            let place = crate::sets::Place::End;
            let entry = Entry { skbinfo: giving(9, 9).filter(|_| own), ..Entry::default() };
            list.insert_member(member, &entry, &place, false, NOW).expect("added");
            let (value, mask) = if own { (9, 9) } else { (5, 15) };
            assert_eq!(mapped(&list, 1), Some(MarkMap { value, mask }));
        }
    }

    /// No reader sees the value of one and the mask of the other, or what belongs to a neighbour.
    #[test]
    fn a_mark_is_read_whole_while_it_is_written() {
        let set = Set::new(header(true));
        let stop = AtomicBool::new(false);
        set.insert(&entry(1, giving(0, u32::MAX)), false, NOW).expect("added");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..20_000_u32 {
                    let other = u128::from(round % 64) + 2;
                    set.insert(&entry(1, giving(round, !round)), true, NOW).expect("there");
                    set.insert(&entry(other, giving(1, 1)), true, NOW).expect("added");
                    set.remove(&entry(other, None).key, NOW).expect("removed");
                }
                stop.store(true, Ordering::Release);
            });
            while !stop.load(Ordering::Acquire) {
                let mark = mapped(&set, 1).expect("it stays");
                assert_eq!(mark.value, !mark.mask);
            }
        });
    }

    proptest! {
        #[test]
        fn it_comes_out_of_its_words_as_it_went_in(value: u32, mask: u32, priority: u32, queue: u16) {
            let info = SkbInfo { mark: MarkMap { value, mask }, priority, queue };
            prop_assert_eq!(SkbInfo::unpack(info.pack()), info);
        }
    }
}
