//! Scenarios of IPv6.

mod extensions;
mod forwarding;
mod fragments;
mod link;
mod logs;
mod matches;
mod prefixes;
mod redirects;
mod rules;
mod sets;
mod targets;
mod tracking;
mod translation;

use crate::conntrack::STATEFUL;
use sluice_tests::frame::Packet;

/// An inside host.
const INSIDE: &str = "fd00:1::2";
/// Another one.
const INSIDE_2: &str = "fd00:1::3";
/// An outside host, on the router's own net.
const OUTSIDE: &str = "fd00:2::9";
/// An outside host behind the default route.
const FAR: &str = "2001:db8::7";
/// The router's inside address.
const ROUTER_IN: &str = "fd00:1::1";
/// The router's outside address.
const ROUTER_OUT: &str = "fd00:2::1";

const SNAT: &str = "
    *nat
    -A POSTROUTING -s fd00:1::/64 -o wan0 -j SNAT --to-source fd00:2::1
    COMMIT";

const UNREACHABLE: u8 = 1;
const TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;

fn out() -> Packet {
    Packet::new(INSIDE, OUTSIDE)
}

fn back() -> Packet {
    Packet::new(OUTSIDE, INSIDE)
}
