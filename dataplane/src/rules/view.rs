//! What the rules see of a packet at one hook, and of the world around it.

use super::matches::Match;
use super::report::Reports;
use super::targets::ct::Template;
use super::targets::tee::Copier;
use super::{CounterId, Hook};
use crate::address::{Address, IpVersion, L4Port};
use crate::bridge::Ports;
use crate::conntrack::{
    Account, Conntrack, CtState, Direction, FlowRef, Half, Helper, NewConnection, Status,
};
use crate::fib::Fib;
use crate::ids::{InterfaceId, WorkerId};
use crate::interface::Interfaces;
use crate::snapshot::{NextHop, Snapshot};
use crate::sockets::Sockets;
use crate::time::Instant;
use crate::trace::{Seen, Step, Traced, Tracing};
use crate::tuple::Tuple;
use crate::wire::extensions::AUTHENTICATION;
use crate::wire::layer4::{Layer4, Layer4Kind};
use crate::wire::parse::Headers;
use crate::wire::protocol;
use crate::wire::tcp_flags::CONTROL;
use crate::wire::tcp_options::Added;
use std::cell::Cell;

/// What the rules see of a packet at one hook. Targets write to `data`, `mark` and the connection's mark.
#[derive(Debug)]
pub struct View<'a, A: Address> {
    /// The frame.
    pub data: &'a mut [u8],
    /// Where its headers are.
    pub headers: &'a Headers,
    /// Ports, TCP flags, ICMP type.
    pub layer4: Layer4,
    /// Source address now.
    pub source: A,
    /// Destination address now.
    pub destination: A,
    /// Interface it came in by; [`InterfaceId::HOST`] from the host.
    pub ingress: InterfaceId,
    /// Interface it leaves by, once routed.
    pub egress: Option<InterfaceId>,
    /// The ports of a bridge it has to do with.
    pub ports: Ports,
    /// Whether its frame was a link-layer broadcast or multicast.
    pub link_broadcast: bool,
    /// Whether a socket of this host said it.
    pub socket: bool,
    /// Connection state.
    pub state: CtState,
    /// Whether its source is translated, or will be.
    pub snat: bool,
    /// Whether its destination is translated.
    pub dnat: bool,
    /// Its connection.
    pub connection: Option<Connection<'a, A>>,
    /// Whether a target changed the connection's mark: the next packet may meet other rules than this one.
    pub connection_changed: bool,
    /// Whether a target exempted it from connection tracking.
    pub notrack: bool,
    /// What CT tells connection tracking; only in the raw table does it matter.
    pub template: Option<Template>,
    /// Packet mark; targets may change it, and a match that restores a socket's.
    pub mark: Cell<u32>,
    /// Whether somebody is told what becomes of it.
    pub traced: Option<Traced>,
    /// Options that have yet to be put into the TCP header.
    pub added: Added,
    /// Whether a match found the packet so malformed that it is dropped on the spot (the kernel's `hotdrop`).
    pub hotdrop: Cell<bool>,
    /// Whether a set was looked into that answered for this packet only.
    pub fleeting: Cell<bool>,
    /// IP bytes of the whole datagram.
    pub length: u32,
    /// Who makes TEE's copies; none where the packet is not to be copied.
    pub copier: Option<&'a mut dyn Copier>,
    /// What does not belong to the packet.
    pub around: Surroundings<'a, A>,
}

