//! The engine against a plain model, and under readers and writers at once.

use super::query::query;
use super::*;
use crate::address::{IpVersion, Mac};
use crate::time::Instant;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SRC: &[Direction] = &[Direction::Source, Direction::Source, Direction::Source];

fn at(directions: &[Direction]) -> Directions {
    Directions::new(directions).expect("at most six")
}

fn seconds(seconds: u64) -> Instant {
    Instant(0) + Duration::from_secs(1 + seconds)
}

fn plain(kind: Kind) -> Header {
    Header::new(kind, Some(IpVersion::V4), 0x1234_5678)
}

fn net(first: u128, prefix: u8, nomatch: bool) -> Entry {
    Entry { key: Key { first, prefix, ..Key::default() }, nomatch, ..Entry::default() }
}

fn host(first: u128) -> Entry {
    Entry { key: Key { first, ..Key::default() }, ..Entry::default() }
}

fn matches(set: &Set, query: &Query<'_>, options: MatchOptions) -> bool {
    set.test(query, at(SRC), &options)
}

#[test]
fn the_longest_network_decides_and_exceptions_do_not_match() {
    let set = Set::new(plain(Kind::HashNet));
    let now = seconds(0);
    set.insert(&net(0x0a00_0000, 8, false), false, now).expect("added");
    set.insert(&net(0x0a01_0000, 16, true), false, now).expect("added");
    set.insert(&net(0x0a01_0100, 24, false), false, now).expect("added");
    let asked = |address, options| matches(&set, &query(address, now), options);
    let none = MatchOptions::default();
    let inverted = MatchOptions { return_nomatch: true, ..none };
    assert!(asked(0x0a02_0304, none));
    assert!(!asked(0x0a01_0203, none));
    assert!(asked(0x0a01_0203, inverted));
    assert!(!asked(0x0a02_0304, inverted));
    assert!(asked(0x0a01_0105, none));
    assert!(!asked(0x0b00_0001, none));
    set.remove(&net(0x0a01_0000, 16, true).key, now).expect("removed");
    assert!(asked(0x0a01_0203, none));
}

#[test]
fn counters_are_compared_after_they_count() {
    let set = Set::new(Header { counters: true, ..plain(Kind::HashIp) });
    let now = seconds(0);
    set.insert(&host(1), false, now).expect("added");
    let more = MatchOptions { packets: Some(Compare::Greater(2)), ..MatchOptions::default() };
    let seen: Vec<bool> = (0..4).map(|_| matches(&set, &query(1, now), more)).collect();
    assert_eq!(seen, [false, false, true, true]);
    let quiet = MatchOptions { keep_counters: true, ..MatchOptions::default() };
    assert!(matches(&set, &query(1, now), quiet));
    assert_eq!(set.entries(now)[0].counters, Some((4, 400)));
}

#[test]
fn what_a_packet_adds_ends_and_counts_it() {
    let header = Header { counters: true, timeout: Some(10), ..plain(Kind::HashIp) };
    let set = Set::new(header);
    let add = |address, time, addition| set.add(&query(address, seconds(time)), at(SRC), &addition);
    assert!(add(1, 0, Addition::default()));
    assert!(!add(1, 5, Addition::default()), "it is there");
    assert!(add(1, 5, Addition { exist: true, timeout: Some(20) }));
    assert_eq!(set.entries(seconds(6))[0].timeout, Some(19));
    assert_eq!(set.entries(seconds(6))[0].counters, Some((1, 100)));
    assert!(matches(&set, &query(1, seconds(24)), MatchOptions::default()));
    assert!(!matches(&set, &query(1, seconds(25)), MatchOptions::default()));
    assert!(add(1, 25, Addition::default()), "one that has ended is new");
    assert!(set.del(&query(1, seconds(26)), at(SRC)));
    assert!(!set.del(&query(1, seconds(26)), at(SRC)));
    assert!(set.is_empty());
}

