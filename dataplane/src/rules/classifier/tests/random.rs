//! Random rules and packets, of few values so that they meet.

use super::Packet;
use crate::address::Address;
use crate::conntrack::CtState;
use crate::ids::InterfaceId;
use crate::nat::NatRange;
use crate::rules::matches::{
    Match, address, icmp, interface, length, mark, multiport, port, protocol, state,
};
use crate::rules::targets::{RejectWith, Target};
use crate::rules::{Chain, ChainId, CounterId, Policy, Rule};
use crate::wire::layer4::{Layer4Kind, TcpFields};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// One of a few addresses, or one that differs from it in one bit.
fn address<A: Address>() -> impl Strategy<Value = A> {
    let base = select(vec![0, 0x0a00_0001, 0x0a00_ff02, 0xac10_0000, u32::MAX]);
    (base, proptest::option::weighted(0.3, 0..8 * A::SIZE)).prop_map(|(base, flip)| {
        let wide = u128::from(base);
        let bits = if A::SIZE == 4 { wide } else { wide << 96 | wide << 33 | wide };
        A::from_bits(bits ^ flip.map_or(0, |bit| 1 << bit))
    })
}

/// Mostly leading bits; sometimes any.
fn mask<A: Address>() -> impl Strategy<Value = A> {
    let width = 8 * A::SIZE as u32;
    prop_oneof![
        8 => (0..=width).prop_map(move |len| {
            A::from_bits(u128::MAX.checked_shl(width - len).unwrap_or(0))
        }),
        1 => any::<u128>().prop_map(A::from_bits),
    ]
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![
        select(vec![0, 1, 22, 53, 80, 443, 1023, 1024, 32_767, 32_768, u16::MAX]),
        any::<u16>()
    ]
}

/// Sometimes the wrong way round, which holds for no port.
fn range() -> impl Strategy<Value = port::PortRange> {
    prop_oneof![
        3 => port().prop_map(|port| port::PortRange { from: port, to: port }),
        3 => (port(), 0_u16..20).prop_map(|(from, more)| port::PortRange {
            from,
            to: from.saturating_add(more),
        }),
        1 => (port(), port()).prop_map(|(from, to)| port::PortRange { from, to }),
    ]
}

fn ids() -> impl Strategy<Value = Vec<InterfaceId>> {
    let id = prop_oneof![9 => (0_u16..4).prop_map(InterfaceId), 1 => Just(InterfaceId::HOST)];
    prop_oneof![4 => vec(id, 0..4), 1 => Just((0..40).map(InterfaceId).collect())]
}

fn ct_state() -> impl Strategy<Value = CtState> {
    select(vec![
        CtState::New,
        CtState::Established,
        CtState::Related,
        CtState::Invalid,
        CtState::Untracked,
    ])
}

fn protocol_number() -> impl Strategy<Value = u8> {
    select(vec![1_u8, 6, 17, 58, 132, 47])
}

pub(in crate::rules) fn condition<A: Address>() -> impl Strategy<Value = Match<A>> {
    let not = || prop::bool::weighted(0.15);
    let ends =
        select(vec![multiport::End::Source, multiport::End::Destination, multiport::End::Either]);
    prop_oneof![
        4 => (address(), mask(), not()).prop_map(|(own, mask, invert)| {
            Match::Source(address::Source::new(own, mask, invert))
        }),
        4 => (address(), mask(), not()).prop_map(|(own, mask, invert)| {
            Match::Destination(address::Destination::new(own, mask, invert))
        }),
        1 => (ids(), not()).prop_map(|(ids, invert)| {
            Match::Ingress(interface::Ingress::new(ids, invert))
        }),
        1 => (ids(), not()).prop_map(|(ids, invert)| {
            Match::Egress(interface::Egress::new(ids, invert))
        }),
        2 => (protocol_number(), not()).prop_map(|(number, invert)| {
            Match::Protocol(protocol::Protocol { number, invert })
        }),
        1 => not().prop_map(|invert| Match::Fragment(protocol::Fragment { invert })),
        2 => (range(), not()).prop_map(|(range, invert)| {
            Match::SourcePort(port::SourcePort { range, invert })
        }),
        3 => (range(), not()).prop_map(|(range, invert)| {
            Match::DestinationPort(port::DestinationPort { range, invert })
        }),
        2 => (ends, vec(range(), 0..6), not()).prop_map(|(end, ranges, invert)| {
            Match::Multiport(multiport::Multiport { end, ranges, invert })
        }),
        1 => (select(vec![2_u8, 0x17]), select(vec![2_u8, 0x10]), not()).prop_map(
            |(mask, compare, invert)| Match::TcpFlags(port::TcpFlags { mask, compare, invert })
        ),
        1 => (proptest::option::of(0_u8..9), 0_u8..2, 0_u8..4, not()).prop_map(
            |(kind, from, to, invert)| Match::Icmp(icmp::Icmp { kind, from, to, invert })
        ),
        2 => (any::<[bool; 7]>(), not()).prop_map(|(set, invert)| {
            let [new, established, related, invalid, untracked, snat, dnat] = set;
            Match::State(state::State {
                new, established, related, invalid, untracked, snat, dnat, invert,
            })
        }),
        1 => (0_u32..4, 0_u32..4, not()).prop_map(|(value, mask, invert)| {
            Match::Mark(mark::Mark { value: value & mask, mask, invert })
        }),
        1 => (0_u16..80, 20_u16..100, not()).prop_map(|(from, to, invert)| {
            Match::Length(length::Length { from, to, invert })
        }),
    ]
}

