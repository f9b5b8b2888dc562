//! An IPv4 packet in the kernel's words (`dump_ipv4_packet`), and the transport headers of both families.

use super::line::Outer;
use sluice_dataplane::rules::report::LineOptions;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// Reads big-endian fields of a header that may be cut short.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied()
}

fn field16(bytes: &[u8], at: usize) -> u16 {
    field(bytes, at).map_or(0, u16::from_be_bytes)
}

fn field32(bytes: &[u8], at: usize) -> u32 {
    field(bytes, at).map_or(0, u32::from_be_bytes)
}

/// Appends what is known of a packet. The packet quoted by an ICMP error, for which `outer` is none, follows in brackets,
/// that quoted by the quoted one does not. None where the kernel breaks off: then it does not tell the mark either.
pub(super) fn packet(
    out: &mut String,
    options: LineOptions,
    bytes: &[u8],
    outer: Option<Outer>,
) -> Option<()> {
    let Some(header) = bytes.get(..20) else {
        out.push_str("TRUNCATED");
        return None;
    };
    let address = |at| field::<4>(header, at).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
    let (tos, mut fragment) = (header[1], field16(header, 6));
    if outer.is_some_and(|outer| outer.whole) {
        fragment &= !0x2000;
    }
    let _ = write!(
        out,
        "SRC={} DST={} LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={} ID={} ",
        address(12),
        address(16),
        outer.map_or(field16(header, 2), |outer| outer.length as u16),
        tos & 0x1e,
        tos & 0xe0,
        header[8],
        field16(header, 4),
    );
    for (bit, name) in [(0x8000, "CE "), (0x4000, "DF "), (0x2000, "MF ")] {
        if fragment & bit != 0 {
            out.push_str(name);
        }
    }
    let offset = fragment & 0x1fff;
    if offset != 0 {
        let _ = write!(out, "FRAG:{offset} ");
    }
    let l4 = usize::from(header[0] & 0xf) * 4;
    if options.ip_options && l4 > 20 {
        let Some(bytes) = bytes.get(20..l4) else {
            out.push_str("TRUNCATED");
            return None;
        };
        raw_options(out, bytes);
    }
    let payload = bytes.get(l4..).unwrap_or_default();
    match header[9] {
        1 => icmp(out, options, payload, offset != 0, outer.is_some()),
        51 if offset != 0 => {}
        51 => security(out, "AH", payload.get(..12), 4, payload.len()),
        50 if offset != 0 => out.push_str("PROTO=ESP "),
        50 => security(out, "ESP", payload.get(..8), 0, payload.len()),
        number => transport(out, options, number, payload, offset != 0)?,
    }
    Some(())
}

fn raw_options(out: &mut String, bytes: &[u8]) {
    out.push_str("OPT (");
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
    out.push_str(") ");
}

/// TCP, UDP and all that have a number only; none as [`packet`].
pub(super) fn transport(
    out: &mut String,
    options: LineOptions,
    number: u8,
    payload: &[u8],
    later_fragment: bool,
) -> Option<()> {
    match number {
        6 => tcp(out, options, payload, later_fragment),
        17 => udp(out, "UDP", payload, later_fragment),
        136 => udp(out, "UDPLITE", payload, later_fragment),
        _ => {
            let _ = write!(out, "PROTO={number} ");
            Some(())
        }
    }
}

pub(super) fn incomplete(out: &mut String, have: usize) {
    let _ = write!(out, "INCOMPLETE [{have} bytes] ");
}

fn tcp(out: &mut String, options: LineOptions, payload: &[u8], later_fragment: bool) -> Option<()> {
    out.push_str("PROTO=TCP ");
    if later_fragment {
        return Some(());
    }
    let Some(header) = payload.get(..20) else {
        incomplete(out, payload.len());
        return None;
    };
    let _ = write!(out, "SPT={} DPT={} ", field16(header, 0), field16(header, 2));
    if options.tcp_sequence {
        let _ = write!(out, "SEQ={} ACK={} ", field32(header, 4), field32(header, 8));
    }
    let reserved = (header[12] & 0x0e) << 2;
    let _ = write!(out, "WINDOW={} RES=0x{reserved:02x} ", field16(header, 14));
    // RFC 9768 made a flag of the last reserved bit.
    if header[12] & 1 != 0 {
        out.push_str("AE ");
    }
    for (bit, name) in [
        (0x80, "CWR "),
        (0x40, "ECE "),
        (0x20, "URG "),
        (0x10, "ACK "),
        (0x08, "PSH "),
        (0x04, "RST "),
        (0x02, "SYN "),
        (0x01, "FIN "),
    ] {
        if header[13] & bit != 0 {
            out.push_str(name);
        }
    }
    let _ = write!(out, "URGP={} ", field16(header, 18));
    let end = usize::from(header[12] >> 4) * 4;
    if options.tcp_options && end > 20 {
        let Some(bytes) = payload.get(20..end) else {
            out.push_str("OPT (TRUNCATED)");
            return None;
        };
        raw_options(out, bytes);
    }
    Some(())
}

fn udp(out: &mut String, name: &str, payload: &[u8], later_fragment: bool) -> Option<()> {
    let _ = write!(out, "PROTO={name} ");
    if later_fragment {
        return Some(());
    }
    let Some(header) = payload.get(..8) else {
        incomplete(out, payload.len());
        return None;
    };
    let (source, destination) = (field16(header, 0), field16(header, 2));
    let _ = write!(out, "SPT={source} DPT={destination} LEN={} ", field16(header, 4));
    Some(())
}

fn security(out: &mut String, name: &str, header: Option<&[u8]>, at: usize, have: usize) {
    let _ = write!(out, "PROTO={name} ");
    match header {
        None => incomplete(out, have),
        Some(header) => drop(write!(out, "SPI={:#x} ", field32(header, at))),
    }
}

fn icmp(
    out: &mut String,
    options: LineOptions,
    payload: &[u8],
    later_fragment: bool,
    outermost: bool,
) {
    /// Bytes each type has at least, by the kernel's table; zero where any number will do.
    const LEAST: [usize; 19] = [4, 0, 0, 28, 28, 28, 0, 0, 4, 0, 0, 28, 28, 20, 20, 0, 0, 12, 12];
    out.push_str("PROTO=ICMP ");
    if later_fragment {
        return;
    }
    let Some(header) = payload.get(..8) else { return incomplete(out, payload.len()) };
    let (kind, code) = (header[0], header[1]);
    let _ = write!(out, "TYPE={kind} CODE={code} ");
    if LEAST.get(usize::from(kind)).is_some_and(|least| payload.len() < *least) {
        return incomplete(out, payload.len());
    }
    match kind {
        0 | 8 => drop(write!(out, "ID={} SEQ={} ", field16(header, 4), field16(header, 6))),
        12 => drop(write!(out, "PARAMETER={} ", header[4])),
        3 | 4 | 5 | 11 => {
            if kind == 5 {
                let gateway = field::<4>(header, 4).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
                let _ = write!(out, "GATEWAY={gateway} ");
            }
            if outermost {
                out.push('[');
                let _ = packet(out, options, payload.get(8..).unwrap_or_default(), None);
                out.push_str("] ");
            }
            if (kind, code) == (3, 4) {
                let _ = write!(out, "MTU={} ", field16(header, 6));
            }
        }
        _ => {}
    }
}