#[test]
fn each_type_reads_its_own_parts_of_a_packet() {
    let now = seconds(0);
    let asked = query(0x0a00_0001, now);
    let add = |header: Header, key: Key, directions: &[Direction]| {
        let set = Set::new(header);
        set.insert(&Entry { key, ..Entry::default() }, false, now).expect("added");
        set.test(&asked, at(directions), &MatchOptions::default())
    };
    let (src, dst) = (Direction::Source, Direction::Destination);
    let first = Key { first: 0x0a00_0001, ..Key::default() };
    let port = Key { port: 80, protocol: 6, ..first };
    assert!(add(plain(Kind::HashIpPort), port, &[src, dst]));
    assert!(!add(plain(Kind::HashIpPort), port, &[src, src]));
    assert!(!add(plain(Kind::HashIpPort), port, &[src]), "a direction is missing");
    let pair = Key { second: 0xc000_0201, ..port };
    assert!(add(plain(Kind::HashIpPortIp), pair, &[src, dst, dst]));
    let part = Key { second: 0xc000_0200, second_prefix: 24, ..port };
    assert!(add(plain(Kind::HashIpPortNet), part, &[src, dst, dst]));
    let nets = Key {
        first: 0x0a00_0000,
        prefix: 8,
        second: 0xc000_0000,
        second_prefix: 8,
        ..Key::default()
    };
    assert!(add(plain(Kind::HashNetNet), nets, &[src, dst]));
    assert!(add(plain(Kind::HashIpMark), Key { second: 7, ..first }, &[src, src]));
    let faced = Key { prefix: 0, first: 0, second: Key::name_bits("eth0"), ..Key::default() };
    assert!(add(plain(Kind::HashNetIface), faced, &[src, src]));
    assert!(!add(plain(Kind::HashNetIface), faced, &[src, dst]), "it has not left yet");
    let wild = Key { second: Key::name_bits("eth"), wildcard: true, ..faced };
    assert!(add(plain(Kind::HashNetIface), wild, &[src, src]));
    let bitmap = Header { range: (1, 100), ..plain(Kind::BitmapPort) };
    assert!(add(bitmap, Key { first: 80, ..Key::default() }, &[dst]));
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let set = Set::new(Header::new(Kind::HashMac, None, 1));
    set.insert(&Entry { key: Key::of_mac(mac), ..Entry::default() }, false, now).expect("added");
    let with_mac = Query { macs: Some((mac, Mac::BROADCAST)), ..asked };
    assert!(set.test(&with_mac, at(&[src]), &MatchOptions::default()));
    assert!(!set.test(&with_mac, at(&[dst]), &MatchOptions::default()));
}

#[test]
fn fragments_without_ports_match_no_port() {
    let set = Set::new(plain(Kind::HashIpPort));
    let now = seconds(0);
    set.insert(
        &Entry { key: Key { first: 9, protocol: 6, ..Key::default() }, ..Entry::default() },
        false,
        now,
    )
    .expect("added");
    set.insert(
        &Entry { key: Key { first: 9, protocol: 47, ..Key::default() }, ..Entry::default() },
        false,
        now,
    )
    .expect("added");
    let fragment = Query { ports: None, ..query(9, now) };
    assert!(!matches(&set, &fragment, MatchOptions::default()));
    assert!(matches(&set, &Query { protocol: 47, ..fragment }, MatchOptions::default()));
}

#[test]
fn references_follow_the_name_and_keep_the_set() {
    let mut sets = Sets::default();
    let now = seconds(0);
    for name in ["a", "b"] {
        sets.create(name, plain(Kind::HashIp)).expect("created");
    }
    sets.get("b").expect("there").insert(&host(5), false, now).expect("added");
    let rule = sets.reference("a").expect("there");
    let asked = query(5, now);
    assert!(!rule.test(&asked, at(SRC), &MatchOptions::default()));
    sets.swap("a", "b").expect("swapped");
    assert!(rule.test(&asked, at(SRC), &MatchOptions::default()));
    assert_eq!(sets.destroy("a"), Err(SetsError::InUse));
    assert_eq!(sets.destroy_all(), Err(SetsError::InUse));
    assert_eq!(sets.rename("a", "c"), Err(SetsError::InUse));
    drop(rule);
    sets.destroy("a").expect("no rule has it");
    sets.rename("b", "c").expect("renamed");
    assert_eq!(sets.names().collect::<Vec<_>>(), ["c"]);
}

