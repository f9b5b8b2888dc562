//! What messages of registration, admission and status (RAS, H.225.0 section 7) announce.

use super::Place;
use super::note::{Note, RasMessage};
use super::ras_types::RAS_MESSAGE;
use super::reader::{Noted, Unreadable, read};

/// How many addresses of a list count.
const MOST: usize = 10;

/// Addresses that a message lists; none stands for one that is of no IP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Addresses {
    count: usize,
    places: [Option<Place>; MOST],
}

impl Addresses {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<Place>> {
        self.places.iter().take(self.count).copied()
    }

    /// The first, where it is of an IP version.
    pub(crate) fn first(&self) -> Option<Place> {
        self.iter().next().flatten()
    }

    const fn begin(&mut self) {
        self.count += 1;
    }

    /// The latest that has begun is at `place`.
    fn set(&mut self, place: Place) {
        if let Some(latest) = self.count.checked_sub(1).and_then(|last| self.places.get_mut(last)) {
            *latest = Some(place);
        }
    }
}

/// A message and what it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ras {
    pub(crate) message: RasMessage,
    /// Where its sender is asked.
    pub(crate) asked: Addresses,
    /// Where calls are signalled to.
    pub(crate) signal: Addresses,
    /// Whom a call goes to.
    pub(crate) destination: Option<Place>,
    /// Whence it comes.
    pub(crate) source: Option<Place>,
    /// How many seconds a registration lasts.
    pub(crate) time_to_live: Option<u32>,
}

/// Reads a message; none where it says nothing of connections to come.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read_ras(message: &[u8]) -> Result<Option<Ras>, Unreadable> {
    let mut gathered = Gathered { ras: None, list: Listed::Asked };
    read(message, 0, &RAS_MESSAGE, &mut gathered)?;
    Ok(gathered.ras)
}

/// Where an address belongs.
enum Listed {
    Asked,
    Signal,
    Destination,
    Source,
}

struct Gathered {
    ras: Option<Ras>,
    /// Where the next address belongs.
    list: Listed,
}

impl Noted for Gathered {
    fn noted(&mut self, note: Note, value: u32) {
        if let Note::Ras(message) = note {
            let (asked, signal) = (Addresses::default(), Addresses::default());
            let (destination, source, time_to_live) = (None, None, None);
            self.ras = Some(Ras { message, asked, signal, destination, source, time_to_live });
        }
        let Some(ras) = &mut self.ras else { return };
        if let Some(place) = Place::of(note, value) {
            match self.list {
                Listed::Asked => ras.asked.set(place),
                Listed::Signal => ras.signal.set(place),
                Listed::Destination => ras.destination = Some(place),
                Listed::Source => ras.source = Some(place),
            }
        }
        match note {
            Note::RasAddress => {
                ras.asked.begin();
                self.list = Listed::Asked;
            }
            Note::SignalAddress => {
                ras.signal.begin();
                self.list = Listed::Signal;
            }
            Note::CallDestination => self.list = Listed::Destination,
            Note::CallSource => self.list = Listed::Source,
            Note::TimeToLive => ras.time_to_live = Some(value),
            Note::AddressV4
            | Note::AddressV6
            | Note::H245Address
            | Note::DestinationSignal
            | Note::SourceSignal
            | Note::Alternative
            | Note::CallForwarded
            | Note::Tunnelled
            | Note::OpenChannel
            | Note::AcknowledgedChannel
            | Note::Media
            | Note::SeparateStack
            | Note::Data
            | Note::Ras(_) => {}
        }
    }
}
