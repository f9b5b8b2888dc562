//! An IPv6 packet in the kernel's words (`dump_ipv6_packet`).

use super::line::Outer;
use super::v4::{field, incomplete, transport};
use sluice_dataplane::rules::report::LineOptions;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

/// An address with every digit, as the kernel's `%pI6` writes it.
fn digits(address: Ipv6Addr) -> String {
    let groups: Vec<String> =
        address.segments().iter().map(|group| format!("{group:04x}")).collect();
    groups.join(":")
}

/// Appends what is known of a packet; one quoted by an ICMP error, for which `outer` is none, follows in brackets. None where the kernel breaks off: then
/// it does not tell the mark either.
pub(super) fn packet(
    out: &mut String,
    options: LineOptions,
    bytes: &[u8],
    outer: Option<Outer>,
) -> Option<()> {
    let Some(header) = bytes.get(..40) else {
        out.push_str("TRUNCATED");
        return None;
    };
    let address = |at| field::<16>(header, at).map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from);
    let first = field(header, 0).map_or(0, u32::from_be_bytes);
    let payload = field(header, 4).map_or(0, u16::from_be_bytes);
    let whole = outer.filter(|outer| outer.whole);
    let _ = write!(
        out,
        "SRC={} DST={} LEN={} TC={} HOPLIMIT={} FLOWLBL={} ",
        digits(address(8)),
        digits(address(24)),
        whole.map_or(u32::from(payload) + 40, |outer| outer.length),
        first >> 20 & 0xff,
        header[7],
        first & 0x000f_ffff,
    );
    let (mut next, mut at, mut later_fragment) = (header[6], 40, false);
    while matches!(next, 0 | 43 | 44 | 50 | 51 | 60) {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(&[behind, size]) = rest.first_chunk() else {
            out.push_str("TRUNCATED");
            return None;
        };
        // The kernel has taken it away.
        if next == 44 && whole.is_some() {
            (next, at) = (behind, at + 8);
            continue;
        }
        if options.ip_options {
            out.push_str("OPT ( ");
        }
        at += extension(out, options, (next, size), rest, &mut later_fragment)?;
        if options.ip_options {
            out.push_str(") ");
        }
        next = behind;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    match next {
        58 => icmp(out, options, rest, later_fragment, outer.is_some()),
        number => transport(out, options, number, rest, later_fragment),
    }
}

/// What is told of an extension header, and its length. ESP is one, behind which nothing can be read.
fn extension(
    out: &mut String,
    options: LineOptions,
    (kind, size): (u8, u8),
    bytes: &[u8],
    later_fragment: &mut bool,
) -> Option<usize> {
    match kind {
        44 => {
            *later_fragment |= fragment(out, bytes)?;
            return Some(8);
        }
        50 | 51 if options.ip_options => security(out, kind, bytes, *later_fragment)?,
        50 => return None,
        51 => {}
        _ if *later_fragment => {
            out.push_str(if options.ip_options { ")" } else { "" });
            return None;
        }
        _ => return Some((usize::from(size) + 1) * 8),
    }
    Some((usize::from(size) + 2) * 4)
}

/// `ESP SPI=0x1 )` or `AH SPI=0x1 `.
fn security(out: &mut String, kind: u8, bytes: &[u8], later_fragment: bool) -> Option<()> {
    let (name, least, at) = if kind == 50 { ("ESP", 8, 0) } else { ("AH", 12, 4) };
    let _ = write!(out, "{name} ");
    if later_fragment {
        out.push(')');
        return None;
    }
    if bytes.len() < least {
        incomplete(out, bytes.len());
        out.push(')');
        return None;
    }
    let _ = write!(out, "SPI={:#x} ", field(bytes, at).map_or(0, u32::from_be_bytes));
    if kind == 50 {
        out.push(')');
        return None;
    }
    Some(())
}

/// Whether it is a later fragment.
fn fragment(out: &mut String, header: &[u8]) -> Option<bool> {
    out.push_str("FRAG:");
    let Some(header) = header.get(..8) else {
        out.push_str("TRUNCATED ");
        return None;
    };
    let word = field(header, 2).map_or(0, u16::from_be_bytes);
    let _ = write!(out, "{} ", word & 0xfff8);
    if word & 1 != 0 {
        out.push_str("INCOMPLETE ");
    }
    let _ = write!(out, "ID:{:08x} ", field(header, 4).map_or(0, u32::from_be_bytes));
    Some(word & 0xfff8 != 0)
}

fn icmp(
    out: &mut String,
    options: LineOptions,
    payload: &[u8],
    later_fragment: bool,
    outermost: bool,
) -> Option<()> {
    out.push_str("PROTO=ICMPv6 ");
    if later_fragment {
        return Some(());
    }
    let Some(header) = payload.get(..8) else {
        incomplete(out, payload.len());
        return None;
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
                let _ = packet(out, options, payload.get(8..).unwrap_or_default(), None);
                out.push_str("] ");
            }
            if header[0] == 2 {
                let _ = write!(out, "MTU={word} ");
            }
        }
        _ => {}
    }
    Some(())
}
