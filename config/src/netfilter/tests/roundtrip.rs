//! Properties: text of a model reads back as the model, and no text at all makes the parsers panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::option::of;
use proptest::prelude::*;

use super::models::{counting_match, header_match};
use super::{Family, SaveOptions};
use crate::netfilter::matches::*;
use crate::netfilter::targets::*;
use crate::netfilter::*;

pub(super) fn address(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::V4 => any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))).boxed(),
        Family::V6 => any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))).boxed(),
    }
}

fn prefix(family: Family) -> impl Strategy<Value = AddressMask> {
    let prefix = (address(family), 1..=family.bits());
    prefix.prop_map(|(address, length)| AddressMask::prefix(address, length).unwrap())
}

fn network(family: Family) -> BoxedStrategy<AddressMask> {
    let odd = (address(family), address(family));
    let odd = odd.prop_map(|(address, mask)| AddressMask::new(address, mask).unwrap());
    let odd =
        odd.prop_filter("a mask of nothing is no condition", |n| n.prefix_length() != Some(0));
    prop_oneof![3 => prefix(family), 1 => odd].boxed()
}

pub(super) fn negatable<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Negatable<T>> {
    (any::<bool>(), value).prop_map(|(negated, value)| Negatable { negated, value })
}

fn range() -> impl Strategy<Value = PortRange> {
    (any::<u16>(), any::<u16>()).prop_map(|(a, b)| PortRange { min: a.min(b), max: a.max(b) })
}

/// Ranges in the one form the tools print.
fn match_ports() -> impl Strategy<Value = Option<Negatable<PortRange>>> {
    let open = |r: &PortRange| r.min != r.max && (r.min == 0 || r.max == u16::MAX);
    of(negatable(range()).prop_filter("another form is printed", move |r| !open(&r.value)))
}

fn interface() -> impl Strategy<Value = InterfacePattern> {
    ("[a-z][a-z0-9.]{0,13}", any::<bool>())
        .prop_map(|(name, wildcard)| InterfacePattern { name, wildcard })
}

fn states(names: &'static [CtStates]) -> impl Strategy<Value = CtStates> {
    proptest::sample::subsequence(names, 1..=names.len())
        .prop_map(|states| states.into_iter().fold(CtStates::NONE, CtStates::union))
}

const PLAIN: &[CtStates] = &[
    CtStates::INVALID,
    CtStates::NEW,
    CtStates::RELATED,
    CtStates::ESTABLISHED,
    CtStates::UNTRACKED,
];

