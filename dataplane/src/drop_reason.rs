//! Why a packet ended without being sent or delivered. Exhaustive: every drop has one, every reason
//! a counter.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a packet was dropped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// All reasons, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The name `sluice stats` prints.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// Shorter than an Ethernet header, or than its own headers say.
    Truncated = "truncated",
    /// Longer than the port's MTU: a super-frame of a peer whose offloads are on (TSO, GSO), or of this side's GRO.
    Oversized = "oversized",
    /// Not for this gateway's MAC.
    OtherHost = "other-host",
    /// On a bridge: a source that is a group or zero.
    BadSourceMac = "bad-source-mac",
    /// On a bridge: for a group that stays on its link (01:80:c2:00:00:01 to 0f).
    ReservedGroup = "reserved-group",
    /// On a bridge: for where it came from, or no other port is up.
    NoBridgePort = "no-bridge-port",
    /// VLAN tag without a sub-interface, or more than one tag.
    UnknownVlan = "unknown-vlan",
    /// The interface is administratively down.
    InterfaceDown = "interface-down",
    /// An EtherType the gateway does not speak.
    UnknownEtherType = "unknown-ethertype",
    /// Malformed ARP.
    BadArp = "bad-arp",
    /// Malformed neighbour discovery message.
    BadNeighbourDiscovery = "bad-neighbour-discovery",
    /// IP version or header length wrong.
    BadIpHeader = "bad-ip-header",
    /// IPv4 header checksum wrong.
    BadIpChecksum = "bad-ip-checksum",
    /// IP total length beyond the frame, or shorter than the header.
    BadIpLength = "bad-ip-length",
    /// Malformed IPv4 options or IPv6 extension headers.
    BadIpOptions = "bad-ip-options",
    /// Source routing, refused.
    SourceRoute = "source-route",
    /// Layer-4 checksum incomplete and not completable (peer's offload is on).
    IncompleteChecksum = "incomplete-checksum",
    /// Source address that cannot be (loopback, multicast, own, zero network…).
    MartianSource = "martian-source",
    /// Destination address that cannot be forwarded to.
    MartianDestination = "martian-destination",
    /// Reverse-path filter.
    ReversePath = "reverse-path",
    /// Fragments that overlap, exceed 65,535 bytes or contradict one another.
    BadFragment = "bad-fragment",
    /// Fragments waited too long for their fellows.
    ReassemblyTimeout = "reassembly-timeout",
    /// Too many datagrams in reassembly.
    ReassemblyFull = "reassembly-full",
    /// A fragment seen twice.
    DuplicateFragment = "duplicate-fragment",
    /// TTL or hop limit would reach zero.
    TtlExceeded = "ttl-exceeded",
    /// No route.
    NoRoute = "no-route",
    /// A blackhole route.
    Blackhole = "blackhole",
    /// An unreachable route.
    Unreachable = "unreachable-route",
    /// A prohibit route.
    Prohibit = "prohibit-route",
    /// Forwarding is switched off.
    NotForwarding = "not-forwarding",
    /// Link-layer broadcast or multicast that would be forwarded.
    LinkBroadcast = "link-broadcast",
    /// Multicast destination nobody joined.
    Multicast = "multicast",
    /// Too big for the way out and not to be fragmented.
    TooBig = "too-big",
    /// A rule or policy said DROP.
    Rule = "rule",
    /// A rule said REJECT.
    Reject = "reject",
    /// Taken by SYNPROXY, which has spoken for the other end instead.
    SynProxy = "synproxy",
    /// An ACK that brought SYNPROXY no cookie of its own, or an old one.
    SynCookie = "syn-cookie",
    /// TCP options cut short, of a connection whose numbers are shifted.
    BadTcpOptions = "bad-tcp-options",
    /// Half a command that a helper cannot follow, or one that announces what cannot be expected.
    Helper = "helper",
    /// The connection table is full.
    ConntrackFull = "conntrack-full",
    /// Two packets raced to create one connection, or the tuple is taken.
    ConntrackClash = "conntrack-clash",
    /// No free port or address for NAT.
    NatExhausted = "nat-exhausted",
    /// An ICMP redirect about a translated connection.
    TranslatedRedirect = "translated-redirect",
    /// An ICMP error about a translated connection that quotes less than translation writes to.
    ShortQuote = "short-quote",
    /// GRE of a translated connection, shorter than what translation writes to or of a version that there is not.
    BadGre = "bad-gre",
    /// An ICMP error of the host's own stack, to a destination that has had as many as the limits allow.
    IcmpRateLimit = "icmp-rate-limit",
    /// The next hop never answered.
    NeighbourFailed = "neighbour-failed",
    /// Too many packets wait for the next hop.
    NeighbourQueueFull = "neighbour-queue-full",
    /// The neighbour table is full.
    NeighbourTableFull = "neighbour-table-full",
    /// No buffer left.
    NoBuffer = "no-buffer",
    /// The hand-off ring to another worker is full.
    HandOffFull = "hand-off-full",
    /// The driver's transmit ring is full.
    TransmitFull = "transmit-full",
    /// The host's own stack did not take it.
    HostFull = "host-full",
}

/// One counter per reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropCounts([u64; DropReason::ALL.len()]);

impl Default for DropCounts {
    fn default() -> Self {
        Self([0; DropReason::ALL.len()])
    }
}

impl DropCounts {
    /// Counts one drop.
    pub fn add(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }
    /// Sets the count of `reason`.
    pub fn set(&mut self, reason: DropReason, count: u64) {
        self.0[reason as usize] = count;
    }
    /// Drops for `reason`.
    #[must_use]
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }
    /// All drops.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
