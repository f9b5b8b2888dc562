//! `-m tcp`: ports, flags and options of TCP.

use crate::netfilter::{Negatable, PortRange};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcp {
    /// `--sport`
    pub source_port: Option<Negatable<PortRange>>,
    /// `--dport`
    pub destination_port: Option<Negatable<PortRange>>,
    /// `--tcp-flags`, `--syn`
    pub flags: Option<Negatable<TcpFlags>>,
    /// `--tcp-option`: the kind of a TCP option that must be present.
    pub option: Option<Negatable<u8>>,
}

/// Of the flags in `mask`, exactly those in `set` are on. Bits as in the TCP header: FIN 1, SYN 2,
/// RST 4, PSH 8, ACK 16, URG 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TcpFlags {
    /// Flags looked at.
    pub mask: u8,
    /// Flags of them that are on.
    pub set: u8,
}

impl TcpFlags {
    /// `--syn`: SYN on; RST, ACK and FIN off.
    pub const SYN: Self = Self { mask: 0x17, set: 0x02 };

    /// Whether a segment with these flags is meant.
    pub fn matches(&self, flags: u8) -> bool {
        flags & self.mask == self.set
    }
}
