//! A described packet in bytes.

use crate::proto::ExplainRequest;
use sluice_dataplane::address::{Address, V4, V6};
use sluice_dataplane::conntrack::{CtState, Numbers};
use sluice_dataplane::explain::Supposed;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::{Interface, Interfaces};
use sluice_dataplane::wire::checksum::{complete_l4, ipv4_header};
use sluice_dataplane::wire::parse::{Payload, parse};
use sluice_dataplane::wire::{protocol, tcp_flags};
use std::net::IpAddr;
use thiserror::Error;

/// A packet that cannot be.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Wrong {
    #[error("source and destination must be addresses of the family asked for; say -s and -d")]
    Address,
    #[error("there is no interface `{0}`; `sluice ip link` lists them")]
    Interface(String),
    #[error("`{0}` is no connection state; say NEW, ESTABLISHED, RELATED, INVALID or UNTRACKED")]
    State(String),
    #[error("a packet of {0} bytes cannot hold its headers; leave --length out for the shortest")]
    Short(u32),
    #[error(
        "{0} is too large; ports and packet lengths end at 65535, types, codes, TTL and TOS at 255"
    )]
    Range(u32),
}

/// Builds the packet; the gateway's own has the address `own` where it names no source. `numbers`: what the connection
/// that it belongs to expects of it.
pub(crate) fn supposed(
    asked: &ExplainRequest,
    numbers: Option<&Numbers>,
    interfaces: &Interfaces,
    own: impl FnOnce(IpAddr) -> Option<IpAddr>,
) -> Result<Supposed, Wrong> {
    let destination = ip(&asked.destination).ok_or(Wrong::Address)?;
    let source = match asked.source.is_empty() && asked.interface.is_empty() {
        true => own(destination),
        false => ip(&asked.source),
    };
    let source = source.filter(|source| source.is_ipv4() == destination.is_ipv4());
    let source = source.ok_or(Wrong::Address)?;
    let (ingress, interface) = match asked.interface.as_str() {
        "" => (InterfaceId::HOST, None),
        name => {
            let found = interfaces.named(name).ok_or_else(|| Wrong::Interface(name.to_owned()))?;
            (found.0, Some(found.1))
        }
    };
    let numbers = match numbers {
        Some(numbers) => *numbers,
        None => Numbers { tcp_flags: first_flags(&asked.state), seq: 1, ..Numbers::default() },
    };
    let mut frame = frame(asked, &numbers, source, destination, interface)?;
    let Ok(Payload::Ip(headers)) = parse(&frame).map(|parsed| parsed.payload) else {
        return Err(Wrong::Short(asked.length));
    };
    complete_l4(&mut frame, &headers);
    Ok(Supposed { frame, headers, ingress, mark: asked.mark, state: state(&asked.state)? })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => V4::read(bytes).map(Address::to_ip),
        16 => V6::read(bytes).map(Address::to_ip),
        _ => None,
    }
}

/// The flags of a packet whose connection nobody knows.
fn first_flags(state: &str) -> u8 {
    match state {
        "ESTABLISHED" | "RELATED" => tcp_flags::ACK,
        _ => tcp_flags::SYN,
    }
}

fn state(name: &str) -> Result<Option<CtState>, Wrong> {
    Ok(Some(match name {
        "" | "NEW" => return Ok(None),
        "ESTABLISHED" => CtState::Established,
        "RELATED" => CtState::Related,
        "INVALID" => CtState::Invalid,
        "UNTRACKED" => CtState::Untracked,
        _ => return Err(Wrong::State(name.to_owned())),
    }))
}

fn short(number: u32) -> Result<u16, Wrong> {
    u16::try_from(number).map_err(|_| Wrong::Range(number))
}

fn byte(number: u32) -> Result<u8, Wrong> {
    u8::try_from(number).map_err(|_| Wrong::Range(number))
}

/// The layer-4 header, its checksum still zero.
fn segment(asked: &ExplainRequest, numbers: &Numbers, payload: usize) -> Result<Vec<u8>, Wrong> {
    let ports = [short(asked.source_port)?, short(asked.destination_port)?].map(u16::to_be_bytes);
    let mut out = ports.concat();
    match byte(asked.protocol)? {
        protocol::TCP => {
            let flags = asked.tcp_flags.map_or(Ok(numbers.tcp_flags), byte)?;
            out.extend([numbers.seq, numbers.ack].map(u32::to_be_bytes).concat());
            out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        }
        protocol::UDP | protocol::UDP_LITE => {
            let length = u16::try_from(8 + payload).unwrap_or(u16::MAX);
            out.extend(length.to_be_bytes());
            out.extend([0, 0]);
        }
        protocol::ICMP | protocol::ICMPV6 => {
            out = vec![byte(asked.icmp_type)?, byte(asked.icmp_code)?, 0, 0];
            out.extend(short(asked.icmp_id.unwrap_or(1))?.to_be_bytes());
            out.extend([0, 1]);
        }
        protocol::SCTP => {
            out.extend(numbers.tag.to_be_bytes());
            out.extend([0; 4]);
            // A connection that is there carries data: a chunk of four bytes.
            if numbers.tag != 0 {
                out.extend([0, 3, 0, 20]);
                out.extend([0; 16]);
            }
        }
        protocol::DCCP => out.extend([0; 12]),
        // A header nobody reads.
        _ => out = vec![0; 8],
    }
    Ok(out)
}