/// Most let the walk go on; chains are called by those before them only, so that none calls itself.
pub(in crate::rules) fn target<A: Address>(
    chain: u32,
    chains: u32,
) -> impl Strategy<Value = Target<A>> {
    let later = chain + 1..chains.max(chain + 2);
    let call = move |to: u32| if to < chains { Some(ChainId(to)) } else { None };
    prop_oneof![
        12 => Just(Target::Continue),
        3 => (0_u32..4, 0_u32..4).prop_map(|(value, mask)| Target::Mark { value, mask }),
        6 => later.clone().prop_map(move |to| call(to).map_or(Target::Continue, Target::Jump)),
        2 => later.prop_map(move |to| call(to).map_or(Target::Continue, Target::Goto)),
        2 => Just(Target::Return),
        1 => Just(Target::Accept),
        1 => Just(Target::Drop),
        1 => Just(Target::Reject(RejectWith::TcpReset)),
        1 => Just(Target::Dnat(NatRange::single(A::from_bits(7)))),
        1 => Just(Target::Masquerade(NatRange::default())),
        1 => Just(Target::Notrack),
    ]
}

/// Chains of up to `longest` rules, the first with a policy, and how many counters they use.
pub(in crate::rules) fn chains<A: Address>(
    longest: usize,
) -> impl Strategy<Value = (Vec<Chain<A>>, usize)> {
    (1_u32..5)
        .prop_flat_map(move |chains| {
            let chain =
                move |own| vec((vec(condition(), 0..5), target(own, chains)), longest / 2..longest);
            (0..chains).map(chain).collect::<Vec<_>>()
        })
        .prop_map(number)
}

type RuleList<A> = Vec<(Vec<Match<A>>, Target<A>)>;

fn number<A>(lists: Vec<RuleList<A>>) -> (Vec<Chain<A>>, usize) {
    let mut counters = 1;
    let chains = lists.into_iter().enumerate().map(|(at, list)| {
        let rules = list.into_iter().map(|(matches, target)| {
            counters += 1;
            Rule { counter: CounterId(counters - 1), matches, target }
        });
        let rules = rules.collect();
        Chain { rules, policy: (at == 0).then_some((Policy::Drop, CounterId(0))) }
    });
    let chains = chains.collect();
    (chains, counters as usize)
}

fn kind() -> impl Strategy<Value = Layer4Kind> {
    let tcp = |flags| Layer4Kind::Tcp(TcpFields { flags, ..TcpFields::default() });
    prop_oneof![
        select(vec![2_u8, 0x12, 0x10]).prop_map(tcp),
        Just(Layer4Kind::Udp { length: 8 }),
        (0_u8..9, 0_u8..4).prop_map(|(kind, code)| Layer4Kind::Icmp {
            kind,
            code,
            id: Default::default(),
            sequence: 0,
        }),
        Just(Layer4Kind::Other),
        Just(Layer4Kind::Truncated),
    ]
}

pub(in crate::rules) fn packet<A: Address>() -> impl Strategy<Value = Packet<A>> {
    let ports = prop_oneof![4 => (port(), port()), 1 => Just((0, 0))];
    let ingress = prop_oneof![(0_u16..4).prop_map(InterfaceId), Just(InterfaceId::HOST)];
    let egress = proptest::option::of((0_u16..4).prop_map(InterfaceId));
    let connection = (ct_state(), any::<bool>(), any::<bool>());
    let layer4 = (ports, protocol_number(), kind(), prop::bool::weighted(0.1));
    (address(), address(), layer4, ingress, egress, connection, 0_u32..4, 20_u32..100).prop_map(
        |(source, destination, layer4, ingress, egress, (state, snat, dnat), mark, length)| {
            let (ports, protocol, kind, later_fragment) = layer4;
            Packet {
                source,
                destination,
                ports,
                protocol,
                kind,
                later_fragment,
                ingress,
                egress,
                state,
                snat,
                dnat,
                mark,
                length,
            }
        },
    )
}
