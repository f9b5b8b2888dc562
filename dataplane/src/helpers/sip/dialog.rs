//! What requests and responses mean to a connection (RFC 3261; kernel `process_sip_request`, `process_sip_response`).
//!
//! ```text
//!   REGISTER ─> a call may come to the contact, once the registrar consents: 200 ─> until it expires
//!   INVITE … 200, UPDATE, PRACK, ACK ─> media may come to where their descriptions say
//!   BYE, a refusal ─> no more
//! ```

use super::conversation::{Announced, Conversation, Memory, Refusal};
use super::header::{
    EndpointHeader, NumberHeader, Walk, digits, endpoint, is_request, is_transport, next_endpoint,
    number_parameter, value,
};
use super::media;
use super::message::{Judged, Message, Rejected};
use super::sdp::Class;
use super::text::{is_at, number};
use super::written;
use crate::address::{Address, L4Port};

/// A method that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Invite,
    Update,
    Acknowledge,
    AcknowledgeProvisionally,
    Bye,
    Register,
}

const METHODS: [(Method, &[u8]); 6] = [
    (Method::Invite, b"INVITE"),
    (Method::Update, b"UPDATE"),
    (Method::Acknowledge, b"ACK"),
    (Method::AcknowledgeProvisionally, b"PRACK"),
    (Method::Bye, b"BYE"),
    (Method::Register, b"REGISTER"),
];

/// What kind of response it is (RFC 3261 section 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 1xx.
    Pending,
    /// 2xx.
    Success,
    Failure,
}

impl Outcome {
    const fn of(code: u32) -> Self {
        match code {
            100..=199 => Self::Pending,
            200..=299 => Self::Success,
            _ => Self::Failure,
        }
    }
}

/// A request.
pub(super) fn request<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    note_listening_port(message);
    let text = message.text();
    let Some((method, _)) = METHODS.iter().find(|(_, word)| is_request(text, word)) else {
        return Ok(());
    };
    let sequence = value(text, NumberHeader::CallSequence).ok_or(Rejected)?.value;
    match method {
        Method::Invite => invite(message, sequence),
        Method::Update | Method::Acknowledge | Method::AcknowledgeProvisionally => {
            media::describe(message)
        }
        Method::Bye => {
            message.conversation.forget_media();
            Ok(())
        }
        Method::Register => register(message, sequence),
    }
}

/// A response; CSeq says to what.
pub(super) fn respond<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    const CODE: usize = b"SIP/2.0 ".len();
    let text = message.text();
    if text.len() < CODE + 3 {
        return Ok(());
    }
    let code = number(text, CODE).filter(|code| code.value != 0).ok_or(Rejected)?.value;
    let at = digits(text, NumberHeader::CallSequence).ok_or(Rejected)?;
    let sequence = number(text, at.start).ok_or(Rejected)?.value;
    let named = METHODS.iter().find(|(_, word)| is_at(text, at.end + 1, word));
    let outcome = Outcome::of(code);
    match named.map(|(method, _)| method) {
        Some(Method::Invite | Method::Update | Method::AcknowledgeProvisionally) => {
            call_answered(message, sequence, outcome)
        }
        Some(Method::Register) => registered(message, sequence, outcome),
        Some(Method::Acknowledge | Method::Bye) | None => Ok(()),
    }
}

/// Some phones send from a port of their own and listen at the one they write into Via.
fn note_listening_port<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) {
    let own = message.facts.own;
    if let Some(via) = endpoint::<A>(message.text(), EndpointHeader::ViaUdp)
        && via.port != own.source_port
        && via.address == own.source
    {
        let memory = message.conversation.memory();
        message.conversation.remember(Memory { listens: via.port, ..memory });
    }
}

fn invite<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    sequence: u32,
) -> Judged {
    message.conversation.forget_media();
    media::describe(message)?;
    let memory = message.conversation.memory();
    message.conversation.remember(Memory { invite: sequence, ..memory });
    Ok(())
}

