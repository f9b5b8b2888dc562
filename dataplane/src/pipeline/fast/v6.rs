//! A plain IPv6 frame as one piece: TCP or UDP follows the fixed header.
//!
//! ```text
//!   0      12     18      20   21        22                         58         62
//!   | MACs | kind |payload|next|hop limit|addresses, ports, 36 bytes | UDP rest |
//! ```

use super::frame::{AfterPorts, FrameMac, Head, L3, Macs};
use crate::address::{IpVersion, L4Port, V6};
use crate::nat::Rewrite;
use crate::packet::{Checksum, Packet};
use crate::tuple::{Tuple, Zone};
use crate::wire::parse::Headers;
use crate::wire::protocol::{TCP, UDP};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

/// The first 62 bytes of a frame.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PlainV6 {
    macs: Macs,
    kind: Kind,
    flow_label: [u8; 2],
    payload: [u8; 2],
    next_header: u8,
    hop_limit: u8,
    ends: Ends,
    after_ports: AfterPorts,
}

/// What tells that a frame is plain.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Kind {
    ethertype: [u8; 2],
    /// IP version, and the upper half of the traffic class.
    version: u8,
    /// The lower half of the traffic class, and the start of the flow label.
    class: u8,
}

/// Addresses and ports, as they stand in a [`Tuple`].
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Ends {
    source: V6,
    destination: V6,
    source_port: L4Port,
    destination_port: L4Port,
}

const _: () = assert!(size_of::<PlainV6>() == 62);

/// IPv6, whatever the traffic class.
const PLAIN: u32 = u32::from_ne_bytes([0x86, 0xdd, 0x60, 0]);
const KIND: u32 = u32::from_ne_bytes([0xff, 0xff, 0xf0, 0]);
/// The fixed header, in bytes.
const FIXED: u16 = 40;

impl Head<V6> for PlainV6 {
    const L4: u16 = L3 + FIXED;

    #[inline]
    fn read<P: Packet>(packet: &P, mac: FrameMac) -> Option<&Self> {
        // Offsets in a frame have 16 bits.
        const MOST: usize = u16::MAX as usize;
        let data = packet.data();
        let (frame, _) = Self::ref_from_prefix(data).ok()?;
        let payload = u16::from_be_bytes(frame.payload);
        let least = match frame.next_header {
            UDP => 8,
            TCP => 20,
            _ => return None,
        };
        let kind: u32 = transmute!(frame.kind);
        let plain = mac.is_destination_of(frame)
            && kind & KIND == PLAIN
            && frame.hop_limit > 1
            && payload >= least
            && usize::from(payload) + usize::from(Self::L4) <= data.len().min(MOST)
            && packet.ip_checksum() != Checksum::Bad;
        plain.then_some(frame)
    }

    #[inline]
    fn key(&self) -> Tuple<V6> {
        let Ends { source, destination, source_port, destination_port } = self.ends;
        let (protocol, zone) = (self.next_header, Zone::default());
        Tuple { icmp: 0, protocol, zone, source, destination, source_port, destination_port }
    }

    #[inline]
    fn source(&self) -> V6 {
        self.ends.source
    }
    #[inline]
    fn destination(&self) -> V6 {
        self.ends.destination
    }
    #[inline]
    fn protocol(&self) -> u8 {
        self.next_header
    }
    #[inline]
    fn length(&self) -> u16 {
        FIXED + u16::from_be_bytes(self.payload)
    }

    fn headers(&self) -> Headers {
        Headers {
            version: IpVersion::V6,
            l3: L3,
            l4: Self::L4,
            end: L3 + self.length(),
            protocol: self.next_header,
            ttl: self.hop_limit,
            tos: self.kind.version << 4 | self.kind.class >> 4,
            fragment: None,
            options: false,
            authenticated: false,
        }
    }

    #[inline]
    fn replace(&mut self, rewrite: &Rewrite<V6>, forwarded: bool) {
        self.hop_limit -= u8::from(forwarded);
        self.ends = Ends {
            source: rewrite.source,
            destination: rewrite.destination,
            source_port: rewrite.source_port,
            destination_port: rewrite.destination_port,
        };
    }

    #[inline]
    fn decrement_ttl(&mut self) {
        self.hop_limit -= 1;
    }

    #[inline]
    fn macs_mut(&mut self) -> &mut Macs {
        &mut self.macs
    }
    #[inline]
    fn after_ports(&self) -> AfterPorts {
        self.after_ports
    }
    #[inline]
    fn after_ports_mut(&mut self) -> &mut AfterPorts {
        &mut self.after_ports
    }
}
