//! One packet as a record of link type NFLOG (tcpdump.org, LINKTYPE_NFLOG): a header, then attributes as
//! `nfnetlink_log.h` numbers them, length and type in the writer's own byte order.

use sluice_dataplane::address::IpVersion;
use sluice_dataplane::bridge::Ports;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::Hook;
use sluice_dataplane::rules::report::Report;

/// Attributes (`enum nfulnl_attr_type`).
const PACKET_HEADER: u16 = 1;
const MARK: u16 = 2;
const IN: u16 = 4;
const OUT: u16 = 5;
const PHYSICAL_IN: u16 = 6;
const PHYSICAL_OUT: u16 = 7;
const HARDWARE_ADDRESS: u16 = 8;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;

/// `NF_INET_*`.
const fn hook_number(hook: Hook) -> u8 {
    match hook {
        Hook::Prerouting => 0,
        Hook::Input => 1,
        Hook::Forward => 2,
        Hook::Output => 3,
        Hook::Postrouting => 4,
    }
}

/// The interfaces that are told: the ways in and out, and behind a bridge its ports.
fn interfaces_of(report: &Report) -> impl Iterator<Item = (u16, InterfaceId)> {
    let (ingress, egress) = report.sides();
    let Ports { ingress: port_in, egress: port_out } = report.ports;
    let all = [(IN, ingress), (PHYSICAL_IN, port_in), (OUT, egress), (PHYSICAL_OUT, port_out)];
    all.into_iter().filter_map(|(kind, id)| Some((kind, id?)))
}

/// The packet's bytes from its network header on, no more than asked for and no more than are here.
fn payload(report: &Report, size: Option<u32>) -> &[u8] {
    let packet = report.frame().get(usize::from(report.headers.l3)..).unwrap_or_default();
    let most = size.map_or(usize::MAX, |size| size as usize);
    packet.get(..packet.len().min(most)).unwrap_or_default()
}

/// The record, and how long it would be with the whole packet in it.
pub(super) fn record(
    report: &Report,
    group: u16,
    prefix: &str,
    size: Option<u32>,
) -> (Vec<u8>, u32) {
    let (family, ethertype) = match report.headers.version {
        IpVersion::V4 => (2, 0x0800_u16),
        IpVersion::V6 => (10, 0x86dd),
    };
    let mut out = vec![family, 0];
    out.extend(group.to_be_bytes());
    let [high, low] = ethertype.to_be_bytes();
    attribute(&mut out, PACKET_HEADER, &[high, low, hook_number(report.hook), 0]);
    for (kind, id) in interfaces_of(report) {
        attribute(&mut out, kind, &id.link_number().to_be_bytes());
    }
    if report.mark != 0 {
        attribute(&mut out, MARK, &report.mark.to_be_bytes());
    }
    if report.ingress != InterfaceId::HOST
        && let Some(source) = report.frame().get(6..12)
    {
        let length = [0, 6, 0, 0];
        attribute(&mut out, HARDWARE_ADDRESS, &[&length, source, &[0, 0]].concat());
    }
    if !prefix.is_empty() {
        attribute(&mut out, PREFIX, &[prefix.as_bytes(), &[0]].concat());
    }
    let payload = payload(report, size);
    if !payload.is_empty() {
        attribute(&mut out, PAYLOAD, payload);
    }
    let left_out = report.length.saturating_sub(payload.len() as u32);
    let length = out.len() as u32 + left_out;
    (out, length)
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// What a reader sees beside the packet: `group 5 prefix "dropped: " IN=lan OUT=wan`, and as LOG has it, `PHYSIN=eth1
/// PHYSOUT=eth2` where a bridge's ports are known.
pub(super) fn comment(
    report: &Report,
    group: u16,
    prefix: &str,
    interfaces: &Interfaces,
) -> String {
    let name = |id: Option<InterfaceId>| {
        id.and_then(|id| interfaces.get(id)).map_or("", |interface| interface.name.as_str())
    };
    let (ingress, egress) = report.sides();
    let mut out =
        format!("group {group} prefix {prefix:?} IN={} OUT={}", name(ingress), name(egress));
    for (word, port) in [("PHYSIN", report.ports.ingress), ("PHYSOUT", report.ports.egress)] {
        if port.is_some() {
            out += &format!(" {word}={}", name(port));
        }
    }
    out
}
