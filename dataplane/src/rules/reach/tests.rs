use super::*;
use crate::address::V4;
use crate::rules::classifier::tests::Packet;
use crate::rules::classifier::tests::random::{chains, condition, packet, target};
use crate::rules::matches::Kept;
use crate::rules::matches::address::Source;
use crate::rules::matches::limit::Limit;
use crate::rules::matches::port::{DestinationPort, PortRange};
use crate::rules::matches::state::State;
use crate::rules::targets::Target;
use crate::rules::{Chain, CounterId, Outcome, Policy, Rule, Trail, Walk};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

type Wanted = (Vec<Match<V4>>, Target<V4>);

fn new() -> Match<V4> {
    Match::State(State { new: true, ..State::default() })
}

fn established() -> Match<V4> {
    Match::State(State { established: true, related: true, ..State::default() })
}

fn from(last: u8) -> Match<V4> {
    Match::Source(Source::new(V4([10, 0, 0, last]), V4([255; 4]), false))
}

fn to(port: u16) -> Match<V4> {
    let range = PortRange { from: port, to: port };
    Match::DestinationPort(DestinationPort { range, invert: false })
}

/// Chains with these rules, numbered as the control plane does; the first have a policy.
fn number(lists: &[Vec<Wanted>], policies: &[Policy]) -> (Vec<Chain<V4>>, usize) {
    let mut counters = 0;
    let mut next = || {
        counters += 1;
        CounterId(counters - 1)
    };
    let mut chains = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        let rules = list.iter().cloned();
        let rules =
            rules.map(|(matches, target)| Rule { counter: next(), matches, target }).collect();
        let policy = policies.get(at).map(|policy| (*policy, next()));
        chains.push(Chain { rules, policy });
    }
    (chains, counters as usize)
}

const FORWARD: (Table, Hook, ChainId) = (Table::Filter, Hook::Forward, ChainId(0));

fn rules(previous: Option<&Rules<V4>>, lists: &[Vec<Wanted>], policy: Policy) -> Rules<V4> {
    let (chains, counters) = number(lists, &[policy]);
    match previous {
        None => Rules::new(chains, &[FORWARD], counters, 1),
        Some(previous) => Rules::after(previous, chains, &[FORWARD], counters, 1),
    }
}

/// Whether verdicts on forwarded packets outlive a change of FORWARD: of connections nobody has answered, and of
/// others.
fn outlive(before: &[Vec<Wanted>], after: &[Vec<Wanted>]) -> [bool; 2] {
    outlive_policies(before, after, [Policy::Drop; 2])
}

fn outlive_policies(
    before: &[Vec<Wanted>],
    after: &[Vec<Wanted>],
    policies: [Policy; 2],
) -> [bool; 2] {
    let before = rules(None, before, policies[0]);
    let after = rules(Some(&before), after, policies[1]);
    [false, true].map(|answered| {
        let kind = Kind { course: Course::Forward, answered };
        before.stamps()[kind.index()] == after.stamps()[kind.index()]
    })
}

const NONE: [bool; 2] = [false, false];
const ANSWERED: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

#[test]
fn what_comes_after_the_accept_of_all_established_is_out_of_reach() {
    let accept = || (vec![established()], Target::Accept);
    let drop = |last| (vec![from(last)], Target::Drop);
    let before = [vec![accept(), drop(1)]];
    assert_eq!(outlive(&before, &before), BOTH);
    assert_eq!(outlive(&before, &[vec![accept(), drop(1), drop(2)]]), ANSWERED);
    assert_eq!(outlive(&before, &[vec![accept()]]), ANSWERED);
    assert_eq!(outlive(&before, &[vec![drop(2), accept(), drop(1)]]), NONE);
    assert_eq!(outlive(&before, &[vec![drop(1)]]), NONE);
    let policies = [Policy::Drop, Policy::Accept];
    assert_eq!(outlive_policies(&before, &before, policies), ANSWERED);
    assert_eq!(outlive_policies(&[vec![drop(1)]], &[vec![drop(1)]], policies), NONE);
}

