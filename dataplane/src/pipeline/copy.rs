//! The way of a copy that TEE has made: by the gateway it was made for, and past OUTPUT and POSTROUTING like what
//! the gateway says itself, but of no connection (kernel `nf_dup_ipv4`, `nf_dup_ipv6`).

use super::route::{Out, error};
use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Stop, Verdict};
use crate::packet::Packet;
use crate::rules::targets::tee::Tee;
use crate::rules::{Hook, Table};
use crate::wire::icmp_error::IcmpError;

impl<A: Family> Lane<A> {
    /// Sends a copy, or says why not. Rules do not copy it again.
    pub(crate) fn send_copy<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        to: Tee,
    ) -> Result<Verdict, Stop> {
        let mut out =
            self.route_copy(env, flight.destination, to).ok_or(Stop::Drop(DropReason::NoRoute))?;
        flight.egress = Some(out.egress);
        let first = out.egress;
        self.table(env, flight, Table::Raw, Hook::Output)?;
        let before = routed_by(flight);
        self.table(env, flight, Table::Mangle, Hook::Output)?;
        if routed_by(flight) != before {
            // As any packet that leaves: kernel `ipt_mangle_out`. It goes where the first one goes.
            let course = self.route_output(env, flight)?;
            out = course.out().ok_or(Stop::Drop(DropReason::NoRoute))?;
        }
        self.table(env, flight, Table::Filter, Hook::Output)?;
        self.table(env, flight, Table::Security, Hook::Output)?;
        // There the kernel takes the device that its route was found by for the one it came from (`nf_dup_ipv4_route`, `ip_output`).
        let host = std::mem::replace(&mut flight.ingress, first);
        self.table(env, flight, Table::Mangle, Hook::Postrouting)?;
        flight.ingress = host;
        let interface = env.snapshot.interfaces.get(out.egress).filter(|interface| interface.up);
        let interface = interface.ok_or(Stop::Drop(DropReason::InterfaceDown))?;
        // It is not to be cut: its sender learns of a smaller MTU on this way too.
        if flight.largest() > interface.mtu {
            let v4 = IcmpError::FragmentationNeeded { mtu: interface.mtu };
            let v6 = IcmpError::V6PacketTooBig { mtu: interface.mtu.into() };
            return Err(Stop::Refuse(DropReason::TooBig, error::<A>(v4, v6)));
        }
        let neighbour = env.neighbours.find(out.egress, out.next_hop);
        Ok(Verdict::Send { egress: out.egress, next_hop: out.next_hop, neighbour })
    }

    /// By which interface and to which next hop. Where no route leads to the gateway by the interface asked for, the
    /// packet's own destination is thought to be on its link, as the kernel does.
    fn route_copy(&self, env: &Env<'_>, destination: A, to: Tee) -> Option<Out> {
        let routed = self.way_beyond(env, A::from_ip(to.gateway)?);
        match to.egress {
            None => routed,
            Some(egress) => Some(
                routed
                    .filter(|out| out.egress == egress)
                    .unwrap_or(Out { egress, next_hop: destination.to_ip() }),
            ),
        }
    }
}

/// What mangle's OUTPUT may not change without the packet being routed again (kernel `nf_route_table_hook4`,
/// `nf_route_table_hook6`).
fn routed_by<A: Family, P: Packet>(flight: &Flight<A, P>) -> (A, A, u32, u8, Option<u8>) {
    let hops = match A::VERSION {
        IpVersion::V4 => None,
        IpVersion::V6 => Some(flight.headers.ttl),
    };
    (flight.source, flight.destination, flight.mark, flight.headers.tos, hops)
}
