//! An SCTP packet that came in fragments, in one piece: connection tracking reads all of its chunks, wherever they lie.
//! It is read there and nothing is written back.

use super::{Family, Lane};
use crate::flight::Flight;
use crate::packet::Packet;
use crate::wire::parse::Headers;
use crate::wire::protocol::SCTP;

/// What an IP packet can hold.
const MOST: usize = u16::MAX as usize;

/// A packet without its IP header, and headers that describe it.
#[derive(Debug)]
pub(super) struct Joined {
    bytes: Vec<u8>,
    headers: Headers,
}

impl Joined {
    /// The packet in one piece, or what its first frame has of it where no more is needed.
    pub(super) fn or_lead<'d, A: Family, P: Packet>(
        joined: Option<&'d Self>,
        flight: &'d Flight<A, P>,
    ) -> (&'d [u8], &'d Headers) {
        match joined {
            Some(joined) => (&joined.bytes, &joined.headers),
            None => (flight.lead.data(), &flight.headers),
        }
    }
}

/// The memory for one packet at a time, taken at the start.
#[derive(Debug)]
pub(crate) struct Room(Vec<u8>);

impl Default for Room {
    fn default() -> Self {
        Self(Vec::with_capacity(MOST))
    }
}

impl<A: Family> Lane<A> {
    /// The packet in one piece, if it is SCTP in fragments; [give it back](Self::take_back).
    pub(super) fn join<P: Packet>(&mut self, flight: &Flight<A, P>) -> Option<Joined> {
        if flight.rest.is_empty() || flight.headers.protocol != SCTP {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.room.0);
        bytes.clear();
        for piece in flight.layer4_pieces() {
            let left = bytes.capacity() - bytes.len();
            bytes.extend_from_slice(piece.get(..left).unwrap_or(piece));
        }
        let end = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let headers = Headers { l3: 0, l4: 0, end, fragment: None, ..flight.headers };
        Some(Joined { bytes, headers })
    }

    /// Takes the memory of a packet back.
    pub(super) fn take_back(&mut self, joined: Option<Joined>) {
        if let Some(joined) = joined {
            self.room = Room(joined.bytes);
        }
    }
}
