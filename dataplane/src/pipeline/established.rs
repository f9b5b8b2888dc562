//! The short way: a packet of a connection whose verdict is cached.

use super::{Env, Family, Lane};
use crate::address::IpVersion;
use crate::conntrack::{FlowRef, TcpConnectionState, Update};
use crate::flight::Verdict;
use crate::ids::InterfaceId;
use crate::packet::{Checksum, Packet};
use crate::wire::checksum::{L4ChecksumState, l4_state, lengths_hold};
use crate::wire::forward::decrement_ttl;
use crate::wire::gre;
use crate::wire::layer4::{Layer4Kind, layer4};
use crate::wire::parse::Headers;
use crate::wire::protocol::GRE;
use crate::wire::tcp_flags::CONTROL;
use crate::wire::tcp_options;
use std::net::IpAddr;

impl<A: Family> Lane<A> {
    /// Rewrites and sends a packet as its predecessor was; none when it must take the long way. Until then
    /// the packet is untouched.
    pub(crate) fn established<P: Packet>(
        &mut self,
        env: &Env<'_>,
        packet: &mut P,
        headers: &Headers,
        ingress: InterfaceId,
    ) -> Option<Verdict> {
        let Headers { options, authenticated, ttl, .. } = *headers;
        if headers.fragment.is_some() || options || authenticated || ttl <= 1 {
            return None;
        }
        let data = packet.data();
        let layer4 = layer4(data, headers);
        // Rules may have asked for these flags: see `Depends::Control`.
        if matches!(layer4.kind, Layer4Kind::Tcp(tcp) if tcp.flags & CONTROL != 0) {
            return None;
        }
        // Translation may drop it.
        if headers.protocol == GRE && !gre::can_be_translated(headers.payload(data), true) {
            return None;
        }
        let (source, destination) = (headers.source::<A>(data), headers.destination::<A>(data));
        let tuple = self.conntrack.tuple_of(source, destination, headers.protocol, &layer4)?;
        let flow = self.conntrack.lookup(self.conntrack.hash(&tuple), &tuple)?;
        let shifted = self.conntrack.is_adjusted(flow);
        if shifted && !self.is_plainly_shifted(flow, data, headers) {
            return None;
        }
        let epoch = self.epochs.now();
        let cache = self.conntrack.half(flow).cache;
        if !cache.is_current(epoch) && !self.renew(env, flow) {
            return None;
        }
        // Another may have taken its place just now.
        let adjacency = self.adjacencies.get(self.conntrack.half(flow).cache.adjacency)?;
        if adjacency.ingress != Some(ingress) || !adjacency.is_alive(env.neighbours) {
            return None;
        }
        let length = headers.end - headers.l3;
        let to_host = adjacency.egress == InterfaceId::HOST;
        if !to_host {
            let interface = env.snapshot.interfaces.get(adjacency.egress)?;
            if length > interface.mtu || !interface.up {
                return None;
            }
        }
        let whole = match env.snapshot.conntrack.checksum {
            true => checksum_holds(packet, headers),
            false => lengths_hold(packet.data(), headers, std::iter::empty()),
        };
        if !whole {
            return None;
        }
        let data = packet.data();
        let (bytes, settings) = (Some(length.into()), &env.snapshot.conntrack);
        match self.conntrack.update(flow, &layer4, data, headers, bytes, env.now, settings) {
            Update::Accept(_) => self.note_state(env, flow),
            Update::Invalid | Update::Reopen => return None,
        }
        // The first reply changes what rules see: judge again.
        if !self.conntrack.half(flow).cache.is_current(epoch) {
            return None;
        }
        if let Some(counters) = A::rules(env.snapshot).counters(env.worker) {
            counters.count_path(adjacency.path, 1, u64::from(length));
        }
        self.apply(packet, headers, flow);
        if shifted {
            // Whether it can be done has been looked at.
            let _ = self.conntrack.shift(flow, packet.data_mut(), headers);
        }
        if to_host {
            return Some(Verdict::Host);
        }
        decrement_ttl(packet.data_mut(), headers);
        let next_hop = match A::VERSION {
            IpVersion::V4 => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            IpVersion::V6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        Some(Verdict::Send {
            egress: adjacency.egress,
            next_hop,
            neighbour: Some(adjacency.neighbour),
        })
    }

    /// Whether nothing but numbers are to be changed in a packet whose ends count differently.
    #[inline(never)]
    fn is_plainly_shifted(&self, flow: FlowRef, data: &[u8], headers: &Headers) -> bool {
        let opening = match self.conntrack.proxied_state(flow) {
            Some(
                TcpConnectionState::None
                | TcpConnectionState::SynSent
                | TcpConnectionState::SynRecv
                | TcpConnectionState::SynSent2
                | TcpConnectionState::Close,
            ) => true,
            Some(
                TcpConnectionState::Established
                | TcpConnectionState::FinWait
                | TcpConnectionState::CloseWait
                | TcpConnectionState::LastAck
                | TcpConnectionState::TimeWait,
            )
            | None => false,
        };
        !opening && tcp_options::are_whole(data, headers)
    }

    fn apply<P: Packet>(&self, packet: &mut P, headers: &Headers, flow: FlowRef) {
        let rewrite = self.conntrack.rewrite(flow);
        if !rewrite.is_identity() {
            rewrite.apply(packet.data_mut(), headers);
        }
    }
}

fn checksum_holds<P: Packet>(packet: &P, headers: &Headers) -> bool {
    match packet.l4_checksum() {
        Checksum::Good => true,
        Checksum::Bad => false,
        Checksum::Unknown => match l4_state(packet.data(), headers) {
            L4ChecksumState::Good | L4ChecksumState::Absent => true,
            L4ChecksumState::Bad | L4ChecksumState::Partial => false,
        },
    }
}
