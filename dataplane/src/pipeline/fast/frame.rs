//! Plain frames: untagged Ethernet, IP without options or extensions, no fragment, TCP or UDP. What the fast
//! path does to them, whatever the family.
//!
//! ```text
//!   | MACs | EtherType | IP, fixed header | ports | UDP length, checksum |  rest
//!   |      |           |                  |       | TCP sequence number  |  of TCP, payload, padding
//!   └────────────────────────── head, one struct ────────────────────────┘
//! ```

use super::Plain;
use crate::address::Mac;
use crate::nat::Rewrite;
use crate::packet::Packet;
use crate::tuple::Tuple;
use crate::wire::checksum::{L4ChecksumState, l4_state, lengths_hold};
use crate::wire::layer4::TcpFields;
use crate::wire::parse::Headers;
use crate::wire::protocol::UDP;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

/// Ethernet header, in bytes.
pub(super) const L3: u16 = 14;

/// Where the frame goes and where it comes from.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Macs {
    destination: [u8; 6],
    source: [u8; 6],
}

impl Macs {
    pub(super) const fn new(destination: Mac, source: Mac) -> Self {
        Self { destination: destination.0, source: source.0 }
    }
    pub(super) const fn destination(self) -> Mac {
        Mac(self.destination)
    }
    pub(super) const fn source(self) -> Mac {
        Mac(self.source)
    }
}

/// What follows the ports.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct AfterPorts {
    /// Of UDP. Of TCP, these are the sequence number.
    udp_length: [u8; 2],
    udp_checksum: [u8; 2],
}

/// The first bytes of a plain frame, down to what follows the ports.
pub(crate) trait Head<A>: FromBytes + IntoBytes + Immutable + KnownLayout + Sized {
    /// Where layer 4 begins.
    const L4: u16;

    /// The frame's head, if it is plain, whole, addressed to `mac`, and fit to be forwarded.
    fn read<P: Packet>(packet: &P, mac: FrameMac) -> Option<&Self>;
    /// What names its flow.
    fn key(&self) -> Tuple<A>;
    /// Source address.
    fn source(&self) -> A;
    /// Destination address.
    fn destination(&self) -> A;
    /// TCP or UDP.
    fn protocol(&self) -> u8;
    /// Bytes of the IP packet.
    fn length(&self) -> u16;
    /// Where its headers are.
    fn headers(&self) -> Headers;
    /// Replaces addresses and ports, and takes one from the TTL where `forwarded`.
    fn replace(&mut self, rewrite: &Rewrite<A>, forwarded: bool);
    /// Takes one from the TTL.
    fn decrement_ttl(&mut self);
    /// The MACs in front.
    fn macs_mut(&mut self) -> &mut Macs;
    /// What follows the ports.
    fn after_ports(&self) -> AfterPorts;
    /// The same, to be changed.
    fn after_ports_mut(&mut self) -> &mut AfterPorts;
}

/// A MAC to compare the start of frames with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameMac(u64);

impl FrameMac {
    const BITS: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

    pub(super) const fn new(Mac([a, b, c, d, e, f]): Mac) -> Self {
        Self(u64::from_ne_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// Whether the frame that starts with `head` is addressed to it.
    #[inline]
    pub(super) fn is_destination_of<H: IntoBytes + Immutable>(self, head: &H) -> bool {
        let start = head.as_bytes().first_chunk().copied();
        start.map(u64::from_ne_bytes).is_some_and(|start| start & Self::BITS == self.0)
    }
}

/// Judges the layer-4 checksum of a frame that was read before.
pub(super) fn plain_l4_state<A: Plain>(data: &[u8]) -> L4ChecksumState {
    match A::Head::ref_from_prefix(data) {
        Ok((head, _)) => l4_state(data, &head.headers()),
        Err(_) => L4ChecksumState::Bad,
    }
}

/// Whether the lengths of a frame that was read before can be.
pub(super) fn plain_lengths_hold<A: Plain>(data: &[u8]) -> bool {
    A::Head::ref_from_prefix(data)
        .is_ok_and(|(head, _)| lengths_hold(data, &head.headers(), std::iter::empty()))
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
pub(super) struct Frame<'f, A: Plain> {
    head: &'f mut A::Head,
    /// What follows; the rest of a TCP header is in it.
    rest: &'f mut [u8],
}

impl<'f, A: Plain> Frame<'f, A> {
    /// A frame that was read before.
    #[inline]
    pub(super) fn of<P: Packet>(packet: &'f mut P) -> Option<Self> {
        let (head, rest) = A::Head::mut_from_prefix(packet.data_mut()).ok()?;
        Some(Self { head, rest })
    }

    /// Bytes of the IP packet.
    #[inline]
    pub(super) fn length(&self) -> u16 {
        self.head.length()
    }

    /// Bytes behind the IP packet.
    #[inline]
    pub(super) fn padding(&self) -> usize {
        size_of::<A::Head>() + self.rest.len() - usize::from(L3) - usize::from(self.length())
    }

    /// Where its headers are.
    pub(super) fn headers(&self) -> Headers {
        self.head.headers()
    }

    #[inline]
    pub(super) fn layer4(&self) -> Layer4 {
        if self.head.protocol() == UDP {
            return Layer4::Udp;
        }
        let seq: u32 = transmute!(self.head.after_ports());
        let rest = &self.rest;
        let fields = rest.first_chunk::<8>().and_then(|after_seq| {
            let length = self.length() - (A::Head::L4 - L3);
            TcpFields::read(u32::from_be(seq), after_seq, length)
        });
        let Some(fields) = fields else { return Layer4::Odd };
        let timestamps = || rest.get(12..16) == Some(&[1, 1, 8, 10]);
        let may_sack = fields.data_offset > 20 && !(fields.data_offset == 32 && timestamps());
        Layer4::Tcp { fields, may_sack }
    }

    /// Replaces addresses and ports, takes one from the TTL where `forwarded`, and mends the checksums.
    #[inline]
    pub(super) fn rewrite(&mut self, rewrite: &Rewrite<A>, forwarded: bool) {
        self.head.replace(rewrite, forwarded);
        let delta = u32::from(rewrite.delta.l4);
        if self.head.protocol() == UDP {
            let sum = &mut self.head.after_ports_mut().udp_checksum;
            if *sum != [0; 2] {
                // Zero would mean that there is no checksum.
                let new = u16::from_ne_bytes(mended(*sum, delta));
                *sum = if new == 0 { u16::MAX } else { new }.to_ne_bytes();
            }
        } else if let Some(sum) = self.rest.get_mut(8..10).and_then(<[u8]>::first_chunk_mut::<2>) {
            *sum = mended(*sum, delta);
        }
    }

    /// Takes one from the TTL.
    #[inline]
    pub(super) fn decrement_ttl(&mut self) {
        self.head.decrement_ttl();
    }

    /// Puts the MACs in front.
    #[inline]
    pub(super) fn set_macs(&mut self, macs: &Macs) {
        *self.head.macs_mut() = *macs;
    }
}

/// A checksum of data that changed by `delta`, the sum of two words at most (RFC 1624).
#[inline]
pub(super) fn mended(checksum: [u8; 2], delta: u32) -> [u8; 2] {
    let sum = u32::from(!u16::from_be_bytes(checksum)) + delta;
    // The upper half of this sum is the halves of `sum` added with what they carry.
    let folded = sum.wrapping_add(sum.rotate_left(16)) >> 16;
    (!(folded as u16)).to_be_bytes()
}
