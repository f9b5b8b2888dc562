//! Sets that rules look into, which change under established traffic too.

use super::*;
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::rules::matches::set::SetMatch;
use sluice_dataplane::sets::{
    Direction as Asks, Directions, Entry, Header, Key, Kind, MatchOptions, Place, Set, Sets,
};
use sluice_dataplane::time::Instant;

/// Two of addresses, which may be swapped; one of addresses and ports; a list; one that counts packets; one whose elements may end.
pub(super) const NAMES: [&str; 6] = ["hosts", "others", "ports", "list", "counting", "ending"];

pub(super) fn sets() -> Sets {
    let mut sets = Sets::default();
    let hosts = Header::new(Kind::HashIp, Some(IpVersion::V4), 1);
    let list = Header::new(Kind::ListSet, None, 1);
    let list = Header { max_elements: 8, timeout: Some(0), ..list };
    let ports = Header::new(Kind::HashIpPort, Some(IpVersion::V4), 1);
    let counting = Header { counters: true, ..hosts };
    let ending = Header { timeout: Some(0), ..hosts };
    for (name, header) in NAMES.into_iter().zip([hosts, hosts, ports, list, counting, ending]) {
        sets.create(name, header).unwrap();
    }
    sets
}

/// `-m set --match-set NAME src,src` or `dst,dst`.
pub(super) fn in_set(sets: &Sets, name: &str, source: bool, invert: bool) -> Match<V4> {
    let end = if source { Asks::Source } else { Asks::Destination };
    let at = Directions::new(&[end, end]).unwrap();
    let (set, options) = (sets.reference(name).unwrap(), MatchOptions::default());
    Match::Set(SetMatch { set, at, options, invert })
}

