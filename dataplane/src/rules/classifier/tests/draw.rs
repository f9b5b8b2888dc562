//! Random matches, each kind of them, of few values so that packets meet them. A new kind does not compile until it is drawn here.

use super::draw_bytes;
use super::random::{address, ct_state, ids, mask, not, port, protocol_number, range};
use crate::address::{Address, Mac};
use crate::conntrack::{CtState, Direction as Way, Helper};
use crate::rules::matches::conntrack::{Asked, Conntrack};
use crate::rules::matches::hashlimit::{HashLimit, Mode, Rate, Table, Terms};
use crate::rules::matches::{
    Kept, Kind, Match, address, addrtype, always, connlimit, connmark, ecn, eui64, helper, icmp,
    interface, length, limit, link, mark, multiport, physdev, port as ports, protocol, quota,
    range, recent, reverse_path, set, socket, spi, state, statistic, string, tcp_options, time,
    tos, ttl, whole,
};
use crate::sets::{
    Compare, Direction, Directions, Entry, Header, Key, Kind as SetKind, MatchOptions, SetRef, Sets,
};
use crate::time::Instant;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use std::time::Duration;

/// Any match; those that an index is made of are drawn more often.
pub(super) fn condition<A: Address>() -> impl Strategy<Value = Match<A>> {
    let often = |kind| match kind {
        Kind::Source | Kind::Destination => 8,
        Kind::DestinationPort | Kind::Protocol | Kind::Multiport | Kind::State => 5,
        Kind::SourcePort | Kind::Ingress | Kind::Egress => 3,
        _ => 1,
    };
    let kinds = Kind::ALL.iter().map(|kind| (often(*kind), of_kind(*kind)));
    proptest::strategy::Union::new_weighted(kinds.collect())
}

/// One of those that look at no more than addresses, ports, interfaces and the like.
pub(super) fn plain<A: Address>() -> impl Strategy<Value = Match<A>> {
    let kinds = [
        (4, Kind::Source),
        (4, Kind::Destination),
        (1, Kind::Ingress),
        (1, Kind::Egress),
        (2, Kind::Protocol),
        (1, Kind::Fragment),
        (2, Kind::SourcePort),
        (3, Kind::DestinationPort),
        (2, Kind::Multiport),
        (1, Kind::TcpFlags),
        (1, Kind::Icmp),
        (2, Kind::State),
        (1, Kind::Mark),
        (1, Kind::Length),
    ];
    let kinds = kinds.map(|(often, kind)| (often, of_kind(kind)));
    proptest::strategy::Union::new_weighted(kinds.to_vec())
}

