//! What a connection is to rules, which way its packets go, and what has become of it.

use super::journal::Changes;

/// The state rules match on (`--ctstate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtState {
    /// Of a connection that nobody has answered yet.
    New,
    /// Of a connection seen in both directions.
    Established,
    /// An ICMP error about a connection.
    Related,
    /// Of no connection, and not fit to begin one.
    Invalid,
    /// Not looked at.
    Untracked,
}

/// Which way a packet of a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Direction {
    /// As its first packet.
    #[default]
    Original,
    /// The other way.
    Reply,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// What has become of a connection (the kernel's `IPS_*`), and in the bits of [`Changes`] of what nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(u16);

impl Status {
    /// A packet of the reply direction was seen.
    pub const SEEN_REPLY: Self = Self(0x01);
    /// It does not give way when the table fills.
    pub const ASSURED: Self = Self(0x02);
    /// It is in the table.
    pub const CONFIRMED: Self = Self(0x04);
    /// Its source is translated.
    pub const SRC_NAT: Self = Self(0x08);
    /// Its destination is translated.
    pub const DST_NAT: Self = Self(0x10);
    /// It is out of the index; only the packet that ended it still knows it.
    pub const DYING: Self = Self(0x20);
    /// It counts in the table of source mappings.
    pub(super) const MAPPED: Self = Self(0x40);
    /// Its source was translated by MASQUERADE: it ends when its way out goes down.
    pub const MASQUERADED: Self = Self(0x80);
    /// A helper has expected it.
    pub const EXPECTED: Self = Self(0x0400);
    /// Its packets are looked at one by one: SYNPROXY has begun it, its ends count differently, or it has a helper. Which
    /// of these lies [beside](shift::Role) the table.
    pub(crate) const ADJUSTED: Self = Self(0x0800);
    /// It has an account.
    pub(super) const ACCOUNTED: Self = Self(0x100);

    /// Whether any of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }
    /// Whether it is in the table, answered and assured, as TCP's established connections stay, and its packets leave
    /// with the numbers they came with.
    #[inline]
    pub(crate) const fn is_settled(self) -> bool {
        const SETTLED: u16 = Status::SEEN_REPLY.0 | Status::ASSURED.0 | Status::CONFIRMED.0;
        self.0 & (SETTLED | Self::DYING.0 | Self::ADJUSTED.0) == SETTLED
    }
    pub(super) const fn set(&mut self, bits: Self) {
        self.0 |= bits.0;
    }
    pub(super) const fn clear(&mut self, bits: Self) {
        self.0 &= !bits.0;
    }
    /// What nobody is told of it after its beginning.
    #[must_use]
    pub const fn silenced(self) -> Changes {
        Changes::among(self.0)
    }
    pub(super) const fn silence(&mut self, changes: Changes) {
        let later = changes.without(Changes::NEW);
        self.0 = self.0 & !Changes::LATER.bits() | later.bits();
    }
    /// What `self` has and `before` had not, of what is told.
    pub(super) const fn changes_since(self, before: Self) -> Changes {
        let fresh = Self(self.0 & !before.0);
        Changes::among(0)
            .and_if(fresh.has(Self::SEEN_REPLY), Changes::REPLY)
            .and_if(fresh.has(Self::ASSURED), Changes::ASSURED)
    }
}
