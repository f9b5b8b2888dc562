//! Ports that an Amanda server is told (kernel `nf_conntrack_amanda.c`): whoever is asked for a backup says where it waits for
//! the connections that carry it.
//!
//! ```text
//!   … CONNECT DATA 1025 MESG 1026 INDEX 1027
//!                  └──┘      └──┘       └──┘
//! ```

use super::text::read_number;

const STREAMS: [&[u8]; 4] = [b"DATA ", b"MESG ", b"INDEX ", b"STATE "];

/// How many streams there are.
pub(crate) const COUNT: usize = STREAMS.len();

/// Where the port of a stream stands, in how many bytes, and the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) at: usize,
    pub(crate) length: usize,
    pub(crate) port: u16,
}

/// What a message says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, but perhaps of the next.
    Nothing,
    /// Nothing, and nobody looks for the next.
    Odd,
    /// Its port.
    Announced(Announced),
}

/// Looks for the stream of that number.
pub(crate) fn search(message: &[u8], stream: usize) -> Found {
    find(message, stream).unwrap_or(Found::Nothing)
}

fn find(message: &[u8], stream: usize) -> Option<Found> {
    let start = position(message, b"CONNECT ")? + 8;
    let rest = message.get(start..)?;
    let line = rest.get(..position(rest, b"\n")?)?;
    let word = STREAMS.get(stream)?;
    let at = position(line, word)? + word.len();
    let (port, length) = read_number(line.get(at..line.len().min(at + 5))?);
    Some(match port as u16 {
        0 => Found::Odd,
        port => Found::Announced(Announced { at: start + at, length, port }),
    })
}

fn position(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Vec<Option<u16>> {
        let of = |stream| match search(text.as_bytes(), stream) {
            Found::Announced(Announced { at, length, port }) => {
                assert_eq!(text.get(at..at + length).map(str::parse), Some(Ok(port)));
                Some(port)
            }
            Found::Odd => Some(0),
            Found::Nothing => None,
        };
        (0..COUNT).map(of).collect()
    }

    #[test]
    fn the_ports_of_all_streams_are_found() {
        let text = "Amanda 2.5 REP\nCONNECT DATA 1025 MESG 1026 INDEX 1027\nOPTIONS ;\n";
        assert_eq!(ports(text), [Some(1025), Some(1026), Some(1027), None]);
        assert_eq!(ports("CONNECT STATE 5\n"), [None, None, None, Some(5)]);
    }

    #[test]
    fn what_is_not_one_line_of_them_is_passed_over() {
        assert_eq!(ports("CONNECT DATA 1025"), [None; 4]);
        assert_eq!(ports("CONNECT \nDATA 1025\n"), [None; 4]);
        assert_eq!(ports("DATA 1025\n"), [None; 4]);
        assert_eq!(ports("CONNECT DATA 0 MESG x INDEX 65536\n"), [Some(0), Some(0), Some(0), None]);
    }
}
