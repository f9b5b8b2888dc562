//! A plain IPv4 frame as one piece: untagged, no options, no fragment, TCP or UDP.
//!
//! ```text
//!   0            12     16    18  20    22                      38         42
//!   | MACs        | kind |total|id |frag |TTL … ports, 16 bytes  | UDP rest |
//! ```

use crate::address::{IpVersion, L4Port, Mac, V4};
use crate::nat::Rewrite;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::checksum::{L4ChecksumState, l4_state};
use crate::wire::layer4::TcpFields;
use crate::wire::parse::Headers;
use crate::wire::protocol::{TCP, UDP};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

/// Ethernet header, in bytes.
const L3: u16 = 14;
/// Where layer 4 begins.
const L4: u16 = 34;

/// The first 42 bytes of a frame.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct PlainV4 {
    destination: [u8; 6],
    source: [u8; 6],
    kind: Kind,
    total: [u8; 2],
    id: [u8; 2],
    fragment: [u8; 2],
    image: Image,
    /// Of UDP. Of TCP, these are the sequence number.
    udp_length: [u8; 2],
    udp_checksum: [u8; 2],
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

/// A MAC to compare the start of frames with.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameMac(u64);

impl FrameMac {
    const BITS: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

    pub(super) const fn new(Mac([a, b, c, d, e, f]): Mac) -> Self {
        Self(u64::from_ne_bytes([a, b, c, d, e, f, 0, 0]))
    }

    #[inline]
    fn is_destination_of(self, frame: &PlainV4) -> bool {
        let start = frame.as_bytes().first_chunk().copied();
        start.map(u64::from_ne_bytes).is_some_and(|start| start & Self::BITS == self.0)
    }
}

impl PlainV4 {
    /// The frame's head, if it is plain, whole, addressed to `mac`, and fit to be forwarded.
    #[inline]
    pub(super) fn read<P: Packet>(packet: &P, mac: FrameMac) -> Option<&Self> {
        let data = packet.data();
        let (frame, _) = Self::ref_from_prefix(data).ok()?;
        let total = u16::from_be_bytes(frame.total);
        let least = match frame.image.protocol {
            UDP => 28,
            TCP => 40,
            _ => return None,
        };
        let kind: u32 = transmute!(frame.kind);
        let plain = mac.is_destination_of(frame)
            && kind & KIND == PLAIN
            && u16::from_be_bytes(frame.fragment) & 0x3fff == 0
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

    /// A frame that was read before, to be changed.
    #[inline]
    pub(super) fn of<P: Packet>(packet: &mut P) -> Option<Frame<'_>> {
        let (head, rest) = Self::mut_from_prefix(packet.data_mut()).ok()?;
        Some(Frame { head, rest })
    }

    /// What names its flow.
    #[inline]
    pub(super) fn key(&self) -> Tuple<V4> {
        let image: u128 = transmute!(self.image);
        transmute!(image & KEY)
    }

    #[inline]
    pub(super) fn source(&self) -> V4 {
        self.image.source
    }
    #[inline]
    pub(super) fn destination(&self) -> V4 {
        self.image.destination
    }

    /// RFC 1071; its sum is the same in either byte order.
    #[inline]
    fn header_holds(&self) -> bool {
        let Some(header) = self.as_bytes().get(usize::from(L3)..usize::from(L4)) else {
            return false;
        };
        let (words, _) = header.as_chunks::<4>();
        let sum: u64 = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
        let sum = (sum & 0xffff_ffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        (sum & 0xffff) + (sum >> 16) == 0xffff
    }

    /// Judges the layer-4 checksum of a frame that was read before.
    pub(super) fn l4_state(data: &[u8]) -> L4ChecksumState {
        match Self::ref_from_prefix(data) {
            Ok((frame, _)) => l4_state(data, &frame.headers()),
            Err(_) => L4ChecksumState::Bad,
        }
    }

    /// Where its headers are.
    fn headers(&self) -> Headers {
        Headers {
            version: IpVersion::V4,
            l3: L3,
            l4: L4,
            end: L3 + u16::from_be_bytes(self.total),
            protocol: self.image.protocol,
            ttl: self.image.ttl,
            tos: self.kind.tos,
            fragment: None,
            options: false,
        }
    }
}

/// What connection tracking reads of layer 4.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layer4 {
    Udp,
    Tcp {
        fields: TcpFields,
        /// There are options, and they are not just the timestamps that most segments have.
        may_sack: bool,
    },
    /// A TCP header that contradicts itself.
    Odd,
}

