//! Matches, one file each: what a rule asks of a packet.

pub mod address;
pub mod icmp;
pub mod interface;
pub mod length;
pub mod mark;
pub mod multiport;
pub mod port;
pub mod protocol;
pub mod state;

use super::View;
use crate::address::Address;

/// Declares the enum of matches: a variant a file.
macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident($type:ty),)*) => {
        /// One condition of a rule.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Match<A> { $($(#[$doc])* $name($type),)* }

        impl<A: Address> Match<A> {
            /// Whether the packet fulfils it.
            #[must_use]
            pub fn holds(&self, view: &View<'_, A>) -> bool {
                match self { $(Self::$name(condition) => condition.holds(view),)* }
            }
        }
    };
}

declare! {
    /// `-s`.
    Source(address::Source<A>),
    /// `-d`.
    Destination(address::Destination<A>),
    /// `-i`.
    Ingress(interface::Ingress),
    /// `-o`.
    Egress(interface::Egress),
    /// `-p`.
    Protocol(protocol::Protocol),
    /// `-f`.
    Fragment(protocol::Fragment),
    /// `--sport`.
    SourcePort(port::SourcePort),
    /// `--dport`.
    DestinationPort(port::DestinationPort),
    /// `-m multiport`.
    Multiport(multiport::Multiport),
    /// `--tcp-flags`, `--syn`.
    TcpFlags(port::TcpFlags),
    /// `--icmp-type`.
    Icmp(icmp::Icmp),
    /// `-m state`, `-m conntrack --ctstate`.
    State(state::State),
    /// `-m mark`.
    Mark(mark::Mark),
    /// `-m length`.
    Length(length::Length),
}

impl<A: Address> Match<A> {
    /// Whether the answer can differ between packets of one direction of one connection in one
    /// state; a verdict that asked such a match is not cached.
    #[must_use]
    pub const fn looks_at_packet(&self) -> bool {
        match self {
            Self::TcpFlags(_) | Self::Length(_) => true,
            Self::Source(_)
            | Self::Destination(_)
            | Self::Ingress(_)
            | Self::Egress(_)
            | Self::Protocol(_)
            | Self::Fragment(_)
            | Self::SourcePort(_)
            | Self::DestinationPort(_)
            | Self::Multiport(_)
            | Self::Icmp(_)
            | Self::State(_)
            | Self::Mark(_) => false,
        }
    }

    /// Whether the kernel would switch connection tracking on for it.
    #[must_use]
    pub const fn needs_conntrack(&self) -> bool {
        matches!(self, Self::State(_))
    }
}
