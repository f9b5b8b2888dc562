//! Which bits of a tuple the rules look at. First packets that agree in these bits, came in by one
//! interface and leave towards one next hop meet the same rules, as long as no rule looks at more than that.

use super::Chain;
use crate::address::Address;
use crate::tuple::Tuple;

/// Ones where some rule of `chains` looks; the protocol always counts.
pub(super) fn consulted<A: Address>(chains: &[Chain<A>]) -> Tuple<A> {
    let mut bits = Tuple { protocol: 0xff, ..Tuple::default() };
    for rule in chains.iter().flat_map(|chain| &chain.rules) {
        rule.matches.iter().for_each(|condition| condition.consult(&mut bits));
    }
    bits
}
