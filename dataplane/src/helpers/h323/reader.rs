//! A reader of ITU-T X.691 aligned PER that follows [tables](super::per) of types and tells where what they note stands
//! (kernel `nf_conntrack_h323_asn1.c`).
//!
//! ```text
//!   tables:  Sequence ─> Part ─> Choice ─> Part ─> Octets       message:  01101… │ 0a 01 00 02 │ 06 b8 …
//!                         └ note            └ note     ══ read ══>  noted: note, note at byte 12
//! ```
//!
//! It reads what the kernel reads and no more: a part that [stops](super::per::Care::Stop) ends its sequence although more
//! follows, a sequence that has been stopped is no error, and who holds it goes on behind what was read. What has its length
//! in front may be read past that length. A [budget](BUDGET) bounds the work.

use super::note::Note;
use super::per::{BitCount, Care, Choice, Count, Extension, List, Part, Sequence, Type, Width};

/// How many types may be read for every octet of a message. Lengths can lead back to what has been read, and nothing but
/// this would end that soon.
const BUDGET: usize = 16;

/// The message ends too early, or holds what no table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Who is told of what is noted.
pub(crate) trait Noted {
    /// `note` has been met. `value`: of octets their place in the message, of a number what it says, otherwise zero.
    fn noted(&mut self, note: Note, value: u32);
}

/// Reads a message by the type of its `part`, from `start` octets on.
///
/// # Errors
/// It ends too early, or holds what no table knows. What has been noted then must be forgotten.
pub(crate) fn read<S: Noted>(
    message: &[u8],
    start: usize,
    part: &Part,
    sink: &mut S,
) -> Result<(), Unreadable> {
    let budget = (message.len() + 1) * BUDGET;
    Reader { message, at: start * 8, budget, sink }.part(part, true)
}

struct Reader<'m, S> {
    message: &'m [u8],
    /// In bits.
    at: usize,
    budget: usize,
    sink: &'m mut S,
}

