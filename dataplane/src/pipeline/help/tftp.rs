//! TFTP: the server answers from a port of its choice.

use super::super::{Env, Family, Lane};
use super::message::message;
use super::refuse;
use crate::conntrack::{Direction, FlowRef, Helper, SourceMask};
use crate::flight::{Flight, Stop};
use crate::helpers::tftp::is_request;
use crate::packet::Packet;

impl<A: Family> Lane<A> {
    pub(super) fn help_tftp<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        flow: FlowRef,
    ) -> Result<(), Stop> {
        if !is_request(message(flight)) {
            return Ok(());
        }
        let original = match flow.direction() {
            Direction::Original => flow,
            Direction::Reply => flow.peer(),
        };
        let [own, other] = self.conntrack.tuples(original);
        let mut expected = self.conntrack.expected(flow, Helper::Tftp, &other, SourceMask::ADDRESS);
        expected.follow = self.follow_to_speaker(original, own.source_port);
        self.conntrack.expect(flow, expected, env.now).map_err(refuse)
    }
}
