//! The classifier against the plain walk, what it asks of long chains, and when it is built.

mod kept;
mod lists;
mod random;
mod same;

use crate::address::{Address, L4Port};
use crate::conntrack::CtState;
use crate::ids::InterfaceId;
use crate::interface::Interfaces;
use crate::rules::{Hook, Surroundings, View};
use crate::wire::layer4::{Layer4, Layer4Kind, TcpFields};
use crate::wire::parse::{FragmentInfo, Headers};
use crate::wire::protocol;
use std::sync::LazyLock;

/// No interface has a name or an address.
static NOWHERE: LazyLock<Interfaces> = LazyLock::new(Interfaces::default);

/// A packet as rules see it.
#[derive(Debug, Clone)]
struct Packet<A> {
    source: A,
    destination: A,
    ports: (u16, u16),
    protocol: u8,
    kind: Layer4Kind,
    later_fragment: bool,
    ingress: InterfaceId,
    egress: Option<InterfaceId>,
    state: CtState,
    snat: bool,
    dnat: bool,
    mark: u32,
    length: u32,
}

impl<A: Address> Packet<A> {
    /// The first segment of a TCP connection to `port`.
    fn syn(source: A, destination: A, port: u16) -> Self {
        Self {
            source,
            destination,
            ports: (40_000, port),
            protocol: protocol::TCP,
            kind: Layer4Kind::Tcp(TcpFields { flags: 2, ..TcpFields::default() }),
            later_fragment: false,
            ingress: InterfaceId(0),
            egress: Some(InterfaceId(1)),
            state: CtState::New,
            snat: false,
            dnat: false,
            mark: 0,
            length: 60,
        }
    }

    fn headers(&self) -> Headers {
        let fragment = FragmentInfo { offset: 1480, more: false, id: 1, dont_fragment: false };
        Headers {
            version: A::VERSION,
            l3: 14,
            l4: 34,
            end: 74,
            protocol: self.protocol,
            ttl: 64,
            tos: 0,
            fragment: self.later_fragment.then_some(fragment),
            options: false,
            authenticated: false,
        }
    }

    fn view<'v>(&self, headers: &'v Headers) -> View<'v, A> {
        let (source, destination) = self.ports;
        View {
            data: &mut [],
            headers,
            layer4: Layer4 {
                source_port: L4Port::new(source),
                destination_port: L4Port::new(destination),
                kind: self.kind,
            },
            source: self.source,
            destination: self.destination,
            ingress: self.ingress,
            egress: self.egress,
            state: self.state,
            snat: self.snat,
            dnat: self.dnat,
            mark: self.mark,
            traced: None,
            length: self.length,
            link_broadcast: false,
            connection: None,
            connection_changed: false,
            notrack: false,
            add_mss: None,
            hotdrop: std::cell::Cell::new(false),
            around: Surroundings::bare(Hook::Forward, &NOWHERE),
        }
    }
}
