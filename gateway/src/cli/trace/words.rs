//! Words of traces and explanations: addresses, ports, protocols, ICMP types, in iptables' forms.

use std::net::IpAddr;

use sluice_control::proto::{Family, PortRange, Prefix};

use crate::cli::conntrack::protocol;
use crate::cli::failure::Failure;
use crate::cli::wire;

/// `ADDRESS[/LENGTH]`.
pub(crate) fn any_prefix(text: &str) -> Result<Prefix, String> {
    let wrong = || format!("`{text}` is no address; write ADDRESS or ADDRESS/LENGTH");
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let width = wire::width(address);
    let length = match length {
        None => width,
        Some(length) => length.parse().ok().filter(|length| *length <= width).ok_or_else(wrong)?,
    };
    Ok(wire::prefix(address, length))
}

/// `PORT` or `LOW:HIGH`, as iptables has it: an end that is left out is the last there is.
pub(crate) fn any_port(text: &str) -> Result<PortRange, String> {
    let end = |part: &str, open: u16| match part {
        "" => Ok(open),
        part => part.parse::<u16>(),
    };
    let (low, high) = text.split_once(':').unwrap_or((text, text));
    match (end(low, 0), end(high, u16::MAX)) {
        (Ok(low), Ok(high)) if low <= high && !text.is_empty() => {
            Ok(PortRange { low: low.into(), high: high.into() })
        }
        _ => Err(format!("`{text}` is no port; write PORT or LOW:HIGH")),
    }
}

/// A protocol by name or number.
pub(super) fn protocol(text: &str) -> Result<u32, Failure> {
    protocol::parse(text).ok_or_else(|| {
        Failure::Usage(format!("`{text}` is no protocol; write tcp, udp, icmp, icmpv6 or a number"))
    })
}

pub(super) const fn family(v4: bool, v6: bool) -> Family {
    match (v4, v6) {
        (true, _) => Family::Ipv4,
        (_, true) => Family::Ipv6,
        (false, false) => Family::Unspecified,
    }
}

/// Names of types, IPv4 and IPv6.
const TYPES: [(&str, u32, u32); 10] = [
    ("echo-reply", 0, 129),
    ("pong", 0, 129),
    ("destination-unreachable", 3, 1),
    ("redirect", 5, 137),
    ("echo-request", 8, 128),
    ("ping", 8, 128),
    ("time-exceeded", 11, 3),
    ("ttl-exceeded", 11, 3),
    ("parameter-problem", 12, 4),
    ("timestamp-request", 13, 13),
];

/// `TYPE`, `TYPE/CODE` or a name.
pub(super) fn icmp(text: &str, family: Family) -> Result<(u32, u32), Failure> {
    if let Some((_, v4, v6)) = TYPES.iter().find(|(name, ..)| *name == text) {
        return Ok((if family == Family::Ipv6 { *v6 } else { *v4 }, 0));
    }
    let (kind, code) = text.split_once('/').unwrap_or((text, "0"));
    match (kind.parse::<u8>(), code.parse::<u8>()) {
        (Ok(kind), Ok(code)) => Ok((kind.into(), code.into())),
        _ => Err(Failure::Usage(format!(
            "`{text}` is no ICMP type; write TYPE, TYPE/CODE, echo-request or echo-reply"
        ))),
    }
}

/// `SYN,ACK`, `ALL`, `NONE`: as bits of the TCP header.
pub(super) fn tcp_flags(text: &str) -> Result<u32, Failure> {
    const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let one = |name: &str| match name.to_ascii_uppercase().as_str() {
        "NONE" => Ok(0),
        "ALL" => Ok(0x3f),
        name => FLAGS
            .iter()
            .position(|flag| *flag == name)
            .map(|bit| 1 << bit)
            .ok_or_else(|| Failure::Usage(format!("`{name}` is no TCP flag"))),
    };
    text.split(',').try_fold(0, |flags, name| Ok(flags | one(name)?))
}

/// A number, decimal or with 0x.
pub(super) fn number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_iptables_forms() {
        assert_eq!(
            any_prefix("10.1.0.0/16").map(|p| (p.address, p.length)),
            Ok((vec![10, 1, 0, 0], 16))
        );
        assert_eq!(any_prefix("fd00::1").map(|prefix| prefix.length), Ok(128));
        assert!(any_prefix("10.1.0.0/33").is_err() && any_prefix("lan").is_err());
        let range = |text| any_port(text).map(|range| (range.low, range.high)).ok();
        assert_eq!(range("80"), Some((80, 80)));
        assert_eq!(
            (range("1:9"), range(":9"), range("9:")),
            (Some((1, 9)), Some((0, 9)), Some((9, 65_535)))
        );
        assert_eq!((range(""), range("9:1"), range("http")), (None, None, None));
        assert_eq!(tcp_flags("SYN,ack").ok(), Some(0x12));
        assert!(tcp_flags("SIN").is_err());
        assert_eq!(icmp("3/4", Family::Ipv4).ok(), Some((3, 4)));
        assert_eq!(icmp("echo-request", Family::Ipv6).ok(), Some((128, 0)));
        assert_eq!((number("0x10"), number("16")), (Ok(16), Ok(16)));
        assert_eq!(protocol("TCP").ok(), Some(6));
    }
}
