//! Direct client connections of IRC (kernel `nf_conntrack_irc.c`): a client tells another, through the server, where it waits.
//!
//! ```text
//!   PRIVMSG nick :^ADCC SEND name 167837954 1025 77^A
//!                                 └─ numbers ──┘
//! ```

use super::text::read_number;

/// No more of a segment is looked at.
const SEARCHED: usize = 4095;
const COMMANDS: [&[u8]; 5] = [b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT "];
/// `PRIVMSG x `
const LEAST: usize = 10;
/// ` :^ADCC SEND f AAAAAAAA P^A\n`
const LEAST_DCC: usize = 26;
/// `AAAAAAAA P^A\n`
const LEAST_NUMBERS: usize = 12;

/// What a client announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Where address and port stand, in how many bytes.
    pub(crate) at: usize,
    pub(crate) length: usize,
    /// In host order.
    pub(crate) address: u32,
    pub(crate) port: u16,
}

/// Reads a segment of the client's; `is_own` says whether an address, in host order, may be its.
pub(crate) fn search(segment: &[u8], is_own: impl Fn(u32) -> bool) -> Option<Announced> {
    let text = segment.get(..segment.len().min(SEARCHED))?;
    let mut at = begin(text)?;
    while at + LEAST_DCC < text.len() {
        if !text.get(at..)?.starts_with(b" :") {
            at += 1;
            continue;
        }
        at += 2;
        // Where something else is said, nothing behind it is looked at.
        at += text.get(at..)?.strip_prefix(b"\x01DCC ").map(|_| 5)?;
        for command in COMMANDS {
            if !text.get(at..)?.starts_with(command) {
                continue;
            }
            at += command.len();
            let announced = read(text, at).filter(|found| is_own(found.address) && found.port != 0);
            if announced.is_some() {
                return announced;
            }
        }
    }
    None
}

/// Behind `PRIVMSG `, where there is room for it.
fn begin(text: &[u8]) -> Option<usize> {
    let room = text.len().saturating_sub(LEAST);
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\r' | b'\n');
    let at = text.get(..room)?.iter().take_while(blank).count();
    if at >= room {
        return Some(at);
    }
    let word = text.get(at..at + 8)?;
    word.eq_ignore_ascii_case(b"PRIVMSG ").then_some(at + 8)
}

/// Address and port behind the next blank, where a line ends behind them.
fn read(text: &[u8], from: usize) -> Option<Announced> {
    let rest = text.get(from..)?;
    let blank = rest.iter().position(|byte| *byte == b' ')?;
    // The kernel looks so far and no further.
    if blank > 0 && from + blank > text.len().checked_sub(LEAST_NUMBERS)? {
        return None;
    }
    let at = from + blank + 1;
    let numbers = text.get(at..)?;
    let numbers = numbers.get(..numbers.iter().position(|byte| *byte == b'\n')?)?;
    let (address, digits) = read_number(numbers);
    let blanks = numbers.get(digits..)?.iter().take_while(|byte| **byte == b' ').count();
    let (port, more) = read_number(numbers.get(digits + blanks..)?);
    let length = digits + blanks + more;
    Some(Announced { at, length, address: address as u32, port: port as u16 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: u32 = 0x0a01_0002;

    fn said(text: &str) -> Option<Announced> {
        search(text.as_bytes(), |address| address == OWN)
    }

    fn found(text: &str, numbers: &str, port: u16) {
        let at = text.find(numbers).unwrap();
        let announced = Announced { at, length: numbers.len(), address: OWN, port };
        assert_eq!(said(text), Some(announced), "{text:?}");
    }

    #[test]
    fn addresses_of_the_client_are_found() {
        found("PRIVMSG x :\x01DCC SEND f 167837698 1025 9\x01\r\n", "167837698 1025", 1025);
        found("privmsg x :\x01DCC CHAT chat 167837698 5\x01\n", "167837698 5", 5);
        found(" \r\nPRIVMSG x :\x01DCC TSEND f 167837698  1025\x01\n", "167837698  1025", 1025);
        found("PRIVMSG x :\x01DCC SCHAT f 167837698 1025\x01\n", "167837698 1025", 1025);
    }

    #[test]
    fn others_and_halves_are_not() {
        for text in [
            "PRIVMSG x :\x01DCC SEND f 167837699 1025 9\x01\r\n",
            "PRIVMSG x :\x01DCC SEND f 167837698 0 99999\x01\r\n",
            "PRIVMSG x :\x01DCC SEND f 167837698 1025 9\x01",
            "PRIVMSG x :\x01DCC RESUME f 167837698 1025\x01\n",
            "NOTICE x y :\x01DCC SEND f 167837698 1025 9\x01\n",
            "PRIVMSG x : \x01DCC SEND f 167837698 1025 9\x01\n",
            "PRIVMSG x :hello :\x01DCC SEND f 167837698 1025\x01\n",
            "PRIVMSG x",
            "",
        ] {
            assert_eq!(said(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(
            bytes in prop::collection::vec(
                prop::sample::select(b"PRIVMSG x:\x01DCSEND 12\n".to_vec()), 0..80,
            ),
        ) {
            let with = [b"PRIVMSG x :\x01DCC SEND ", &bytes[..]].concat();
            for text in [&bytes, &with] {
                if let Some(found) = search(text, |_| true) {
                    prop_assert!(found.at + found.length <= text.len() && found.port != 0);
                }
            }
        }
    }
}
