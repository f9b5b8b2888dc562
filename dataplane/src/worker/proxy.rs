//! What SYNPROXY says, and to whom.

use super::ingress::InWorker;
use super::{Burst, State};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Tie};
use crate::ids::InterfaceId;
use crate::packet::{Packet, Pool};
use crate::synproxy::{Heard, Step, greet, introduce, open};
use crate::wire::layer4::{Layer4Kind, tcp_options};
use crate::wire::tcp_segment::Segment;

impl<P: Packet> State<P> {
    /// Takes a datagram that leads to a step of SYNPROXY, and takes the step. What is said thereby may lead to another
    /// step, as in Linux: a greeting that is taken for the server's answer, an acknowledgement for the client's.
    pub(super) fn proxy<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
        step: Step,
    ) {
        self.dropped_all(flight, DropReason::SynProxy);
        let Some(heard) = heard(flight, burst.env.snapshot.ip.default_ttl) else { return };
        let env = burst.env;
        match step {
            Step::Greet(proxy) => {
                let answer = greet(&heard, proxy, env.cookies, env.now);
                let tie = if flight.has_connection() { Tie::Reply } else { Tie::None };
                self.say::<A, L>(burst, &answer, tie);
            }
            Step::Connect { mss, seq } => {
                self.say::<A, L>(burst, &open(&heard, mss, seq), Tie::Proxied);
            }
            Step::Introduce(flow) => {
                let window = A::lane(self).conntrack.client_window(flow);
                let [to_server, to_client] = introduce(&heard, window);
                self.say::<A, L>(burst, &to_server, Tie::None);
                A::lane(self).conntrack.align(flow, heard.fields.seq);
                self.say::<A, L>(burst, &to_client, Tie::Of(flow));
            }
        }
    }

    fn say<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        segment: &Segment<A>,
        tie: Tie,
    ) {
        // The datagram is counted already; an answer that was never made is no packet.
        if let Some(mut packet) = burst.pool.alloc()
            && segment.write(&mut packet)
        {
            self.own::<A, L>(burst, packet, tie, Flow::None, InterfaceId::HOST);
        }
    }
}

/// The segment of a datagram, as it stands now.
fn heard<A: InWorker, P: Packet>(flight: &Flight<A, P>, ttl: u8) -> Option<Heard<A>> {
    let Layer4Kind::Tcp(fields) = flight.layer4.kind else { return None };
    let options = tcp_options(flight.lead.data(), &flight.headers);
    Some(Heard { tuple: flight.tuple?, fields, options, ttl })
}
