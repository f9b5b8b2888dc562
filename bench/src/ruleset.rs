//! The rules of a gateway under test.

mod asked;
mod services;

pub(crate) use asked::Asked;

use crate::traffic::EXTERNAL;
use sluice_dataplane::address::V4;
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::rules::matches::Match;
use sluice_dataplane::rules::matches::address::{Destination, Source};
use sluice_dataplane::rules::matches::port::{DestinationPort, PortRange};
use sluice_dataplane::rules::matches::protocol::Protocol;
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::{Chain, ChainId, CounterId, Hook, Policy, Rule, Rules, Table};
use std::fmt::{Display, Formatter};
use std::net::Ipv4Addr;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A rule more, which matches none of the packets sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    None,
    /// The first of nat POSTROUTING.
    Nat,
    /// The first of FORWARD.
    Forward,
}

/// What stands beside the translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// So many rules in FORWARD that match none of the packets sent.
    Filters(usize),
    /// One in FORWARD that is asked of every packet, and lets all go on.
    Asked(Asked),
    /// So many services in nat PREROUTING; all packets are to the last 64.
    Services(usize),
}

/// `-t nat -A POSTROUTING -j SNAT --to-source 203.0.113.1`, and what stands beside it; the policy is ACCEPT everywhere. They
/// follow on `previous`.
pub(crate) fn source_nat(
    beside: Beside,
    extra: Extra,
    previous: Option<&Rules<V4>>,
    workers: usize,
) -> Rules<V4> {
    let mut counters = 0;
    let mut next = || {
        counters += 1;
        CounterId(counters - 1)
    };
    let mut chain = |extra: bool, rules: Vec<(Vec<Match<V4>>, Target<V4>)>| {
        let extra = extra.then(|| (Filter::of(EXTRA).matches(), Target::Drop));
        let rules = extra.into_iter().chain(rules);
        let rules = rules.map(|(matches, target)| Rule { counter: next(), matches, target });
        Chain { rules: rules.collect(), policy: Some((Policy::Accept, next())) }
    };
    let snat = (Vec::new(), Target::Snat(NatRange::single(V4(EXTERNAL))));
    let mut chains = vec![chain(extra == Extra::Nat, vec![snat])];
    let mut entries = vec![(Table::Nat, Hook::Postrouting, ChainId(0))];
    let forward = match beside {
        Beside::Filters(filters) => {
            let rules = (0..filters).map(|number| (Filter::of(number).matches(), Target::Drop));
            rules.collect()
        }
        Beside::Asked(asked) => vec![(vec![asked.condition()], Target::Continue)],
        Beside::Services(_) => Vec::new(),
    };
    if !forward.is_empty() {
        chains.push(chain(extra == Extra::Forward, forward));
        entries.push((Table::Filter, Hook::Forward, ChainId(1)));
    }
    if let Beside::Services(services) = beside {
        chains.extend(services::chains(services, 1, counters as usize));
        entries.push((Table::Nat, Hook::Prerouting, ChainId(1)));
    }
    let counters = chains.iter().map(|chain| chain.rules.len() + 1).sum();
    match previous {
        None => Rules::new(chains, &entries, counters, workers),
        Some(previous) => Rules::after(previous, chains, &entries, counters, workers),
    }
}

/// The number of a rule that is in no list.
const EXTRA: usize = 4 * 0xffff;

/// The same for `iptables-restore`.
pub(crate) fn source_nat_text(filters: usize) -> String {
    let external = Ipv4Addr::from(EXTERNAL);
    let mut text =
        format!("*nat\n-A POSTROUTING -j SNAT --to-source {external}\nCOMMIT\n*filter\n");
    for number in 0..filters {
        text += &format!("-A FORWARD {} -j DROP\n", Filter::of(number));
    }
    text + "COMMIT\n"
}

/// What a rule of a long list asks for.
struct Filter {
    source: Option<(Ipv4Addr, u8)>,
    destination: Option<(Ipv4Addr, u8)>,
    /// Protocol and destination port.
    service: Option<(u8, u16)>,
}

impl Filter {
    /// One of four kinds; never of an address or port in use.
    fn of(number: usize) -> Self {
        let [_, _, high, low] = u32::try_from(number / 4).unwrap_or(u32::MAX).to_be_bytes();
        let port = 1 + u16::try_from(number / 4 % 1000).unwrap_or(0);
        let none = Self { source: None, destination: None, service: None };
        let (tcp, udp) = (Some((TCP, port)), Some((UDP, port)));
        let network = |bytes: [u8; 4], length| Some((Ipv4Addr::from(bytes), length));
        match number % 4 {
            0 => Self { source: network([172, 16, high, low], 32), ..none },
            1 => Self { destination: network([100, high, low, 0], 24), service: tcp, ..none },
            2 => Self { source: network([172, 32 + high, low, 0], 24), service: udp, ..none },
            _ => Self { destination: network([192, 0, high, low], 32), service: udp, ..none },
        }
    }

    fn matches(&self) -> Vec<Match<V4>> {
        let mask = |length: u8| V4((u32::MAX << (32 - u32::from(length))).to_be_bytes());
        let source = self.source.map(|(address, length)| {
            Match::Source(Source::new(V4(address.octets()), mask(length), false))
        });
        let destination = self.destination.map(|(address, length)| {
            Match::Destination(Destination::new(V4(address.octets()), mask(length), false))
        });
        let service = self.service.map(|(number, port)| {
            let range = PortRange { from: port, to: port };
            [
                Match::Protocol(Protocol { number, invert: false }),
                Match::DestinationPort(DestinationPort { range, invert: false }),
            ]
        });
        source.into_iter().chain(destination).chain(service.into_iter().flatten()).collect()
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (option, network) in [("-s", self.source), ("-d", self.destination)] {
            if let Some((address, length)) = network {
                write!(f, "{option} {address}/{length} ")?;
            }
        }
        match self.service {
            Some((protocol, port)) => write!(f, "-p {protocol} --dport {port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_lead_to_chains_of_their_own() {
        let chains = services::chains(100, 7, 2);
        assert_eq!(chains.len(), 1 + 100 * 11);
        let last = &chains[0].rules[99];
        assert_eq!(last.target, Target::Jump(ChainId(7 + 1 + 99 * 11)));
        let Target::Jump(endpoint) = chains[1 + 99 * 11].rules[9].target else { panic!("no jump") };
        assert_eq!(endpoint, ChainId(7 + 1 + 99 * 11 + 10));
        let of = crate::traffic::server(63).octets();
        let dnat = &chains[1 + 99 * 11 + 10].rules[0].target;
        assert_eq!(*dnat, Target::Dnat(NatRange::single(V4(of))));
    }

    #[test]
    fn rules_are_written_as_the_kernel_takes_them() {
        let of = |number| Filter::of(number).to_string();
        assert_eq!(of(4 * 513), "-s 172.16.2.1/32 ");
        assert_eq!(of(4 * 513 + 1), "-d 100.2.1.0/24 -p 6 --dport 514");
        assert_eq!(of(2), "-s 172.32.0.0/24 -p 17 --dport 1");
        assert_eq!(of(4 * 1000 + 3), "-d 192.0.3.232/32 -p 17 --dport 1");
    }
}
