//! Amanda: where a backup's streams are waited for.

use super::super::{Env, Family, Lane};
use super::message::{gather, is_writable, message};
use crate::address::L4Port;
use crate::conntrack::{Direction, FlowRef, Helper, SourceMask};
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
        let port = L4Port::new(port);
        let follow = self.follow_to_speaker(flow, port);
        if follow.is_some() && !is_writable(flight) {
            return Ok(());
        }
        let original = self.conntrack.original(flow);
        let tuple = Tuple { protocol: TCP, destination_port: port, ..original };
        let expected = self.conntrack.expected(flow, Helper::Amanda, &tuple, SourceMask::ADDRESS);
        let outside = self.expect_announced(env, flow, expected, follow)?;
        let Some(port) = outside else { return Ok(()) };
        let mut text = Text::new();
        text.push_number(port.get().into());
        self.replace_announced(flight, flow, at..at + length, text.as_bytes())
    }
}
