//! What stands around the headers: prefix, interfaces, MACs, mark (kernel `nf_log_syslog.c`).

use super::{v4, v6};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::bridge::Ports;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::{LineOptions, Report};
use sluice_dataplane::wire::parse::Headers;
use std::fmt::Write as _;

/// A packet to be told of in the kernel's words.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The beginning of its frame.
    pub frame: &'a [u8],
    /// Where its headers are.
    pub headers: &'a Headers,
    /// Bytes of the IP packet.
    pub length: u32,
    /// It came in fragments, of which this is the first, and is told as one.
    pub whole: bool,
    /// Its mark.
    pub mark: u32,
    /// The way in and the way out, as far as they are known.
    pub sides: (Option<InterfaceId>, Option<InterfaceId>),
    /// The ports of a bridge, likewise.
    pub ports: Ports,
}

/// What is known of the packet itself, and not of one that an ICMP error quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outer {
    pub(super) length: u32,
    pub(super) whole: bool,
}

/// The line of a packet, without level, as `dmesg` shows it.
#[must_use]
pub fn line(
    prefix: &str,
    options: LineOptions,
    report: &Report,
    interfaces: &Interfaces,
) -> String {
    let subject = Subject {
        frame: report.frame(),
        headers: &report.headers,
        length: report.length,
        whole: report.whole,
        mark: report.mark,
        sides: report.sides(),
        ports: report.ports,
    };
    format!("{prefix}{}", words(options, subject, interfaces))
}

/// `IN=lan OUT=wan MAC=… SRC=… …`
#[must_use]
pub fn words(options: LineOptions, subject: Subject<'_>, interfaces: &Interfaces) -> String {
    let Subject { frame, headers, length, whole, mark, sides: (ingress, egress), ports } = subject;
    let name = |id: Option<InterfaceId>| {
        id.and_then(|id| interfaces.get(id)).map_or("", |interface| interface.name.as_str())
    };
    let mut out = format!("IN={} OUT={} ", name(ingress), name(egress));
    for (word, port) in [("PHYSIN", ports.ingress), ("PHYSOUT", ports.egress)] {
        if port.is_some() {
            let _ = write!(out, "{word}={} ", name(port));
        }
    }
    if ingress.is_some() {
        mac_header(&mut out, options, frame, usize::from(headers.l3));
    }
    let packet = frame.get(usize::from(headers.l3)..).unwrap_or_default();
    let outer = Outer { length, whole };
    let told = match headers.version {
        IpVersion::V4 => v4::packet(&mut out, options, packet, Some(outer)),
        IpVersion::V6 => v6::packet(&mut out, options, packet, Some(outer)),
    };
    if mark != 0 && told.is_some() {
        // Writing to a String cannot fail.
        let _ = write!(out, "MARK={mark:#x} ");
    }
    out
}

/// The Ethernet header, untagged.
fn mac_header(out: &mut String, options: LineOptions, frame: &[u8], l3: usize) {
    let macs = frame.get(..12).unwrap_or_default();
    let kind = l3.checked_sub(2).and_then(|at| frame.get(at..l3)).unwrap_or_default();
    let text = |bytes: &[u8]| {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(":")
    };
    let _ = if options.mac_decode {
        let (to, from) = macs.split_at(macs.len() / 2);
        let kind: String = kind.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(out, "MACSRC={} MACDST={} MACPROTO={kind} ", text(from), text(to))
    } else {
        write!(out, "MAC={} ", text(&[macs, kind].concat()))
    };
}
