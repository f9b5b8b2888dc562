//! What the gateway says itself: ARP and neighbour discovery, echo replies, ICMP errors, resets.

use super::counters::Counter;
use super::egress::headers_of;
use super::ingress::InWorker;
use super::{Burst, State};
use crate::address::{Address, IpVersion, Mac, V4, V6};
use crate::conntrack::CtState;
use crate::datagram::beginning;
use crate::drop_reason::DropReason;
use crate::flight::{Flight, Flow, Stop, Tie};
use crate::ids::InterfaceId;
use crate::interface::{Interface, is_link_local};
use crate::nat::masquerade_address;
use crate::neighbour::arp::{self, Arp, Operation};
use crate::neighbour::ndp::{self, Message};
use crate::packet::{Packet, Pool};
use crate::pipeline::Env;
use crate::rules::targets::ct::Template;
use crate::snapshot::NextHop;
use crate::wire::checksum::{self, L4ChecksumState};
use crate::wire::echo::answer_echo;
use crate::wire::header;
use crate::wire::icmp_error::{self, IcmpError};
use crate::wire::layer4::Layer4Kind;
use crate::wire::options::Refused;
use crate::wire::parse::Headers;
use crate::wire::tcp_reset::write_reset;
use std::net::IpAddr;

/// Type of an ICMPv6 error that is never limited.
const V6_PACKET_TOO_BIG: u8 = 2;

