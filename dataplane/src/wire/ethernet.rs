//! The Ethernet header in front of an IP packet.

use super::parse::Headers;
use super::put;
use crate::address::{IpVersion, Mac};
use crate::packet::Packet;
use std::net::IpAddr;

/// Puts an Ethernet header, with a tag where `vlan` says so, in front of the IP packet, in the place of the
/// one it had, and cuts padding off. False when the headroom is too small.
pub fn write_ethernet<P: Packet>(
    packet: &mut P,
    headers: &Headers,
    destination: Mac,
    source: Mac,
    vlan: Option<u16>,
) -> bool {
    let padding = packet.data().len().saturating_sub(usize::from(headers.end));
    packet.trim_back(padding);
    let size = if vlan.is_some() { 18 } else { 14 };
    let l3 = usize::from(headers.l3);
    if l3 > size {
        packet.trim_front(l3 - size);
    } else if l3 < size && !packet.prepend(size - l3) {
        return false;
    }
    let ethertype = match headers.version {
        IpVersion::V4 => 0x0800_u16,
        IpVersion::V6 => 0x86dd,
    };
    write_header(packet.data_mut(), destination, source, vlan, ethertype);
    true
}

/// Writes an Ethernet header at the start of `data`.
pub fn write_header(
    data: &mut [u8],
    destination: Mac,
    source: Mac,
    vlan: Option<u16>,
    ethertype: u16,
) {
    put(data, 0, &destination.0);
    put(data, 6, &source.0);
    match vlan {
        None => put(data, 12, &ethertype.to_be_bytes()),
        Some(id) => {
            put(data, 12, &0x8100_u16.to_be_bytes());
            put(data, 14, &id.to_be_bytes());
            put(data, 16, &ethertype.to_be_bytes());
        }
    }
}

/// The group MAC of a multicast address: RFC 1112 section 6.4, RFC 2464 section 7.
#[must_use]
pub fn multicast_mac(address: IpAddr) -> Mac {
    match address {
        IpAddr::V4(v4) => {
            let [_, b, c, d] = v4.octets();
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            Mac([0x33, 0x33, octets[12], octets[13], octets[14], octets[15]])
        }
    }
}
