//! Redirects: whether the sender of a forwarded packet could have sent it to the next hop itself. What it is told, and how
//! often, `worker/redirect.rs` says.

use super::route::Out;
use super::translate::has_nat;
use super::{Env, Family, Lane};
use crate::flight::{Flight, Flow, Redirect};
use crate::interface::is_link_local;
use crate::packet::Packet;
use crate::snapshot::NextHop;
use crate::wire::options::has_source_route;

impl<A: Family> Lane<A> {
    /// A sender on the link the packet leaves by could have sent it to the next hop itself: RFC 1812 section
    /// 5.2.7.2, kernel `__mkroute_input`. The next packet has to be considered too.
    pub(super) fn consider_redirect<P: Packet>(
        &self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        out: Out,
    ) {
        let on_link = self.next_hop(env, flight.source) == Some(NextHop::Connected(flight.ingress));
        let headers = &flight.headers;
        let sender = flight.source.to_ip();
        let router = if out.next_hop == flight.destination.to_ip() { sender } else { out.next_hop };
        let interface = env.snapshot.interfaces.get(out.egress);
        let shared = interface.is_some_and(|i| i.shared_media || i.joins(sender, router));
        if !on_link || !shared || headers.options && has_source_route(flight.lead.data(), headers) {
            return;
        }
        // The kernel counts a redirect about a connection that is translated, or may yet be, and never lets it out.
        let pending = matches!(flight.flow, Flow::New(_)) && has_nat::<A>(env);
        let translated = match &flight.flow {
            Flow::Known(flow) => {
                let connection = self.conntrack.common(*flow);
                connection.is_source_translated() || connection.is_destination_translated()
            }
            Flow::None | Flow::New(_) | Flow::Unborn(_) | Flow::Error(_) => false,
        };
        if !translated {
            flight.cacheable = false;
        }
        flight.redirect =
            Some(Redirect { next_hop: out.next_hop, withheld: pending || translated });
    }

    /// The same for IPv6, where nothing switches it off (kernel `ip6_forward`). Only a link-local address can be named, or
    /// the destination itself. What is said of the packet quotes it as it is now.
    pub(super) fn consider_redirect_v6<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        out: Out,
    ) {
        let named = out.next_hop == flight.destination.to_ip() || is_link_local(out.next_hop);
        let on_link = is_link_local(flight.source.to_ip())
            || self.next_hop(env, flight.source) == Some(NextHop::Connected(flight.ingress));
        if named && on_link {
            self.quote.take(flight);
            flight.cacheable = false;
            flight.redirect = Some(Redirect { next_hop: out.next_hop, withheld: false });
        }
    }
}