#[test]
fn a_list_asks_its_members_in_order() {
    let mut sets = Sets::default();
    let now = seconds(0);
    for name in ["a", "b", "c"] {
        sets.create(name, Header { counters: true, ..plain(Kind::HashIp) }).expect("created");
    }
    sets.create("l", Header { max_elements: 4, ..Header::new(Kind::ListSet, None, 0) })
        .expect("created");
    let list = sets.get("l").expect("there");
    let enter = |name: &str, place| {
        let member = sets.reference(name).expect("there");
        list.insert_member(member, &Entry::default(), &place, false, now)
    };
    enter("b", Place::End).expect("added");
    enter("a", Place::Before("b".into())).expect("added");
    enter("c", Place::After("a".into())).expect("added");
    assert_eq!(enter("c", Place::End), Err(Refusal::Exists));
    let names: Vec<_> = list.entries(now).into_iter().filter_map(|entry| entry.member).collect();
    assert_eq!(names, ["a", "c", "b"]);
    assert!(list.add(&query(3, now), at(SRC), &Addition::default()));
    assert_eq!(sets.get("a").map(|set| set.len()), Some(1));
    assert!(matches(&list, &query(3, now), MatchOptions::default()));
    let kept = MatchOptions { keep_subcounters: true, ..MatchOptions::default() };
    assert!(matches(&list, &query(3, now), kept));
    assert_eq!(sets.get("a").expect("there").entries(now)[0].counters, Some((2, 200)));
    assert_eq!(sets.destroy("a"), Err(SetsError::InUse));
    list.remove_member("a", &Place::End, now).expect("removed");
    sets.destroy("a").expect("no list has it");
}

#[test]
fn a_full_set_refuses_or_gives_one_up() {
    let now = seconds(0);
    for force_add in [false, true] {
        let set = Set::new(Header { max_elements: 100, force_add, ..plain(Kind::HashIp) });
        let added = (1..=300).filter(|n| set.insert(&host(*n), false, now).is_ok()).count();
        assert_eq!(added, if force_add { 300 } else { 100 });
        assert_eq!((set.len(), set.entries(now).len()), (100, 100));
    }
}

/// What happens to a set, and to the model.
#[derive(Debug, Clone)]
enum Step {
    Insert { address: u8, prefix: u8, nomatch: bool, timeout: u32, exist: bool },
    Remove { address: u8, prefix: u8 },
    PacketAdd { address: u8, exist: bool },
    PacketDel { address: u8 },
    Pass(u64),
    Maintain,
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let address = || 0..64_u8;
    let prefix = || 25..=32_u8;
    prop_oneof![
        6 => (address(), prefix(), any::<bool>(), 0..9_u32, any::<bool>())
            .prop_map(|(address, prefix, nomatch, timeout, exist)| Step::Insert { address, prefix, nomatch, timeout, exist }),
        3 => (address(), prefix()).prop_map(|(address, prefix)| Step::Remove { address, prefix }),
        3 => (address(), any::<bool>()).prop_map(|(address, exist)| Step::PacketAdd { address, exist }),
        2 => address().prop_map(|address| Step::PacketDel { address }),
        2 => (0..4_u64).prop_map(Step::Pass),
        1 => Just(Step::Maintain),
        1 => Just(Step::Flush),
    ]
}

/// Networks by address and prefix: whether an exception, and when they end.
#[derive(Default)]
struct Model(HashMap<(u128, u8), (bool, u64)>);

impl Model {
    fn mask(address: u8, prefix: u8) -> (u128, u8) {
        (0x0a00_0000 | (u128::from(address) & (0xff << (32 - prefix))), prefix)
    }
    fn longest(&self) -> u8 {
        self.0.keys().map(|(_, prefix)| *prefix).max().unwrap_or(32)
    }
    fn sweep(&mut self, now: Instant) {
        self.0.retain(|_, (_, ends)| *ends == 0 || *ends > now.0);
    }
    fn test(&self, address: u8) -> bool {
        (0..=32_u8)
            .rev()
            .filter(|prefix| *prefix >= 25)
            .find_map(|prefix| self.0.get(&Self::mask(address, prefix)))
            .is_some_and(|(nomatch, _)| !nomatch)
    }
}

