//! A packet on its way through the pipeline, with what has been found out about it.

mod copy;
mod outcome;

pub(crate) use outcome::{Frames, Stop, Verdict};

use crate::address::{Address, IpVersion, Mac};
use crate::bridge::Ports;
use crate::conntrack::{Conntrack, CtState, FlowRef, NewConnection, Status, Zones};
use crate::copies::Copies;
use crate::datagram::{self, Sizes};
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::rules::targets::ct::Template;
use crate::rules::targets::tee::Copier;
use crate::rules::{Connection, Surroundings, Tracked, View};
use crate::trace::Traced;
use crate::tuple::Tuple;
use crate::wire::checksum::{L4ChecksumState, datagram_l4_state, lengths_hold};
use crate::wire::extensions::FRAGMENT_HEADER;
use crate::wire::layer4::{Layer4, Layer4Kind, layer4};
use crate::wire::parse::{Headers, fragment_data};
use crate::wire::tcp_options::Added;
use crate::wire::{header, protocol, put, sctp};
use std::cell::Cell;
use std::net::IpAddr;

/// The connection a packet belongs to.
#[derive(Debug)]
pub(crate) enum Flow<A> {
    /// None: untracked, invalid, or nobody needs tracking.
    None,
    /// One that this packet starts; not yet in the table.
    New(NewConnection<A>),
    /// One that did not come to be, of its only packet or of what the gateway answers to that. It claims nothing.
    Unborn(NewConnection<A>),
    /// One in the table.
    Known(FlowRef),
    /// An ICMP error about one in the table, travelling in this direction of it.
    Error(FlowRef),
}

/// What ties a packet that the gateway made to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tie {
    /// Nothing: it is tracked as anybody's.
    None,
    /// The host's own stack made it: it is tracked as anybody's, but for an ICMP error.
    Host,
    /// It answers a packet of a connection in these zones, and rules shall see that (kernel `nf_ct_attach`).
    Related(Zones),
    /// It answers a packet that is not to be tracked: what CT would say to it does not count (kernel `nf_ct_attach` leaves
    /// no connection, but a direction).
    Untracked,
    /// It answers the first packet of a connection that does not come to be.
    Reply,
    /// SYNPROXY begins a connection with it.
    Proxied,
    /// It is of this direction of a connection.
    Of(FlowRef),
}

/// A better next hop than the gateway, of a packet that leaves by the link it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) next_hop: IpAddr,
    /// Its sender is not told; the limit of what it is told counts it all the same.
    pub(crate) withheld: bool,
}

/// A datagram: one frame, or the frames of all its fragments in order.
#[derive(Debug)]
pub(crate) struct Flight<A, P> {
    /// The frame, or the first fragment: it holds the layer-4 header.
    pub(crate) lead: P,
    /// Later fragments and where their headers are.
    pub(crate) rest: Vec<(P, Headers)>,
    /// Bytes at the end of `lead` that are those at the beginning of `rest`.
    pub(crate) pulled: u16,
    /// The sizes they came in.
    pub(crate) sizes: Sizes,
    /// The fragments' sizes are not to be kept (see `Lane::rewrite`).
    pub(crate) recut: bool,
    pub(crate) headers: Headers,
    pub(crate) layer4: Layer4,
    /// IP bytes of the whole datagram; of IPv6 without the headers of its fragments.
    pub(crate) length: u32,
    /// Addresses as they stand in the packet now.
    pub(crate) source: A,
    pub(crate) destination: A,
    /// The tuple of the packet as it stands now, if it has one.
    pub(crate) tuple: Option<Tuple<A>>,
    /// The better next hop its sender could have used.
    pub(crate) redirect: Option<Redirect>,
    pub(crate) ingress: InterfaceId,
    pub(crate) egress: Option<InterfaceId>,
    /// The ports of a bridge it has to do with.
    pub(crate) ports: Ports,
    /// Arrived as a link-layer broadcast or multicast.
    pub(crate) link_broadcast: bool,
    /// Said by a socket of the host's, or of the gateway's own where the kernel has one (`skb->sk`).
    pub(crate) socket: bool,
    pub(crate) mark: u32,
    pub(crate) state: CtState,
    pub(crate) notrack: bool,
    pub(crate) tie: Tie,
    /// What CT has said of it.
    pub(crate) template: Option<Template>,
    /// The zones it is looked for in.
    pub(crate) zones: Zones,
    /// The raw table has counted it, here or at the worker that handed it over.
    pub(crate) raw_counted: bool,
    pub(crate) flow: Flow<A>,
    /// Copies that rules have made of it; none where they are to make none.
    pub(crate) copies: Option<Box<Copies<P>>>,
    /// Whether the next packet of the flow is sure to meet the same verdict.
    pub(crate) cacheable: bool,
    /// Whether somebody is told what becomes of it.
    pub(crate) traced: Option<Traced>,
    /// The connection state it is to be taken for, whatever the table says: of an explanation.
    pub(crate) supposed: Option<CtState>,
}

