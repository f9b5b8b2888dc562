//! The counters of `sluice stats` for Prometheus: `GET /metrics` over HTTP, in the OpenMetrics text format.
//!
//! Names and units follow the format's own rules: `sluice_`, the thing, what is counted, `_total` for what only grows.

use super::Plane;
use super::stats;
use crate::proto::{
    ConntrackStats, GetStatsResponse, InterfaceStats, MempoolStats, QueueStats, WorkerStats,
};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sluice_dataplane::drop_reason::DropReason;
use std::fmt;
use std::sync::Arc;

/// The format's version 1.0.0; Prometheus reads it since 2.5.
const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is served over HTTP.
pub(super) fn router(plane: &Arc<Plane>) -> Router {
    let plane = Arc::clone(plane);
    Router::new().route("/metrics", get(move || async move { answer(&plane) }))
}

fn answer(plane: &Plane) -> Response {
    match page(stats::read(plane)) {
        Ok(page) => ([(CONTENT_TYPE, CONTENT)], page).into_response(),
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A reading in the text format.
fn page(reading: GetStatsResponse) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("sluice");
    registry.register_collector(Box::new(Reading(reading)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// One reading of all counters.
#[derive(Debug)]
struct Reading(GetStatsResponse);

/// Name, help, and the field of `T` that holds it.
type Field<T> = (&'static str, &'static str, fn(&T) -> u64);

const INTERFACE: &[Field<InterfaceStats>] = &[
    ("interface_receive_packets", "Frames received", |i| i.rx_packets),
    ("interface_receive_bytes", "Bytes received, without frame check sequences", |i| i.rx_bytes),
    ("interface_receive_errors", "Frames received damaged", |i| i.rx_errors),
    ("interface_receive_missed", "Frames lost because no worker fetched them in time", |i| {
        i.rx_missed
    }),
    ("interface_receive_no_buffer", "Receptions that failed for lack of packet memory", |i| {
        i.rx_nombuf
    }),
    ("interface_transmit_packets", "Frames sent", |i| i.tx_packets),
    ("interface_transmit_bytes", "Bytes sent, without frame check sequences", |i| i.tx_bytes),
    ("interface_transmit_errors", "Frames that could not be sent", |i| i.tx_errors),
    ("interface_transmit_dropped", "Frames that the kernel took for sending and dropped", |i| {
        i.tx_dropped
    }),
];

const QUEUE: &[Field<QueueStats>] = &[
    ("queue_receive_packets", "Frames received by queue", |q| q.rx_packets),
    ("queue_transmit_packets", "Frames sent by queue", |q| q.tx_packets),
    ("queue_transmit_full", "Packets for which the device's ring had no room", |q| q.tx_full),
];

const WORKER: &[Field<WorkerStats>] = &[
    ("worker_received_packets", "Packets taken from ports", |w| w.rx),
    ("worker_transmitted_packets", "Packets given to ports", |w| w.tx),
    ("worker_originated_packets", "Packets made by the gateway or taken from its host", |w| {
        w.originated
    }),
    ("worker_local_packets", "Packets delivered to the gateway or its host", |w| w.local),
    ("worker_handed_out_packets", "Packets given to the worker that owns the connection", |w| {
        w.handed_out
    }),
    ("worker_handed_in_packets", "Packets taken from other workers", |w| w.handed_in),
    ("worker_bursts", "Bursts that carried at least one packet", |w| w.bursts),
];

const CONNTRACK: &[Field<ConntrackStats>] = &[
    ("conntrack_inserted", "Connections made", |c| c.inserted),
    ("conntrack_insert_failed", "Connections that could not be inserted", |c| c.insert_failed),
    ("conntrack_expired", "Connections whose time ran out", |c| c.expired),
    ("conntrack_invalid", "Packets of no connection that may start none", |c| c.invalid),
    ("conntrack_dropped", "Packets dropped because the table was full", |c| c.drop),
    ("conntrack_early_dropped", "Connections that gave way to new ones", |c| c.early_drop),
    ("conntrack_nat_exhausted", "Connections for which no outside port was free", |c| {
        c.nat_exhausted
    }),
];

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(stats) = self;
        let conntrack = stats.conntrack.unwrap_or_default();
        let MempoolStats { capacity, in_use } = stats.mempool.unwrap_or_default();
        let version = ("version", stats.version.clone());
        gauge(&mut encoder, "build_info", "The gateway's version", [(vec![version], 1)])?;
        for (name, help, value) in [
            (
                "uptime_seconds",
                "Time since the gateway began to carry traffic",
                stats.uptime_ms / 1000,
            ),
            (
                "configuration_generation",
                "Generation of the configuration in force",
                stats.generation,
            ),
            ("conntrack_entries", "Connections in the table", conntrack.count),
            ("conntrack_entries_limit", "Connections the table may hold", conntrack.max),
            ("mempool_buffers", "Packet buffers", capacity),
            ("mempool_buffers_in_use", "Packet buffers outside the pool", in_use),
            ("neighbours", "Entries of the neighbour tables", stats.neighbours),
            ("routes", "Entries of the routing tables", stats.routes),
        ] {
            gauge(&mut encoder, name, help, [(vec![], value)])?;
        }
        interfaces(&mut encoder, &stats.interfaces)?;
        for (name, help, field) in QUEUE {
            let values = stats.queues.iter().map(|q| {
                let queue = ("queue", q.queue.to_string());
                (vec![("interface", q.interface.clone()), queue], field(q))
            });
            counter(&mut encoder, name, help, values)?;
        }
        workers(&mut encoder, &stats.workers)?;
        for (name, help, field) in CONNTRACK {
            counter(&mut encoder, name, help, [(vec![], field(&conntrack))])?;
        }
        Ok(())
    }
}

fn interfaces(encoder: &mut DescriptorEncoder<'_>, interfaces: &[InterfaceStats]) -> fmt::Result {
    let up = interfaces.iter().map(|i| {
        let labels = vec![("interface", i.name.clone()), ("device", i.device.clone())];
        (labels, u64::from(i.link_up))
    });
    gauge(encoder, "interface_up", "Whether the link is up", up)?;
    for (name, help, field) in INTERFACE {
        // A sub-interface shares its parent's port, whose counters are not its own.
        let own = interfaces.iter().filter(|i| !i.device.is_empty());
        let values = own.map(|i| (vec![("interface", i.name.clone())], field(i)));
        counter(encoder, name, help, values)?;
    }
    Ok(())
}

fn workers(encoder: &mut DescriptorEncoder<'_>, workers: &[WorkerStats]) -> fmt::Result {
    let label = |w: &WorkerStats| ("worker", w.id.to_string());
    let gauges: [Field<WorkerStats>; 3] = [
        ("worker_healthy", "Whether the worker finishes its turns", |w| w.healthy.into()),
        ("worker_held_packets", "Packets waiting for a neighbour or for fragments", |w| w.held),
        ("worker_connections", "Connections the worker owns", |w| w.connections),
    ];
    for (name, help, field) in gauges {
        gauge(encoder, name, help, workers.iter().map(|w| (vec![label(w)], field(w))))?;
    }
    for (name, help, field) in WORKER {
        counter(encoder, name, help, workers.iter().map(|w| (vec![label(w)], field(w))))?;
    }
    // Also what has not happened yet: a rate needs a number before its first step.
    let drops = workers.iter().flat_map(|worker| {
        DropReason::ALL.iter().map(move |reason| {
            let count = worker.drops.get(reason.name()).copied().unwrap_or(0);
            (vec![label(worker), ("reason", reason.name().to_owned())], count)
        })
    });
    counter(encoder, "dropped_packets", "Packets dropped, by reason", drops)
}

/// Labels of a value, and the value.
type Labelled = (Vec<(&'static str, String)>, u64);

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = Labelled>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        ConstCounter::new(value).encode(family.encode_family(&escaped(labels))?)?;
    }
    Ok(())
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = Labelled>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(family.encode_family(&escaped(labels))?)?;
    }
    Ok(())
}

/// The library writes label values as they are; the names of interfaces and files may hold anything.
fn escaped(mut labels: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    for (_, value) in &mut labels {
        *value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let worker = WorkerStats {
            id: 1,
            rx: 70,
            healthy: true,
            drops: [("no-route".to_owned(), 4)].into(),
            ..WorkerStats::default()
        };
        let lan = InterfaceStats {
            name: "lan \"0\"".into(),
            device: "af_packet:lan0".into(),
            link_up: true,
            rx_missed: 3,
            ..InterfaceStats::default()
        };
        let sub = InterfaceStats { name: "lan.5".into(), ..InterfaceStats::default() };
        let page = page(GetStatsResponse {
            version: "0.1.0".into(),
            uptime_ms: 2500,
            workers: vec![worker],
            interfaces: vec![lan, sub],
            conntrack: Some(ConntrackStats { count: 7, max: 9, ..ConntrackStats::default() }),
            ..GetStatsResponse::default()
        });
        let page = page.unwrap();
        for line in [
            "# TYPE sluice_interface_receive_missed counter",
            "sluice_interface_receive_missed_total{interface=\"lan \\\"0\\\"\"} 3",
            "sluice_interface_up{interface=\"lan.5\",device=\"\"} 0",
            "sluice_dropped_packets_total{worker=\"1\",reason=\"no-route\"} 4",
            "sluice_dropped_packets_total{worker=\"1\",reason=\"oversized\"} 0",
            "sluice_worker_received_packets_total{worker=\"1\"} 70",
            "sluice_worker_healthy{worker=\"1\"} 1",
            "sluice_conntrack_entries{} 7",
            "sluice_uptime_seconds{} 2",
            "sluice_build_info{version=\"0.1.0\"} 1",
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(!page.contains("missed_total{interface=\"lan.5\"}"), "{page}");
    }
}
