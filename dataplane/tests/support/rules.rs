//! Rules by hand, and what every test counts with them.

use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::rules::matches::{Match, state::State};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Hook, Policy, Rule, Rules, Table};

/// Matches and target of each rule of a chain.
pub type RuleList<A> = Vec<(Vec<Match<A>>, Target<A>)>;

/// One chain per table and hook named; counters are numbered in the order given, then the policies.
pub fn compile<A: Address>(chains: Vec<(Table, Hook, RuleList<A>)>, workers: usize) -> Rules<A> {
    let mut counters = 0;
    let mut next = || {
        counters += 1;
        CounterId(counters - 1)
    };
    let (mut list, mut entries) = (Vec::new(), Vec::new());
    for (table, hook, rules) in chains {
        entries.push((table, hook, ChainId(list.len() as u32)));
        let rules = rules
            .into_iter()
            .map(|(matches, target)| Rule { counter: next(), matches, target })
            .collect();
        list.push(Chain { rules, policy: Some((Policy::Accept, next())) });
    }
    Rules::new(list, &entries, counters as usize, workers)
}

/// `-m state --state NEW`.
pub fn new_only() -> Match<V4> {
    Match::State(State { new: true, ..State::default() })
}

/// `-m state --state ESTABLISHED`.
pub fn established_only() -> Match<V4> {
    Match::State(State { established: true, ..State::default() })
}

/// `-j SNAT --to-source ADDRESS[:LOW-HIGH]`.
pub fn snat(address: [u8; 4], ports: Option<(u16, u16)>) -> Target<V4> {
    Target::Snat(NatRange { ports, ..NatRange::single(V4(address)) })
}

/// `-j SNAT --to-source ADDRESS`, IPv6.
pub fn snat6(address: [u8; 16]) -> Target<V6> {
    Target::Snat(NatRange::single(V6(address)))
}

/// `-j DNAT --to-destination ADDRESS:PORT`.
pub fn dnat(address: [u8; 4], port: u16) -> Target<V4> {
    Target::Dnat(NatRange { ports: Some((port, port)), ..NatRange::single(V4(address)) })
}
