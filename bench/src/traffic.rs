//! What the generator sends, and what must come out of the worker for it.
//!
//! ```text
//!   clients 10.x.y.z ── lan │ worker │ wan ── servers 198.18.0.0/15
//! ```
//!
//! Every frame is UDP, 60 bytes (64 with its FCS), and carries the number of its flow: from what
//! comes out the expected frame is built anew, checksums included, and compared whole.

use sluice_dataplane::address::Mac;

/// Bytes of a frame, without FCS.
pub(crate) const FRAME: usize = 60;
/// Where the payload begins: the flow's number, then the direction.
const PAYLOAD: usize = 42;
const TTL: u8 = 64;
const SERVER_PORT: u16 = 4433;
/// Source ports in use. Flows that share one have different servers, so NAT keeps all ports.
const PORTS: u32 = 60_000;

pub(crate) const LAN_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const WAN_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const LAN_ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 1, 1]);
pub(crate) const WAN_ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 1, 2]);
/// What NAT gives the clients.
pub(crate) const EXTERNAL: [u8; 4] = [203, 0, 113, 1];

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a client; in by the LAN, port 0.
    Out,
    /// From a server; in by the WAN, port 1.
    Back,
}

/// One flow, of which there are 2^23.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow(pub(crate) u32);

impl Flow {
    const ALL: u32 = 1 << 23;

    fn client(self) -> [u8; 4] {
        (0x0a00_0001 + self.0 % Self::ALL).to_be_bytes()
    }
    fn client_port(self) -> u16 {
        u16::try_from(1024 + self.0 % Self::ALL % PORTS).unwrap_or(u16::MAX)
    }
    fn server(self) -> [u8; 4] {
        (0xc612_0001 + self.0 % Self::ALL / PORTS).to_be_bytes()
    }

    /// A frame of this flow as the generator sends it.
    pub(crate) fn sent(self, way: Way, translated: bool) -> [u8; FRAME] {
        let client = (if translated && way == Way::Back { EXTERNAL } else { self.client() }, way);
        let (to, from) = match way {
            Way::Out => (LAN_MAC, LAN_ROUTER_MAC),
            Way::Back => (WAN_MAC, WAN_ROUTER_MAC),
        };
        self.frame(client, to, from, TTL)
    }

    /// The same frame as the worker must let it out.
    fn expected(self, way: Way, translated: bool) -> [u8; FRAME] {
        let client = (if translated && way == Way::Out { EXTERNAL } else { self.client() }, way);
        let (to, from) = match way {
            Way::Out => (WAN_ROUTER_MAC, WAN_MAC),
            Way::Back => (LAN_ROUTER_MAC, LAN_MAC),
        };
        self.frame(client, to, from, TTL - 1)
    }

    fn frame(self, (client, way): ([u8; 4], Way), to: Mac, from: Mac, ttl: u8) -> [u8; FRAME] {
        let (client, server) = ((client, self.client_port()), (self.server(), SERVER_PORT));
        let (source, destination) = match way {
            Way::Out => (client, server),
            Way::Back => (server, client),
        };
        let mut frame = [0; FRAME];
        frame[0..6].copy_from_slice(&to.0);
        frame[6..12].copy_from_slice(&from.0);
        frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0x00]);
        frame[16..18].copy_from_slice(&46_u16.to_be_bytes());
        frame[22..24].copy_from_slice(&[ttl, 17]);
        frame[26..30].copy_from_slice(&source.0);
        frame[30..34].copy_from_slice(&destination.0);
        frame[34..36].copy_from_slice(&source.1.to_be_bytes());
        frame[36..38].copy_from_slice(&destination.1.to_be_bytes());
        frame[38..40].copy_from_slice(&26_u16.to_be_bytes());
        frame[PAYLOAD..PAYLOAD + 4].copy_from_slice(&self.0.to_be_bytes());
        frame[PAYLOAD + 4] = u8::from(way == Way::Back);
        let header = !sum(0, &frame[14..34]);
        frame[24..26].copy_from_slice(&header.to_be_bytes());
        // Pseudo-header: addresses (in the slice), protocol, length.
        let udp = match !sum(17 + 26, &frame[26..]) {
            0 => 0xffff,
            udp => udp,
        };
        frame[40..42].copy_from_slice(&udp.to_be_bytes());
        frame
    }
}

/// The ones-complement sum of `bytes`, of even number, on top of `start`; RFC 1071. The data plane's own
/// is not used, as it is what is checked.
fn sum(start: u32, bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let total: u32 = start + words.sum::<u32>();
    let folded = (total & 0xffff) + (total >> 16);
    u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

/// Compares what left by `port` with what should have; says what is wrong.
pub(crate) fn check(frame: &[u8], port: usize, translated: bool) -> Result<(), String> {
    let (number, back) = match frame.get(PAYLOAD..PAYLOAD + 5) {
        Some(&[a, b, c, d, back]) if frame.len() == FRAME => {
            (u32::from_be_bytes([a, b, c, d]), back)
        }
        _ => return Err(format!("{} bytes came out, not {FRAME}", frame.len())),
    };
    let (way, right) = if back == 0 { (Way::Out, 1) } else { (Way::Back, 0) };
    if port != right {
        return Err(format!("flow {number} left by port {port}, not {right}"));
    }
    let expected = Flow(number).expected(way, translated);
    if frame != expected {
        return Err(format!("flow {number} left as\n{frame:02x?}, not as\n{expected:02x?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::wire::checksum::{L4ChecksumState, l4_state};
    use sluice_dataplane::wire::parse::{Payload, parse};

    #[test]
    fn what_is_sent_is_whole() {
        for number in [0, 1, 59_999, 60_000, 8_388_607] {
            for way in [Way::Out, Way::Back] {
                let frame = Flow(number).sent(way, true);
                let Payload::Ip(headers) = parse(&frame).unwrap().payload else { panic!("not IP") };
                assert_eq!(l4_state(&frame, &headers), L4ChecksumState::Good);
            }
        }
    }

    #[test]
    fn any_wrong_byte_is_found() {
        let right = Flow(77_777).expected(Way::Out, true);
        assert_eq!(check(&right, 1, true), Ok(()));
        assert!(check(&right, 0, true).is_err(), "wrong port");
        assert!(check(&right, 1, false).is_err(), "should not be translated");
        assert!(check(&Flow(77_777).sent(Way::Out, true), 1, true).is_err(), "untouched");
        for at in 0..FRAME {
            let mut wrong = right;
            wrong[at] ^= 1;
            assert!(check(&wrong, 1, true).is_err(), "byte {at}");
        }
    }
}
