//! Headers of a SIP message, and what of them matters (RFC 3261 sections 7.3 and 20; kernel `ct_sip_get_header`).
//!
//! ```text
//!   INVITE sip:bob@192.168.1.9 SIP/2.0        request line
//!   Via: SIP/2.0/UDP 10.1.0.2:5060;rport      endpoint of Via
//!   m: <sip:alice@10.1.0.2>,                  endpoint of Contact, by its compact name
//!    <sip:alice@10.1.0.2:5070>;expires=60     a second one, on a continued line, with a parameter
//! ```

use super::address::{Brackets, Endpoint, read_endpoint, read_host};
use super::text::{
    Number, is_at, is_digit, is_letter, is_newline, next_line, number, search, skip_blanks, span,
};
use crate::address::Address;
use crate::wire::protocol::{TCP, UDP};
use std::ops::Range;

/// A header that is read for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberHeader {
    CallSequence,
    Expires,
    ContentLength,
}

/// A header that is read for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointHeader {
    From,
    To,
    Contact,
    ViaUdp,
    ViaTcp,
}

/// How a header is called.
#[derive(Clone, Copy)]
struct Name {
    long: &'static [u8],
    compact: Option<u8>,
}

impl NumberHeader {
    const fn name(self) -> Name {
        match self {
            Self::CallSequence => Name { long: b"CSeq", compact: None },
            Self::Expires => Name { long: b"Expires", compact: None },
            Self::ContentLength => Name { long: b"Content-Length", compact: Some(b'l') },
        }
    }
}

impl EndpointHeader {
    /// The one of that transport protocol.
    pub(super) const fn via(protocol: u8) -> Self {
        match protocol {
            TCP => Self::ViaTcp,
            _ => Self::ViaUdp,
        }
    }

    const fn name(self) -> Name {
        match self {
            Self::From => Name { long: b"From", compact: Some(b'f') },
            Self::To => Name { long: b"To", compact: Some(b't') },
            Self::Contact => Name { long: b"Contact", compact: Some(b'm') },
            Self::ViaUdp | Self::ViaTcp => Name { long: b"Via", compact: Some(b'v') },
        }
    }

    /// What stands before the endpoint.
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::From | Self::To | Self::Contact => b"sip:",
            Self::ViaUdp => b"UDP ",
            Self::ViaTcp => b"TCP ",
        }
    }

    /// The endpoint at `at`, behind the mark. In a URI a user may stand before it.
    fn read<A: Address>(self, text: &[u8], at: usize) -> Option<Endpoint<A>> {
        match self {
            Self::From | Self::To | Self::Contact => read_endpoint(text, skip_user(text, at)),
            Self::ViaUdp | Self::ViaTcp => read_endpoint(text, at),
        }
    }
}

/// What stands behind the `@` of this line, if it has one.
fn skip_user(text: &[u8], at: usize) -> usize {
    let user = span(text, at, |byte| byte != b'@' && !is_newline(byte));
    match text.get(at + user) {
        Some(b'@') => at + user + 1,
        Some(_) | None => at,
    }
}

/// Where the value begins of the next header of that name on a line behind `from`. As in the kernel, a name that has no
/// colon behind it ends the search.
fn find(text: &[u8], from: usize, name: Name) -> Option<usize> {
    let mut at = from;
    loop {
        let newline = at + span(text, at, |byte| !is_newline(byte));
        let line = next_line(text, newline)?;
        if let Some(behind) = behind_name(text, line, name) {
            let colon = skip_blanks(text, behind).filter(|at| text.get(*at) == Some(&b':'))?;
            return skip_blanks(text, colon + 1).filter(|_| colon + 1 < text.len());
        }
        // The first byte of a line begins no other, be it a newline.
        at = line + 1;
    }
}

fn behind_name(text: &[u8], line: usize, name: Name) -> Option<usize> {
    if is_at(text, line, name.long) {
        return Some(line + name.long.len());
    }
    let is_compact = name.compact.is_some_and(|letter| is_at(text, line, &[letter]));
    let behind = text.get(line + 1).filter(|_| is_compact)?;
    (!is_letter(*behind)).then_some(line + 1)
}

/// The digits that a header begins with.
pub(super) fn digits(text: &[u8], header: NumberHeader) -> Option<Range<usize>> {
    let at = find(text, 0, header.name())?;
    let length = span(text, at, is_digit);
    (length > 0).then_some(at..at + length)
}

