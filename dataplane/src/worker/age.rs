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
        let mappings = &self.v4.mappings;
        self.v4.conntrack.expire(now, BUDGET, |gone| forget(mappings, gone));
        let mappings = &self.v6.mappings;
        self.v6.conntrack.expire(now, BUDGET, |gone| forget(mappings, gone));
        self.expire_datagrams(burst);
        self.counters.set(Counter::Held, self.held() as u64);
        let connections = self.v4.conntrack.count() + self.v6.conntrack.count();
        self.counters.set(Counter::Connections, connections as u64);
    }
}
