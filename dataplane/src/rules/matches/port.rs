//! `--sport`, `--dport`, `--tcp-flags` of tcp, udp, udplite, sctp and dccp.
//!
//! The compiler puts a protocol match before them, and [`super::whole`] where the kernel has a module for them. What is too
//! short to have a port matches none, even inverted.

use super::{Condition, Depends};
use crate::address::{Address, L4Port};
use crate::rules::View;
use crate::wire::layer4::{Layer4Kind, TcpFields};
use crate::wire::protocol::TCP;
use crate::wire::tcp_flags::CONTROL;

/// Every bit of a port.
pub(super) const ALL_BITS: L4Port = L4Port::new(0xffff);

/// An inclusive range of ports, in host order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// First.
    pub from: u16,
    /// Last.
    pub to: u16,
}

impl PortRange {
    /// Whether the port lies in it.
    #[must_use]
    pub fn contains(self, port: L4Port) -> bool {
        (self.from..=self.to).contains(&port.get())
    }
}

macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $field:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            /// The range.
            pub range: PortRange,
            /// `!`.
            pub invert: bool,
        }

        impl<A: Address> Condition<A> for $name {
            fn holds(&self, view: &View<'_, A>) -> bool {
                view.$field().is_some_and(|port| self.range.contains(port) != self.invert)
            }
            fn depends(&self) -> Depends {
                Depends::Flow
            }
        }
    };
}

end!(
    /// The source port.
    SourcePort, source_port
);
end!(
    /// The destination port.
    DestinationPort, destination_port
);

/// `--tcp-flags MASK COMP`; FIN is bit 0, as in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpFlags {
    /// Flags looked at.
    pub mask: u8,
    /// Flags of these that must be set.
    pub compare: u8,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for TcpFlags {
    fn holds(&self, view: &View<'_, A>) -> bool {
        match view.layer4.kind {
            Layer4Kind::Tcp(TcpFields { flags, .. }) | Layer4Kind::OddTcp { flags } => {
                (flags & self.mask == self.compare) != self.invert
            }
            Layer4Kind::Udp { .. }
            | Layer4Kind::Icmp { .. }
            | Layer4Kind::Icmp6 { .. }
            | Layer4Kind::Gre { .. } => false,
            // Too short to be tracked, or a later fragment: what stands in their place.
            Layer4Kind::Other | Layer4Kind::Truncated => {
                let flags = view.transport().get(13).filter(|_| view.protocol() == TCP);
                flags.is_some_and(|flags| (flags & self.mask == self.compare) != self.invert)
            }
        }
    }
    fn depends(&self) -> Depends {
        // Of a segment without SYN, FIN and RST the answer is known where nothing else is looked at, or where one
        // of them is demanded.
        if self.mask & !CONTROL == 0 || self.compare & self.mask & CONTROL != 0 {
            Depends::Control
        } else {
            Depends::Packet
        }
    }
}