impl<P: Packet> State<P> {
    /// Learns from ARP, and answers requests for the gateway's own addresses.
    pub(super) fn arp<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        id: InterfaceId,
        interface: &Interface,
        mut packet: P,
        offset: u16,
        unicast: bool,
    ) {
        let arp = match Arp::parse(packet.data(), usize::from(offset)) {
            Ok(arp) => arp,
            Err(reason) => return self.counters.dropped(reason),
        };
        let ours = burst.env.snapshot.interfaces.owns(arp.target.to_ip());
        if let Some(event) = arp.event(id, ours, unicast) {
            self.tell(event);
        }
        self.counters.add(Counter::Local, 1);
        if ours && arp.operation == Operation::Request {
            // The question becomes the answer.
            self.counters.add(Counter::Originated, 1);
            if arp::answer(&mut packet, &arp, interface.vlan, interface.mac) {
                self.transmit(interface, packet, burst.out);
            } else {
                self.counters.dropped(DropReason::NoBuffer);
            }
        }
    }

    /// Learns from neighbour discovery, and answers solicitations for the gateway's own addresses.
    pub(super) fn neighbour_discovery<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        id: InterfaceId,
        interface: &Interface,
        mut packet: P,
        headers: &Headers,
        asker: Mac,
    ) {
        let message = match Message::parse(packet.data(), headers) {
            Ok(message) => message,
            Err(reason) => return self.counters.dropped(reason),
        };
        self.counters.add(Counter::Local, 1);
        let asked = match message {
            Message::Ignored => return,
            Message::Advertisement(advertisement) => return self.tell(advertisement.event(id)),
            Message::Solicitation(asked) => asked,
        };
        let own = interface.owns(asked.target.to_ip());
        let forwards = burst.env.snapshot.ip.forward6;
        let shared = forwards && interface.subnet_routers().any(|router| router == asked.target);
        if !own && !shared {
            return;
        }
        if let Some(event) = asked.event(id) {
            self.tell(event);
        }
        self.counters.add(Counter::Originated, 1);
        if ndp::answer(&mut packet, &asked, interface.vlan, asker, interface.mac, own) {
            self.transmit(interface, packet, burst.out);
        } else {
            self.counters.dropped(DropReason::NoBuffer);
        }
    }

    /// Turns an echo request into its reply and sends it as the gateway's own.
    pub(super) fn echo<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: Flight<A, P>,
    ) {
        self.counters.add(Counter::Local, 1);
        // What routers share is no source.
        let shared = !burst.env.snapshot.interfaces.owns(flight.destination.to_ip());
        let source = if shared { self.error_source(burst, &flight) } else { None };
        let Flight { mut lead, headers, ingress, .. } = flight;
        if answer_echo(lead.data_mut(), &headers, burst.env.snapshot.ip.default_ttl) {
            if let (Some(source), Some(headers)) = (source, headers_of(&lead)) {
                header::set_address(lead.data_mut(), &headers, A::OFFSET, source.bytes());
                checksum::complete_l4(lead.data_mut(), &headers);
            }
            self.own::<A, L>(burst, lead, Tie::None, Flow::None, ingress);
        }
    }

    /// How the answer to a datagram is tied to the datagram's connection, begun by it or in the table.
    fn related_to<A: InWorker>(&mut self, flight: &Flight<A, P>) -> Tie {
        let zones = match flight.flow {
            Flow::Known(flow) | Flow::Error(flow) => A::lane(self).conntrack.zones_of(flow),
            Flow::None | Flow::New(_) | Flow::Unborn(_) => flight.zones,
        };
        match flight.state {
            CtState::New | CtState::Established | CtState::Related => Tie::Related(zones),
            CtState::Untracked => Tie::Untracked,
            CtState::Invalid => Tie::None,
        }
    }

    /// Sends a packet the gateway made, through OUTPUT and POSTROUTING. What it says about another belongs to the
    /// connection of that, even if the connection does not come to be (kernel `nf_ct_attach`). To an address that means
    /// something on one link only it leaves by `link`.
    pub(super) fn own<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        packet: P,
        tie: Tie,
        flow: Flow<A>,
        link: InterfaceId,
    ) {
        self.counters.add(Counter::Originated, 1);
        let Some(headers) = headers_of(&packet) else {
            return self.counters.dropped(DropReason::Truncated);
        };
        let mut flight = Flight::<A, P>::new(packet, Vec::new(), headers, InterfaceId::HOST);
        (flight.tie, flight.flow) = (tie, flow);
        // What REJECT and SYNPROXY say has none.
        flight.socket = !matches!(flight.layer4.kind, Layer4Kind::Tcp(_));
        flight.egress = (link != InterfaceId::HOST).then_some(link);
        flight.template = (tie == Tie::Untracked).then(Template::silent);
        self.allow_copies(burst, &mut flight);
        let outcome = A::lane(self).originate(&burst.env, &mut flight);
        self.send_copies(burst, &mut flight);
        match outcome {
            // No answer to an answer.
            Err(Stop::Refuse(reason, _)) => self.counters.dropped(reason),
            Err(Stop::Reset) => self.counters.dropped(DropReason::Reject),
            Err(Stop::HandOff(_)) => self.counters.dropped(DropReason::ConntrackClash),
            outcome @ (Ok(_) | Err(Stop::Drop(_) | Stop::Proxy(_))) => {
                self.dispatch(burst, flight, outcome, None);
            }
        }
    }

    /// Drops a datagram and tells its sender why, if that is allowed.
    pub(super) fn refuse<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
        reason: DropReason,
        error: IcmpError,
    ) {
        self.dropped_all(flight, reason);
        // As in the kernel, whatever keeps the answer back later has cost its price.
        let by_route = A::VERSION == IpVersion::V4
            && matches!(
                reason,
                DropReason::NoRoute | DropReason::Unreachable | DropReason::Prohibit
            );
        if by_route && !self.shared.limiter.allow_route_error(flight.source.to_ip(), burst.env.now)
        {
            return;
        }
        let may_reject = match flight.rest.is_empty() {
            true => checksum::may_reject(flight.lead.data(), &flight.headers),
            false => flight.checksum() != L4ChecksumState::Bad && !is_recorded(flight),
        };
        if reason != DropReason::Reject || may_reject {
            // At one moment a bucket is capped once.
            let told = A::VERSION == IpVersion::V6 && flight.redirect.is_some();
            self.answer(burst, flight, error, by_route || told);
        }
    }

    /// Sends an ICMP error about a datagram, if rules of the protocol and limits allow. `charged`: a limit that spends from
    /// the same bucket has just been asked.
    pub(super) fn answer<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
        error: IcmpError,
        charged: bool,
    ) {
        let may = icmp_error::may_answer(flight.lead.data(), &flight.headers);
        if !may || flight.link_broadcast || self.is_to_many(&burst.env, flight) {
            return;
        }
        let env = burst.env;
        let masked = is_limited::<A>(&env, error.kind());
        let (limiter, sender) = (&self.shared.limiter, flight.source.to_ip());
        let allowed = match charged {
            true => limiter.allow_charged(sender, masked, env.now),
            false => limiter.allow(sender, masked, env.now),
        };
        if !allowed {
            return;
        }
        let Some(source) = self.error_source(burst, flight) else { return };
        // The datagram is counted already; an answer that was never made is no packet.
        let Some(mut answer) = burst.pool.alloc() else { return };
        let id = (env.random >> 16) as u16;
        let ttl = env.snapshot.ip.default_ttl;
        let Flight { lead, headers, rest, pulled, .. } = flight;
        let whole = match rest.is_empty() {
            true => None,
            false => match beginning(burst.pool, lead, headers, rest, *pulled) {
                None => return,
                whole => whole,
            },
        };
        let (about, headers) =
            whole.as_ref().map_or((lead.data(), headers), |(p, headers)| (p.data(), headers));
        if icmp_error::build(&mut answer, about, headers, error, source.to_ip(), ttl, id) {
            let tie = self.related_to(flight);
            self.own::<A, L>(burst, answer, tie, answered(flight), flight.ingress);
        }
    }

    /// Whether a datagram is for a group or for all hosts of a subnet: nobody is told what became of it.
    fn is_to_many<A: InWorker>(&mut self, env: &Env<'_>, flight: &Flight<A, P>) -> bool {
        let is_group = match flight.destination.to_ip() {
            IpAddr::V4(group) => group.is_multicast() || group.is_broadcast(),
            IpAddr::V6(group) => group.is_multicast(),
        };
        is_group || {
            let route = A::lane(self).fib.lookup(flight.destination);
            let next_hop = route.and_then(|id| env.snapshot.next_hop(id));
            matches!(next_hop, Some(NextHop::Broadcast(_)))
        }
    }

    /// The address an ICMP error comes from: the one asked if it is ours, else one of the way back, in IPv6 of the way it
    /// came (kernel `icmp6_send`).
    fn error_source<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &Burst<'_, P, L>,
        flight: &Flight<A, P>,
    ) -> Option<A> {
        let interfaces = &burst.env.snapshot.interfaces;
        if interfaces.owns(flight.destination.to_ip()) {
            return Some(flight.destination);
        }
        if is_link_local(flight.source.to_ip()) {
            let own = A::addresses(interfaces.get(flight.ingress)?).iter().copied();
            return masquerade_address(own, flight.source, flight.source);
        }
        let back = A::lane(self).fib.lookup(flight.source);
        let (interface, next_hop) = match back.and_then(|id| burst.env.snapshot.next_hop(id))? {
            NextHop::Connected(interface)
            | NextHop::Broadcast(interface)
            | NextHop::Local(interface) => (interface, flight.source),
            NextHop::Gateway { interface, address } => (interface, A::from_ip(address)?),
            NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit | NextHop::Throw => {
                return None;
            }
        };
        let of = |interface| {
            let own = A::addresses(interfaces.get(interface)?).iter().copied();
            masquerade_address(own, next_hop, flight.source)
        };
        let came_by = (A::VERSION == IpVersion::V6).then_some(flight.ingress);
        came_by.and_then(of).or_else(|| of(interface))
    }

    /// REJECT --reject-with tcp-reset.
    pub(super) fn reset<A: InWorker, L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        flight: &Flight<A, P>,
    ) {
        self.dropped_all(flight, DropReason::Reject);
        if flight.link_broadcast || self.is_to_many(&burst.env, flight) {
            return;
        }
        // The datagram is counted already; an answer that was never made is no packet.
        let Some(mut answer) = burst.pool.alloc() else { return };
        let good = flight.checksum() == L4ChecksumState::Good && !is_recorded(flight);
        let single = flight.headers.is_whole() || !flight.rest.is_empty();
        let Flight { lead, headers, layer4, .. } = flight;
        if good && single && write_reset(&mut answer, lead.data(), headers, layer4) {
            if let Some(port) = flight.ports.ingress {
                return self.reset_by_port(burst, flight, answer, port);
            }
            let tie = self.related_to(flight);
            self.own::<A, L>(burst, answer, tie, answered(flight), flight.ingress);
        }
    }

    /// The neighbour never answered: whoever sent what waits for it is told.
    pub(super) fn give_up<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        interface: InterfaceId,
        address: IpAddr,
    ) {
        let mut released = self.take_waiting(interface, address);
        for packet in released.drain(..) {
            let Some(headers) = headers_of(&packet) else {
                self.counters.dropped(DropReason::NeighbourFailed);
                continue;
            };
            let errors = (IcmpError::HostUnreachable, IcmpError::V6AddressUnreachable);
            self.refuse_packet(burst, packet, headers, DropReason::NeighbourFailed, errors);
        }
        self.released = released;
    }

    /// Drops a packet outside of the pipeline and tells its sender why, with the error of its family.
    fn refuse_packet<L: Pool<Packet = P>>(
        &mut self,
        burst: &mut Burst<'_, P, L>,
        packet: P,
        headers: Headers,
        reason: DropReason,
        (v4, v6): (IcmpError, IcmpError),
    ) {
        match headers.version {
            IpVersion::V4 => {
                let flight = Flight::<V4, P>::new(packet, Vec::new(), headers, InterfaceId::HOST);
                self.refuse(burst, &flight, reason, v4);
            }
            IpVersion::V6 => {
                let flight = Flight::<V6, P>::new(packet, Vec::new(), headers, InterfaceId::HOST);
                self.refuse(burst, &flight, reason, v6);
            }
        }
    }

    /// Datagrams whose fragments never all came: the first fragment's sender is told.
    pub(super) fn expire_datagrams<L: Pool<Packet = P>>(&mut self, burst: &mut Burst<'_, P, L>) {
        while let Some((packet, had_first, fragments)) = self.reassembler.expire_one(burst.env.now)
        {
            for _ in 1..fragments {
                self.counters.dropped(DropReason::ReassemblyTimeout);
            }
            let headers = headers_of(&packet).filter(|_| had_first);
            let Some(headers) = headers else {
                self.counters.dropped(DropReason::ReassemblyTimeout);
                continue;
            };
            let errors = (IcmpError::ReassemblyTimeExceeded, IcmpError::V6ReassemblyTime);
            self.refuse_packet(burst, packet, headers, DropReason::ReassemblyTimeout, errors);
        }
    }
}