#[test]
fn rules_for_new_connections_are_none_of_the_established_ones_business() {
    let service = |port| (vec![new(), to(port)], Target::Accept);
    let accept = || (vec![established()], Target::Accept);
    let before = [vec![service(22), accept()]];
    assert_eq!(outlive(&before, &[vec![service(22), service(80), accept()]]), ANSWERED);
    assert_eq!(outlive(&before, &[vec![accept()]]), ANSWERED);
    // What counts packets must see them, whatever is asked after it.
    let limit = Match::Limit(Limit { cost: 1, burst: 1, bucket: Kept::default() });
    let limited = |conditions| vec![(conditions, Target::Accept), accept()];
    let (early, late) = (vec![limit.clone(), new()], vec![new(), limit]);
    assert_eq!(outlive(&[vec![accept()]], &[limited(early)]), NONE);
    assert_eq!(outlive(&[vec![accept()]], &[limited(late)]), ANSWERED);
}

#[test]
fn chains_are_followed() {
    let jump = |to| (vec![], Target::Jump(ChainId(to)));
    let goto = |to| (vec![], Target::Goto(ChainId(to)));
    let accept = || (vec![established()], Target::Accept);
    let drop = |last| (vec![from(last)], Target::Drop);
    let own = || vec![accept(), drop(1)];
    let with = |calls: &[Wanted], own: Vec<Wanted>| [calls.to_vec(), own];
    // None comes back from a chain that accepts all.
    let before = with(&[jump(1), drop(1)], own());
    assert_eq!(outlive(&before, &with(&[jump(1), drop(2)], own())), ANSWERED);
    assert_eq!(outlive(&before, &with(&[jump(1), drop(1)], vec![accept(), drop(2)])), ANSWERED);
    assert_eq!(outlive(&before, &with(&[jump(1), drop(1)], vec![drop(2), accept()])), NONE);
    assert_eq!(outlive(&before, &with(&[goto(1), drop(1)], own())), NONE);
    // Some come back from one that lets them return.
    let back = || vec![(vec![from(9)], Target::Return), accept()];
    let before = with(&[jump(1), drop(1)], back());
    assert_eq!(outlive(&before, &with(&[jump(1), drop(2)], back())), NONE);
    let policies = [Policy::Drop, Policy::Accept];
    let gone = with(&[goto(1)], back());
    assert_eq!(outlive_policies(&gone, &gone, policies), NONE);
    // The number of a chain means nothing, nor does a chain that nobody calls.
    let before = [vec![jump(1), jump(2)], own(), back()];
    let after = [vec![jump(2), jump(1)], back(), own()];
    assert_eq!(outlive(&before, &after), BOTH);
    assert_eq!(outlive(&before, &[vec![jump(1), jump(2)], own(), back(), own()]), BOTH);
    // Chains that call one another in a circle are refused before; here they only have to end.
    let circle = [vec![jump(1)], vec![jump(2)], vec![jump(1), accept()]];
    assert_eq!(outlive(&circle, &circle), BOTH);
}

#[test]
fn hooks_have_stamps_of_their_own() {
    let chain = |rules: &[Wanted]| rules.to_vec();
    let drop = || (vec![from(1)], Target::Drop);
    let entries = [FORWARD, (Table::Filter, Hook::Input, ChainId(1))];
    let make = |previous: Option<&Rules<V4>>, input: &[Wanted]| {
        let (chains, counters) = number(&[chain(&[drop()]), chain(input)], &[Policy::Accept; 2]);
        match previous {
            None => Rules::new(chains, &entries, counters, 1),
            Some(previous) => Rules::after(previous, chains, &entries, counters, 1),
        }
    };
    let before = make(None, &[]);
    let after = make(Some(&before), &[drop()]);
    let kept: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| before.stamps()[kind.index()] == after.stamps()[kind.index()])
        .map(|kind| kind.course)
        .collect();
    assert_eq!(kept, [Course::Forward, Course::Forward, Course::Out, Course::Out]);
}

/// A change of one chain.
#[derive(Debug, Clone)]
enum Edit {
    Insert(Vec<Match<V4>>, Target<V4>),
    Delete,
    Double,
    Swap,
}

