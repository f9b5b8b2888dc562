//! ICMP errors belong to the connection of the packet they quote.

use super::tuples::reply_of;
use super::{Conntrack, FlowRef, Zones};
use crate::address::Address;
use crate::tuple::Tuple;

impl<A: Address> Conntrack<A> {
    /// The connection an ICMP error is about, in the direction in which the error travels; none when
    /// there is none here. `inner` is the tuple of the quoted packet.
    ///
    /// The error goes back to whoever sent that packet: the caller has checked that the error's
    /// destination is the quoted source (the kernel's `nf_conntrack_inet_error`).
    #[must_use]
    pub fn related(&self, zones: Zones, inner: &Tuple<A>) -> Option<FlowRef> {
        let travels_as = reply_of(inner)?;
        self.lookup_in(zones, &travels_as)
    }
}