/// The number that a header begins with; none where the header is missing or its number too large.
pub(super) fn value(text: &[u8], header: NumberHeader) -> Option<Number> {
    number(text, digits(text, header)?.start)
}

/// How far a walk over all headers of a name has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Walk {
    at: usize,
    /// Whether that is within a header, whose value may be a list.
    in_list: bool,
}

/// The first endpoint that headers of that kind name and that can be read.
pub(super) fn endpoint<A: Address>(text: &[u8], header: EndpointHeader) -> Option<Endpoint<A>> {
    next_endpoint(text, header, &mut Walk::default())
}

/// The next one.
pub(super) fn next_endpoint<A: Address>(
    text: &[u8],
    header: EndpointHeader,
    walk: &mut Walk,
) -> Option<Endpoint<A>> {
    let found = next_in_list(text, header, walk).or_else(|| next_header(text, header, walk))?;
    *walk = Walk { at: found.place.end, in_list: true };
    Some(found)
}

fn next_in_list<A: Address>(
    text: &[u8],
    header: EndpointHeader,
    walk: &mut Walk,
) -> Option<Endpoint<A>> {
    while walk.in_list {
        let marked =
            search(text, walk.at, b",").and_then(|comma| search(text, comma, header.mark()));
        let Some(mark) = marked else { break };
        let at = mark + header.mark().len();
        match header.read(text, at) {
            Some(found) => return Some(found),
            None => walk.at = at,
        }
    }
    None
}

fn next_header<A: Address>(
    text: &[u8],
    header: EndpointHeader,
    walk: &mut Walk,
) -> Option<Endpoint<A>> {
    loop {
        let value = find(text, walk.at, header.name())?;
        let mark = search(text, value, header.mark());
        let found = mark.and_then(|mark| header.read(text, mark + header.mark().len()));
        if found.is_some() {
            return found;
        }
        walk.at = value;
    }
}

/// The endpoint that a request is for.
pub(super) fn requested<A: Address>(text: &[u8]) -> Option<Endpoint<A>> {
    const MARK: &[u8] = b"sip:";
    let method = span(text, 0, is_letter);
    let rest = method + 1;
    let end = rest + span(text, rest, |byte| !is_newline(byte));
    let line = text.get(..end).filter(|_| method > 0)?;
    let mark = (rest..end).find(|at| is_at(line, *at, MARK))?;
    read_endpoint(text, skip_user(text, mark + MARK.len()))
}

/// The parameters behind `at`, as far as the next value of a list.
fn parameters(text: &[u8], at: usize) -> &[u8] {
    let end = search(text, at, b",").unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Where the value of the parameter that `name`, an equals sign included, begins.
fn parameter(text: &[u8], at: usize, name: &[u8]) -> Option<usize> {
    search(text, at, name).map(|found| found + name.len())
}

/// The address that a parameter behind `at` gives, and where that stands.
pub(super) fn address_parameter<A: Address>(
    text: &[u8],
    at: usize,
    name: &[u8],
    brackets: Brackets,
) -> Option<(A, Range<usize>)> {
    let text = parameters(text, at);
    let start = parameter(text, at, name)?;
    let (address, end) = read_host(text, start, brackets)?;
    Some((address, start..end))
}

/// A numeric parameter that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The number that a parameter behind `at` gives, and where that stands; none where there is no such parameter.
///
/// # Errors
/// It is no number.
pub(super) fn number_parameter(
    text: &[u8],
    at: usize,
    name: &[u8],
) -> Result<Option<(u32, Range<usize>)>, Unreadable> {
    let text = parameters(text, at);
    let Some(start) = parameter(text, at, name) else { return Ok(None) };
    let number = number(text, start).ok_or(Unreadable)?;
    Ok(Some((number.value, start..number.end)))
}

/// Whether the contact before `at` is reached by the transport protocol of its connection.
pub(super) fn is_transport(text: &[u8], at: usize, own: u8) -> bool {
    let Some(value) = parameter(parameters(text, at), at, b"transport=") else { return true };
    match own {
        TCP => is_at(text, value, b"TCP"),
        UDP => is_at(text, value, b"UDP"),
        _ => false,
    }
}

/// Whether a message asks for something by that method.
pub(super) fn is_request(text: &[u8], method: &[u8]) -> bool {
    let behind = method.len();
    is_at(text, 0, method)
        && text.get(behind) == Some(&b' ')
        && text.get(behind + 1).is_some_and(|byte| is_letter(*byte))
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
