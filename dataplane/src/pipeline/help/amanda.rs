//! Amanda: where a backup's streams are waited for.

use super::super::{Env, Family, Lane};
use super::message::{gather, is_writable, message};
use super::{is_translated, refuse};
use crate::address::L4Port;
use crate::conntrack::{Direction, FlowRef, Follow, Helper, SourceMask};
use crate::flight::{Flight, Stop};
use crate::helpers::amanda::{Announced, COUNT, Found, search};
use crate::helpers::text::Text;
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::protocol::TCP;

/// Seconds that answers may take.
const TIMEOUT: u32 = 300;

impl<A: Family> Lane<A> {
    pub(super) fn help_amanda<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        if flow.direction() == Direction::Original {
            return Ok(());
        }
        self.conntrack.refresh(flow, TIMEOUT, env.now);
        if !gather(flight, false) {
            return Ok(());
        }
        for stream in 0..COUNT {
            match search(message(flight), stream) {
                Found::Nothing => {}
                Found::Odd => break,
                Found::Announced(found) => self.announce_stream(env, flight, flow, found)?,
            }
        }
        Ok(())
    }

    /// The client of the backup's, who was asked, connects to nobody: who has asked connects to it.
    fn announce_stream<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
        Announced { at, length, port }: Announced,
    ) -> Result<(), Stop> {
        let [reply, original] = self.conntrack.tuples(flow);
        let port = L4Port::new(port);
        let tuple = Tuple { protocol: TCP, destination_port: port, ..original };
        let from = SourceMask::ADDRESS;
        let mut expected = self.conntrack.expected(flow, Helper::Amanda, &tuple, from);
        if !is_translated(&original, &reply) {
            return self.conntrack.expect(flow, expected, env.now).map_err(refuse);
        }
        if !is_writable(flight) {
            return Ok(());
        }
        expected.follow = Some(Follow::new(reply.destination, reply.source, port));
        self.expect_at_free_port(env, flow, &mut expected)?;
        let mut text = Text::new();
        text.push_number(expected.tuple.destination_port.get().into());
        self.replace_announced(flight, flow, at..at + length, text.as_bytes())
    }
}
