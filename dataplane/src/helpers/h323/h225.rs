//! The tables of call signalling (ITU-T H.225.0 annex H; kernel `nf_conntrack_h323_types.c`): what is read of the messages
//! that a User-User element of Q.931 holds, as far as the kernel reads it.

use super::h235::{CRYPTO_TOKENS, H245_SECURITY, TOKENS};
use super::h245::{CONTROL_MESSAGE, OPEN_LOGICAL_CHANNEL};
use super::note::Note;
use super::per::{Choice, Count, Extension, List, Part, Sequence, Type, Width};

pub(super) const NULL: Part = Part::skip(Type::Null);
pub(super) const BOOLEAN: Part = Part::skip(Type::Boolean);
pub(super) const OCTET: Part = Part::skip(Type::Integer(Width::Octet));
pub(super) const TWO_OCTETS: Part = Part::skip(Type::Integer(Width::TwoOctets));
pub(super) const PROTOCOL_IDENTIFIER: Part = Part::skip(Type::ObjectIdentifier);
pub(super) const NO_MORE: Extension = Extension::of(0, &[]);

pub(super) const fn octets(count: u8) -> Part {
    Part::skip(Type::Octets(Count::Fixed(count)))
}

pub(super) const fn list(items: &'static List) -> Part {
    Part::skip(Type::List(items))
}

const H221_NON_STANDARD: Part =
    Part::skip(Type::Sequence(&Sequence::new(0, &[OCTET, OCTET, TWO_OCTETS]).extensible(NO_MORE)));
const NON_STANDARD_IDENTIFIER: Part = Part::skip(Type::Choice(
    &Choice::new(&[Part::skip(Type::ObjectIdentifier), H221_NON_STANDARD]).extensible(NO_MORE),
));
/// `NonStandardParameter`.
pub(super) const NON_STANDARD: Part = Part::skip(Type::Sequence(&Sequence::new(
    0,
    &[NON_STANDARD_IDENTIFIER, Part::skip(Type::Octets(Count::Any))],
)));

/// `TransportAddress`.
pub(super) const TRANSPORT_ADDRESS: Part = Part::read(Type::Choice(
    &Choice::new(&[
        Part::read(Type::Sequence(&Sequence::new(
            0,
            &[Part::read(Type::Octets(Count::Fixed(4))).note(Note::AddressV4), TWO_OCTETS],
        ))),
        // By a source route.
        Part::skip(Type::Sequence(
            &Sequence::new(0, &[octets(4), TWO_OCTETS, ROUTE, ROUTING]).extensible(NO_MORE),
        )),
        // IPX.
        Part::skip(Type::Sequence(&Sequence::new(0, &[octets(6), octets(4), octets(2)]))),
        Part::read(Type::Sequence(
            &Sequence::new(
                0,
                &[Part::read(Type::Octets(Count::Fixed(16))).note(Note::AddressV6), TWO_OCTETS],
            )
            .extensible(NO_MORE),
        )),
        // NetBIOS, NSAP.
        octets(16),
        Part::skip(Type::Octets(Count::Bits(5, 1))),
        NON_STANDARD,
    ])
    .extensible(NO_MORE),
));
pub(super) const ROUTE: Part = list(&List { item: octets(4), open: false, most: 0 });
const ROUTING: Part = Part::skip(Type::Choice(&Choice::new(&[NULL, NULL]).extensible(NO_MORE)));

/// `AliasAddress`: digits or a name; what came later is passed over.
pub(super) const ALIAS_ADDRESS: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        Part::skip(Type::Digits(Count::Bits(7, 1))),
        Part::skip(Type::WideText(Count::Octet(1))),
    ])
    .extensible(Extension::of(5, &[])),
));
/// `SEQUENCE OF AliasAddress`.
pub(super) const ALIASES: Part = list(&List { item: ALIAS_ADDRESS, open: false, most: 0 });

const TEXT: Part = Part::skip(Type::Octets(Count::Octet(1)));
/// `VendorIdentifier`.
pub(super) const VENDOR: Part = Part::skip(Type::Sequence(
    &Sequence::new(2, &[H221_NON_STANDARD, TEXT.optional(), TEXT.optional()]).extensible(NO_MORE),
));

const CAPABILITIES: Part = Part::skip(Type::Sequence(
    &Sequence::new(1, &[NON_STANDARD.optional()]).extensible(Extension::of(2, &[])),
));
const SUPPORTED_PROTOCOL: Part = Part::skip(Type::Choice(
    &Choice::new(&[
        NON_STANDARD,
        // H.310, H.320 to H.324, voice and T.120.
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
        CAPABILITIES,
    ])
    .extensible(Extension::of(2, &[])),
));
const GATEWAY: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        2,
        &[
            list(&List { item: SUPPORTED_PROTOCOL, open: false, most: 0 }).optional(),
            NON_STANDARD.optional(),
        ],
    )
    .extensible(NO_MORE),
));
/// A gatekeeper or terminal, of which nothing is said but what is not standard.
const PLAIN: Part =
    Part::skip(Type::Sequence(&Sequence::new(1, &[NON_STANDARD.optional()]).extensible(NO_MORE)));
const CONFERENCE_UNIT: Part = Part::skip(Type::Sequence(
    &Sequence::new(1, &[NON_STANDARD.optional()]).extensible(Extension::of(1, &[])),
));
/// `EndpointType`.
pub(super) const ENDPOINT_TYPE: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        6,
        &[
            NON_STANDARD.optional(),
            VENDOR.optional(),
            PLAIN.optional(),
            GATEWAY.optional(),
            CONFERENCE_UNIT.optional(),
            PLAIN.optional(),
            BOOLEAN,
            BOOLEAN,
        ],
    )
    .extensible(Extension::of(2, &[])),
));

