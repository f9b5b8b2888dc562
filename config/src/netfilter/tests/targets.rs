//! Every value of a target is written as text that is read as the same value.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::option::of;
use proptest::prelude::*;

use super::{run, save};
use crate::netfilter::hosts::masked;
use crate::netfilter::targets::{
    Audit, Checksum, Classify, ConnMark, ConnMarkOperation, ConnMarkShift, Ct, CtZone, Dnpt, Ecn,
    Hl, HopChange, IdleTimer, Netmap, NfLog, NfQueue, Prefixes, Set, SetEntry, Snpt, SynProxy,
    TcpMss, TcpOptStrip, Tee, Tos, Trace, Ttl,
};
use crate::netfilter::{Family, Ruleset, Table, Target};

/// A target with a table and chain that take it.
type Placed = (Table, &'static str, Target);

fn marks() -> impl Strategy<Value = Placed> {
    let operation = prop_oneof![
        any::<u32>().prop_map(ConnMarkOperation::Set),
        Just(ConnMarkOperation::Save),
        Just(ConnMarkOperation::Restore),
    ];
    let shift = prop_oneof![
        (0u8..32).prop_map(ConnMarkShift::Left),
        (1u8..32).prop_map(ConnMarkShift::Right),
    ];
    let all = (operation, any::<u32>(), any::<u32>(), shift);
    all.prop_map(|(operation, connection_mask, packet_mask, shift)| {
        // The packet's mask is not written where it does not count.
        let packet_mask = match operation {
            ConnMarkOperation::Set(_) => u32::MAX,
            ConnMarkOperation::Save | ConnMarkOperation::Restore => packet_mask,
        };
        let mark = ConnMark { operation, connection_mask, packet_mask, shift };
        (Table::Mangle, "PREROUTING", Target::ConnMark(mark))
    })
}

fn headers(family: Family) -> impl Strategy<Value = Placed> {
    let change = prop_oneof![
        any::<u8>().prop_map(HopChange::Set),
        (1u8..).prop_map(HopChange::Increment),
        (1u8..).prop_map(HopChange::Decrement),
    ];
    let hops = change.prop_map(move |change| match family {
        Family::V4 => Target::Ttl(Ttl { change }),
        Family::V6 => Target::Hl(Hl { change }),
    });
    let tos = (any::<u8>(), any::<u8>()).prop_map(|(value, mask)| Target::Tos(Tos { value, mask }));
    let mss = prop_oneof![Just(TcpMss::ClampToPathMtu), (0u16..=65_515).prop_map(TcpMss::Set),];
    let kinds = proptest::collection::btree_set(2u8.., 0..9)
        .prop_map(|kinds| Target::TcpOptStrip(TcpOptStrip { kinds: kinds.into_iter().collect() }));
    let bits = (of(any::<bool>()), of(any::<bool>()), of(0u8..4));
    let ecn = bits.prop_map(move |(ece, cwr, ect)| match (family, ece, cwr, ect) {
        (Family::V6, ..) | (_, None, None, None) => Target::Checksum(Checksum),
        (Family::V4, ..) => Target::Ecn(Ecn { ece, cwr, ect }),
    });
    let class = (any::<u16>(), any::<u16>())
        .prop_map(|(major, minor)| Target::Classify(Classify { major, minor }));
    prop_oneof![hops, tos, mss.prop_map(Target::TcpMss), kinds, ecn, class]
        .prop_map(|target| (Table::Mangle, "FORWARD", target))
}

fn address(family: Family) -> impl Strategy<Value = IpAddr> {
    any::<u128>().prop_map(move |bits| match family {
        Family::V4 => Ipv4Addr::from_bits(bits as u32 | 1).into(),
        Family::V6 => Ipv6Addr::from_bits(bits | 1).into(),
    })
}

fn networks(family: Family) -> BoxedStrategy<Placed> {
    let netmap = (address(family), 0..=family.bits()).prop_map(|(address, prefix_length)| {
        let network = masked(address, prefix_length);
        (Table::Nat, "PREROUTING", Target::Netmap(Netmap { network, prefix_length }))
    });
    let tee = (address(family), "[a-z]{0,15}").prop_map(|(gateway, interface)| {
        (Table::Mangle, "PREROUTING", Target::Tee(Tee { gateway, interface }))
    });
    let prefix = || {
        (any::<u128>(), 1u8..=64).prop_map(|(bits, length)| {
            let address = Ipv6Addr::from_bits(bits | 1 << 127);
            match masked(address.into(), length) {
                IpAddr::V6(address) => (address, length),
                IpAddr::V4(_) => (address, length),
            }
        })
    };
    let npt = (prefix(), prefix(), any::<bool>()).prop_map(|(from, to, source)| {
        let prefixes = Prefixes { from, to };
        match source {
            true => (Table::Mangle, "POSTROUTING", Target::Snpt(Snpt { prefixes })),
            false => (Table::Mangle, "PREROUTING", Target::Dnpt(Dnpt { prefixes })),
        }
    });
    match family {
        Family::V4 => prop_oneof![netmap, tee].boxed(),
        Family::V6 => prop_oneof![netmap, tee, npt].boxed(),
    }
}

fn tracking() -> impl Strategy<Value = Placed> {
    let zone = (any::<u16>(), any::<bool>(), 0..3u8).prop_map(|(id, from_mark, direction)| {
        // The direction is not written where the zone is the default one.
        let direction = if id == 0 && !from_mark { 0 } else { direction };
        let id = if from_mark { 0 } else { id };
        CtZone { id, from_mark, original: direction == 1, reply: direction == 2 }
    });
    let helper = prop_oneof![Just(""), Just("ftp"), Just("sip"), Just("Q.931")];
    (any::<bool>(), helper, 0u16..1024, any::<bool>(), zone).prop_map(
        |(notrack, helper, events, expectation_events, zone)| {
            let helper = helper.to_owned();
            let ct = Ct { notrack, helper, events, expectation_events, zone, ..Ct::default() };
            (Table::Raw, "PREROUTING", Target::Ct(ct))
        },
    )
}

fn sets() -> impl Strategy<Value = Placed> {
    let entry = || {
        let directions = proptest::collection::vec(any::<bool>(), 1..=6);
        ("[a-z]{1,31}", directions)
            .prop_map(|(set, from_destination)| SetEntry { set, from_destination })
    };
    let map = (of(entry()), any::<[bool; 3]>());
    let all = (of(entry()), any::<bool>(), of(0..u32::MAX), entry(), map);
    all.prop_map(|(add, exist, timeout, delete, (map, flags))| {
        let (exist, timeout) = if add.is_some() { (exist, timeout) } else { (false, None) };
        let [mark, priority, queue] = flags.map(|flag| flag && map.is_some());
        let set = Set {
            add,
            exist,
            timeout,
            delete: Some(delete),
            map_mark: mark || map.is_some() && !priority && !queue,
            map,
            map_priority: priority,
            map_queue: queue,
        };
        (Table::Mangle, "FORWARD", Target::Set(set))
    })
}

fn watchers() -> impl Strategy<Value = Placed> {
    let log = (any::<u16>(), "[ -~]{0,127}", of(any::<u32>()), any::<u16>());
    let log = log.prop_map(|(group, prefix, size, threshold)| {
        Target::NfLog(NfLog { group, prefix, size, threshold })
    });
    let queue = (any::<u16>(), 1u16.., any::<bool>(), any::<bool>());
    let queue = queue.prop_map(|(first, queues, bypass, cpu_fanout)| {
        let queues = queues.min(u16::MAX - first).max(1);
        let cpu_fanout = cpu_fanout && queues > 1;
        Target::NfQueue(NfQueue { first, queues, bypass, cpu_fanout })
    });
    let flags = any::<[bool; 3]>();
    let proxy =
        (flags, of(any::<u8>()), of(any::<u16>())).prop_map(|(flags, window_scale, mss)| {
            let [sack_permitted, timestamp, ecn] = flags;
            Target::SynProxy(SynProxy { sack_permitted, timestamp, window_scale, mss, ecn })
        });
    let timer = (1u32.., "[a-z]{1,27}")
        .prop_map(|(timeout, label)| Target::IdleTimer(IdleTimer { timeout, label, alarm: false }));
    let audit = prop_oneof![Just(Audit::Accept), Just(Audit::Drop), Just(Audit::Reject)];
    prop_oneof![log, queue, proxy, timer, audit.prop_map(Target::Audit), Just(Target::Trace(Trace))]
        .prop_map(|target| (Table::Filter, "FORWARD", target))
}

/// Gives the target to the command line and reads it back from the ruleset, then from its save.
fn check(family: Family, (table, chain, target): &Placed) -> Result<(), TestCaseError> {
    let mut words = format!("-t {table} -A {chain} -p tcp -j {}", target.save_name());
    if let Some(item) = target.words() {
        item.save(&mut words);
    }
    let words = shell(&words);
    let invocation = crate::netfilter::Invocation::parse(family, &words)
        .map_err(|fault| TestCaseError::fail(format!("{words:?}: {fault}")))?;
    let made = invocation.run(&Ruleset::new(family));
    let made = made.map_err(|fault| TestCaseError::fail(format!("{words:?}: {fault}")))?;
    let made = made.ruleset.unwrap_or_else(|| Ruleset::new(family));
    let found = made.table(*table).and_then(|model| model.chain(chain)?.rules.first());
    prop_assert_eq!(found.and_then(|rule| rule.target.as_ref()), Some(target));
    let text = save(&made);
    let again = Ruleset::parse(family, &text, "saved").map(|read| save(&read));
    prop_assert_eq!(again.as_ref(), Ok(&text));
    let listed = run(family, &made, &format!("-t {table} -L -n -v"));
    prop_assert!(listed.is_ok());
    Ok(())
}

/// Splits as a shell does: blanks, double quotes, backslashes in them.
fn shell(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' if !quoted => words.extend(word.take()),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

proptest! {
    #[test]
    fn v4(placed in prop_oneof![
        marks(), headers(Family::V4), networks(Family::V4), tracking(), sets(), watchers(),
    ]) {
        check(Family::V4, &placed)?;
    }

    #[test]
    fn v6(placed in prop_oneof![
        marks(), headers(Family::V6), networks(Family::V6), tracking(), sets(), watchers(),
    ]) {
        check(Family::V6, &placed)?;
    }
}
