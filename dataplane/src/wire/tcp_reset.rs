//! REJECT --reject-with tcp-reset: kernel `nf_reject_ip_tcphdr_put`, RFC 9293 section 3.10.7.1.

use super::layer4::{Layer4, Layer4Kind, layer4};
use super::parse::Headers;
use super::{checksum, protocol, put};
use crate::address::{IpVersion, V4, V6};
use crate::packet::Packet;

const ACK: u8 = 0x10;
const RST: u8 = 0x04;

/// Writes the reset that answers `about`, behind room for an Ethernet header. False for a reset, a
/// fragment, a wrong checksum, or anything but TCP: those are not answered.
pub fn build_reset<P: Packet>(out: &mut P, about: &[u8], headers: &Headers) -> bool {
    headers.fragment.is_none()
        && checksum::l4_state(about, headers) == checksum::L4ChecksumState::Good
        && write_reset(out, about, headers, &layer4(about, headers))
}

/// As [`build_reset`], about a datagram found whole, of which `about` is the first fragment perhaps.
pub fn write_reset<P: Packet>(
    out: &mut P,
    about: &[u8],
    headers: &Headers,
    asked: &Layer4,
) -> bool {
    const ETHERNET: usize = 14;
    let Layer4Kind::Tcp(tcp) = asked.kind else { return false };
    if tcp.flags & RST != 0 {
        return false;
    }
    let header_size = match headers.version {
        IpVersion::V4 => 20,
        IpVersion::V6 => 40,
    };
    if !out.append(ETHERNET + header_size + 20) {
        return false;
    }
    let data = out.data_mut();
    data.fill(0);
    let l4 = ETHERNET + header_size;
    match headers.version {
        IpVersion::V4 => {
            super::ethernet::write_header(
                data,
                Default::default(),
                Default::default(),
                None,
                0x0800,
            );
            put(data, ETHERNET, &[0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, protocol::TCP]);
            put(data, ETHERNET + 12, &headers.destination::<V4>(about).0);
            put(data, ETHERNET + 16, &headers.source::<V4>(about).0);
            let sum = data.get(ETHERNET..l4).map_or(0, checksum::ipv4_header);
            put(data, ETHERNET + 10, &sum.to_be_bytes());
        }
        IpVersion::V6 => {
            super::ethernet::write_header(
                data,
                Default::default(),
                Default::default(),
                None,
                0x86dd,
            );
            put(data, ETHERNET, &[0x60, 0, 0, 0, 0, 20, protocol::TCP, 64]);
            put(data, ETHERNET + 8, &headers.destination::<V6>(about).0);
            put(data, ETHERNET + 24, &headers.source::<V6>(about).0);
        }
    }
    put(data, l4, &asked.destination_port.wire());
    put(data, l4 + 2, &asked.source_port.wire());
    let (seq, ack, flags) = if tcp.flags & ACK != 0 {
        (tcp.ack, 0, RST)
    } else {
        let syn_fin = u32::from(tcp.flags >> 1 & 1) + u32::from(tcp.flags & 1);
        let next = tcp.seq.wrapping_add(syn_fin).wrapping_add(u32::from(tcp.payload_len));
        (0, next, RST | ACK)
    };
    put(data, l4 + 4, &seq.to_be_bytes());
    put(data, l4 + 8, &ack.to_be_bytes());
    put(data, l4 + 12, &[5 << 4, flags]);
    let built = Headers {
        l3: ETHERNET as u16,
        l4: l4 as u16,
        end: (l4 + 20) as u16,
        protocol: protocol::TCP,
        ttl: 64,
        tos: 0,
        fragment: None,
        options: false,
        authenticated: false,
        version: headers.version,
    };
    checksum::complete_l4(data, &built);
    true
}
