//! The classifier against the plain walk, what it asks of long chains, and when it is built.

mod draw;
mod draw_bytes;
mod kept;
mod lists;
pub(in crate::rules) mod random;
mod same;
mod twin;

use crate::address::{Address, IpVersion, L4Port};
use crate::conntrack::{CtState, FirstPacket, NewConnection, Status};
use crate::ids::InterfaceId;
use crate::interface::Interfaces;
use crate::rules::{Hook, Surroundings, Tracked, View};
use crate::sockets::{Socket, Sockets, Transport};
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::{Layer4, Layer4Kind, TcpFields};
use crate::wire::parse::{FragmentInfo, Headers};
use crate::wire::protocol;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// No interface has a name or an address.
static NOWHERE: LazyLock<Interfaces> = LazyLock::new(Interfaces::default);

/// On every second port somebody listens.
static SOCKETS: LazyLock<Sockets> = LazyLock::new(|| {
    let sockets = Sockets::default();
    let any = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
    let listening = (0..u16::MAX).step_by(2).flat_map(|port| any.map(|any| (any, port)));
    sockets.set(listening.map(|(any, port)| Socket {
        transport: if port & 2 == 0 { Transport::Tcp } else { Transport::Udp },
        local: (any, L4Port::new(port)),
        remote: None,
        interface: None,
        family: if any.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 },
        transparent: Some(port & 4 == 0),
        mark: Some(u32::from(port >> 3) & 3),
    }));
    sockets
});

/// A packet as rules see it.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Packet<A> {
    source: A,
    destination: A,
    ports: (u16, u16),
    protocol: u8,
    kind: Layer4Kind,
    later_fragment: bool,
    ingress: InterfaceId,
    egress: Option<InterfaceId>,
    pub(in crate::rules) state: CtState,
    snat: bool,
    dnat: bool,
    mark: u32,
    length: u32,
    bytes: Bytes,
    /// Mark and status of its connection.
    pub(in crate::rules) connection: Option<(u32, Status)>,
    now: Instant,
    random: u64,
}

/// What matches read from the frame itself.
#[derive(Debug, Clone, Default)]
struct Bytes {
    broadcast: bool,
    /// Last byte of the source's MAC.
    mac: u8,
    tos: u8,
    ttl: u8,
    /// The first two words of layer 4.
    words: (u32, u32),
    /// What comes 20 bytes behind: TCP options, or data.
    tail: Vec<u8>,
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
            bytes: Bytes::default(),
            connection: None,
            now: Instant(0),
            random: 0,
        }
    }

    const L4: usize = 14 + if A::SIZE == 4 { 20 } else { 40 };

    fn frame(&self) -> Vec<u8> {
        let Bytes { broadcast, mac, tos, ttl, words, tail } = &self.bytes;
        let mut frame = vec![0; Self::L4 + 40];
        frame[..6].fill(if *broadcast { 0xff } else { 2 });
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, *mac]);
        if A::SIZE == 4 {
            (frame[14], frame[15], frame[22]) = (0x45, *tos, *ttl);
        } else {
            (frame[14], frame[15], frame[21]) = (0x60 | tos >> 4, tos << 4, *ttl);
        }
        let layer4 = &mut frame[Self::L4..];
        layer4[..4].copy_from_slice(&words.0.to_be_bytes());
        layer4[4..8].copy_from_slice(&words.1.to_be_bytes());
        // The length of a TCP header with 20 bytes of options.
        layer4[12] = 10 << 4;
        for (to, from) in layer4[20..].iter_mut().zip(tail) {
            *to = *from;
        }
        frame
    }

    fn headers(&self) -> Headers {
        let fragment = FragmentInfo { offset: 1480, more: false, id: 1, dont_fragment: false };
        Headers {
            version: A::VERSION,
            l3: 14,
            l4: Self::L4 as u16,
            end: Self::L4 as u16 + if self.kind == Layer4Kind::Truncated { 3 } else { 40 },
            protocol: self.protocol,
            ttl: self.bytes.ttl,
            tos: self.bytes.tos,
            fragment: self.later_fragment.then_some(fragment),
            options: false,
            authenticated: false,
        }
    }

    /// As its connection's first packet.
    fn tuple(&self) -> Tuple<A> {
        Tuple {
            protocol: self.protocol,
            source: self.source,
            destination: self.destination,
            source_port: L4Port::new(self.ports.0),
            destination_port: L4Port::new(self.ports.1),
            ..Tuple::default()
        }
    }

    fn begun(&self, mark: u32, status: Status) -> NewConnection<A> {
        let original = self.tuple();
        let reply = Tuple {
            source: original.destination,
            destination: original.source,
            source_port: original.destination_port,
            destination_port: original.source_port,
            ..original
        };
        let new = NewConnection::of(original, reply, FirstPacket::default());
        NewConnection { mark, egress: InterfaceId(1), status, ..new }
    }

    /// Shows it to rules.
    pub(in crate::rules) fn seen<T>(&self, by: impl FnOnce(&mut View<'_, A>) -> T) -> T {
        let (source, destination) = self.ports;
        let (headers, mut frame) = (self.headers(), self.frame());
        let mut begun = self.connection.map(|(mark, status)| self.begun(mark, status));
        by(&mut View {
            data: &mut frame,
            headers: &headers,
            layer4: Layer4 {
                source_port: L4Port::new(source),
                destination_port: L4Port::new(destination),
                kind: self.kind,
            },
            source: self.source,
            destination: self.destination,
            ingress: self.ingress,
            egress: self.egress,
            ports: crate::bridge::Ports::NONE,
            state: self.state,
            snat: self.snat,
            dnat: self.dnat,
            mark: Cell::new(self.mark),
            traced: None,
            length: self.length,
            link_broadcast: self.bytes.broadcast,
            socket: false,
            connection: begun.as_mut().map(|begun| Tracked::New(begun).into()),
            connection_changed: false,
            notrack: false,
            template: None,
            added: crate::wire::tcp_options::Added::default(),
            copier: None,
            hotdrop: Cell::new(false),
            fleeting: Cell::new(false),
            around: Surroundings {
                now: self.now,
                unix: self.now.0,
                zone: 3600,
                random: self.random,
                sockets: Some(&SOCKETS),
                ..Surroundings::bare(Hook::Forward, &NOWHERE)
            },
        })
    }
}
