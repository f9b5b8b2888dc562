//! A control plane with two interfaces, no workers and nothing behind its ports. Shared with the fuzz targets.
#![allow(clippy::expect_used, reason = "what cannot be built fails the test")]
#![allow(dead_code, unreachable_pub, reason = "each user uses its part")]
#![allow(clippy::missing_panics_doc, reason = "for tests alone")]

use sluice_control::candidate::{Texts, read};
use sluice_control::controller::{Controller, Parts};
use sluice_control::interfaces::{OpenPort, OpenPorts};
use sluice_control::routes::Routes;
use sluice_control::server::{Expected, Hardware, Insight, Plane, PortCounters, QueueCounters};
use sluice_dataplane::address::Mac;
use sluice_dataplane::conntrack::{Expectations, Journal};
use sluice_dataplane::fib::Fib;
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings};
use sluice_dataplane::published::Published;
use sluice_dataplane::rules::Rules;
use sluice_dataplane::snapshot::{IpSettings, Snapshot};
use sluice_dataplane::stamp::Stamp;
use sluice_dataplane::time::Instant;
use sluice_dataplane::trace::Traces;
use std::sync::{Arc, Mutex};

const TOML: &str = r#"
[[interface]]
name = "lan"
device = "af_packet:lan0"
address = ["10.1.0.1/16", "fd00:1::1/64"]
[[interface]]
name = "wan"
device = "af_packet:wan0"
address = ["192.168.1.2/24"]
"#;

#[derive(Debug)]
struct NoHardware;

impl Hardware for NoHardware {
    fn port(&self, _interface: &str) -> Option<PortCounters> {
        Some(PortCounters::default())
    }
    fn queues(&self, _interface: &str) -> Vec<QueueCounters> {
        vec![QueueCounters::default()]
    }
    fn buffers(&self) -> (u64, u64) {
        (1, 0)
    }
    fn memory_mode(&self) -> String {
        "none".into()
    }
}

fn port(interface: &str, port: u16) -> OpenPort {
    let mac = Mac([2, 0, 0, 0, 0, port as u8]);
    OpenPort { interface: interface.into(), port, mac, mtu: 1500, software_peer: false }
}

/// The configuration: interfaces `lan` and `wan`, no rules.
pub fn texts() -> Texts {
    Texts { file: "test".into(), toml: TOML.into(), ..Texts::default() }
}

/// With that configuration.
pub fn plane() -> Arc<Plane> {
    let candidate = read(texts()).expect("good");
    let snapshot = Snapshot {
        number: 0,
        interfaces: Default::default(),
        next_hops: Vec::new(),
        rules4: Rules::empty(0),
        rules6: Rules::empty(0),
        ip: IpSettings::default(),
        conntrack: Default::default(),
        stamp: Stamp::fresh(),
    };
    let (fib4, writer4) = Fib::new(16).expect("memory");
    let (fib6, writer6) = Fib::new(16).expect("memory");
    let neighbours = NeighbourTable::new(16, 7);
    let controller = Controller::start(Parts {
        candidate,
        open: OpenPorts { ports: vec![port("lan", 0), port("wan", 1)], twins: Vec::new() },
        workers: 0,
        routes: Routes::new(writer4, writer6),
        neighbours: Machine::new(Arc::clone(&neighbours), Settings::default()),
        published: Arc::new(Published::new(Arc::new(snapshot))),
    });
    let traces = Arc::new(Traces::new(64));
    let insight =
        Insight { traces, fib4, fib6, neighbours, sockets: Arc::default(), tell_time: |_| {} };
    Arc::new(Plane {
        controller: Mutex::new(controller.expect("good")),
        changing: Default::default(),
        workers: Vec::new(),
        hardware: Arc::new(NoHardware),
        journal: Arc::new(Journal::new(64)),
        expected: Expected {
            v4: Arc::new(Expectations::new([1, 2])),
            v6: Arc::new(Expectations::new([1, 2])),
        },
        insight,
        clock: || Instant(1_000_000_000),
    })
}
