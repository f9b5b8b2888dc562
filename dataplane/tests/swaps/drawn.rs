//! The same with rules, routes, sets and packets drawn at random.

use super::sets::{Change, NAMES, in_set, sets};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sluice_dataplane::sets::Sets;
use sluice_dataplane::time::Instant;
use std::cell::RefCell;

thread_local! {
    /// Those that rules are drawn with; empty when a case begins.
    static SETS: RefCell<Sets> = RefCell::new(sets());
}

fn condition() -> impl Strategy<Value = Match<V4>> {
    let state = any::<[bool; 5]>().prop_map(|[new, established, snat, dnat, invert]| {
        Match::State(State { new, established, snat, dnat, invert, ..State::default() })
    });
    let kinds = Kinds { bits: kind::LOCAL, invert: false };
    let local = AddressType { source: None, destination: Some(kinds), limit: Limit::None };
    let back = ReversePath { loose: false, accept_local: false, invert: false };
    let address = |[a, b, c, d]: [u8; 4]| V4([a, b, c, d]);
    let host = V4([255; 4]);
    prop_oneof![
        3 => state,
        2 => select(vec![80_u16, 5000, 5001, 5002]).prop_map(to_port),
        1 => select(vec![6_u8, 17]).prop_map(|number| Match::Protocol(Protocol { number, invert: false })),
        1 => (0..2_u32).prop_map(|value| Match::Mark(Mark { value, mask: 1, invert: false })),
        1 => (0..2_u32).prop_map(|value| Match::Connmark(Connmark { value, mask: 1, invert: false })),
        1 => select(vec![CLIENT, SERVER, FAR, GATEWAY])
            .prop_map(move |own| Match::Source(Source::new(address(own), host, false))),
        1 => select(vec![CLIENT, SERVER, FAR, GATEWAY])
            .prop_map(move |own| Match::Destination(Destination::new(address(own), host, false))),
        1 => select(vec![Direction::Original, Direction::Reply]).prop_map(|way| {
            Match::Conntrack(Conntrack { asked: Asked::Direction(way), invert: false, beside_state: false })
        }),
        1 => select(vec![SERVER, FAR]).prop_map(move |own| {
            let (direction, end) = (Direction::Original, End::Destination);
            let asked = Asked::Address { direction, end, address: address(own), mask: host };
            Match::Conntrack(Conntrack { asked, invert: false, beside_state: false })
        }),
        1 => select(vec![GATEWAY, CLIENT]).prop_map(move |own| {
            let (direction, end) = (Direction::Reply, End::Destination);
            let asked = Asked::Address { direction, end, address: address(own), mask: host };
            Match::Conntrack(Conntrack { asked, invert: false, beside_state: false })
        }),
        1 => Just(Match::AddressType(local)),
        1 => Just(Match::ReversePath(back)),
        1 => Just(Match::Length(Length { from: 0, to: 30, invert: false })),
        2 => look(),
    ]
}

/// A look into one of the sets.
fn look() -> impl Strategy<Value = Match<V4>> {
    (select(NAMES.to_vec()), any::<bool>(), any::<bool>()).prop_map(|(name, source, invert)| {
        SETS.with_borrow(|sets| in_set(sets, name, source, invert))
    })
}

fn connmark(copy: MarkCopy) -> Target<V4> {
    Target::Connmark(ConnmarkChange { copy, shift: MarkShift::NONE })
}

/// In chain number `at` of [`PLACES`].
fn rule(at: usize) -> impl Strategy<Value = (Vec<Match<V4>>, Target<V4>)> {
    let nat = PLACES.get(at).is_some_and(|place| place.0 == Table::Nat);
    let call = if at < PLACES.len() { Target::Jump(OWN) } else { Target::Return };
    let mut targets = vec![Target::Continue, Target::Continue, Target::Accept, call];
    if !nat {
        targets.extend([Target::Drop, Target::Mark { value: 1, mask: 1 }]);
        targets.push(connmark(MarkCopy::Set { value: 1, mask: 1 }));
        let (connection_mask, packet_mask) = (1, 1);
        targets.push(connmark(MarkCopy::Restore { connection_mask, packet_mask }));
    }
    if at == 0 {
        targets.push(Target::Notrack);
    }
    (vec(condition(), 0..3), select(targets))
}

#[derive(Debug, Clone)]
enum Step {
    Insert(usize, Index, (Vec<Match<V4>>, Target<V4>)),
    Delete(usize, Index),
    Flip(usize),
    Route([u8; 4], u8, Option<u32>),
    Filter(ReversePathFilter),
    Set(Change),
    /// Half a second passes, after which the sets are maintained or not.
    Wait(bool),
    Packets(bool, Vec<(usize, u8)>),
}

impl Step {
    const fn is_back(&self) -> bool {
        matches!(self, Self::Packets(true, _))
    }
}

