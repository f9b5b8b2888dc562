//! Matches, one file each: what a rule asks of a packet.
//!
//! A file holds a struct with what was asked, and its [`Condition`]; one line of the list below makes it a variant of
//! [`Match`]. What has to outlive a change of rules (buckets, lists, quotas) is behind a [`Kept`].

pub mod address;
pub mod addrtype;
pub mod ah;
pub mod always;
pub mod bpf;
pub mod connbytes;
pub mod connlimit;
pub mod connmark;
pub mod conntrack;
pub mod cpu;
pub mod dccp;
pub mod ecn;
pub mod eui64;
pub mod extension;
pub mod frag;
pub mod hashlimit;
pub mod helper;
pub mod icmp;
pub mod interface;
pub mod ipv6header;
pub mod length;
pub mod limit;
pub mod link;
pub mod mark;
pub mod mobility;
pub mod multiport;
pub mod options_header;
pub mod physdev;
pub mod port;
pub mod protocol;
pub mod quota;
pub mod range;
pub mod recent;
pub mod reverse_path;
pub mod routing;
pub mod sctp;
pub mod set;
pub mod socket;
pub mod spi;
pub mod state;
pub mod statistic;
pub mod string;
pub mod tcp_options;
pub mod time;
pub mod tos;
pub mod ttl;
pub mod u32_match;
pub mod whole;

#[cfg(test)]
mod testing;

use super::View;
use crate::address::Address;
use crate::sets::SetChanges;
use crate::tuple::Tuple;
use std::ops::Deref;
use std::sync::Arc;

/// How much of a packet decides whether a match holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Depends {
    /// Nothing but tuple, interfaces, marks and connection state: the answer is the same for all packets of one
    /// direction of a connection in one state, unless a look into a set has found what is for this packet alone
    /// ([`View::fleeting`]).
    Flow,
    /// The same, and how the connection's destination is translated: the first packet asks PREROUTING and OUTPUT before
    /// that is known.
    TranslatedDestination,
    /// The same, and how its source is: that is not known before the first packet has passed.
    TranslatedSource,
    /// As for a flow, and which of SYN, FIN and RST a TCP segment has: the answer is the same for all segments that have
    /// none, and no other takes a cached verdict.
    Control,
    /// As for a flow, but the look may count the packet, so that it must not be left out.
    Counted,
    /// Something else, or what happened before: every packet must be asked.
    Packet,
}

/// What one kind of match asks, and what it says of itself.
pub(in crate::rules) trait Condition<A: Address> {
    /// Whether the packet fulfils it.
    fn holds(&self, view: &View<'_, A>) -> bool;

    /// How far an answer reaches; a verdict that asked for more than a flow has is not kept.
    fn depends(&self) -> Depends {
        Depends::Packet
    }

    /// Whether the kernel would switch connection tracking on for it.
    fn needs_conntrack(&self) -> bool {
        false
    }

    /// Whether routes decide, so that a change of them may change the answer.
    fn asks_routes(&self) -> bool {
        false
    }

    /// What counts changes of sets, where one decides.
    fn asks_sets(&self) -> Option<SetChanges> {
        None
    }

    /// Whether the kernel would switch the counting of what connections carry on for it.
    fn needs_accounting(&self) -> bool {
        false
    }

    /// Sets the bits of a tuple that it looks at.
    fn consult(&self, _bits: &mut Tuple<A>) {}

    /// Its name, where its answer depends on packets before this one or on chance. On a dry run
    /// ([`View::is_dry`]) it answers as it would now, and changes nothing.
    fn keeps(&self) -> Option<&'static str> {
        None
    }
}

/// State of a match or target that is shared by workers, and by the rules before and after a change.
#[derive(Debug, Default)]
pub struct Kept<T>(pub Arc<T>);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The same state, not one that happens to look like it.
impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
impl<T> Eq for Kept<T> {}

