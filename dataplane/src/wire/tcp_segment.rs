//! Segments without data that the gateway makes itself.

use super::layer4::TcpOptions;
use super::parse::Headers;
use super::{checksum, ethernet, protocol, put, tcp_options};
use crate::address::{Address, IpVersion, L4Port};
use crate::packet::Packet;

const ETHERNET: usize = 14;
const HEADER: usize = 20;
/// Options of a header at most.
const MOST: usize = 40;

/// A TCP segment without data (RFC 9293 section 3.1), numbers in host order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<A> {
    /// Who sends it.
    pub source: (A, L4Port),
    /// To whom.
    pub destination: (A, L4Port),
    /// Time to live, hop limit.
    pub ttl: u8,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Bits of [`super::tcp_flags`].
    pub flags: u8,
    /// Window, as it stands in the header.
    pub window: u16,
    /// Options; SACK blocks are not written.
    pub options: TcpOptions,
}

impl<A: Address> Segment<A> {
    /// Writes it behind room for an Ethernet header into an empty packet: not to be fragmented, of
    /// identification and flow label zero. False when there is no room.
    pub fn write<P: Packet>(&self, out: &mut P) -> bool {
        let mut options = [0; MOST];
        let size = write_options(&self.options, &mut options);
        let (header, ethertype) = match A::VERSION {
            IpVersion::V4 => (20, 0x0800),
            IpVersion::V6 => (40, 0x86dd),
        };
        let l4 = ETHERNET + header;
        let end = l4 + HEADER + size;
        if !out.append(end) {
            return false;
        }
        let data = out.data_mut();
        data.fill(0);
        ethernet::write_header(data, Default::default(), Default::default(), None, ethertype);
        self.write_ip(data, (end - ETHERNET) as u16);
        put(data, l4, &self.source.1.wire());
        put(data, l4 + 2, &self.destination.1.wire());
        put(data, l4 + 4, &self.seq.to_be_bytes());
        put(data, l4 + 8, &self.ack.to_be_bytes());
        put(data, l4 + 12, &[((HEADER + size) as u8 / 4) << 4, self.flags]);
        put(data, l4 + 14, &self.window.to_be_bytes());
        put(data, l4 + HEADER, options.get(..size).unwrap_or_default());
        let headers = Headers {
            l3: ETHERNET as u16,
            l4: l4 as u16,
            end: end as u16,
            protocol: protocol::TCP,
            ttl: self.ttl,
            tos: 0,
            fragment: None,
            options: false,
            authenticated: false,
            version: A::VERSION,
        };
        checksum::complete_l4(data, &headers);
        true
    }

    /// The IP header of a packet of `length` bytes.
    fn write_ip(&self, data: &mut [u8], length: u16) {
        let [high, low] = match A::VERSION {
            IpVersion::V4 => length.to_be_bytes(),
            IpVersion::V6 => length.saturating_sub(40).to_be_bytes(),
        };
        let fields: &[u8] = match A::VERSION {
            IpVersion::V4 => &[0x45, 0, high, low, 0, 0, 0x40, 0, self.ttl, protocol::TCP],
            IpVersion::V6 => &[0x60, 0, 0, 0, high, low, protocol::TCP, self.ttl],
        };
        put(data, ETHERNET, fields);
        put(data, ETHERNET + A::OFFSET, self.source.0.bytes());
        put(data, ETHERNET + A::OFFSET + A::SIZE, self.destination.0.bytes());
        if A::VERSION == IpVersion::V4 {
            let sum = data.get(ETHERNET..ETHERNET + 20).map_or(0, checksum::ipv4_header);
            put(data, ETHERNET + 10, &sum.to_be_bytes());
        }
    }
}