fn step() -> impl Strategy<Value = Step> {
    let insert = (0..=PLACES.len())
        .prop_flat_map(|at| (Just(at), any::<Index>(), rule(at)))
        .prop_map(|(at, place, rule)| Step::Insert(at, place, rule));
    let prefix = select(vec![
        (FAR, 32),
        (FAR, 24),
        ([0; 4], 0),
        (SERVER, 32),
        (CLIENT, 32),
        (BEYOND, 24),
        (GATEWAY, 32),
    ]);
    let next_hop =
        select(vec![None, Some(0), Some(1), Some(2), Some(4), Some(6), Some(7), Some(7)]);
    let packet = (0..CONNECTIONS, select(vec![ACK, ACK, ACK, ACK, SYN, SYN | ACK]));
    prop_oneof![
        3 => insert,
        2 => (0..=PLACES.len(), any::<Index>()).prop_map(|(at, place)| Step::Delete(at, place)),
        1 => (0..PLACES.len() - 2).prop_map(Step::Flip),
        2 => (prefix, next_hop).prop_map(|((to, length), hop)| Step::Route(to, length, hop)),
        1 => select(vec![ReversePathFilter::Off, ReversePathFilter::Loose, ReversePathFilter::Strict])
            .prop_map(Step::Filter),
        3 => change().prop_map(Step::Set),
        1 => any::<bool>().prop_map(Step::Wait),
        12 => (any::<bool>(), vec(packet, 1..12)).prop_map(|(back, list)| Step::Packets(back, list)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let ends = || select(vec![CLIENT, SERVER, FAR, GATEWAY]);
    let element = || {
        (
            select(vec!["hosts", "hosts", "others", "ports", "counting"]),
            ends(),
            select(vec![80_u16, 5001]),
        )
    };
    let member = || select(vec!["hosts", "ports", "counting", "ending"]);
    let seconds = || 0..3_u32;
    prop_oneof![
        4 => element().prop_map(|(name, address, port)| Change::Add(name, address, port)),
        4 => element().prop_map(|(name, address, port)| Change::Delete(name, address, port)),
        4 => (ends(), seconds()).prop_map(|(address, seconds)| Change::End(address, seconds)),
        2 => ends().prop_map(|address| Change::Delete("ending", address, 0)),
        1 => select(vec!["hosts", "ports", "list", "ending", "counting"]).prop_map(Change::Flush),
        1 => Just(Change::Swap),
        2 => (member(), seconds()).prop_map(|(name, seconds)| Change::Include(name, seconds)),
        1 => member().prop_map(Change::Exclude),
    ]
}

fn take(both: &mut Both, step: Step) {
    match step {
        Step::Insert(at, place, rule) => {
            let rules = both.rules.chain(at);
            rules.insert(place.index(rules.len() + 1), rule);
            both.publish();
        }
        Step::Delete(at, place) => {
            let rules = both.rules.chain(at);
            if !rules.is_empty() {
                rules.remove(place.index(rules.len()));
            }
            both.publish();
        }
        Step::Flip(at) => {
            let policy = &mut both.rules.bases[at].3;
            *policy = if *policy == Policy::Accept { Policy::Drop } else { Policy::Accept };
            both.publish();
        }
        Step::Route(to, length, next_hop) => both.route(to, length, next_hop),
        Step::Filter(filter) => {
            both.filter = filter;
            both.publish();
        }
        Step::Set(change) => SETS.with_borrow_mut(|sets| change.make(sets, both.kept.now)),
        Step::Wait(maintains) => {
            both.wait(Duration::from_millis(500));
            if maintains {
                let now = both.kept.now;
                SETS.with_borrow(|sets| sets.all().iter().for_each(|set| set.maintain(now)));
            }
        }
        Step::Packets(back, list) => {
            let frames: Vec<_> =
                list.iter().map(|&(index, flags)| segment(index, back, 1, 1, flags)).collect();
            both.pass(if back { WAN } else { LAN }, &frames);
        }
    }
}

fn flush_all() {
    for name in NAMES {
        SETS.with_borrow_mut(|sets| Change::Flush(name).make(sets, Instant(0)));
    }
}

/// Sets change, time passes, or all connections are used both ways.
fn set_step() -> impl Strategy<Value = Option<Step>> {
    prop_oneof![
        3 => change().prop_map(|change| Some(Step::Set(change))),
        1 => any::<bool>().prop_map(|maintains| Some(Step::Wait(maintains))),
        3 => Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nobody_can_tell_who_keeps_verdicts(
        steps in vec(step(), 1..60),
        translates in any::<bool>(),
        established in any::<bool>(),
    ) {
        flush_all();
        let mut rules = firewall();
        if !translates {
            rules = rules.with(Table::Nat, Hook::Postrouting, vec![]);
        }
        let mut both = Both::new(rules);
        both.route([0; 4], 0, Some(7));
        if translates && established {
            both.establish();
        }
        // What came from outside first would take the tuple of a connection from inside, whose port is then drawn.
        let one_way = translates && !established;
        for step in steps.into_iter().filter(|step| !(one_way && step.is_back())) {
            take(&mut both, step);
        }
    }

    /// Few rules, which do nothing but look into sets, before those that let established packets pass.
    #[test]
    fn nor_while_sets_change(
        looks in vec((vec(look(), 1..3), select(vec![Target::Continue, Target::Accept, Target::Drop])), 1..4),
        steps in vec(set_step(), 1..80),
    ) {
        flush_all();
        let mut both = established();
        both.change(Table::Filter, Hook::Forward, |rules| drop(rules.splice(0..0, looks)));
        for step in steps {
            match step {
                Some(step) => take(&mut both, step),
                None => drop(both.judged_anew()),
            }
        }
    }
}
