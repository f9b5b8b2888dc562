//! What H.323 says of connections to come (ITU-T H.225.0, H.245; kernel `nf_conntrack_h323_main.c`): the pure reading of
//! its messages.
//!
//! ```text
//!   TCP 1720 ─ tpkt ─ Q.931 ─ H323-UserInformation ─┬ addresses of Setup, Connect, Facility …
//!                                                   └ H.245 within
//!   TCP, announced ─ tpkt ─ H.245 ─ OpenLogicalChannel, its acknowledgement
//!   UDP 1719 ─ RAS ─ registration, admission, location …
//! ```
//!
//! All of it is ASN.1 in aligned PER: [`reader`] reads it by the tables of [`h225`], [`h245`] and [`ras_types`], and
//! [`signalling`] and [`ras`] keep what matters of what they note. An address is the place where it stands in its message.

mod capability;
mod h225;
mod h235;
mod h245;
mod memory;
mod note;
mod per;
pub(crate) mod ras;
mod ras_types;
mod reader;
pub(crate) mod signalling;
pub(crate) mod tpkt;

pub(crate) use memory::CallMemory;
pub(crate) use note::RasMessage;

use super::text::Text;
use crate::address::{Address, IpVersion};
use note::Note;

/// Where a message has a transport address: the address and, right behind it, two octets of port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) version: IpVersion,
    /// Octets from the beginning of the message.
    pub(crate) at: u16,
}

impl Place {
    /// The one that a note of an address tells of.
    fn of(note: Note, value: u32) -> Option<Self> {
        let version = match note {
            Note::AddressV4 => Some(IpVersion::V4),
            note => (note == Note::AddressV6).then_some(IpVersion::V6),
        }?;
        u16::try_from(value).ok().map(|at| Self { version, at })
    }

    /// The address and port there, where they are of this IP version.
    pub(crate) fn read<A: Address>(self, message: &[u8]) -> Option<(A, u16)> {
        let here = message.get(usize::from(self.at)..).filter(|_| self.version == A::VERSION)?;
        let port = here.get(A::SIZE..)?.first_chunk()?;
        Some((A::read(here)?, u16::from_be_bytes(*port)))
    }
}

/// An address and a port as messages have them.
pub(crate) fn written<A: Address>(address: A, port: u16) -> Text {
    let mut text = Text::new();
    address.bytes().iter().chain(&port.to_be_bytes()).for_each(|byte| text.push(*byte));
    text
}

#[cfg(test)]
mod tests;