impl<A: Address, P: Packet> Flight<A, P> {
    /// A datagram about to enter the pipeline, whose `headers` were read from `lead`.
    pub(crate) fn new(
        mut lead: P,
        rest: Vec<(P, Headers)>,
        mut headers: Headers,
        ingress: InterfaceId,
    ) -> Self {
        let sizes =
            Sizes::of(std::iter::once(&headers).chain(rest.iter().map(|(_, headers)| headers)));
        let pulled =
            if rest.is_empty() { 0 } else { datagram::pull(&mut lead, &mut headers, &rest) };
        let data = lead.data();
        let (source, destination) = (headers.source(data), headers.destination(data));
        let length = match rest.last() {
            None => u32::from(headers.end - headers.l3),
            Some((packet, last)) => {
                let before = fragment_data(data, &headers) - headers.l3 - fragment_header(&headers);
                let offset = last.fragment.map_or(0, |fragment| fragment.offset);
                let tail = last.end - fragment_data(packet.data(), last);
                u32::from(before) + u32::from(offset) + u32::from(tail)
            }
        };
        let layer4 = datagram_layer4(data, &headers, &rest, length);
        Self {
            lead,
            rest,
            pulled,
            sizes,
            recut: false,
            headers,
            layer4,
            length,
            source,
            destination,
            tuple: None,
            redirect: None,
            ingress,
            egress: None,
            ports: Ports::NONE,
            link_broadcast: false,
            socket: ingress == InterfaceId::HOST,
            mark: 0,
            // As the kernel says of what has not been tracked yet.
            state: CtState::Invalid,
            notrack: false,
            tie: Tie::None,
            template: None,
            zones: Zones::default(),
            raw_counted: false,
            flow: Flow::None,
            copies: None,
            // Rules may judge it otherwise than its like without the header.
            cacheable: !headers.authenticated,
            traced: None,
            supposed: None,
        }
    }

    /// Reads addresses and the layer-4 header again after something changed them.
    pub(crate) fn reread(&mut self) {
        let data = self.lead.data();
        self.layer4 = datagram_layer4(data, &self.headers, &self.rest, self.length);
        self.source = self.headers.source(data);
        self.destination = self.headers.destination(data);
    }

    /// Whether connection tracking has taken it for a packet of a connection.
    pub(crate) const fn has_connection(&self) -> bool {
        match self.state {
            CtState::New | CtState::Established | CtState::Related => true,
            CtState::Invalid | CtState::Untracked => false,
        }
    }

    /// Judges the layer-4 checksum of the whole datagram.
    pub(crate) fn checksum(&self) -> L4ChecksumState {
        let later = datagram::later_payloads(&self.rest, self.pulled);
        datagram_l4_state(self.lead.data(), &self.headers, later)
    }

