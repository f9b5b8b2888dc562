//! An element's key, and how it lies in a table: as few words as its type needs.

use super::kind::{Header, Kind, Second};
use crate::address::{IpVersion, Mac};

/// What tells one element from another; parts that a type does not have are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key {
    /// Address (an IPv4 address in the low 32 bits), MAC in the low 48, or a bitmap's number.
    pub first: u128,
    /// Prefix length of a network.
    pub prefix: u8,
    /// Layer-4 protocol.
    pub protocol: u8,
    /// Port, or ICMP type and code.
    pub port: u16,
    /// Second address, mark, or an interface's name as [`Key::name_bits`] has it.
    pub second: u128,
    /// Prefix length of a second network.
    pub second_prefix: u8,
    /// The interface is a bridge's port (`physdev:`).
    pub physdev: bool,
    /// The interface's name is only how names begin (`wildcard`).
    pub wildcard: bool,
}

/// Words of the longest key.
pub(super) const MAX_WORDS: usize = 5;

/// How keys lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// IPv4, and nothing second.
    Narrow,
    /// IPv4, and 32 bits second.
    NarrowPair,
    /// IPv6 or a MAC, and nothing second.
    Wide,
    /// Anything.
    WidePair,
}

impl Layout {
    pub(super) const fn of(header: &Header) -> Self {
        let narrow = matches!(header.family, Some(IpVersion::V4)) || header.kind.is_bitmap();
        match (header.kind.second(), narrow, header.kind) {
            (_, _, Kind::HashMac) => Self::Wide,
            (Second::None, true, _) => Self::Narrow,
            (Second::None, false, _) => Self::Wide,
            (Second::Interface, ..) => Self::WidePair,
            (Second::Address | Second::Net | Second::Mark, true, _) => Self::NarrowPair,
            (Second::Address | Second::Net | Second::Mark, false, _) => Self::WidePair,
        }
    }
    pub(super) const fn words(self) -> usize {
        match self {
            Self::Narrow => 1,
            Self::NarrowPair => 2,
            Self::Wide => 3,
            Self::WidePair => MAX_WORDS,
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
const fn halves(bits: u128) -> (u64, u64) {
    ((bits >> 64) as u64, bits as u64)
}

const fn whole(high: u64, low: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

#[allow(clippy::cast_possible_truncation)]
impl Key {
    /// A MAC as a number.
    #[must_use]
    pub fn of_mac(mac: Mac) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Self { first: u128::from(bits), ..Self::default() }
    }

    /// An interface's name as a number: its bytes from the top, zeros behind; longer names than 15 are cut.
    #[must_use]
    pub fn name_bits(name: &str) -> u128 {
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().take(15).zip(name.bytes()) {
            *to = from;
        }
        u128::from_be_bytes(bytes)
    }

    /// The inverse of [`Self::name_bits`].
    #[must_use]
    pub fn name(bits: u128) -> String {
        let bytes = bits.to_be_bytes();
        let name: Vec<u8> = bytes.into_iter().take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&name).into_owned()
    }

    fn tail(&self) -> u64 {
        u64::from(self.port) << 16 | u64::from(self.protocol) << 8 | u64::from(self.prefix)
    }
    fn far_tail(&self) -> u64 {
        u64::from(self.second_prefix) << 8 | u64::from(self.wildcard) << 1 | u64::from(self.physdev)
    }
    fn set_tail(&mut self, word: u64) {
        (self.port, self.protocol, self.prefix) =
            ((word >> 16) as u16, (word >> 8) as u8, word as u8);
    }
    fn set_far_tail(&mut self, word: u64) {
        self.second_prefix = (word >> 8) as u8;
        (self.wildcard, self.physdev) = (word & 2 != 0, word & 1 != 0);
    }

    pub(super) fn pack(&self, layout: Layout) -> [u64; MAX_WORDS] {
        let (high, low) = halves(self.first);
        let (second_high, second_low) = halves(self.second);
        match layout {
            Layout::Narrow => [low << 32 | self.tail(), 0, 0, 0, 0],
            Layout::NarrowPair => {
                [low << 32 | self.tail(), second_low << 32 | self.far_tail(), 0, 0, 0]
            }
            Layout::Wide => [high, low, self.tail(), 0, 0],
            Layout::WidePair => {
                [high, low, second_high, second_low, self.tail() << 32 | self.far_tail()]
            }
        }
    }

    pub(super) fn unpack(layout: Layout, words: [u64; MAX_WORDS]) -> Self {
        let [a, b, c, d, e] = words;
        let mut key = Self::default();
        match layout {
            Layout::Narrow => {
                key.first = u128::from(a >> 32);
                key.set_tail(a & 0xffff_ffff);
            }
            Layout::NarrowPair => {
                (key.first, key.second) = (u128::from(a >> 32), u128::from(b >> 32));
                key.set_tail(a & 0xffff_ffff);
                key.set_far_tail(b & 0xffff_ffff);
            }
            Layout::Wide => {
                key.first = whole(a, b);
                key.set_tail(c);
            }
            Layout::WidePair => {
                (key.first, key.second) = (whole(a, b), whole(c, d));
                key.set_tail(e >> 32);
                key.set_far_tail(e & 0xffff_ffff);
            }
        }
        key
    }
}

impl Header {
    /// Whether a number lies in a bitmap's range.
    #[must_use]
    pub fn in_range(&self, number: u128) -> bool {
        (u128::from(self.range.0)..=u128::from(self.range.1)).contains(&number)
    }
}
