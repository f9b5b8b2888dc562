//! Counters as JSON for programs. The keys are a contract: add, never rename.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sluice_control::proto::{GetStatsResponse, InterfaceStats, QueueStats, WorkerStats};

use super::Totals;
use crate::cli::wire;

/// Every counter of the gateway as one JSON object.
pub(super) fn render(stats: &GetStatsResponse) -> Value {
    let totals = Totals::of(stats);
    let conntrack = stats.conntrack.unwrap_or_default();
    let mempool = stats.mempool.unwrap_or_default();
    json!({
        "version": stats.version,
        "generation": stats.generation,
        "uptime_ms": stats.uptime_ms,
        "memory_mode": stats.memory_mode,
        "interfaces": stats.interfaces.iter().map(interface).collect::<Vec<_>>(),
        "queues": stats.queues.iter().map(queue).collect::<Vec<_>>(),
        "workers": stats.workers.iter().map(worker).collect::<Vec<_>>(),
        "totals": {
            "rx": totals.rx,
            "originated": totals.originated,
            "tx": totals.tx,
            "local": totals.local,
            "dropped": totals.dropped,
            "held": totals.held,
        },
        "drops": sorted(&stats.drops),
        "conntrack": {
            "count": conntrack.count,
            "max": conntrack.max,
            "inserted": conntrack.inserted,
            "insert_failed": conntrack.insert_failed,
            "expired": conntrack.expired,
            "invalid": conntrack.invalid,
            "drop": conntrack.drop,
            "early_drop": conntrack.early_drop,
            "nat_exhausted": conntrack.nat_exhausted,
        },
        "mempool": { "capacity": mempool.capacity, "in_use": mempool.in_use },
        "neighbours": stats.neighbours,
        "routes": stats.routes,
    })
}

fn interface(i: &InterfaceStats) -> Value {
    json!({
        "name": i.name,
        "device": i.device,
        "link_up": i.link_up,
        "mtu": i.mtu,
        "mac": wire::mac_text(&i.mac),
        "speed_mbps": i.speed_mbps,
        "rx_packets": i.rx_packets,
        "rx_bytes": i.rx_bytes,
        "rx_errors": i.rx_errors,
        "rx_missed": i.rx_missed,
        "rx_nombuf": i.rx_nombuf,
        "tx_packets": i.tx_packets,
        "tx_bytes": i.tx_bytes,
        "tx_errors": i.tx_errors,
        "tx_dropped": i.tx_dropped,
    })
}

fn queue(q: &QueueStats) -> Value {
    json!({
        "interface": q.interface,
        "queue": q.queue,
        "rx_packets": q.rx_packets,
        "rx_bytes": q.rx_bytes,
        "tx_packets": q.tx_packets,
        "tx_bytes": q.tx_bytes,
        "tx_full": q.tx_full,
    })
}

fn worker(w: &WorkerStats) -> Value {
    json!({
        "id": w.id,
        "core": (w.core >= 0).then_some(w.core),
        "rx": w.rx,
        "originated": w.originated,
        "tx": w.tx,
        "local": w.local,
        "dropped": w.dropped,
        "handed_out": w.handed_out,
        "handed_in": w.handed_in,
        "held": w.held,
        "connections": w.connections,
        "bursts": w.bursts,
        "idle": w.idle,
        "quiescent_age_ms": w.quiescent_age_ms,
        "healthy": w.healthy,
        "drops": sorted(&w.drops),
    })
}

fn sorted(drops: &HashMap<String, u64>) -> BTreeMap<&str, u64> {
    drops.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_programs_rely_on() {
        let value = render(&super::super::tests::sample());
        let at = |pointer: &str| value.pointer(pointer).cloned();
        assert_eq!(at("/totals/held"), Some(json!(1)));
        assert_eq!(at("/interfaces/0/mac"), Some(json!("02:00:00:00:00:01")));
        assert_eq!(at("/workers/1/healthy"), Some(json!(false)));
        assert_eq!(at("/drops/ttl_exceeded"), Some(json!(0)));
        assert_eq!(at("/mempool/in_use"), Some(json!(512)));
        assert_eq!(at("/conntrack/count"), Some(json!(14)));
    }
}