/// Whether ICMP messages of a type are held to the limits.
pub(super) const fn is_limited<A: Address>(env: &Env<'_>, kind: u8) -> bool {
    match A::VERSION {
        IpVersion::V4 => kind < 32 && env.snapshot.ip.icmp_rate_mask >> kind & 1 == 1,
        // The default of net.ipv6.icmp.ratemask: path MTU discovery is not held up, nor is what is no error.
        IpVersion::V6 => kind < 128 && kind != V6_PACKET_TOO_BIG,
    }
}

/// Whether the gateway has filled in an option: the kernel's REJECT takes the checksum for wrong then.
fn is_recorded<A: InWorker, P: Packet>(flight: &Flight<A, P>) -> bool {
    let (data, headers) = (flight.lead.data(), &flight.headers);
    A::VERSION == IpVersion::V4
        && headers.options
        && Refused::read(data, headers, V4::default()).is_recorded()
}

/// The connection that an answer to this packet is of, as the answer goes.
fn answered<A: Address, P: Packet>(flight: &Flight<A, P>) -> Flow<A> {
    match &flight.flow {
        Flow::Unborn(new) => Flow::Unborn(new.unclaimed()),
        Flow::Known(flow) => Flow::Known(flow.peer()),
        Flow::None | Flow::New(_) | Flow::Error(_) => Flow::None,
    }
}