/// Writes options in whole words, in the order in which Linux puts them; how many bytes.
fn write_options(options: &TcpOptions, out: &mut [u8; MOST]) -> usize {
    use tcp_options::{MSS, NOP, SACK_PERMITTED, TIMESTAMPS, WINDOW_SCALE};
    let mut size = 0;
    let mut word = |bytes: [u8; 4]| {
        put(out, size, &bytes);
        size += bytes.len();
    };
    if let Some(mss) = options.mss {
        let [high, low] = mss.to_be_bytes();
        word([MSS, 4, high, low]);
    }
    let sack = if options.sack_permitted { [SACK_PERMITTED, 2] } else { [NOP, NOP] };
    if let Some([own, echoed]) = options.timestamps {
        word([sack[0], sack[1], TIMESTAMPS, 10]);
        word(own.to_be_bytes());
        word(echoed.to_be_bytes());
    } else if options.sack_permitted {
        word([NOP, NOP, SACK_PERMITTED, 2]);
    }
    if let Some(scale) = options.window_scale {
        word([NOP, WINDOW_SCALE, 3, scale]);
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{V4, V6};
    use crate::packet::MemoryPacket;
    use crate::wire::checksum::{L4ChecksumState, l4_state};
    use crate::wire::layer4::{Layer4Kind, TcpFields, layer4, tcp_options};
    use crate::wire::parse::{Payload, parse};
    use proptest::prelude::*;

    /// What is read again of a segment that was written.
    fn read<A: Address>(segment: &Segment<A>) -> (Headers, TcpFields, TcpOptions) {
        let mut packet = MemoryPacket::new(&[]);
        assert!(segment.write(&mut packet));
        let data = packet.data();
        let Ok(frame) = parse(data) else { panic!("{data:x?}") };
        let Payload::Ip(headers) = frame.payload else { panic!("{frame:?}") };
        assert_eq!(l4_state(data, &headers), L4ChecksumState::Good);
        assert_eq!(headers.source::<A>(data), segment.source.0);
        assert_eq!(headers.destination::<A>(data), segment.destination.0);
        let read = layer4(data, &headers);
        assert_eq!(read.source_port, segment.source.1);
        assert_eq!(read.destination_port, segment.destination.1);
        let Layer4Kind::Tcp(fields) = read.kind else { panic!("{read:?}") };
        (headers, fields, tcp_options(data, &headers))
    }

    fn options() -> impl Strategy<Value = TcpOptions> {
        let parts = (
            any::<Option<u16>>(),
            prop::option::of(0_u8..15),
            any::<bool>(),
            any::<Option<[u32; 2]>>(),
        );
        parts.prop_map(|(mss, window_scale, sack_permitted, timestamps)| TcpOptions {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            sack: None,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            options in options(), seq: u32, ack: u32, flags: u8, window: u16, ttl in 1_u8..,
            source: [u8; 16], destination: [u8; 16], ports: (u16, u16),
        ) {
            let (own, other) = (L4Port::new(ports.0), L4Port::new(ports.1));
            let v6 = Segment {
                source: (V6(source), own), destination: (V6(destination), other),
                ttl, seq, ack, flags, window, options,
            };
            let half = |address: [u8; 16]| V4(*address.first_chunk().unwrap());
            let v4 = Segment {
                source: (half(source), own), destination: (half(destination), other),
                ttl, seq, ack, flags, window, options,
            };
            for (headers, fields, found) in [read(&v6), read(&v4)] {
                prop_assert_eq!(found, options);
                prop_assert_eq!((headers.ttl, headers.tos, headers.fragment), (ttl, 0, None));
                prop_assert_eq!((fields.seq, fields.ack, fields.flags), (seq, ack, flags));
                prop_assert_eq!((fields.window, fields.payload_len), (window, 0));
            }
        }
    }

    #[test]
    fn options_stand_as_linux_puts_them() {
        let all = TcpOptions {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some([1, 2]),
            sack: None,
        };
        let mut out = [0; MOST];
        assert_eq!(write_options(&all, &mut out), 20);
        assert_eq!(out[..20], [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7]);
        let few = TcpOptions { sack_permitted: true, ..TcpOptions::default() };
        assert_eq!(write_options(&few, &mut out), 4);
        assert_eq!(out[..4], [1, 1, 4, 2]);
    }
}
