//! The same rules and the same packets to the kernel and to Sluice: what comes out must be equal.

mod accounts;
mod bridge;
mod chunks;
mod conntrack;
mod copies;
mod created;
mod forwarding;
mod found;
mod found_errors;
mod found_headers;
mod found_tracking;
mod fragments;
mod gre;
mod helpers;
mod hostile;
mod ipset;
mod ipv6;
mod logs;
mod matches;
mod matches_around;
mod matches_bytes;
mod matches_rates;
mod nat;
mod options;
mod random;
mod recent;
mod rules;
mod sctp;
mod sets;
mod short;
mod synproxy;
mod targets;
mod text;
mod timeouts;
mod trace;
mod zones;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use sluice_tests::Kind;
use sluice_tests::differential::Scenario;
use sluice_tests::frame::Packet;

/// An inside host.
const INSIDE: &str = "10.1.0.2";
/// Another one.
const INSIDE_2: &str = "10.1.0.3";
/// An outside host, on the router's own net.
const OUTSIDE: &str = "192.168.1.9";
/// An outside host behind the default route.
const FAR: &str = "198.51.100.7";
/// The router's inside address.
const ROUTER_IN: &str = "10.1.0.1";
/// The router's outside address.
const ROUTER_OUT: &str = "192.168.1.146";

/// The comparison itself: a router that leaves one TTL otherwise is found out.
#[test]
#[should_panic(expected = "differs from the kernel")]
fn a_difference_is_seen() {
    let round = AtomicU8::new(60);
    let scenario = Scenario::new("", move |lab| {
        let ttl = round.fetch_add(1, Ordering::Relaxed);
        lab.lan(&Packet::new(INSIDE, OUTSIDE).udp(1000, 53, b"question").ttl(ttl));
    });
    scenario.compare(&OnceLock::new(), Kind::Kernel);
}
