//! The tables of security in H.323 (ITU-T H.235; kernel `nf_conntrack_h323_types.c`). Nothing in them is noted: they tell
//! how long what they describe is.

use super::h225::{ALIAS_ADDRESS, NON_STANDARD};
use super::per::{BitCount, Choice, Count, Extension, List, Part, Sequence, Type, Width};

const IDENTIFIER: Part = Part::skip(Type::WideText(Count::Bits(7, 1)));
const OBJECT: Part = Part::skip(Type::ObjectIdentifier);
const OCTETS: Part = Part::skip(Type::Octets(Count::Any));
const BITS: Part = Part::skip(Type::BitString(BitCount::Any));
const TIME_STAMP: Part = Part::skip(Type::Integer(Width::FewOctets(1)));

const SERVICE_MODE: Part = Part::skip(Type::Choice(
    &Choice::new(&[NON_STANDARD, Part::skip(Type::Null), Part::skip(Type::Null)])
        .extensible(Extension::of(0, &[])),
));
const CAPABILITIES: Part = Part::skip(Type::Sequence(
    &Sequence::new(1, &[NON_STANDARD.optional(), SERVICE_MODE, SERVICE_MODE, SERVICE_MODE])
        .extensible(Extension::of(0, &[])),
));

/// `H245Security`.
pub(super) const H245_SECURITY: Part = Part::skip(Type::Choice(
    &Choice::new(&[NON_STANDARD, Part::skip(Type::Null), CAPABILITIES, CAPABILITIES])
        .extensible(Extension::of(0, &[])),
));

const KEY_PART: Part = Part::skip(Type::BitString(BitCount::TwoOctets));
const CLEAR_TOKEN: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        8,
        &[
            OBJECT,
            TIME_STAMP.optional(),
            IDENTIFIER.optional(),
            // A Diffie-Hellman key.
            Part::skip(Type::Sequence(
                &Sequence::new(0, &[KEY_PART, KEY_PART, KEY_PART])
                    .extensible(Extension::of(0, &[])),
            ))
            .optional(),
            // A challenge.
            Part::skip(Type::Octets(Count::Bits(7, 8))).optional(),
            Part::skip(Type::Integer(Width::Any)).optional(),
            // A certificate.
            Part::skip(Type::Sequence(
                &Sequence::new(0, &[OBJECT, OCTETS]).extensible(Extension::of(0, &[])),
            ))
            .optional(),
            IDENTIFIER.optional(),
            Part::skip(Type::Sequence(&Sequence::new(0, &[OBJECT, OCTETS]))).optional(),
        ],
    )
    .extensible(Extension::of(2, &[])),
));

/// `SEQUENCE OF ClearToken`.
pub(super) const TOKENS: Part =
    Part::skip(Type::List(&List { item: CLEAR_TOKEN, open: false, most: 0 }));

const PARAMETERS: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        2,
        &[
            Part::skip(Type::Integer(Width::Any)).optional(),
            Part::skip(Type::Octets(Count::Fixed(8))).optional(),
        ],
    )
    .extensible(Extension::of(1, &[])),
));

const fn sequence(sequence: &'static Sequence) -> Part {
    Part::skip(Type::Sequence(sequence))
}

const HASHED: Part = sequence(&Sequence::new(0, &[OBJECT, PARAMETERS, BITS]));
const ENCRYPTED: Part = sequence(&Sequence::new(0, &[OBJECT, PARAMETERS, OCTETS]));
const SIGNED: Part =
    sequence(&Sequence::new(0, &[Part::skip(Type::Opaque), OBJECT, PARAMETERS, BITS]));

const NESTED_TOKEN: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        sequence(&Sequence::new(0, &[OBJECT, ENCRYPTED])),
        sequence(&Sequence::new(0, &[OBJECT, SIGNED])),
        sequence(&Sequence::new(0, &[OBJECT, CLEAR_TOKEN, HASHED])),
        ENCRYPTED,
    ])
    .extensible(Extension::of(0, &[])),
));

const CRYPTO_TOKEN: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        sequence(&Sequence::new(0, &[ALIAS_ADDRESS, TIME_STAMP, HASHED])),
        sequence(&Sequence::new(0, &[IDENTIFIER, TIME_STAMP, HASHED])),
        ENCRYPTED,
        ENCRYPTED,
        SIGNED,
        SIGNED,
        SIGNED,
        NESTED_TOKEN,
    ])
    .extensible(Extension::of(0, &[])),
));

/// `SEQUENCE OF CryptoH323Token`.
pub(super) const CRYPTO_TOKENS: Part =
    Part::skip(Type::List(&List { item: CRYPTO_TOKEN, open: false, most: 0 }));
