//! Fragments: where and when a datagram is put together.
//!
//! ```text
//!   a rule tracks, or asks for sockets   before any rule sees it       ─┐
//!   INPUT has rules, IPv4                once it is for the host       ─┼─> at one worker, whatever queues they came by
//!   OUTPUT or POSTROUTING has rules      before OUTPUT, if the host's  ─┘
//!   else                                 never: each goes its own way
//! ```

use super::egress::headers_of;
use super::ingress::{From, InWorker};
use super::{Burst, Stage, State};
use crate::address::IpVersion;
use crate::datagram::take_fragment_header_out;
use crate::drop_reason::DropReason;
use crate::flight::Flight;
use crate::ids::{InterfaceId, WorkerId};
use crate::packet::{Packet, Pool};
use crate::pipeline::Route;
use crate::reassembly::{Datagram, Reassembly};
use crate::time::Instant;
use crate::wire::parse::Headers;

/// A whole datagram: its first frame, the later fragments, the first frame's headers.
pub(super) type Whole<P> = (P, Vec<(P, Headers)>, Headers);

impl<P: Packet> State<P> {
    /// The datagram that a frame is, or completes; none where others of its fragments are yet to come or all meet at
    /// another worker. Where nothing tracks, fragments go on one by one, at least until INPUT.
    pub(super) fn whole_datagram<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &Burst<'_, P, L>,
        (port, ingress, stage): (u16, InterfaceId, Stage),
        packet: P,
        rest: Vec<(P, Headers)>,
        headers: Headers,
    ) -> Option<Whole<P>> {
        if headers.fragment.is_none() || !rest.is_empty() {
            return Some((packet, rest, headers));
        }
        let rules = A::rules(burst.env.snapshot);
        let (now, later) = match ingress {
            InterfaceId::HOST => (rules.reassembles() || rules.reassembles_own(), false),
            _ => (rules.reassembles(), rules.reassembles_for_input()),
        };
        if !now && !later {
            return Some((packet, rest, headers));
        }
        if let Some(other) = self.fragment_home::<A>(&packet, &headers)
            && stage == Stage::Fresh
        {
            self.hand_off(other, packet, rest, port, Stage::Fragment);
            return None;
        }
        if later {
            return Some((packet, rest, headers));
        }
        self.reassemble(packet, &headers, ingress, 0, burst.env.now).map(|(whole, _)| whole)
    }

    /// Puts a fragment to the others of its datagram: all of it, if nothing is missing any more, and its mark.
    fn reassemble(
        &mut self,
        packet: P,
        headers: &Headers,
        ingress: InterfaceId,
        mark: u32,
        now: Instant,
    ) -> Option<(Whole<P>, u32)> {
        match self.reassembler.push(packet, headers, ingress, mark, now) {
            Reassembly::Pending => None,
            Reassembly::Dropped(reason, others) => {
                self.counters.dropped_many(reason, 1 + others);
                None
            }
            Reassembly::Complete(Datagram { mut pieces, mark }) => {
                let (mut packet, mut headers) = pieces.remove(0);
                if pieces.is_empty() && headers.version == IpVersion::V6 {
                    take_fragment_header_out(&mut packet, &mut headers);
                }
                Some(((packet, pieces, headers), mark))
            }
        }
    }

    /// Lets INPUT judge the datagram that a fragment for the host completes.
    pub(super) fn reassemble_for_host<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        fragment: Flight<A, P>,
        from: Option<From<'_>>,
    ) {
        let Flight { ingress, ports, link_broadcast, mark, traced, .. } = fragment;
        let packet = fragment.into_frames().lead;
        // Rules may have written to it.
        let Some(headers) = headers_of(&packet) else {
            return self.counters.dropped(DropReason::Truncated);
        };
        let now = burst.env.now;
        let Some(((packet, rest, headers), mark)) =
            self.reassemble(packet, &headers, ingress, mark, now)
        else {
            return;
        };
        let whole = Flight::<A, P>::new(packet, rest, headers, ingress);
        let mut flight = Flight { ports, link_broadcast, mark, traced, cacheable: false, ..whole };
        self.allow_copies(burst, &mut flight);
        let outcome = A::lane(self).hand_up(&burst.env, &mut flight, Some(Route::Local));
        self.send_copies(burst, &mut flight);
        self.dispatch(burst, flight, outcome, from);
    }

    /// All fragments of a datagram meet at one worker, whatever queues they came by.
    fn fragment_home<A: InWorker>(&self, packet: &P, headers: &Headers) -> Option<WorkerId> {
        let workers = self.shared.handoff.len();
        if workers < 2 {
            return None;
        }
        let data = packet.data();
        let mix = headers.source::<A>(data).to_bits()
            ^ headers.destination::<A>(data).to_bits().rotate_left(13)
            ^ u128::from(headers.fragment.map_or(0, |fragment| fragment.id));
        let hash = ((mix ^ (mix >> 64)) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let home = WorkerId((hash as usize % workers) as u8);
        (home != self.id).then_some(home)
    }
}
