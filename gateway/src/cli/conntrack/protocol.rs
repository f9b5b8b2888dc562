//! Protocols by the names conntrack-tools knows them by, and the states of TCP and SCTP.

use sluice_config::netfilter::Protocol;

/// Name and IP protocol number.
const NAMES: [(&str, u32); 8] = [
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("icmp", 1),
    ("icmpv6", 58),
    ("sctp", 132),
    ("dccp", 33),
    ("gre", 47),
];

pub(super) const TCP: u32 = 6;
pub(super) const ICMP: u32 = 1;
pub(super) const ICMPV6: u32 = 58;
pub(super) const GRE: u32 = 47;
pub(super) const DCCP: u32 = 33;

/// Protocols with queries.
pub(super) const fn has_queries(protocol: u32) -> bool {
    matches!(protocol, ICMP | ICMPV6)
}
pub(super) const SCTP: u32 = 132;

/// The type that answers a query; zero of protocols without types. None: nobody answers it.
pub(super) const fn answer(protocol: u32, kind: u32) -> Option<u32> {
    match (protocol, kind) {
        (ICMP, 0) => Some(8),
        (ICMP, 8) => Some(0),
        (ICMP, 13 | 15 | 17) | (ICMPV6, 128 | 139) => Some(kind + 1),
        (ICMP, 14 | 16 | 18) | (ICMPV6, 129 | 140) => Some(kind - 1),
        (ICMP | ICMPV6, _) => None,
        (_, _) => Some(0),
    }
}

/// Protocols with ports.
pub(in crate::cli) const fn has_ports(protocol: u32) -> bool {
    matches!(protocol, 6 | 17 | 33 | 132 | 136)
}

/// "tcp", or "unknown" as the original prints for what it does not know.
pub(super) fn name(protocol: u32) -> &'static str {
    NAMES.iter().find(|(_, number)| *number == protocol).map_or("unknown", |(name, _)| name)
}

/// A protocol by name (any case) or number.
pub(in crate::cli) fn parse(text: &str) -> Option<u32> {
    match text {
        "0" | "ip" => Some(0),
        text => Protocol::from_name(text).map(|Protocol(number)| number.into()),
    }
}

/// States of enum tcp_conntrack, in its order; LISTEN is what conntrack-tools still calls SYN_SENT2.
pub(super) const TCP_STATES: [&str; 10] = [
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
];

/// The state's name as the gateway spells it.
pub(super) fn tcp_state(text: &str) -> Option<&'static str> {
    if text == "LISTEN" {
        return Some("SYN_SENT2");
    }
    TCP_STATES.into_iter().find(|state| *state == text)
}

/// States of enum sctp_conntrack, in its order.
const SCTP_STATES: [&str; 9] = [
    "NONE",
    "CLOSED",
    "COOKIE_WAIT",
    "COOKIE_ECHOED",
    "ESTABLISHED",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECD",
    "SHUTDOWN_ACK_SENT",
    "HEARTBEAT_SENT",
];

/// The same of SCTP.
pub(super) fn sctp_state(text: &str) -> Option<&'static str> {
    SCTP_STATES.into_iter().find(|state| state.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, number) in NAMES {
            assert_eq!(parse(text), Some(number));
            assert_eq!(name(number), text);
        }
        assert_eq!(parse("253"), Some(253));
        assert_eq!([parse("ESP"), parse("ipv6-icmp"), parse("ip")], [Some(50), Some(58), Some(0)]);
        assert_eq!(parse("256"), None);
        assert_eq!(parse("foo"), None);
        assert_eq!(name(253), "unknown");
    }

    #[test]
    fn states() {
        assert_eq!(tcp_state("ESTABLISHED"), Some("ESTABLISHED"));
        assert_eq!(tcp_state("established"), None);
        assert_eq!(tcp_state("FOO"), None);
        assert_eq!(sctp_state("heartbeat_sent"), Some("HEARTBEAT_SENT"));
        assert_eq!(sctp_state("LISTEN"), None);
    }
}