/// A match of one kind, with a state of its own where it keeps one.
#[allow(clippy::too_many_lines, reason = "a line or two for each match")]
pub(super) fn of_kind<A: Address>(kind: Kind) -> BoxedStrategy<Match<A>> {
    match kind {
        Kind::Source => (address(), mask(), not())
            .prop_map(|(own, mask, invert)| Match::Source(address::Source::new(own, mask, invert)))
            .boxed(),
        Kind::Destination => (address(), mask(), not())
            .prop_map(|(own, mask, invert)| {
                Match::Destination(address::Destination::new(own, mask, invert))
            })
            .boxed(),
        Kind::Ingress => (ids(), not())
            .prop_map(|(ids, invert)| Match::Ingress(interface::Ingress::new(ids, invert)))
            .boxed(),
        Kind::Egress => (ids(), not())
            .prop_map(|(ids, invert)| Match::Egress(interface::Egress::new(ids, invert)))
            .boxed(),
        Kind::Protocol => (protocol_number(), not())
            .prop_map(|(number, invert)| Match::Protocol(protocol::Protocol { number, invert }))
            .boxed(),
        Kind::Fragment => {
            not().prop_map(|invert| Match::Fragment(protocol::Fragment { invert })).boxed()
        }
        Kind::Whole => {
            use whole::Whole;
            let all = [Whole::Tcp, Whole::Udp, Whole::Sctp, Whole::Dccp, Whole::Icmp];
            select([&all[..], &[Whole::DccpPorts]].concat()).prop_map(Match::Whole).boxed()
        }
        Kind::SourcePort => (range(), not())
            .prop_map(|(range, invert)| Match::SourcePort(ports::SourcePort { range, invert }))
            .boxed(),
        Kind::DestinationPort => (range(), not())
            .prop_map(|(range, invert)| {
                Match::DestinationPort(ports::DestinationPort { range, invert })
            })
            .boxed(),
        Kind::Multiport => {
            use multiport::End;
            let ends = select(vec![End::Source, End::Destination, End::Either]);
            (ends, vec(range(), 0..6), not())
                .prop_map(|(end, ranges, invert)| {
                    Match::Multiport(multiport::Multiport { end, ranges, invert })
                })
                .boxed()
        }
        Kind::TcpFlags => (select(vec![2_u8, 0x17]), select(vec![2_u8, 0x10]), not())
            .prop_map(|(mask, compare, invert)| {
                Match::TcpFlags(ports::TcpFlags { mask, compare, invert })
            })
            .boxed(),
        Kind::Icmp => (option::of(0_u8..9), 0_u8..2, 0_u8..4, not())
            .prop_map(|(kind, from, to, invert)| Match::Icmp(icmp::Icmp { kind, from, to, invert }))
            .boxed(),
        Kind::State => (vec(ct_state(), 1..4), any::<(bool, bool)>(), not())
            .prop_map(|(of, (snat, dnat), invert)| {
                let has = |state: CtState| of.contains(&state);
                Match::State(state::State {
                    new: has(CtState::New),
                    established: has(CtState::Established),
                    related: has(CtState::Related),
                    invalid: has(CtState::Invalid),
                    untracked: has(CtState::Untracked),
                    snat,
                    dnat,
                    invert,
                })
            })
            .boxed(),
        Kind::Mark => (0_u32..4, 0_u32..4, not())
            .prop_map(|(value, mask, invert)| {
                Match::Mark(mark::Mark { value: value & mask, mask, invert })
            })
            .boxed(),
        Kind::Length => (0_u16..80, 20_u16..100, not())
            .prop_map(|(from, to, invert)| Match::Length(length::Length { from, to, invert }))
            .boxed(),
        Kind::Limit => (select(vec![1_000_000_u64, 1_000_000_000]), 1_u32..4)
            .prop_map(|(cost, burst)| {
                Match::Limit(limit::Limit { cost, burst, bucket: Kept::default() })
            })
            .boxed(),
        Kind::Range => {
            let one = || {
                (address(), address(), not()).prop_map(|(from, to, invert)| range::Range {
                    from,
                    to,
                    invert,
                })
            };
            (option::of(one()), option::of(one()))
                .prop_map(|(source, destination)| {
                    Match::Range(range::IpRange { source, destination })
                })
                .boxed()
        }
        Kind::Ttl => {
            use ttl::Compare;
            let all = vec![Compare::Equal, Compare::NotEqual, Compare::Less, Compare::Greater];
            (select(all), 62_u8..67)
                .prop_map(|(compare, value)| Match::Ttl(ttl::Ttl { compare, value }))
                .boxed()
        }
        Kind::Tos => (0_u8..8, select(vec![0_u8, 1, 7, 0xff]), not())
            .prop_map(|(value, mask, invert)| Match::Tos(tos::Tos { value, mask, invert }))
            .boxed(),
        Kind::Ecn => (option::of((0_u8..4, not())), any::<(Option<bool>, Option<bool>)>())
            .prop_map(|(ip, (ece, cwr))| Match::Ecn(ecn::Ecn { ip, ece, cwr }))
            .boxed(),
        Kind::Connmark => (0_u32..4, 0_u32..4, not())
            .prop_map(|(value, mask, invert)| {
                Match::Connmark(connmark::Connmark { value: value & mask, mask, invert })
            })
            .boxed(),
        Kind::Conntrack => (asked(), not(), any::<bool>())
            .prop_map(|(asked, invert, beside_state)| {
                Match::Conntrack(Conntrack { asked, invert, beside_state })
            })
            .boxed(),
        Kind::SourceMac => (0_u8..3, not())
            .prop_map(|(last, invert)| {
                let mac = Mac([2, 0, 0, 0, 0, last]);
                Match::SourceMac(link::SourceMac { mac, invert })
            })
            .boxed(),
        Kind::PacketType => {
            use link::To;
            let all = vec![To::Host, To::Broadcast, To::Multicast, To::Other];
            (select(all), not())
                .prop_map(|(to, invert)| Match::PacketType(link::PacketType { to, invert }))
                .boxed()
        }
        Kind::AddressType => {
            use addrtype::{AddressType, Kinds, Limit};
            let kinds = || {
                option::of((any::<u16>(), not()).prop_map(|(bits, invert)| Kinds { bits, invert }))
            };
            (kinds(), kinds(), select(vec![Limit::None, Limit::In, Limit::Out]))
                .prop_map(|(source, destination, limit)| {
                    Match::AddressType(AddressType { source, destination, limit })
                })
                .boxed()
        }
        Kind::ReversePath => any::<(bool, bool, bool)>()
            .prop_map(|(loose, accept_local, invert)| {
                Match::ReversePath(reverse_path::ReversePath { loose, accept_local, invert })
            })
            .boxed(),
        Kind::Statistic => {
            use statistic::Which;
            let random = (select(vec![0_u32, 1 << 30, 1 << 31]), any::<u64>())
                .prop_map(|(probability, salt)| Which::Random { probability, salt });
            let nth = (0_u32..4, 0_u32..4).prop_map(|(every, first)| Which::Nth {
                every,
                count: Kept(Arc::new(first.min(every).into())),
            });
            (prop_oneof![random, nth], not())
                .prop_map(|(which, invert)| {
                    Match::Statistic(statistic::Statistic { which, invert })
                })
                .boxed()
        }
        Kind::String => (select(vec!["ooxx", "OOxx", "o", "\u{2}\u{4}"]), not(), 0_u16..60, not())
            .prop_map(|(text, ignore_case, from, invert)| {
                let (bytes, to) = (text.as_bytes(), from + 40);
                Match::String(string::Pattern::new(bytes, ignore_case, from, to, invert))
            })
            .boxed(),
        Kind::Time => (0_u32..86_400, 0_u32..86_400, any::<(u8, bool, bool)>(), 0_i64..200_000)
            .prop_map(|(start, stop, (weekdays, contiguous, local), first)| {
                Match::Time(time::Time {
                    dates: (first, first + 100_000),
                    hours: (start, stop),
                    weekdays,
                    monthdays: time::Time::ALL_MONTHDAYS,
                    contiguous,
                    local,
                })
            })
            .boxed(),
        Kind::Quota => (0_u64..400, not())
            .prop_map(|(bytes, invert)| {
                Match::Quota(quota::Quota { left: Kept(Arc::new(bytes.into())), invert })
            })
            .boxed(),
        Kind::Recent => {
            use recent::{Action, End, Recent};
            let actions = vec![Action::Set, Action::Check, Action::Update, Action::Remove];
            let masks = select(vec![u128::MAX, u128::MAX << 8, 0]);
            let what = (select(actions), select(vec![End::Source, End::Destination]), masks);
            (what, option::of(0_u32..4), 0_u32..4, any::<(bool, bool, bool)>())
                .prop_map(|((action, end, mask), seconds, hits, (ttl, reap, invert))| {
                    let list = Kept::default();
                    Match::Recent(Recent {
                        list,
                        action,
                        end,
                        mask,
                        seconds,
                        hits,
                        ttl,
                        reap,
                        invert,
                    })
                })
                .boxed()
        }
        Kind::ConnLimit => (0_u32..4, mask(), any::<(bool, bool)>())
            .prop_map(|(limit, mask, (destination, upto))| {
                let counts = Kept::default();
                Match::ConnLimit(connlimit::ConnLimit { counts, limit, mask, destination, upto })
            })
            .boxed(),
        Kind::Set => (a_set::<A>(), at(), options(), not())
            .prop_map(|(set, at, options, invert)| {
                Match::Set(set::SetMatch { set, at, options, invert })
            })
            .boxed(),
        Kind::Socket => any::<[bool; 3]>()
            .prop_map(|[transparent, no_wildcard, restore_mark]| {
                Match::Socket(socket::Socket { transparent, no_wildcard, restore_mark })
            })
            .boxed(),
        Kind::HashLimit => (any::<[bool; 5]>(), rate(), 0_u64..3000)
            .prop_map(|([source, destination, source_port, destination_port, above], rate, ms)| {
                let mode = Mode {
                    source: source.then_some(u128::MAX << 8),
                    destination: destination.then_some(u128::MAX),
                    source_port,
                    destination_port,
                };
                let (expire, collect) = (Duration::from_millis(ms), Duration::from_millis(700));
                let terms = Terms { mode, rate, expire, collect };
                let table = Kept(Arc::new(Table::new(terms, 32)));
                Match::HashLimit(HashLimit { table, above })
            })
            .boxed(),
        Kind::TcpOption => (0_u8..4, not())
            .prop_map(|(kind, invert)| Match::TcpOption(tcp_options::TcpOption { kind, invert }))
            .boxed(),
        Kind::Mss => (0_u16..1500, 0_u16..1500, not())
            .prop_map(|(from, more, invert)| {
                Match::Mss(tcp_options::Mss { from, to: from + more, invert })
            })
            .boxed(),
        Kind::Spi => (select(vec![spi::Place::Esp, spi::Place::Ah]), 0_u32..4, 0_u32..4, not())
            .prop_map(|(place, from, to, invert)| Match::Spi(spi::Spi { place, from, to, invert }))
            .boxed(),
        Kind::ConnBytes => draw_bytes::account(),
        Kind::U32 => draw_bytes::words(),
        Kind::Bpf => draw_bytes::program(),
        Kind::Cpu => draw_bytes::processor(),
        Kind::Ah => draw_bytes::authentication(),
        Kind::Frag => draw_bytes::fragment(),
        Kind::Routing => draw_bytes::routing(),
        Kind::OptionsHeader => draw_bytes::options_header(),
        Kind::Ipv6Header => draw_bytes::headers(),
        Kind::Mobility => draw_bytes::mobility(),
        Kind::Eui64 => Just(Match::Eui64(eui64::Eui64)).boxed(),
        Kind::Chunks => draw_bytes::chunks(),
        Kind::DccpTypes => draw_bytes::dccp_types(),
        Kind::DccpOption => draw_bytes::dccp_option(),
        Kind::Helper => (prop::sample::subsequence(Helper::ALL.to_vec(), 0..3), any::<bool>())
            .prop_map(|(helpers, invert)| {
                let helpers = helpers.into_iter().collect();
                Match::Helper(helper::Helper { helpers, invert })
            })
            .boxed(),
        Kind::Physdev => any::<(Option<bool>, bool)>()
            .prop_map(|(is_in, invert)| {
                let ingress = Some(physdev::OneOf { ids: Vec::new(), invert });
                Match::Physdev(physdev::Physdev { is_in, ingress, ..Default::default() })
            })
            .boxed(),
        Kind::Always => any::<(bool, bool)>()
            .prop_map(|(answer, needs_conntrack)| {
                Match::Always(always::Always { answer, needs_conntrack })
            })
            .boxed(),
    }
}

