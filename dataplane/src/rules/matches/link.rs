//! `-m mac`, `-m pkttype`: what the Ethernet header says.

use super::Condition;
use crate::address::{Address, Mac};
use crate::ids::InterfaceId;
use crate::rules::View;

/// `--mac-source`; what the host sends has no header yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceMac {
    /// The address.
    pub mac: Mac,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for SourceMac {
    fn holds(&self, view: &View<'_, A>) -> bool {
        view.ingress != InterfaceId::HOST
            && view.data.get(6..12).is_some_and(|from| (from == self.mac.0) != self.invert)
    }
}

/// To whom the frame was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// `unicast`: this gateway.
    Host,
    /// `broadcast`.
    Broadcast,
    /// `multicast`.
    Multicast,
    /// Others, whose frames never get this far.
    Other,
}

/// `--pkt-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketType {
    /// To whom.
    pub to: To,
    /// `!`.
    pub invert: bool,
}

impl To {
    /// To whom the packet's frame was sent.
    pub(in crate::rules) fn whom<A: Address>(view: &View<'_, A>) -> Self {
        let is_broadcast = || view.data.get(..6).is_some_and(|to| to == Mac::BROADCAST.0);
        match view.link_broadcast {
            false => Self::Host,
            true if is_broadcast() => Self::Broadcast,
            true => Self::Multicast,
        }
    }
}

impl<A: Address> Condition<A> for PacketType {
    fn holds(&self, view: &View<'_, A>) -> bool {
        (To::whom(view) == self.to) != self.invert
    }
}