impl<A: Address> View<'_, A> {
    /// A fragment without the layer-4 header.
    #[must_use]
    pub fn is_later_fragment(&self) -> bool {
        self.headers.fragment.is_some_and(|fragment| fragment.offset != 0)
    }

    /// What this frame has of layer 4: its header on, or the data of a later fragment.
    #[must_use]
    pub fn layer4_bytes(&self) -> &[u8] {
        self.headers.payload(self.data)
    }

    /// Where the kernel reads what follows the IP header. For a later fragment it does so too (`nft_payload_fast_eval` does
    /// not look), in IPv6 from the beginning of the packet on (`nft_set_pktinfo_ipv6` finds no offset).
    pub(super) fn transport(&self) -> &[u8] {
        let Headers { version, l3, end, .. } = *self.headers;
        match version {
            IpVersion::V6 if self.is_later_fragment() => {
                self.data.get(l3.into()..end.into()).unwrap_or_default()
            }
            IpVersion::V4 | IpVersion::V6 => self.layer4_bytes(),
        }
    }

    /// The source port; none where so much of the header is not there. Of a later fragment it is what [stands in its
    /// place](Self::transport).
    #[must_use]
    #[inline]
    pub fn source_port(&self) -> Option<L4Port> {
        if self.is_header_whole() { Some(self.layer4.source_port) } else { self.port_at(0) }
    }

    /// As [`Self::source_port`], the destination port.
    #[must_use]
    #[inline]
    pub fn destination_port(&self) -> Option<L4Port> {
        if self.is_header_whole() { Some(self.layer4.destination_port) } else { self.port_at(2) }
    }

    #[cold]
    fn port_at(&self, at: usize) -> Option<L4Port> {
        let bytes = self.transport().get(at..)?.first_chunk()?;
        Some(L4Port::from_wire(*bytes))
    }

    #[inline]
    fn is_header_whole(&self) -> bool {
        !self.is_later_fragment() && !matches!(self.layer4.kind, Layer4Kind::Truncated)
    }

    /// Whether a match may [drop](super::matches::whole) it, also one of a rule that its ports do not lead to.
    #[inline]
    pub(super) fn may_be_too_short(&self) -> bool {
        match self.layer4.kind {
            Layer4Kind::Truncated => true,
            Layer4Kind::Other => match self.headers.protocol {
                protocol::DCCP => self.layer4_bytes().len() < 12,
                protocol::TCP => self.is_later_fragment(),
                _ => false,
            },
            Layer4Kind::Tcp(_)
            | Layer4Kind::OddTcp { .. }
            | Layer4Kind::Udp { .. }
            | Layer4Kind::Icmp { .. }
            | Layer4Kind::Icmp6 { .. }
            | Layer4Kind::Gre { .. } => false,
        }
    }

    /// The protocol as `-p` asks for it.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        if self.headers.authenticated { AUTHENTICATION } else { self.headers.protocol }
    }

    /// Whether CT has named what it is to be tracked with, and it is not tracked yet.
    pub(super) fn is_template(&self) -> bool {
        self.template.is_some() && self.connection.is_none() && self.state == CtState::New
    }

    /// Says of a match that it does not hold, and that the packet is to be dropped for it.
    pub(super) fn hotdrop(&self) -> bool {
        self.hotdrop.set(true);
        false
    }

    /// A TCP segment that opens or ends something.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        matches!(self.layer4.kind, Layer4Kind::Tcp(tcp) if tcp.flags & CONTROL != 0)
    }

    /// Whether it begins a connection, which is not translated yet as it will be.
    pub(super) const fn is_first(&self) -> bool {
        matches!(self.connection, Some(Connection(Tracked::New(_))))
    }

    /// Whether the destination of its connection is translated, if it ever will be.
    pub(super) const fn knows_destination(&self) -> bool {
        match self.around.hook {
            Hook::Prerouting | Hook::Output => !self.is_first(),
            Hook::Input | Hook::Forward | Hook::Postrouting => true,
        }
    }

    /// Whether nothing that outlives the packet may change.
    pub(super) fn is_dry(&self) -> bool {
        self.around.tracing.is_some_and(Tracing::is_dry)
    }

    /// Tells a step, if somebody wants to hear of this packet.
    #[inline]
    pub(super) fn tell(&self, step: Step) {
        if let (Some(traced), Some(tracing)) = (self.traced, self.around.tracing) {
            tracing.tell(traced, A::VERSION, self.around.unix, step);
        }
    }

    /// Says of a rule, on a dry run, what its answer depends on beside the packet.
    #[inline]
    pub(super) fn tell_depends(&self, counter: CounterId, condition: &Match<A>) {
        if self.traced.is_some()
            && self.is_dry()
            && let Some(on) = condition.keeps()
        {
            self.tell(Step::Depends { counter, on });
        }
    }

    /// TRACE: from here on it is told what becomes of the packet, if anybody listens.
    pub(super) fn begin_trace(&mut self) {
        if self.traced.is_some() {
            return;
        }
        self.traced = self.around.tracing.and_then(Tracing::chosen_by_rule);
        if self.traced.is_some() {
            let mut seen = Seen::of(self.data, self.headers, self.length);
            (seen.ingress, seen.egress, seen.mark) = (self.ingress, self.egress, self.mark.get());
            self.tell(Step::Packet(seen));
        }
    }
}

/// The world as a match may ask for it.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a, A> {
    /// At which hook the rules are asked.
    pub hook: Hook,
    /// Interfaces.
    pub interfaces: &'a Interfaces,
    /// Where the table's next hops lead.
    pub next_hops: &'a [NextHop],
    /// Whether datagrams are put together before any rule sees them, which leaves no fragment headers.
    pub reassembled: bool,
    /// Routes.
    pub fib: Option<&'a Fib<A>>,
    /// Now, since an arbitrary start.
    pub now: Instant,
    /// Now, in nanoseconds since 1970 (UTC).
    pub unix: u64,
    /// Seconds that local time, as the kernel knows it, lies ahead of UTC.
    pub zone: i32,
    /// Who asks.
    pub worker: WorkerId,
    /// Where packets are told of.
    pub reports: Option<&'a Reports>,
    /// The host's sockets.
    pub sockets: Option<&'a Sockets>,
    /// A random number, the same for all rules that the packet meets at this hook.
    pub random: u64,
    /// Where it is told what becomes of packets.
    pub tracing: Option<&'a Tracing>,
}

