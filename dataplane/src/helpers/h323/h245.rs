//! The tables of multimedia control (ITU-T H.245 annex A; kernel `nf_conntrack_h323_types.c`): of channels that are opened,
//! where their media go. What a channel is for is passed over, but for data with a stack of their own.

use super::capability::{AUDIO, DATA_PROTOCOL, NON_STANDARD, VIDEO};
use super::h225::{BOOLEAN, NO_MORE, NULL, OCTET, ROUTE, TWO_OCTETS, list, octets};
use super::note::Note;
use super::per::{Choice, Count, Extension, List, Part, Sequence, Type, Width};

const FEW_OCTETS: Part = Part::skip(Type::Integer(Width::FewOctets(0)));
const OCTETS: Part = Part::skip(Type::Octets(Count::Any));
const NSAP: Part = Part::skip(Type::Octets(Count::Bits(5, 1)));

const fn bits(count: u8) -> Part {
    Part::skip(Type::Integer(Width::Bits(count)))
}

const UNICAST_ADDRESS: Part = Part::read(Type::Choice(
    &Choice::new(&[
        Part::read(Type::Sequence(
            &Sequence::new(
                0,
                &[Part::read(Type::Octets(Count::Fixed(4))).note(Note::AddressV4), TWO_OCTETS],
            )
            .extensible(NO_MORE),
        )),
        // IPX.
        Part::skip(Type::Sequence(
            &Sequence::new(0, &[octets(6), octets(4), octets(2)]).extensible(NO_MORE),
        )),
        Part::read(Type::Sequence(
            &Sequence::new(
                0,
                &[Part::read(Type::Octets(Count::Fixed(16))).note(Note::AddressV6), TWO_OCTETS],
            )
            .extensible(NO_MORE),
        )),
        // NetBIOS.
        octets(16),
        // By a source route.
        Part::skip(Type::Sequence(
            &Sequence::new(
                0,
                &[
                    Part::skip(Type::Choice(&Choice::new(&[NULL, NULL]))),
                    octets(4),
                    TWO_OCTETS,
                    ROUTE,
                ],
            )
            .extensible(NO_MORE),
        )),
    ])
    .extensible(Extension::of(2, &[])),
));
const MULTICAST_ADDRESS: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        Part::skip(Type::Sequence(&Sequence::new(0, &[octets(4), TWO_OCTETS]).extensible(NO_MORE))),
        Part::skip(Type::Sequence(
            &Sequence::new(0, &[octets(16), TWO_OCTETS]).extensible(NO_MORE),
        )),
    ])
    .extensible(Extension::of(2, &[])),
));
/// `TransportAddress` of H.245.
const TRANSPORT_ADDRESS: Part = Part::read(Type::Choice(
    &Choice::new(&[UNICAST_ADDRESS, MULTICAST_ADDRESS]).extensible(NO_MORE),
));
const MEDIA: Part = TRANSPORT_ADDRESS.note(Note::Media);

const H222_PARAMETERS: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        3,
        &[TWO_OCTETS, TWO_OCTETS, TWO_OCTETS.optional(), OCTETS.optional(), OCTETS.optional()],
    )
    .extensible(NO_MORE),
));
const H223_PARAMETERS: Part =
    Part::skip(Type::Sequence(&Sequence::new(0, &[ADAPTATION_LAYER, BOOLEAN]).extensible(NO_MORE)));
const ADAPTATION_LAYER: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        NON_STANDARD,
        NULL,
        NULL,
        NULL,
        NULL,
        Part::skip(Type::Sequence(&Sequence::new(0, &[bits(2), FEW_OCTETS]))),
    ])
    .extensible(Extension::of(3, &[])),
));
const THREE_WAYS: Part = Part::skip(Type::Choice(&Choice::new(&[NULL; 3]).extensible(NO_MORE)));
const V76_PARAMETERS: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        0,
        &[
            Part::skip(Type::Sequence(
                &Sequence::new(0, &[THREE_WAYS, TWO_OCTETS, BOOLEAN]).extensible(NO_MORE),
            )),
            THREE_WAYS,
            BOOLEAN,
            Part::skip(Type::Choice(
                &Choice::new(&[
                    Part::skip(Type::Sequence(
                        &Sequence::new(0, &[bits(7), THREE_WAYS]).extensible(NO_MORE),
                    )),
                    NULL,
                ])
                .extensible(NO_MORE),
            )),
            Part::skip(Type::Sequence(&Sequence::new(0, &[BOOLEAN]).extensible(NO_MORE))),
        ],
    )
    .extensible(NO_MORE),
));

