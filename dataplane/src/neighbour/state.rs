//! The words of neighbour discovery: states, events, answers and settings.

use std::net::IpAddr;
use std::time::Duration;

use crate::address::Mac;
use crate::ids::{InterfaceId, NeighbourId};

/// Neighbour unreachability detection state: RFC 4861 section 7.3.2 and the kernel's `NUD_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Asked, no answer yet.
    Incomplete,
    /// Answered lately.
    Reachable,
    /// Known, not verified lately, not in use.
    Stale,
    /// Known, in use again; verified soon.
    Delay,
    /// Being verified by unicast.
    Probe,
    /// Did not answer.
    Failed,
    /// Needs no resolution.
    NoArp,
    /// Set by the operator.
    Permanent,
}

impl State {
    /// As `ip neigh` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::NoArp => "NOARP",
            Self::Permanent => "PERMANENT",
        }
    }

    /// Whether packets can be sent (`NUD_VALID`).
    #[must_use]
    pub const fn is_valid(self) -> bool {
        match self {
            Self::Reachable
            | Self::Stale
            | Self::Delay
            | Self::Probe
            | Self::NoArp
            | Self::Permanent => true,
            Self::Incomplete | Self::Failed => false,
        }
    }

    /// Whether the MAC is beyond doubt (`NUD_CONNECTED`).
    #[must_use]
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Reachable | Self::NoArp | Self::Permanent)
    }

    /// Whether only the operator may change it.
    #[must_use]
    pub const fn is_static(self) -> bool {
        matches!(self, Self::NoArp | Self::Permanent)
    }
}

/// How a neighbour showed itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ARP request for one of our addresses: who asks is learned.
    Request,
    /// An ARP reply sent to our MAC.
    Reply,
    /// An ARP message about the sender itself, asked for by nobody. Updates, never creates.
    Gratuitous,
    /// Any other ARP message that passed by (a request for somebody else, a reply by broadcast).
    /// Updates, never creates.
    Overheard,
    /// A neighbour solicitation for one of our addresses, from a specified source.
    NeighbourSolicitation,
    /// A neighbour advertisement, with its flags. Updates, never creates.
    NeighbourAdvertisement {
        /// S: answers a solicitation of ours.
        solicited: bool,
        /// O: may replace a MAC already known.
        override_: bool,
        /// R: the neighbour is a router.
        router: bool,
    },
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker parked a first packet for this next hop, or uses one that is stale.
    Wanted {
        /// Interface of the next hop.
        interface: InterfaceId,
        /// The next hop.
        address: IpAddr,
    },
    /// A neighbour showed itself on the link.
    Seen {
        /// Interface it was seen on.
        interface: InterfaceId,
        /// The address it claims.
        address: IpAddr,
        /// The MAC it claims; none for a discovery message without that option.
        mac: Option<Mac>,
        /// By which message.
        kind: Kind,
    },
    /// The interface went down or away.
    InterfaceGone {
        /// Which.
        interface: InterfaceId,
    },
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Send an ARP request or neighbour solicitation.
    Solicit {
        /// Out of this interface.
        interface: InterfaceId,
        /// Who is asked for.
        target: IpAddr,
        /// To this MAC, or to all (broadcast, solicited-node multicast).
        unicast_to: Option<Mac>,
    },
    /// Packets that wait for this next hop can go.
    Resolved {
        /// The entry.
        id: NeighbourId,
        /// Its interface.
        interface: InterfaceId,
        /// Its address.
        address: IpAddr,
    },
    /// Packets that wait for this next hop fail, with an ICMP host unreachable each.
    Failed {
        /// The entry; none when the table had no room for it.
        id: Option<NeighbourId>,
        /// Its interface.
        interface: InterfaceId,
        /// Its address.
        address: IpAddr,
    },
}

/// Times and bounds, under the kernel's names in `net.ipv4.neigh.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `base_reachable_time`: how long an answer is good for.
    pub base_reachable: Duration,
    /// `delay_first_probe_time`: how long a stale neighbour in use may confirm itself unasked.
    pub delay_first_probe: Duration,
    /// `retrans_time`: between two requests.
    pub retrans: Duration,
    /// `ucast_solicit`: unicast requests before a known neighbour has failed.
    pub unicast_solicits: u32,
    /// `mcast_solicit`: requests before an unknown one has.
    pub multicast_solicits: u32,
    /// `locktime`: ARP messages that contradict a MAC this fresh are ignored.
    pub locktime: Duration,
    /// `gc_stale_time`: entries unused for so long may go.
    pub gc_stale: Duration,
    /// `gc_thresh1`: up to so many entries stay for ever.
    pub gc_thresh1: usize,
    /// `gc_thresh3`: dynamic entries there may be. The table needs room for more, as entries removed
    /// free their place only after a while; twice as many is plenty.
    pub gc_thresh3: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_reachable: Duration::from_secs(30),
            delay_first_probe: Duration::from_secs(5),
            retrans: Duration::from_secs(1),
            unicast_solicits: 3,
            multicast_solicits: 3,
            locktime: Duration::from_secs(1),
            gc_stale: Duration::from_secs(60),
            gc_thresh1: 128,
            gc_thresh3: 1024,
        }
    }
}

/// An entry as the operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Its place in the table.
    pub id: NeighbourId,
    /// Interface it is on.
    pub interface: InterfaceId,
    /// Its address.
    pub address: IpAddr,
    /// Its MAC, if known.
    pub mac: Option<Mac>,
    /// Its state; [`State::name`] is what `ip neigh` prints.
    pub state: State,
    /// Whether it said it is a router.
    pub router: bool,
}
