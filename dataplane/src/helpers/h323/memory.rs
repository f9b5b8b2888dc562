//! What is remembered of a connection of H.323 between its messages (kernel `nf_ct_h323_master`).

use crate::conntrack::Direction;
use zerocopy::FromZeros;

/// How many channels are translated at once.
const CHANNELS: usize = 4;

/// A port as its owner calls it, at the direction in which the owner speaks, and as the other end does, at the other. Zero
/// stands for none.
type Port = [u16; 2];

/// By connection.
#[derive(Debug, Clone, Copy, Default, FromZeros)]
pub(crate) struct CallMemory {
    /// Where calls, or their H.245, are expected.
    signal: Port,
    /// Where media are, even ports.
    channels: [Port; CHANNELS],
    /// How many octets a TPKT header alone has promised, by direction.
    pub(crate) awaited: [u16; 2],
    /// How many seconds a registration is to last; zero before one.
    pub(crate) time_to_live_s: u32,
}

impl CallMemory {
    /// The port for signalling that whoever speaks in `direction` has, or that the other end knows of the other's.
    pub(crate) const fn signal(&self, direction: Direction) -> u16 {
        self.signal[direction as usize]
    }

    /// As which port the other end shall know a port for signalling: as before, or the same.
    pub(crate) fn signal_outside(&self, direction: Direction, port: u16) -> u16 {
        if self.signal(direction) == port { self.signal(direction.opposite()) } else { port }
    }

    /// Whoever speaks in `direction` has a port for signalling that the other end knows as `outside`.
    pub(crate) const fn note_signal(&mut self, direction: Direction, port: u16, outside: u16) {
        self.signal[direction as usize] = port;
        self.signal[direction.opposite() as usize] = outside;
    }

    /// The same, where the other end knows it as the owner does, or not at all.
    pub(crate) const fn note_own_signal(&mut self, direction: Direction, port: u16) {
        self.signal[direction as usize] = port;
    }

    /// The number of the channel with that port, or of one that is free.
    pub(crate) fn channel(&self, direction: Direction, port: u16) -> Option<usize> {
        let own = self.channels.iter().map(|channel| channel[direction as usize]);
        own.enumerate().find(|(_, known)| [0, port].contains(known)).map(|(number, _)| number)
    }

    /// What is known of a channel.
    pub(crate) fn note_channel(
        &mut self,
        number: usize,
        direction: Direction,
        port: u16,
        outside: u16,
    ) {
        if let Some(channel) = self.channels.get_mut(number) {
            channel[direction as usize] = port;
            channel[direction.opposite() as usize] = outside;
        }
    }
}
