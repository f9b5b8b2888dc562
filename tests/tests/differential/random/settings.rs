//! Owns how the routers of a round are set up.

use sluice_tests::router::Setup;
use sluice_tests::topology::{LAN, WAN};

/// Beside addresses, routes and neighbours, which are always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settings {
    /// As they are.
    Usual,
    /// Connections count what they carry.
    Accounts,
    /// Connections begin with a SYN, and no checksum is looked at.
    Strict,
    /// No window is looked at, connections end sooner, and sources are filtered by the way back.
    Liberal,
}

/// What rules name with `CT --timeout`. No name is longer than what the kernel shows of it.
const POLICIES: &str = "
    [timeouts.tcp4]
    protocol = \"tcp\"
    family = \"ipv4\"
    syn_sent = 20
    syn_recv = 30
    established = 40
    fin_wait = 50
    close_wait = 60
    last_ack = 70
    time_wait = 80
    close = 90
    [timeouts.tcp6]
    protocol = \"tcp\"
    family = \"ipv6\"
    syn_sent = 25
    established = 45
    close = 95
    [timeouts.udp4]
    protocol = \"udp\"
    family = \"ipv4\"
    unreplied = 300
    replied = 400
    [timeouts.udp6]
    protocol = \"udp\"
    family = \"ipv6\"
    replied = 500
    [timeouts.sct4]
    protocol = \"sctp\"
    family = \"ipv4\"
    closed = 110
    cookie_wait = 120
    cookie_echoed = 130
    established = 140
    shutdown_sent = 150
    shutdown_recd = 160
    shutdown_ack_sent = 170
    [timeouts.sct6]
    protocol = \"sctp\"
    family = \"ipv6\"
    established = 145
    heartbeat_sent = 185
    [timeouts.icm4]
    protocol = \"icmp\"
    family = \"ipv4\"
    timeout = 600
    [timeouts.icm6]
    protocol = \"icmpv6\"
    family = \"ipv6\"
    timeout = 700
";

/// No two connections of different states have as long to live, and none ends while a round is played.
const LIBERAL: [(&str, i64); 14] = [
    ("tcp_be_liberal", 1),
    ("tcp_ignore_invalid_rst", 1),
    ("tcp_max_retrans", 1),
    ("tcp_timeout_max_retrans", 210),
    ("tcp_timeout_unacknowledged", 220),
    ("tcp_timeout_syn_sent", 230),
    ("tcp_timeout_established", 240),
    ("udp_timeout", 50),
    ("udp_timeout_stream", 75),
    ("icmp_timeout", 100),
    ("icmpv6_timeout", 110),
    ("generic_timeout", 130),
    ("gre_timeout", 140),
    ("sctp_timeout_cookie_wait", 150),
];

impl Settings {
    /// Those of a seed.
    pub(super) const fn of(seed: u64) -> Self {
        match seed % 5 {
            0 => Self::Accounts,
            1 => Self::Strict,
            2 => Self::Liberal,
            _ => Self::Usual,
        }
    }

    /// Both families on both cables; errors as often as there is a reason, and no redirects: those of IPv6 need an address
    /// of the link, and a bucket, filled by the time that has passed, which cannot be emptied between rounds.
    pub(super) fn setup(self) -> Setup {
        let mut setup = Setup::new("")
            .with_timeouts(POLICIES)
            .with_sysctl("net.netfilter.nf_conntrack_acct", (self == Self::Accounts).into())
            .with_sysctl("net.netfilter.nf_conntrack_tcp_loose", (self != Self::Strict).into())
            .with_sysctl("net.netfilter.nf_conntrack_checksum", (self != Self::Strict).into())
            .with_sysctl("net.ipv4.icmp_ratelimit", 0)
            .with_sysctl("net.ipv4.icmp_ratemask", 0)
            .with_sysctl("net.ipv4.ipfrag_time", 600)
            .with_sysctl("net.ipv6.ip6frag_time", 600)
            .with_sysctl("net.netfilter.nf_conntrack_frag6_timeout", 600)
            .with_sysctl("net.ipv6.icmp.ratelimit", 0)
            .with_sysctl("net.ipv6.conf.all.addr_gen_mode", 1)
            .with_sysctl("net.ipv4.conf.all.rp_filter", (self == Self::Liberal).into())
            .with_sysctl("net.ipv4.conf.all.send_redirects", 0)
            .with_route("0.0.0.0/0", "192.168.1.1")
            .with_route("::/0", "fd00:2::fe");
        if self == Self::Liberal {
            for (name, value) in LIBERAL {
                setup = setup.with_sysctl(&format!("net.netfilter.nf_conntrack_{name}"), value);
            }
        }
        for (cable, addresses) in [
            (
                LAN,
                &[
                    "10.1.0.2",
                    "10.1.0.3",
                    "10.1.0.4",
                    "10.1.0.200",
                    "fd00:1::2",
                    "fd00:1::3",
                    "fd00:1::ff:fe00:102",
                    "fd00:1::c8",
                ][..],
            ),
            (
                WAN,
                &[
                    "192.168.1.9",
                    "192.168.1.1",
                    "192.168.1.200",
                    "fd00:2::9",
                    "fd00:2::fe",
                    "fd00:2::c8",
                ],
            ),
        ] {
            for &address in addresses {
                setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
            }
        }
        setup
    }
}
