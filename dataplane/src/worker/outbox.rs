//! Where a worker leaves packets for the ports.

/// Packets to send, by port. Preallocated: a full list refuses, it does not grow.
#[derive(Debug)]
pub struct Outbox<P> {
    ports: Vec<Vec<P>>,
    capacity: usize,
}

impl<P> Outbox<P> {
    /// Lists for `ports` ports of up to `capacity` packets each.
    #[must_use]
    pub fn new(ports: usize, capacity: usize) -> Self {
        Self { ports: (0..ports).map(|_| Vec::with_capacity(capacity)).collect(), capacity }
    }

    /// Adds a packet for `port`; gives it back when there is no room or no such port.
    ///
    /// # Errors
    /// The packet.
    pub fn push(&mut self, port: u16, packet: P) -> Result<(), P> {
        match self.ports.get_mut(usize::from(port)) {
            Some(list) if list.len() < self.capacity => {
                list.push(packet);
                Ok(())
            }
            Some(_) | None => Err(packet),
        }
    }

    /// Adds all packets for `port`, in order; false, and nothing moved, when there is no room or no such port.
    pub fn append(&mut self, port: u16, packets: &mut Vec<P>) -> bool {
        match self.ports.get_mut(usize::from(port)) {
            Some(list) if list.len() + packets.len() <= self.capacity => {
                list.append(packets);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes all that lies in a port's list, and the list with it; [`Self::give_back`] returns it.
    pub(super) fn take(&mut self, port: u16) -> Vec<P> {
        self.ports.get_mut(usize::from(port)).map(std::mem::take).unwrap_or_default()
    }

    /// Returns an emptied list.
    pub(super) fn give_back(&mut self, port: u16, list: Vec<P>) {
        if let Some(place) = self.ports.get_mut(usize::from(port)) {
            *place = list;
        }
    }

    /// The list of each port, to be drained by the driver.
    pub fn ports_mut(&mut self) -> impl Iterator<Item = (usize, &mut Vec<P>)> {
        self.ports.iter_mut().enumerate()
    }
}
