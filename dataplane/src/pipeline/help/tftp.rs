//! TFTP: the server answers from a port of its choice.

use super::super::{Env, Family, Lane};
use super::message::message;
use super::{is_translated, refuse};
use crate::conntrack::{Direction, FlowRef, Follow, Helper, SourceMask};
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
        let from = SourceMask::ADDRESS;
        let mut expected = self.conntrack.expected(flow, Helper::Tftp, &other, from);
        let follow = Follow::new(own.destination, own.source, own.source_port);
        expected.follow = is_translated(&own, &other).then_some(follow);
        self.conntrack.expect(flow, expected, env.now).map_err(refuse)
    }
}
