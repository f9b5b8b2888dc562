//! SNPT and DNPT: IPv6 prefixes translated without state (RFC 6296, kernel `ip6t_NPT`).
//!
//! One word of the address takes up what the prefix changes of the sum, so that no checksum above need be mended.

use super::RejectWith;
use crate::address::{Address, IpVersion, V6};
use crate::rules::View;
use crate::wire::header::set_address;
use crate::wire::icmp_error::IcmpError;
use crate::wire::layer4::Layer4Kind;
use crate::wire::{checksum, protocol};

/// Which address of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// SNPT.
    Source,
    /// DNPT.
    Destination,
}

impl End {
    /// Bytes before the address in an IPv6 header.
    const fn offset(self) -> usize {
        match self {
            Self::Source => 8,
            Self::Destination => 24,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

/// SNPT, DNPT: a prefix takes the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixTranslation {
    end: End,
    from: V6,
    from_length: u8,
    to: V6,
    /// Bits written: the longer of both prefixes.
    length: u8,
    /// What is added to a word of the address, in one's complement.
    adjustment: u16,
}

impl PrefixTranslation {
    /// Prefixes have at most 64 bits, and no bit is set behind them.
    #[must_use]
    pub fn new(end: End, (from, from_length): (V6, u8), (to, to_length): (V6, u8)) -> Self {
        let adjustment = add(checksum::sum(from.bytes()), !checksum::sum(to.bytes()));
        Self { end, from, from_length, to, length: from_length.max(to_length), adjustment }
    }

    /// Translates, and turns back the packet that an ICMPv6 error quotes.
    ///
    /// # Errors
    ///
    /// The address has no word that can take up the difference: the packet is refused.
    pub(in crate::rules) fn apply<A: Address>(
        &self,
        view: &mut View<'_, A>,
    ) -> Result<(), RejectWith> {
        let l3 = usize::from(view.headers.l3);
        let at = self.end.offset();
        let Some(address) = v6_at(view, l3 + at) else { return Ok(()) };
        let mapped = self.map(address);
        let (Ok(now) | Err(now)) = mapped;
        set_address(view.data, view.headers, at, now.bytes());
        view.source = view.headers.source(view.data);
        view.destination = view.headers.destination(view.data);
        if mapped.is_err() {
            let error = IcmpError::V6ParameterProblem { code: 0, pointer: at as u32 };
            return Err(RejectWith::Icmp(error));
        }
        if let Some(quote) = quoted_at(view) {
            self.turn_back(view, quote + self.end.other().offset());
        }
        Ok(())
    }

    /// The quoted packet went to where this one comes from, or came from where this one goes.
    fn turn_back<A: Address>(&self, view: &mut View<'_, A>, at: usize) {
        let Some(address) = v6_at(view, at) else { return };
        if (address.to_bits() ^ self.from.to_bits()) & mask(self.from_length) != 0 {
            return;
        }
        let (Ok(now) | Err(now)) = self.map(address);
        set_address(view.data, view.headers, at - usize::from(view.headers.l3), now.bytes());
    }

    /// The address with the other prefix; as an error, it and nothing to take up the difference.
    fn map(&self, address: V6) -> Result<V6, V6> {
        let prefix = mask(self.length);
        let bits = address.to_bits() & !prefix | self.to.to_bits() & prefix;
        let shift = |word: u32| 112 - 16 * word;
        let word = |index: u32| (bits >> shift(index)) as u16;
        let index = match self.length {
            // The subnet (RFC 6296 section 3.4), and behind a longer prefix the first that is not 0xffff (3.5).
            0..=48 => Some(3),
            _ => (4..8).find(|index| word(*index) != 0xffff),
        };
        let Some(index) = index else { return Err(V6::from_bits(bits)) };
        let sum = match add(word(index), self.adjustment) {
            0xffff => 0,
            sum => sum,
        };
        let others = bits & !(0xffff << shift(index));
        Ok(V6::from_bits(others | u128::from(sum) << shift(index)))
    }
}

/// One's complement.
const fn add(one: u16, other: u16) -> u16 {
    let (sum, carry) = one.overflowing_add(other);
    sum + carry as u16
}

fn mask(length: u8) -> u128 {
    !u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// The address there in the packet.
fn v6_at<A: Address>(view: &View<'_, A>, at: usize) -> Option<V6> {
    match A::VERSION {
        IpVersion::V4 => None,
        IpVersion::V6 => view.data.get(at..at + 16).and_then(V6::read),
    }
}

/// Where the header is that an ICMPv6 error quotes; none behind extension headers, where the kernel does not look.
fn quoted_at<A: Address>(view: &View<'_, A>) -> Option<usize> {
    let l4 = usize::from(view.headers.l4);
    let error = matches!(view.layer4.kind, Layer4Kind::Icmp6 { kind: 0..128, .. });
    let bare = view.data.get(usize::from(view.headers.l3) + 6) == Some(&protocol::ICMPV6);
    let whole = l4 + 48 <= usize::from(view.headers.end);
    (error && bare && whole).then_some(l4 + 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v6(text: &str) -> V6 {
        V6(text.parse::<std::net::Ipv6Addr>().expect("an address").octets())
    }

    fn translation(from: (&str, u8), to: (&str, u8)) -> PrefixTranslation {
        PrefixTranslation::new(End::Source, (v6(from.0), from.1), (v6(to.0), to.1))
    }

    /// The example of RFC 6296 section 3.4.
    #[test]
    fn a_short_prefix_is_taken_up_by_the_subnet() {
        let short = translation(("fd01:203:405::", 48), ("2001:db8:1::", 48));
        assert_eq!(short.map(v6("fd01:203:405:1::1234")), Ok(v6("2001:db8:1:d550::1234")));
    }

    #[test]
    fn a_long_prefix_is_taken_up_by_the_first_word_that_can() {
        let long = translation(("fd00:1:2:3::", 64), ("2001:db8:1:2::", 64));
        let all = v6("fd00:1:2:3:ffff:ffff:ffff:ffff");
        assert_eq!(long.map(all), Err(v6("2001:db8:1:2:ffff:ffff:ffff:ffff")));
        let last = long.map(v6("fd00:1:2:3:ffff:ffff:ffff:7")).expect("one word is left");
        assert_eq!(last.to_bits() >> 16, v6("2001:db8:1:2:ffff:ffff:ffff:0").to_bits() >> 16);
        assert_eq!(
            checksum::sum(last.bytes()),
            checksum::sum(v6("fd00:1:2:3:ffff:ffff:ffff:7").bytes())
        );
    }

    proptest! {
        /// There and back, and the sum stays: for each address that has the prefix.
        #[test]
        fn the_sum_stays(from: u64, to: u64, length in 1..=64_u8, host: u128) {
            let cut = |bits: u64| V6::from_bits(u128::from(bits) << 64 & mask(length));
            let (from, to) = (cut(from), cut(to));
            let there = PrefixTranslation::new(End::Source, (from, length), (to, length));
            let back = PrefixTranslation::new(End::Source, (to, length), (from, length));
            let address = V6::from_bits(host & !mask(length) | from.to_bits());
            let Ok(mapped) = there.map(address) else { return Ok(()) };
            prop_assert_eq!(mapped.to_bits() & mask(length), to.to_bits());
            prop_assert_eq!(checksum::sum(mapped.bytes()) % 0xffff, checksum::sum(address.bytes()) % 0xffff);
            let Ok(returned) = back.map(mapped) else { return Ok(()) };
            prop_assert_eq!(returned.to_bits() & mask(length), from.to_bits());
        }
    }
}
