//! A plain IPv4 frame as one piece: untagged, no options, no fragment, TCP or UDP.
//!
//! ```text
//!   0            12   14      16    18  20    22                      38         42
//!   | MACs        |type|ver tos|total|id |frag |TTL … ports, 16 bytes  | UDP rest |
//! ```

use crate::address::{IpVersion, L4Port, Mac, V4};
use crate::nat::Rewrite;
use crate::packet::{Checksum, Packet};
use crate::tuple::Tuple;
use crate::wire::checksum::{L4ChecksumState, l4_state};
use crate::wire::layer4::{TcpFields, tcp_fields};
use crate::wire::parse::Headers;
use crate::wire::protocol::{TCP, UDP};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

/// Ethernet header, in bytes.
const L3: u16 = 14;
/// Where layer 4 begins.
const L4: usize = 34;

/// The first 42 bytes of a frame.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct PlainV4 {
    destination: [u8; 6],
    source: [u8; 6],
    ethertype: [u8; 2],
    version: u8,
    tos: u8,
    total: [u8; 2],
    id: [u8; 2],
    fragment: [u8; 2],
    image: Image,
    /// Of UDP: length and checksum.
    rest: [u8; 4],
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

/// A frame to be rewritten.
pub(super) struct Writable<'f> {
    frame: &'f mut PlainV4,
    rest: &'f mut [u8],
}

/// The bits of an image that name a flow.
const KEY: u128 = u128::from_ne_bytes([
    0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
]);

impl PlainV4 {
    /// The frame's head, if it is plain, whole, addressed to `mac`, and fit to be forwarded.
    #[inline]
    pub(super) fn read<P: Packet>(packet: &P, mac: Mac) -> Option<&Self> {
        let data = packet.data();
        let (frame, _) = Self::ref_from_prefix(data).ok()?;
        let total = usize::from(frame.length());
        let least = match frame.image.protocol {
            UDP => 28,
            TCP => 40,
            _ => return None,
        };
        let plain = frame.destination == mac.0
            && frame.ethertype == [0x08, 0x00]
            && frame.version == 0x45
            && u16::from_be_bytes(frame.fragment) & 0x3fff == 0
            && frame.image.ttl > 1
            && total >= least
            && total + usize::from(L3) <= data.len();
        if !plain {
            return None;
        }
        match packet.ip_checksum() {
            Checksum::Good => Some(frame),
            Checksum::Unknown => frame.header_holds().then_some(frame),
            Checksum::Bad => None,
        }
    }

    /// The head of a frame that was read before.
    #[inline]
    pub(super) fn of<P: Packet>(packet: &P) -> Option<&Self> {
        Self::ref_from_prefix(packet.data()).ok().map(|(frame, _)| frame)
    }

    /// As [`Self::of`], with what follows: TCP's checksum lies there.
    #[inline]
    pub(super) fn of_mut<P: Packet>(packet: &mut P) -> Option<Writable<'_>> {
        let (frame, rest) = Self::mut_from_prefix(packet.data_mut()).ok()?;
        Some(Writable { frame, rest })
    }

    /// Bytes of the IP packet.
    #[inline]
    pub(super) fn length(&self) -> u16 {
        u16::from_be_bytes(self.total)
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
        let Some((words, _)) = self.as_bytes().get(usize::from(L3)..L4).map(<[u8]>::as_chunks::<4>)
        else {
            return false;
        };
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
    pub(super) fn headers(&self) -> Headers {
        Headers {
            version: IpVersion::V4,
            l3: L3,
            l4: L4 as u16,
            end: L3 + self.length(),
            protocol: self.image.protocol,
            ttl: self.image.ttl,
            tos: self.tos,
            fragment: None,
            options: false,
        }
    }
}

impl PlainV4 {
    /// Layer 4 of a frame that was read before.
    #[inline]
    pub(super) fn layer4(data: &[u8]) -> Option<Layer4> {
        let (frame, _) = Self::ref_from_prefix(data).ok()?;
        if frame.image.protocol == UDP {
            return Some(Layer4::Udp);
        }
        let segment = data.get(L4..usize::from(L3 + frame.length()))?;
        let Some(fields) = tcp_fields(segment) else { return Some(Layer4::Odd) };
        let timestamps = || segment.get(20..24) == Some(&[1, 1, 8, 10]);
        let may_sack = fields.data_offset > 20 && !(fields.data_offset == 32 && timestamps());
        Some(Layer4::Tcp { fields, may_sack })
    }
}

impl Writable<'_> {
    /// Replaces addresses and ports, takes one from the TTL where `forwarded`, and mends both checksums.
    #[inline]
    pub(super) fn rewrite(self, rewrite: &Rewrite<V4>, forwarded: bool) {
        let Self { frame, rest } = self;
        let old = &frame.image;
        let image = Image {
            ttl: old.ttl - u8::from(forwarded),
            protocol: old.protocol,
            checksum: mended(old.checksum, rewrite.delta.ip, forwarded),
            source: rewrite.source,
            destination: rewrite.destination,
            source_port: rewrite.source_port,
            destination_port: rewrite.destination_port,
        };
        frame.image = image;
        let [_, _, high, low] = &mut frame.rest;
        if image.protocol == UDP {
            let sum = [*high, *low];
            if sum != [0; 2] {
                // Zero would mean that there is no checksum.
                let new = mended(sum, rewrite.delta.l4, false);
                [*high, *low] = if new == [0; 2] { [0xff; 2] } else { new };
            }
        } else if let Some(sum) = rest.get_mut(8..).and_then(<[u8]>::first_chunk_mut::<2>) {
            *sum = mended(*sum, rewrite.delta.l4, false);
        }
    }

    /// Takes one from the TTL.
    #[inline]
    pub(super) fn decrement_ttl(self) {
        let image = &mut self.frame.image;
        image.ttl -= 1;
        image.checksum = mended(image.checksum, 0, true);
    }

    /// Puts the MACs and the type in front.
    #[inline]
    pub(super) fn set_ethernet(&mut self, destination: Mac, source: Mac) {
        self.frame.destination = destination.0;
        self.frame.source = source.0;
    }
}

/// A checksum whose data changed by `delta`, and whose TTL went down by one where `forwarded` (RFC 1624).
#[inline]
fn mended(checksum: [u8; 2], delta: u16, forwarded: bool) -> [u8; 2] {
    // Minus 0x0100, in ones' complement.
    const LESS_TTL: u32 = 0xfeff;
    let sum = u32::from(!u16::from_be_bytes(checksum))
        + u32::from(delta)
        + if forwarded { LESS_TTL } else { 0 };
    let sum = (sum & 0xffff) + (sum >> 16);
    let [.., high, low] = (!((sum & 0xffff) + (sum >> 16))).to_be_bytes();
    [high, low]
}
