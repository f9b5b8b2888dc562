//! Plain packets of both families, UDP and TCP.

use super::frames::{checksum, gateway_mac, neighbour_mac};
use std::net::IpAddr;

/// What follows IP.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    /// UDP.
    Udp,
    /// Sequence and acknowledgement numbers, flags.
    Tcp(u32, u32, u8),
}

/// A packet with nothing but fixed headers, of either family.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub transport: Transport,
    pub from: (IpAddr, u16),
    pub to: (IpAddr, u16),
    pub ttl: u8,
    pub payload: usize,
    pub padding: usize,
    /// UDP: no checksum.
    pub unsummed: bool,
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

impl Sent {
    fn segment(&self) -> (u8, Vec<u8>) {
        let mut segment = [self.from.1.to_be_bytes(), self.to.1.to_be_bytes()].concat();
        let (protocol, place) = match self.transport {
            Transport::Udp => {
                segment.extend((8 + self.payload as u16).to_be_bytes());
                segment.extend([0, 0]);
                (17, 6)
            }
            Transport::Tcp(seq, ack, flags) => {
                segment.extend(seq.to_be_bytes());
                segment.extend(ack.to_be_bytes());
                segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
                (6, 16)
            }
        };
        segment.resize(segment.len() + self.payload, 0x61);
        let length = (segment.len() as u32).to_be_bytes();
        let ends = [bytes(self.from.0), bytes(self.to.0)].concat();
        let sum = checksum(&[&ends[..], &length, &[0, 0, 0, protocol], &segment].concat());
        if !self.unsummed || protocol == 6 {
            segment[place..place + 2].copy_from_slice(&sum.to_be_bytes());
        }
        (protocol, segment)
    }

    /// The frame that arrives at `port`.
    pub fn frame(&self, port: u16) -> Vec<u8> {
        let (protocol, segment) = self.segment();
        let ends = [bytes(self.from.0), bytes(self.to.0)].concat();
        let mut frame = [gateway_mac(port), neighbour_mac(port)].concat();
        if self.from.0.is_ipv4() {
            let mut ip = vec![0x45, 0];
            ip.extend((20 + segment.len() as u16).to_be_bytes());
            ip.extend([0x12, 0x34, 0, 0, self.ttl, protocol, 0, 0]);
            ip.extend(ends);
            let sum = checksum(&ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend([8, 0]);
            frame.extend(ip);
        } else {
            frame.extend([0x86, 0xdd, 0x61, 0x23, 4, 5]);
            frame.extend((segment.len() as u16).to_be_bytes());
            frame.extend([protocol, self.ttl]);
            frame.extend(ends);
        }
        frame.extend(segment);
        frame.resize(frame.len() + self.padding, 0xee);
        frame
    }
}
