//! The names of layer-4 protocols, as Debian's `/etc/protocols` gives them.

use super::Protocol;

/// Name and number; the first name of a number is the one the tools print.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
    ("icmpv6", 58),
    ("ipv6-mh", 135),
    ("mh", 135),
];

impl Protocol {
    /// The protocol of that name or number; `None` also for `all`, which is no protocol.
    pub fn from_name(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let named = PROTOCOLS.iter().find(|(name, _)| *name == lower).map(|(_, number)| *number);
        let number = || super::words::number(text).and_then(|number| u8::try_from(number).ok());
        named.or_else(number).filter(|number| *number != 0).map(Self)
    }

    /// The name the tools print; `None` for a number that has none.
    pub fn name(self) -> Option<&'static str> {
        PROTOCOLS.iter().find(|(_, number)| *number == self.0).map(|(name, _)| *name)
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}