fn asked<A: Address>() -> impl Strategy<Value = Asked<A>> {
    use crate::rules::matches::conntrack::End;
    let way = || select(vec![Way::Original, Way::Reply]);
    let end = || select(vec![End::Source, End::Destination]);
    prop_oneof![
        protocol_number().prop_map(Asked::Protocol),
        (way(), end(), address::<A>(), mask::<A>()).prop_map(|(direction, end, address, mask)| {
            let address = A::from_bits(address.to_bits() & mask.to_bits());
            Asked::Address { direction, end, address, mask }
        }),
        (way(), end(), range()).prop_map(|(direction, end, range)| Asked::Port {
            direction,
            end,
            range
        }),
        way().prop_map(Asked::Direction),
        (0_u32..3, 0_u32..3).prop_map(|(from, to)| Asked::Expire(from, to)),
        any::<[bool; 4]>().prop_map(|[expected, seen_reply, assured, confirmed]| Asked::Status {
            expected,
            seen_reply,
            assured,
            confirmed,
        }),
    ]
}

fn rate() -> impl Strategy<Value = Rate> {
    let second = 1_000_000_000;
    prop_oneof![
        (1_u32..4).prop_map(move |burst| Rate::Packets { cost: second, burst }),
        (0_u32..3).prop_map(move |burst| Rate::Bytes { chunk: (second / 8) << 16, burst }),
        (0_u64..4, 0_u64..200, any::<bool>()).prop_map(move |(rate, burst, bytes)| Rate::Window {
            interval: second,
            rate,
            burst,
            bytes
        }),
    ]
}

