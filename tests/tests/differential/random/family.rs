//! Owns the addresses of a round: the same parts are played in IPv4 and in IPv6.

/// Which protocol a round is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// A name in rules and flows, the address in IPv4, the one in IPv6.
const NAMES: [(&str, &str, &str); 30] = [
    // The one that its card's address makes, in IPv6.
    ("<eui>", "10.1.0.4", "fd00:1::ff:fe00:102"),
    ("<in>", "10.1.0.2", "fd00:1::2"),
    ("<in2>", "10.1.0.3", "fd00:1::3"),
    ("<out>", "192.168.1.9", "fd00:2::9"),
    ("<far>", "198.51.100.7", "2001:db8:7::7"),
    ("<far2>", "198.51.100.9", "2001:db8:7::9"),
    ("<own-in>", "10.1.0.1", "fd00:1::1"),
    ("<own-out>", "192.168.1.146", "fd00:2::1"),
    ("<group>", "224.0.0.1", "ff02::1"),
    ("<other-group>", "239.1.2.3", "ff02::fb"),
    ("<everyone>", "10.1.255.255", "ff02::1"),
    ("<pool-in>", "10.1.0.200", "fd00:1::c8"),
    ("<pool-out>", "192.168.1.200", "fd00:2::c8"),
    ("<net-in>", "10.1.0.0/16", "fd00:1::/64"),
    ("<net-out>", "192.168.1.0/24", "fd00:2::/64"),
    ("<net-far>", "198.51.100.0/24", "2001:db8:7::/48"),
    ("<[out]>", "192.168.1.9", "[fd00:2::9]"),
    ("<[far2]>", "198.51.100.9", "[2001:db8:7::9]"),
    ("<[in]>", "10.1.0.2", "[fd00:1::2]"),
    ("<[in2]>", "10.1.0.3", "[fd00:1::3]"),
    ("<[own-out]>", "192.168.1.146", "[fd00:2::1]"),
    ("<[pool-out]>", "192.168.1.200", "[fd00:2::c8]"),
    ("<hosts>", "hosts4", "hosts6"),
    ("<nets>", "nets4", "nets6"),
    ("<marks>", "marks4", "marks6"),
    ("<counts>", "counts4", "counts6"),
    ("<ports>", "ports4", "ports6"),
    ("<ways>", "ways4", "ways6"),
    ("<all>", "all4", "all6"),
    ("<net-map>", "203.0.113.0/24", "2001:db8:9::/48"),
];

impl Family {
    /// The text with addresses in place of names.
    pub(super) fn named(self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, v4, v6) in NAMES {
            if text.contains(name) {
                text = text.replace(name, if self == Self::V4 { v4 } else { v6 });
            }
        }
        text
    }

    /// The front of the tools' names.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        }
    }

    /// `conntrack -f`
    pub(super) fn conntrack(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}