/// A change of a set that may turn out to be none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Add(&'static str, [u8; 4], u16),
    Delete(&'static str, [u8; 4], u16),
    Flush(&'static str),
    /// An element of `ending`, or its end, so many seconds from now; 0: it has none.
    End([u8; 4], u32),
    Swap,
    /// For so many seconds; 0: for good.
    Include(&'static str, u32),
    Exclude(&'static str),
}

fn key(set: &Set, address: [u8; 4], port: u16) -> Key {
    let first = u128::from(u32::from_be_bytes(address));
    match set.header().kind.has_port() {
        true => Key { first, port, protocol: 6, ..Key::default() },
        false => Key { first, ..Key::default() },
    }
}

impl Change {
    pub(super) fn make(self, sets: &mut Sets, now: Instant) {
        let get = |name: &str| sets.get(name).unwrap();
        // What is there already, or is not, stays as it is.
        let _ = match self {
            Self::Add(name, address, port) => {
                let set = get(name);
                let entry = Entry { key: key(&set, address, port), ..Entry::default() };
                set.insert(&entry, false, now)
            }
            Self::End(address, seconds) => {
                let set = get("ending");
                let (key, timeout) = (key(&set, address, 0), Some(seconds));
                set.insert(&Entry { key, timeout, ..Entry::default() }, true, now)
            }
            Self::Delete(name, address, port) => {
                let set = get(name);
                set.remove(&key(&set, address, port), now)
            }
            Self::Flush(name) => {
                get(name).flush();
                Ok(())
            }
            Self::Swap => {
                sets.swap("hosts", "others").unwrap();
                Ok(())
            }
            Self::Include(name, seconds) => {
                let (member, timeout) = (Some(name.to_owned()), Some(seconds));
                let entry = Entry { member, timeout, ..Entry::default() };
                let member = sets.reference(name).unwrap();
                get("list").insert_member(member, &entry, &Place::End, false, now)
            }
            Self::Exclude(name) => get("list").remove_member(name, &Place::End, now),
        };
    }
}

const NOW: Instant = Instant(1_000_000_000);

#[test]
fn a_set_has_those_judged_anew_whose_rules_look_into_one() {
    let mut both = established();
    let mut sets = sets();
    let add = |last| Change::Add("hosts", [10, 9, 9, last], 0);
    add(1).make(&mut sets, NOW);
    let rule = (vec![in_set(&sets, "hosts", true, false)], Target::Drop);
    both.change(Table::Filter, Hook::Forward, |rules| rules.insert(0, rule));
    both.assert_judged_anew_once("a rule that looks into a set");
    add(2).make(&mut sets, NOW);
    both.assert_judged_anew_once("another element");
    add(2).make(&mut sets, NOW);
    assert_eq!(both.judged_anew(), 0, "one that is there already");
    Change::Add("others", CLIENT, 0).make(&mut sets, NOW);
    assert_eq!(both.judged_anew(), 0, "a set that no rule looks into");
    Change::Swap.make(&mut sets, NOW);
    assert_eq!(both.exchange(false), 0, "the client is in the one that is there now");
    both.exchange(true);
    Change::Delete("hosts", CLIENT, 0).make(&mut sets, NOW);
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0, "and is no more");
    both.change(Table::Filter, Hook::Forward, |rules| {
        rules[0].0 = vec![in_set(&sets, "counting", true, false)];
    });
    both.assert_judged_anew_once("another rule");
    Change::Add("counting", CLIENT, 0).make(&mut sets, NOW);
    assert_eq!((both.exchange(false), both.exchange(false)), (0, 0), "it counts each packet");
    Change::Delete("counting", CLIENT, 0).make(&mut sets, NOW);
    both.change(Table::Filter, Hook::Forward, |rules| {
        rules.swap(0, 1);
    });
    both.judged_anew();
    add(3).make(&mut sets, NOW);
    assert_eq!(both.judged_anew(), 0, "nobody gets so far");
}

#[test]
fn what_goes_has_those_judged_anew_who_met_it() {
    let mut both = established();
    let mut sets = sets();
    let rule = (vec![in_set(&sets, "hosts", true, false)], Target::Continue);
    both.change(Table::Filter, Hook::Forward, |rules| rules.insert(0, rule));
    Change::Add("hosts", CLIENT, 0).make(&mut sets, NOW);
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0);
    Change::Delete("hosts", CLIENT, 0).make(&mut sets, NOW);
    both.assert_judged_anew_once("an element is gone");
    Change::Add("hosts", CLIENT, 0).make(&mut sets, NOW);
    both.judged_anew();
    Change::Flush("hosts").make(&mut sets, NOW);
    both.assert_judged_anew_once("all are gone");
}

#[test]
fn what_ends_by_itself_decides_for_the_moment_only() {
    let mut both = established();
    let mut sets = sets();
    let ends = |both: &Both, sets: &mut Sets, address, seconds| {
        Change::End(address, seconds).make(sets, both.kept.now);
    };
    let stranger = [10, 9, 9, 1];
    ends(&both, &mut sets, stranger, 3);
    let rule = (vec![in_set(&sets, "ending", true, false)], Target::Drop);
    both.change(Table::Filter, Hook::Forward, |rules| rules.insert(0, rule));
    both.assert_judged_anew_once("a rule that looks into a set");
    ends(&both, &mut sets, stranger, 2);
    assert_eq!(both.judged_anew(), 0, "another end of an element that nobody has met");
    ends(&both, &mut sets, CLIENT, 1);
    assert_eq!((both.exchange(false), both.exchange(false)), (0, 0), "each packet is dropped");
    both.wait(Duration::from_millis(1500));
    assert_eq!(both.exchange(false), 0, "what has ended and is there may be renewed unheard");
    ends(&both, &mut sets, CLIENT, 1);
    assert_eq!(both.exchange(false), 0, "as it is");
    both.wait(Duration::from_millis(1500));
    sets.get("ending").unwrap().maintain(both.kept.now);
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0, "it is gone, and so is the other");
    ends(&both, &mut sets, CLIENT, 0);
    assert_eq!(both.exchange(false), 0, "one that does not end");
}
