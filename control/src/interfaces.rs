//! Interfaces: what the configuration asks for, on the ports that were opened. A bridge has no port of its own, but a
//! number behind theirs.

use ipnet::IpNet;
use sluice_config::gateway::{Config, Interface as Asked, InterfaceKind};
use sluice_config::sysctl::RpFilter;
use sluice_dataplane::address::{Mac, V4, V6};
use sluice_dataplane::bridge::{self, Bridge, Fdb};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use sluice_dataplane::rules::matches::Kept;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv6Addr;
use std::sync::Arc;

/// A port that carries an interface, opened by the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPort {
    /// Name of the interface the port belongs to.
    pub interface: String,
    /// Index in the workers' port lists.
    pub port: u16,
    /// MAC in use.
    pub mac: Mac,
    /// MTU in use.
    pub mtu: u16,
    /// Whether peers may leave checksums incomplete.
    pub software_peer: bool,
}

/// A twin in the host's stack, opened by the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTwin {
    /// Name of the interface it is the twin of.
    pub interface: String,
    /// Index in the workers' port lists.
    pub port: u16,
}

/// Everything the gateway opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenPorts {
    /// Ports.
    pub ports: Vec<OpenPort>,
    /// Twins.
    pub twins: Vec<OpenTwin>,
}

/// Lays the configuration's interfaces over the open ports, keeping the ids of `before`, and who was
/// [set down](crate::controller::Controller::set_link).
///
/// # Errors
/// Names an interface that has no open port: devices are opened at start only.
pub fn build(config: &Config, open: &OpenPorts, before: &Interfaces) -> Result<Interfaces, String> {
    let is_bridge = |asked: &&Asked| matches!(asked.kind, InterfaceKind::Bridge { .. });
    if config.interfaces.iter().filter(is_bridge).count() > bridge::MOST {
        return Err(format!("there are more than {} bridges; leave some out", bridge::MOST));
    }
    let mut list: Vec<Option<Interface>> = before.iter().map(|(_, _)| None).collect();
    list.resize(before.iter().map(|(id, _)| id.index() + 1).max().unwrap_or_default(), None);
    for asked in &config.interfaces {
        let mut interface = one(config, asked, open)?;
        if let Some((_, before)) = before.named(&asked.name) {
            (interface.up, interface.groups) = (before.up, before.groups.clone());
        }
        match before.named(&asked.name).and_then(|(id, _)| list.get_mut(id.index())) {
            Some(slot) => *slot = Some(interface),
            None => list.push(Some(interface)),
        }
    }
    let interfaces = Interfaces::new(list);
    let bridges = bridges(config, &interfaces, before);
    Ok(interfaces.with_bridges(bridges))
}

/// The bridges and what they consist of, with what those of the same name have learned before.
fn bridges(config: &Config, interfaces: &Interfaces, before: &Interfaces) -> Vec<Bridge> {
    let asked = config.interfaces.iter().filter_map(|asked| match &asked.kind {
        InterfaceKind::Bridge { ports } => Some((interfaces.named(&asked.name)?.0, ports)),
        InterfaceKind::Device(_) | InterfaceKind::Vlan { .. } => None,
    });
    let bridge = |(id, ports): (InterfaceId, &Vec<String>)| Bridge {
        id,
        ports: ports.iter().filter_map(|port| Some(interfaces.named(port)?.0)).collect(),
        call_iptables: config.sysctl.bridge_call_iptables(),
        call_ip6tables: config.sysctl.bridge_call_ip6tables(),
        fdb: before.bridge(id).map_or_else(
            || Kept(Arc::new(Fdb::new(RandomState::new().hash_one(id)))),
            |before| before.fdb.clone(),
        ),
    };
    asked.map(bridge).collect()
}

/// What carries an interface: a port that was opened, or a bridge over some.
fn carrier(config: &Config, name: &str, open: &OpenPorts) -> Option<OpenPort> {
    let mut bridges = config.interfaces.iter().filter_map(|asked| match &asked.kind {
        InterfaceKind::Bridge { ports } => Some((asked, ports)),
        InterfaceKind::Device(_) | InterfaceKind::Vlan { .. } => None,
    });
    let opened = |name: &str| open.ports.iter().find(|port| port.interface == *name);
    let Some(number) = bridges.clone().position(|(asked, _)| asked.name == name) else {
        return opened(name).cloned();
    };
    let (asked, ports) = bridges.nth(number)?;
    let ports = ports.iter().map(|port| opened(port)).collect::<Option<Vec<_>>>()?;
    let real = open.ports.len() + open.twins.len();
    Some(OpenPort {
        interface: name.to_owned(),
        port: u16::try_from(real + number).ok()?,
        // As the kernel chooses (br_stp_recalculate_bridge_id, br_mtu_auto_adjust).
        mac: match asked.mac {
            Some(mac) => Mac(mac.0),
            None => ports.iter().map(|port| port.mac).min_by_key(|mac| mac.0)?,
        },
        mtu: ports.iter().map(|port| port.mtu).min()?,
        software_peer: ports.iter().any(|port| port.software_peer),
    })
}

/// The MAC an interface will have; none where its device is not open.
#[must_use]
pub fn mac(config: &Config, asked: &Asked, open: &OpenPorts) -> Option<Mac> {
    let own = asked.mac.map(|mac| Mac(mac.0));
    own.or_else(|| carrier(config, below(asked), open).map(|port| port.mac))
}

/// The interface that carries another's frames: its own, or a VLAN's parent.
fn below(asked: &Asked) -> &str {
    match &asked.kind {
        InterfaceKind::Device(_) | InterfaceKind::Bridge { .. } => &asked.name,
        InterfaceKind::Vlan { parent, .. } => parent,
    }
}

fn one(config: &Config, asked: &Asked, open: &OpenPorts) -> Result<Interface, String> {
    let vlan = match &asked.kind {
        InterfaceKind::Device(_) | InterfaceKind::Bridge { .. } => None,
        InterfaceKind::Vlan { id, .. } => Some(*id),
    };
    let Some(port) = carrier(config, below(asked), open) else {
        return Err(format!(
            "interface {}: its device is not open; devices are opened at start, so restart sluice",
            asked.name
        ));
    };
    let mac = asked.mac.map_or(port.mac, |mac| Mac(mac.0));
    let sysctl = &config.sysctl;
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for net in &asked.address {
        match net {
            IpNet::V4(net) => v4.push((V4(net.addr().octets()), net.prefix_len())),
            IpNet::V6(net) => v6.push((V6(net.addr().octets()), net.prefix_len())),
        }
    }
    if !v6.is_empty() && sysctl.has_link_local(&asked.name) {
        v6.push((V6(link_local(mac).octets()), 64));
    }
    Ok(Interface {
        name: asked.name.clone(),
        port: port.port,
        twin: open.twins.iter().find(|twin| twin.interface == asked.name).map(|twin| twin.port),
        vlan,
        mac,
        mtu: asked.mtu.unwrap_or(port.mtu),
        up: true,
        v4,
        v6,
        reverse_path: match sysctl.rp_filter(&asked.name) {
            RpFilter::Off => ReversePathFilter::Off,
            RpFilter::Strict => ReversePathFilter::Strict,
            RpFilter::Loose => ReversePathFilter::Loose,
        },
        send_redirects: sysctl.send_redirects(&asked.name),
        shared_media: sysctl.shared_media(&asked.name),
        software_peer: port.software_peer,
        groups: Arc::default(),
    })
}

/// The link-local address made from a MAC: RFC 4291 appendix A.
fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f))
}
