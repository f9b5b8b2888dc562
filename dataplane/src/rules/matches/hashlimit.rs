//! `-m hashlimit`: a bucket of tokens for each source, destination, port, or any of them together (kernel
//! `xt_hashlimit`, revision 3).

use super::{Condition, Kept};
use crate::address::Address;
use crate::rules::View;
use crate::rules::spin::Spin;
use crate::time::Instant;
use crate::wire::protocol;
use hashbrown::HashMap;
use std::time::Duration;

/// What tells buckets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `srcip`, and the mask of what counts of it as [`Address::to_bits`] has it.
    pub source: Option<u128>,
    /// `dstip`.
    pub destination: Option<u128>,
    /// `srcport`.
    pub source_port: bool,
    /// `dstport`.
    pub destination_port: bool,
}

/// How fast tokens come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// A token a packet.
    Packets {
        /// Nanoseconds until one comes back.
        cost: u64,
        /// How many the bucket holds.
        burst: u32,
    },
    /// Bytes a second, in chunks of 16.
    Bytes {
        /// Nanoseconds a chunk costs, times 2^16.
        chunk: u64,
        /// Seconds' worth that may be taken ahead, in all.
        burst: u32,
    },
}

/// One use of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct HashLimit {
    /// The table.
    pub table: Kept<Table>,
    /// `--hashlimit-above`.
    pub above: bool,
}

/// On what terms packets are counted. As in the kernel they are those of the first rule that names the table, and other
/// rules that do must bear with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What tells buckets apart.
    pub mode: Mode,
    /// How fast tokens come.
    pub rate: Rate,
    /// How long a bucket nobody asks is kept.
    pub expire: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Key {
    source: u128,
    destination: u128,
    ports: (u16, u16),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it is full again, in nanoseconds: see [`super::limit::Bucket`].
    full: u64,
    /// Seconds' worth still to be taken ahead.
    ahead: u32,
    /// When it is forgotten.
    expires: u64,
}

/// The buckets of one name. A key's share is found by its hash, so that workers seldom meet.
#[derive(Debug)]
pub struct Table {
    terms: Terms,
    shares: Vec<Spin<HashMap<Key, Bucket>>>,
    /// Buckets of a share.
    most: usize,
}

const SHARES: usize = 16;
/// Buckets looked at in search of one that has expired, before a packet is dropped for want of room.
const SEARCHED: usize = 64;
const SECOND: u64 = 1_000_000_000;

impl Table {
    /// Room for `most` buckets. All memory is taken here.
    #[must_use]
    pub fn new(terms: Terms, most: usize) -> Self {
        let most = most.div_ceil(SHARES).max(1);
        let share = || Spin::new(HashMap::with_capacity(most));
        Self { terms, shares: std::iter::repeat_with(share).take(SHARES).collect(), most }
    }

    /// Buckets in use. For operators.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.hold().len()).sum()
    }

    /// Whether no bucket is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rate {
    /// Takes what a packet costs; false when there is not that much.
    fn take(self, bucket: &mut Bucket, now: u64, length: u32) -> bool {
        let (cost, most) = match self {
            Self::Packets { cost, burst } => (cost, cost.saturating_mul(burst.into())),
            Self::Bytes { chunk, .. } => {
                let chunks = u64::from((length >> 4) + 1);
                ((chunks.saturating_mul(chunk) >> 16).min(SECOND), SECOND)
            }
        };
        let full = bucket.full.max(now).saturating_add(cost);
        if full - now <= most {
            bucket.full = full;
            return true;
        }
        let Self::Bytes { .. } = self else { return false };
        // A burst of bytes: as many times as it says the bucket is filled at once.
        if bucket.ahead == 0 {
            return false;
        }
        bucket.ahead -= 1;
        bucket.full = now + cost;
        true
    }

    const fn burst(self) -> u32 {
        match self {
            Self::Packets { burst, .. } | Self::Bytes { burst, .. } => burst,
        }
    }
}

impl HashLimit {
    fn key<A: Address>(&self, view: &View<'_, A>) -> Option<Key> {
        let mode = &self.table.terms.mode;
        let has_ports =
            [protocol::TCP, protocol::UDP, protocol::UDP_LITE, protocol::SCTP, protocol::DCCP]
                .contains(&view.headers.protocol);
        let ports = mode.source_port || mode.destination_port;
        if ports && has_ports && !view.has_ports() {
            return None;
        }
        let port = |wanted: bool, port: u16| if wanted && has_ports { port } else { 0 };
        Some(Key {
            source: mode.source.map_or(0, |mask| view.source.to_bits() & mask),
            destination: mode.destination.map_or(0, |mask| view.destination.to_bits() & mask),
            ports: (
                port(mode.source_port, view.layer4.source_port.get()),
                port(mode.destination_port, view.layer4.destination_port.get()),
            ),
        })
    }

