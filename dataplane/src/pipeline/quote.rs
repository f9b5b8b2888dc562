//! The beginning of a packet as it is at one moment of its way, for what is said about it later: rules and translations
//! behind that moment write to the packet.

use crate::address::{Address, V6};
use crate::datagram::{later_payloads, name_after_fragment_header};
use crate::flight::Flight;
use crate::packet::Packet;
use crate::wire::extensions::FRAGMENT_HEADER;
use crate::wire::parse::fragment_data;
use crate::wire::put;

/// As much as fits into a packet of IPv6's smallest MTU, and some.
const MOST: usize = 1280;

/// The bytes of one IPv6 packet, from its header on. The memory is taken at the start.
#[derive(Debug)]
pub(crate) struct Quote {
    bytes: Box<[u8; MOST]>,
    length: usize,
}

impl Default for Quote {
    fn default() -> Self {
        Self { bytes: Box::new([0; MOST]), length: 0 }
    }
}

impl Quote {
    /// Takes the beginning of a packet; of one in fragments, put together.
    pub(super) fn take<A: Address, P: Packet>(&mut self, flight: &Flight<A, P>) {
        self.length = 0;
        self.copy(flight);
    }

    fn copy<A: Address, P: Packet>(&mut self, flight: &Flight<A, P>) -> Option<()> {
        let (data, headers) = (flight.lead.data(), &flight.headers);
        let (l3, end) = (usize::from(headers.l3), usize::from(headers.end));
        if flight.rest.is_empty() {
            self.add(data.get(l3..end)?);
            return Some(());
        }
        let start = usize::from(fragment_data(data, headers));
        let cut = start.checked_sub(usize::from(FRAGMENT_HEADER))?;
        let next = *data.get(cut)?;
        self.add(data.get(l3..cut)?);
        let header = self.length;
        self.add(data.get(start..end)?);
        for piece in later_payloads(&flight.rest, flight.pulled) {
            self.add(piece);
        }
        let payload = u16::try_from(flight.length.saturating_sub(40)).unwrap_or(u16::MAX);
        put(&mut self.bytes[..], 4, &payload.to_be_bytes());
        name_after_fragment_header(&mut self.bytes[..], 0, header, next);
        Some(())
    }

    /// What fits.
    fn add(&mut self, piece: &[u8]) {
        let room = MOST - self.length;
        let piece = piece.get(..room).unwrap_or(piece);
        put(&mut self.bytes[..], self.length, piece);
        self.length += piece.len();
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Source and destination; none where no packet was taken.
    pub(crate) fn ends(&self) -> Option<(V6, V6)> {
        let bytes = self.bytes();
        Some((V6::read(bytes.get(8..)?)?, V6::read(bytes.get(24..)?)?))
    }
}
