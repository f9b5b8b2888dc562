//! Bursts of additions by packets between two turns of the thread that maintains sets: none is lost.

use super::changes::SetChanges;
use super::hash::{Hash, New, Who};
use super::late::Bell;
use super::query::{Addition, Direction, Directions, Look, query};
use super::{Header, Key, Kind, SetRef, Sets, SkbInfo};
use crate::address::IpVersion;
use crate::time::Instant;

const NOW: Instant = Instant(1_000_000_000);

fn header(most: u32) -> Header {
    let header = Header::new(Kind::HashIp, Some(IpVersion::V4), 7);
    Header { max_elements: most, ..header }
}

fn new(address: u32) -> New {
    let key = Key { first: address.into(), prefix: 32, second_prefix: 32, ..Key::default() };
    New {
        key,
        nomatch: false,
        comment: false,
        ends: 0,
        counters: None,
        skbinfo: SkbInfo::default(),
    }
}

fn by_packet(set: &SetRef, source: u32) -> bool {
    let at = Directions::new(&[Direction::Source]).expect("one direction");
    set.add(&query(source.into(), NOW), at, &Addition::default())
}

/// As many as the set may have, without a turn of the maintaining thread between them; whichever set has the name.
#[test]
fn a_set_that_rules_add_to_has_room_for_all_its_elements() {
    for swapped in [false, true] {
        let mut sets = Sets::default();
        sets.create("a", header(65_536)).unwrap();
        sets.create("b", header(65_536)).unwrap();
        let set = sets.reference("a").unwrap();
        set.expect_packets();
        if swapped {
            sets.swap("a", "b").unwrap();
        }
        assert!((1..=65_536).all(|source| by_packet(&set, source)));
        assert_eq!((set.set().len(), set.set().missed()), (65_536, 0));
        assert!(!by_packet(&set, 65_537), "it is full");
        let at_first = set.set().memory();
        set.set().maintain(NOW);
        assert_eq!(set.set().len(), 65_536);
        assert!(set.set().memory() <= 2 * at_first);
    }
}

/// Without a rule that adds, a set is as small as its elements; the bell calls for room in time.
#[test]
fn a_set_nobody_expected_to_grow_calls_for_room() {
    let mut sets = Sets::default();
    sets.create("a", header(65_536)).unwrap();
    let (set, bell) = (sets.reference("a").unwrap(), sets.bell());
    assert!(set.set().memory() < 10_000);
    let mut source = 0;
    while !bell.heard() {
        source += 1;
        assert!(by_packet(&set, source), "{source}: no room and no call for it");
    }
    assert!(!bell.heard(), "once is enough");
    assert_eq!(set.set().missed(), 0);
    sets.all().iter().for_each(|set| set.maintain(NOW));
    assert!((source..2 * source).all(|source| by_packet(&set, source + 1)));
    assert_eq!(set.set().missed(), 0);
}

/// While its shards are copied.
#[test]
fn what_comes_while_another_writes_is_made_late_and_in_order() {
    let bell = Bell::default();
    let hash = Hash::new(&header(65_536), bell.clone(), SetChanges::default());
    hash.expect_packets();
    let all = hash.all_turns();
    for address in 1..=1000 {
        hash.add(&new(address), false, NOW, Who::Packet).expect("it waits");
    }
    hash.remove(&new(1000).key, NOW, Who::Packet).expect("it waits behind the addition");
    assert!(bell.heard() && hash.len() == 0);
    drop(all);
    hash.remove(&new(999).key, NOW, Who::Packet).expect("it waits though nobody writes");
    hash.maintain(NOW);
    assert_eq!((hash.len(), hash.missed()), (998, 0));
    assert_eq!(hash.has(&new(998).key, Look::at(NOW)), Some(false));
    assert_eq!(
        (hash.has(&new(999).key, Look::at(NOW)), hash.has(&new(1000).key, Look::at(NOW))),
        (None, None)
    );
}

/// The ring has an end, and what does not go in is counted.
#[test]
fn what_cannot_wait_is_counted() {
    let hash = Hash::new(&header(65_536), Bell::default(), SetChanges::default());
    hash.expect_packets();
    let all = hash.all_turns();
    let refused =
        (1..=20_000).filter(|address| hash.add(&new(*address), false, NOW, Who::Packet).is_err());
    assert_eq!(refused.count(), 20_000 - (1 << 14));
    assert_eq!(hash.missed(), 20_000 - (1 << 14));
    drop(all);
    hash.flush();
    hash.maintain(NOW);
    assert_eq!(hash.len(), 0, "who flushes a set means what waits too");
}
