//! The fast path's first packets: plain, of no connection yet, and of a [class](super::super::first) that is known.

use super::super::first::ClassId;
use super::super::{Env, Lane};
use super::frame::{Frame, Layer4 as Read};
use super::run::Run;
use super::{Plain, is_whole};
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::tcp_flags::SYN;

#[expect(private_bounds, reason = "nothing in it is public")]
impl<A: Plain> Lane<A> {
    /// Begins the connection of a plain packet that has none, rewrites the packet and gives its port.
    #[inline(never)]
    pub(super) fn pass_first<P: Packet>(
        &mut self,
        env: &Env<'_>,
        run: &mut Run<A>,
        hash: u64,
        class: ClassId,
        key: &Tuple<A>,
        packet: &mut P,
    ) -> Option<u16> {
        // A packet of the same burst may have begun its connection.
        if self.conntrack.lookup(hash, key).is_some() || self.conntrack.is_expected(key, env.now) {
            return None;
        }
        // One number a burst, and a secret hash a packet.
        let env = &Env { random: env.random ^ hash, ..*env };
        let adjacency = self.class_adjacency(class)?;
        if packet.l4_checksum() != Checksum::Good && !is_whole::<A, P>(packet, run.verifies) {
            return None;
        }
        let way = *run.enter(env, &self.adjacencies, &mut self.ways, adjacency);
        if !way.has_room(packet) {
            return None;
        }
        let (mtu, forwards) = (way.mtu, way.forwards());
        let macs = way.macs;
        let frame = Frame::<A>::of(packet)?;
        let length = frame.length();
        let headers = frame.headers();
        let kind = match frame.layer4() {
            Read::Udp => Layer4Kind::Udp { length: headers.end - headers.l4 },
            Read::Tcp { fields, .. } if fields.flags == SYN => Layer4Kind::Tcp(fields),
            Read::Tcp { .. } | Read::Odd => return None,
        };
        if length > mtu {
            return None;
        }
        let (source_port, destination_port) = (key.source_port, key.destination_port);
        let layer4 = Layer4 { source_port, destination_port, kind };
        let flow = self.begin_known(env, class, hash, key, &layer4, packet.data(), &headers)?;
        let rewrite = self.conntrack.rewrite(flow);
        let mut frame = Frame::<A>::of(packet)?;
        frame.rewrite(&rewrite, forwards);
        frame.set_macs(&macs);
        let padding = frame.padding();
        Some(run.send(env, &way, packet, length, padding))
    }
}
