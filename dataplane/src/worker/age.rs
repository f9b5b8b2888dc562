//! What time does to a worker's state: connections and datagrams in reassembly end.

use super::counters::Counter;
use super::{Burst, State};
use crate::packet::{Packet, Pool};
use crate::pipeline::forget;

/// Connections looked at per call and IP version: some 10 µs of work.
const BUDGET: usize = 512;

impl<P: Packet> State<P> {
    /// Ages connections and datagrams in reassembly; bounded work per call.
    pub(super) fn age<L: Pool<Packet = P>>(&mut self, burst: &mut Burst<'_, P, L>) {
        let now = burst.env.now;
        let (rules, mappings) = (&burst.env.snapshot.rules4, &self.v4.mappings);
        self.v4.conntrack.expire(now, BUDGET, |gone| forget(rules, mappings, gone));
        let (rules, mappings) = (&burst.env.snapshot.rules6, &self.v6.mappings);
        self.v6.conntrack.expire(now, BUDGET, |gone| forget(rules, mappings, gone));
        self.expire_datagrams(burst);
        if let Some(copies) = &mut self.copies {
            copies.age();
        }
        self.counters.set(Counter::Held, self.held() as u64);
        let connections = self.v4.conntrack.count() + self.v6.conntrack.count();
        self.counters.set(Counter::Connections, connections as u64);
        self.count_connections();
    }

    fn count_connections(&self) {
        let (v4, v6) = (self.v4.conntrack.statistics(), self.v6.conntrack.statistics());
        for (counter, count) in [
            (Counter::Inserted, v4.inserted + v6.inserted),
            (Counter::InsertFailed, v4.insert_failed + v6.insert_failed),
            (Counter::EarlyDropped, v4.early_drops + v6.early_drops),
            (Counter::TableFull, v4.full + v6.full),
            (Counter::Expired, v4.expired + v6.expired),
            (Counter::Invalid, v4.invalid + v6.invalid),
        ] {
            self.counters.set(counter, count);
        }
    }
}
