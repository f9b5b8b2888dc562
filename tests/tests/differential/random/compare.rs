//! Owns what counts as the same: texts of tools, lists of connections, frames but for a port that was drawn.

use std::fmt::Write as _;

use sluice_tests::differential::Seen;
use sluice_tests::frame;
use sluice_tests::process::Output;

use super::packets::parts;

/// How far timeouts of connections may differ, in seconds: packets come a little later at one router, and seconds are cut
/// off.
const TIMEOUT_TOLERANCE: u64 = 3;

pub(super) fn same(both: [Vec<Output>; 2]) -> Result<(), String> {
    let one = |output: &Output| format!("{}{}exit {}\n", output.stdout, output.stderr, output.code);
    let [kernel, tested] = both.map(|outputs| outputs.iter().map(one).collect::<String>());
    if kernel == tested { Ok(()) } else { Err(differing(&kernel, &tested)) }
}

/// A frame without its source port and what follows from that, if it is not the port of the packet that was sent, but
/// one of the same class or of a rule's range (kernel `nf_nat_l4proto_unique_tuple`). What the router's host answers
/// goes to such a port.
pub(super) fn without_drawn_port(seen: &Seen, sent: &[u8]) -> Option<Vec<u8>> {
    let l4 = |packet: &[u8]| parts(packet).map(|(_, _, _, header)| header);
    let packet = seen.packet();
    let (_, _, protocol, at) = parts(packet)?;
    let checksum = match protocol {
        frame::TCP => at + 16..at + 18,
        frame::UDP => at + 6..at + 8,
        frame::SCTP => at + 8..at + 12,
        _ => return None,
    };
    let port = |packet: &[u8], side: usize| {
        let place = l4(packet)? + side;
        packet.get(place..place + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    };
    let class = |port| (port >= 512, port >= 1024);
    let answers = port(packet, 0)? == port(sent, 2)? && port(packet, 2)? != port(sent, 2)?;
    let side = if answers { 2 } else { 0 };
    let (old, new) = (port(sent, 0)?, port(packet, side)?);
    let mut rest = seen.frame.clone();
    for place in [at + side, at + side + 1].into_iter().chain(checksum) {
        *rest.get_mut(14 + place)? = 0;
    }
    (old != new && (new >= 1024 || class(old) == class(new))).then_some(rest)
}

/// A saved ruleset without comments, table by table in their order.
pub(super) fn plain(text: &str) -> String {
    let mut tables: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .split_inclusive("COMMIT\n")
        .map(str::to_owned)
        .collect();
    tables.sort();
    tables.concat()
}

/// Only the lines of which the other side has none.
fn differing(kernel: &str, tested: &str) -> String {
    let only = |one: &str, other: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("    {line}\n")).collect::<String>()
    };
    format!("kernel:\n{}tested:\n{}", only(kernel, tested), only(tested, kernel))
}

pub(super) fn same_connections(kernel: &str, tested: &str) -> Result<(), String> {
    let lists = [kernel, tested].map(|text| {
        let mut list: Vec<_> = text.lines().map(entry).collect();
        list.sort();
        list
    });
    let [wanted, got] = &lists;
    let close = |((one, left), (other, right)): (&(String, u64), &(String, u64))| {
        one == other && left.abs_diff(*right) <= TIMEOUT_TOLERANCE
    };
    if wanted.len() == got.len() && wanted.iter().zip(got).all(close) {
        return Ok(());
    }
    let text = |list: &[(String, u64)], other: &[(String, u64)]| {
        let mut text = String::new();
        for (entry, seconds) in list {
            let known = other
                .iter()
                .any(|(same, left)| same == entry && left.abs_diff(*seconds) <= TIMEOUT_TOLERANCE);
            if !known {
                writeln!(text, "    {seconds} {entry}").expect("a string takes any text");
            }
        }
        text
    };
    Err(format!("connections\nkernel:\n{}tested:\n{}", text(wanted, got), text(got, wanted)))
}

/// A line of `conntrack -L expect`, as one of `conntrack -L`: its timeout is the third word.
pub(super) fn expectation(line: &str) -> String {
    format!("expected in {line}\n")
}

/// A line of `conntrack -L` without its use count, and its timeout.
fn entry(line: &str) -> (String, u64) {
    let mut words: Vec<_> =
        line.split_whitespace().filter(|word| !word.starts_with("use=")).collect();
    let seconds = if words.len() > 2 { words.remove(2).parse().unwrap_or(0) } else { 0 };
    (words.join(" "), seconds)
}

pub(super) fn frames(seen: &[Seen]) -> String {
    let line = |seen: &Seen| format!("    {}: {}\n", seen.interface, hex(&seen.frame[14..]));
    if seen.is_empty() { "    nothing\n".into() } else { seen.iter().map(line).collect() }
}

/// In hexadecimal, long ones shortened.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let end = if bytes.len() > 140 { 100 } else { bytes.len() };
    let more = if end < bytes.len() { format!("... {} bytes", bytes.len()) } else { String::new() };
    digits(&bytes[..end]) + &more
}

/// What only one of them has.
pub(super) fn only(kernel: &[Seen], tested: &[Seen]) -> (Vec<Seen>, Vec<Seen>) {
    let rest = |one: &[Seen], other: &[Seen]| {
        let mut other = other.to_vec();
        let mut rest = one.to_vec();
        rest.retain(|seen| {
            let known = other.iter().position(|same| same == seen);
            known.map(|at| other.swap_remove(at)).is_none()
        });
        rest
    };
    (rest(kernel, tested), rest(tested, kernel))
}

/// Whether what differs does so by nothing but ports drawn at random.
pub(super) fn differ_by_drawn_ports(kernel: &[Seen], tested: &[Seen], sent: &[Vec<u8>]) -> bool {
    let (kernel, tested) = only(kernel, tested);
    let alike = |(one, other): (&Seen, &Seen)| {
        sent.iter().any(|sent| {
            without_drawn_port(one, sent)
                .is_some_and(|own| without_drawn_port(other, sent) == Some(own))
        })
    };
    kernel.len() == tested.len() && kernel.iter().zip(&tested).all(alike)
}

/// What the sets hold.
pub(super) fn members(saved: &str) -> String {
    let mut lines: Vec<_> = saved.lines().filter(|line| line.starts_with("add")).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The identification or flow label of a packet, or of what it quotes, if it is an ICMP error.
pub(super) fn tag(packet: &[u8]) -> Option<u16> {
    let word = |packet: &[u8], at: usize| {
        packet.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    };
    if frame::is_v6(packet) {
        let error = packet[6] == frame::ICMPV6 && packet.get(40).is_some_and(|kind| *kind < 128);
        return word(packet.get(if error { 48 } else { 0 }..)?, 2);
    }
    let header = usize::from(packet.first()? & 15) * 4;
    let error = packet.get(9) == Some(&frame::ICMP)
        && matches!(packet.get(header), Some(3 | 4 | 5 | 11 | 12));
    word(packet.get(if error { header + 8 } else { 0 }..)?, 4)
}
