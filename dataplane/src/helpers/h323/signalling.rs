//! What messages of call signalling (Q.931 with H.225.0) and multimedia control (H.245) announce.

use super::Place;
use super::h225::USER_INFORMATION;
use super::h245::CONTROL_MESSAGE;
use super::note::Note;
use super::reader::{Noted, Unreadable, read};

/// The protocol discriminator of call control (ITU-T Q.931 section 4.2).
const CALL_CONTROL: u8 = 0x08;
/// The element that holds messages of H.225.0 (H.225.0 section 7.2.2.31): two octets of length, a discriminator.
const USER_USER: u8 = 0x7e;

/// What an address in a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A connection for H.245 is expected there.
    H245,
    /// Whom the call is signalled to, and by whom.
    DestinationSignal,
    SourceSignal,
    /// Where the call is forwarded to.
    Forwarded,
    /// Media or their control.
    Media,
    /// Data (T.120).
    Data,
}

/// Addresses of thirty channels of `fastStart` and four of H.245 within, five each, and three of the message itself.
const MOST: usize = 34 * 5 + 3;

/// What a message announces, in the order in which it counts.
#[derive(Debug)]
pub(crate) struct Announced {
    count: usize,
    places: [Option<(Role, Place)>; MOST],
}

impl Announced {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Role, Place)> {
        self.places.iter().take(self.count).filter_map(|place| *place)
    }
}

/// Reads a message of Q.931.
///
/// # Errors
/// It has no User-User element, or that cannot be read.
pub(crate) fn read_q931(message: &[u8]) -> Result<Announced, Unreadable> {
    let (start, end) = user_user(message).ok_or(Unreadable)?;
    let message = message.get(..end).ok_or(Unreadable)?;
    let mut gathered = Gathered::new();
    read(message, start, &USER_INFORMATION, &mut gathered)?;
    Ok(gathered.finish())
}

/// Reads a message of H.245.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_h245(message: &[u8]) -> Result<Announced, Unreadable> {
    let mut gathered = Gathered::new();
    read(message, 0, &CONTROL_MESSAGE, &mut gathered)?;
    Ok(gathered.finish())
}

/// From where to where what the User-User element holds stands (kernel `DecodeQ931`).
fn user_user(message: &[u8]) -> Option<(usize, usize)> {
    let (CALL_CONTROL, rest) = message.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    let mut rest = behind_length(rest)?;
    // The message's type, and where the next octet has its highest bit set, that too.
    rest = rest.get(1..)?;
    if rest.first()? & 0x80 != 0 {
        rest = rest.get(1..)?;
    }
    loop {
        let (element, behind) = rest.split_first()?;
        if *element != USER_USER {
            rest = behind_length(behind)?;
            continue;
        }
        let (length, held) = behind.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let start = message.len() - held.len();
        let is_there = 1 <= length && length <= held.len();
        return is_there.then_some((start + 1, start + length));
    }
}

/// What stands behind octets with their number in front.
fn behind_length(data: &[u8]) -> Option<&[u8]> {
    let (length, rest) = data.split_first()?;
    rest.get(usize::from(*length)..)
}

/// What has been noted of a message so far.
struct Gathered {
    announced: Announced,
    /// What the next address is for.
    role: Role,
    /// Counts where the call turns out to be forwarded.
    alternative: Option<Place>,
    /// Only that counts then, up to H.245 within.
    forwarded: bool,
    /// The data of the channel go over a stack of their own.
    has_stack: bool,
    /// It counts when the channel is at its end, as that of an acknowledgement stands in front of the media.
    stack: Option<Place>,
}

impl Gathered {
    const fn new() -> Self {
        Self {
            announced: Announced { count: 0, places: [None; MOST] },
            role: Role::H245,
            alternative: None,
            forwarded: false,
            has_stack: false,
            stack: None,
        }
    }

    fn push(&mut self, role: Role, place: Place) {
        let announced = &mut self.announced;
        if let Some(free) = announced.places.get_mut(announced.count) {
            *free = Some((role, place));
            announced.count += 1;
        }
    }

    fn address(&mut self, place: Place) {
        match self.role {
            Role::Forwarded => self.alternative = Some(place),
            Role::Data => self.stack = Some(place).filter(|_| self.has_stack),
            Role::H245 | Role::DestinationSignal | Role::SourceSignal | Role::Media => {
                if !self.forwarded {
                    self.push(self.role, place);
                }
            }
        }
    }

    fn end_channel(&mut self) {
        if let Some(stack) = self.stack.take()
            && !self.forwarded
        {
            self.push(Role::Data, stack);
        }
    }

    fn finish(mut self) -> Announced {
        self.end_channel();
        self.announced
    }
}

impl Noted for Gathered {
    fn noted(&mut self, note: Note, value: u32) {
        if let Some(place) = Place::of(note, value) {
            return self.address(place);
        }
        match note {
            Note::H245Address => self.role = Role::H245,
            Note::DestinationSignal => self.role = Role::DestinationSignal,
            Note::SourceSignal => self.role = Role::SourceSignal,
            Note::Alternative => self.role = Role::Forwarded,
            Note::Media => self.role = Role::Media,
            Note::Data => self.role = Role::Data,
            Note::CallForwarded => {
                self.forwarded = true;
                if let Some(place) = self.alternative {
                    self.push(Role::Forwarded, place);
                }
            }
            Note::Tunnelled => {
                self.end_channel();
                self.forwarded = false;
            }
            Note::OpenChannel | Note::AcknowledgedChannel => {
                self.end_channel();
                // What is acknowledged has been asked for.
                self.has_stack = note == Note::AcknowledgedChannel;
            }
            Note::SeparateStack => self.has_stack = true,
            Note::AddressV4
            | Note::AddressV6
            | Note::Ras(_)
            | Note::RasAddress
            | Note::SignalAddress
            | Note::CallDestination
            | Note::CallSource
            | Note::TimeToLive => {}
        }
    }
}