/// `H2250LogicalChannelParameters`, which are read as far as the channel for the control of the media.
const H2250_PARAMETERS: Part = Part::read(Type::Sequence(
    &Sequence::new(
        10,
        &[
            list(&List { item: NON_STANDARD, open: false, most: 0 }).optional(),
            OCTET,
            bits(8).optional(),
            MEDIA.optional(),
            BOOLEAN.optional(),
            MEDIA.optional(),
            Part::STOP,
        ],
    )
    .extensible(NO_MORE),
));
const H2250_ACKNOWLEDGEMENT: Part = Part::read(Type::Sequence(
    &Sequence::new(
        5,
        &[
            list(&List { item: NON_STANDARD, open: false, most: 0 }).optional(),
            bits(8).optional(),
            MEDIA.optional(),
            MEDIA.optional(),
            bits(5).optional(),
        ],
    )
    .extensible(Extension::of(2, &[])),
));

const DATA_APPLICATION: Part = Part::read(Type::Choice(
    &Choice::new(&[
        NON_STANDARD,
        T120,
        DATA_PROTOCOL,
        DATA_PROTOCOL,
        // T.84.
        Part::skip(Type::Sequence(&Sequence::new(0, &[DATA_PROTOCOL, T84_PROFILE]))),
        DATA_PROTOCOL,
        DATA_PROTOCOL,
        // Known by its NLPID.
        Part::skip(Type::Sequence(&Sequence::new(0, &[DATA_PROTOCOL, OCTETS]))),
        NULL,
        DATA_PROTOCOL,
    ])
    .extensible(Extension::of(4, &[])),
));
const T120: Part = Part::read(Type::Choice(
    &Choice::new(&[NON_STANDARD, NULL, NULL, NULL, NULL, NULL, NULL])
        .extensible(Extension::of(7, &[(3, NULL.note(Note::SeparateStack))])),
));
const T84_PROFILE: Part = Part::skip(Type::Choice(&Choice::new(&[
    NULL,
    Part::skip(Type::Sequence(&Sequence::new(0, &[BOOLEAN; 19]).extensible(NO_MORE))),
])));

const DATA: Part = Part::read(Type::Sequence(
    &Sequence::new(0, &[DATA_APPLICATION, FEW_OCTETS]).extensible(NO_MORE),
));
const ENCRYPTION: Part =
    Part::skip(Type::Choice(&Choice::new(&[NON_STANDARD, NULL]).extensible(NO_MORE)));
const DATA_TYPE_CHOICE: Choice = Choice::new(&[NON_STANDARD, NULL, VIDEO, AUDIO, DATA, ENCRYPTION])
    .extensible(Extension::of(3, &[]));

const FORWARD_PARAMETERS: Part = Part::read(Type::Sequence(
    &Sequence::new(
        1,
        &[
            TWO_OCTETS.optional(),
            Part::read(Type::Choice(&DATA_TYPE_CHOICE)),
            Part::read(Type::Choice(
                &Choice::new(&[H222_PARAMETERS, H223_PARAMETERS, V76_PARAMETERS])
                    .extensible(Extension::of(2, &[(0, H2250_PARAMETERS)])),
            )),
        ],
    )
    .extensible(Extension::of(2, &[])),
));
const REVERSE_PARAMETERS: Part = Part::read(Type::Sequence(
    &Sequence::new(
        1,
        &[
            Part::skip(Type::Choice(&DATA_TYPE_CHOICE)),
            Part::read(Type::Choice(
                &Choice::new(&[H223_PARAMETERS, V76_PARAMETERS])
                    .extensible(Extension::of(1, &[(0, H2250_PARAMETERS)])),
            ))
            .optional(),
        ],
    )
    .extensible(Extension::of(2, &[])),
));