impl<'a, A: Address> Surroundings<'a, A> {
    /// Around a packet that no snapshot, route or clock is needed for.
    #[must_use]
    pub const fn bare(hook: Hook, interfaces: &'a Interfaces) -> Self {
        let now = Instant(0);
        Self {
            hook,
            interfaces,
            next_hops: &[],
            reassembled: false,
            fib: None,
            now,
            unix: 0,
            zone: 0,
            worker: WorkerId(0),
            reports: None,
            sockets: None,
            random: 0,
            tracing: None,
        }
    }

    /// In a snapshot.
    #[must_use]
    pub fn of(hook: Hook, snapshot: &'a Snapshot, fib: &'a Fib<A>) -> Self {
        Self {
            next_hops: &snapshot.next_hops,
            fib: Some(fib),
            ..Self::bare(hook, &snapshot.interfaces)
        }
    }

    /// Where the route to an address leads.
    #[must_use]
    pub fn route(&self, address: A) -> Option<NextHop> {
        self.next_hops.get(self.fib?.lookup(address)?.index()).copied()
    }
}

/// The connection of a packet, begun by it or in the table, and which way the packet goes.
#[derive(Debug)]
pub struct Connection<'a, A: Address>(Tracked<'a, A>);

/// Where a connection is kept.
#[derive(Debug)]
pub(crate) enum Tracked<'a, A: Address> {
    /// With the packet that begins it.
    New(&'a mut NewConnection<A>),
    /// With an answer to the packet that began it and was refused.
    Unborn(&'a mut NewConnection<A>),
    /// In the table.
    Known(&'a mut Conntrack<A>, FlowRef),
}

impl<'a, A: Address> From<Tracked<'a, A>> for Connection<'a, A> {
    fn from(tracked: Tracked<'a, A>) -> Self {
        Self(tracked)
    }
}

impl<A: Address> Connection<'_, A> {
    /// Which way the packet goes.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match &self.0 {
            Tracked::New(_) => Direction::Original,
            Tracked::Unborn(_) => Direction::Reply,
            Tracked::Known(_, flow) => flow.direction(),
        }
    }

    /// What packets of a direction look like on arrival.
    #[must_use]
    pub fn tuple(&self, direction: Direction) -> &Tuple<A> {
        match &self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => match direction {
                Direction::Original => &new.original,
                Direction::Reply => &new.reply,
            },
            Tracked::Known(conntrack, flow) => &half(conntrack, *flow, direction).key,
        }
    }

    /// What has become of it.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => new.status,
            Tracked::Known(conntrack, flow) => conntrack.common(*flow).status,
        }
    }

    /// The helper that has expected it.
    #[must_use]
    pub fn expected_by(&self) -> Option<Helper> {
        match &self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => new.expected_by,
            Tracked::Known(conntrack, flow) => conntrack.expected_by(*flow),
        }
    }

    /// Seconds until it ends if nothing more comes; none before it is in the table.
    #[must_use]
    pub fn seconds_left(&self, now: Instant) -> Option<u32> {
        match &self.0 {
            Tracked::New(_) | Tracked::Unborn(_) => None,
            Tracked::Known(conntrack, flow) => Some(conntrack.seconds_left(*flow, now)),
        }
    }

    /// What it has carried, this packet included, if it has an account.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        match &self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => new.account(),
            Tracked::Known(conntrack, flow) => conntrack.account(*flow),
        }
    }

    /// Its mark.
    #[must_use]
    pub fn mark(&self) -> u32 {
        match &self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => new.mark,
            Tracked::Known(conntrack, flow) => conntrack.common(*flow).mark,
        }
    }

    /// Sets its mark. Rules may ask for it, so verdicts reached before are reached again.
    pub fn set_mark(&mut self, mark: u32) {
        match &mut self.0 {
            Tracked::New(new) | Tracked::Unborn(new) => new.mark = mark,
            Tracked::Known(conntrack, flow) => {
                let flow = *flow;
                conntrack.note_mark(flow, mark);
                if std::mem::replace(&mut conntrack.common_mut(flow).mark, mark) != mark {
                    conntrack.half_mut(flow).cache.clear();
                    conntrack.half_mut(flow.peer()).cache.clear();
                    conntrack.tell_mark(flow);
                }
            }
        }
    }
}

fn half<A: Address>(conntrack: &Conntrack<A>, flow: FlowRef, direction: Direction) -> &Half<A> {
    conntrack.half(if flow.direction() == direction { flow } else { flow.peer() })
}