    /// Has the first frame hold the whole datagram, for the time being; whether it does.
    pub(crate) fn gather(&mut self) -> bool {
        if !self.rest.is_empty() {
            let (lead, headers, pulled) = (&mut self.lead, &mut self.headers, self.pulled);
            let Some(count) = datagram::gather(lead, headers, &self.rest, pulled) else {
                return false;
            };
            self.pulled += count;
        }
        true
    }

    /// The first frame, which holds the whole datagram, has become another: later ones hold nothing any more.
    pub(crate) fn keep_gathered(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        for (packet, headers) in &mut self.rest {
            headers.end = fragment_data(packet.data(), headers);
        }
        (self.pulled, self.recut) = (0, true);
    }

    /// Whether the kernel has to pull the header into the first fragment to write to it, and then cuts anew.
    pub(crate) fn is_header_in_pieces(&self) -> bool {
        let written = match self.headers.protocol {
            protocol::TCP => 20,
            protocol::SCTP => sctp::COMMON_HEADER as u16,
            _ => 0,
        };
        self.pulled > 0 && self.headers.end - self.headers.l4 - self.pulled < written
    }

    /// All of layer 4, piece by piece.
    pub(crate) fn layer4_pieces(&self) -> impl Iterator<Item = &[u8]> {
        let first = self.headers.payload(self.lead.data());
        std::iter::once(first).chain(datagram::later_payloads(&self.rest, self.pulled))
    }

    /// After a change of ports, the CRC-32c of an SCTP packet that came in fragments.
    pub(crate) fn mend_sctp(&mut self) {
        if self.rest.is_empty() || self.headers.protocol != protocol::SCTP {
            return;
        }
        let later = datagram::later_payloads(&self.rest, self.pulled);
        let sum = sctp::checksum(self.headers.payload(self.lead.data()), later);
        let place = usize::from(self.headers.l4) + sctp::CHECKSUM;
        if let Some(sum) = sum {
            put(self.lead.data_mut(), place, &sum.to_le_bytes());
        }
    }

    /// Whether the lengths that layer 4 says of the whole datagram can be.
    pub(crate) fn lengths_hold(&self) -> bool {
        let later = datagram::later_payloads(&self.rest, self.pulled);
        lengths_hold(self.lead.data(), &self.headers, later)
    }

    /// The fragments as they came, with what was done to them.
    pub(crate) fn push_back(&mut self) {
        datagram::push_back(&mut self.lead, &mut self.headers, &mut self.rest, self.pulled);
        self.pulled = 0;
    }

    /// Its frames, as they are to leave.
    #[inline]
    pub(crate) fn into_frames(mut self) -> Frames<P> {
        self.push_back();
        let Self { lead, rest, headers, sizes, recut, .. } = self;
        Frames { lead, rest, headers, sizes, recut }
    }

