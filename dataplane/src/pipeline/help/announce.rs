//! What a message announces, expected: where it says or, where the other end knows the speaker by another address, at a port
//! that is free there.

use super::super::{Env, Family, Lane};
use super::refuse;
use crate::address::L4Port;
use crate::conntrack::{Expected, FlowRef, Follow, Refused};
use crate::drop_reason::DropReason;
use crate::flight::Stop;

/// Ports that are tried for an announced connection (kernel `nf_nat_exp_find_port`).
const ATTEMPTS: u32 = 128;

impl<A: Family> Lane<A> {
    /// How a connection that `flow` announces is translated, where it is itself: to a port of who speaks, from whom that knows
    /// its other end as.
    pub(super) fn follow_to_speaker(&self, flow: FlowRef, port: L4Port) -> Option<Follow<A>> {
        let own = self.conntrack.half(flow).key;
        let translated = self.conntrack.common(flow).is_translated();
        translated.then(|| Follow::new(own.destination, own.source, port))
    }

    /// Expects a connection that `flow` announces. One that is to `follow` it is expected at the first port from that of its
    /// tuple on where nobody else expects any, which is given and has to be announced instead.
    pub(super) fn expect_announced(
        &mut self,
        env: &Env<'_>,
        flow: FlowRef,
        mut expected: Expected<A>,
        follow: Option<Follow<A>>,
    ) -> Result<Option<L4Port>, Stop> {
        expected.follow = follow;
        if follow.is_none() {
            return self.conntrack.expect(flow, expected, env.now).map(|()| None).map_err(refuse);
        }
        self.expect_at_free_port(env, flow, &mut expected)?;
        Ok(Some(expected.tuple.destination_port))
    }

    /// The port that was announced where nobody else expects the same; otherwise another above it.
    pub(super) fn expect_at_free_port(
        &mut self,
        env: &Env<'_>,
        flow: FlowRef,
        expected: &mut Expected<A>,
    ) -> Result<(), Stop> {
        let least = expected.tuple.destination_port.get();
        let range = u32::from(u16::MAX - least);
        let mut random = env.random;
        for _ in 0..=range.min(ATTEMPTS) {
            match self.conntrack.expect(flow, *expected, env.now) {
                Ok(()) if least == 0 => self.conntrack.expect_not(flow),
                Ok(()) => return Ok(()),
                Err(Refused::Full | Refused::Already) => break,
                Err(Refused::Clash) if range == 0 => break,
                Err(Refused::Clash) => {
                    // Knuth's numbers of 64 bits; the upper ones are the better.
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let above = u16::try_from((random >> 40) % u64::from(range)).unwrap_or(0);
                    expected.tuple.destination_port = L4Port::new(least.saturating_add(above));
                }
            }
        }
        Err(Stop::Drop(DropReason::Helper))
    }
}