fn edits() -> impl Strategy<Value = Vec<(Index, Index, Edit)>> {
    let edit = prop_oneof![
        4 => (vec(condition(), 0..3), target(3, 4)).prop_map(|(asked, does)| Edit::Insert(asked, does)),
        2 => Just(Edit::Delete),
        1 => Just(Edit::Double),
        1 => Just(Edit::Swap),
    ];
    vec((any::<Index>(), any::<Index>(), edit), 0..3)
}

fn edited(chains: &[Chain<V4>], edits: &[(Index, Index, Edit)]) -> Vec<Vec<Wanted>> {
    let mut lists: Vec<Vec<Wanted>> = chains
        .iter()
        .map(|chain| {
            let rules = chain.rules.iter();
            rules.map(|rule| (rule.matches.clone(), rule.target.clone())).collect()
        })
        .collect();
    let count = lists.len() as u32;
    for (chain, at, edit) in edits {
        let list = chain.get_mut(&mut lists);
        let place = at.index(list.len() + 1);
        match edit {
            Edit::Insert(_, Target::Jump(to) | Target::Goto(to)) if to.0 >= count => {}
            // Only later chains may be called: the last is called by all others.
            Edit::Insert(asked, does @ (Target::Jump(_) | Target::Goto(_)))
                if chain.index(count as usize) + 1 < count as usize =>
            {
                list.insert(place, (asked.clone(), does.clone()));
            }
            Edit::Insert(_, Target::Jump(_) | Target::Goto(_)) => {}
            Edit::Insert(asked, does) => list.insert(place, (asked.clone(), does.clone())),
            Edit::Delete | Edit::Double | Edit::Swap if place == list.len() => {}
            Edit::Delete => drop(list.remove(place)),
            Edit::Double => list.insert(place, list[place].clone()),
            Edit::Swap => list.swap(place, 0),
        }
    }
    lists
}

/// What becomes of a packet: outcome, mark, whether that may be kept, and the slots of what it met.
fn walk(rules: &Rules<V4>, packet: &Packet<V4>) -> (Outcome<V4>, u32, bool, Vec<Option<u32>>) {
    packet.seen(|view| {
        let (mut trail, mut cacheable) = (Trail::new(), true);
        let walk = Walk { counters: None, trail: Some(&mut trail), cacheable: &mut cacheable };
        let outcome = rules.evaluate(ChainId(0), view, walk);
        // No packet with such a flag takes a cached verdict.
        let cacheable = cacheable || view.is_control();
        let slots = trail.steps().iter().map(|counter| rules.slots.of(*counter)).collect();
        (outcome, view.mark.get(), cacheable, slots)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Where a stamp is carried over, every packet it stands for fares as it did, and counts the same rules.
    #[test]
    fn who_keeps_a_stamp_notices_nothing(
        (chains, counters) in chains::<V4>(8),
        edits in edits(),
        packets in vec((packet::<V4>(), any::<bool>()), 40),
    ) {
        let before = Rules::new(chains.clone(), &[FORWARD], counters, 1);
        let after = rules(Some(&before), &edited(&chains, &edits), Policy::Drop);
        for (mut packet, answered) in packets {
            packet.state = state(answered);
            // What is cut short is of no connection.
            if packet.seen(|view| view.may_be_too_short()) {
                continue;
            }
            let kind = Kind { course: Course::Forward, answered };
            if before.stamps()[kind.index()] == after.stamps()[kind.index()] {
                let (was, is) = (walk(&before, &packet), walk(&after, &packet));
                prop_assert_eq!((&was.0, was.1), (&is.0, is.1));
                // A first packet's verdict is not kept either where a rule that can never match asks for its translation.
                if was.2 && is.2 {
                    prop_assert_eq!(was.3, is.3);
                }
                packet.connection = None;
                prop_assert_eq!(walk(&before, &packet), walk(&after, &packet));
            } else {
                prop_assert!(!edits.is_empty(), "nothing has changed");
            }
        }
    }
}
