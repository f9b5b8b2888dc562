//! `--chunk-types`: the chunks of an SCTP packet (RFC 9260 section 3.2), kernel `xt_sctp`.

use super::Condition;
use crate::address::Address;
use crate::rules::View;

/// How the chunks of a packet are compared with the types asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One of them is there.
    Any,
    /// Each of them is there.
    All,
    /// Nothing else is there.
    Only,
}

/// Which chunks a packet must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// How they are compared.
    pub scope: Scope,
    /// Chunk types: bit n of word n / 32 stands for type n.
    pub types: [u32; 8],
    /// Of some types, flags: those looked at, and those of them that are on.
    pub flags: Box<[(u8, u8, u8)]>,
    /// `!`.
    pub invert: bool,
}

const COMMON_HEADER: usize = 12;

impl<A: Address> Condition<A> for Chunks {
    fn holds(&self, view: &View<'_, A>) -> bool {
        if view.is_later_fragment() {
            return false;
        }
        let payload = view.headers.payload(view.data);
        match payload.get(COMMON_HEADER..).and_then(|chunks| self.compare(chunks)) {
            Some(answer) => answer != self.invert,
            None => view.hotdrop(),
        }
    }
}

impl Chunks {
    /// Without `!`; none where a chunk is malformed, if it is looked at before the answer is clear.
    fn compare(&self, mut rest: &[u8]) -> Option<bool> {
        let mut missing = self.types;
        loop {
            let &[kind, flags, high, low] = rest.first_chunk()?;
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length == 0 {
                return None;
            }
            let fits = self.wants(kind) && self.flags_fit(kind, flags);
            match self.scope {
                Scope::Any if fits => return Some(true),
                Scope::Only if !fits => return Some(false),
                Scope::All if fits => {
                    if let Some(word) = missing.get_mut(usize::from(kind / 32)) {
                        *word &= !(1 << (kind % 32));
                    }
                }
                Scope::Any | Scope::Only | Scope::All => {}
            }
            match rest.get(length.next_multiple_of(4)..) {
                None | Some([]) => break,
                Some(next) => rest = next,
            }
        }
        Some(match self.scope {
            Scope::Any => false,
            Scope::All => missing == [0; 8],
            Scope::Only => true,
        })
    }

    fn wants(&self, kind: u8) -> bool {
        self.types.get(usize::from(kind / 32)).is_some_and(|word| word & 1 << (kind % 32) != 0)
    }

    fn flags_fit(&self, kind: u8, flags: u8) -> bool {
        let asked = self.flags.iter().find(|(own, _, _)| *own == kind);
        asked.is_none_or(|(_, mask, set)| flags & mask == *set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V4;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::samples;
    use Answer::{Drops, Fails, Holds};

    fn asked(scope: Scope, kinds: &[u8], flags: &[(u8, u8, u8)], invert: bool) -> Chunks {
        let mut types = [0; 8];
        kinds.iter().for_each(|kind| types[usize::from(kind / 32)] |= 1 << (kind % 32));
        Chunks { scope, types, flags: flags.into(), invert }
    }

    fn answer(chunks: &Chunks, bytes: &[u8]) -> Answer {
        let frame = samples::ipv4(132, 0, &[], &[&[0; 12], bytes].concat());
        ask::<V4>(chunks, &frame, 0)
    }

    #[test]
    fn any_all_and_only() {
        // DATA with a byte and its padding, ABORT with T, I_DATA.
        let packet = [0, 3, 0, 5, 9, 0, 0, 0, 6, 1, 0, 4, 64, 0, 0, 4];
        for (scope, kinds, expected) in [
            (Scope::Any, &[1, 64][..], Holds),
            (Scope::Any, &[1, 2], Fails),
            (Scope::All, &[0, 64], Holds),
            (Scope::All, &[0, 64, 1], Fails),
            (Scope::Only, &[0, 6, 64, 65], Holds),
            (Scope::Only, &[0, 6], Fails),
        ] {
            let opposite = if expected == Holds { Fails } else { Holds };
            assert_eq!(answer(&asked(scope, kinds, &[], false), &packet), expected, "{kinds:?}");
            assert_eq!(answer(&asked(scope, kinds, &[], true), &packet), opposite, "{kinds:?}");
        }
        for (flags, expected) in [((0, 3, 3), Holds), ((0, 4, 4), Fails), ((6, 1, 0), Holds)] {
            for scope in [Scope::Any, Scope::All] {
                assert_eq!(answer(&asked(scope, &[0], &[flags], false), &packet), expected);
            }
        }
    }

    #[test]
    fn malformed_chunks_are_dropped_where_they_are_looked_at() {
        let any = asked(Scope::Any, &[0], &[], false);
        let none = asked(Scope::Any, &[1], &[], true);
        for bytes in [&[][..], &[0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 4], &[2, 0, 0, 4, 0, 0]] {
            assert_eq!(answer(&any, bytes), Drops, "{bytes:?}");
            assert_eq!(answer(&none, bytes), Drops, "{bytes:?}");
        }
        // Found before.
        assert_eq!(answer(&any, &[0, 0, 0, 4, 9, 9]), Holds);
        // A last chunk may be longer than the packet.
        assert_eq!(answer(&any, &[2, 0, 0, 99]), Fails);
    }
}
