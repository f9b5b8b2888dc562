//! The kernel settings that mean something here, by the kernel's names, with the kernel's defaults.
//!
//! One table ([`KNOWN`]) holds name, default and bounds; the accessors of [`Sysctl`] read what the
//! file sets and fall back to it. Names with an interface in them (`net.ipv4.conf.lan.rp_filter`)
//! are found under `default` in the table, as a new interface inherits from it in the kernel.

mod known;

pub use known::{KNOWN, Known, lookup};

use crate::gateway::Sysctl;

/// A value as the file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SysctlValue {
    /// `= 1` or `= "1"`
    Integer(i64),
    /// Anything else.
    Text(String),
}

/// Reverse path filter (RFC 3704).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RpFilter {
    /// 0: no check.
    #[default]
    Off,
    /// 1: the reverse route must leave by the interface the packet came in.
    Strict,
    /// 2: there must be a reverse route.
    Loose,
}

impl Sysctl {
    /// The value of a setting: the file's, or the kernel's default. `None` for an unknown name.
    pub fn get(&self, name: &str) -> Option<i64> {
        match self.set.get(name) {
            Some(SysctlValue::Integer(value)) => Some(*value),
            Some(SysctlValue::Text(_)) | None => lookup(name).map(|known| known.default),
        }
    }

    fn value(&self, name: &str) -> u64 {
        self.get(name).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
    }

    fn value32(&self, name: &str) -> u32 {
        u32::try_from(self.value(name)).unwrap_or(u32::MAX)
    }

    /// Milliseconds of a setting that the kernel counts in ticks of its clock: 250 a second, as Debian builds it.
    fn jiffies(&self, name: &str) -> u32 {
        self.value32(name).saturating_mul(4)
    }

    fn enabled(&self, name: &str) -> bool {
        self.value(name) != 0
    }

    /// What `FAMILY.conf.INTERFACE.SETTING` is: its own value, else `default`'s.
    fn of_interface(&self, family: &str, interface: &str, setting: &str) -> i64 {
        let name = format!("net.{family}.conf.{interface}.{setting}");
        let inherited = format!("net.{family}.conf.default.{setting}");
        match self.set.get(&name) {
            Some(SysctlValue::Integer(value)) => *value,
            Some(SysctlValue::Text(_)) | None => self.get(&inherited).unwrap_or_default(),
        }
    }

    fn of_all(&self, family: &str, setting: &str) -> i64 {
        self.get(&format!("net.{family}.conf.all.{setting}")).unwrap_or_default()
    }

    /// `net.bridge.bridge-nf-call-iptables`: bridged IPv4 packets pass iptables.
    pub fn bridge_call_iptables(&self) -> bool {
        self.enabled("net.bridge.bridge-nf-call-iptables")
    }

    /// `net.bridge.bridge-nf-call-ip6tables`: bridged IPv6 packets pass ip6tables.
    pub fn bridge_call_ip6tables(&self) -> bool {
        self.enabled("net.bridge.bridge-nf-call-ip6tables")
    }

    /// `net.ipv4.ip_forward`, also spelled `net.ipv4.conf.all.forwarding`.
    pub fn ip_forward(&self) -> bool {
        let spelled = "net.ipv4.conf.all.forwarding";
        match self.set.contains_key("net.ipv4.ip_forward") {
            true => self.enabled("net.ipv4.ip_forward"),
            false => self.enabled(spelled),
        }
    }

    /// `net.ipv6.conf.all.forwarding`
    pub fn ipv6_forwarding(&self) -> bool {
        self.enabled("net.ipv6.conf.all.forwarding")
    }

    /// The greater of `net.ipv4.conf.all.rp_filter` and the interface's, as in the kernel.
    pub fn rp_filter(&self, interface: &str) -> RpFilter {
        let own = self.of_interface("ipv4", interface, "rp_filter");
        match own.max(self.of_all("ipv4", "rp_filter")) {
            1 => RpFilter::Strict,
            2 => RpFilter::Loose,
            _ => RpFilter::Off,
        }
    }