impl<S: Noted> Reader<'_, S> {
    /// A part that is there. `watched`: what it notes is told.
    fn part(&mut self, part: &Part, watched: bool) -> Result<(), Unreadable> {
        self.tell(part, watched);
        let watched = watched && part.care == Care::Read;
        self.budget = self.budget.checked_sub(1).ok_or(Unreadable)?;
        match &part.kind {
            Type::Null => Ok(()),
            Type::Boolean => self.pass(1),
            Type::ObjectIdentifier => {
                self.align();
                let length = self.octet()?;
                self.pass(length * 8)
            }
            Type::Integer(width) => self.integer(*width, part.note.filter(|_| watched)),
            Type::BitString(count) => self.bit_string(*count),
            Type::Digits(count) => self.string(*count, 4, None),
            Type::Octets(count) => self.string(*count, 8, part.note.filter(|_| watched)),
            Type::WideText(count) => self.string(*count, 16, None),
            Type::Opaque => {
                let length = self.length(2)?;
                self.pass(length * 8)
            }
            Type::Sequence(sequence) => self.sequence(sequence, watched),
            Type::List(list) => self.list(list, watched),
            Type::Choice(choice) => self.choice(choice, watched),
        }
    }

    /// Octets and numbers tell for themselves, as they have a value.
    fn tell(&mut self, part: &Part, watched: bool) {
        let has_value = matches!(part.kind, Type::Octets(_) | Type::Integer(_));
        if let Some(note) = part.note.filter(|_| watched && !has_value) {
            self.sink.noted(note, 0);
        }
    }

    fn integer(&mut self, width: Width, note: Option<Note>) -> Result<(), Unreadable> {
        match width {
            Width::Bits(bits) => self.pass(bits.into()),
            Width::Octet => {
                self.align();
                self.pass(8)
            }
            Width::TwoOctets => {
                self.align();
                self.pass(16)
            }
            Width::FewOctets(least) => {
                let length = self.bits(2)? as usize + 1;
                self.align();
                if let Some(note) = note {
                    let mut value = 0;
                    for _ in 0..length {
                        value = value << 8 | self.octet()? as u32;
                    }
                    self.sink.noted(note, value.wrapping_add(least.into()));
                }
                // What has been noted is passed once more: it is the last of its sequence that counts.
                self.pass(length * 8)
            }
            Width::Any => {
                self.align();
                let length = self.length(2)?;
                self.pass(length * 8)
            }
        }
    }

    fn bit_string(&mut self, count: BitCount) -> Result<(), Unreadable> {
        self.align();
        let length = match count {
            BitCount::TwoOctets => self.octet()? << 8 | self.octet()?,
            BitCount::Any => self.length(2)?,
        };
        self.pass(length)
    }

    /// A string of elements of `size` bits.
    fn string(&mut self, count: Count, size: usize, note: Option<Note>) -> Result<(), Unreadable> {
        let length = match count {
            Count::Fixed(length) => {
                // Two octets are too few to be aligned.
                if length > 2 {
                    self.align();
                }
                usize::from(length)
            }
            Count::Bits(bits, least) => {
                let length = self.bits(bits.into())? as usize + usize::from(least);
                self.align();
                length
            }
            Count::Octet(least) => {
                self.align();
                self.octet()? + usize::from(least)
            }
            Count::Any => {
                self.align();
                self.length(2)?
            }
        };
        if let Some(note) = note {
            self.sink.noted(note, (self.at / 8) as u32);
        }
        self.pass(length * size)
    }

    fn sequence(&mut self, sequence: &Sequence, watched: bool) -> Result<(), Unreadable> {
        let extended = self.extended(sequence.extension.as_ref())?;
        let mut present = self.bitmap(sequence.optional.into())?;
        for part in sequence.root {
            if part.care == Care::Stop {
                return Ok(());
            }
            let is_there = !part.optional || next_bit(&mut present);
            if is_there {
                self.part(part, watched)?;
            }
        }
        match extended {
            Some(extension) => self.additions(extension, watched),
            None => Ok(()),
        }
    }

    /// What an extended sequence has besides: which parts, then each with its length in front.
    fn additions(&mut self, extension: &Extension, watched: bool) -> Result<(), Unreadable> {
        let count = self.bits(7)? as usize + 1;
        if count > 32 {
            return Err(Unreadable);
        }
        let mut present = self.bitmap(count)?;
        self.align();
        for number in 0..count as u8 {
            let is_there = next_bit(&mut present);
            if number >= extension.known {
                // What nobody knows is passed over even where it is not there.
                self.open(&Part::skip(Type::Null), 2, watched)?;
                continue;
            }
            let part = extension.part(number);
            if part.care == Care::Stop {
                return Ok(());
            }
            if is_there {
                self.open(&part, 2, watched)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, list: &List, watched: bool) -> Result<(), Unreadable> {
        self.align();
        let count = self.length(2)? as u32;
        for number in 0..count {
            let counts = watched && number < list.most;
            if !list.open {
                self.part(&list.item, counts)?;
                continue;
            }
            self.align();
            if watched {
                self.enclosed(2, |reader| reader.part(&list.item, counts))?;
            } else {
                self.open(&list.item, 2, false)?;
            }
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Choice, watched: bool) -> Result<(), Unreadable> {
        let Some(extension) = self.extended(choice.extension.as_ref())? else {
            let bits = choice.root.len().next_power_of_two().trailing_zeros();
            let number = self.bits(bits)? as usize;
            let part = choice.root.get(number).ok_or(Unreadable)?;
            return if part.care == Care::Stop { Ok(()) } else { self.part(part, watched) };
        };
        let number = self.bits(7)? as u8;
        if number >= extension.known {
            self.align();
            return self.open(&Part::skip(Type::Null), 2, watched);
        }
        let part = extension.part(number);
        if part.care == Care::Stop {
            return Ok(());
        }
        self.align();
        self.open(&part, 1, watched)
    }

    /// A part with its length in front, of which `least` octets have to be there.
    fn open(&mut self, part: &Part, least: usize, watched: bool) -> Result<(), Unreadable> {
        if watched && part.care == Care::Read {
            self.enclosed(least, |reader| reader.part(part, true))
        } else {
            self.tell(part, watched);
            self.enclosed(least, |_| Ok(()))
        }
    }

    /// What has its length in front; `inside` may read past that.
    fn enclosed(
        &mut self,
        least: usize,
        inside: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let bits = self.length(least)? * 8;
        self.need(bits)?;
        let start = self.at;
        inside(self)?;
        self.at = start + bits;
        Ok(())
    }

    /// Whether a type that can be extended is.
    fn extended<'e>(
        &mut self,
        extension: Option<&'e Extension>,
    ) -> Result<Option<&'e Extension>, Unreadable> {
        match extension {
            Some(extension) => Ok((self.bits(1)? != 0).then_some(extension)),
            None => self.need(1).map(|()| None),
        }
    }

    /// One octet tells, or two of which the first has its highest bit set. `least` octets have to be there.
    fn length(&mut self, least: usize) -> Result<usize, Unreadable> {
        self.need(least * 8)?;
        match self.octet()? {
            first if first & 0x80 != 0 => Ok((first & 0x3f) << 8 | self.octet()?),
            first => Ok(first),
        }
    }

    /// The octet at the place, aligned or not.
    fn octet(&mut self) -> Result<usize, Unreadable> {
        let octet = self.message.get(self.at / 8).ok_or(Unreadable)?;
        self.pass(8)?;
        Ok((*octet).into())
    }

    /// Up to 8 bits.
    fn bits(&mut self, count: u32) -> Result<u32, Unreadable> {
        Ok(self.bitmap_at(self.at, count as usize)?.checked_shr(32 - count).unwrap_or(0))
    }

    /// Up to 32 bits, the first of them the highest.
    fn bitmap(&mut self, count: usize) -> Result<u32, Unreadable> {
        // Of an unaligned bitmap that ends with the fourth octet the kernel takes the wrong bits.
        let ends_so = self.at % 8 + count == 32;
        self.bitmap_at(if ends_so { self.at & !7 } else { self.at }, count)
    }

    /// `count` bits from `start` on; as many are passed from here on.
    fn bitmap_at(&mut self, start: usize, count: usize) -> Result<u32, Unreadable> {
        self.pass(count)?;
        let octets = self.message.get(start / 8..).unwrap_or_default();
        let five = octets.iter().chain(std::iter::repeat(&0)).take(5);
        let forty = five.fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        let aligned = (forty << (24 + start % 8)) >> 32;
        let mask = u32::MAX.checked_shl(32 - count as u32).unwrap_or(0);
        Ok(aligned as u32 & mask)
    }

    const fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    fn pass(&mut self, bits: usize) -> Result<(), Unreadable> {
        self.need(bits)?;
        self.at += bits;
        Ok(())
    }

    /// So many bits have to be there.
    fn need(&self, bits: usize) -> Result<(), Unreadable> {
        if self.at + bits <= self.message.len() * 8 { Ok(()) } else { Err(Unreadable) }
    }
}

/// The highest bit, which gives way to the next.
fn next_bit(bitmap: &mut u32) -> bool {
    let bit = *bitmap >> 31 != 0;
    *bitmap <<= 1;
    bit
}
