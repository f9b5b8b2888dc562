//! A plain IPv4 frame as one piece.
//!
//! ```text
//!   0            12     16    18  20    22                      38         42
//!   | MACs        | kind |total|id |frag |TTL … ports, 16 bytes  | UDP rest |
//! ```

use super::frame::{AfterPorts, FrameMac, Head, L3, Macs, mended};
use crate::address::{IpVersion, L4Port, V4};
use crate::nat::Rewrite;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::parse::Headers;
use crate::wire::protocol::{TCP, UDP};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

/// The first 42 bytes of a frame.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct PlainV4 {
    macs: Macs,
    kind: Kind,
    total: [u8; 2],
    id: [u8; 2],
    fragment: [u8; 2],
    image: Image,
    after_ports: AfterPorts,
}

/// What tells that a frame is plain.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Kind {
    ethertype: [u8; 2],
    /// IP version and header length.
    version: u8,
    tos: u8,
}

/// The IPv4 header from its TTL on, and the ports: laid out as a [`Tuple`].
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Image {
    ttl: u8,
    protocol: u8,
    checksum: [u8; 2],
    source: V4,
    destination: V4,
    source_port: L4Port,
    destination_port: L4Port,
}

const _: () = assert!(size_of::<PlainV4>() == 42);
const _: () = assert!(size_of::<Image>() == size_of::<Tuple<V4>>());

/// The bits of an image that name a flow.
const KEY: u128 = u128::from_ne_bytes([
    0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
]);
/// IPv4 without options, whatever the TOS.
const PLAIN: u32 = u32::from_ne_bytes([0x08, 0x00, 0x45, 0]);
const KIND: u32 = u32::from_ne_bytes([0xff, 0xff, 0xff, 0]);
/// Fragment field, TTL and protocol, as they are in memory: what they have in common where nothing is a fragment,
/// whatever the TTL and DF.
const CARRIES: u32 = u32::from_ne_bytes([0x3f, 0xff, 0, 0xff]);
const WHOLE_UDP: u32 = u32::from_ne_bytes([0, 0, 0, UDP]);
const WHOLE_TCP: u32 = u32::from_ne_bytes([0, 0, 0, TCP]);
/// What a TTL less by one adds to a checksum's complement: minus 0x0100.
const LESS_TTL: u32 = 0xfeff;

impl Head<V4> for PlainV4 {
    const L4: u16 = 34;

    #[inline]
    fn read<P: Packet>(packet: &P, mac: FrameMac) -> Option<&Self> {
        let data = packet.data();
        let (frame, _) = Self::ref_from_prefix(data).ok()?;
        let total = u16::from_be_bytes(frame.total);
        let least = match frame.carries() {
            WHOLE_UDP => 28,
            WHOLE_TCP => 40,
            _ => return None,
        };
        let kind: u32 = transmute!(frame.kind);
        let plain = mac.is_destination_of(frame)
            && kind & KIND == PLAIN
            && frame.image.ttl > 1
            && total >= least
            && usize::from(total) + usize::from(L3) <= data.len();
        if !plain {
            return None;
        }
        match packet.ip_checksum() {
            Checksum::Good => Some(frame),
            Checksum::Unknown => frame.header_holds().then_some(frame),
            Checksum::Bad => None,
        }
    }

    #[inline]
    fn key(&self) -> Tuple<V4> {
        let image: u128 = transmute!(self.image);
        transmute!(image & KEY)
    }

    #[inline]
    fn source(&self) -> V4 {
        self.image.source
    }
    #[inline]
    fn destination(&self) -> V4 {
        self.image.destination
    }
    #[inline]
    fn protocol(&self) -> u8 {
        self.image.protocol
    }
    #[inline]
    fn length(&self) -> u16 {
        u16::from_be_bytes(self.total)
    }

    fn headers(&self) -> Headers {
        Headers {
            version: IpVersion::V4,
            l3: L3,
            l4: Self::L4,
            end: L3 + self.length(),
            protocol: self.image.protocol,
            ttl: self.image.ttl,
            tos: self.kind.tos,
            fragment: None,
            options: false,
            authenticated: false,
        }
    }

    #[inline]
    fn replace(&mut self, rewrite: &Rewrite<V4>, forwarded: bool) {
        let old = self.image;
        let less = if forwarded { LESS_TTL } else { 0 };
        self.image = Image {
            ttl: old.ttl - u8::from(forwarded),
            protocol: old.protocol,
            checksum: mended(old.checksum, u32::from(rewrite.delta.ip) + less),
            source: rewrite.source,
            destination: rewrite.destination,
            source_port: rewrite.source_port,
            destination_port: rewrite.destination_port,
        };
    }

    #[inline]
    fn decrement_ttl(&mut self) {
        self.image.ttl -= 1;
        self.image.checksum = one_hop_on(self.image.checksum);
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

/// A header's checksum when its TTL is one less, as in the kernel (`ip_decrease_ttl`): `mended` in fewer steps.
#[inline]
const fn one_hop_on(checksum: [u8; 2]) -> [u8; 2] {
    let sum = u16::from_be_bytes(checksum) as u32 + 0x0100;
    ((sum + (sum >= 0xffff) as u32) as u16).to_be_bytes()
}

impl PlainV4 {
    /// [`WHOLE_UDP`], [`WHOLE_TCP`] or something that is not plain: one load and one comparison for both fields.
    #[inline]
    fn carries(&self) -> u32 {
        let fields = self.as_bytes().get(20..).and_then(<[u8]>::first_chunk);
        fields.map_or(0, |fields| u32::from_ne_bytes(*fields) & CARRIES)
    }

    /// RFC 1071; its sum is the same in either byte order.
    #[inline]
    fn header_holds(&self) -> bool {
        let Some(header) = self.as_bytes().get(usize::from(L3)..usize::from(Self::L4)) else {
            return false;
        };
        let (words, _) = header.as_chunks::<4>();
        let sum: u64 = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
        let sum = (sum & 0xffff_ffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        (sum & 0xffff) + (sum >> 16) == 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_less_mends_every_checksum_alike() {
        for checksum in (0..=u16::MAX).map(u16::to_be_bytes) {
            assert_eq!(one_hop_on(checksum), mended(checksum, LESS_TTL), "{checksum:?}");
        }
    }
}
