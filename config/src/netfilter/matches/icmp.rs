//! `-m icmp`: ICMP type and code.

use crate::netfilter::Negatable;

/// `[!] --icmp-type TYPE[/CODE]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Icmp {
    /// Absent: any type.
    pub icmp_type: Option<Negatable<IcmpType>>,
}

/// A type and the codes meant, for ICMP and ICMPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcmpType {
    /// The type; `None` is `any`, which matches every type (ICMPv4 only).
    pub kind: Option<u8>,
    /// Lowest code.
    pub min_code: u8,
    /// Highest code.
    pub max_code: u8,
}

impl IcmpType {
    /// Every type and code.
    pub const ANY: Self = Self { kind: None, min_code: 0, max_code: 255 };

    /// Whether a message of that type and code is meant.
    pub fn matches(&self, kind: u8, code: u8) -> bool {
        self.kind.is_none_or(|own| own == kind && (self.min_code..=self.max_code).contains(&code))
    }
}