fn conntrack(family: Family) -> impl Strategy<Value = Match> {
    let addresses = (of(negatable(prefix(family))), of(negatable(prefix(family))));
    let ports = (of(negatable(range())), of(negatable(range())));
    let expire = (any::<u32>(), any::<u32>()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let status = (0u8..16).prop_map(CtStatus);
    let direction = prop_oneof![Just(CtDirection::Original), Just(CtDirection::Reply)];
    (
        negatable(states(PLAIN)),
        addresses,
        ports,
        of(negatable(status)),
        of(negatable(expire)),
        of(direction),
    )
        .prop_map(|(state, (src, dst), (sport, dport), status, expire, direction)| {
            Match::Conntrack(Conntrack {
                state: Some(state),
                orig_source: src,
                reply_destination: dst,
                orig_source_port: sport,
                reply_destination_port: dport,
                status,
                expire,
                direction,
                ..Conntrack::default()
            })
        })
}

/// Matches that stand in a rule about any protocol.
fn any_match(family: Family) -> impl Strategy<Value = Match> {
    let mark = (any::<bool>(), any::<u32>(), any::<u32>());
    let limit =
        prop_oneof![Just(1u32), Just(120_000), Just(60_000), Just(12_000_000), Just(864_000_000)];
    prop_oneof![
        "[ -~]{0,40}".prop_map(|text| Match::Comment(Comment { text })),
        conntrack(family),
        (any::<bool>(), states(PLAIN))
            .prop_map(|(negated, states)| Match::State(State { states, negated })),
        (any::<bool>(), range()).prop_map(|(negated, r)| Match::Length(Length {
            negated,
            min: r.min,
            max: r.max
        })),
        mark.prop_map(|(negated, value, mask)| Match::Mark(matches::Mark { negated, value, mask })),
        (limit, 1u32..10_000).prop_map(|(interval, burst)| Match::Limit(Limit { interval, burst })),
        header_match(family),
        counting_match(family),
    ]
}

/// A protocol with at most one match of its own.
fn protocol(family: Family) -> impl Strategy<Value = (Option<Negatable<Protocol>>, Vec<Match>)> {
    let flags = (1u8..64, 0u8..64).prop_map(|(mask, set)| TcpFlags { mask, set });
    let tcp = (match_ports(), match_ports(), of(negatable(flags)), of(negatable(1u8..)));
    let tcp = tcp.prop_map(|(source_port, destination_port, flags, option)| {
        let tcp = Tcp { source_port, destination_port, flags, option };
        (Some(Negatable::plain(Protocol::TCP)), vec![Match::Tcp(tcp)])
    });
    let udp = (match_ports(), match_ports()).prop_map(|(source_port, destination_port)| {
        let udp = Udp { source_port, destination_port };
        (Some(Negatable::plain(Protocol::UDP)), vec![Match::Udp(udp)])
    });
    let side =
        prop_oneof![Just(PortSide::Source), Just(PortSide::Destination), Just(PortSide::Either)];
    let ports = proptest::collection::vec(range(), 1..7);
    let multiport = (side, any::<bool>(), ports).prop_map(|(side, negated, ports)| {
        let multiport = Multiport { side, negated, ports };
        (Some(Negatable::plain(Protocol::UDP)), vec![Match::Multiport(multiport)])
    });
    let code = prop_oneof![Just((0u8, 255u8)), any::<u8>().prop_map(|code| (code, code))];
    let icmp =
        (any::<bool>(), 0u8..255, code).prop_map(move |(negated, kind, (min_code, max_code))| {
            let value = IcmpType { kind: Some(kind), min_code, max_code };
            let icmp_type = Negatable { negated, value };
            match family {
                Family::V4 => {
                    let icmp = Match::Icmp(Icmp { icmp_type: Some(icmp_type) });
                    (Some(Negatable::plain(Protocol::ICMP)), vec![icmp])
                }
                Family::V6 => {
                    let icmp = Match::Icmp6(Icmp6 { icmp_type });
                    (Some(Negatable::plain(Protocol::ICMPV6)), vec![icmp])
                }
            }
        });
    let other = of(negatable((1u8..).prop_map(Protocol))).prop_map(|protocol| (protocol, vec![]));
    prop_oneof![tcp, udp, multiport, icmp, other]
}

fn nat_range(family: Family) -> impl Strategy<Value = NatRange> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (address(family), address(family), flags).prop_map(
        |(a, b, (random, random_fully, persistent))| NatRange {
            addresses: Some((a, b)),
            random,
            random_fully,
            persistent,
            ..NatRange::default()
        },
    )
}

/// A target and the table and chain it works in.
fn target(family: Family) -> impl Strategy<Value = (Table, &'static str, Option<Target>)> {
    let plain = prop_oneof![
        Just(None),
        Just(Some(Target::Accept)),
        Just(Some(Target::Drop)),
        Just(Some(Target::Return)),
        Just(Some(Target::Jump("USER".into()))),
        Just(Some(Target::Goto("USER".into()))),
        Just(Some(Target::Reject(Reject::default_for(family)))),
        (0u8..8, "[ -~]{0,29}", any::<bool>()).prop_map(|(level, prefix, uid)| {
            Some(Target::Log(Log { level, prefix, uid, ..Log::default() }))
        }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(value, mask)| Some(Target::Mark(targets::Mark { value, mask }))),
    ];
    let ct = (any::<bool>(), any::<u16>()).prop_map(|(alias, id)| match alias {
        true => Ct::notrack(),
        false => Ct { notrack: true, zone: CtZone { id, ..CtZone::default() }, ..Ct::default() },
    });
    prop_oneof![
        plain.prop_map(|target| (Table::Filter, "FORWARD", target)),
        nat_range(family).prop_map(|range| (
            Table::Nat,
            "POSTROUTING",
            Some(Target::Snat(Snat { range }))
        )),
        nat_range(family).prop_map(|range| {
            let range = NatRange { random_fully: false, ..range };
            (Table::Nat, "PREROUTING", Some(Target::Dnat(Dnat { range })))
        }),
        any::<bool>().prop_map(|random| {
            let range = NatRange { random, ..NatRange::default() };
            (Table::Nat, "POSTROUTING", Some(Target::Masquerade(Masquerade { range })))
        }),
        any::<bool>().prop_map(|random| {
            let range = NatRange { random, ..NatRange::default() };
            (Table::Nat, "OUTPUT", Some(Target::Redirect(Redirect { range })))
        }),
        ct.prop_map(|ct| (Table::Raw, "PREROUTING", Some(Target::Ct(ct)))),
        (0u8..64).prop_map(|value| (
            Table::Mangle,
            "FORWARD",
            Some(Target::Dscp(crate::netfilter::targets::Dscp { value }))
        )),
    ]
}