fn call_answered<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    sequence: u32,
    outcome: Outcome,
) -> Judged {
    match outcome {
        Outcome::Pending | Outcome::Success => media::describe(message)?,
        Outcome::Failure if message.conversation.memory().invite == sequence => {
            message.conversation.forget_media();
        }
        Outcome::Failure => {}
    }
    Ok(())
}

/// A phone registers its contact: calls may come from the registrar, once that agrees. What was expected itself registers
/// nothing, nor does anybody for others.
fn register<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    sequence: u32,
) -> Judged {
    let (facts, text) = (message.facts, message.text());
    if facts.expected {
        return Ok(());
    }
    let Some(contact) = endpoint::<A>(text, EndpointHeader::Contact) else { return Ok(()) };
    let end = contact.place.end;
    if contact.address != facts.own.source || !is_transport(text, end, facts.own.protocol) {
        return Ok(());
    }
    if expiry(text, end)? != 0 {
        let mut announced = Announced {
            class: Class::Signalling,
            protocol: facts.own.protocol,
            source: facts.other.source,
            destination: contact.address,
            port: contact.port,
            behind: None,
        };
        if facts.translated {
            announce_translated(message, &mut announced)?;
            if announced.behind != Some((announced.destination, announced.port)) {
                let text = written::endpoint(announced.destination, announced.port);
                if message.replace(&contact.place, &text).is_err() {
                    message.conversation.withdraw();
                    return Err(Rejected);
                }
            }
        } else {
            message.conversation.announce(&announced).map_err(reject)?;
        }
    }
    let memory = message.conversation.memory();
    message.conversation.remember(Memory { register: sequence, ..memory });
    Ok(())
}

/// For how many seconds the contact before `at` is registered; zero ends that. Its own parameter counts, then the header.
fn expiry(text: &[u8], at: usize) -> Result<u32, Rejected> {
    match number_parameter(text, at, b"expires=") {
        Ok(Some((seconds, _))) => Ok(seconds),
        Ok(None) => Ok(value(text, NumberHeader::Expires).map_or(0, |seconds| seconds.value)),
        Err(_) => Err(Rejected),
    }
}

/// Announces a call as the registrar will make it: to the address and, if that is possible, the port that it knows.
fn announce_translated<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    announced: &mut Announced<A>,
) -> Judged {
    let (own, other) = (message.facts.own, message.facts.other);
    announced.behind = Some((announced.destination, announced.port));
    if own.source != other.destination {
        announced.destination = other.destination;
    }
    let listens = message.conversation.memory().listens;
    let listens = if listens == L4Port::default() { own.source_port } else { listens };
    if announced.port == listens {
        announced.port = other.destination_port;
    }
    announced.port = message.conversation.announce_somewhere(announced).map_err(reject)?;
    Ok(())
}

/// The registrar agrees, or not. Late answers to earlier requests count for nothing.
fn registered<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    sequence: u32,
    outcome: Outcome,
) -> Judged {
    if message.conversation.memory().register != sequence {
        return Ok(());
    }
    let confirmed = match outcome {
        Outcome::Pending => return Ok(()),
        Outcome::Success => confirm(message)?,
        Outcome::Failure => false,
    };
    if !confirmed {
        message.conversation.forget_signalling();
    }
    Ok(())
}

/// Whether one of the contacts that the registrar lists is the one that was announced.
fn confirm<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
) -> Result<bool, Rejected> {
    let own = message.facts.own;
    let mut walk = Walk::default();
    while let Some(contact) = next_endpoint::<A>(message.text(), EndpointHeader::Contact, &mut walk)
    {
        let (text, end) = (message.text(), contact.place.end);
        if contact.address != own.destination || !is_transport(text, end, own.protocol) {
            continue;
        }
        let seconds = expiry(text, end)?;
        if seconds == 0 {
            break;
        }
        let to = (contact.address, contact.port);
        if message.conversation.confirm_signalling(own.protocol, to, seconds) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn reject(_: Refusal) -> Rejected {
    Rejected
}
