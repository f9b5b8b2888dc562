//! What the generator sends, and what must come out of the worker for it.
//!
//! ```text
//!   clients 10.x.y.z, fd00::x ── lan │ worker │ wan ── servers 198.18.0.0/15, or anywhere routes lead
//! ```
//!
//! Every frame ends with six bytes that name its flow, its way and its turn: from what comes out the
//! expected frame is built anew, checksums included, and compared whole.

mod frame;
pub(crate) mod routes;

use frame::{Endpoints, Segment};
pub(crate) use frame::{FrameBytes, sum};
use sluice_dataplane::address::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const TTL: u8 = 64;
pub(crate) const SERVER_PORT: u16 = 4433;
/// Source ports in use. Flows that share one have different servers, so NAT keeps all ports.
const PORTS: u32 = 60_000;

pub(crate) const LAN_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const WAN_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const LAN_ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 1, 1]);
/// What NAT gives the clients.
pub(crate) const EXTERNAL: [u8; 4] = [203, 0, 113, 1];
/// Gateways on the WAN that routes lead to.
pub(crate) const GATEWAYS: u8 = 16;

/// The MAC of a gateway on the WAN.
pub(crate) const fn gateway_mac(gateway: u8) -> Mac {
    Mac([2, 0, 0, 0, 2, gateway])
}

/// The address of a flow's client.
pub(crate) fn client(flow: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0001 + flow)
}

/// The address of a server.
pub(crate) fn server(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xc612_0001 + number)
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a client; in by the LAN, port 0.
    Out,
    /// From a server; in by the WAN, port 1.
    Back,
}

impl Way {
    /// The port its frames come in by.
    pub(crate) const fn ingress(self) -> u16 {
        match self {
            Self::Out => 0,
            Self::Back => 1,
        }
    }
    const fn egress(self) -> usize {
        match self {
            Self::Out => 1,
            Self::Back => 0,
        }
    }
}

/// What the frames carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Datagrams.
    Udp,
    /// Connections: SYN, SYN-ACK, then six bytes a segment, all within the window.
    Tcp,
}

/// Where a flow goes, and through which gateway that must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) address: IpAddr,
    pub(crate) gateway: u8,
}

/// One frame: of which flow, which way, and the how many-th that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) flow: u32,
    pub(crate) way: Way,
    /// Modulo 2^24; counts in TCP only.
    pub(crate) turn: u32,
}

impl Numbered {
    /// Flows there are.
    pub(crate) const FLOWS: u32 = 1 << 23;
    const TURNS: u32 = 1 << 24;
    const BYTES: usize = 6;

    fn encode(self) -> [u8; Self::BYTES] {
        let way = match self.way {
            Way::Out => 0,
            Way::Back => Self::FLOWS,
        };
        let [_, a, b, c] = (self.flow % Self::FLOWS + way).to_be_bytes();
        let [_, d, e, f] = (self.turn % Self::TURNS).to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// Of the frame's last bytes.
    fn decode(frame: &[u8]) -> Option<Self> {
        let &[a, b, c, d, e, f] = frame.last_chunk::<{ Self::BYTES }>()?;
        let flow = u32::from_be_bytes([0, a, b, c]);
        let way = if flow < Self::FLOWS { Way::Out } else { Way::Back };
        let turn = u32::from_be_bytes([0, d, e, f]);
        Some(Self { flow: flow % Self::FLOWS, way, turn })
    }
}

/// The traffic of one scenario.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) protocol: Protocol,
    /// Whether the gateway translates the clients' addresses.
    pub(crate) translated: bool,
    /// Where flow `n` goes, modulo their number; empty for servers in 198.18.0.0/15 through the first
    /// gateway.
    pub(crate) destinations: Vec<Destination>,
}

impl Traffic {
    /// A frame as the generator sends it. `acknowledged` is how many segments have come the other way.
    pub(crate) fn sent(&self, number: Numbered, acknowledged: u32) -> FrameBytes {
        let macs = match number.way {
            Way::Out => (LAN_MAC, LAN_ROUTER_MAC),
            Way::Back => (WAN_MAC, gateway_mac(self.destination(number.flow).gateway)),
        };
        let translated = self.translated && number.way == Way::Back;
        let segment = Segment::of(number, acknowledged);
        frame::build(macs, TTL, self.endpoints(number, translated), segment, self.protocol)
    }

