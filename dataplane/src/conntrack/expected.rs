//! What is expected: the tuple of a first packet, how much of it counts, whose it is and how it is translated.

use super::expect::Refused;
use super::{Changes, Helper, NewConnection, Status, Zones};
use crate::address::{Address, L4Port};
use crate::tuple::{Tuple, Zone};

/// How much of the source of an expected tuple counts; its destination counts in full (the kernel's mask).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceMask {
    /// So many bits of the address, all of it at most.
    pub prefix: u8,
    /// Whether the port does.
    pub port: bool,
}

impl SourceMask {
    /// Nothing: whoever comes.
    pub(crate) const ANY: Self = Self { prefix: 0, port: false };
    /// The address.
    pub(crate) const ADDRESS: Self = Self { prefix: u8::MAX, port: false };
    /// Address and port.
    pub(crate) const WHOLE: Self = Self { prefix: u8::MAX, port: true };

    /// The address as far as it counts.
    #[must_use]
    pub fn address<A: Address>(self, address: A) -> A {
        let bits = 8 * A::SIZE as u32;
        let hidden = bits.saturating_sub(self.prefix.into());
        A::from_bits(
            address.to_bits().checked_shr(hidden).unwrap_or(0).checked_shl(hidden).unwrap_or(0),
        )
    }

    /// What counts of a tuple.
    pub(super) fn of<A: Address>(self, tuple: &Tuple<A>) -> Tuple<A> {
        Tuple {
            source: self.address(tuple.source),
            source_port: if self.port { tuple.source_port } else { L4Port::default() },
            ..*tuple
        }
    }

    /// What counts for both.
    fn and(self, other: Self) -> Self {
        Self { prefix: self.prefix.min(other.prefix), port: self.port && other.port }
    }
}

/// How an expected connection is translated, so that its ends meet as those of its master do (kernel
/// `nf_nat_follow_master`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follow<A> {
    /// Whom its packets seem to come from,
    pub(crate) source: A,
    /// and from which port; without one they keep theirs if they can.
    pub(crate) source_port: Option<L4Port>,
    /// The source is translated only if they come from here.
    pub(crate) only_from: Option<A>,
    /// The source is chosen for packets that go where they really go, not for those that were announced.
    pub(crate) destination_first: bool,
    /// Where they go,
    pub(crate) destination: A,
    /// and to which port; without one to theirs.
    pub(crate) port: Option<L4Port>,
}

impl<A> Follow<A> {
    /// Between these addresses, to that port.
    pub(crate) const fn new(source: A, destination: A, port: L4Port) -> Self {
        Self {
            source,
            source_port: None,
            only_from: None,
            destination_first: false,
            destination,
            port: Some(port),
        }
    }
}

/// Kinds of connections that a helper expects; most helpers know one.
pub(crate) type Class = u8;

/// A connection to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<A> {
    /// The tuple of its first packet,
    pub(crate) tuple: Tuple<A>,
    /// and how much of where that comes from counts.
    pub(crate) from: SourceMask,
    /// The original tuple of the connection that expects it.
    pub(crate) master: Tuple<A>,
    /// The mark of that connection.
    pub(crate) mark: u32,
    /// Its helper.
    pub(crate) helper: Helper,
    /// Of which kind it is.
    pub(crate) class: Class,
    /// The helper that it gets itself.
    pub(crate) gives: Option<Helper>,
    /// How it is translated; none where the rules say.
    pub(crate) follow: Option<Follow<A>>,
    /// Where another connection expects the same, that is no clash (`NF_CT_EXP_F_SKIP_MASTER`).
    pub(crate) shared: bool,
    /// It is met by any number of connections (`NF_CT_EXPECT_PERMANENT`).
    pub(crate) lasting: bool,
    /// It is not met yet (`NF_CT_EXPECT_INACTIVE`).
    pub(crate) inactive: bool,
    /// What nobody is told of it.
    pub(crate) silenced: Changes,
}

impl<A: Address> Expected<A> {
    /// Whether both have the same master, kind and tuple.
    pub(super) fn is_again(&self, other: &Self) -> bool {
        self.is_alike(other) && self.master == other.master && self.class == other.class
    }

    /// Whether both have the same tuple, of which the same counts.
    fn is_alike(&self, other: &Self) -> bool {
        self.from == other.from && self.tuple == other.tuple
    }

    /// Why there cannot be both.
    pub(super) fn refusal(&self, other: &Self) -> Refused {
        let known = self.is_alike(other) && (self.shared || self.master == other.master);
        if known { Refused::Already } else { Refused::Clash }
    }

    /// Whether a first packet could meet both.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        let both = self.from.and(other.from);
        both.of(&self.tuple).is(&both.of(&other.tuple))
    }

    pub(super) fn is_met_by(&self, tuple: &Tuple<A>) -> bool {
        self.from.of(tuple).is(&self.from.of(&self.tuple))
    }

    /// With zeros where anything will do.
    pub(super) fn without_unknown(mut self) -> Self {
        if self.from.prefix == 0 {
            self.tuple.source = A::default();
        }
        if !self.from.port {
            self.tuple.source_port = L4Port::default();
        }
        self
    }
}

impl Zones {
    /// The number of the zone, whichever direction it is for: an expectation holds in the zone of its master.
    pub(crate) fn number(self) -> Zone {
        if self.original == Zone::default() { self.reply } else { self.original }
    }
}

impl<A: Address> NewConnection<A> {
    /// Notes that it was expected; its master's mark is its own.
    pub(crate) fn set_expected(&mut self, expected: &Expected<A>) {
        self.status.set(Status::EXPECTED);
        self.mark = expected.mark;
        self.expected_by = Some(expected.helper);
    }
}
