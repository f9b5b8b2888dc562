//! IPv4 options in forwarding: kernel `net/ipv4/ip_options.c`, RFC 1812 section 5.3.13.

use super::parse::Headers;
use super::{checksum, put};
use crate::address::V4;
use crate::drop_reason::DropReason;

const END: u8 = 0;
const NOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const LOOSE_SOURCE_ROUTE: u8 = 0x83;
const STRICT_SOURCE_ROUTE: u8 = 0x89;

/// A malformed option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionError {
    /// Offset of the offending byte in the IP header.
    pub pointer: u8,
}

/// Calls `each` with kind, offset in the frame and length of every option.
fn walk(
    data: &[u8],
    headers: &Headers,
    mut each: impl FnMut(u8, usize, usize) -> Result<(), usize>,
) -> Result<(), OptionError> {
    let (l3, end) = (usize::from(headers.l3), usize::from(headers.l4));
    let error = |at: usize| OptionError { pointer: u8::try_from(at - l3).unwrap_or(u8::MAX) };
    let mut at = l3 + 20;
    while at < end {
        let kind = data.get(at).copied().unwrap_or(END);
        match kind {
            END => return Ok(()),
            NOP => at += 1,
            _ => {
                let length = data.get(at + 1).copied().map_or(0, usize::from);
                if at + 1 >= end || length < 2 || at + length > end {
                    return Err(error(at));
                }
                each(kind, at, length).map_err(error)?;
                at += length;
            }
        }
    }
    Ok(())
}

/// Checks the options of a received packet (kernel `__ip_options_compile`).
///
/// # Errors
/// The byte that is wrong, for a parameter-problem message.
pub fn check_options(data: &[u8], headers: &Headers) -> Result<(), OptionError> {
    walk(data, headers, |kind, at, length| match kind {
        RECORD_ROUTE | LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => {
            if length < 3 {
                return Err(at + 1);
            }
            let pointer = data.get(at + 2).copied().map_or(0, usize::from);
            if pointer < 4 || kind == RECORD_ROUTE && pointer <= length && pointer + 3 > length {
                return Err(at + 2);
            }
            Ok(())
        }
        _ => Ok(()),
    })
}

/// Whether a packet asks to be source-routed.
#[must_use]
pub fn has_source_route(data: &[u8], headers: &Headers) -> bool {
    let mut found = false;
    let walked = walk(data, headers, |kind, _, _| {
        found |= matches!(kind, LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE);
        Ok(())
    });
    walked.is_ok() && found
}

/// Fills in a record route on the way out of the interface that has `own` (kernel
/// `ip_forward_options`).
///
/// # Errors
/// A malformed option.
pub fn forward_options(data: &mut [u8], headers: &Headers, own: V4) -> Result<(), DropReason> {
    let mut place = None;
    walk(data, headers, |kind, at, length| {
        let pointer = data.get(at + 2).copied().map_or(0, usize::from);
        if kind == RECORD_ROUTE && pointer >= 4 && pointer + 3 <= length {
            place = Some((at, pointer));
        }
        Ok(())
    })
    .map_err(|_| DropReason::BadIpOptions)?;
    if let Some((at, pointer)) = place {
        put(data, at + pointer - 1, &own.0);
        put(data, at + 2, &[pointer as u8 + 4]);
        refresh_checksum(data, headers);
    }
    Ok(())
}

/// Computes the IPv4 header checksum anew.
pub fn refresh_checksum(data: &mut [u8], headers: &Headers) {
    let (l3, l4) = (usize::from(headers.l3), usize::from(headers.l4));
    put(data, l3 + 10, &[0, 0]);
    let sum = data.get(l3..l4).map_or(0, checksum::ipv4_header);
    put(data, l3 + 10, &sum.to_be_bytes());
}

/// The header of a later fragment: options without the copied bit become no-operations
/// (kernel `ip_options_fragment`).
pub fn strip_uncopied(data: &mut [u8], headers: &Headers) {
    let mut blank = [(0_usize, 0_usize); 20];
    let mut count = 0;
    let walked = walk(data, headers, |kind, at, length| {
        if kind & 0x80 == 0
            && let Some(slot) = blank.get_mut(count)
        {
            *slot = (at, length);
            count += 1;
        }
        Ok(())
    });
    if walked.is_ok() {
        for &(at, length) in blank.iter().take(count) {
            if let Some(option) = data.get_mut(at..at + length) {
                option.fill(NOP);
            }
        }
    }
}
