//! `-j REJECT`: drops the packet and says so to its sender.

/// `--reject-with TYPE`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// The answer.
    pub with: RejectWith,
}

/// The answers, IPv4's then IPv6's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectWith {
    /// ICMP 3/0
    IcmpNetUnreachable,
    /// ICMP 3/1
    IcmpHostUnreachable,
    /// ICMP 3/2
    IcmpProtoUnreachable,
    /// ICMP 3/3, IPv4's default
    IcmpPortUnreachable,
    /// ICMP 3/9
    IcmpNetProhibited,
    /// ICMP 3/10
    IcmpHostProhibited,
    /// ICMP 3/13
    IcmpAdminProhibited,
    /// A TCP segment with RST, both families
    TcpReset,
    /// ICMPv6 1/0
    Icmp6NoRoute,
    /// ICMPv6 1/1
    Icmp6AdmProhibited,
    /// ICMPv6 1/3
    Icmp6AddrUnreachable,
    /// ICMPv6 1/4, IPv6's default
    Icmp6PortUnreachable,
    /// ICMPv6 1/5
    Icmp6PolicyFail,
    /// ICMPv6 1/6
    Icmp6RejectRoute,
}
