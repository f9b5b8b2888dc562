//! The tables of what channels carry (ITU-T H.245 annex A; kernel `nf_conntrack_h323_types.c`). Nothing in them is noted:
//! they tell how long what they describe is.

use super::h225::{BOOLEAN, NO_MORE, NULL, OCTET, TWO_OCTETS};
use super::per::{Choice, Count, Extension, Part, Sequence, Type, Width};

/// `NonStandardParameter` of H.245.
pub(super) const NON_STANDARD: Part = Part::skip(Type::Sequence(&Sequence::new(
    0,
    &[
        Part::skip(Type::Choice(&Choice::new(&[
            Part::skip(Type::ObjectIdentifier),
            Part::skip(Type::Sequence(&Sequence::new(0, &[OCTET, OCTET, TWO_OCTETS]))),
        ]))),
        Part::skip(Type::Octets(Count::Any)),
    ],
)));

const MAYBE: Part = FEW_OCTETS.optional();
const FEW_OCTETS: Part = Part::skip(Type::Integer(Width::FewOctets(0)));

const fn bits(count: u8) -> Part {
    Part::skip(Type::Integer(Width::Bits(count)))
}

const H261: Part = Part::skip(Type::Sequence(
    &Sequence::new(2, &[bits(2).optional(), bits(2).optional(), BOOLEAN, TWO_OCTETS, BOOLEAN])
        .extensible(Extension::of(1, &[])),
));
const H262: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        6,
        &[
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            MAYBE,
            MAYBE,
            TWO_OCTETS.optional(),
            TWO_OCTETS.optional(),
            bits(4).optional(),
            MAYBE,
        ],
    )
    .extensible(Extension::of(1, &[])),
));
const H263: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        7,
        &[
            bits(5).optional(),
            bits(5).optional(),
            bits(5).optional(),
            bits(5).optional(),
            bits(5).optional(),
            FEW_OCTETS,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            MAYBE,
            TWO_OCTETS.optional(),
        ],
    )
    .extensible(Extension::of(8, &[])),
));
const IS11172_VIDEO: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        6,
        &[
            BOOLEAN,
            MAYBE,
            MAYBE,
            TWO_OCTETS.optional(),
            TWO_OCTETS.optional(),
            bits(4).optional(),
            MAYBE,
        ],
    )
    .extensible(Extension::of(1, &[])),
));

/// `VideoCapability`.
pub(super) const VIDEO: Part = Part::skip(Type::Choice(
    &Choice::new(&[NON_STANDARD, H261, H262, H263, IS11172_VIDEO])
        .extensible(Extension::of(1, &[])),
));

const fn booleans_then_rate<const COUNT: usize>() -> [Part; COUNT] {
    let mut parts = [BOOLEAN; COUNT];
    parts[COUNT - 1] = TWO_OCTETS;
    parts
}
const IS11172_AUDIO: Part =
    Part::skip(Type::Sequence(&Sequence::new(0, &booleans_then_rate::<9>()).extensible(NO_MORE)));
const IS13818_AUDIO: Part =
    Part::skip(Type::Sequence(&Sequence::new(0, &booleans_then_rate::<21>()).extensible(NO_MORE)));

/// `AudioCapability`.
pub(super) const AUDIO: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        NON_STANDARD,
        // G.711 in four ways, G.722 in three.
        OCTET,
        OCTET,
        OCTET,
        OCTET,
        OCTET,
        OCTET,
        OCTET,
        // G.723.1, then G.728 and G.729.
        Part::skip(Type::Sequence(&Sequence::new(0, &[OCTET, BOOLEAN]))),
        OCTET,
        OCTET,
        OCTET,
        IS11172_AUDIO,
        IS13818_AUDIO,
    ])
    .extensible(Extension::of(8, &[])),
));

/// `DataProtocolCapability`.
pub(super) const DATA_PROTOCOL: Part = Part::skip(Type::Choice(
    &Choice::new(&[NON_STANDARD, NULL, NULL, NULL, NULL, NULL, NULL])
        .extensible(Extension::of(7, &[])),
));
