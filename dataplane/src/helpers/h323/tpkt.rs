//! Messages in a TCP segment, each behind a TPKT header (RFC 1006 section 6; kernel `get_tpkt_data`).
//!
//! ```text
//!   03 00 length │ message │ 03 00 length │ message        one or several in a segment
//!   03 00 length │                                         or a header alone, its message in the next
//! ```
//!
//! Whatever is cut otherwise is not read.

use std::ops::Range;

const HEADER: usize = 4;

/// The first message of a segment. `awaited`: how many octets the header alone that this direction has sent before
/// promised; what it promises now.
pub(crate) fn first(data: &[u8], awaited: &mut u16) -> Option<Range<usize>> {
    let Some(length) = length_of(data) else {
        let promised = usize::from(*awaited);
        *awaited = 0;
        return (promised > 0 && promised <= data.len()).then_some(0..promised);
    };
    let is_alone = data.len() == HEADER;
    *awaited = match length.checked_sub(HEADER) {
        Some(promised) if is_alone => promised as u16,
        Some(_) | None => 0,
    };
    whole(data, 0, length)
}

/// The message behind that at `before`.
pub(crate) fn next(data: &[u8], before: &Range<usize>) -> Option<Range<usize>> {
    let rest = data.get(before.end..)?;
    // A header alone behind a message is none.
    let length = length_of(rest).filter(|_| rest.len() > HEADER)?;
    whole(data, before.end, length)
}

/// What a header says, itself included.
fn length_of(data: &[u8]) -> Option<usize> {
    match data.first_chunk()? {
        [3, 0, high, low] => Some(u16::from_be_bytes([*high, *low]).into()),
        [_, _, _, _] => None,
    }
}

/// A message that is there to its end.
fn whole(data: &[u8], start: usize, length: usize) -> Option<Range<usize>> {
    let is_whole = length >= HEADER && start + length <= data.len();
    is_whole.then_some(start + HEADER..start + length)
}
