//! Which packets clients want to hear of.

use crate::address::IpVersion;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a filter looks at, as the packet stands on arrival.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Family.
    pub version: IpVersion,
    /// Name of the interface it came in by; none from the host.
    pub ingress: Option<&'a str>,
    /// Protocol number.
    pub protocol: u8,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source and destination port; none where the protocol has none.
    pub ports: Option<(u16, u16)>,
}

/// What one client asks for: all of it must hold, and what is not said holds.
#[derive(Debug, Default)]
pub struct Filter {
    /// Family.
    pub version: Option<IpVersion>,
    /// Interface it came in by.
    pub ingress: Option<String>,
    /// Protocol number.
    pub protocol: Option<u8>,
    /// Source address and prefix length.
    pub source: Option<(IpAddr, u8)>,
    /// Destination address and prefix length.
    pub destination: Option<(IpAddr, u8)>,
    /// Either address, and prefix length.
    pub host: Option<(IpAddr, u8)>,
    /// Source port: lowest and highest.
    pub source_port: Option<(u16, u16)>,
    /// Destination port.
    pub destination_port: Option<(u16, u16)>,
    /// Either port.
    pub port: Option<(u16, u16)>,
    /// Packets still to be told of, by all workers together; none: without end.
    pub left: Option<AtomicU32>,
}

/// What all clients ask for.
#[derive(Debug, Default)]
pub struct Filters(Vec<(u32, Arc<Filter>)>);

impl Filters {
    /// Each client's bit, and its filter.
    #[must_use]
    pub const fn of(filters: Vec<(u32, Arc<Filter>)>) -> Self {
        Self(filters)
    }

    /// Whether some filter chooses the packet.
    #[must_use]
    pub fn choose(&self, facts: &Facts<'_>) -> bool {
        self.0.iter().any(|(_, filter)| filter.has_room() && filter.is_met(facts))
    }

    /// The clients whose filters choose the packet, which counts as told to them.
    #[must_use]
    pub fn take(&self, facts: &Facts<'_>) -> u32 {
        let chosen = self.0.iter().filter(|(_, filter)| filter.is_met(facts) && filter.take());
        chosen.fold(0, |clients, (client, _)| clients | client)
    }
}

impl Filter {
    fn is_met(&self, facts: &Facts<'_>) -> bool {
        let (from, to) = (facts.source, facts.destination);
        is(self.version, |version| version == facts.version)
            && is(self.ingress.as_deref(), |name| facts.ingress == Some(name))
            && is(self.protocol, |number| number == facts.protocol)
            && is(self.source, |prefix| covers(prefix, from))
            && is(self.destination, |prefix| covers(prefix, to))
            && is(self.host, |prefix| covers(prefix, from) || covers(prefix, to))
            && is(self.source_port, |range| {
                facts.ports.is_some_and(|(port, _)| within(range, port))
            })
            && is(self.destination_port, |range| {
                facts.ports.is_some_and(|(_, port)| within(range, port))
            })
            && is(self.port, |range| {
                facts.ports.is_some_and(|(from, to)| within(range, from) || within(range, to))
            })
    }

    fn has_room(&self) -> bool {
        self.left.as_ref().is_none_or(|left| left.load(Relaxed) > 0)
    }

    fn take(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        self.left.as_ref().is_none_or(|left| left.fetch_update(Relaxed, Relaxed, one_less).is_ok())
    }
}

/// Whether what was asked holds, or nothing was.
fn is<T>(asked: Option<T>, holds: impl FnOnce(T) -> bool) -> bool {
    asked.is_none_or(holds)
}

const fn within((low, high): (u16, u16), port: u16) -> bool {
    low <= port && port <= high
}

fn covers((network, length): (IpAddr, u8), address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let host = bits - u32::from(length).min(bits);
    (network ^ address).checked_shr(host).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            version: IpVersion::V4,
            ingress: Some("lan"),
            protocol: 6,
            source: "10.1.0.2".parse().unwrap(),
            destination: "192.168.1.9".parse().unwrap(),
            ports: Some((1000, 80)),
        }
    }

    fn chosen(filter: Filter) -> bool {
        Filters::of(vec![(4, Arc::new(filter))]).take(&facts()) == 4
    }

    #[test]
    fn all_that_is_said_must_hold() {
        let prefix = |text: &str, length| Some((text.parse().unwrap(), length));
        let all = Filter::default;
        assert!(chosen(all()));
        assert!(chosen(Filter { ingress: Some("lan".into()), protocol: Some(6), ..all() }));
        assert!(!chosen(Filter { ingress: Some("lan".into()), protocol: Some(17), ..all() }));
        assert!(!chosen(Filter { ingress: Some("wan".into()), ..all() }));
        assert!(!chosen(Filter { version: Some(IpVersion::V6), ..all() }));
        assert!(chosen(Filter { source: prefix("10.1.0.0", 16), ..all() }));
        assert!(!chosen(Filter { source: prefix("10.2.0.0", 16), ..all() }));
        assert!(chosen(Filter { source: prefix("0.0.0.0", 0), ..all() }));
        assert!(!chosen(Filter { source: prefix("::", 0), ..all() }));
        assert!(!chosen(Filter { destination: prefix("10.1.0.2", 32), ..all() }));
        assert!(chosen(Filter { host: prefix("192.168.1.9", 32), ..all() }));
        assert!(chosen(Filter { destination_port: Some((80, 90)), ..all() }));
        assert!(!chosen(Filter { source_port: Some((80, 90)), ..all() }));
        assert!(chosen(Filter { port: Some((1000, 1000)), ..all() }));
        let without = Facts { ports: None, ..facts() };
        for filter in [
            Filter { port: Some((0, 65_535)), ..all() },
            Filter { source_port: Some((0, 65_535)), ..all() },
            Filter { destination_port: Some((0, 65_535)), ..all() },
        ] {
            assert!(
                !Filters::of(vec![(1, Arc::new(filter))]).choose(&without),
                "a port that is not there"
            );
        }
    }

    #[test]
    fn a_client_hears_of_as_many_as_it_asked_for() {
        let few = |left: u32| Arc::new(Filter { left: Some(left.into()), ..Filter::default() });
        let filters = Filters::of(vec![(1, few(2)), (2, Arc::default())]);
        assert_eq!([0; 3].map(|_| filters.take(&facts())), [3, 3, 2]);
        assert!(filters.choose(&facts()));
        let none = Filters::of(vec![(1, few(0))]);
        assert!(!none.choose(&facts()));
    }
}
