//! What only the whole file shows: names used twice, names that nothing has, next hops out of reach.

use std::collections::HashSet;
use std::net::IpAddr;

use super::parse::{InterfacePlace, Places};
use super::reader::Report;
use super::{Config, Interface, InterfaceKind, Route, RouteKind};
use crate::diagnostic::nearest;
use crate::sysctl::{self, SysctlValue};

pub(super) fn validate(config: &Config, places: &Places, report: &mut Report<'_>) {
    let check = Check { config, places };
    check.interfaces(report);
    check.routes(report);
    check.neighbours(report);
    check.sysctls(report);
}

struct Check<'a> {
    config: &'a Config,
    places: &'a Places,
}

impl<'a> Check<'a> {
    fn each_interface(&self) -> impl Iterator<Item = (usize, &'a Interface, &'a InterfacePlace)> {
        let both = self.config.interfaces.iter().zip(&self.places.interfaces);
        both.enumerate().map(|(nth, (interface, place))| (nth, interface, place))
    }

    fn has_interface(&self, name: &str) -> bool {
        self.config.interfaces.iter().any(|interface| interface.name == name)
    }

    /// Reports a name that no interface has, unless a broken entry may have had it.
    fn known(&self, name: &str, at: &super::reader::Span, report: &mut Report<'_>) {
        if self.has_interface(name) || self.places.interfaces_incomplete {
            return;
        }
        let names = self.config.interfaces.iter().map(|interface| interface.name.as_str());
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add an [[interface]] with name = \"{name}\""),
        };
        report.error(at, format!("no interface is named `{name}`"), Some(help));
    }

    fn interfaces(&self, report: &mut Report<'_>) {
        for (nth, interface, place) in self.each_interface() {
            let mut earlier = self.config.interfaces.iter().take(nth);
            if earlier.clone().any(|other| other.name == interface.name) {
                let message = format!("interface `{}` is defined twice", interface.name);
                report.error(&place.name, message, Some("give each its own name".into()));
            }
            if earlier.clone().any(|other| other.kind == interface.kind) {
                let message = "another interface already has this device";
                report.error(
                    &place.carrier,
                    message,
                    Some("name another, or leave one out".into()),
                );
            }
            let twin = interface.twin.as_ref();
            if twin.is_some() && earlier.any(|other| other.twin.as_ref() == twin) {
                let help = Some("give each twin its own name".into());
                report.error(&place.twin, "another interface already has this twin", help);
            }
            self.addresses(nth, interface, place, report);
            self.carrier(nth, interface, place, report);
            let v6 = interface.address.iter().any(|net| net.addr().is_ipv6());
            if let (true, Some(mtu @ ..1280)) = (v6, interface.mtu) {
                let message = format!("MTU {mtu} is too small for IPv6");
                report.error(&place.mtu, message, Some("write 1280 or more (RFC 8200)".into()));
            }
        }
    }

    fn addresses(
        &self,
        nth: usize,
        interface: &Interface,
        place: &InterfacePlace,
        report: &mut Report<'_>,
    ) {
        for (index, (net, at)) in interface.address.iter().zip(&place.address).enumerate() {
            let own = interface.address.iter().take(index);
            let others = self.config.interfaces.iter().take(nth);
            // A link-local address may recur: it belongs to one link only.
            let link_local = matches!(net.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local());
            let mut others = others.filter(|_| !link_local).flat_map(|other| &other.address);
            if own.clone().any(|other| other.addr() == net.addr())
                || others.any(|other| other.addr() == net.addr())
            {
                let help = Some("an address belongs to one interface; leave one out".into());
                report.error(at, format!("address {} is given twice", net.addr()), help);
            }
        }
    }

    fn carrier(
        &self,
        nth: usize,
        interface: &Interface,
        place: &InterfacePlace,
        report: &mut Report<'_>,
    ) {
        match &interface.kind {
            InterfaceKind::Device(_) => {}
            InterfaceKind::Vlan { parent, .. } => {
                self.known(parent, &place.carrier, report);
                if self.is_below_itself(&interface.name) {
                    let message = format!("VLAN `{}` is its own parent", interface.name);
                    let help = Some("name the interface that carries its frames".into());
                    report.error(&place.carrier, message, help);
                }
                let below = self.config.interfaces.iter().find(|other| other.name == *parent);
                let parent_mtu = below.and_then(|below| below.mtu);
                if let (Some(own), Some(parent_mtu)) = (interface.mtu, parent_mtu)
                    && own > parent_mtu
                {
                    let message = format!("MTU {own} is more than the parent's {parent_mtu}");
                    report.error(&place.mtu, message, Some(format!("write {parent_mtu} or less")));
                }
            }
            InterfaceKind::Bridge { ports } => {
                self.bridge_ports(nth, interface, ports, place, report);
            }
        }
    }

    fn bridge_ports(
        &self,
        nth: usize,
        interface: &Interface,
        ports: &[String],
        place: &InterfacePlace,
        report: &mut Report<'_>,
    ) {
        for (index, port) in ports.iter().enumerate() {
            self.known(port, &place.carrier, report);
            let mut others = self.config.interfaces.iter().take(nth);
            let taken = others.any(|other| {
                matches!(&other.kind, InterfaceKind::Bridge { ports } if ports.contains(port))
            });
            if taken || ports.iter().take(index).any(|other| other == port) {
                let help = Some("a port belongs to one bridge, once".into());
                report.error(&place.carrier, format!("port `{port}` is already in a bridge"), help);
            }
            if *port == interface.name {
                let message = format!("bridge `{port}` is its own port");
                report.error(&place.carrier, message, Some("name other interfaces".into()));
            } else if let Some(below) = self.config.interfaces.iter().find(|i| i.name == *port) {
                self.bridge_port(below, interface, place, report);
            }
        }
        if ports.is_empty() {
            let help = Some("write `ports = [\"eth1\", \"eth2\"]`".into());
            report.error(&place.carrier, "a bridge has at least one port", help);
        }
    }

    /// A port has a device, and no addresses: they are the bridge's.
    fn bridge_port(
        &self,
        port: &Interface,
        bridge: &Interface,
        place: &InterfacePlace,
        report: &mut Report<'_>,
    ) {
        let name = &port.name;
        match port.kind {
            InterfaceKind::Device(_) => {}
            InterfaceKind::Vlan { .. } | InterfaceKind::Bridge { .. } => {
                let message = format!("port `{name}` has no device of its own");
                let help = Some("name interfaces with `device = …` as ports".into());
                report.error(&place.carrier, message, help);
            }
        }
        if !port.address.is_empty() {
            let message = format!("port `{name}` has an address");
            let help = Some(format!(
                "give it to the bridge `{}`, and leave the port without",
                bridge.name
            ));
            report.error(&place.carrier, message, help);
        }
    }

    fn is_below_itself(&self, name: &str) -> bool {
        let mut at = name;
        for _ in &self.config.interfaces {
            let below = self.config.interfaces.iter().find(|interface| interface.name == at);
            match below.map(|interface| &interface.kind) {
                Some(InterfaceKind::Vlan { parent, .. }) if parent == name => return true,
                Some(InterfaceKind::Vlan { parent, .. }) => at = parent,
                Some(InterfaceKind::Device(_) | InterfaceKind::Bridge { .. }) | None => {
                    return false;
                }
            }
        }
        false
    }

    fn routes(&self, report: &mut Report<'_>) {
        let mut seen = HashSet::new();
        // There may be a hundred thousand.
        let by_link = |route: &&Route| route.via.is_none() && route.interface.is_some();
        let links: Vec<&Route> = self.config.routes.iter().filter(by_link).collect();
        for (route, place) in self.config.routes.iter().zip(&self.places.routes) {
            if let Some(interface) = &route.interface {
                self.known(interface, &place.interface, report);
            }
            let unreachable = route.via.is_none() && route.interface.is_none();
            if route.kind == RouteKind::Unicast && unreachable {
                let help = "add `via`, `interface` or a type such as `type = \"blackhole\"`";
                report.error(&place.whole, "the route leads nowhere", Some(help.into()));
            }
            if route.kind != RouteKind::Unicast && !unreachable {
                let message = format!("a {} route has no next hop", route.kind.as_str());
                report.error(&place.whole, message, Some("leave out `via` and `interface`".into()));
            }
            self.next_hop(route, place, &links, report);
            if !seen.insert((route.to, route.table.unwrap_or(254), route.metric.unwrap_or(0))) {
                let help = "give one of them another `metric` or `table`, or leave it out";
                report.error(
                    &place.whole,
                    format!("route to {} is given twice", route.to),
                    Some(help.into()),
                );
            }
        }
    }

    fn next_hop(
        &self,
        route: &Route,
        place: &super::parse::RoutePlace,
        links: &[&Route],
        report: &mut Report<'_>,
    ) {
        let v4 = route.to.addr().is_ipv4();
        for (address, at) in [(route.via, &place.via), (route.source, &place.source)] {
            if let Some(address) = address.filter(|address| address.is_ipv4() != v4) {
                let message = format!("{address} and {} are of different families", route.to);
                report.error(at, message, Some("write both in IPv4 or both in IPv6".into()));
                return;
            }
        }
        let Some(via) = route.via.filter(|_| !self.places.interfaces_incomplete) else { return };
        if self.config.interfaces.iter().any(|i| i.address.iter().any(|net| net.addr() == via)) {
            let help = Some("name the neighbouring router's address".into());
            report.error(&place.via, format!("next hop {via} is the gateway itself"), help);
            return;
        }
        if matches!(via, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            if route.interface.is_none() {
                let help = Some("add `interface`".into());
                report.error(&place.via, format!("link-local {via} is on every link"), help);
            }
            return;
        }
        if !self.is_connected(via, route.interface.as_deref(), links) {
            let on =
                route.interface.as_ref().map_or_else(String::new, |name| format!(" of `{name}`"));
            let message = format!("next hop {via} is on no connected subnet{on}");
            let help =
                "give an interface an address in its subnet, or add a route to it with `interface`";
            report.error(&place.via, message, Some(help.into()));
        }
    }

    /// Whether an interface's subnet, or a route by interface alone, leads to the address.
    fn is_connected(&self, via: IpAddr, on: Option<&str>, links: &[&Route]) -> bool {
        let wanted = |name: &str| on.is_none_or(|on| on == name);
        let subnets = self.config.interfaces.iter().filter(|i| wanted(&i.name));
        let mut links = links.iter().filter(|route| route.interface.as_deref().is_some_and(wanted));
        subnets.flat_map(|i| &i.address).any(|net| net.contains(&via))
            || links.any(|route| route.to.contains(&via))
    }

    fn neighbours(&self, report: &mut Report<'_>) {
        let entries = &self.config.neighbours;
        let mut seen = HashSet::new();
        for (entry, place) in entries.iter().zip(&self.places.neighbours) {
            self.known(&entry.interface, &place.interface, report);
            if !seen.insert((entry.address, &entry.interface)) {
                let message = format!("neighbour {} is given twice", entry.address);
                report.error(&place.address, message, Some("leave one out".into()));
            }
            if entry.address.is_multicast() || entry.address.is_unspecified() {
                let message = format!("{} is no neighbour's address", entry.address);
                report.error(&place.address, message, Some("write a unicast address".into()));
            }
        }
    }

    fn sysctls(&self, report: &mut Report<'_>) {
        for (name, at) in &self.places.sysctl {
            if !name.starts_with("net.") {
                let help = "Sluice has the kernel's `net.` settings only; leave it out";
                report.error(at, format!("`{name}` means nothing here"), Some(help.into()));
                continue;
            }
            if let Some(interface) = interface_of(name) {
                self.known(interface, at, report);
            }
            let Some(known) = sysctl::lookup(name) else {
                self.misspelt(name, at, report);
                continue;
            };
            let (min, max) = (known.min, known.max);
            let wrong = match self.config.sysctl.set.get(name) {
                Some(SysctlValue::Integer(value)) if (min..=max).contains(value) => continue,
                Some(SysctlValue::Integer(value)) => value.to_string(),
                Some(SysctlValue::Text(text)) => text.clone(),
                None => continue,
            };
            let help = Some(format!("write a number from {min} to {max}"));
            report.error(at, format!("`{wrong}` is no value for {name}"), help);
        }
    }

    /// Settings that Sluice does not have are accepted, those that look like a slip are not.
    fn misspelt(&self, name: &str, at: &super::reader::Span, report: &mut Report<'_>) {
        if name.contains(".conf.") {
            return; // arp_filter is one letter from rp_filter
        }
        let mut names = sysctl::KNOWN.iter().map(|known| known.name);
        // A name may be megabytes long.
        let near = names.find(|known| {
            name.chars().count().abs_diff(known.len()) <= 2
                && crate::diagnostic::distance(name, known) <= 2
        });
        if let Some(near) = near {
            let help = Some(format!("did you mean `{near}`?"));
            report.error(at, format!("unknown setting `{name}`"), help);
        }
    }
}

/// The interface in `net.ipv4.conf.INTERFACE.SETTING`.
fn interface_of(name: &str) -> Option<&str> {
    let rest =
        name.strip_prefix("net.ipv4.conf.").or_else(|| name.strip_prefix("net.ipv6.conf."))?;
    let (interface, _) = rest.rsplit_once('.')?;
    (!["all", "default", "lo"].contains(&interface)).then_some(interface)
}
