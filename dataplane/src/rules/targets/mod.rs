//! Targets: what a rule does with a packet it matched. Those that write to the packet are files of their own.

pub mod connmark;
pub mod ct;
pub mod header;
pub mod netmap;
pub mod npt;
pub mod set;
pub(super) mod synproxy;
pub mod tcp_options;
pub mod tee;

use super::ChainId;
use super::matches::Kept;
use super::report::Telling;
use crate::nat::NatRange;
use crate::synproxy::SynProxy;

/// How REJECT answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectWith {
    /// An ICMP or ICMPv6 error.
    Icmp(crate::wire::icmp_error::IcmpError),
    /// A TCP reset, as RFC 9293 section 3.10.7.1 forms it.
    TcpReset,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum Target<A> {
    /// No target: counts only.
    Continue,
    /// Ends this table.
    Accept,
    /// Ends the packet.
    Drop,
    /// Drops and answers.
    Reject(RejectWith),
    /// Back to the calling chain.
    Return,
    /// Into a user chain, and back here at its end.
    Jump(ChainId),
    /// Into a user chain, and back to our caller at its end.
    Goto(ChainId),
    /// Source NAT.
    Snat(NatRange<A>),
    /// Destination NAT.
    Dnat(NatRange<A>),
    /// Source NAT to an address of the outgoing interface; only the range's ports count.
    Masquerade(NatRange<A>),
    /// Destination NAT to an address of the incoming interface; only the range's ports count.
    Redirect(NatRange<A>),
    /// No connection tracking for this packet.
    Notrack,
    /// CT.
    Ct(ct::Template),
    /// Changes the packet's mark: `(mark & !mask) ^ value`.
    Mark {
        /// Bits set or toggled.
        value: u32,
        /// Bits cleared first.
        mask: u32,
    },
    /// TTL, HL.
    Ttl(header::TtlChange),
    /// TOS, DSCP.
    Tos(header::TosChange),
    /// ECN.
    TcpEcn(header::TcpEcn),
    /// TCPMSS.
    Mss(tcp_options::MssLimit),
    /// TCPOPTSTRIP.
    OptionStrip(tcp_options::OptionStrip),
    /// CONNMARK.
    Connmark(connmark::ConnmarkChange),
    /// NETMAP.
    Netmap(netmap::Netmap<A>),
    /// SNPT, DNPT.
    Npt(npt::PrefixTranslation),
    /// SET.
    Set(set::SetChange),
    /// SYNPROXY.
    SynProxy(SynProxy),
    /// LOG, NFLOG.
    Tell(Kept<Telling>),
    /// TRACE.
    Trace,
    /// TEE.
    Tee(tee::Tee),
}

impl<A> Target<A> {
    /// The chain it leads to.
    pub(super) const fn called(&self) -> Option<ChainId> {
        if let Self::Jump(chain) | Self::Goto(chain) = self { Some(*chain) } else { None }
    }

    /// Whether the kernel would switch connection tracking on for it.
    #[must_use]
    pub const fn needs_conntrack(&self) -> bool {
        match self {
            Self::Snat(_)
            | Self::Dnat(_)
            | Self::Masquerade(_)
            | Self::Redirect(_)
            | Self::Netmap(_)
            | Self::SynProxy(_)
            | Self::Ct(_)
            | Self::Connmark(_) => true,
            Self::Continue
            | Self::Accept
            | Self::Drop
            | Self::Reject(_)
            | Self::Return
            | Self::Jump(_)
            | Self::Goto(_)
            | Self::Notrack
            | Self::Mark { .. }
            | Self::Ttl(_)
            | Self::Tos(_)
            | Self::TcpEcn(_)
            | Self::Mss(_)
            | Self::OptionStrip(_)
            | Self::Npt(_)
            | Self::Set(_)
            | Self::Trace
            | Self::Tell(_)
            | Self::Tee(_) => false,
        }
    }

    /// Whether it does the same with every packet of a flow, and nothing that a cached verdict would not do:
    /// otherwise no verdict that met it is kept.
    #[must_use]
    pub const fn is_steady(&self) -> bool {
        match self {
            Self::Continue
            | Self::Accept
            | Self::Drop
            | Self::Reject(_)
            | Self::Return
            | Self::Jump(_)
            | Self::Goto(_)
            | Self::Snat(_)
            | Self::Dnat(_)
            | Self::Masquerade(_)
            | Self::Redirect(_)
            | Self::Notrack
            | Self::Ct(_)
            | Self::Mark { .. }
            | Self::Connmark(_) => true,
            // What they write or tell or answer, a cached verdict does not; and what NETMAP chooses depends on the whole address.
            Self::Ttl(_)
            | Self::Tos(_)
            | Self::TcpEcn(_)
            | Self::Mss(_)
            | Self::OptionStrip(_)
            | Self::Npt(_)
            | Self::Netmap(_)
            | Self::Set(_)
            | Self::SynProxy(_)
            | Self::Trace
            | Self::Tell(_)
            | Self::Tee(_) => false,
        }
    }
}
