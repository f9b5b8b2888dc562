//! What happens to every packet of one direction of a translated connection: new addresses and
//! ports, and checksums mended by the difference (RFC 1624) instead of summed anew.
//!
//! The differences are computed once, when the connection is set up:
//!
//! ```text
//!  checksum            covers                               mended by
//!  IPv4 header         addresses                            ip_delta
//!  TCP, UDP, …         addresses (pseudo-header), ports     l4_delta
//!  ICMP                identifier                           l4_delta
//!  ICMPv6              addresses (pseudo-header), identifier  l4_delta
//!  SCTP                ports; CRC-32c over the packet       computed anew
//!  GRE                 nothing; of its keys a packet bears the destination's, and of calls alone
//! ```

use crate::address::{Address, IpVersion, L4Port};
use crate::tuple::Tuple;
use crate::wire::parse::Headers;
use crate::wire::{gre, protocol, put, sctp};

/// The translation of one direction: what its packets shall look like, and by how much their
/// checksums change. 16 bytes for IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Rewrite<A> {
    /// New source address.
    pub source: A,
    /// New destination address.
    pub destination: A,
    /// New source port or ICMP identifier.
    pub source_port: L4Port,
    /// New destination port, or call of GRE.
    pub destination_port: L4Port,
    /// By how much checksums change.
    pub delta: Delta,
}

/// By how much translation changes the checksums of one direction's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Delta {
    /// Added to the complement of the IPv4 header checksum.
    pub ip: u16,
    /// Added to the complement of the layer-4 checksum.
    pub l4: u16,
}

impl Delta {
    /// For packets that look like `from` and shall look like `to`.
    #[must_use]
    #[inline]
    pub fn between<A: Address>(from: &Tuple<A>, to: &Tuple<A>) -> Self {
        // What is not translated is left as it is, to the bit: a sum has two zeros.
        if from.is(to) { Self::default() } else { Self::changing(from, to) }
    }

    /// The same for tuples that are not equal.
    #[inline(always)]
    fn changing<A: Address>(from: &Tuple<A>, to: &Tuple<A>) -> Self {
        let addresses = Sum::difference(
            words(from.source) + words(from.destination),
            words(to.source) + words(to.destination),
        );
        let port = |port: L4Port| u64::from(port.get());
        let ports = Sum::difference(
            port(from.source_port) + port(from.destination_port),
            port(to.source_port) + port(to.destination_port),
        );
        let identifier = || Sum::difference(port(from.source_port), port(to.source_port));
        let l4 = match from.protocol {
            protocol::ICMP => identifier(),
            protocol::ICMPV6 if has_v6_identifier(from.icmp) => addresses.and(identifier()),
            protocol::ICMPV6 => addresses,
            _ => addresses.and(ports),
        };
        Self { ip: addresses.fold(), l4: l4.fold() }
    }

    /// For the packets that go the other way.
    #[must_use]
    #[inline]
    pub const fn reversed(self) -> Self {
        Self { ip: negative(self.ip), l4: negative(self.l4) }
    }
}

impl<A: Address> Rewrite<A> {
    /// Changes nothing.
    #[must_use]
    pub fn identity() -> Self {
        Self::default()
    }

    /// Makes packets that look like `from` look like `to`: for the original direction from the
    /// original tuple to the reversed reply tuple, for the reply direction from the reply tuple to
    /// the reversed original one.
    #[must_use]
    pub fn between(from: &Tuple<A>, to: &Tuple<A>) -> Self {
        Self::changing(from, to).unwrap_or_default()
    }

    /// As [`Self::between`]; none where both look the same.
    pub(crate) fn changing(from: &Tuple<A>, to: &Tuple<A>) -> Option<Self> {
        let same_ends = from.source == to.source && from.destination == to.destination;
        let same_ports =
            from.source_port == to.source_port && from.destination_port == to.destination_port;
        if same_ends && same_ports {
            return None;
        }
        Some(Self {
            source: to.source,
            destination: to.destination,
            source_port: to.source_port,
            destination_port: to.destination_port,
            delta: Delta::changing(from, to),
        })
    }