fn frame(
    asked: &ExplainRequest,
    numbers: &Numbers,
    source: IpAddr,
    destination: IpAddr,
    interface: Option<&Interface>,
) -> Result<Vec<u8>, Wrong> {
    let before = if source.is_ipv4() { 20 } else { 40 };
    let headers = before + segment(asked, numbers, 0)?.len();
    let wanted = usize::from(short(asked.length)?);
    let payload = match wanted {
        0 => 0,
        wanted => wanted.checked_sub(headers).ok_or(Wrong::Short(asked.length))?,
    };
    let mut segment = segment(asked, numbers, payload)?;
    segment.resize(segment.len() + payload, 0);
    let ttl = if asked.ttl == 0 { 64 } else { byte(asked.ttl)? };
    let (next, tos) = (byte(asked.protocol)?, byte(asked.tos)?);
    let mac = interface.map_or([0; 6], |interface| interface.mac.0);
    // The sender's MAC is nobody's: no rule knows it.
    let mut out = [mac, [2, 0, 0, 0, 0, 0]].concat();
    let total = u16::try_from(before + segment.len()).unwrap_or(u16::MAX).to_be_bytes();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, tos];
            header.extend(total);
            header.extend([0, 1, 0x40, 0, ttl, next, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = ipv4_header(&header).to_be_bytes();
            if let Some(place) = header.get_mut(10..12) {
                place.copy_from_slice(&sum);
            }
            out.extend([8, 0]);
            out.extend(header);
        }
        (source, destination) => {
            let length = u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes();
            out.extend([0x86, 0xdd, 0x60 | tos >> 4, tos << 4, 0, 0]);
            out.extend(length);
            out.extend([next, ttl]);
            for address in [source, destination] {
                match address {
                    IpAddr::V6(address) => out.extend(address.octets()),
                    IpAddr::V4(address) => out.extend(address.to_ipv6_mapped().octets()),
                }
            }
        }
    }
    out.extend(segment);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::wire::checksum::{L4ChecksumState, l4_state};

    fn asked(protocol: u32, addresses: [&str; 2]) -> ExplainRequest {
        let bytes = |text: &str| match text.parse().unwrap() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        ExplainRequest {
            protocol,
            source: bytes(addresses[0]),
            destination: bytes(addresses[1]),
            source_port: 1000,
            destination_port: 80,
            icmp_type: 8,
            ..ExplainRequest::default()
        }
    }

    fn built(asked: &ExplainRequest) -> Result<Supposed, Wrong> {
        supposed(asked, None, &Interfaces::default(), |_| Some("10.0.0.1".parse().unwrap()))
    }

    #[test]
    fn packets_are_whole() {
        for addresses in [["10.1.0.2", "192.168.1.9"], ["fd00:1::2", "fd00:2::9"]] {
            for protocol in [1, 6, 17, 47, 58, 132, 136] {
                for length in [0, 333] {
                    let asked = ExplainRequest { length, ..asked(protocol, addresses) };
                    let Supposed { frame, headers, .. } = built(&asked).unwrap();
                    assert_eq!(u32::from(headers.protocol), protocol);
                    let state = l4_state(&frame, &headers);
                    let whole = [L4ChecksumState::Good, L4ChecksumState::Absent].contains(&state);
                    assert!(whole, "{protocol} {addresses:?}");
                    if length > 0 {
                        assert_eq!(headers.end - headers.l3, 333);
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let good = || asked(6, ["10.1.0.2", "192.168.1.9"]);
        assert_eq!(built(&good()).unwrap().ingress, InterfaceId::HOST);
        let wrong = |asked: ExplainRequest| built(&asked).err().unwrap();
        assert_eq!(wrong(ExplainRequest { length: 39, ..good() }), Wrong::Short(39));
        assert_eq!(wrong(ExplainRequest { ttl: 256, ..good() }), Wrong::Range(256));
        assert_eq!(wrong(asked(6, ["::1", "192.168.1.9"])), Wrong::Address);
        let state = ExplainRequest { state: "OLD".into(), ..good() };
        assert_eq!(wrong(state), Wrong::State("OLD".into()));
        let interface = ExplainRequest { interface: "dmz".into(), ..good() };
        assert_eq!(wrong(interface), Wrong::Interface("dmz".into()));
        let own = built(&ExplainRequest { source: Vec::new(), ..good() }).unwrap();
        assert_eq!(&own.frame[26..30], [10, 0, 0, 1]);
    }
}