    /// `send_redirects`: on if either `all` or the interface has it on. A file that switches `all` off and names neither
    /// the interface nor `default` means every interface; in the kernel these would keep their 1.
    pub fn send_redirects(&self, interface: &str) -> bool {
        let named = [interface, "default"]
            .iter()
            .any(|name| self.set.contains_key(&format!("net.ipv4.conf.{name}.send_redirects")));
        self.of_all("ipv4", "send_redirects") != 0
            || named && self.of_interface("ipv4", interface, "send_redirects") != 0
    }

    /// `shared_media`: on if either `all` or the interface has it on.
    pub fn shared_media(&self, interface: &str) -> bool {
        self.of_all("ipv4", "shared_media") != 0
            || self.of_interface("ipv4", interface, "shared_media") != 0
    }

    /// IPv4 `accept_source_route`: on if both `all` and the interface have it on.
    pub fn accept_source_route(&self, interface: &str) -> bool {
        self.of_all("ipv4", "accept_source_route") != 0
            && self.of_interface("ipv4", interface, "accept_source_route") != 0
    }

    /// `net.ipv4.ip_default_ttl`
    pub fn ip_default_ttl(&self) -> u8 {
        u8::try_from(self.value("net.ipv4.ip_default_ttl")).unwrap_or(64)
    }

    /// IPv6 `addr_gen_mode`: whether an interface has a link-local address made from its MAC. What is not said of the
    /// interface itself is said of all, or by default.
    pub fn has_link_local(&self, interface: &str) -> bool {
        let own = self.set.contains_key(&format!("net.ipv6.conf.{interface}.addr_gen_mode"));
        self.of_interface("ipv6", interface, "addr_gen_mode") == 0
            && (own || self.of_all("ipv6", "addr_gen_mode") == 0)
    }

    /// IPv6 `hop_limit` of an interface.
    pub fn hop_limit(&self, interface: &str) -> u8 {
        u8::try_from(self.of_interface("ipv6", interface, "hop_limit")).unwrap_or(64)
    }

    /// ICMP errors' limits.
    pub fn icmp(&self) -> IcmpLimits {
        IcmpLimits {
            ratelimit_ms: self.value32("net.ipv4.icmp_ratelimit"),
            ratemask: self.value32("net.ipv4.icmp_ratemask"),
            messages_per_second: self.value32("net.ipv4.icmp_msgs_per_sec"),
            messages_burst: self.value32("net.ipv4.icmp_msgs_burst"),
            v6_ratelimit_ms: self.value32("net.ipv6.icmp.ratelimit"),
            route_error_cost_ms: self.jiffies("net.ipv4.route.error_cost"),
            route_error_burst_ms: self.jiffies("net.ipv4.route.error_burst"),
        }
    }

