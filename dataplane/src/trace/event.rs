//! What is told of a packet.

use super::Traced;
use crate::address::IpVersion;
use crate::bridge::Ports;
use crate::conntrack::{CtState, Direction};
use crate::drop_reason::DropReason;
use crate::ids::{InterfaceId, WorkerId};
use crate::rules::targets::RejectWith;
use crate::rules::{ChainId, CounterId};
use crate::wire::icmp_error::IcmpError;
use crate::wire::parse::Headers;
use std::net::IpAddr;

/// Bytes of a frame that are told: Ethernet, IPv6, and the longest TCP header.
pub const SEEN: usize = 128;

/// One step of one packet.
#[derive(Debug, Clone)]
pub struct Event {
    /// The packet.
    pub traced: Traced,
    /// Its family.
    pub version: IpVersion,
    /// The worker that has it.
    pub worker: WorkerId,
    /// The number of the snapshot whose counters and chains are named.
    pub snapshot: u32,
    /// When, in nanoseconds since 1970 (UTC).
    pub unix: u64,
    /// The step.
    pub step: Step,
}

/// A step.
#[derive(Debug, Clone)]
pub enum Step {
    /// The packet as it stood when it was chosen; the first step of each.
    Packet(Seen),
    /// Whether a cached verdict would have taken it past the rules, had nobody asked.
    Cached(bool),
    /// All matches of a rule held.
    Rule {
        /// The rule.
        counter: CounterId,
        /// What came of it.
        did: Did,
    },
    /// A rule asked a match whose answer depends on what came before, or on chance. Told on dry runs only.
    Depends {
        /// The rule.
        counter: CounterId,
        /// The match's name.
        on: &'static str,
    },
    /// The end of a user chain.
    Return(ChainId),
    /// The end of a base chain.
    Policy {
        /// The chain's.
        counter: CounterId,
        /// Whether it lets the packet pass.
        accept: bool,
    },
    /// What connection tracking said.
    Connection {
        /// The state.
        state: CtState,
        /// Which way the packet goes, where it has a connection.
        direction: Option<Direction>,
    },
    /// Its source was translated.
    Source {
        /// From this address and port (or identifier),
        from: (IpAddr, u16),
        /// to that.
        to: (IpAddr, u16),
    },
    /// Its destination was translated.
    Destination {
        /// From this address and port (or identifier),
        from: (IpAddr, u16),
        /// to that.
        to: (IpAddr, u16),
    },
    /// Routed to the gateway itself.
    Local,
    /// Routed through an interface.
    Forward {
        /// The way out.
        egress: InterfaceId,
        /// Who takes it there.
        next_hop: IpAddr,
    },
    /// Nothing more happens to it.
    End(End),
}

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// On to the next rule.
    Continue,
    /// On to the next table.
    Accept,
    /// The end.
    Drop,
    /// The end, with an answer.
    Reject(RejectWith),
    /// Back to the calling chain.
    Return,
    /// Into a chain.
    Jump(ChainId),
    /// Into a chain, and back to the caller.
    Goto(ChainId),
    /// SYNPROXY has it.
    SynProxy,
    /// A new source; on to the next table.
    Snat,
    /// A new destination.
    Dnat,
    /// The way out's address as source.
    Masquerade,
    /// The gateway itself as destination.
    Redirect,
}

/// How a packet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It goes out.
    Sent {
        /// By this interface.
        egress: InterfaceId,
        /// To this neighbour.
        next_hop: IpAddr,
        /// Whether its MAC is known; otherwise the packet waits for it.
        known: bool,
    },
    /// It goes out by this port of the bridge it came in by.
    Bridged {
        /// The port.
        port: InterfaceId,
    },
    /// The host has it.
    Delivered,
    /// An echo request: the gateway answers.
    Answered,
    /// Dropped in silence.
    Dropped(DropReason),
    /// Dropped, and the sender told.
    Refused(DropReason, IcmpError),
    /// Dropped with a TCP reset.
    Reset,
    /// Another worker goes on with it, from the beginning.
    HandedOver(WorkerId),
}

/// A packet as it stood.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Interface it came in by; [`InterfaceId::HOST`] from the host.
    pub ingress: InterfaceId,
    /// Interface it leaves by, where that is known already.
    pub egress: Option<InterfaceId>,
    /// The ports of a bridge it has to do with.
    pub ports: Ports,
    /// Its mark.
    pub mark: u32,
    /// Bytes of the IP packet.
    pub length: u32,
    /// Where its headers are.
    pub headers: Headers,
    filled: u8,
    bytes: [u8; SEEN],
}

impl Seen {
    /// A copy of a frame's beginning.
    pub(crate) fn of(data: &[u8], headers: &Headers, length: u32) -> Self {
        let filled = data.len().min(usize::from(headers.end)).min(SEEN);
        let mut bytes = [0; SEEN];
        if let (Some(to), Some(from)) = (bytes.get_mut(..filled), data.get(..filled)) {
            to.copy_from_slice(from);
        }
        let filled = filled as u8;
        let (ingress, headers) = (InterfaceId::HOST, *headers);
        let ports = Ports::NONE;
        Self { ingress, egress: None, ports, mark: 0, length, headers, filled, bytes }
    }

    /// The beginning of the frame.
    #[must_use]
    pub fn frame(&self) -> &[u8] {
        self.bytes.get(..self.filled.into()).unwrap_or_default()
    }
}
