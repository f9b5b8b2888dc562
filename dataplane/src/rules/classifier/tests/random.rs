//! Random rules and packets, of few values so that they meet.

use super::draw;
use super::{Bytes, Packet};
use crate::address::Address;
use crate::conntrack::{CtState, Status};
use crate::ids::InterfaceId;
use crate::nat::NatRange;
use crate::rules::matches::recent::List;
use crate::rules::matches::{Kept, Match, port};
use crate::rules::targets::{RejectWith, Target};
use crate::rules::{Chain, ChainId, CounterId, Policy, Rule};
use crate::time::Instant;
use crate::wire::layer4::{Layer4Kind, TcpFields};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// One of a few addresses, or one that differs from it in one bit.
pub(super) fn address<A: Address>() -> impl Strategy<Value = A> {
    let base = select(vec![0, 0x0a00_0001, 0x0a00_ff02, 0xac10_0000, u32::MAX]);
    (base, proptest::option::weighted(0.3, 0..8 * A::SIZE)).prop_map(|(base, flip)| {
        let wide = u128::from(base);
        let bits = if A::SIZE == 4 { wide } else { wide << 96 | wide << 33 | wide };
        A::from_bits(bits ^ flip.map_or(0, |bit| 1 << bit))
    })
}

/// Mostly leading bits; sometimes any.
pub(super) fn mask<A: Address>() -> impl Strategy<Value = A> {
    let width = 8 * A::SIZE as u32;
    prop_oneof![
        8 => (0..=width).prop_map(move |len| {
            A::from_bits(u128::MAX.checked_shl(width - len).unwrap_or(0))
        }),
        1 => any::<u128>().prop_map(A::from_bits),
    ]
}

pub(super) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![
        select(vec![0, 1, 22, 53, 80, 443, 1023, 1024, 32_767, 32_768, u16::MAX]),
        any::<u16>()
    ]
}

/// Sometimes the wrong way round, which holds for no port.
pub(super) fn range() -> impl Strategy<Value = port::PortRange> {
    prop_oneof![
        3 => port().prop_map(|port| port::PortRange { from: port, to: port }),
        3 => (port(), 0_u16..20).prop_map(|(from, more)| port::PortRange {
            from,
            to: from.saturating_add(more),
        }),
        1 => (port(), port()).prop_map(|(from, to)| port::PortRange { from, to }),
    ]
}

pub(super) fn ids() -> impl Strategy<Value = Vec<InterfaceId>> {
    let id = prop_oneof![9 => (0_u16..4).prop_map(InterfaceId), 1 => Just(InterfaceId::HOST)];
    prop_oneof![4 => vec(id, 0..4), 1 => Just((0..40).map(InterfaceId).collect())]
}

pub(super) fn ct_state() -> impl Strategy<Value = CtState> {
    select(vec![
        CtState::New,
        CtState::Established,
        CtState::Related,
        CtState::Invalid,
        CtState::Untracked,
    ])
}

pub(super) fn protocol_number() -> impl Strategy<Value = u8> {
    select(vec![1_u8, 6, 17, 58, 132, 47])
}

/// `!`, now and then.
pub(super) fn not() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.15)
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

/// A match that keeps nothing: two walks do not disturb each other.
pub(in crate::rules) fn condition<A: Address>() -> impl Strategy<Value = Match<A>> {
    draw::plain()
}

/// Chains of up to `longest` rules of such matches, the first with a policy, and how many counters they use.
pub(in crate::rules) fn chains<A: Address>(
    longest: usize,
) -> impl Strategy<Value = (Vec<Chain<A>>, usize)> {
    chains_of(longest, condition().boxed())
}

/// The same of any matches.
pub(super) fn all_chains<A: Address>(
    longest: usize,
) -> impl Strategy<Value = (Vec<Chain<A>>, usize)> {
    chains_of(longest, draw::condition().boxed())
}

fn chains_of<A: Address>(
    longest: usize,
    condition: BoxedStrategy<Match<A>>,
) -> impl Strategy<Value = (Vec<Chain<A>>, usize)> {
    (1_u32..5)
        .prop_flat_map(move |chains| {
            let chain = |own| {
                let matches = vec(condition.clone(), 0..5);
                vec((matches, target(own, chains)), longest / 2..longest)
            };
            (0..chains).map(chain).collect::<Vec<_>>()
        })
        .prop_map(number)
}

