//! A connection between its first packet and the table.

use super::Helper;
use super::journal::Changes;
use super::shift::Role;
use super::status::Status;
use super::tcp::TcpState;
use super::tcp_window::Window;
use crate::address::Address;
use crate::ids::InterfaceId;
use crate::tuple::Tuple;

/// A connection that its first packet has begun and that is not in the table yet. It holds claims:
/// end it with [`Conntrack::confirm`] or [`Conntrack::abandon`].
#[derive(Debug)]
pub struct NewConnection<A> {
    /// The tuple of its first packet.
    pub original: Tuple<A>,
    /// The tuple of the answers as they will arrive. NAT changes it.
    pub reply: Tuple<A>,
    /// Whether the translation counts in the table of source mappings.
    pub mapped: bool,
    /// Set by CONNMARK.
    pub mark: u32,
    /// Where it goes out.
    pub egress: InterfaceId,
    pub(crate) status: Status,
    /// Bytes of its first packet, where it has an account.
    pub(crate) first_bytes: u32,
    /// What nobody is to be told of it.
    pub(crate) silenced: Changes,
    /// Why its packets are looked at one by one.
    pub(crate) role: Role,
    /// The helper that has expected it.
    pub(crate) expected_by: Option<Helper>,
    /// Its translation is that of the connection that expected it, and no rule is asked.
    pub(crate) followed: bool,
    /// The reply tuple that is claimed.
    pub(crate) claimed: Option<Tuple<A>>,
    pub(crate) first: FirstPacket,
}

impl<A: Address> NewConnection<A> {
    /// One that nothing more is known of than its tuples and what its first packet means.
    #[inline]
    pub(crate) fn of(original: Tuple<A>, reply: Tuple<A>, first: FirstPacket) -> Self {
        Self {
            original,
            reply,
            mapped: false,
            mark: 0,
            egress: InterfaceId::default(),
            status: Status::default(),
            first_bytes: 0,
            silenced: Changes::default(),
            role: Role::default(),
            expected_by: None,
            followed: false,
            claimed: None,
            first,
        }
    }

    /// What can be told of it when it has not come to be.
    #[must_use]
    pub(crate) const fn unclaimed(&self) -> Self {
        Self { claimed: None, mapped: false, ..*self }
    }
    /// Notes that the source is translated.
    pub const fn set_source_translated(&mut self) {
        self.status.set(Status::SRC_NAT);
    }
    /// Notes that MASQUERADE has chosen the source, an address of the way out.
    pub const fn set_masqueraded(&mut self, egress: InterfaceId) {
        self.egress = egress;
        self.status.set(Status::MASQUERADED);
    }
    /// Notes that SYNPROXY begins it.
    pub(crate) const fn set_proxied(&mut self) {
        self.set_role(Role::PROXIED);
    }
    pub(super) const fn set_role(&mut self, role: Role) {
        self.role.set(role);
        self.status.set(Status::ADJUSTED);
    }
    /// Notes that the destination is translated.
    pub const fn set_destination_translated(&mut self) {
        self.status.set(Status::DST_NAT);
    }
    /// Lets nobody be told of these changes.
    pub const fn silence(&mut self, changes: Changes) {
        self.silenced = changes;
        self.status.silence(changes);
    }
    /// Whether the source is translated.
    #[must_use]
    pub const fn is_source_translated(&self) -> bool {
        self.status.has(Status::SRC_NAT)
    }
    /// Whether the destination is translated.
    #[must_use]
    pub const fn is_destination_translated(&self) -> bool {
        self.status.has(Status::DST_NAT)
    }
}

/// What the first packet means to its protocol.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FirstPacket {
    pub(super) tcp: TcpState,
    pub(super) windows: [Window; 2],
    /// Seconds until the connection ends if nothing more comes.
    pub(super) timeout: u32,
}
