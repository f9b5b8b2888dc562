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
