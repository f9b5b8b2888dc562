//! Any messages are answered: a kind, a length, and the bytes of a request, one behind the other, to one control plane.
//! Rules that came to be so read back.
#![no_main]

#[path = "../../control/tests/plane/mod.rs"]
mod plane;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use sluice_config::netfilter::{AnySet, Family, Names, RestoreOptions, Ruleset, SaveOptions};
use sluice_control::candidate;
use sluice_control::proto::config_service_client::ConfigServiceClient;
use sluice_control::proto::conntrack_service_client::ConntrackServiceClient;
use sluice_control::proto::network_service_client::NetworkServiceClient;
use sluice_control::proto::recent_service_client::RecentServiceClient;
use sluice_control::proto::rules_service_client::RulesServiceClient;
use sluice_control::proto::sets_service_client::SetsServiceClient;
use sluice_control::proto::stats_service_client::StatsServiceClient;
use sluice_control::proto::trace_service_client::TraceServiceClient;
use sluice_control::server::{self, Plane};
use std::sync::{Arc, LazyLock};
use tonic::service::Routes;

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(converse(bytes));
});

/// One for all runs, with what it was made with: its forwarding tables are large.
fn fresh() -> &'static Arc<Plane> {
    static PLANE: LazyLock<Arc<Plane>> = LazyLock::new(plane::plane);
    let candidate = candidate::read(plane::texts()).expect("good");
    PLANE.lock().apply(candidate, (PLANE.clock)()).expect("good");
    &PLANE
}

async fn converse(bytes: &[u8]) {
    let plane = fresh();
    let routes = server::routes(plane).await.expect("routes");
    let mut rest = bytes;
    while let [kind, low, high, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (message, behind) = tail.split_at(tail.len().min(length));
        rest = behind;
        ask(routes.clone(), *kind, message).await;
    }
    for family in [Family::V4, Family::V6] {
        let options = SaveOptions { counters: true, ..SaveOptions::default() };
        let (saved, policies) = {
            let mut controller = plane.lock();
            (controller.rules(family).save(&options), controller.running.config.timeouts.clone())
        };
        let counted = RestoreOptions { counters: true, ..RestoreOptions::default() };
        let names = Names { sets: &AnySet, policies: Some(&policies) };
        let again = Ruleset::new(family).restore_naming(&saved, "saved", &counted, names);
        let again = again.unwrap_or_else(|wrong| panic!("{wrong:?}\n{saved}"));
        assert_eq!(again.save(&options), saved);
    }
}

/// Sends the message, where the bytes are one, and does not mind the answer.
macro_rules! call {
    ($client:ident, $method:ident, $routes:expr, $bytes:expr) => {
        if let Ok(message) = Message::decode($bytes) {
            let _ = $client::new($routes).$method(tonic::Request::new(message)).await;
        }
    };
}

async fn ask(routes: Routes, kind: u8, bytes: &[u8]) {
    match kind {
        0 => call!(ConfigServiceClient, push, routes, bytes),
        1 => call!(ConfigServiceClient, get, routes, bytes),
        2 => call!(ConntrackServiceClient, list, routes, bytes),
        3 => call!(ConntrackServiceClient, delete, routes, bytes),
        4 => call!(ConntrackServiceClient, flush, routes, bytes),
        5 => call!(ConntrackServiceClient, count, routes, bytes),
        6 => call!(ConntrackServiceClient, follow, routes, bytes),
        7 => call!(NetworkServiceClient, list_routes, routes, bytes),
        8 => call!(NetworkServiceClient, change_route, routes, bytes),
        9 => call!(NetworkServiceClient, get_route, routes, bytes),
        10 => call!(NetworkServiceClient, list_neighbours, routes, bytes),
        11 => call!(NetworkServiceClient, change_neighbour, routes, bytes),
        12 => call!(NetworkServiceClient, flush_neighbours, routes, bytes),
        13 => call!(NetworkServiceClient, list_addresses, routes, bytes),
        14 => call!(NetworkServiceClient, change_address, routes, bytes),
        15 => call!(NetworkServiceClient, list_links, routes, bytes),
        16 => call!(NetworkServiceClient, set_link, routes, bytes),
        17 => call!(RecentServiceClient, list, routes, bytes),
        18 => call!(RecentServiceClient, get, routes, bytes),
        19 => call!(RecentServiceClient, write, routes, bytes),
        20 => call!(RulesServiceClient, restore, routes, bytes),
        21 => call!(RulesServiceClient, save, routes, bytes),
        22 => call!(RulesServiceClient, command, routes, bytes),
        23 => call!(RulesServiceClient, zero_counters, routes, bytes),
        24 => call!(SetsServiceClient, command, routes, bytes),
        25 => call!(StatsServiceClient, get, routes, bytes),
        26 => call!(TraceServiceClient, follow, routes, bytes),
        27 => call!(TraceServiceClient, explain, routes, bytes),
        28 => call!(ConntrackServiceClient, create, routes, bytes),
        29 => call!(ConntrackServiceClient, update, routes, bytes),
        30 => call!(ConntrackServiceClient, list_expectations, routes, bytes),
        31 => call!(ConntrackServiceClient, delete_expectation, routes, bytes),
        32 => call!(ConntrackServiceClient, flush_expectations, routes, bytes),
        _ => {}
    }
}
