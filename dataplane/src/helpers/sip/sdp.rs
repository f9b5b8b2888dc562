//! Session descriptions in a SIP message (RFC 4566; kernel `ct_sip_get_sdp_header`).
//!
//! ```text
//!   v=0
//!   o=alice 1 1 IN IP4 10.1.0.2       owner
//!   c=IN IP4 10.1.0.2                 connection: where media go, of the session
//!   m=audio 4000 RTP/AVP 0            media: kind and port
//!   c=IN IP4 10.1.0.3                 and of one of its media
//! ```

use super::address::read;
use super::text::{is_at, is_digit, is_letter, is_newline, next_line, search_line, span};
use crate::address::{Address, IpVersion};
use std::ops::Range;

/// A line of a description that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Version,
    Owner,
    Connection,
    Media,
}

impl Line {
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Version => b"v=",
            Self::Owner => b"o=",
            Self::Connection => b"c=",
            Self::Media => b"m=",
        }
    }
}

/// What is expected of a connection to come (kernel `sip_expectation_classes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A call.
    Signalling,
    /// Media of a call.
    Audio,
    Video,
    Image,
}

impl Class {
    /// As connection tracking counts them.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Signalling => 0,
            Self::Audio => 1,
            Self::Video => 2,
            Self::Image => 3,
        }
    }

    /// The one of that number.
    pub(crate) const fn numbered(number: u8) -> Self {
        match number {
            0 => Self::Signalling,
            1 => Self::Audio,
            2 => Self::Video,
            _ => Self::Image,
        }
    }
}

/// What a media line announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Media {
    /// None where nobody knows that kind.
    pub(super) class: Option<Class>,
    /// Where its port stands; of an unknown kind, all that is read of the line.
    pub(super) port: Range<usize>,
}

/// Where the value begins of the next line of that kind behind `from`, and before any line `until`.
fn find(text: &[u8], from: usize, line: Line, until: Option<Line>) -> Option<usize> {
    let mut at = from;
    loop {
        let newline = at + span(text, at, |byte| !is_newline(byte));
        let start = next_line(text, newline)?;
        if until.is_some_and(|until| is_at(text, start, until.name())) {
            return None;
        }
        if is_at(text, start, line.name()) {
            return Some(start + line.name().len());
        }
        at = start + 1;
    }
}

/// Where the version of a description stands, with which it begins.
pub(super) fn version(text: &[u8]) -> Option<usize> {
    let at = find(text, 0, Line::Version, None)?;
    (span(text, at, is_digit) > 0).then_some(at)
}

/// The address in the next line of that kind behind `from` and before the next media line, and where it stands.
pub(super) fn address<A: Address>(
    text: &[u8],
    from: usize,
    line: Line,
) -> Option<(A, Range<usize>)> {
    let mark: &[u8] = match A::VERSION {
        IpVersion::V4 => b"IN IP4 ",
        IpVersion::V6 => b"IN IP6 ",
    };
    let value = find(text, from, line, Some(Line::Media))?;
    let start = search_line(text, value, mark)? + mark.len();
    let (address, end) = read(text, start)?;
    Some((address, start..end))
}

/// The next media behind `from`.
pub(super) fn media(text: &[u8], from: usize) -> Option<Media> {
    let start = find(text, from, Line::Media, None)?;
    let blank = start + span(text, start, is_letter);
    if text.get(blank) != Some(&b' ') {
        return None;
    }
    let port = blank + 1..blank + 1 + span(text, blank + 1, is_digit);
    let class = match text.get(start..port.start)? {
        b"audio " => Some(Class::Audio),
        b"video " => Some(Class::Video),
        b"image " => Some(Class::Image),
        _ => None,
    };
    Some(Media { class, port })
}
