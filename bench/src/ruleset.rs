//! The rules of a gateway under test.

use crate::traffic::EXTERNAL;
use sluice_dataplane::address::V4;
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::address::{Destination, Source};
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::matches::protocol::Protocol;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Hook, Policy, Rule, Rules, Table};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// `-t nat -A POSTROUTING -j SNAT --to-source 203.0.113.1`, and `filters` rules in FORWARD that match
/// none of the packets sent, with the policy ACCEPT behind them.
pub(crate) fn source_nat(filters: usize, workers: usize) -> Rules<V4> {
    let snat = Rule {
        counter: CounterId(0),
        matches: Vec::new(),
        target: Target::Snat(NatRange::single(V4(EXTERNAL))),
    };
    let mut chains =
        vec![Chain { rules: vec![snat], policy: Some((Policy::Accept, CounterId(1))) }];
    let mut entries = vec![(Table::Nat, Hook::Postrouting, ChainId(0))];
    if filters > 0 {
        let rules = (0..filters).map(filter).collect();
        chains.push(Chain { rules, policy: Some((Policy::Accept, CounterId(2))) });
        entries.push((Table::Filter, Hook::Forward, ChainId(1)));
    }
    Rules::new(chains, &entries, 3 + filters, workers)
}

/// One of the four kinds of which long rule lists are made; never of an address or port in use.
fn filter(number: usize) -> Rule<V4> {
    let [_, _, high, low] = u32::try_from(number / 4).unwrap_or(u32::MAX).to_be_bytes();
    let port = 1 + u16::try_from(number / 4 % 1000).unwrap_or(0);
    let to_port = || {
        Match::DestinationPort(DestinationPort {
            range: PortRange { from: port, to: port },
            invert: false,
        })
    };
    let protocol = |number| Match::Protocol(Protocol { number, invert: false });
    let host = V4([255, 255, 255, 255]);
    let network = V4([255, 255, 255, 0]);
    let matches = match number % 4 {
        // -s 172.16.H.L -j DROP
        0 => vec![Match::Source(Source::new(V4([172, 16, high, low]), host, false))],
        // -d 100.H.L.0/24 -p tcp --dport PORT -j DROP
        1 => vec![
            Match::Destination(Destination::new(V4([100, high, low, 0]), network, false)),
            protocol(TCP),
            to_port(),
        ],
        // -s 172.H'.L.0/24 -p udp --dport PORT -j DROP
        2 => vec![
            Match::Source(Source::new(V4([172, 32 + high, low, 0]), network, false)),
            protocol(UDP),
            to_port(),
        ],
        // -d 192.0.H.L -p udp --dport PORT -j DROP
        _ => vec![
            Match::Destination(Destination::new(V4([192, 0, high, low]), host, false)),
            protocol(UDP),
            to_port(),
        ],
    };
    let counter = CounterId(3 + u32::try_from(number).unwrap_or(0));
    Rule { counter, matches, target: Target::Drop }
}
