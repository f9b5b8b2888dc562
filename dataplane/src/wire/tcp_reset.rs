//! REJECT --reject-with tcp-reset: kernel `nf_reject_ip_tcphdr_put`, RFC 9293 section 3.10.7.1.

use super::checksum;
use super::layer4::{Layer4, Layer4Kind, TcpFields, TcpOptions, layer4};
use super::parse::Headers;
use super::tcp_flags::{ACK, FIN, RST, SYN};
use super::tcp_segment::Segment;
use crate::address::{Address, IpVersion, V4, V6};
use crate::packet::Packet;

/// Writes the reset that answers `about`, behind room for an Ethernet header. False for a reset, a
/// fragment, a wrong checksum, or anything but TCP: those are not answered.
pub fn build_reset<P: Packet>(out: &mut P, about: &[u8], headers: &Headers) -> bool {
    headers.is_whole()
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
    let Layer4Kind::Tcp(tcp) = asked.kind else { return false };
    if tcp.flags & RST != 0 {
        return false;
    }
    match headers.version {
        IpVersion::V4 => reset::<V4>(about, headers, asked, tcp).write(out),
        IpVersion::V6 => reset::<V6>(about, headers, asked, tcp).write(out),
    }
}

fn reset<A: Address>(
    about: &[u8],
    headers: &Headers,
    asked: &Layer4,
    tcp: TcpFields,
) -> Segment<A> {
    let (seq, ack, flags) = if tcp.flags & ACK != 0 {
        (tcp.ack, 0, RST)
    } else {
        let syn_fin = u32::from(tcp.flags & SYN != 0) + u32::from(tcp.flags & FIN != 0);
        let next = tcp.seq.wrapping_add(syn_fin).wrapping_add(u32::from(tcp.payload_len));
        (0, next, RST | ACK)
    };
    Segment {
        source: (headers.destination(about), asked.destination_port),
        destination: (headers.source(about), asked.source_port),
        ttl: 64,
        seq,
        ack,
        flags,
        window: 0,
        options: TcpOptions::default(),
    }
}
