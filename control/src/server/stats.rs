//! What the gateway counts.

use super::Plane;
use crate::proto;
use crate::proto::stats_service_server::{StatsService, StatsServiceServer};
use sluice_config::gateway::InterfaceKind;
use sluice_dataplane::drop_reason::{DropCounts, DropReason};
use sluice_dataplane::worker::counters::{Counter, WorkerCounters};
use std::collections::HashMap;
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Stats(Arc<Plane>);

pub(super) fn service(plane: &Arc<Plane>) -> StatsServiceServer<Stats> {
    StatsServiceServer::new(Stats(Arc::clone(plane)))
}

/// Reasons that occurred, by name.
fn by_name(counts: &DropCounts) -> HashMap<String, u64> {
    let occurred = DropReason::ALL.iter().filter(|reason| counts.get(**reason) > 0);
    occurred.map(|reason| (reason.name().to_owned(), counts.get(*reason))).collect()
}

fn add(sum: &mut HashMap<String, u64>, counts: &HashMap<String, u64>) {
    for (name, count) in counts {
        *sum.entry(name.clone()).or_default() += count;
    }
}

fn worker(handle: &super::WorkerHandle) -> proto::WorkerStats {
    let counters: &WorkerCounters = &handle.counters;
    let drops = counters.drops();
    proto::WorkerStats {
        id: handle.id.0.into(),
        core: i32::try_from(handle.core).unwrap_or(-1),
        rx: counters.get(Counter::Received),
        tx: counters.get(Counter::Transmitted),
        originated: counters.get(Counter::Originated),
        local: counters.get(Counter::Local),
        dropped: drops.total(),
        handed_out: counters.get(Counter::HandedOut),
        handed_in: counters.get(Counter::HandedIn),
        held: counters.get(Counter::Held),
        bursts: counters.get(Counter::Bursts),
        quiescent_age_ms: u64::try_from(handle.age().as_millis()).unwrap_or(u64::MAX),
        healthy: handle.age() < super::WorkerHandle::STALLED,
        drops: by_name(&drops),
        connections: counters.get(Counter::Connections),
        conntrack: Some(conntrack(counters, &drops)),
        ..Default::default()
    }
}

/// The device string of an interface; empty where it has no device of its own.
fn device(config: &sluice_config::Config, name: &str) -> String {
    let asked = config.interfaces.iter().find(|asked| asked.name == name);
    match asked.map(|asked| &asked.kind) {
        Some(InterfaceKind::Device(device)) => device.to_string(),
        Some(InterfaceKind::Vlan { .. } | InterfaceKind::Bridge { .. }) | None => String::new(),
    }
}

fn queues(plane: &Plane, interface: &str) -> Vec<proto::QueueStats> {
    let message = |(queue, counters): (u32, super::QueueCounters)| proto::QueueStats {
        interface: interface.to_owned(),
        queue,
        rx_packets: counters.rx_packets,
        rx_bytes: counters.rx_bytes,
        tx_packets: counters.tx_packets,
        tx_bytes: counters.tx_bytes,
        tx_full: counters.tx_full,
    };
    (0..).zip(plane.hardware.queues(interface)).map(message).collect()
}

fn conntrack(counters: &WorkerCounters, drops: &DropCounts) -> proto::ConntrackStats {
    proto::ConntrackStats {
        count: counters.get(Counter::Connections),
        max: 0,
        inserted: counters.get(Counter::Inserted),
        insert_failed: counters.get(Counter::InsertFailed),
        expired: counters.get(Counter::Expired),
        invalid: counters.get(Counter::Invalid),
        drop: counters.get(Counter::TableFull),
        early_drop: counters.get(Counter::EarlyDropped),
        nat_exhausted: drops.get(DropReason::NatExhausted),
    }
}

/// Over all workers.
fn sum(workers: &[proto::WorkerStats], max: u32) -> proto::ConntrackStats {
    let mut sum = proto::ConntrackStats { max: max.into(), ..Default::default() };
    for one in workers.iter().filter_map(|worker| worker.conntrack) {
        sum.count += one.count;
        sum.inserted += one.inserted;
        sum.insert_failed += one.insert_failed;
        sum.expired += one.expired;
        sum.invalid += one.invalid;
        sum.drop += one.drop;
        sum.early_drop += one.early_drop;
        sum.nat_exhausted += one.nat_exhausted;
    }
    sum
}

/// Everything the gateway counts.
pub(super) fn read(plane: &Plane) -> proto::GetStatsResponse {
    let workers: Vec<_> = plane.workers.iter().map(worker).collect();
    let mut drops = HashMap::new();
    for worker in &workers {
        add(&mut drops, &worker.drops);
    }
    let (capacity, in_use) = plane.hardware.buffers();
    let controller = plane.lock();
    let interfaces = controller.interfaces.iter().map(|(_, interface)| {
        let port = plane.hardware.port(&interface.name).unwrap_or_default();
        proto::InterfaceStats {
            name: interface.name.clone(),
            device: device(&controller.running.config, &interface.name),
            speed_mbps: port.speed_mbps,
            link_up: port.link_up,
            mtu: interface.mtu.into(),
            mac: interface.mac.0.to_vec(),
            rx_packets: port.rx_packets,
            rx_bytes: port.rx_bytes,
            tx_packets: port.tx_packets,
            tx_bytes: port.tx_bytes,
            rx_errors: port.rx_errors,
            tx_errors: port.tx_errors,
            tx_dropped: port.tx_dropped,
            rx_missed: port.rx_missed,
            rx_nombuf: port.rx_no_buffer,
        }
    });
    let queues = controller.interfaces.iter().flat_map(|(_, i)| queues(plane, &i.name));
    proto::GetStatsResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generation: controller.generation(),
        uptime_ms: (plane.clock)().0 / 1_000_000,
        memory_mode: plane.hardware.memory_mode(),
        interfaces: interfaces.collect(),
        conntrack: Some(sum(&workers, controller.snapshot().conntrack.max)),
        mempool: Some(proto::MempoolStats { capacity, in_use }),
        neighbours: controller.neighbours.list().len() as u64,
        routes: controller.routes.iter().count() as u64,
        workers,
        drops,
        queues: queues.collect(),
    }
}

#[tonic::async_trait]
impl StatsService for Stats {
    async fn get(
        &self,
        _: Request<proto::GetStatsRequest>,
    ) -> Result<Response<proto::GetStatsResponse>, Status> {
        Ok(Response::new(read(&self.0)))
    }
}
