//! Where the packets of a burst go from the fast path.

use super::BURST;
use crate::ids::WorkerId;

/// Where a packet goes from the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Out of a port, rewritten.
    Out(u16),
    /// To its owner, as it came.
    Over(WorkerId),
}

/// Where the packets of a burst go, in order: each a word, so that they are soon compared.
#[derive(Debug)]
pub(crate) struct Exits<const N: usize = BURST>([u32; N]);

impl Exit {
    /// What a word is more where it names an owner.
    const OVER: u32 = 1 << 16;

    #[inline]
    pub(super) const fn to_word(self) -> u32 {
        match self {
            Self::Out(port) => port as u32,
            Self::Over(WorkerId(owner)) => Self::OVER | owner as u32,
        }
    }

    const fn of_word(word: u32) -> Self {
        match word & Self::OVER {
            0 => Self::Out(word as u16),
            _ => Self::Over(WorkerId(word as u8)),
        }
    }
}

impl<const N: usize> Exits<N> {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self([0; N])
    }

    /// To be written to, as [`Exit::to_word`] says.
    pub(super) const fn as_mut_slice(&mut self) -> &mut [u32] {
        &mut self.0
    }

    /// Those of the first `count` packets.
    pub(crate) fn first(&self, count: usize) -> impl Iterator<Item = Exit> + '_ {
        self.0.iter().take(count).map(|word| Exit::of_word(*word))
    }

    /// Where each of the first `count` packets goes, if that is the same for all.
    #[inline]
    pub(crate) fn common(&self, count: usize) -> Option<Exit> {
        let words = self.0.get(..count)?;
        let first = *words.first()?;
        // Without a branch a word.
        let differences = words.iter().fold(0, |all, word| all | (word ^ first));
        (differences == 0).then_some(Exit::of_word(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exits(all: &[Exit]) -> Exits {
        let mut exits = Exits::<BURST>::new();
        exits.0.iter_mut().zip(all).for_each(|(word, exit)| *word = exit.to_word());
        exits
    }

    #[test]
    fn they_come_back_as_they_were() {
        let all = [
            Exit::Out(0),
            Exit::Out(u16::MAX),
            Exit::Over(WorkerId(0)),
            Exit::Over(WorkerId(u8::MAX)),
        ];
        assert!(exits(&all).first(4).eq(all));
    }

    #[test]
    fn what_all_have_in_common() {
        let seven = [Exit::Out(7); BURST];
        assert_eq!(exits(&seven).common(BURST), Some(Exit::Out(7)));
        assert_eq!(exits(&seven).common(0), None);
        for odd in 0..BURST {
            let mut all = seven;
            all[odd] = Exit::Over(WorkerId(7));
            assert_eq!(exits(&all).common(BURST), None, "{odd}");
            assert_eq!(exits(&all).common(odd), (odd > 0).then_some(Exit::Out(7)));
        }
    }
}
