//! `-m icmp6`: ICMPv6 type and code.

use super::IcmpType;
use crate::netfilter::Negatable;

/// `[!] --icmpv6-type TYPE[/CODE]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp6 {
    /// The option may not be left out.
    pub icmp_type: Negatable<IcmpType>,
}