proptest! {
    #[test]
    fn a_set_of_networks_is_a_map(steps in proptest::collection::vec(step(), 1..200)) {
        let set = Set::new(Header { timeout: Some(5), ..plain(Kind::HashNet) });
        let mut model = Model::default();
        let mut now = seconds(0);
        for step in steps {
            let ends = |timeout: u32| if timeout == 0 { 0 } else { (now + Duration::from_secs(timeout.into())).0 };
            match step {
                Step::Insert { address, prefix, nomatch, timeout, exist } => {
                    let key = Model::mask(address, prefix);
                    let entry = Entry { timeout: Some(timeout), ..net(key.0, key.1, nomatch) };
                    let expected = exist || !model.0.contains_key(&key);
                    prop_assert_eq!(set.insert(&entry, exist, now).is_ok(), expected);
                    if expected {
                        model.0.insert(key, (nomatch, ends(timeout)));
                    }
                }
                Step::Remove { address, prefix } => {
                    let key = Model::mask(address, prefix);
                    prop_assert_eq!(set.remove(&net(key.0, key.1, false).key, now).is_ok(), model.0.remove(&key).is_some());
                }
                Step::PacketAdd { address, exist } => {
                    // Lengths of what has ended count until it is freed, in the kernel too.
                    set.maintain(now);
                    let longest = model.longest();
                    let key = Model::mask(address, longest);
                    let expected = exist || !model.0.contains_key(&key);
                    let missed = set.missed();
                    let done = set.add(&query(0x0a00_0000 | u128::from(address), now), at(SRC), &Addition { exist, timeout: None });
                    // A shard that a packet finds nearly full is made larger by maintenance only.
                    if set.missed() == missed {
                        prop_assert_eq!(done, expected);
                        if expected {
                            model.0.insert(key, (false, ends(5)));
                        }
                    }
                }
                Step::PacketDel { address } => {
                    set.maintain(now);
                    let key = Model::mask(address, model.longest());
                    let done = set.del(&query(0x0a00_0000 | u128::from(address), now), at(SRC));
                    prop_assert_eq!(done, model.0.remove(&key).is_some());
                }
                Step::Pass(seconds) => {
                    now = now + Duration::from_secs(seconds);
                    model.sweep(now);
                }
                Step::Maintain => {
                    set.maintain(now);
                    prop_assert_eq!(set.len(), model.0.len());
                }
                Step::Flush => {
                    set.flush();
                    model = Model::default();
                }
            }
            for address in 0..64_u8 {
                let asked = query(0x0a00_0000 | u128::from(address), now);
                prop_assert_eq!(matches(&set, &asked, MatchOptions::default()), model.test(address), "{}", address);
            }
            prop_assert_eq!(set.entries(now).len(), model.0.len());
        }
    }

    #[test]
    fn a_key_comes_out_of_its_words_as_it_went_in(
        first: u128, second: u128, prefix: u8, second_prefix: u8, port: u16, protocol: u8, physdev: bool, wildcard: bool,
    ) {
        use super::key::Layout;
        let low = u128::from(u32::MAX);
        let whole = Key { first, prefix, protocol, port, second, second_prefix, physdev, wildcard };
        let alone = Key { second: 0, second_prefix: 0, physdev: false, wildcard: false, ..whole };
        let keys = [
            (Layout::WidePair, whole),
            (Layout::Wide, alone),
            (Layout::NarrowPair, Key { first: first & low, second: second & low, ..whole }),
            (Layout::Narrow, Key { first: first & low, ..alone }),
        ];
        for (layout, key) in keys {
            prop_assert_eq!(Key::unpack(layout, key.pack(layout)), key);
        }
    }
}

/// Elements that stay are always found, whatever goes on around them.
#[test]
fn readers_see_what_stays_while_others_write() {
    let set = Arc::new(Set::new(Header { max_elements: 1 << 20, ..plain(Kind::HashIp) }));
    let now = seconds(0);
    for address in 1..=1000 {
        set.insert(&host(address), false, now).expect("added");
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20_u128 {
                for address in 10_000..14_000 {
                    set.insert(&host(address + round), false, now).expect("added");
                }
                for address in 10_000..14_000 {
                    set.remove(&host(address + round).key, now).expect("removed");
                }
                set.maintain(now);
            }
            stop.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let mut done = 0_u32;
            // Once at least, however late this thread begins.
            let mut last = false;
            while !last {
                last = stop.load(Ordering::Acquire);
                for address in 50_000..50_100 {
                    done += u32::from(set.add(&query(address, now), at(SRC), &Addition::default()));
                    set.del(&query(address, now), at(SRC));
                }
            }
            assert!(done > 0);
        });
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                for address in 1..=1000 {
                    assert!(
                        matches(&set, &query(address, now), MatchOptions::default()),
                        "{address}"
                    );
                    assert!(!matches(
                        &set,
                        &query(address + 100_000, now),
                        MatchOptions::default()
                    ));
                }
            }
        });
    });
    for address in 50_000..50_100 {
        set.del(&query(address, now), at(SRC));
    }
    assert_eq!(set.len(), 1000);
}