fn rule(family: Family) -> impl Strategy<Value = (Table, &'static str, Rule)> {
    let addresses = (of(negatable(network(family))), of(negatable(network(family))));
    let interfaces = (of(negatable(interface())), of(negatable(interface())));
    let matches = proptest::collection::vec(any_match(family), 0..3);
    let counters = (any::<u64>(), any::<u64>());
    let fragment =
        prop_oneof![Just(Fragment::Any), Just(Fragment::Further), Just(Fragment::NotFurther)];
    (addresses, interfaces, protocol(family), matches, target(family), counters, fragment).prop_map(
        move |(
            (source, destination),
            (input, output),
            (protocol, own),
            more,
            target,
            counters,
            fragment,
        )| {
            let (table, chain, target) = target;
            let rule = Rule {
                source,
                destination,
                in_interface: input.filter(|_| !matches!(chain, "POSTROUTING" | "OUTPUT")),
                out_interface: output.filter(|_| chain != "PREROUTING"),
                protocol,
                fragment: if family == Family::V4 { fragment } else { Fragment::Any },
                matches: own.into_iter().chain(more).collect(),
                target,
                counters: Counters { packets: counters.0, bytes: counters.1 },
                identity: Identity::default(),
            };
            (table, chain, rule)
        },
    )
}

fn ruleset(family: Family) -> impl Strategy<Value = Ruleset> {
    proptest::collection::vec(rule(family), 0..12).prop_map(move |rules| {
        let mut ruleset = Ruleset::new(family);
        for (table, chain, rule) in rules {
            let model = ruleset.table_or_new(table);
            if table == Table::Filter && model.chain("USER").is_none() {
                model.chains.push(Chain::user("USER").into());
            }
            model.chain_mut(chain).unwrap().rules.push(rule);
        }
        ruleset
    })
}

fn identity(ruleset: &Ruleset) {
    let text = ruleset.save(&SaveOptions { counters: true, ..SaveOptions::default() });
    let read = Ruleset::parse(ruleset.family, &text, "text");
    assert_eq!(read, Ok(super::declared(ruleset.clone())), "{text}");
}

proptest! {
    #[test]
    fn text_of_a_model_reads_back_v4(ruleset in ruleset(Family::V4)) {
        identity(&ruleset);
    }

    #[test]
    fn text_of_a_model_reads_back_v6(ruleset in ruleset(Family::V6)) {
        identity(&ruleset);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "(\\*filter\n)?([ -~é\n\"\\\\!:\\[\\]]{0,60}\n?){0,6}") {
        let _ = Ruleset::parse(Family::V4, &text, "text");
        let _ = crate::Config::parse(&text, "text");
    }

    #[test]
    fn no_command_makes_the_parser_panic(words in proptest::collection::vec(word(), 0..14)) {
        for family in [Family::V4, Family::V6] {
            if let Ok(invocation) = Invocation::parse(family, &words) {
                let _ = invocation.run(&Ruleset::new(family));
            }
        }
    }
}

/// Words that lead deep into the parser, and some that lead nowhere.
fn word() -> impl Strategy<Value = String> {
    let options = [
        "-A",
        "-I",
        "-D",
        "-R",
        "-L",
        "-S",
        "-N",
        "-X",
        "-E",
        "-P",
        "-F",
        "-Z",
        "-C",
        "INPUT",
        "FORWARD",
        "-t",
        "nat",
        "raw",
        "-s",
        "-d",
        "-i",
        "-o",
        "-p",
        "tcp",
        "udp",
        "icmp",
        "-m",
        "-j",
        "-g",
        "-f",
        "-c",
        "!",
        "1",
        "0",
        "1,2",
        "10.0.0.0/8",
        "fd00::/8",
        "eth+",
        "+",
        "state",
        "conntrack",
        "multiport",
        "limit",
        "mark",
        "comment",
        "--dport",
        "--sport",
        "--dports",
        "--state",
        "NEW",
        "--ctstate",
        "--ctorigsrc",
        "--limit",
        "5/min",
        "0/s",
        "--mark",
        "1/1",
        "--comment",
        "--tcp-flags",
        "SYN",
        "--syn",
        "--icmp-type",
        "8",
        "SNAT",
        "DNAT",
        "--to-source",
        "--to-destination",
        "[::1]:80",
        "1.2.3.4:80-90/5",
        "MASQUERADE",
        "--to-ports",
        "REDIRECT",
        "REJECT",
        "--reject-with",
        "tcp-reset",
        "LOG",
        "--log-prefix",
        "CT",
        "--zone",
        "MARK",
        "--set-mark",
        "--",
        "-",
        "--=",
        "-nvL",
        "80:",
        ":",
        "99999999999999999999",
    ];
    prop_oneof![
        6 => proptest::sample::select(options.to_vec()).prop_map(str::to_owned),
        1 => "[ -~é]{0,12}",
    ]
}
