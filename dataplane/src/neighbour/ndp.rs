//! Neighbour discovery for IPv6 over Ethernet: RFC 4861 section 7, RFC 4862 for probes.
//!
//! ```text
//!   0      1   2          4                8        24
//!   | type | 0 | checksum | R S O, 29 zero | target | options: type, length in 8 bytes, … |
//! ```

use std::net::IpAddr;

use crate::address::{Address, Mac, V6};
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::wire::checksum::{self, L4ChecksumState};
use crate::wire::ethernet::{multicast_mac, write_header};
use crate::wire::parse::{Headers, parse_ip};
use crate::wire::{protocol, put};

use super::state::{Event, Kind};

mod redirect;

pub use redirect::Redirect;

const ETHERTYPE: u16 = 0x86dd;
const IPV6: usize = 40;
/// A message without options.
const MESSAGE: usize = 24;
/// A link-layer address option.
const OPTION: usize = 8;
/// Proof that no router was passed.
const HOP_LIMIT: u8 = 255;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK: u8 = 1;
const TARGET_LINK: u8 = 2;
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// ff02::1.
pub const ALL_NODES: V6 = V6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// The group in which a host listens for solicitations of its address: RFC 4291 section 2.7.1.
#[must_use]
pub const fn solicited_node(address: V6) -> V6 {
    let [.., a, b, c] = address.0;
    V6([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// Whether an IPv6 packet is one of neighbour discovery's: those must not be forwarded or tracked.
#[must_use]
pub fn is_discovery(data: &[u8], headers: &Headers) -> bool {
    headers.protocol == protocol::ICMPV6
        && headers.fragment.is_none()
        && matches!(headers.payload(data).first(), Some(133..=137))
}

/// A neighbour solicitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solicitation {
    /// Who asks; unspecified when it only asks whether the target is taken.
    pub source: V6,
    /// Where it was sent: the solicited-node group, or the target itself to verify it.
    pub destination: V6,
    /// The address asked for.
    pub target: V6,
    /// The MAC of who asks, if told.
    pub link: Option<Mac>,
}

/// A neighbour advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertisement {
    /// The address told of.
    pub target: V6,
    /// Its MAC, if told.
    pub link: Option<Mac>,
    /// R: it is a router.
    pub router: bool,
    /// S: it was asked for.
    pub solicited: bool,
    /// O: it may replace what is known.
    pub override_: bool,
}

/// A message of neighbour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Type 135.
    Solicitation(Solicitation),
    /// Type 136.
    Advertisement(Advertisement),
    /// Router solicitations and advertisements and redirects, which a router ignores here.
    Ignored,
}

impl Message {
    /// Reads and validates a packet for which [`is_discovery`]: RFC 4861 sections 7.1.1 and 7.1.2.
    ///
    /// # Errors
    /// When a check of these sections fails; such a message is dropped in silence.
    pub fn parse(data: &[u8], headers: &Headers) -> Result<Self, DropReason> {
        Self::read(data, headers).ok_or(DropReason::BadNeighbourDiscovery)
    }

    fn read(data: &[u8], headers: &Headers) -> Option<Self> {
        let message = headers.payload(data);
        let head: &[u8; MESSAGE] = match message.first()? {
            &(SOLICITATION | ADVERTISEMENT) => message.first_chunk()?,
            _ => return Some(Self::Ignored),
        };
        let [kind, code, _, _, flags, _, _, _, target @ ..] = *head;
        let target = V6(target);
        let checked = checksum::l4_state(data, headers) == L4ChecksumState::Good;
        if headers.ttl != HOP_LIMIT || code != 0 || !checked || is_multicast(target) {
            return None;
        }
        let (source, destination): (V6, V6) = (headers.source(data), headers.destination(data));
        let options = message.get(MESSAGE..)?;
        if kind == SOLICITATION {
            let link = link_option(options, SOURCE_LINK)?;
            let probes = source == V6::default();
            if probes && (link.is_some() || destination != solicited_node(target)) {
                return None;
            }
            return Some(Self::Solicitation(Solicitation { source, destination, target, link }));
        }
        let solicited = flags & SOLICITED != 0;
        if solicited && is_multicast(destination) {
            return None;
        }
        Some(Self::Advertisement(Advertisement {
            target,
            link: link_option(options, TARGET_LINK)?,
            router: flags & ROUTER != 0,
            solicited,
            override_: flags & OVERRIDE != 0,
        }))
    }
}

impl Solicitation {
    /// Whether it only asks whether the target is taken (duplicate address detection).
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.source == V6::default()
    }

    /// What it shows of who asks, if the target is ours; nothing for a probe.
    #[must_use]
    pub fn event(&self, interface: InterfaceId) -> Option<Event> {
        (!self.is_probe()).then(|| Event::Seen {
            interface,
            address: self.source.to_ip(),
            mac: self.link,
            kind: Kind::NeighbourSolicitation,
        })
    }
}

