//! IRC: what a client tells another of where it waits. The other comes from anywhere.

use super::super::{Env, Family, Lane};
use super::message::{gather, is_writable, message};
use crate::address::L4Port;
use crate::conntrack::{CtState, Direction, FlowRef, Helper, SourceMask};
use crate::flight::{Flight, Stop};
use crate::helpers::irc::{Announced, search};
use crate::helpers::text::Text;
use crate::packet::Packet;
use crate::tuple::Tuple;

impl<A: Family> Lane<A> {
    /// Both ends have spoken before a segment of the client is read.
    pub(super) fn help_irc<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &mut Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        let speaks = flow.direction() == Direction::Original;
        if !speaks || flight.state != CtState::Established || !gather(flight, false) {
            return Ok(());
        }
        let [own, other] = self.conntrack.tuples(flow);
        let ours = [own.source.to_bits(), other.destination.to_bits()];
        let found = search(message(flight), |address| ours.contains(&address.into()));
        let Some(Announced { at, length, port, .. }) = found else { return Ok(()) };
        let port = L4Port::new(port);
        let follow = self.follow_to_speaker(flow, port);
        if follow.is_some() && !is_writable(flight) {
            return Ok(());
        }
        let tuple = Tuple { destination_port: port, ..other };
        let expected = self.conntrack.expected(flow, Helper::Irc, &tuple, SourceMask::ANY);
        let outside = self.expect_announced(env, flow, expected, follow)?;
        let Some(port) = outside else { return Ok(()) };
        let mut text = Text::new();
        text.push_number(other.destination.to_bits() as u32);
        text.push(b' ');
        text.push_number(port.get().into());
        self.replace_announced(flight, flow, at..at + length, text.as_bytes())
    }
}
