//! What a message says of its ends, as each of them knows the other (kernel `nf_nat_sip`): request URI, Via and its
//! parameters (RFC 3261 section 18, RFC 3581), Contact, From and To.

use super::address::{Brackets, Endpoint};
use super::conversation::Conversation;
use super::header::{
    EndpointHeader, Walk, address_parameter, endpoint, next_endpoint, number_parameter, requested,
};
use super::message::{Judged, Message};
use super::text::is_at;
use super::written;
use crate::address::{Address, L4Port};
use crate::conntrack::Direction;
use crate::helpers::text::Text;
use crate::wire::protocol::UDP;
use std::ops::Range;

/// Ports below are not believed.
const LEAST_PORT: u16 = 1024;

/// Translates a message of a translated connection.
pub(super) fn translate<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    let is_request = !is_at(message.text(), 0, b"SIP/2.0");
    if is_request && let Some(requested) = requested(message.text()) {
        translate_endpoint(message, &requested)?;
    }
    translate_via(message, is_request)?;
    translate_contacts(message)?;
    for header in [EndpointHeader::From, EndpointHeader::To] {
        if let Some(found) = endpoint(message.text(), header) {
            translate_endpoint(message, &found)?;
        }
    }
    let (facts, listens) = (message.facts, message.conversation.memory().listens);
    let redirected = facts.direction == Direction::Reply && listens != L4Port::default();
    if redirected && facts.own.protocol == UDP {
        message.conversation.redirect(listens);
    }
    Ok(())
}

/// Writes an endpoint of this connection as the receiver of the message knows it. Others stay.
fn translate_endpoint<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    found: &Endpoint<A>,
) -> Judged {
    let (own, other) = (message.facts.own, message.facts.other);
    let said = (found.address, found.port);
    let known = if said == (own.source, own.source_port) {
        (other.destination, other.destination_port)
    } else if said == (own.destination, own.destination_port) {
        let listens = message.conversation.memory().listens;
        let is_known = listens != L4Port::default();
        (other.source, if is_known { listens } else { other.source_port })
    } else {
        return Ok(());
    };
    if known == said {
        return Ok(());
    }
    let (address, port) = known;
    message.replace(&found.place, &written::endpoint(address, port))
}

/// The topmost Via, where it is of this connection's client.
fn translate_via<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    is_request: bool,
) -> Judged {
    let own = message.facts.own;
    let header = EndpointHeader::via(own.protocol);
    let Some(via) = endpoint::<A>(message.text(), header) else { return Ok(()) };
    let client = match is_request {
        true => (own.source, own.source_port),
        false => (own.destination, own.destination_port),
    };
    if (via.address, via.port) != client {
        return Ok(());
    }
    let before = message.text().len();
    translate_endpoint(message, &via)?;
    let end = (via.place.end + message.text().len()).saturating_sub(before);
    if let Some((place, text)) = where_to_answer(message, end) {
        message.replace(&place, &text)?;
    }
    if let Some((place, text)) = whom_it_came_from(message, end) {
        message.replace(&place, &text)?;
    }
    match which_port_it_came_from(message, end) {
        Some((place, text)) => message.replace(&place, &text),
        None => Ok(()),
    }
}

/// `maddr`: where the client wants the answer.
fn where_to_answer<A: Address, C: Conversation<A>>(
    message: &Message<'_, A, C>,
    at: usize,
) -> Option<(Range<usize>, Text)> {
    let (said, known) = (message.facts.own.source, message.facts.other.destination);
    let (address, place) = address_parameter::<A>(message.text(), at, b"maddr=", Brackets::Needed)?;
    (address == said && address != known).then(|| (place, written::host(known)))
}

/// `received`: whom the server has got the request from.
fn whom_it_came_from<A: Address, C: Conversation<A>>(
    message: &Message<'_, A, C>,
    at: usize,
) -> Option<(Range<usize>, Text)> {
    let (said, known) = (message.facts.own.destination, message.facts.other.source);
    let (address, place) =
        address_parameter::<A>(message.text(), at, b"received=", Brackets::Allowed)?;
    (address == said && address != known).then(|| (place, written::address(known)))
}

/// `rport`: and from which port.
fn which_port_it_came_from<A: Address, C: Conversation<A>>(
    message: &Message<'_, A, C>,
    at: usize,
) -> Option<(Range<usize>, Text)> {
    let (own, other) = (message.facts.own.destination_port, message.facts.other.source_port);
    let (port, place) = number_parameter(message.text(), at, b"rport=").ok()??;
    let port = u16::try_from(port).ok().filter(|port| *port >= LEAST_PORT)?;
    let differs = port == own.get() && port != other.get();
    differs.then(|| (place, written::number(other.get().into())))
}

/// All of them; but as in the kernel, what follows in a list is looked for where it stood before the last one was written.
fn translate_contacts<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    let mut walk = Walk::default();
    while let Some(contact) = next_endpoint(message.text(), EndpointHeader::Contact, &mut walk) {
        translate_endpoint(message, &contact)?;
    }
    Ok(())
}
