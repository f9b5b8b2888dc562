//! What the host's own stack says: frames from the TAP twins, which go through OUTPUT.

use super::answer::is_limited;
use super::ingress::InWorker;
use super::{Burst, Stage, State};
use crate::address::{Address, IpVersion, V4, V6};
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Frames, Stop, Tie};
use crate::ids::InterfaceId;
use crate::neighbour::ndp::is_discovery;
use crate::packet::{Packet, Pool};
use crate::sockets::{Ends, Sockets, Transport};
use crate::wire::layer4::{Layer4Kind, TcpFields};
use crate::wire::parse::{Frame, Headers, Payload};
use crate::wire::tcp_flags::{RST, SYN};

/// Where a frame of the host's came from: the twin's port, the twin's interface.
#[derive(Clone, Copy)]
pub(super) struct HostFrame {
    pub(super) port: u16,
    pub(super) id: InterfaceId,
    pub(super) stage: Stage,
}

impl<P: Packet> State<P> {
    pub(super) fn enter_from_host<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: HostFrame,
        packet: P,
        rest: Vec<(P, Headers)>,
        frame: Frame,
    ) {
        let Payload::Ip(headers) = frame.payload else {
            return self.counters.dropped_many(DropReason::UnknownEtherType, 1 + rest.len());
        };
        match headers.version {
            IpVersion::V4 => self.host_datagram::<V4, L>(burst, from, packet, rest, headers),
            // The data plane itself speaks neighbour discovery for the gateway's addresses.
            IpVersion::V6 if is_host_chatter(packet.data(), &headers) => {
                self.counters.dropped_many(DropReason::Multicast, 1 + rest.len());
            }
            IpVersion::V6 => self.host_datagram::<V6, L>(burst, from, packet, rest, headers),
        }
    }

    fn host_datagram<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        from: HostFrame,
        packet: P,
        rest: Vec<(P, Headers)>,
        headers: Headers,
    ) {
        // Its stack has cut what the kernel's OUTPUT sees whole.
        let HostFrame { port, id, stage } = from;
        let came_by = (port, InterfaceId::HOST, stage);
        let Some((packet, rest, headers)) =
            self.whole_datagram::<A, L>(burst, came_by, packet, rest, headers)
        else {
            return;
        };
        let mut flight = Flight::<A, P>::new(packet, rest, headers, InterfaceId::HOST);
        flight.egress = Some(id);
        flight.tie = Tie::Host;
        flight.socket = !is_nobodys::<A>(&flight.layer4.kind);
        if burst.env.snapshot.asks_sockets() {
            note_socket(burst.env.sockets, &flight);
        }
        if !matches!(stage, Stage::Owner { .. }) && !self.may_say(burst, &flight) {
            return self.dropped_all(&flight, DropReason::IcmpRateLimit);
        }
        flight.raw_counted = stage == Stage::Owner { raw_counted: true };
        self.allow_copies(burst, &mut flight);
        let outcome = A::lane(self).originate(&burst.env, &mut flight);
        self.send_copies(burst, &mut flight);
        match outcome {
            Err(Stop::HandOff(owner)) if !matches!(stage, Stage::Owner { .. }) => {
                let stage = Stage::Owner { raw_counted: flight.raw_counted };
                let Frames { lead, rest, .. } = flight.into_frames();
                self.hand_off(owner, lead, rest, port, stage);
            }
            outcome => self.dispatch(burst, flight, outcome, None),
        }
    }

    /// Errors of the host's own stack are of the gateway: they spend from the same buckets as those of the data plane
    /// (kernel `inet_peer`), redirects of IPv6 among them.
    fn may_say<A: InWorker, L: Pool<Packet = P>>(
        &self,
        burst: &Burst<'_, P, L>,
        flight: &Flight<A, P>,
    ) -> bool {
        let (Layer4Kind::Icmp { kind, .. } | Layer4Kind::Icmp6 { kind, .. }) = flight.layer4.kind
        else {
            return true;
        };
        let limited = is_limited::<A>(&burst.env, kind)
            && burst.env.snapshot.interfaces.owns(flight.source.to_ip());
        self.shared.limiter.allow(flight.destination.to_ip(), limited, burst.env.now)
    }
}

/// What the host's stack says to its link of its own accord: neighbour discovery, and multicast listener
/// reports (RFC 3810). The data plane is the one that lives on the link.
fn is_host_chatter(data: &[u8], headers: &Headers) -> bool {
    let listener_report = headers.protocol == crate::wire::protocol::ICMPV6
        && matches!(headers.payload(data).first(), Some(130..=132 | 143));
    listener_report || is_discovery(data, headers)
}

/// A SYN of the stack's is that of a socket, asked for or half open.
fn note_socket<A: Address, P: Packet>(sockets: &Sockets, flight: &Flight<A, P>) {
    let Layer4Kind::Tcp(TcpFields { flags, .. }) = flight.layer4.kind else { return };
    if flags & (SYN | RST) == SYN {
        let local = (flight.source.to_ip(), flight.layer4.source_port);
        let remote = (flight.destination.to_ip(), flight.layer4.destination_port);
        sockets.said(&Ends { transport: Transport::Tcp, local, remote });
    }
}

/// Whether the stack says it without a socket: resets of IPv6 (kernel `tcp_v6_send_response`).
const fn is_nobodys<A: Address>(kind: &Layer4Kind) -> bool {
    match (A::VERSION, kind) {
        (IpVersion::V6, Layer4Kind::Tcp(TcpFields { flags, .. })) => *flags & RST != 0,
        (IpVersion::V4 | IpVersion::V6, _) => false,
    }
}
