//! Copies of packets that TEE has made and nobody has sent yet.
//!
//! ```text
//!   worker: buffers in stock ─> rules: TEE takes some ─> worker sends the copies, restocks
//! ```
//!
//! Rules copy a packet at the moment they meet it, before later rules write to it, so the buffers must be at hand:
//! a worker whose rules copy keeps a stock of them, until packets have stayed away for a while. What finds none is counted as
//! lost.

use crate::packet::{Packet, Pool};
use crate::rules::targets::tee::{Copier, CopyOrder};
use crate::wire::parse::Headers;
use crate::wire::put;
use std::fmt;

/// Buffers in stock: those of the largest datagram in fragments of usual size, and some.
const STOCK: usize = 64;
/// Copies of one packet at most.
const MOST: usize = 8;

/// The copies of one packet, and buffers for more.
pub(crate) struct Copies<P> {
    stock: Vec<P>,
    made: Vec<Made<P>>,
    /// Later fragments of what is made, datagram by datagram.
    later: Vec<(P, Headers)>,
    lost: usize,
    /// Restocked since [`Self::age`] was last asked.
    used: bool,
}

/// A copy of a packet, or of a datagram's first fragment.
pub(crate) struct Made<P> {
    pub(crate) lead: P,
    pub(crate) order: CopyOrder,
    /// How many of the later fragments are its own; none before [`Copies::add_later`].
    later: Option<usize>,
}

impl<P: Packet> Copies<P> {
    /// Room for copies, and no buffer yet.
    pub(crate) fn new() -> Self {
        Self {
            stock: Vec::with_capacity(STOCK),
            made: Vec::with_capacity(MOST),
            later: Vec::with_capacity(STOCK),
            lost: 0,
            used: false,
        }
    }

    /// Takes buffers from the pool until the stock is full.
    pub(crate) fn restock<L: Pool<Packet = P>>(&mut self, pool: &mut L) {
        self.used = true;
        while self.stock.len() < STOCK
            && let Some(buffer) = pool.alloc()
        {
            self.stock.push(buffer);
        }
    }

    /// Time has passed: gives the stock back where no packet has come since the last time.
    pub(crate) fn age(&mut self) {
        if !std::mem::take(&mut self.used) {
            self.stock.clear();
        }
    }

    /// Whether something was copied, or should have been.
    pub(crate) fn is_empty(&self) -> bool {
        self.made.is_empty() && self.lost == 0
    }

    /// Copies the later fragments of what was made of a datagram since this was last called.
    pub(crate) fn add_later(&mut self, rest: &[(P, Headers)]) {
        while let Some(at) = self.made.iter().position(|made| made.later.is_none()) {
            let before = self.later.len();
            let whole = rest.iter().all(|(packet, headers)| {
                let copy = self.copy_of(packet.data());
                copy.map(|copy| self.later.push((copy, *headers))).is_some()
            });
            match self.made.get_mut(at) {
                Some(made) if whole => made.later = Some(rest.len()),
                Some(_) | None => {
                    self.later.truncate(before);
                    self.made.remove(at);
                    self.lost += 1;
                }
            }
        }
    }

    /// The oldest copy; its later fragments go to `rest`, an empty list.
    pub(crate) fn take(&mut self, rest: &mut Vec<(P, Headers)>) -> Option<Made<P>> {
        if self.made.is_empty() {
            return None;
        }
        let made = self.made.remove(0);
        let later = made.later.unwrap_or(0).min(self.later.len());
        rest.extend(self.later.drain(..later));
        Some(made)
    }

    /// How many copies there was no buffer for since this was last asked.
    pub(crate) fn take_lost(&mut self) -> usize {
        std::mem::take(&mut self.lost)
    }

    fn copy_of(&mut self, frame: &[u8]) -> Option<P> {
        let mut copy = self.stock.pop()?;
        if !copy.append(frame.len()) {
            return None;
        }
        put(copy.data_mut(), 0, frame);
        Some(copy)
    }
}

impl<P> fmt::Debug for Copies<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} copies, {} lost, stock {}", self.made.len(), self.lost, self.stock.len())
    }
}

impl<P: Packet> Copier for Copies<P> {
    fn copy(&mut self, frame: &[u8], order: CopyOrder) {
        let room = self.made.len() < MOST;
        match room.then(|| self.copy_of(frame)).flatten() {
            Some(lead) => self.made.push(Made { lead, order, later: None }),
            None => self.lost += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::IpVersion;
    use crate::packet::{MemoryPacket, MemoryPool};
    use crate::rules::targets::tee::Tee;

    /// A pool with only so many buffers.
    struct Few(usize);
    impl Pool for Few {
        type Packet = MemoryPacket;
        fn alloc(&mut self) -> Option<MemoryPacket> {
            self.0 = self.0.checked_sub(1)?;
            MemoryPool.alloc()
        }
    }

    const HEADERS: Headers = Headers {
        version: IpVersion::V4,
        l3: 14,
        l4: 34,
        end: 42,
        protocol: 17,
        ttl: 64,
        tos: 0,
        fragment: None,
        options: false,
        authenticated: false,
    };

    fn order() -> CopyOrder {
        CopyOrder {
            to: Tee { gateway: [10, 0, 0, 1].into(), egress: None },
            headers: HEADERS,
            length: 28,
            mark: 7,
            added: crate::wire::tcp_options::Added::default(),
            one_hop_less: true,
        }
    }

    fn taken(copies: &mut Copies<MemoryPacket>) -> Vec<(Vec<u8>, usize)> {
        let mut all = Vec::new();
        let mut rest = Vec::new();
        while let Some(made) = copies.take(&mut rest) {
            all.push((made.lead.data().to_vec(), rest.len()));
            rest.clear();
        }
        all
    }

    #[test]
    fn a_copy_is_what_the_packet_was_and_takes_its_fragments_along() {
        let mut copies = Copies::new();
        copies.restock(&mut Few(10));
        assert!(copies.is_empty());
        copies.copy(&[1; 42], order());
        copies.add_later(&[]);
        copies.copy(&[2; 42], order());
        let rest = [3, 4].map(|byte| (MemoryPacket::new(&[byte; 42]), HEADERS));
        copies.add_later(&rest);
        assert_eq!(taken(&mut copies), [(vec![1; 42], 0), (vec![2; 42], 2)]);
        assert!(copies.is_empty());
    }

    #[test]
    fn what_finds_no_buffer_is_lost_whole_and_counted() {
        let mut copies = Copies::new();
        copies.restock(&mut Few(2));
        copies.copy(&[1; 42], order());
        let rest = [3, 4].map(|byte| (MemoryPacket::new(&[byte; 42]), HEADERS));
        copies.add_later(&rest);
        copies.copy(&[1; 42], order());
        assert!(taken(&mut copies).is_empty());
        assert_eq!((copies.take_lost(), copies.take_lost()), (2, 0));
    }

    #[test]
    fn one_packet_is_copied_so_often_and_no_oftener() {
        let mut copies = Copies::new();
        copies.restock(&mut Few(STOCK + 1));
        for _ in 0..=MOST {
            copies.copy(&[1; 42], order());
        }
        copies.add_later(&[]);
        assert_eq!((taken(&mut copies).len(), copies.take_lost()), (MOST, 1));
    }

    #[test]
    fn the_stock_goes_back_when_packets_stay_away() {
        let mut copies = Copies::new();
        copies.restock(&mut Few(5));
        copies.age();
        assert_eq!(copies.stock.len(), 5);
        copies.age();
        assert_eq!(copies.stock.len(), 0);
    }
}
