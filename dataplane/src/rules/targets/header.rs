//! TTL, HL, TOS, DSCP and ECN: targets that write to the IP header, or to the flags of a TCP header.

use crate::address::Address;
use crate::rules::View;
use crate::wire::layer4::Layer4Kind;
use crate::wire::{header, tcp_options};

/// TTL and HL: how the TTL or hop limit changes. It may become zero and the packet still leaves, as in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlChange {
    /// `--ttl-set`.
    Set(u8),
    /// `--ttl-inc`, to 255 at most.
    Increase(u8),
    /// `--ttl-dec`, to zero at least.
    Decrease(u8),
}

impl TtlChange {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        let old = header::ttl(view.data, view.headers);
        let new = match self {
            Self::Set(ttl) => ttl,
            Self::Increase(by) => old.saturating_add(by),
            Self::Decrease(by) => old.saturating_sub(by),
        };
        header::set_ttl(view.data, view.headers, new);
    }
}

/// TOS and DSCP: `(tos & !mask) ^ value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TosChange {
    /// Bits set or toggled.
    pub value: u8,
    /// Bits cleared first.
    pub mask: u8,
}

impl TosChange {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        let tos = header::tos(view.data, view.headers) & !self.mask ^ self.value;
        header::set_tos(view.data, view.headers, tos);
    }
}

/// ECN: flags of TCP that are cleared or set (kernel `ipt_ECN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpEcn {
    /// Flags that change.
    pub mask: u8,
    /// What they become.
    pub value: u8,
}

impl TcpEcn {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        if let Layer4Kind::Tcp(tcp) = &mut view.layer4.kind {
            let flags = tcp.flags & !self.mask | self.value;
            if flags != tcp.flags {
                tcp.flags = flags;
                tcp_options::replace(view.data, view.headers, 13, &[flags]);
            }
        }
    }
}
