//! An IPv6 packet in the kernel's words (`dump_ipv6_packet`).

use super::v4::{field, transport};
use sluice_dataplane::rules::report::LineOptions;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

/// An address with every digit, as the kernel's `%pI6` writes it.
fn digits(address: Ipv6Addr) -> String {
    let groups: Vec<String> =
        address.segments().iter().map(|group| format!("{group:04x}")).collect();
    groups.join(":")
}

/// Appends what is known of a packet; one quoted by an ICMP error follows in brackets.
pub(super) fn packet(out: &mut String, options: LineOptions, bytes: &[u8], outermost: bool) {
    let Some(header) = bytes.get(..40) else {
        out.push_str("TRUNCATED");
        return;
    };
    let address = |at| field::<16>(header, at).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from);
    let first = field(header, 0).map_or(0, u32::from_be_bytes);
    let payload = field(header, 4).map_or(0, u16::from_be_bytes);
    let _ = write!(
        out,
        "SRC={} DST={} LEN={} TC={} HOPLIMIT={} FLOWLBL={} ",
        digits(address(8)),
        digits(address(24)),
        u32::from(payload) + 40,
        first >> 20 & 0xff,
        header[7],
        first & 0x000f_ffff,
    );
    let (mut next, mut at, mut later_fragment) = (header[6], 40, false);
    while matches!(next, 0 | 43 | 44 | 51 | 60) {
        let Some(own) = bytes.get(at..at + 8) else {
            out.push_str("TRUNCATED ");
            return;
        };
        let length = match next {
            44 => {
                out.push_str(if options.ip_options { "OPT ( " } else { "" });
                later_fragment |= fragment(out, own);
                8
            }
            51 => (usize::from(own[1]) + 2) * 4,
            _ => (usize::from(own[1]) + 1) * 8,
        };
        if options.ip_options {
            out.push_str(if next == 44 { ") " } else { "OPT ( ) " });
        }
        (next, at) = (own[0], at + length);
        if later_fragment {
            break;
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    match next {
        58 => icmp(out, options, rest, later_fragment, outermost),
        number => transport(out, options, number, rest, later_fragment),
    }
}

/// Whether it is a later fragment.
fn fragment(out: &mut String, header: &[u8]) -> bool {
    let word = field(header, 2).map_or(0, u16::from_be_bytes);
    let _ = write!(out, "FRAG:{} ", word & 0xfff8);
    if word & 1 != 0 {
        out.push_str("INCOMPLETE ");
    }
    let _ = write!(out, "ID:{:08x} ", field(header, 4).map_or(0, u32::from_be_bytes));
    word & 0xfff8 != 0
}

fn icmp(
    out: &mut String,
    options: LineOptions,
    payload: &[u8],
    later_fragment: bool,
    outermost: bool,
) {
    out.push_str("PROTO=ICMPv6 ");
    if later_fragment {
        return;
    }
    let Some(header) = payload.get(..8) else {
        let _ = write!(out, "INCOMPLETE [{} bytes] ", payload.len());
        return;
    };
    let word = field(header, 4).map_or(0, u32::from_be_bytes);
    let _ = write!(out, "TYPE={} CODE={} ", header[0], header[1]);
    match header[0] {
        128 | 129 => drop(write!(out, "ID={} SEQ={} ", word >> 16, word & 0xffff)),
        1..=4 => {
            if header[0] == 4 {
                let _ = write!(out, "POINTER={word:08x} ");
            }
            if outermost {
                out.push('[');
                packet(out, options, payload.get(8..).unwrap_or_default(), false);
                out.push_str("] ");
            }
            if header[0] == 2 {
                let _ = write!(out, "MTU={word} ");
            }
        }
        _ => {}
    }
}
