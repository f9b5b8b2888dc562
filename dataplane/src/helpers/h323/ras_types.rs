//! The tables of registration, admission and status (ITU-T H.225.0 annex H; kernel `nf_conntrack_h323_types.c`). Most
//! messages are read no further than their addresses.

use super::h225::{
    ALIASES, BOOLEAN, CALL_TYPE, ENDPOINT_TYPE, NO_MORE, NON_STANDARD, NULL, PROTOCOL_IDENTIFIER,
    TRANSPORT_ADDRESS, TWO_OCTETS, VENDOR,
};
use super::note::{Note, RasMessage};
use super::per::{Choice, Count, Extension, List, Part, Sequence, Type, Width};

const SEQUENCE_NUMBER: Part = TWO_OCTETS;
const IDENTIFIER: Part = Part::skip(Type::WideText(Count::Bits(7, 1)));
const CALL_MODEL: Part = Part::skip(Type::Choice(&Choice::new(&[NULL, NULL]).extensible(NO_MORE)));
const RAS_ADDRESS: Part = TRANSPORT_ADDRESS.note(Note::RasAddress);
const RAS_ADDRESSES: Part =
    Part::read(Type::List(&List { item: RAS_ADDRESS, open: false, most: 10 }));
const SIGNAL_ADDRESS: Part = TRANSPORT_ADDRESS.note(Note::SignalAddress);
const SIGNAL_ADDRESSES: Part =
    Part::read(Type::List(&List { item: SIGNAL_ADDRESS, open: false, most: 10 }));
/// In seconds.
const TIME_TO_LIVE: Part = Part::read(Type::Integer(Width::FewOctets(1))).note(Note::TimeToLive);

const fn message(which: RasMessage, sequence: &'static Sequence) -> Part {
    Part::read(Type::Sequence(sequence)).note(Note::Ras(which))
}

const GATEKEEPER_REQUEST: Part = message(
    RasMessage::GatekeeperRequest,
    &Sequence::new(
        4,
        &[SEQUENCE_NUMBER, PROTOCOL_IDENTIFIER, NON_STANDARD.optional(), RAS_ADDRESS, Part::STOP],
    )
    .extensible(NO_MORE),
);

const GATEKEEPER_CONFIRM: Part = message(
    RasMessage::GatekeeperConfirm,
    &Sequence::new(
        2,
        &[
            SEQUENCE_NUMBER,
            PROTOCOL_IDENTIFIER,
            NON_STANDARD.optional(),
            IDENTIFIER.optional(),
            RAS_ADDRESS,
        ],
    )
    .extensible(Extension::of(9, &[]).stops_at(0)),
);

const REGISTRATION_REQUEST: Part = message(
    RasMessage::RegistrationRequest,
    &Sequence::new(
        3,
        &[
            SEQUENCE_NUMBER,
            PROTOCOL_IDENTIFIER,
            NON_STANDARD.optional(),
            // Whether a gatekeeper has been found.
            BOOLEAN,
            SIGNAL_ADDRESSES,
            RAS_ADDRESSES,
            ENDPOINT_TYPE,
            ALIASES.optional(),
            IDENTIFIER.optional(),
            VENDOR,
        ],
    )
    .extensible(Extension::of(21, &[(1, TIME_TO_LIVE)]).stops_at(2)),
);

const REGISTRATION_CONFIRM: Part = message(
    RasMessage::RegistrationConfirm,
    &Sequence::new(
        3,
        &[
            SEQUENCE_NUMBER,
            PROTOCOL_IDENTIFIER,
            NON_STANDARD.optional(),
            SIGNAL_ADDRESSES,
            ALIASES.optional(),
            IDENTIFIER.optional(),
            IDENTIFIER,
        ],
    )
    .extensible(Extension::of(17, &[(1, TIME_TO_LIVE)]).stops_at(2)),
);

const UNREGISTRATION_REQUEST: Part = message(
    RasMessage::UnregistrationRequest,
    &Sequence::new(3, &[SEQUENCE_NUMBER, SIGNAL_ADDRESSES, Part::STOP]).extensible(NO_MORE),
);

const ADMISSION_REQUEST: Part = message(
    RasMessage::AdmissionRequest,
    &Sequence::new(
        7,
        &[
            SEQUENCE_NUMBER,
            CALL_TYPE,
            CALL_MODEL.optional(),
            IDENTIFIER,
            ALIASES.optional(),
            TRANSPORT_ADDRESS.note(Note::CallDestination).optional(),
            ALIASES.optional(),
            ALIASES,
            TRANSPORT_ADDRESS.note(Note::CallSource).optional(),
            Part::STOP,
        ],
    )
    .extensible(NO_MORE),
);

const ADMISSION_CONFIRM: Part = message(
    RasMessage::AdmissionConfirm,
    &Sequence::new(
        2,
        &[
            SEQUENCE_NUMBER,
            // The bandwidth.
            Part::skip(Type::Integer(Width::FewOctets(0))),
            CALL_MODEL,
            SIGNAL_ADDRESS,
            Part::STOP,
        ],
    )
    .extensible(NO_MORE),
);

const LOCATION_REQUEST: Part = message(
    RasMessage::LocationRequest,
    &Sequence::new(
        2,
        &[SEQUENCE_NUMBER, IDENTIFIER.optional(), ALIASES, NON_STANDARD.optional(), RAS_ADDRESS],
    )
    .extensible(Extension::of(12, &[]).stops_at(0)),
);

const LOCATION_CONFIRM: Part = message(
    RasMessage::LocationConfirm,
    &Sequence::new(1, &[SEQUENCE_NUMBER, SIGNAL_ADDRESS, RAS_ADDRESS, Part::STOP])
        .extensible(NO_MORE),
);

const INFO_REQUEST_RESPONSE: Part = message(
    RasMessage::InfoRequestResponse,
    &Sequence::new(
        3,
        &[
            NON_STANDARD.optional(),
            SEQUENCE_NUMBER,
            ENDPOINT_TYPE,
            IDENTIFIER,
            RAS_ADDRESS,
            SIGNAL_ADDRESSES,
            Part::STOP,
        ],
    )
    .extensible(NO_MORE),
);

/// `RasMessage`. Refusals and all the others announce nothing.
pub(super) const RAS_MESSAGE: Part = Part::read(Type::Choice(
    &Choice::new(&[
        GATEKEEPER_REQUEST,
        GATEKEEPER_CONFIRM,
        Part::STOP,
        REGISTRATION_REQUEST,
        REGISTRATION_CONFIRM,
        Part::STOP,
        UNREGISTRATION_REQUEST,
        Part::STOP,
        Part::STOP,
        ADMISSION_REQUEST,
        ADMISSION_CONFIRM,
        Part::STOP,
        // Bandwidth and disengagement.
        Part::STOP,
        Part::STOP,
        Part::STOP,
        Part::STOP,
        Part::STOP,
        Part::STOP,
        LOCATION_REQUEST,
        LOCATION_CONFIRM,
        Part::STOP,
        Part::STOP,
        INFO_REQUEST_RESPONSE,
        Part::STOP,
    ])
    .extensible(Extension::of(8, &[]).stops_at(0)),
));
