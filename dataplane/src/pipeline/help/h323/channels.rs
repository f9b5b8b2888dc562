//! Channels of H.323: media, which go over a pair of ports of UDP (RTP and RTCP), and data (T.120).

use super::super::super::{Env, Family, Lane};
use super::super::refuse;
use super::Named;
use crate::address::L4Port;
use crate::conntrack::{Expected, Refused, SourceMask};
use crate::flight::{Flight, Stop};
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::protocol::{TCP, UDP};

impl<A: Family> Lane<A> {
    /// Whichever port of the pair is named: media have the even one, their control that above it.
    pub(super) fn announce_media<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
    ) -> Result<(), Stop> {
        let flow = named.flow;
        let media = named.port & !1;
        let mut pair = [media, media | 1].map(|port| self.media(&named, port));
        if !self.hides_speaker(flow) {
            let [media, control] = pair;
            self.conntrack.expect(flow, media, env.now).map_err(refuse)?;
            return self.conntrack.expect(flow, control, env.now).map_err(|refused| {
                self.conntrack.expect_not(flow);
                refuse(refused)
            });
        }
        let calls = self.call_memory(flow);
        let Some(channel) = calls.and_then(|calls| calls.channel(flow.direction(), media)) else {
            return Ok(());
        };
        for expected in &mut pair {
            expected.follow = self.follow_to_speaker(flow, expected.tuple.destination_port);
        }
        let Some(outside) = self.expect_pair(env, &named, pair, media) else { return Ok(()) };
        let other = self.conntrack.half(flow.peer()).key;
        self.write_named(flight, named, other.destination, outside | named.port & 1)?;
        if let Some(calls) = self.call_memory(flow) {
            calls.note_channel(channel, flow.direction(), media, outside);
        }
        Ok(())
    }

    fn media(&self, named: &Named<A>, port: u16) -> Expected<A> {
        let [_, other] = self.conntrack.tuples(named.flow);
        let tuple = Tuple { protocol: UDP, destination_port: L4Port::new(port), ..other };
        self.conntrack.expected(named.flow, named.helper, &tuple, SourceMask::ADDRESS)
    }

    /// The first pair of ports from `least` on at which nobody else expects anything; none where there is none or no room.
    fn expect_pair(
        &mut self,
        env: &Env<'_>,
        named: &Named<A>,
        [mut media, mut control]: [Expected<A>; 2],
        least: u16,
    ) -> Option<u16> {
        let flow = named.flow;
        // None goes from zero on.
        for port in (least..=u16::MAX).step_by(2).take_while(|port| *port != 0) {
            media.tuple.destination_port = L4Port::new(port);
            match self.conntrack.expect(flow, media, env.now) {
                Ok(()) => {}
                Err(Refused::Clash) => continue,
                Err(Refused::Full | Refused::Already) => return None,
            }
            control.tuple.destination_port = L4Port::new(port | 1);
            let Err(refused) = self.conntrack.expect(flow, control, env.now) else {
                return Some(port);
            };
            self.conntrack.expect_not(flow);
            if refused != Refused::Clash {
                return None;
            }
        }
        None
    }

    /// A place to which any number of connections for data go.
    pub(super) fn announce_stack<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        named: Named<A>,
    ) -> Result<(), Stop> {
        let Named { flow, helper, .. } = named;
        let other = self.conntrack.half(flow.peer()).key;
        let port = L4Port::new(named.port);
        let tuple = Tuple { protocol: TCP, destination_port: port, ..other };
        let mut expected = self.conntrack.expected(flow, helper, &tuple, SourceMask::ADDRESS);
        expected.lasting = true;
        let follow = self.follow_to_speaker(flow, port).filter(|_| self.hides_speaker(flow));
        let Some(outside) = self.expect_named(env, flow, expected, follow)? else { return Ok(()) };
        self.write_named(flight, named, other.destination, outside)
    }
}
