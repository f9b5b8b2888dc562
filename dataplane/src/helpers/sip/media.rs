//! Media that a session description announces: RTP at an even port, RTCP at the one above (RFC 3550 section 11; kernel
//! `process_sdp`, `set_expected_rtp_rtcp`, `nf_nat_sdp_media`).

use super::conversation::{Announced, Conversation, Refusal};
use super::header::{NumberHeader, digits};
use super::message::{Judged, Message, Rejected};
use super::sdp::{self, Class, Line};
use super::text::number;
use super::written;
use crate::address::{Address, L4Port};
use crate::wire::protocol::UDP;
use std::ops::Range;

/// So many media of a description are looked at.
const MOST: usize = 3;
/// Ports below are no media's.
const LEAST_PORT: u32 = 1024;

/// What one line of media announces.
struct Stream<A> {
    class: Class,
    /// Where its port stands.
    place: Range<usize>,
    address: A,
    port: u16,
}

/// A session description, if the message has one.
pub(super) fn describe<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    let Some(start) = sdp::version(message.text()) else { return Ok(()) };
    let session = sdp::address::<A>(message.text(), start, Line::Connection).map(|found| found.0);
    let mut address = session;
    let (mut at, mut count) = (start, 0);
    while let Some(media) = sdp::media(message.text(), at).filter(|_| count < MOST) {
        at = media.port.start;
        let Some(class) = media.class else {
            at = media.port.end;
            continue;
        };
        let port = number(message.text(), at).map_or(0, |port| port.value);
        if port == 0 {
            continue;
        }
        let port = u16::try_from(port).ok().filter(|_| port >= LEAST_PORT).ok_or(Rejected)?;
        let own = sdp::address::<A>(message.text(), at, Line::Connection).map(|found| found.0);
        let stated = own.or(session).ok_or(Rejected)?;
        let mut stream = Stream { class, place: media.port, address: stated, port };
        expect(message, &mut stream)?;
        address = Some(stream.address);
        if own.is_some() && message.facts.translated {
            replace_address(message, at, Line::Connection, stream.address)?;
            mend_length(message)?;
        }
        count += 1;
    }
    match address.filter(|_| message.facts.translated) {
        Some(address) => replace_session(message, start, address),
        None => Ok(()),
    }
}

/// Expects a stream, which comes from the other end of the signalling connection and goes to this one.
fn expect<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    stream: &mut Stream<A>,
) -> Judged {
    let facts = message.facts;
    if stream.address != facts.own.source {
        return Ok(());
    }
    let source = facts.other.source;
    let mut to = (stream.address, L4Port::new(stream.port));
    let (mut direct, mut known) = (false, false);
    while let Some(behind) = announced_alike(message, source, to, stream.class) {
        // As in the kernel, one that is not translated leads to zeros.
        let behind = behind.unwrap_or_default();
        known = direct || behind == to || !facts.translated;
        if known {
            break;
        }
        (direct, to, stream.address) = (true, behind, behind.0);
    }
    let port = to.1.get() & !1;
    if direct {
        replace_port(message, &stream.place, port)?;
    }
    if known {
        return Ok(());
    }
    let announced = Announced {
        class: stream.class,
        protocol: UDP,
        source,
        destination: stream.address,
        port: L4Port::new(port),
        behind: None,
    };
    match facts.translated && !direct {
        true => expect_translated(message, stream, announced),
        false => expect_as_it_is(message, announced),
    }
}

/// Whether another connection with this helper has announced the same; and where that goes behind its translation. Both
/// ends of a call may be known to one translator: then their media go from one to the other.
fn announced_alike<A: Address, C: Conversation<A>>(
    message: &Message<'_, A, C>,
    source: A,
    to: (A, L4Port),
    class: Class,
) -> Option<Option<(A, L4Port)>> {
    let known = message.conversation.known(source, to)?;
    (!known.own && known.alike && known.class == class).then_some(known.behind)
}

/// RTCP of a pair.
fn with_port<A: Address>(rtp: &Announced<A>, port: u16) -> Announced<A> {
    Announced { port: L4Port::new(port), ..*rtp }
}

/// Without translation it does not matter who has announced the same.
fn expect_as_it_is<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    rtp: Announced<A>,
) -> Judged {
    let rtcp = with_port(&rtp, rtp.port.get() | 1);
    let first = message.conversation.announce(&rtp);
    if matches!(first, Err(Refusal::Clash | Refusal::Full)) {
        return Err(Rejected);
    }
    match message.conversation.announce(&rtcp) {
        Ok(()) | Err(Refusal::Already) => Ok(()),
        Err(Refusal::Clash | Refusal::Full) => {
            if first.is_ok() {
                message.conversation.withdraw();
            }
            Err(Rejected)
        }
    }
}

/// Expects a pair as the other end will send it: to the address that it knows, at the same ports or others above.
fn expect_translated<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    stream: &mut Stream<A>,
    announced: Announced<A>,
) -> Judged {
    let (own, other) = (message.facts.own, message.facts.other);
    if own.source != other.destination {
        stream.address = other.destination;
    }
    let (inside, wanted) = (announced.destination, announced.port.get());
    let seen = |port: u16, wanted: u16| Announced {
        destination: stream.address,
        port: L4Port::new(port),
        behind: Some((inside, L4Port::new(wanted))),
        ..announced
    };
    let mut port = wanted;
    while let Err(refusal) =
        announce_pair(message, &seen(port, wanted), &seen(port | 1, wanted | 1))
    {
        match refusal {
            Refusal::Clash => port = port.checked_add(2).ok_or(Rejected)?,
            Refusal::Already | Refusal::Full => return Err(Rejected),
        }
    }
    if port != wanted && replace_port(message, &stream.place, port).is_err() {
        message.conversation.withdraw();
        message.conversation.withdraw();
        return Err(Rejected);
    }
    Ok(())
}

fn announce_pair<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    rtp: &Announced<A>,
    rtcp: &Announced<A>,
) -> Result<(), Refusal> {
    message.conversation.announce(rtp)?;
    let second = message.conversation.announce(rtcp);
    if second.is_err() {
        message.conversation.withdraw();
    }
    second
}

fn replace_port<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    place: &Range<usize>,
    port: u16,
) -> Judged {
    message.replace(place, &written::number(port.into()))?;
    mend_length(message)
}

/// Writes an address into the next line of that kind.
fn replace_address<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    from: usize,
    line: Line,
    address: A,
) -> Judged {
    let (_, place) = sdp::address::<A>(message.text(), from, line).ok_or(Rejected)?;
    message.replace(&place, &written::address(address))
}

/// Writes into owner and connection of the session where its last media go. A session need not have a connection.
fn replace_session<A: Address, C: Conversation<A>>(
    message: &mut Message<'_, A, C>,
    start: usize,
    address: A,
) -> Judged {
    replace_address(message, start, Line::Owner, address)?;
    if let Some((_, place)) = sdp::address::<A>(message.text(), start, Line::Connection) {
        message.replace(&place, &written::address(address))?;
    }
    mend_length(message)
}

/// Content-Length is what follows from the description's beginning on.
fn mend_length<A: Address, C: Conversation<A>>(message: &mut Message<'_, A, C>) -> Judged {
    let text = message.text();
    let version = sdp::version(text).ok_or(Rejected)?;
    let length = u32::try_from(text.len() - version + b"v=".len()).map_err(|_| Rejected)?;
    let place = digits(text, NumberHeader::ContentLength).ok_or(Rejected)?;
    message.replace(&place, &written::number(length))
}