    /// Makes packets look like the answers to `peer`, which they are; `delta` is known already.
    #[must_use]
    #[inline]
    pub const fn towards(peer: &Tuple<A>, delta: Delta) -> Self {
        Self {
            source: peer.destination,
            destination: peer.source,
            source_port: peer.destination_port,
            destination_port: peer.source_port,
            delta,
        }
    }

    /// Whether packets stay as they are.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        // No packet goes from the zero address to the zero address.
        self.source == A::default() && self.destination == A::default()
    }

    /// Rewrites the packet that `headers` describe. Later fragments have addresses only.
    pub fn apply(&self, data: &mut [u8], headers: &Headers) {
        let (start, end) = (usize::from(headers.l3), usize::from(headers.end));
        let Some(packet) = data.get_mut(start..end) else { return };
        let ip_length = usize::from(headers.l4 - headers.l3);
        let Some((ip, l4)) = packet.split_at_mut_checked(ip_length) else { return };
        // What a header cut short lacks need not be rewritten.
        let _ = self.apply_ip(ip);
        let _ = match headers.fragment {
            None => self.apply_l4(headers.protocol, l4),
            Some(piece) if piece.offset == 0 => self.apply_first_fragment(headers.protocol, l4),
            Some(_) => None,
        };
    }

    /// The CRC of SCTP covers all fragments: who has them mends it.
    fn apply_first_fragment(&self, protocol: u8, l4: &mut [u8]) -> Option<()> {
        match protocol {
            protocol::SCTP => self.write_ports(l4),
            other => self.apply_l4(other, l4),
        }
    }

    /// Rewrites the addresses of the IP header at the start of `ip`, and the IPv4 header checksum.
    /// Nothing where the header is cut short.
    pub(super) fn apply_ip(&self, ip: &mut [u8]) -> Option<()> {
        let ends = ip.get_mut(A::OFFSET..A::OFFSET + 2 * A::SIZE)?;
        let (source, destination) = ends.split_at_mut_checked(A::SIZE)?;
        source.copy_from_slice(self.source.bytes());
        destination.copy_from_slice(self.destination.bytes());
        if A::VERSION == IpVersion::V4 {
            mend(word(ip, 10)?, self.delta.ip);
        }
        Some(())
    }

    /// Rewrites ports or identifier and checksum of the layer-4 header at the start of `l4`, which
    /// must be the start of a datagram. Stops where the header is cut short, as in the quote of an
    /// ICMP error.
    pub(super) fn apply_l4(&self, protocol: u8, l4: &mut [u8]) -> Option<()> {
        match protocol {
            protocol::TCP => {
                self.write_ports(l4)?;
                if l4.len() >= 20 {
                    mend(word(l4, 16)?, self.delta.l4);
                }
            }
            protocol::UDP => {
                self.write_ports(l4)?;
                let checksum = word(l4, 6)?;
                if *checksum != [0; 2] {
                    mend_never_zero(checksum, self.delta.l4);
                }
            }
            protocol::UDP_LITE => {
                self.write_ports(l4)?;
                mend_never_zero(word(l4, 6)?, self.delta.l4);
            }
            protocol::ICMP | protocol::ICMPV6 => {
                if protocol == protocol::ICMP || has_v6_identifier(*l4.first()?) {
                    *word(l4, 4)? = self.source_port.wire();
                }
                mend(word(l4, 2)?, self.delta.l4);
            }
            protocol::SCTP => {
                self.write_ports(l4)?;
                let sum = sctp::checksum(l4, std::iter::empty())?;
                put(l4, sctp::CHECKSUM, &sum.to_le_bytes());
            }
            protocol::GRE => gre::put_call(l4, self.destination_port),
            _ => {}
        }
        Some(())
    }

    /// Only the ports, whatever the protocol.
    pub(super) fn write_ports(&self, l4: &mut [u8]) -> Option<()> {
        let ports: &mut [u8; 4] = l4.first_chunk_mut()?;
        let ([a, b], [c, d]) = (self.source_port.wire(), self.destination_port.wire());
        *ports = [a, b, c, d];
        Some(())
    }
}