    /// Whether a packet of `length` bytes is within the rate; none where there is no room for its bucket.
    fn ask(&self, key: Key, now: Instant, length: u32) -> Option<bool> {
        let Terms { rate, expire, .. } = self.table.terms;
        let (now, expire) = (now.0, u64::try_from(expire.as_nanos()).unwrap_or(u64::MAX));
        let mut share = self.table.shares.get(share_of(&key))?.hold();
        if share.len() >= self.table.most && !share.contains_key(&key) {
            let expired = share.iter().take(SEARCHED).find(|(_, bucket)| bucket.expires < now);
            let expired = *expired?.0;
            share.remove(&expired);
        }
        let fresh = Bucket { full: 0, ahead: rate.burst(), expires: u64::MAX };
        let bucket = share.entry(key).or_insert(fresh);
        if bucket.expires < now {
            *bucket = fresh;
        }
        bucket.expires = now.saturating_add(expire);
        Some(rate.take(bucket, now, length))
    }
}

impl HashLimit {
    /// What [`Self::ask`] would say.
    fn find(&self, key: Key, now: Instant, length: u32) -> Option<bool> {
        let now = now.0;
        let share = self.table.shares.get(share_of(&key))?.hold();
        let known = share.get(&key).copied().filter(|bucket| bucket.expires >= now);
        let room = share.len() < self.table.most || share.contains_key(&key);
        if !room && !share.iter().take(SEARCHED).any(|(_, bucket)| bucket.expires < now) {
            return None;
        }
        let fresh = Bucket { full: 0, ahead: self.table.terms.rate.burst(), expires: u64::MAX };
        Some(self.table.terms.rate.take(&mut known.unwrap_or(fresh), now, length))
    }
}

fn share_of(key: &Key) -> usize {
    let bits = key.source ^ key.destination.rotate_left(17);
    let ports = u64::from(key.ports.0) << 16 | u64::from(key.ports.1);
    let mixed = (bits as u64 ^ (bits >> 64) as u64 ^ ports).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 60) as usize % SHARES
}

impl<A: Address> Condition<A> for HashLimit {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let ask = if view.is_dry() { Self::find } else { Self::ask };
        let within = self.key(view).map(|key| ask(self, key, view.around.now, view.length));
        match within.flatten() {
            Some(within) => within != self.above,
            // The kernel drops such a packet; here it is above every rate.
            None => self.above,
        }
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("hashlimit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rate: Rate) -> HashLimit {
        let mode = Mode { source: Some(u128::MAX), ..Mode::default() };
        let terms = Terms { mode, rate, expire: Duration::from_secs(10) };
        HashLimit { table: Kept(std::sync::Arc::new(Table::new(terms, 32))), above: false }
    }

    fn key(host: u128) -> Key {
        Key { source: host, ..Key::default() }
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let rule = rule(Rate::Packets { cost: SECOND, burst: 2 });
        let ask = |host, second: u64| rule.ask(key(host), Instant((100 + second) * SECOND), 60);
        assert_eq!([ask(1, 0), ask(1, 0), ask(1, 0)], [Some(true), Some(true), Some(false)]);
        assert_eq!(ask(2, 0), Some(true));
        assert_eq!([ask(1, 1), ask(1, 1)], [Some(true), Some(false)]);
        assert_eq!(rule.table.len(), 2);
    }

    #[test]
    fn a_full_table_takes_the_place_of_what_has_expired() {
        let rule = rule(Rate::Packets { cost: SECOND, burst: 2 });
        let ask = |host, second: u64| rule.ask(key(host), Instant((100 + second) * SECOND), 60);
        let refused = (0..1000).filter(|&host| ask(host, 0).is_none()).count();
        assert_eq!(refused, 1000 - rule.table.len());
        let refused = (1000..1010).filter(|&host| ask(host, 20).is_none()).count();
        assert_eq!(refused, 0);
    }

    #[test]
    fn bytes_are_counted_in_chunks() {
        // 16,000 bytes a second: a thousand chunks.
        let rule = rule(Rate::Bytes { chunk: (SECOND / 1000) << 16, burst: 0 });
        let ask = |millisecond: u64, length| {
            rule.ask(key(1), Instant(100 * SECOND + millisecond * 1_000_000), length)
        };
        assert_eq!(ask(0, 15_980), Some(true), "999 chunks");
        assert_eq!(ask(0, 100), Some(false));
        assert_eq!(ask(10, 100), Some(true));
    }
}
