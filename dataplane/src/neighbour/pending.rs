//! Packets that wait for a neighbour's answer, per worker.
//!
//! Each next hop has a short queue, as the kernel's `arp_queue`: when it is full the oldest packet
//! makes room. All queues share one slab, allocated at start.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashMap;

use crate::ids::InterfaceId;
use crate::time::Instant;

type Key = (InterfaceId, IpAddr);

/// Bounds of the waiting room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Packets per next hop: the kernel's `unres_qlen`.
    pub per_neighbour: u16,
    /// Packets of all next hops.
    pub packets: u32,
    /// Next hops waited for at once.
    pub neighbours: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { per_neighbour: 101, packets: 4096, neighbours: 256 }
    }
}

/// First and last packet of one next hop, and how many.
#[derive(Debug)]
struct Queue {
    head: u32,
    tail: u32,
    length: u16,
    serial: u64,
}

/// When a queue began.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    serial: u64,
    key: Key,
}

#[derive(Debug)]
struct Slot<T> {
    item: Option<T>,
    next: u32,
}

/// The waiting room.
#[derive(Debug)]
pub struct Pending<T> {
    bounds: Bounds,
    queues: HashMap<Key, Queue>,
    /// Keys by the time their queue began, possibly of queues already emptied.
    order: VecDeque<Began>,
    serial: u64,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

impl<T> Pending<T> {
    /// An empty waiting room; everything it will ever need is allocated here.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let bounds = Bounds { per_neighbour: bounds.per_neighbour.max(1), ..bounds };
        Self {
            bounds,
            // Twice the keys: a map at most half full cleans up in place instead of growing.
            queues: HashMap::with_capacity(2 * bounds.neighbours as usize),
            order: VecDeque::with_capacity(2 * bounds.neighbours as usize),
            serial: 0,
            slots: (0..bounds.packets).map(|next| Slot { item: None, next }).collect(),
            free: (0..bounds.packets).rev().collect(),
        }
    }

