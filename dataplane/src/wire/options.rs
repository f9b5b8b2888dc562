//! IPv4 options: checked at receive, filled in on the way out, cut down for later fragments.
//! RFC 791 section 3.1, RFC 1812 section 5.3.13, kernel `net/ipv4/ip_options.c`.
//!
//! ```text
//!   | kind | length | pointer | [overflow,flag] | slots ...      pointer counts from 1, at kind
//! ```

use super::parse::Headers;
use super::{checksum, put, u32_at};
use crate::address::V4;
use crate::drop_reason::DropReason;

const END: u8 = 0;
const NOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
/// Commercial security, copied through by the kernel.
const SECURITY_LABEL: u8 = 134;
const LOOSE_SOURCE_ROUTE: u8 = 0x83;
const STRICT_SOURCE_ROUTE: u8 = 0x89;
const ROUTER_ALERT: u8 = 0x94;
/// Flags of the timestamp option: time only, address and time, addresses given by the sender.
const TIME_ONLY: u8 = 0;
const TIME_AND_ADDRESS: u8 = 1;
const PRESPECIFIED: u8 = 3;
/// RFC 791: a timestamp that does not count from midnight UT has its high bit set.
const NON_STANDARD_TIME: u32 = 0x8000_0000;

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
    let (mut routes, mut records, mut stamps) = (0, 0, 0);
    walk(data, headers, |kind, at, length| {
        let option = data.get(at..at + length).unwrap_or_default();
        let (seen, checked) = match kind {
            RECORD_ROUTE => (&mut records, check_record_route(option)),
            TIMESTAMP => (&mut stamps, check_timestamp(option)),
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => (&mut routes, check_source_route(option)),
            ROUTER_ALERT if length < 4 => return Err(at + 1),
            _ => return Ok(()),
        };
        *seen += 1;
        if *seen > 1 {
            return Err(at);
        }
        checked.map_err(|byte| at + byte)
    })
}

fn check_source_route(option: &[u8]) -> Result<(), usize> {
    match option {
        [_, _, pointer, ..] if *pointer >= 4 => Ok(()),
        [_, _, _, ..] => Err(2),
        _ => Err(1),
    }
}

/// Full is fine; half a slot is not.
fn check_record_route(option: &[u8]) -> Result<(), usize> {
    check_source_route(option)?;
    let pointer = option.get(2).copied().map_or(0, usize::from);
    if pointer <= option.len() && pointer + 3 > option.len() { Err(2) } else { Ok(()) }
}

fn check_timestamp(option: &[u8]) -> Result<(), usize> {
    let [_, _, pointer, flags, ..] = option else { return Err(1) };
    let (pointer, flag) = (usize::from(*pointer), flags & 0xf);
    if pointer < 5 {
        return Err(2);
    }
    if pointer > option.len() {
        // Full: the overflow counter counts, and must not itself overflow.
        return if flag != PRESPECIFIED && flags >> 4 == 15 { Err(3) } else { Ok(()) };
    }
    let slot = if matches!(flag, TIME_AND_ADDRESS | PRESPECIFIED) { 8 } else { 4 };
    if pointer + slot - 1 > option.len() { Err(2) } else { Ok(()) }
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

/// [`forward_options_at`] without a clock: a timestamp says that its time is not a standard one.
///
/// # Errors
/// As there.
pub fn forward_options(data: &mut [u8], headers: &Headers, own: V4) -> Result<(), DropReason> {
    forward_options_at(data, headers, own, NON_STANDARD_TIME)
}

/// Fills in record route and timestamp on the way out of the interface that has `own`, at `time`
/// (milliseconds since midnight UT; the high bit says it is some other time), and mends the header
/// checksum (kernel `ip_options_compile` and `ip_forward_options` together). A prespecified timestamp
/// is filled for `own` only.
///
/// # Errors
/// A malformed option, or a source route, which is refused as with `accept_source_route` 0.
pub fn forward_options_at(
    data: &mut [u8],
    headers: &Headers,
    own: V4,
    time: u32,
) -> Result<(), DropReason> {
    check_options(data, headers).map_err(|_| DropReason::BadIpOptions)?;
    let (mut record, mut stamp) = (None, None);
    let mut refused = false;
    let walked = walk(data, headers, |kind, at, length| {
        match kind {
            RECORD_ROUTE => record = Some((at, length)),
            TIMESTAMP => stamp = Some((at, length)),
            LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE => refused = true,
            _ => {}
        }
        Ok(())
    });
    walked.map_err(|_| DropReason::BadIpOptions)?;
    if refused {
        return Err(DropReason::SourceRoute);
    }
    if let Some((at, length)) = record {
        fill_record_route(data, at, length, own);
    }
    if let Some((at, length)) = stamp {
        fill_timestamp(data, at, length, own, time);
    }
    if record.is_some() || stamp.is_some() {
        refresh_checksum(data, headers);
    }
    Ok(())
}

fn fill_record_route(data: &mut [u8], at: usize, length: usize, own: V4) {
    let pointer = data.get(at + 2).copied().unwrap_or(u8::MAX);
    if usize::from(pointer) <= length {
        put(data, at + usize::from(pointer) - 1, &own.0);
        put(data, at + 2, &[pointer.saturating_add(4)]);
    }
}

fn fill_timestamp(data: &mut [u8], at: usize, length: usize, own: V4, time: u32) {
    let Some(&[pointer, flags]) = data.get(at + 2..).and_then(|rest| rest.first_chunk()) else {
        return;
    };
    if usize::from(pointer) > length {
        if flags & 0xf != PRESPECIFIED {
            put(data, at + 3, &[flags.saturating_add(0x10)]);
        }
        return;
    }
    let slot = at + usize::from(pointer) - 1;
    let used = match flags & 0xf {
        TIME_ONLY => {
            put(data, slot, &time.to_be_bytes());
            4
        }
        TIME_AND_ADDRESS => {
            put(data, slot, &own.0);
            put(data, slot + 4, &time.to_be_bytes());
            8
        }
        PRESPECIFIED if u32_at(data, slot) == Some(u32::from_be_bytes(own.0)) => {
            put(data, slot + 4, &time.to_be_bytes());
            8
        }
        _ => 0,
    };
    put(data, at + 2, &[pointer.saturating_add(used)]);
}

/// Leaves of the options what an answer carries back, in the kernel's order (`__ip_options_echo`): record
/// route, timestamp, security label, then zeroes up to a whole word. The header may be shorter afterwards; where it is now.
/// The checksum is left to the caller.
pub fn echo_options(data: &mut [u8], headers: &Headers) -> Headers {
    let mut kept = [END; 40];
    let mut length = 0;
    for wanted in [RECORD_ROUTE, TIMESTAMP, SECURITY_LABEL] {
        // A malformed option ends the walk; what was seen before it counts.
        let _ = walk(data, headers, |kind, at, size| {
            if kind == wanted
                && let (Some(option), Some(room)) =
                    (data.get(at..at + size), kept.get_mut(length..length + size))
            {
                room.copy_from_slice(option);
                length += size;
            }
            Ok(())
        });
    }
    let length = length.next_multiple_of(4);
    let (l3, l4, end) =
        (usize::from(headers.l3), usize::from(headers.l4), usize::from(headers.end));
    let start = l3 + 20 + length;
    if start > l4 || end > data.len() {
        return *headers;
    }
    put(data, l3 + 20, kept.get(..length).unwrap_or_default());
    data.copy_within(l4..end, start);
    let end = end - (l4 - start);
    put(data, l3, &[0x40 | ((20 + length) / 4) as u8]);
    put(data, l3 + 2, &((end - l3) as u16).to_be_bytes());
    Headers { l4: start as u16, end: end as u16, options: length > 0, ..*headers }
}

/// What the kernel makes of the options of a packet it refuses (`__ip_options_compile`, then `__ip_options_echo` and
/// `ip_options_build`).
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    header: [u8; 60],
    length: usize,
    echoed: [u8; 40],
    size: usize,
    recorded: bool,
}

