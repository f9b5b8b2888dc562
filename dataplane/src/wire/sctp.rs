//! SCTP packets (RFC 9260 section 3): a common header, and chunks behind it.
//!
//! ```text
//!   | ports 4 | verification tag 4 | CRC-32c 4 | type 1, flags 1, length 2, value … | next chunk …
//! ```

use super::u32_at;

/// Bytes of the common header.
pub const COMMON_HEADER: usize = 12;
/// Where the CRC-32c stands in it.
pub const CHECKSUM: usize = 8;

/// Chunk types (RFC 9260 section 3.2).
pub mod chunk {
    /// Payload data.
    pub const DATA: u8 = 0;
    /// Opens an association.
    pub const INIT: u8 = 1;
    /// Answers INIT.
    pub const INIT_ACK: u8 = 2;
    /// Asks whether the other end is there.
    pub const HEARTBEAT: u8 = 4;
    /// Answers HEARTBEAT.
    pub const HEARTBEAT_ACK: u8 = 5;
    /// Ends an association at once.
    pub const ABORT: u8 = 6;
    /// Begins to end an association.
    pub const SHUTDOWN: u8 = 7;
    /// Answers SHUTDOWN.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Something was wrong.
    pub const ERROR: u8 = 9;
    /// Brings the cookie of an INIT ACK back.
    pub const COOKIE_ECHO: u8 = 10;
    /// Answers COOKIE ECHO.
    pub const COOKIE_ACK: u8 = 11;
    /// Answers SHUTDOWN ACK.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
    /// The T bit among the flags of ABORT and SHUTDOWN COMPLETE: the tag is the one of the other end.
    pub const REFLECTED_TAG: u8 = 1;
}

/// A chunk, as far as its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'d> {
    /// One of [`chunk`], or another.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its bytes with header and without padding, as it says of itself.
    pub length: u16,
    /// All of the packet that follows its header.
    rest: &'d [u8],
}

impl Chunk<'_> {
    /// Of INIT and INIT ACK whose fixed fields are whole: the tag that packets to their sender are to bear.
    #[must_use]
    pub fn initiate_tag(&self) -> Option<u32> {
        self.rest.get(..16).and_then(|fields| u32_at(fields, 0))
    }
}

/// The chunks of the packet `bytes`, common header included. One that is cut short is the last, as is one that says a
/// length of zero.
#[derive(Debug, Clone)]
pub struct Chunks<'d> {
    rest: &'d [u8],
}

impl<'d> Chunks<'d> {
    /// Those of this packet.
    #[must_use]
    pub fn of(bytes: &'d [u8]) -> Self {
        Self { rest: bytes.get(COMMON_HEADER..).unwrap_or_default() }
    }
}

impl<'d> Iterator for Chunks<'d> {
    type Item = Chunk<'d>;

    fn next(&mut self) -> Option<Chunk<'d>> {
        let (&[kind, flags, high, low], rest) = self.rest.split_first_chunk()?;
        let length = u16::from_be_bytes([high, low]);
        let padded = usize::from(length).next_multiple_of(4);
        self.rest = match padded {
            0 => &[],
            padded => self.rest.get(padded..).unwrap_or_default(),
        };
        Some(Chunk { kind, flags, length, rest })
    }
}

/// The verification tag of a packet.
#[must_use]
pub fn verification_tag(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 4)
}

/// The CRC-32c of a packet in pieces as it should be (RFC 9260 section 6.8), the first of which has the common header; it
/// stands in the header with its low byte first.
#[must_use]
pub fn checksum<'d>(first: &[u8], later: impl Iterator<Item = &'d [u8]>) -> Option<u32> {
    let (before, after) = (first.get(..CHECKSUM)?, first.get(COMMON_HEADER..)?);
    let head = crc32c::crc32c_append(crc32c::crc32c(before), &[0; 4]);
    Some(later.fold(crc32c::crc32c_append(head, after), crc32c::crc32c_append))
}

/// What stands in the place of the CRC-32c, read as [`checksum`] is.
#[must_use]
pub fn stated_checksum(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, CHECKSUM).map(u32::swap_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(chunks: &[u8]) -> Vec<u8> {
        Chunks::of(&[&[0; 12], chunks].concat()).map(|chunk| chunk.kind).collect()
    }

    #[test]
    fn chunks_stand_at_multiples_of_four() {
        assert_eq!(kinds(&[0, 3, 0, 5, 9, 0, 0, 0, 6, 1, 0, 4, 11, 0, 0, 4]), [0, 6, 11]);
        assert_eq!(kinds(&[0, 0, 0, 1, 9, 0, 0, 4]), [0, 9], "a length below that of its header");
        assert_eq!(kinds(&[3, 0, 0, 99, 9, 0, 0, 4]), [3], "longer than the packet");
        assert_eq!(kinds(&[3, 0, 0, 0, 9, 0, 0, 4]), [3], "of no length");
        assert_eq!(kinds(&[3, 0, 0, 4, 9, 0, 0]), [3], "cut short");
        assert_eq!(Chunks::of(&[0; 11]).count(), 0);
    }

    #[test]
    fn the_tag_of_an_init_is_read_where_all_of_it_is_there() {
        let packet = [&[0; 12][..], &[1, 0, 0, 20, 1, 2, 3, 4], &[0; 12]].concat();
        let tag = |bytes| Chunks::of(bytes).next().and_then(|chunk| chunk.initiate_tag());
        assert_eq!(tag(&packet), Some(0x0102_0304));
        assert_eq!(tag(&packet[..31]), None);
    }

    #[test]
    fn a_checksum_does_not_see_where_a_packet_was_cut() {
        let bytes: Vec<u8> = (0..64).collect();
        let whole = checksum(&bytes, std::iter::empty());
        let mut zeroed = bytes.clone();
        zeroed[8..12].fill(0);
        assert_eq!(whole, Some(crc32c::crc32c(&zeroed)));
        let (first, later) = bytes.split_at(24);
        assert_eq!(checksum(first, later.chunks(16)), whole);
        assert_eq!(stated_checksum(&bytes), Some(0x0b0a_0908));
        assert_eq!(checksum(&bytes[..11], std::iter::empty()), None);
    }
}