    /// Connection tracking's bounds, switches and timeouts.
    pub fn conntrack(&self) -> ConntrackSettings {
        let seconds = |name: &str| self.value32(&format!("net.netfilter.nf_conntrack_{name}"));
        let switch = |name: &str| seconds(name) != 0;
        ConntrackSettings {
            max: seconds("max"),
            accounting: switch("acct"),
            checksum: switch("checksum"),
            tcp_loose: switch("tcp_loose"),
            tcp_be_liberal: switch("tcp_be_liberal"),
            tcp_ignore_invalid_rst: switch("tcp_ignore_invalid_rst"),
            tcp_max_retrans: u8::try_from(seconds("tcp_max_retrans")).unwrap_or(3),
            timeouts: ConntrackTimeouts {
                generic: seconds("generic_timeout"),
                icmp: seconds("icmp_timeout"),
                icmpv6: seconds("icmpv6_timeout"),
                udp: seconds("udp_timeout"),
                udp_stream: seconds("udp_timeout_stream"),
                gre: seconds("gre_timeout"),
                gre_stream: seconds("gre_timeout_stream"),
                tcp_syn_sent: seconds("tcp_timeout_syn_sent"),
                tcp_syn_recv: seconds("tcp_timeout_syn_recv"),
                tcp_established: seconds("tcp_timeout_established"),
                tcp_fin_wait: seconds("tcp_timeout_fin_wait"),
                tcp_close_wait: seconds("tcp_timeout_close_wait"),
                tcp_last_ack: seconds("tcp_timeout_last_ack"),
                tcp_time_wait: seconds("tcp_timeout_time_wait"),
                tcp_close: seconds("tcp_timeout_close"),
                tcp_max_retrans: seconds("tcp_timeout_max_retrans"),
                tcp_unacknowledged: seconds("tcp_timeout_unacknowledged"),
                sctp_closed: seconds("sctp_timeout_closed"),
                sctp_cookie_wait: seconds("sctp_timeout_cookie_wait"),
                sctp_cookie_echoed: seconds("sctp_timeout_cookie_echoed"),
                sctp_established: seconds("sctp_timeout_established"),
                sctp_shutdown_sent: seconds("sctp_timeout_shutdown_sent"),
                sctp_shutdown_recd: seconds("sctp_timeout_shutdown_recd"),
                sctp_shutdown_ack_sent: seconds("sctp_timeout_shutdown_ack_sent"),
                sctp_heartbeat_sent: seconds("sctp_timeout_heartbeat_sent"),
            },
        }
    }
}

/// Limits on the ICMP messages the gateway itself sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpLimits {
    /// Least milliseconds between two messages to one destination; 0: no limit.
    pub ratelimit_ms: u32,
    /// Bit per ICMP type that the limits apply to.
    pub ratemask: u32,
    /// All destinations together.
    pub messages_per_second: u32,
    /// Burst of the same.
    pub messages_burst: u32,
    /// ICMPv6's `ratelimit_ms`.
    pub v6_ratelimit_ms: u32,
    /// What telling a source of a missing route costs, in milliseconds of its time.
    pub route_error_cost_ms: u32,
    /// What a source can save up for that.
    pub route_error_burst_ms: u32,
}

/// `net.netfilter.nf_conntrack_*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConntrackSettings {
    /// Most connections at a time; 0: no bound.
    pub max: u32,
    /// Count packets and bytes of connections that begin.
    pub accounting: bool,
    /// Check layer-4 checksums; a bad one makes the packet INVALID.
    pub checksum: bool,
    /// Pick up TCP connections in midstream.
    pub tcp_loose: bool,
    /// Out-of-window segments are INVALID only if they are RSTs.
    pub tcp_be_liberal: bool,
    /// Out-of-window RSTs do not end a connection.
    pub tcp_ignore_invalid_rst: bool,
    /// Retransmissions without an answer before `tcp_max_retrans`' timeout applies.
    pub tcp_max_retrans: u8,
    /// When an idle connection is forgotten.
    pub timeouts: ConntrackTimeouts,
}

