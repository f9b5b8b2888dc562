//! What elements give to packets (`skbinfo`), and how it lies in a table.

/// What an element gives to the packets that `SET --map-set` maps to it; zeros where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkbInfo {
    /// The mark and its mask.
    pub mark: MarkMap,
    /// `skbprio`: major number in the high half, minor in the low one. There is no queueing discipline to ask for it.
    pub priority: u32,
    /// `skbqueue`: kept only to be shown, as the priority.
    pub queue: u16,
}

/// A mark for packets: `(mark & !mask) ^ value`. By default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarkMap {
    /// Bits set or toggled.
    pub value: u32,
    /// Bits cleared first.
    pub mask: u32,
}

impl MarkMap {
    /// The packet's mark afterwards.
    #[must_use]
    pub const fn apply(self, mark: u32) -> u32 {
        (mark & !self.mask) ^ self.value
    }

    /// In one word, so that who reads it while it is written sees one or the other.
    pub(super) const fn pack(self) -> u64 {
        (self.value as u64) << 32 | self.mask as u64
    }

    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn unpack(word: u64) -> Self {
        Self { value: (word >> 32) as u32, mask: word as u32 }
    }
}

#[allow(clippy::cast_possible_truncation)]
impl SkbInfo {
    /// Words it takes.
    pub(super) const WORDS: usize = 2;

    pub(super) const fn pack(self) -> [u64; Self::WORDS] {
        [self.mark.pack(), (self.priority as u64) << 16 | self.queue as u64]
    }

    pub(super) const fn unpack([mark, rest]: [u64; Self::WORDS]) -> Self {
        Self { mark: MarkMap::unpack(mark), priority: (rest >> 16) as u32, queue: rest as u16 }
    }
}