    /// The same frame as the worker must let it out; `segment` is what TCP said in it.
    fn expected(&self, number: Numbered, segment: Segment) -> FrameBytes {
        let macs = match number.way {
            Way::Out => (gateway_mac(self.destination(number.flow).gateway), WAN_MAC),
            Way::Back => (LAN_ROUTER_MAC, LAN_MAC),
        };
        let translated = self.translated && number.way == Way::Out;
        frame::build(macs, TTL - 1, self.endpoints(number, translated), segment, self.protocol)
    }

    /// Compares what left by `port` with what should have; says what is wrong.
    pub(crate) fn check(&self, frame: &[u8], port: usize) -> Result<Numbered, String> {
        let Some(number) = Numbered::decode(frame) else {
            return Err(format!("{} bytes came out", frame.len()));
        };
        let right = number.way.egress();
        if port != right {
            return Err(format!("{number:?} left by port {port}, not {right}"));
        }
        let acknowledged = frame::acknowledged(frame, number);
        let expected = self.expected(number, Segment::of(number, acknowledged));
        if frame != expected.bytes() {
            let expected = expected.bytes();
            return Err(format!("{number:?} left as\n{frame:02x?}, not as\n{expected:02x?}"));
        }
        Ok(number)
    }

    /// Addresses and ports of a flow's first packet.
    pub(crate) fn first(&self, flow: u32) -> (SocketAddr, SocketAddr) {
        let ends = self.endpoints(Numbered { flow, way: Way::Out, turn: 0 }, false);
        (ends.source.into(), ends.destination.into())
    }

    fn destination(&self, flow: u32) -> Destination {
        let index = flow as usize % self.destinations.len().max(1);
        self.destinations
            .get(index)
            .copied()
            .unwrap_or_else(|| Destination { address: server(flow / PORTS).into(), gateway: 0 })
    }

    fn endpoints(&self, number: Numbered, translated: bool) -> Endpoints {
        let flow = number.flow;
        let server = self.destination(flow).address;
        let client = match server {
            IpAddr::V4(_) if translated => Ipv4Addr::from(EXTERNAL).into(),
            IpAddr::V4(_) => client(flow).into(),
            IpAddr::V6(_) => Ipv6Addr::from((0xfd00 << 112) + u128::from(flow) + 1).into(),
        };
        let port = u16::try_from(1024 + flow % PORTS).unwrap_or(u16::MAX);
        let (client, server) = ((client, port), (server, SERVER_PORT));
        match number.way {
            Way::Out => Endpoints { source: client, destination: server },
            Way::Back => Endpoints { source: server, destination: client },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::wire::checksum::{L4ChecksumState, l4_state};
    use sluice_dataplane::wire::parse::{Payload, parse};

    fn traffic(protocol: Protocol, v6: bool) -> Traffic {
        let address = "2001:db8::1".parse().unwrap();
        let destinations = if v6 { vec![Destination { address, gateway: 3 }] } else { vec![] };
        Traffic { protocol, translated: !v6, destinations }
    }

    #[test]
    fn what_is_sent_is_whole() {
        for (protocol, v6) in
            [(Protocol::Udp, false), (Protocol::Tcp, false), (Protocol::Udp, true)]
        {
            let traffic = traffic(protocol, v6);
            for flow in [0, 1, 59_999, 60_000, 8_388_607] {
                for (way, turn) in [(Way::Out, 0), (Way::Back, 0), (Way::Out, 1), (Way::Back, 7)] {
                    let frame = traffic.sent(Numbered { flow, way, turn }, turn);
                    let parsed = parse(frame.bytes()).unwrap();
                    let Payload::Ip(headers) = parsed.payload else { panic!("not IP") };
                    assert_eq!(l4_state(frame.bytes(), &headers), L4ChecksumState::Good);
                }
            }
        }
    }

    #[test]
    fn any_wrong_byte_is_found() {
        for (protocol, v6) in
            [(Protocol::Udp, false), (Protocol::Tcp, false), (Protocol::Udp, true)]
        {
            let traffic = traffic(protocol, v6);
            let number = Numbered { flow: 77_777, way: Way::Out, turn: 5 };
            let right = traffic.expected(number, Segment::of(number, 2));
            assert_eq!(traffic.check(right.bytes(), 1), Ok(number));
            assert!(traffic.check(right.bytes(), 0).is_err(), "wrong port");
            let sent = traffic.sent(number, 2);
            assert!(traffic.check(sent.bytes(), 1).is_err(), "untouched");
            for at in 0..right.bytes().len() {
                let mut wrong = right.bytes().to_vec();
                wrong[at] ^= 1;
                assert!(traffic.check(&wrong, 1).is_err(), "{protocol:?} byte {at}");
            }
        }
    }
}