/// A set of some addresses, of a type that IPv4 and IPv6 have alike.
fn a_set<A: Address>() -> impl Strategy<Value = SetRef> {
    let kinds = select(vec![SetKind::HashIp, SetKind::HashNet, SetKind::HashIpPort]);
    (kinds, any::<bool>(), vec((address::<A>(), port()), 0..6)).prop_map(|(kind, counters, of)| {
        let mut sets = Sets::default();
        let header = Header { counters, ..Header::new(kind, Some(A::VERSION), 1) };
        sets.create("drawn", header).expect("the first");
        let set = sets.reference("drawn").expect("just made");
        for (address, port) in of {
            let entry = Entry { key: key(kind, address, port), ..Entry::default() };
            // Some are there already, or are no elements.
            let _ = set.set().insert(&entry, true, Instant(0));
        }
        set
    })
}

/// An element of a set.
pub(super) fn key<A: Address>(kind: SetKind, address: A, port: u16) -> Key {
    let key = Key { first: address.to_bits(), prefix: 8 * A::SIZE as u8, ..Key::default() };
    if kind.has_port() { Key { protocol: 6, port, ..key } } else { key }
}

fn at() -> impl Strategy<Value = Directions> {
    let one = || select(vec![Direction::Source, Direction::Destination]);
    (one(), one()).prop_map(|(one, other)| Directions::new(&[one, other]).expect("two"))
}

fn options() -> impl Strategy<Value = MatchOptions> {
    let compare = || option::weighted(0.3, (0_u64..5).prop_map(Compare::Less));
    (any::<(bool, bool)>(), compare(), compare()).prop_map(|((keep, nomatch), packets, bytes)| {
        MatchOptions {
            keep_counters: keep,
            keep_subcounters: keep,
            return_nomatch: nomatch,
            packets,
            bytes,
        }
    })
}

#[test]
fn every_kind_is_drawn_as_what_it_is() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    for kind in Kind::ALL {
        let drawn = of_kind::<crate::address::V4>(*kind).new_tree(&mut runner).unwrap().current();
        assert_eq!(drawn.kind(), *kind);
    }
}
