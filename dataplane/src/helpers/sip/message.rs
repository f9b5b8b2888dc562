//! A message in its packet, and what packets carry: a datagram one, a segment whole ones (kernel `sip_help_udp`,
//! `sip_help_tcp`).

use super::conversation::{Conversation, Facts};
use super::header::{NumberHeader, value};
use super::text::is_at;

use super::{dialog, translation};
use crate::address::Address;
use crate::helpers::text::Text;
use std::ops::Range;

/// "SIP/2.0 200": what is shorter says nothing.
const LEAST: usize = 11;
/// What stands between headers and body.
const EMPTY_LINE: &[u8] = b"\r\n\r\n";

/// The packet is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rejected;

/// What comes of a packet.
pub(crate) type Judged = Result<(), Rejected>;

/// One message.
#[derive(Debug)]
pub(super) struct Message<'c, A, C> {
    pub(super) conversation: &'c mut C,
    pub(super) facts: Facts<A>,
    /// Where it stands in what its packet says.
    place: Range<usize>,
}

impl<A: Address, C: Conversation<A>> Message<'_, A, C> {
    /// What it says.
    pub(super) fn text(&self) -> &[u8] {
        self.conversation.text().get(self.place.clone()).unwrap_or_default()
    }

    /// Replaces some of it; what stands behind moves.
    ///
    /// # Errors
    /// There is no room.
    pub(super) fn replace(&mut self, place: &Range<usize>, by: &Text) -> Judged {
        let (start, by) = (self.place.start, by.as_bytes());
        let replaced = self.conversation.replace(start + place.start..start + place.end, by);
        let end = (self.place.end + by.len()).checked_sub(place.len()).filter(|_| replaced);
        self.place.end = end.ok_or(Rejected)?;
        Ok(())
    }

    fn read(&mut self) -> Judged {
        if is_at(self.text(), 0, b"SIP/2.0 ") {
            dialog::respond(self)?;
        } else {
            dialog::request(self)?;
        }
        match self.facts.translated {
            true => translation::translate(self),
            false => Ok(()),
        }
    }
}

/// Reads a datagram.
///
/// # Errors
/// It is to be dropped.
pub(crate) fn read_datagram<A: Address>(conversation: &mut impl Conversation<A>) -> Judged {
    let length = conversation.text().len();
    if length == 0 {
        return Ok(());
    }
    conversation.keep();
    if length < LEAST {
        return Ok(());
    }
    let facts = conversation.facts();
    Message { conversation, facts, place: 0..length }.read()
}

/// Reads the messages of a segment, as far as it has whole ones. As in the kernel, what is said before one that is cut
/// has moved without its sequence numbers.
///
/// # Errors
/// It is to be dropped.
pub(crate) fn read_segment<A: Address>(conversation: &mut impl Conversation<A>) -> Judged {
    let before = conversation.text().len();
    if before == 0 {
        return Ok(());
    }
    conversation.keep();
    if before < LEAST {
        return Ok(());
    }
    let facts = conversation.facts();
    let mut start = 0;
    while let Some(length) = message_length(conversation.text().get(start..).unwrap_or_default()) {
        let place = start..start.saturating_add(length);
        if place.end > conversation.text().len() {
            return Ok(());
        }
        let mut message = Message { conversation: &mut *conversation, facts, place };
        message.read()?;
        start = message.place.end;
    }
    if facts.translated {
        let grown = (conversation.text().len() as u32).wrapping_sub(before as u32);
        conversation.has_grown(grown);
    }
    Ok(())
}

/// How long the message is that a segment begins with, by its own account; none where it gives none.
fn message_length(text: &[u8]) -> Option<usize> {
    let content = value(text, NumberHeader::ContentLength)?;
    let mut rest = text.get(content.end..)?.windows(EMPTY_LINE.len());
    let headers = content.end + rest.position(|window| window == EMPTY_LINE)?;
    Some((headers + EMPTY_LINE.len()).saturating_add(content.value as usize))
}
