//! Services as kube-proxy writes them: a rule of `KUBE-SERVICES` for each, a chain for it that draws one of ten endpoints, and a chain
//! for each endpoint that translates to it.
//!
//! The services in use stand last. Their endpoints have the service's own address, so that what comes out is what it would be without them.

use super::UDP;
use crate::traffic::{SERVER_PORT, server};
use sluice_dataplane::address::V4;
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::address::Destination;
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::matches::protocol::Protocol;
use sluice_dataplane::rules::matches::statistic::{Statistic, Which};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Policy, Rule};

/// Servers that are services.
pub(super) const IN_USE: usize = 64;
const ENDPOINTS: usize = 10;

/// nat PREROUTING and the chains it leads to, as chains `first` and on, with counters from `counter` on.
pub(super) fn chains(services: usize, first: usize, counter: usize) -> Vec<Chain<V4>> {
    let mut counters = counter..;
    let mut next = || CounterId(number(counters.next().unwrap_or(counter)));
    let mut rule = |matches, target| Rule { counter: next(), matches, target };
    let mut list = Vec::with_capacity(services);
    let mut behind = Vec::with_capacity(services * (ENDPOINTS + 1));
    let id = |behind: usize| ChainId(number(first + 1 + behind));
    for at in 0..services {
        let address = address(at, services);
        list.push(rule(service(address), Target::Jump(id(behind.len()))));
        let own = behind.len();
        let draw = (0..ENDPOINTS).map(|endpoint| {
            let target = Target::Jump(id(own + 1 + endpoint));
            rule(one_of(ENDPOINTS - endpoint, own + endpoint), target)
        });
        behind.push(Chain { rules: draw.collect(), policy: None });
        for _ in 0..ENDPOINTS {
            let udp = Match::Protocol(Protocol { number: UDP, invert: false });
            let translate = Target::Dnat(NatRange::single(address));
            behind.push(Chain { rules: vec![rule(vec![udp], translate)], policy: None });
        }
    }
    let policy = Some((Policy::Accept, next()));
    let mut chains = vec![Chain { rules: list, policy }];
    chains.append(&mut behind);
    chains
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Of service `at` of so many: the last are servers, the others nobody's.
fn address(at: usize, services: usize) -> V4 {
    match (at + IN_USE).checked_sub(services) {
        Some(server_number) => V4(server(number(server_number)).octets()),
        None => V4((0x0a60_0000 + number(at)).to_be_bytes()),
    }
}

fn service(address: V4) -> Vec<Match<V4>> {
    let range = PortRange { from: SERVER_PORT, to: SERVER_PORT };
    vec![
        Match::Destination(Destination::new(address, V4([0xff; 4]), false)),
        Match::Protocol(Protocol { number: UDP, invert: false }),
        Match::DestinationPort(DestinationPort { range, invert: false }),
    ]
}

/// `-m statistic --mode random --probability` of one in so many; nothing for the last.
fn one_of(left: usize, salt: usize) -> Vec<Match<V4>> {
    if left <= 1 {
        return Vec::new();
    }
    let (probability, salt) = (number((1 << 31) / left), salt as u64);
    let which = Which::Random { probability, salt };
    vec![Match::Statistic(Statistic { which, invert: false })]
}