/// `NetworkAccessParameters`: where a separate stack is.
const SEPARATE_STACK: Part = Part::read(Type::Sequence(
    &Sequence::new(
        2,
        &[
            Part::skip(Type::Choice(&Choice::new(&[NULL, NULL]).extensible(NO_MORE))).optional(),
            Part::read(Type::Choice(
                &Choice::new(&[
                    Q2931_ADDRESS,
                    Part::skip(Type::Digits(Count::Bits(7, 1))),
                    TRANSPORT_ADDRESS.note(Note::Data),
                ])
                .extensible(NO_MORE),
            )),
            BOOLEAN,
            Part::skip(Type::Octets(Count::Bits(8, 1))).optional(),
        ],
    )
    .extensible(Extension::of(1, &[])),
));
const Q2931_ADDRESS: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        1,
        &[
            Part::skip(Type::Choice(
                &Choice::new(&[Part::skip(Type::Digits(Count::Bits(4, 1))), NSAP])
                    .extensible(NO_MORE),
            )),
            NSAP.optional(),
        ],
    )
    .extensible(NO_MORE),
));

/// `OpenLogicalChannel`.
pub(super) const OPEN_LOGICAL_CHANNEL: Part = Part::read(Type::Sequence(
    &Sequence::new(1, &[TWO_OCTETS, FORWARD_PARAMETERS, REVERSE_PARAMETERS.optional()])
        .extensible(Extension::of(2, &[(0, SEPARATE_STACK)]).stops_at(1)),
))
.note(Note::OpenChannel);

const OPEN_LOGICAL_CHANNEL_ACK: Part = Part::read(Type::Sequence(
    &Sequence::new(1, &[TWO_OCTETS, REVERSE_ACKNOWLEDGEMENT.optional()]).extensible(
        Extension::of(3, &[(0, SEPARATE_STACK), (1, FORWARD_ACKNOWLEDGEMENT)]).stops_at(2),
    ),
))
.note(Note::AcknowledgedChannel);
const REVERSE_ACKNOWLEDGEMENT: Part = Part::read(Type::Sequence(
    &Sequence::new(
        2,
        &[
            TWO_OCTETS,
            TWO_OCTETS.optional(),
            Part::read(Type::Choice(
                &Choice::new(&[H222_PARAMETERS])
                    .extensible(Extension::of(1, &[(0, H2250_PARAMETERS)])),
            ))
            .optional(),
        ],
    )
    .extensible(Extension::of(1, &[])),
));
const FORWARD_ACKNOWLEDGEMENT: Part =
    Part::read(Type::Choice(&Choice::new(&[H2250_ACKNOWLEDGEMENT]).extensible(NO_MORE)));

const fn all_stop_but<const COUNT: usize>(number: usize, part: Part) -> [Part; COUNT] {
    let mut parts = [Part::STOP; COUNT];
    parts[number] = part;
    parts
}

const REQUEST: Part = Part::read(Type::Choice(
    &Choice::new(&all_stop_but::<11>(3, OPEN_LOGICAL_CHANNEL))
        .extensible(Extension::of(4, &[]).stops_at(0)),
));
const RESPONSE: Part = Part::read(Type::Choice(
    &Choice::new(&all_stop_but::<19>(5, OPEN_LOGICAL_CHANNEL_ACK))
        .extensible(Extension::of(5, &[]).stops_at(0)),
));

/// `MultimediaSystemControlMessage`: commands and indications open nothing.
pub(super) const CONTROL_MESSAGE: Part = Part::read(Type::Choice(
    &Choice::new(&[REQUEST, RESPONSE, Part::STOP, Part::STOP]).extensible(NO_MORE),
));