/// Where the option begins that holds a byte of the header.
fn begin_of(header: &[u8], byte: usize) -> usize {
    let mut at = 20;
    while at < byte {
        let length = match header.get(at) {
            Some(&NOP) => 1,
            Some(_) => header.get(at + 1).map_or(0, |length| usize::from(*length)),
            None => 0,
        };
        if length == 0 || at + length > byte {
            break;
        }
        at += length;
    }
    at
}

impl Refused {
    /// Of the packet that `headers` describe; `own` is the address of the gateway that its sender sees.
    #[must_use]
    pub fn read(data: &[u8], headers: &Headers, own: V4) -> Self {
        let mut header = [END; 60];
        let given = data.get(usize::from(headers.l3)..usize::from(headers.l4)).unwrap_or_default();
        let length = given.len().min(header.len());
        put(&mut header, 0, given.get(..length).unwrap_or_default());
        let end = length as u16;
        let alone = Headers { l3: 0, l4: end, end, fragment: None, ..*headers };
        let (mut again, came) = (header, header);
        // What stands before a malformed one has been read.
        let sound = match check_options(&header, &alone) {
            Ok(()) => length,
            Err(OptionError { pointer }) => begin_of(&header, usize::from(pointer)),
        };
        again.get_mut(sound..).unwrap_or_default().fill(END);
        let (mut echoed, mut size) = ([END; 40], 0);
        if forward_options(&mut again, &alone, own).is_ok() {
            put(&mut header, 20, again.get(20..sound).unwrap_or_default());
            let _ = forward_options(&mut again, &alone, own);
            let kept = echo_options(&mut again, &alone);
            size = usize::from(kept.l4).saturating_sub(20);
            put(&mut echoed, 0, again.get(20..20 + size).unwrap_or_default());
        }
        Self { header, length, echoed, size, recorded: header != came }
    }

    /// Whether the gateway has written to it: then its checksum is wrong until it goes on.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// The packet's header, with the gateway's own record in it, and the checksum it had without.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.header.get(..self.length).unwrap_or_default()
    }

    /// The options of what is said about it, whole words of them.
    #[must_use]
    pub fn echoed(&self) -> &[u8] {
        self.echoed.get(..self.size).unwrap_or_default()
    }
}

/// Computes the IPv4 header checksum anew.
pub fn refresh_checksum(data: &mut [u8], headers: &Headers) {
    let (l3, l4) = (usize::from(headers.l3), usize::from(headers.l4));
    put(data, l3 + 10, &[0, 0]);
    let sum = data.get(l3..l4).map_or(0, checksum::ipv4_header);
    put(data, l3 + 10, &sum.to_be_bytes());
}

/// The header of a later fragment: options without the copied bit become no-operations, up to a
/// malformed one (kernel `ip_options_fragment`).
pub fn strip_uncopied(data: &mut [u8], headers: &Headers) {
    let mut blank = [(0_usize, 0_usize); 20];
    let mut count = 0;
    // A malformed option ends the walk; what was seen before it counts.
    let _ = walk(data, headers, |kind, at, length| {
        if kind & 0x80 == 0
            && let Some(slot) = blank.get_mut(count)
        {
            *slot = (at, length);
            count += 1;
        }
        Ok(())
    });
    for &(at, length) in blank.iter().take(count) {
        if let Some(option) = data.get_mut(at..at + length) {
            option.fill(NOP);
        }
    }
}