/// Declares the enum of matches: a variant a file.
macro_rules! declare {
    ($($(#[$doc:meta])* $name:ident($type:ty),)*) => {
        /// One condition of a rule.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::large_enum_variant, reason = "strings are seldom, and a walk follows no pointer")]
        pub enum Match<A> { $($(#[$doc])* $name($type),)* }

        /// Which match: for tests that must not leave one out.
        #[cfg(test)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::rules) enum Kind { $($name,)* }

        #[cfg(test)]
        impl Kind {
            pub(in crate::rules) const ALL: &[Self] = &[$(Self::$name,)*];
        }

        #[cfg(test)]
        impl<A> Match<A> {
            pub(in crate::rules) const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)* }
            }
        }

        impl<A: Address> Match<A> {
            /// Whether the packet fulfils it.
            #[must_use]
            pub fn holds(&self, view: &View<'_, A>) -> bool {
                match self { $(Self::$name(condition) => condition.holds(view),)* }
            }

            /// How much of a packet decides.
            pub(in crate::rules) fn depends(&self) -> Depends {
                match self { $(Self::$name(condition) => Condition::<A>::depends(condition),)* }
            }

            /// Whether the kernel would switch connection tracking on for it.
            #[must_use]
            pub fn needs_conntrack(&self) -> bool {
                match self { $(Self::$name(condition) => Condition::<A>::needs_conntrack(condition),)* }
            }

            /// Its name, where its answer depends on more than the packet and the time.
            pub(in crate::rules) fn keeps(&self) -> Option<&'static str> {
                match self { $(Self::$name(condition) => Condition::<A>::keeps(condition),)* }
            }

            /// Whether routes decide.
            pub(in crate::rules) fn asks_routes(&self) -> bool {
                match self { $(Self::$name(condition) => Condition::<A>::asks_routes(condition),)* }
            }

            /// What counts changes of sets, where one decides.
            pub(in crate::rules) fn asks_sets(&self) -> Option<SetChanges> {
                match self { $(Self::$name(condition) => Condition::<A>::asks_sets(condition),)* }
            }

            /// Whether connections must have accounts for it.
            #[must_use]
            pub fn needs_accounting(&self) -> bool {
                match self { $(Self::$name(condition) => Condition::<A>::needs_accounting(condition),)* }
            }

            /// Sets the bits of a tuple that it looks at.
            pub(in crate::rules) fn consult(&self, bits: &mut Tuple<A>) {
                match self { $(Self::$name(condition) => condition.consult(bits),)* }
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
    /// What modules of ports ask before all else.
    Whole(whole::Whole),
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
    /// `-m limit`.
    Limit(limit::Limit),
    /// `-m iprange`.
    Range(range::IpRange<A>),
    /// `-m ttl`, `-m hl`.
    Ttl(ttl::Ttl),
    /// `-m tos`, `-m dscp`.
    Tos(tos::Tos),
    /// `-m ecn`.
    Ecn(ecn::Ecn),
    /// `-m connmark`.
    Connmark(connmark::Connmark),
    /// `-m conntrack` beyond `--ctstate`.
    Conntrack(conntrack::Conntrack<A>),
    /// `-m mac`.
    SourceMac(link::SourceMac),
    /// `-m pkttype`.
    PacketType(link::PacketType),
    /// `-m addrtype`.
    AddressType(addrtype::AddressType),
    /// `-m rpfilter`.
    ReversePath(reverse_path::ReversePath),
    /// `-m statistic`.
    Statistic(statistic::Statistic),
    /// `-m string`.
    String(string::Pattern),
    /// `-m time`.
    Time(time::Time),
    /// `-m quota`.
    Quota(quota::Quota),
    /// `-m recent`.
    Recent(recent::Recent),
    /// `-m connlimit`.
    ConnLimit(connlimit::ConnLimit<A>),
    /// `-m set`.
    Set(set::SetMatch),
    /// `-m socket`.
    Socket(socket::Socket),
    /// `-m hashlimit`.
    HashLimit(hashlimit::HashLimit),
    /// `--tcp-option`.
    TcpOption(tcp_options::TcpOption),
    /// `-m tcpmss`.
    Mss(tcp_options::Mss),
    /// `-m esp`, `-m ah` of iptables.
    Spi(spi::Spi),
    /// `-m helper`.
    Helper(helper::Helper),
    /// `-m connbytes`.
    ConnBytes(connbytes::ConnBytes),
    /// `-m u32`.
    U32(u32_match::U32),
    /// `-m bpf`.
    Bpf(bpf::Bpf),
    /// `-m cpu`.
    Cpu(cpu::Cpu),
    /// `-m ah` of ip6tables.
    Ah(ah::Ah),
    /// `-m frag`.
    Frag(frag::Frag),
    /// `-m rt`.
    Routing(routing::Routing),
    /// `-m hbh`, `-m dst`.
    OptionsHeader(options_header::OptionsHeader),
    /// `-m ipv6header`.
    Ipv6Header(ipv6header::Ipv6Header),
    /// `-m mh`.
    Mobility(mobility::Mobility),
    /// `-m eui64`.
    Eui64(eui64::Eui64),
    /// `--chunk-types`.
    Chunks(sctp::Chunks),
    /// `--dccp-types`.
    DccpTypes(dccp::Types),
    /// `--dccp-option`.
    DccpOption(dccp::DccpOption),
    /// `-m physdev`, where there are bridges.
    Physdev(physdev::Physdev),
    /// `-m policy`, and `-m physdev` where there is no bridge.
    Always(always::Always),
}

impl<A> Match<A> {
    /// Where it counts connections, which must hear of their end.
    pub(in crate::rules) const fn counts(&self) -> Option<&Kept<connlimit::Counts<A>>> {
        match self {
            Self::ConnLimit(limit) => Some(&limit.counts),
            _ => None,
        }
    }
}
