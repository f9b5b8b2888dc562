//! What stands around the headers: prefix, interfaces, MACs, mark (kernel `nf_log_syslog.c`).

use super::{v4, v6};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::{LineOptions, Report};
use std::fmt::Write as _;

/// The line of a packet, without level, as `dmesg` shows it.
#[must_use]
pub fn line(
    prefix: &str,
    options: LineOptions,
    report: &Report,
    interfaces: &Interfaces,
) -> String {
    let name = |id: Option<InterfaceId>| {
        id.and_then(|id| interfaces.get(id)).map_or("", |interface| interface.name.as_str())
    };
    let (ingress, egress) = report.sides();
    let mut out = format!("{prefix}IN={} OUT={} ", name(ingress), name(egress));
    if ingress.is_some() {
        mac_header(&mut out, options, report);
    }
    let l3 = usize::from(report.headers.l3);
    let packet = report.frame().get(l3..).unwrap_or_default();
    match report.headers.version {
        IpVersion::V4 => v4::packet(&mut out, options, packet, report.length, true),
        IpVersion::V6 => v6::packet(&mut out, options, packet, true),
    }
    if report.mark != 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "MARK={:#x} ", report.mark);
    }
    out
}

/// The Ethernet header, untagged.
fn mac_header(out: &mut String, options: LineOptions, report: &Report) {
    let frame = report.frame();
    let l3 = usize::from(report.headers.l3);
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