/// Timeouts in seconds, under the rest of the kernel's names.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConntrackTimeouts {
    pub generic: u32,
    pub icmp: u32,
    pub icmpv6: u32,
    pub udp: u32,
    pub udp_stream: u32,
    pub gre: u32,
    pub gre_stream: u32,
    pub tcp_syn_sent: u32,
    pub tcp_syn_recv: u32,
    pub tcp_established: u32,
    pub tcp_fin_wait: u32,
    pub tcp_close_wait: u32,
    pub tcp_last_ack: u32,
    pub tcp_time_wait: u32,
    pub tcp_close: u32,
    pub tcp_max_retrans: u32,
    pub tcp_unacknowledged: u32,
    pub sctp_closed: u32,
    pub sctp_cookie_wait: u32,
    pub sctp_cookie_echoed: u32,
    pub sctp_established: u32,
    pub sctp_shutdown_sent: u32,
    pub sctp_shutdown_recd: u32,
    pub sctp_shutdown_ack_sent: u32,
    pub sctp_heartbeat_sent: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, i64)]) -> Sysctl {
        let entry = |(name, value): &(&str, i64)| ((*name).into(), SysctlValue::Integer(*value));
        Sysctl { set: pairs.iter().map(entry).collect() }
    }

    #[test]
    fn every_conntrack_setting_is_in_the_table() {
        let defaults = Sysctl::default().conntrack();
        assert_eq!(defaults.max, 262_144);
        assert_eq!(defaults.timeouts.tcp_established, 432_000);
        let shown = format!("{:?}", defaults.timeouts);
        assert!(!shown.contains(": 0"), "a name is missing from the table: {shown}");
    }

    #[test]
    fn all_default_and_interface_combine_as_in_the_kernel() {
        let s = set(&[("net.ipv4.conf.all.rp_filter", 1), ("net.ipv4.conf.wan.rp_filter", 2)]);
        assert_eq!(s.rp_filter("wan"), RpFilter::Loose);
        assert_eq!(s.rp_filter("lan"), RpFilter::Strict);
        assert!(Sysctl::default().send_redirects("lan"));
        let (all, lan) = ("net.ipv4.conf.all.send_redirects", "net.ipv4.conf.lan.send_redirects");
        let default = "net.ipv4.conf.default.send_redirects";
        assert!(!set(&[(all, 0)]).send_redirects("lan"), "every interface is meant");
        assert!(set(&[(all, 0), (lan, 1)]).send_redirects("lan"));
        assert!(!set(&[(all, 0), (lan, 1)]).send_redirects("wan"));
        assert!(set(&[(all, 0), (default, 1)]).send_redirects("wan"));
        assert!(!set(&[(all, 0), (default, 0)]).send_redirects("lan"));
        assert!(set(&[(all, 0), (default, 0), (lan, 1)]).send_redirects("lan"));
        assert!(!set(&[(all, 0), (default, 0), (lan, 1)]).send_redirects("wan"));
        let (all, lan) = ("net.ipv4.conf.all.shared_media", "net.ipv4.conf.lan.shared_media");
        assert!(set(&[(all, 0)]).shared_media("lan"));
        assert!(!set(&[(all, 0), (lan, 0)]).shared_media("lan"));
        assert!(set(&[(lan, 0)]).send_redirects("lan"), "`all` is still 1");
        let (all, lan) = ("net.ipv6.conf.all.addr_gen_mode", "net.ipv6.conf.lan.addr_gen_mode");
        assert!(Sysctl::default().has_link_local("lan"));
        assert!(!set(&[(all, 1)]).has_link_local("lan"));
        assert!(set(&[(all, 1), (lan, 0)]).has_link_local("lan"));
        assert!(!set(&[("net.ipv6.conf.default.addr_gen_mode", 1)]).has_link_local("lan"));
        assert!(!set(&[(lan, 1)]).has_link_local("lan"));
        assert!(set(&[(lan, 1)]).has_link_local("wan"));
        assert!(!Sysctl::default().accept_source_route("lan"));
        assert!(set(&[("net.ipv4.conf.all.accept_source_route", 1)]).accept_source_route("lan"));
    }

    #[test]
    fn forwarding_has_two_spellings() {
        assert!(!Sysctl::default().ip_forward());
        assert!(set(&[("net.ipv4.ip_forward", 1)]).ip_forward());
        assert!(set(&[("net.ipv4.conf.all.forwarding", 1)]).ip_forward());
    }

    #[test]
    fn an_interface_with_dots_in_its_name_is_looked_up() {
        assert_eq!(lookup("net.ipv4.conf.lan.5.rp_filter").map(|k| k.max), Some(2));
        assert_eq!(lookup("net.ipv4.nonsense"), None);
    }
}
