//! More of one datagram: what TEE copies, and what a bridge sends out of several ports.

use super::{Flight, Flow, Tie, datagram_layer4};
use crate::address::{Address, IpVersion};
use crate::bridge::Ports;
use crate::conntrack::{CtState, Zones};
use crate::copies::Made;
use crate::ids::InterfaceId;
use crate::packet::Packet;
use crate::wire::header;
use crate::wire::parse::Headers;

impl<A: Address, P: Packet> Flight<A, P> {
    /// The later fragments of the copies that rules have made since this was last called.
    pub(crate) fn complete_copies(&mut self) {
        if let Some(copies) = &mut self.copies {
            copies.add_later(&self.rest);
        }
    }

    /// A copy of this datagram as it was when rules copied it; `rest` are its own later fragments.
    pub(crate) fn copied(&self, made: Made<P>, rest: Vec<(P, Headers)>) -> Self {
        let Made { lead, order, .. } = made;
        let data = lead.data();
        let mut copy = Self {
            layer4: datagram_layer4(data, &order.headers, &rest, order.length),
            source: self.headers.source(data),
            destination: self.headers.destination(data),
            lead,
            rest,
            pulled: self.pulled,
            sizes: self.sizes,
            recut: A::VERSION == IpVersion::V4,
            headers: order.headers,
            length: order.length,
            tuple: None,
            redirect: None,
            ingress: InterfaceId::HOST,
            egress: None,
            ports: Ports::NONE,
            link_broadcast: self.link_broadcast,
            socket: false,
            mark: order.mark,
            state: CtState::Untracked,
            notrack: true,
            tie: Tie::None,
            template: None,
            zones: Zones::default(),
            raw_counted: false,
            flow: Flow::None,
            copies: None,
            cacheable: false,
            traced: None,
            supposed: None,
        };
        copy.settle(order.added);
        let one_less = u8::from(order.one_hop_less);
        let ttl = copy.headers.ttl.wrapping_sub(one_less);
        for (packet, headers) in copy.frames_mut() {
            header::set_ttl(packet.data_mut(), headers, ttl);
            header::set_dont_fragment(packet.data_mut(), headers);
        }
        copy.headers.ttl = ttl;
        copy
    }

    /// The same datagram once more, for another port of a bridge: `lead` and `rest` are copies of its frames. What it is
    /// of a connection goes along; see [`Self::take_back`].
    pub(crate) fn double(&mut self, lead: P, rest: Vec<(P, Headers)>) -> Self {
        Self {
            lead,
            rest,
            pulled: self.pulled,
            sizes: self.sizes,
            recut: self.recut,
            headers: self.headers,
            layer4: self.layer4,
            length: self.length,
            source: self.source,
            destination: self.destination,
            tuple: self.tuple,
            redirect: None,
            ingress: self.ingress,
            egress: None,
            ports: self.ports,
            link_broadcast: self.link_broadcast,
            socket: self.socket,
            mark: self.mark,
            state: self.state,
            notrack: self.notrack,
            tie: self.tie,
            template: self.template,
            zones: self.zones,
            raw_counted: self.raw_counted,
            flow: std::mem::replace(&mut self.flow, Flow::None),
            copies: None,
            cacheable: false,
            traced: self.traced,
            supposed: self.supposed,
        }
    }

    /// A connection that a copy has begun is that of the others too; one that it has not is still to be begun.
    pub(crate) fn take_back(&mut self, copy: &mut Self) {
        self.flow = match &copy.flow {
            Flow::Known(flow) => Flow::Known(*flow),
            Flow::Error(flow) => Flow::Error(*flow),
            Flow::None | Flow::New(_) | Flow::Unborn(_) => {
                std::mem::replace(&mut copy.flow, Flow::None)
            }
        };
    }
}