impl Advertisement {
    /// What it shows of its target.
    #[must_use]
    pub fn event(&self, interface: InterfaceId) -> Event {
        let Self { router, solicited, override_, .. } = *self;
        Event::Seen {
            interface,
            address: self.target.to_ip(),
            mac: self.link,
            kind: Kind::NeighbourAdvertisement { solicited, override_, router },
        }
    }
}

/// Makes `packet`, which held the solicitation, the advertisement that answers it: the target is at
/// `mac`. `asker` is the Ethernet source of the solicitation. The caller has checked that the target is
/// ours. False when the buffer is too small.
///
/// As the kernel does, an answer to a multicast solicitation carries the MAC and overrides, one to a
/// unicast solicitation only confirms; where the target is not the gateway's `own`, but one of all routers, none overrides
/// (RFC 4861 section 7.2.7).
pub fn answer<P: Packet>(
    packet: &mut P,
    solicitation: &Solicitation,
    vlan: Option<u16>,
    asker: Mac,
    mac: Mac,
    own: bool,
) -> bool {
    let Solicitation { source, destination, target, link } = *solicitation;
    let (to, to_mac, solicited) = if solicitation.is_probe() {
        (ALL_NODES, multicast_mac(ALL_NODES.to_ip()), 0)
    } else {
        (source, link.unwrap_or(asker), SOLICITED)
    };
    let tells = is_multicast(destination);
    let flags = ROUTER | solicited | if tells && own { OVERRIDE } else { 0 };
    let link = tells.then_some((TARGET_LINK, mac));
    let parts = Parts { kind: ADVERTISEMENT, flags, source: target, destination: to, target, link };
    parts.write(packet, vlan, mac, to_mac)
}

/// Writes a solicitation of `target` from an interface with this MAC and address, to its group or, to
/// verify a known neighbour, to its MAC. False when the buffer is too small.
pub fn solicit<P: Packet>(
    packet: &mut P,
    vlan: Option<u16>,
    (mac, source): (Mac, V6),
    target: V6,
    unicast_to: Option<Mac>,
) -> bool {
    let (destination, to_mac) = match unicast_to {
        Some(known) => (target, known),
        None => {
            let group = solicited_node(target);
            (group, multicast_mac(group.to_ip()))
        }
    };
    let link = (source != V6::default()).then_some((SOURCE_LINK, mac));
    let parts = Parts { kind: SOLICITATION, flags: 0, source, destination, target, link };
    parts.write(packet, vlan, mac, to_mac)
}

/// What a message is made of.
struct Parts {
    kind: u8,
    flags: u8,
    source: V6,
    destination: V6,
    target: V6,
    /// Option type and MAC.
    link: Option<(u8, Mac)>,
}

impl Parts {
    fn write<P: Packet>(&self, packet: &mut P, vlan: Option<u16>, from: Mac, to: Mac) -> bool {
        let l3 = if vlan.is_some() { 18 } else { 14 };
        let length = MESSAGE + if self.link.is_some() { OPTION } else { 0 };
        if !super::resize(packet, l3 + IPV6 + length) {
            return false;
        }
        let data = packet.data_mut();
        write_header(data, to, from, vlan, ETHERTYPE);
        put(data, l3, &[0x60, 0, 0, 0, 0, length as u8, protocol::ICMPV6, HOP_LIMIT]);
        put(data, l3 + 8, &self.source.0);
        put(data, l3 + 24, &self.destination.0);
        let l4 = l3 + IPV6;
        put(data, l4, &[self.kind, 0, 0, 0, self.flags, 0, 0, 0]);
        put(data, l4 + 8, &self.target.0);
        if let Some((option, mac)) = self.link {
            put(data, l4 + MESSAGE, &[option, 1]);
            put(data, l4 + MESSAGE + 2, &mac.0);
        }
        let Ok(headers) = parse_ip(data, l3, crate::address::IpVersion::V6) else { return false };
        checksum::complete_l4(data, &headers);
        true
    }
}

fn is_multicast(address: V6) -> bool {
    matches!(address.to_ip(), IpAddr::V6(v6) if v6.is_multicast())
}

/// The MAC in the first option of this type; the outer none for options that are malformed.
#[allow(clippy::option_option)]
fn link_option(mut options: &[u8], wanted: u8) -> Option<Option<Mac>> {
    let mut found = None;
    while let [kind, length, ..] = *options {
        let size = 8 * usize::from(length);
        let option = options.get(..size).filter(|_| size > 0)?;
        if kind == wanted && found.is_none() {
            let mac = Mac(*option.get(2..)?.first_chunk()?);
            if length != 1 || mac.is_multicast() {
                return None;
            }
            found = Some(mac);
        }
        options = options.get(size..)?;
    }
    options.is_empty().then_some(found)
}

#[cfg(test)]
mod tests;
