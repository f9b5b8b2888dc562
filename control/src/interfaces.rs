//! Interfaces: what the configuration asks for, on the ports that were opened.

use ipnet::IpNet;
use sluice_config::gateway::{Config, Interface as Asked, InterfaceKind};
use sluice_config::sysctl::RpFilter;
use sluice_dataplane::address::{Mac, V4, V6};
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use std::net::Ipv6Addr;

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
    let mut list: Vec<Option<Interface>> = before.iter().map(|(_, _)| None).collect();
    list.resize(before.iter().map(|(id, _)| id.index() + 1).max().unwrap_or_default(), None);
    for asked in &config.interfaces {
        let mut interface = one(config, asked, open)?;
        interface.up = before.named(&asked.name).is_none_or(|(_, before)| before.up);
        match before.named(&asked.name).and_then(|(id, _)| list.get_mut(id.index())) {
            Some(slot) => *slot = Some(interface),
            None => list.push(Some(interface)),
        }
    }
    Ok(Interfaces::new(list))
}

fn one(config: &Config, asked: &Asked, open: &OpenPorts) -> Result<Interface, String> {
    let (carrier, vlan) = match &asked.kind {
        InterfaceKind::Device(_) => (&asked.name, None),
        InterfaceKind::Vlan { parent, id } => (parent, Some(*id)),
        InterfaceKind::Bridge { .. } => {
            return Err(format!(
                "interface {}: bridges are not supported yet; give each port an address of its own",
                asked.name
            ));
        }
    };
    let Some(port) = open.ports.iter().find(|port| port.interface == *carrier) else {
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
    if !v6.is_empty() {
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
        software_peer: port.software_peer,
    })
}

/// The link-local address made from a MAC: RFC 4291 appendix A.
fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let pair = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(0xfe80, 0, 0, 0, pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f))
}
