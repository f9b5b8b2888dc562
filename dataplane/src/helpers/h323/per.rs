//! Tables of types of ASN.1, as aligned PER writes them (ITU-T X.691), and what is noted in them.
//!
//! A table holds no other that holds it, so that the tables bound how deep a message is read.

use super::note::Note;

/// A type of ASN.1 with its constraints.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Type {
    Null,
    Boolean,
    ObjectIdentifier,
    Integer(Width),
    BitString(BitCount),
    /// Decimal digits of four bits each.
    Digits(Count),
    Octets(Count),
    /// Characters of two octets each.
    WideText(Count),
    /// Anything behind its length.
    Opaque,
    Sequence(&'static Sequence),
    List(&'static List),
    Choice(&'static Choice),
}

/// How an integer is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Width {
    Bits(u8),
    /// One aligned octet.
    Octet,
    /// Two aligned octets.
    TwoOctets,
    /// Two bits that tell the number of aligned octets; what they say is added to the least.
    FewOctets(u8),
    /// Any number of aligned octets behind that number.
    Any,
}

/// How many bits a string has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BitCount {
    /// Two octets tell.
    TwoOctets,
    /// A length tells.
    Any,
}

/// How many elements a string has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Fixed(u8),
    /// So many bits tell; added to the least.
    Bits(u8, u8),
    /// An aligned octet tells; added to the least.
    Octet(u8),
    /// A length tells.
    Any,
}

/// What becomes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// It is passed over: nothing in it is noted.
    Skip,
    /// Reading ends in front of it, whether it is there or not.
    Stop,
    Read,
}

/// A component of a sequence, an item of a list or an alternative of a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(super) kind: Type,
    pub(super) care: Care,
    pub(super) optional: bool,
    pub(super) note: Option<Note>,
}

/// A SEQUENCE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    /// How many parts of the root are optional, those behind one that stops too.
    pub(super) optional: u8,
    /// As far as it is read.
    pub(super) root: &'static [Part],
    /// None where the type cannot be extended.
    pub(super) extension: Option<Extension>,
}

/// What may have come to a type later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension {
    /// How many parts are known.
    pub(super) known: u8,
    /// Those that are not passed over, by number.
    parts: &'static [(u8, Part)],
    /// From this one on all that are known stop.
    stop: u8,
}

/// A SEQUENCE OF.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    pub(crate) item: Part,
    /// Every item has its length in front.
    pub(crate) open: bool,
    /// Behind so many items nothing is noted.
    pub(crate) most: u32,
}

/// A CHOICE.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(super) root: &'static [Part],
    /// None where the type cannot be extended.
    pub(super) extension: Option<Extension>,
}

impl Part {
    pub(crate) const STOP: Self = Self { care: Care::Stop, ..Self::skip(Type::Null) };

    pub(crate) const fn skip(kind: Type) -> Self {
        Self { kind, care: Care::Skip, optional: false, note: None }
    }

    pub(crate) const fn read(kind: Type) -> Self {
        Self { care: Care::Read, ..Self::skip(kind) }
    }

    pub(crate) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    pub(crate) const fn note(self, note: Note) -> Self {
        Self { note: Some(note), ..self }
    }
}

impl Sequence {
    pub(crate) const fn new(optional: u8, root: &'static [Part]) -> Self {
        Self { optional, root, extension: None }
    }

    pub(crate) const fn extensible(self, extension: Extension) -> Self {
        Self { extension: Some(extension), ..self }
    }
}

impl Choice {
    pub(crate) const fn new(root: &'static [Part]) -> Self {
        Self { root, extension: None }
    }

    pub(crate) const fn extensible(self, extension: Extension) -> Self {
        Self { extension: Some(extension), ..self }
    }
}

impl Extension {
    /// Of `known` parts, which are passed over but for `parts`.
    pub(crate) const fn of(known: u8, parts: &'static [(u8, Part)]) -> Self {
        Self { known, parts, stop: known }
    }

    /// The same; reading ends in front of the part with that number, wherever it gets so far.
    pub(crate) const fn stops_at(self, stop: u8) -> Self {
        Self { stop, ..self }
    }

    /// What becomes of a part that is known.
    pub(super) fn part(&self, number: u8) -> Part {
        if number >= self.stop {
            return Part::STOP;
        }
        let found = self.parts.iter().find(|(at, _)| *at == number);
        found.map_or(Part::skip(Type::Null), |(_, part)| *part)
    }
}
