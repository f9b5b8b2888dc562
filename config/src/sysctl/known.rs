//! The table of settings: names, defaults and bounds.

/// A setting that Sluice honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The kernel's name.
    pub name: &'static str,
    /// The kernel's default.
    pub default: i64,
    /// Lowest value accepted.
    pub min: i64,
    /// Highest value accepted.
    pub max: i64,
}

const fn known(name: &'static str, default: i64, min: i64, max: i64) -> Known {
    Known { name, default, min, max }
}

const fn switch(name: &'static str, default: i64) -> Known {
    known(name, default, 0, 1)
}

/// Seconds.
const fn seconds(name: &'static str, default: i64) -> Known {
    known(name, default, 0, i32::MAX as i64)
}

const fn count(name: &'static str, default: i64) -> Known {
    known(name, default, 0, i32::MAX as i64)
}

/// Every setting that Sluice honours (Linux 6.18's defaults).
pub const KNOWN: &[Known] = &[
    switch("net.bridge.bridge-nf-call-iptables", 1),
    switch("net.bridge.bridge-nf-call-ip6tables", 1),
    switch("net.ipv4.conf.all.accept_source_route", 0),
    switch("net.ipv4.conf.default.accept_source_route", 1),
    switch("net.ipv4.conf.all.forwarding", 0),
    switch("net.ipv4.conf.default.forwarding", 0),
    switch("net.ipv4.conf.all.log_martians", 0),
    switch("net.ipv4.conf.default.log_martians", 0),
    known("net.ipv4.conf.all.rp_filter", 0, 0, 2),
    known("net.ipv4.conf.default.rp_filter", 0, 0, 2),
    switch("net.ipv4.conf.all.send_redirects", 1),
    switch("net.ipv4.conf.default.send_redirects", 1),
    switch("net.ipv4.conf.all.shared_media", 1),
    switch("net.ipv4.conf.default.shared_media", 1),
    switch("net.ipv4.icmp_echo_ignore_all", 0),
    switch("net.ipv4.icmp_echo_ignore_broadcasts", 1),
    count("net.ipv4.icmp_msgs_burst", 50),
    count("net.ipv4.icmp_msgs_per_sec", 1000),
    count("net.ipv4.icmp_ratelimit", 1000),
    count("net.ipv4.icmp_ratemask", 6168),
    known("net.ipv4.ip_default_ttl", 64, 1, 255),
    switch("net.ipv4.ip_forward", 0),
    seconds("net.ipv4.ipfrag_time", 30),
    count("net.ipv4.route.error_burst", 1250),
    count("net.ipv4.route.error_cost", 250),
    count("net.ipv4.ipfrag_high_thresh", 4_194_304),
    known("net.ipv6.conf.all.accept_source_route", 0, -1, i32::MAX as i64),
    known("net.ipv6.conf.default.accept_source_route", 0, -1, i32::MAX as i64),
    switch("net.ipv6.conf.all.addr_gen_mode", 0),
    switch("net.ipv6.conf.default.addr_gen_mode", 0),
    switch("net.ipv6.conf.all.forwarding", 0),
    switch("net.ipv6.conf.default.forwarding", 0),
    known("net.ipv6.conf.all.hop_limit", 64, 1, 255),
    known("net.ipv6.conf.default.hop_limit", 64, 1, 255),
    count("net.ipv6.icmp.ratelimit", 100),
    switch("net.ipv6.icmp.echo_ignore_all", 0),
    seconds("net.ipv6.ip6frag_time", 60),
    switch("net.netfilter.nf_conntrack_acct", 0),
    switch("net.netfilter.nf_conntrack_checksum", 1),
    seconds("net.netfilter.nf_conntrack_frag6_timeout", 60),
    seconds("net.netfilter.nf_conntrack_generic_timeout", 600),
    seconds("net.netfilter.nf_conntrack_gre_timeout", 30),
    seconds("net.netfilter.nf_conntrack_gre_timeout_stream", 180),
    seconds("net.netfilter.nf_conntrack_icmp_timeout", 30),
    seconds("net.netfilter.nf_conntrack_icmpv6_timeout", 30),
    count("net.netfilter.nf_conntrack_max", 262_144),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_closed", 10),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed", 3),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_cookie_wait", 3),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_established", 210),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent", 30),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent", 3),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd", 3),
    seconds("net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent", 3),
    switch("net.netfilter.nf_conntrack_tcp_be_liberal", 0),
    switch("net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", 0),
    switch("net.netfilter.nf_conntrack_tcp_loose", 1),
    known("net.netfilter.nf_conntrack_tcp_max_retrans", 3, 0, 255),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_close", 10),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_close_wait", 60),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_established", 432_000),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_fin_wait", 120),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_last_ack", 30),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_max_retrans", 300),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_syn_recv", 60),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_syn_sent", 120),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_time_wait", 120),
    seconds("net.netfilter.nf_conntrack_tcp_timeout_unacknowledged", 300),
    seconds("net.netfilter.nf_conntrack_udp_timeout", 30),
    seconds("net.netfilter.nf_conntrack_udp_timeout_stream", 120),
];

/// The table's entry for a name; one with an interface in it is looked up under `default`.
pub fn lookup(name: &str) -> Option<&'static Known> {
    let exact = |name: &str| KNOWN.iter().find(|known| known.name == name);
    exact(name).or_else(|| {
        let (family, rest) = name
            .strip_prefix("net.ipv4.conf.")
            .map(|rest| ("net.ipv4.conf", rest))
            .or_else(|| name.strip_prefix("net.ipv6.conf.").map(|rest| ("net.ipv6.conf", rest)))?;
        let (_, setting) = rest.rsplit_once('.')?;
        exact(&format!("{family}.default.{setting}"))
    })
}