/// Whether the kernel writes an identifier to ICMPv6 messages of a type: to echoes alone, though it tracks node
/// information queries (RFC 4620) by theirs too (`icmpv6_manip_pkt`).
const fn has_v6_identifier(kind: u8) -> bool {
    matches!(kind, 128 | 129)
}

/// Two bytes at `offset`.
pub(super) fn word(bytes: &mut [u8], offset: usize) -> Option<&mut [u8; 2]> {
    bytes.get_mut(offset..)?.first_chunk_mut()
}

/// Mends a checksum whose data changed by `delta`.
pub(super) const fn mend(checksum: &mut [u8; 2], delta: u16) {
    let (sum, carry) = (!u16::from_be_bytes(*checksum)).overflowing_add(delta);
    *checksum = (!(sum + carry as u16)).to_be_bytes();
}

/// As [`mend`], for UDP and UDP-Lite, where zero would mean that there is no checksum.
const fn mend_never_zero(checksum: &mut [u8; 2], delta: u16) {
    mend(checksum, delta);
    if u16::from_be_bytes(*checksum) == 0 {
        *checksum = [0xff; 2];
    }
}

/// A running one's complement sum of 16-bit words, folded when it is asked for: 2^31 steps fit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum(u64);

/// The negative of a difference; each of the two zeros stays itself.
const fn negative(sum: u16) -> u16 {
    if sum == 0 || sum == 0xffff { sum } else { !sum }
}

/// The sum of an address's words of 32 bits.
#[inline]
fn words<A: Address>(address: A) -> u64 {
    let bits = address.to_bits();
    let word = |shift: u32| (bits >> shift) as u64 & 0xffff_ffff;
    match A::VERSION {
        IpVersion::V4 => word(0),
        IpVersion::V6 => word(0) + word(32) + word(64) + word(96),
    }
}

impl Sum {
    /// `new` less `old`, each the sum of at most 16 words.
    #[inline(always)]
    const fn difference(old: u64, new: u64) -> Self {
        // 2^36 less 16 is zero in sixteen bits of ones' complement, as 2^16 less one is.
        Self(new + 16 * 0xffff_ffff - old)
    }
    /// Adds the words of `bytes`; a last odd byte counts as followed by zero.
    #[inline(always)]
    pub(super) fn plus(self, bytes: &[u8]) -> Self {
        self.with(bytes, 0)
    }
    /// Subtracts the words of `bytes`.
    #[inline(always)]
    pub(super) fn minus(self, bytes: &[u8]) -> Self {
        self.with(bytes, u32::MAX)
    }
    /// The sum of two sums.
    #[inline(always)]
    pub(super) fn and(self, other: Self) -> Self {
        self.and_folded(other.fold())
    }
    /// The sum with another that is folded already.
    #[inline(always)]
    pub(super) fn and_folded(self, other: u16) -> Self {
        Self(self.0 + u64::from(other))
    }
    /// The sum in 16 bits.
    #[inline(always)]
    pub(super) const fn fold(self) -> u16 {
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        let [.., a, b] = ((sum & 0xffff) + (sum >> 16)).to_be_bytes();
        u16::from_be_bytes([a, b])
    }
    /// Two words at a time: 2^16 is one, in sixteen bits of ones' complement.
    #[inline(always)]
    fn with(self, bytes: &[u8], mask: u32) -> Self {
        let (pairs, rest) = bytes.as_chunks::<4>();
        let sum = pairs
            .iter()
            .fold(self.0, |sum, pair| sum + u64::from(u32::from_be_bytes(*pair) ^ mask));
        let (words, rest) = rest.as_chunks::<2>();
        let odd = rest.first().map(|last| [*last, 0]);
        let sum = words
            .iter()
            .copied()
            .chain(odd)
            .fold(sum, |sum, word| sum + u64::from(u16::from_be_bytes(word) ^ mask as u16));
        Self(sum)
    }
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
