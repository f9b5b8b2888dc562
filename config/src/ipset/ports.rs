//! `[PROTOCOL:]PORT`: ports by number or name, ICMP types and codes.

use super::fault::{Fault, number};
use crate::netfilter::{Family, Protocol, services};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;

/// Name, type and code; the first name of a pair is printed.
const ICMP_NAMES: &[(&str, u8, u8)] = &[
    ("echo-reply", 0, 0),
    ("pong", 0, 0),
    ("network-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("protocol-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("fragmentation-needed", 3, 4),
    ("source-route-failed", 3, 5),
    ("network-unknown", 3, 6),
    ("host-unknown", 3, 7),
    ("network-prohibited", 3, 9),
    ("host-prohibited", 3, 10),
    ("TOS-network-unreachable", 3, 11),
    ("TOS-host-unreachable", 3, 12),
    ("communication-prohibited", 3, 13),
    ("host-precedence-violation", 3, 14),
    ("precedence-cutoff", 3, 15),
    ("source-quench", 4, 0),
    ("network-redirect", 5, 0),
    ("host-redirect", 5, 1),
    ("TOS-network-redirect", 5, 2),
    ("TOS-host-redirect", 5, 3),
    ("echo-request", 8, 0),
    ("ping", 8, 0),
    ("router-advertisement", 9, 0),
    ("router-solicitation", 10, 0),
    ("ttl-zero-during-transit", 11, 0),
    ("ttl-zero-during-reassembly", 11, 1),
    ("ip-header-bad", 12, 0),
    ("required-option-missing", 12, 1),
    ("timestamp-request", 13, 0),
    ("timestamp-reply", 14, 0),
    ("address-mask-request", 17, 0),
    ("address-mask-reply", 18, 0),
];

const ICMPV6_NAMES: &[(&str, u8, u8)] = &[
    ("no-route", 1, 0),
    ("communication-prohibited", 1, 1),
    ("address-unreachable", 1, 3),
    ("port-unreachable", 1, 4),
    ("packet-too-big", 2, 0),
    ("ttl-zero-during-transit", 3, 0),
    ("ttl-zero-during-reassembly", 3, 1),
    ("bad-header", 4, 0),
    ("unknown-header-type", 4, 1),
    ("unknown-option", 4, 2),
    ("echo-request", 128, 0),
    ("ping", 128, 0),
    ("echo-reply", 129, 0),
    ("pong", 129, 0),
    ("router-solicitation", 133, 0),
    ("router-advertisement", 134, 0),
    ("neighbour-solicitation", 135, 0),
    ("neighbor-solicitation", 135, 0),
    ("neighbour-advertisement", 136, 0),
    ("neighbor-advertisement", 136, 0),
    ("redirect", 137, 0),
];

/// One port.
pub(super) fn port(text: &str, protocol: &str) -> Result<u16, Fault> {
    let numbered = number(text, 0, 65535).map(|port| u16::try_from(port).unwrap_or(0));
    numbered.or_else(|fault| {
        services::port(text).ok_or_else(|| {
            let more = format!(
                "\nSyntax error: '{protocol}' is invalid as number\ncannot parse '{text}' as a {protocol} port"
            );
            Fault { text: fault.text + &more, ..fault }
        })
    })
}

fn icmp(text: &str, names: &[(&str, u8, u8)], name: &str) -> Result<u16, Fault> {
    let pair = |kind: u8, code: u8| u16::from_be_bytes([kind, code]);
    if let Some((_, kind, code)) = names.iter().find(|(name, ..)| *name == text) {
        return Ok(pair(*kind, *code));
    }
    let Some((kind, code)) =
        text.split_once('/').filter(|(kind, code)| !kind.is_empty() && !code.is_empty())
    else {
        // The one refusal of a word that the tool does not call a syntax error.
        return Err(Fault::refused(format!("Cannot parse {text} as an {name} type/code.")));
    };
    let byte = |text: &str| number(text, 0, 255).map(|byte| u8::try_from(byte).unwrap_or(0));
    Ok(pair(byte(kind)?, byte(code)?))
}

/// `[PROTOCOL:]PORT[-PORT]`: protocol, first and last port.
pub(super) fn parse(text: &str, family: Family) -> Result<(u8, u16, u16), Fault> {
    let (protocol, name, rest) = match text.split_once(':') {
        None | Some((_, "")) => (TCP, "tcp", text),
        Some((name, rest)) => {
            let protocol = Protocol::from_name(name)
                .ok_or_else(|| Fault::syntax(format!("cannot parse '{name}' as a protocol")))?;
            (protocol.0, name, rest)
        }
    };
    match protocol {
        ICMP if family == Family::V6 => {
            Err(Fault::syntax("Protocol ICMP can be used with family inet only"))
        }
        ICMPV6 if family == Family::V4 => {
            Err(Fault::syntax("Protocol ICMPv6 can be used with family inet6 only"))
        }
        ICMP => icmp(rest, ICMP_NAMES, "ICMP").map(|pair| (protocol, pair, pair)),
        ICMPV6 => icmp(rest, ICMPV6_NAMES, "ICMPv6").map(|pair| (protocol, pair, pair)),
        TCP | 17 | 132 | 136 => {
            // A service's name may have a dash.
            if let Some(only) = services::port(rest) {
                return Ok((protocol, only, only));
            }
            let (first, last) = rest.split_once('-').unwrap_or((rest, rest));
            let (first, last) = (port(first, name)?, port(last, name)?);
            Ok((protocol, first.min(last), first.max(last)))
        }
        _ if rest == "0" => Ok((protocol, 0, 0)),
        _ => Err(Fault::syntax(format!(
            "Protocol {name} can be used with pseudo port value 0 only."
        ))),
    }
}

/// `PROTOCOL:PORT` as it is printed.
pub(super) fn text(protocol: u8, port: u16) -> String {
    let [kind, code] = port.to_be_bytes();
    let names = match protocol {
        ICMP => ICMP_NAMES,
        ICMPV6 => ICMPV6_NAMES,
        _ => return format!("{}:{port}", Protocol(protocol)),
    };
    match names.iter().find(|(_, named, of)| (*named, *of) == (kind, code)) {
        Some((name, ..)) => format!("{}:{name}", Protocol(protocol)),
        None => format!("{}:{kind}/{code}", Protocol(protocol)),
    }
}
