//! `-m conntrack`: what connection tracking knows of the packet (kernel: xt_conntrack, revision 3).

use crate::netfilter::{AddressMask, Negatable, PortRange};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conntrack {
    /// `--ctstate`
    pub state: Option<Negatable<CtStates>>,
    /// `--ctproto`, a layer-4 protocol number.
    pub protocol: Option<Negatable<u8>>,
    /// `--ctorigsrc`
    pub orig_source: Option<Negatable<AddressMask>>,
    /// `--ctorigdst`
    pub orig_destination: Option<Negatable<AddressMask>>,
    /// `--ctreplsrc`
    pub reply_source: Option<Negatable<AddressMask>>,
    /// `--ctrepldst`
    pub reply_destination: Option<Negatable<AddressMask>>,
    /// `--ctorigsrcport`
    pub orig_source_port: Option<Negatable<PortRange>>,
    /// `--ctorigdstport`
    pub orig_destination_port: Option<Negatable<PortRange>>,
    /// `--ctreplsrcport`
    pub reply_source_port: Option<Negatable<PortRange>>,
    /// `--ctrepldstport`
    pub reply_destination_port: Option<Negatable<PortRange>>,
    /// `--ctstatus`
    pub status: Option<Negatable<CtStatus>>,
    /// `--ctexpire`, seconds left, inclusive.
    pub expire: Option<Negatable<(u32, u32)>>,
    /// `--ctdir`; never negated, since the other direction says the same.
    pub direction: Option<CtDirection>,
}

/// A set of connection states, and whether the connection is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CtStates(u8);

impl CtStates {
    /// None; as `--ctstate` a set that nothing is in.
    pub const NONE: Self = Self(0);
    /// Belongs to no connection and cannot begin one.
    pub const INVALID: Self = Self(1);
    /// Begins a connection, or continues one that was never answered.
    pub const NEW: Self = Self(2);
    /// Begins a connection that an existing one announced, or an error about one.
    pub const RELATED: Self = Self(4);
    /// Of a connection that was answered.
    pub const ESTABLISHED: Self = Self(8);
    /// Exempt from tracking.
    pub const UNTRACKED: Self = Self(16);
    /// Source address translated; `conntrack` only.
    pub const SNAT: Self = Self(32);
    /// Destination address translated; `conntrack` only.
    pub const DNAT: Self = Self(64);

    /// Both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in it.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A set of connection status bits, numbered as the kernel's `IPS_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CtStatus(pub u8);

impl CtStatus {
    /// No bit: `--ctstatus NONE`.
    pub const NONE: Self = Self(0);
    /// Announced by another connection.
    pub const EXPECTED: Self = Self(1);
    /// A reply was seen.
    pub const SEEN_REPLY: Self = Self(2);
    /// Not to be dropped early.
    pub const ASSURED: Self = Self(4);
    /// Its first packet left the box.
    pub const CONFIRMED: Self = Self(8);
}

/// `--ctdir`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtDirection {
    /// As the first packet went.
    Original,
    /// The other way.
    Reply,
}