type RuleList<A> = Vec<(Vec<Match<A>>, Target<A>)>;

fn number<A: Address>(mut lists: Vec<RuleList<A>>) -> (Vec<Chain<A>>, usize) {
    share(lists.iter_mut().flatten().flat_map(|(matches, _)| matches));
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

/// Two of three that keep something by name use the same name.
fn share<'m, A: Address + 'm>(matches: impl Iterator<Item = &'m mut Match<A>>) {
    let (list, mut table, mut set) = (Kept::<List>::default(), None, None);
    for (at, condition) in matches.enumerate().filter(|(at, _)| at % 3 > 0) {
        match condition {
            Match::Recent(recent) => recent.list = list.clone(),
            Match::HashLimit(limit) => {
                limit.table = table.get_or_insert_with(|| limit.table.clone()).clone();
            }
            // Of whatever type the first is.
            Match::Set(asked) if at % 3 == 1 => {
                asked.set = set.get_or_insert_with(|| asked.set.clone()).clone();
            }
            _ => {}
        }
    }
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

/// Bytes of which some match looks for each.
fn bytes() -> impl Strategy<Value = Bytes> {
    let tails: [&[u8]; 6] = [
        b"",
        b"hello ooxx",
        b"OoXx and \x02\x04",
        &[2, 4, 5, 180, 3, 3, 7, 0],
        &[1, 1, 2, 4, 2, 0],
        &[3, 0, 2, 9],
    ];
    let tail = select(tails.map(<[u8]>::to_vec).to_vec());
    let words = (0_u32..5, 0_u32..5);
    (prop::bool::weighted(0.2), 0_u8..3, 0_u8..8, 62_u8..67, words, tail).prop_map(
        |(broadcast, mac, tos, ttl, words, tail)| Bytes { broadcast, mac, tos, ttl, words, tail },
    )
}

pub(in crate::rules) fn packet<A: Address>() -> impl Strategy<Value = Packet<A>> {
    let ports = prop_oneof![4 => (port(), port()), 1 => Just((0, 0))];
    let ingress = prop_oneof![(0_u16..4).prop_map(InterfaceId), Just(InterfaceId::HOST)];
    let egress = proptest::option::of((0_u16..4).prop_map(InterfaceId));
    let states = vec![Status::default(), Status::SEEN_REPLY, Status::ASSURED, Status::CONFIRMED];
    let begun = proptest::option::of((0_u32..4, select(states)));
    let connection = (ct_state(), any::<bool>(), any::<bool>(), begun);
    let layer4 = (ports, protocol_number(), kind(), prop::bool::weighted(0.1));
    let ends = (address(), address(), ingress, egress);
    (ends, layer4, connection, 0_u32..4, 20_u32..100, bytes(), any::<u64>()).prop_map(
        |(ends, layer4, (state, snat, dnat, connection), mark, length, bytes, random)| {
            let (source, destination, ingress, egress) = ends;
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
                bytes,
                connection,
                random,
                now: Instant(0),
            }
        },
    )
}

/// What happens between one packet and the next.
#[derive(Debug, Clone)]
pub(super) enum Step<A> {
    /// A packet comes.
    Packet(Packet<A>),
    /// So many milliseconds pass.
    Time(u64),
    /// An operator puts an address into lists and sets, or takes it out.
    Put(A, u16),
    Take(A, u16),
    Flush,
    /// The connection of the packet so many before the last ends.
    End(usize),
    /// A rule's matches become others.
    Change {
        chain: usize,
        rule: usize,
        matches: Vec<Match<A>>,
    },
}

pub(super) fn steps<A: Address>(most: usize) -> impl Strategy<Value = Vec<Step<A>>> {
    let step = prop_oneof![
        12 => packet().prop_map(Step::Packet),
        4 => (0_u64..3000).prop_map(Step::Time),
        1 => (address(), port()).prop_map(|(address, port)| Step::Put(address, port)),
        1 => (address(), port()).prop_map(|(address, port)| Step::Take(address, port)),
        1 => Just(Step::Flush),
        1 => (0_usize..5).prop_map(Step::End),
        1 => (any::<usize>(), any::<usize>(), vec(draw::condition(), 0..5))
            .prop_map(|(chain, rule, matches)| Step::Change { chain, rule, matches }),
    ];
    vec(step, 1..most)
}
