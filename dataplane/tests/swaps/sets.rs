//! Sets that rules look into, which change under established traffic too.

use super::*;
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::rules::matches::set::SetMatch;
use sluice_dataplane::sets::{
    Direction as Asks, Directions, Entry, Header, Key, Kind, MatchOptions, Place, Set, Sets,
};
use sluice_dataplane::time::Instant;

/// Two of addresses, which may be swapped; one of addresses and ports; a list; one that counts packets.
pub(super) const NAMES: [&str; 5] = ["hosts", "others", "ports", "list", "counting"];

pub(super) fn sets() -> Sets {
    let mut sets = Sets::default();
    let hosts = Header::new(Kind::HashIp, Some(IpVersion::V4), 1);
    let list = Header { max_elements: 8, ..Header::new(Kind::ListSet, None, 1) };
    let ports = Header::new(Kind::HashIpPort, Some(IpVersion::V4), 1);
    let counting = Header { counters: true, ..hosts };
    for (name, header) in NAMES.into_iter().zip([hosts, hosts, ports, list, counting]) {
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
    Swap,
    Include(&'static str),
    Exclude(&'static str),
}

const NOW: Instant = Instant(1_000_000_000);

fn key(set: &Set, address: [u8; 4], port: u16) -> Key {
    let first = u128::from(u32::from_be_bytes(address));
    match set.header().kind.has_port() {
        true => Key { first, port, protocol: 6, ..Key::default() },
        false => Key { first, ..Key::default() },
    }
}

impl Change {
    pub(super) fn make(self, sets: &mut Sets) {
        let get = |name: &str| sets.get(name).unwrap();
        // What is there already, or is not, stays as it is.
        let _ = match self {
            Self::Add(name, address, port) => {
                let set = get(name);
                let entry = Entry { key: key(&set, address, port), ..Entry::default() };
                set.insert(&entry, false, NOW)
            }
            Self::Delete(name, address, port) => {
                let set = get(name);
                set.remove(&key(&set, address, port), NOW)
            }
            Self::Flush(name) => {
                get(name).flush();
                Ok(())
            }
            Self::Swap => {
                sets.swap("hosts", "others").unwrap();
                Ok(())
            }
            Self::Include(name) => {
                let entry = Entry { member: Some(name.to_owned()), ..Entry::default() };
                let member = sets.reference(name).unwrap();
                get("list").insert_member(member, &entry, &Place::End, false, NOW)
            }
            Self::Exclude(name) => get("list").remove_member(name, &Place::End, NOW),
        };
    }
}

#[test]
fn a_set_has_those_judged_anew_whose_rules_look_into_one() {
    let mut both = established();
    let mut sets = sets();
    let add = |last| Change::Add("hosts", [10, 9, 9, last], 0);
    add(1).make(&mut sets);
    let rule = (vec![in_set(&sets, "hosts", true, false)], Target::Drop);
    both.change(Table::Filter, Hook::Forward, |rules| rules.insert(0, rule));
    both.assert_judged_anew_once("a rule that looks into a set");
    add(2).make(&mut sets);
    both.assert_judged_anew_once("another element");
    add(2).make(&mut sets);
    assert_eq!(both.judged_anew(), 0, "one that is there already");
    Change::Add("others", CLIENT, 0).make(&mut sets);
    assert_eq!(both.judged_anew(), 0, "a set that no rule looks into");
    Change::Swap.make(&mut sets);
    assert_eq!(both.exchange(false), 0, "the client is in the one that is there now");
    both.exchange(true);
    Change::Delete("hosts", CLIENT, 0).make(&mut sets);
    both.judged_anew();
    assert_eq!(both.judged_anew(), 0, "and is no more");
    both.change(Table::Filter, Hook::Forward, |rules| {
        rules[0].0 = vec![in_set(&sets, "counting", true, false)];
    });
    assert_eq!((both.judged_anew(), both.judged_anew()), (ALL, ALL), "it counts each packet");
    both.change(Table::Filter, Hook::Forward, |rules| {
        rules.swap(0, 1);
    });
    both.judged_anew();
    add(3).make(&mut sets);
    assert_eq!(both.judged_anew(), 0, "nobody gets so far");
}