    /// Lets `item` wait for `address` on `interface`. True when it is the first to do so: the control
    /// thread must be told that the neighbour is wanted.
    ///
    /// # Errors
    /// Gives back a packet to drop: the oldest of this next hop if its queue was full, else `item`,
    /// for which there is no room.
    pub fn park(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        item: T,
        now: Instant,
    ) -> Result<bool, T> {
        let key = (interface, address);
        let known = self.queues.get_mut(&key);
        if let Some(queue) = known
            && queue.length >= self.bounds.per_neighbour
        {
            return Self::rotate(&mut self.slots, queue, item).map_or(Ok(false), Err);
        }
        let first = !self.queues.contains_key(&key);
        if first && !self.room_for_neighbour() {
            return Err(item);
        }
        let Some(at) = self.free.pop() else { return Err(item) };
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.item = Some(item);
        }
        match self.queues.get_mut(&key) {
            Some(queue) => {
                if let Some(last) = self.slots.get_mut(queue.tail as usize) {
                    last.next = at;
                }
                queue.tail = at;
                queue.length += 1;
            }
            None => {
                self.serial += 1;
                let serial = self.serial;
                self.queues.insert(key, Queue { head: at, tail: at, length: 1, serial });
                self.order.push_back(Began { at: now, serial, key });
            }
        }
        Ok(first)
    }

    /// Hands out all packets that wait for `address` on `interface`, oldest first.
    pub fn take(&mut self, interface: InterfaceId, address: IpAddr, mut each: impl FnMut(T)) {
        let Some(queue) = self.queues.remove(&(interface, address)) else { return };
        let mut at = queue.head;
        for _ in 0..queue.length {
            let Some(slot) = self.slots.get_mut(at as usize) else { return };
            if let Some(item) = slot.item.take() {
                each(item);
            }
            self.free.push(at);
            at = slot.next;
        }
    }

    /// Hands out the packets of next hops that have been waited for longer than `limit`: a safety
    /// net, as the control thread normally says when a neighbour failed.
    pub fn expire(&mut self, now: Instant, limit: Duration, mut each: impl FnMut(T)) {
        while let Some(&began) = self.order.front() {
            if now.since(began.at) < limit {
                return;
            }
            self.order.pop_front();
            if Self::still(&self.queues, &began) {
                self.take(began.key.0, began.key.1, &mut each);
            }
        }
    }

    /// Packets that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Puts `item` last in a full queue and returns what was first.
    fn rotate(slots: &mut [Slot<T>], queue: &mut Queue, item: T) -> Option<T> {
        let at = queue.head;
        let tail = queue.tail;
        let slot = slots.get_mut(at as usize)?;
        let next = slot.next;
        let oldest = slot.item.replace(item);
        if at != tail {
            queue.head = next;
            queue.tail = at;
            if let Some(last) = slots.get_mut(tail as usize) {
                last.next = at;
            }
        }
        oldest
    }

    fn room_for_neighbour(&mut self) -> bool {
        if self.queues.len() >= self.bounds.neighbours as usize {
            return false;
        }
        if self.order.len() == self.order.capacity() {
            // Only keys of queues already taken can fill it beyond the bound.
            let queues = &self.queues;
            self.order.retain(|began| Self::still(queues, began));
        }
        true
    }

    /// Whether the queue that began then still waits.
    fn still(queues: &HashMap<Key, Queue>, began: &Began) -> bool {
        queues.get(&began.key).is_some_and(|queue| queue.serial == began.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    const WAN: InterfaceId = InterfaceId(1);

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn drain(pending: &mut Pending<u32>, last: u8) -> Vec<u32> {
        let mut out = Vec::new();
        pending.take(WAN, address(last), |item| out.push(item));
        out
    }

    #[test]
    fn the_first_asks_and_all_come_out_in_order() {
        let mut pending = Pending::new(Bounds::default());
        assert_eq!(pending.park(WAN, address(1), 1, Instant(0)), Ok(true));
        assert_eq!(pending.park(WAN, address(1), 2, Instant(0)), Ok(false));
        assert_eq!(pending.park(WAN, address(2), 3, Instant(0)), Ok(true));
        assert_eq!(pending.park(InterfaceId(2), address(1), 4, Instant(0)), Ok(true));
        assert_eq!(drain(&mut pending, 1), [1, 2]);
        assert_eq!(drain(&mut pending, 1), [0; 0]);
        assert_eq!(pending.len(), 2);
        assert_eq!(pending.park(WAN, address(1), 5, Instant(0)), Ok(true));
    }

    #[test]
    fn the_oldest_gives_way_in_a_full_queue() {
        for length in 1..4 {
            let bounds = Bounds { per_neighbour: length, packets: 8, neighbours: 2 };
            let mut pending = Pending::new(bounds);
            for item in 0..u32::from(length) {
                assert!(pending.park(WAN, address(1), item, Instant(0)).is_ok());
            }
            for item in 0..9 {
                let parked = pending.park(WAN, address(1), item + u32::from(length), Instant(0));
                assert_eq!(parked, Err(item));
            }
            assert_eq!(drain(&mut pending, 1), (9..9 + u32::from(length)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn bounds_hold_and_nothing_reallocates() {
        let mut pending = Pending::new(Bounds { per_neighbour: 3, packets: 4, neighbours: 2 });
        let (map, order) = (pending.queues.capacity(), pending.order.capacity());
        for turn in 0..1000u32 {
            let last = (turn % 200) as u8;
            assert_eq!(pending.park(WAN, address(last), turn, Instant(0)), Ok(true));
            assert_eq!(
                pending.park(WAN, address(last.wrapping_add(1)), turn, Instant(0)),
                Ok(true)
            );
            assert_eq!(
                pending.park(WAN, address(last.wrapping_add(2)), turn, Instant(0)),
                Err(turn)
            );
            assert_eq!(drain(&mut pending, last), [turn]);
            assert_eq!(drain(&mut pending, last.wrapping_add(1)), [turn]);
        }
        assert_eq!((pending.queues.capacity(), pending.order.capacity()), (map, order));
    }

    #[test]
    fn the_forgotten_expire() {
        let second = Duration::from_secs(1);
        let mut pending = Pending::new(Bounds::default());
        pending.park(WAN, address(1), 1, Instant(0)).unwrap();
        drain(&mut pending, 1);
        pending.park(WAN, address(1), 2, Instant(0) + second).unwrap();
        pending.park(WAN, address(2), 3, Instant(0) + 3 * second).unwrap();
        let mut out = Vec::new();
        pending.expire(Instant(0) + 2 * second, 2 * second, |item| out.push(item));
        assert_eq!(out, [0; 0], "the first queue of this key is gone");
        pending.expire(Instant(0) + 3 * second, 2 * second, |item| out.push(item));
        assert_eq!(out, [2]);
        assert_eq!(pending.len(), 1);
    }

    proptest! {
        #[test]
        fn agrees_with_plain_queues(steps in proptest::collection::vec((0u8..6, any::<bool>()), 1..200)) {
            let bounds = Bounds { per_neighbour: 3, packets: 8, neighbours: 4 };
            let mut pending = Pending::new(bounds);
            let mut plain: BTreeMap<u8, VecDeque<u32>> = BTreeMap::new();
            for (item, (last, take)) in steps.into_iter().enumerate() {
                let item = item as u32;
                if take && item.is_multiple_of(3) {
                    let expected: Vec<u32> =
                        plain.remove(&last).unwrap_or_default().into_iter().collect();
                    prop_assert_eq!(drain(&mut pending, last), expected);
                    continue;
                }
                let total: usize = plain.values().map(VecDeque::len).sum();
                let neighbours = plain.len();
                let expected = match plain.get_mut(&last) {
                    Some(queue) if queue.len() == 3 => {
                        queue.push_back(item);
                        Err(queue.pop_front().unwrap())
                    }
                    Some(queue) if total < 8 => {
                        queue.push_back(item);
                        Ok(false)
                    }
                    None if total < 8 && neighbours < 4 => {
                        plain.insert(last, VecDeque::from([item]));
                        Ok(true)
                    }
                    _ => Err(item),
                };
                prop_assert_eq!(pending.park(WAN, address(last), item, Instant(0)), expected);
                prop_assert_eq!(pending.len(), plain.values().map(VecDeque::len).sum::<usize>());
            }
        }
    }
}