/// A frame to be changed.
pub(super) struct Frame<'f> {
    head: &'f mut PlainV4,
    /// What follows; the rest of a TCP header is in it.
    rest: &'f mut [u8],
}

impl Frame<'_> {
    /// Bytes of the IP packet.
    #[inline]
    pub(super) fn length(&self) -> u16 {
        u16::from_be_bytes(self.head.total)
    }

    /// Bytes behind the IP packet.
    #[inline]
    pub(super) fn padding(&self) -> usize {
        size_of::<PlainV4>() + self.rest.len() - usize::from(L3) - usize::from(self.length())
    }

    /// Where its headers are.
    pub(super) fn headers(&self) -> Headers {
        self.head.headers()
    }

    #[inline]
    pub(super) fn layer4(&self) -> Layer4 {
        if self.head.image.protocol == UDP {
            return Layer4::Udp;
        }
        // The head ends with the sequence number.
        let seq: u32 = transmute!([self.head.udp_length, self.head.udp_checksum]);
        let rest = &self.rest;
        let fields = rest.first_chunk::<8>().and_then(|after_seq| {
            TcpFields::read(u32::from_be(seq), after_seq, self.length() - 20)
        });
        let Some(fields) = fields else { return Layer4::Odd };
        let timestamps = || rest.get(12..16) == Some(&[1, 1, 8, 10]);
        let may_sack = fields.data_offset > 20 && !(fields.data_offset == 32 && timestamps());
        Layer4::Tcp { fields, may_sack }
    }

    /// Replaces addresses and ports, takes one from the TTL where `forwarded`, and mends both checksums.
    #[inline]
    pub(super) fn rewrite(&mut self, rewrite: &Rewrite<V4>, forwarded: bool) {
        let old = self.head.image;
        let less = if forwarded { LESS_TTL } else { 0 };
        self.head.image = Image {
            ttl: old.ttl - u8::from(forwarded),
            protocol: old.protocol,
            checksum: mended(old.checksum, u32::from(rewrite.delta.ip) + less),
            source: rewrite.source,
            destination: rewrite.destination,
            source_port: rewrite.source_port,
            destination_port: rewrite.destination_port,
        };
        let delta = u32::from(rewrite.delta.l4);
        if old.protocol == UDP {
            let sum = self.head.udp_checksum;
            if sum != [0; 2] {
                // Zero would mean that there is no checksum.
                let new = mended(sum, delta);
                self.head.udp_checksum = if new == [0; 2] { [0xff; 2] } else { new };
            }
        } else if let Some(sum) = self.rest.get_mut(8..10).and_then(<[u8]>::first_chunk_mut::<2>) {
            *sum = mended(*sum, delta);
        }
    }

    /// Takes one from the TTL.
    #[inline]
    pub(super) fn decrement_ttl(&mut self) {
        let image = &mut self.head.image;
        image.ttl -= 1;
        image.checksum = mended(image.checksum, LESS_TTL);
    }

    /// Puts the MACs in front.
    #[inline]
    pub(super) fn set_macs(&mut self, destination: Mac, source: Mac) {
        self.head.destination = destination.0;
        self.head.source = source.0;
    }
}

/// What a TTL less by one adds to a checksum's complement: minus 0x0100.
const LESS_TTL: u32 = 0xfeff;

/// A checksum of data that changed by `delta`, the sum of two words at most (RFC 1624).
#[inline]
fn mended(checksum: [u8; 2], delta: u32) -> [u8; 2] {
    let sum = u32::from(!u16::from_be_bytes(checksum)) + delta;
    let sum = (sum & 0xffff) + (sum >> 16);
    let [.., high, low] = (!((sum & 0xffff) + (sum >> 16))).to_be_bytes();
    [high, low]
}