/// `CallType`.
pub(super) const CALL_TYPE: Part =
    Part::skip(Type::Choice(&Choice::new(&[NULL; 4]).extensible(NO_MORE)));

const H245_ADDRESS: Part = TRANSPORT_ADDRESS.note(Note::H245Address);
/// `fastStart`: at most thirty channels.
const FAST_START: Part =
    Part::read(Type::List(&List { item: OPEN_LOGICAL_CHANNEL, open: true, most: 30 }));

const SETUP: Part = Part::read(Type::Sequence(
    &Sequence::new(
        7,
        &[
            PROTOCOL_IDENTIFIER,
            H245_ADDRESS.optional(),
            ALIASES.optional(),
            ENDPOINT_TYPE,
            ALIASES.optional(),
            TRANSPORT_ADDRESS.note(Note::DestinationSignal).optional(),
            ALIASES.optional(),
            list(&List { item: TWO_OCTETS, open: false, most: 0 }).optional(),
            BOOLEAN,
            // The conference and what is wanted of it.
            octets(16),
            Part::skip(Type::Choice(&Choice::new(&[NULL; 3]).extensible(Extension::of(2, &[])))),
            CALL_SERVICES.optional(),
            CALL_TYPE,
        ],
    )
    .extensible(
        Extension::of(26, &[(0, TRANSPORT_ADDRESS.note(Note::SourceSignal)), (6, FAST_START)])
            .stops_at(9),
    ),
));
const CALL_SERVICES: Part = Part::skip(Type::Sequence(
    &Sequence::new(
        0,
        &[
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            BOOLEAN,
            Part::skip(Type::Sequence(&Sequence::new(0, &[BOOLEAN, BOOLEAN]).extensible(NO_MORE))),
        ],
    )
    .extensible(NO_MORE),
));

/// CallProceeding and Alerting begin alike.
const PROCEEDING: Sequence =
    Sequence::new(1, &[PROTOCOL_IDENTIFIER, ENDPOINT_TYPE, H245_ADDRESS.optional()]);
const CALL_PROCEEDING: Part =
    Part::read(Type::Sequence(&PROCEEDING.extensible(Extension::of(9, &[(4, FAST_START)]))));
const ALERTING: Part =
    Part::read(Type::Sequence(&PROCEEDING.extensible(Extension::of(14, &[(4, FAST_START)]))));

const CONNECT: Part = Part::read(Type::Sequence(
    &Sequence::new(1, &[PROTOCOL_IDENTIFIER, H245_ADDRESS.optional(), ENDPOINT_TYPE, octets(16)])
        .extensible(Extension::of(15, &[(4, FAST_START)])),
));

const INFORMATION: Part = Part::skip(Type::Sequence(
    &Sequence::new(0, &[PROTOCOL_IDENTIFIER]).extensible(Extension::of(6, &[])),
));

const RELEASE_COMPLETE: Part = Part::skip(Type::Sequence(
    &Sequence::new(1, &[PROTOCOL_IDENTIFIER, RELEASE_REASON.optional()])
        .extensible(Extension::of(9, &[])),
));
const RELEASE_REASON: Part =
    Part::skip(Type::Choice(&Choice::new(&[NULL; 12]).extensible(Extension::of(10, &[]))));

const FACILITY: Part = Part::read(Type::Sequence(
    &Sequence::new(
        3,
        &[
            PROTOCOL_IDENTIFIER,
            TRANSPORT_ADDRESS.note(Note::Alternative).optional(),
            ALIASES.optional(),
            octets(16).optional(),
            FACILITY_REASON,
        ],
    )
    .extensible(Extension::of(16, &[(6, H245_ADDRESS), (7, FAST_START)])),
));
const FACILITY_REASON: Part = Part::read(Type::Choice(
    &Choice::new(&[NULL, NULL.note(Note::CallForwarded), NULL, NULL])
        .extensible(Extension::of(7, &[])),
));

const PROGRESS: Part = Part::read(Type::Sequence(
    &Sequence::new(
        5,
        &[
            PROTOCOL_IDENTIFIER,
            ENDPOINT_TYPE,
            H245_ADDRESS.optional(),
            // The call.
            Part::skip(Type::Sequence(&Sequence::new(0, &[octets(16)]).extensible(NO_MORE))),
            H245_SECURITY.optional(),
            TOKENS.optional(),
            CRYPTO_TOKENS.optional(),
            FAST_START.optional(),
        ],
    )
    .extensible(Extension::of(3, &[])),
));

const MESSAGE_BODY: Part = Part::read(Type::Choice(
    &Choice::new(&[
        SETUP,
        CALL_PROCEEDING,
        CONNECT,
        ALERTING,
        INFORMATION,
        RELEASE_COMPLETE,
        FACILITY,
    ])
    .extensible(Extension::of(6, &[(0, PROGRESS)])),
));

/// H.245 messages within, at most four.
const H245_CONTROL: Part =
    Part::read(Type::List(&List { item: CONTROL_MESSAGE, open: true, most: 4 }));

/// `H323-UserInformation`.
pub(super) const USER_INFORMATION: Part = Part::read(Type::Sequence(
    &Sequence::new(
        1,
        &[
            Part::read(Type::Sequence(
                &Sequence::new(1, &[MESSAGE_BODY, NON_STANDARD.optional()]).extensible(
                    Extension::of(9, &[(2, H245_CONTROL.note(Note::Tunnelled))]).stops_at(3),
                ),
            )),
            // The user's own data.
            Part::STOP,
        ],
    )
    .extensible(NO_MORE),
));