    /// The packet as rules see it, and where they say that its verdict is not to be remembered.
    pub(crate) fn view<'v>(
        &'v mut self,
        conntrack: &'v mut Conntrack<A>,
        mut around: Surroundings<'v, A>,
    ) -> (View<'v, A>, &'v mut bool) {
        let length = self.length;
        around.reassembled |= !self.rest.is_empty();
        let tracked = match &mut self.flow {
            Flow::None => None,
            Flow::New(new) => Some(Tracked::New(new)),
            Flow::Unborn(new) => Some(Tracked::Unborn(new)),
            Flow::Known(flow) | Flow::Error(flow) => Some(Tracked::Known(conntrack, *flow)),
        };
        let connection = tracked.map(Connection::from);
        let status = connection.as_ref().map(Connection::status).unwrap_or_default();
        let view = View {
            data: self.lead.data_mut(),
            headers: &self.headers,
            layer4: self.layer4,
            source: self.source,
            destination: self.destination,
            ingress: self.ingress,
            egress: self.egress,
            ports: self.ports,
            link_broadcast: self.link_broadcast,
            socket: self.socket,
            state: self.state,
            snat: status.has(Status::SRC_NAT),
            dnat: status.has(Status::DST_NAT),
            connection,
            connection_changed: false,
            notrack: self.notrack,
            template: self.template,
            mark: Cell::new(self.mark),
            traced: self.traced,
            added: Added::default(),
            length,
            copier: self.copies.as_deref_mut().map(|copies| copies as &mut dyn Copier),
            hotdrop: Cell::new(false),
            fleeting: Cell::new(false),
            around,
        };
        (view, &mut self.cacheable)
    }

    /// Destination and source of its frame.
    pub(crate) fn macs(&self) -> (Mac, Mac) {
        let mac = |at: usize| self.lead.data().get(at..).and_then(|rest| rest.first_chunk());
        (Mac(mac(0).copied().unwrap_or_default()), Mac(mac(6).copied().unwrap_or_default()))
    }

    /// IP bytes of the datagram, or of its largest fragment as it came.
    pub(crate) fn largest(&self) -> u16 {
        if self.rest.is_empty() { self.headers.ip_length() } else { self.sizes.largest }
    }

    /// Takes in what targets have written to the first frame: the TTL, the TOS and addresses hold for all fragments, and an
    /// option of TCP may have to be put in.
    pub(crate) fn settle(&mut self, added: Added) {
        if added.length() > 0 {
            self.length += added.put(&mut self.lead, &mut self.headers);
            self.reread();
        }
        self.settle_addresses();
        let data = self.lead.data();
        let (ttl, tos) = (header::ttl(data, &self.headers), header::tos(data, &self.headers));
        if (ttl, tos) == (self.headers.ttl, self.headers.tos) {
            return;
        }
        for (packet, headers) in self.frames_mut() {
            header::set_ttl(packet.data_mut(), headers, ttl);
            header::set_tos(packet.data_mut(), headers, tos);
        }
        (self.headers.ttl, self.headers.tos) = (ttl, tos);
        for (_, headers) in &mut self.rest {
            (headers.ttl, headers.tos) = (ttl, tos);
        }
    }

    /// Addresses that targets have written hold for all fragments. The tuple stays what the connection knows, as in
    /// the kernel: it does not see such a translation.
    fn settle_addresses(&mut self) {
        let data = self.lead.data();
        let written = (self.headers.source(data), self.headers.destination(data));
        if written == (self.source, self.destination) {
            return;
        }
        (self.source, self.destination) = written;
        for (packet, headers) in &mut self.rest {
            header::set_address(packet.data_mut(), headers, A::OFFSET, written.0.bytes());
            header::set_address(packet.data_mut(), headers, A::OFFSET + A::SIZE, written.1.bytes());
        }
    }

    /// All frames with their headers.
    pub(crate) fn frames_mut(&mut self) -> impl Iterator<Item = (&mut P, &Headers)> {
        std::iter::once((&mut self.lead, &self.headers))
            .chain(self.rest.iter_mut().map(|(packet, headers)| (packet, &*headers)))
    }
}

/// Bytes of the header that only a fragment has: the whole datagram, as rules see it, does without.
fn fragment_header(headers: &Headers) -> u16 {
    match headers.version {
        IpVersion::V6 if headers.fragment.is_some() => FRAGMENT_HEADER,
        IpVersion::V4 | IpVersion::V6 => 0,
    }
}

/// The layer-4 header of a datagram of `length` IP bytes whose first frame this is, and `rest` the others.
fn datagram_layer4<P>(data: &[u8], headers: &Headers, rest: &[P], length: u32) -> Layer4 {
    let mut read = layer4(data, headers);
    if !rest.is_empty()
        && let Layer4Kind::Tcp(tcp) = &mut read.kind
    {
        let before = u32::from(headers.l4 - headers.l3 - fragment_header(headers))
            + u32::from(tcp.data_offset);
        tcp.payload_len = u16::try_from(length.saturating_sub(before)).unwrap_or(u16::MAX);
    }
    read
}
