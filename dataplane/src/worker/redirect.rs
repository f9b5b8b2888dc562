//! What senders are told of better next hops: ICMP redirects, and those of neighbour discovery.

use super::ingress::InWorker;
use super::{Burst, State};
use crate::address::{Address, V4, V6};
use crate::flight::{Flight, Flow, Tie};
use crate::ids::InterfaceId;
use crate::neighbour::Link;
use crate::neighbour::ndp::Redirect;
use crate::packet::{Packet, Pool};
use crate::wire::icmp_error::IcmpError;
use std::net::IpAddr;

impl<P: Packet> State<P> {
    /// Tells the sender of a packet that goes on of the next hop it could have used itself.
    pub(super) fn redirect<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
    ) {
        let Some(redirect) = flight.redirect else { return };
        match redirect.next_hop {
            IpAddr::V4(gateway) => {
                if self.shared.limiter.allow_redirect(flight.source.to_ip(), burst.env.now)
                    && !redirect.withheld
                {
                    let gateway = V4(gateway.octets());
                    self.answer(burst, flight, IcmpError::Redirect { gateway, host: true }, false);
                }
            }
            IpAddr::V6(target) => {
                self.redirect_v6::<A, L>(burst, flight.ingress, V6(target.octets()));
            }
        }
    }

    /// Kernel `ndisc_send_redirect`: as often as the limits of the destination and of the sender allow.
    fn redirect_v6<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        id: InterfaceId,
        target: V6,
    ) {
        let env = burst.env;
        let Some(interface) = env.snapshot.interfaces.get(id) else { return };
        let Some(router) = interface.link_local() else { return };
        let Some((sender, destination)) = A::lane(self).quote.ends() else { return };
        let limiter = &self.shared.limiter;
        if !limiter.allow_redirect_v6(destination, env.now)
            || !limiter.allow_redirect_v6(sender, env.now)
        {
            return;
        }
        let link = match env.neighbours.find(id, target.to_ip()).map(|id| env.neighbours.link(id)) {
            Some(Link::Resolved(mac)) => Some(mac),
            Some(Link::Unresolved | Link::Failed) | None => None,
        };
        let redirect = Redirect { router, sender, target, destination, link };
        // An answer that was never made is no packet.
        let Some(mut packet) = burst.pool.alloc() else { return };
        if redirect.write(&mut packet, A::lane(self).quote.bytes()) {
            self.own::<A, L>(burst, packet, Tie::None, Flow::None, id);
        }
    }
}
