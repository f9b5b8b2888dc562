//! Routes as `ip route` prints them.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sluice_control::proto::{GetRouteResponse, NextHop, Route, RouteType};

use super::words::prefix_text;
use crate::cli::wire;

/// Main routing table's number.
const MAIN: u32 = 254;
/// Metric the kernel gives IPv6 routes that name none.
const IPV6_METRIC: u32 = 1024;

/// What a filter made redundant: iproute2 leaves out what the user already said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Elide {
    pub(super) interface: bool,
    pub(super) table: bool,
    pub(super) protocol: bool,
    pub(super) scope: bool,
    pub(super) kind: bool,
    pub(super) via: bool,
}

/// A route with the parts that iproute2 derives filled in.
struct View<'a> {
    route: &'a Route,
    kind: RouteType,
    ipv6: bool,
    destination: String,
    table: u32,
    scope: &'a str,
    metric: u32,
    /// The next hop, when there is exactly one.
    hop: Option<&'a NextHop>,
}

impl<'a> View<'a> {
    fn of(route: &'a Route) -> Self {
        let kind = match route.r#type() {
            RouteType::Unspecified => RouteType::Unicast,
            kind => kind,
        };
        let prefix = route.destination.as_ref();
        let ipv6 = prefix.is_some_and(|prefix| prefix.address.len() == 16);
        let hop = match route.next_hops.as_slice() {
            [hop] => Some(hop),
            _ => None,
        };
        Self {
            route,
            kind,
            ipv6,
            destination: prefix.map_or_else(|| "default".to_owned(), prefix_text),
            table: if route.table == 0 { MAIN } else { route.table },
            scope: scope(route, kind, ipv6),
            metric: metric(route, kind, ipv6),
            hop,
        }
    }

    fn via(&self) -> Option<String> {
        self.hop.filter(|hop| !hop.via.is_empty()).map(|hop| wire::address_text(&hop.via))
    }

    /// The kernel hangs IPv6 routes that forward nothing on the loopback.
    fn interface(&self) -> Option<&'a str> {
        let rejects = matches!(
            self.kind,
            RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit | RouteType::Throw
        );
        match self.hop {
            Some(hop) if !hop.interface.is_empty() => Some(&hop.interface),
            None if self.ipv6 && rejects => Some("lo"),
            _ => None,
        }
    }
}

fn metric(route: &Route, kind: RouteType, ipv6: bool) -> u32 {
    match (route.metric, ipv6) {
        (0, true) if kind == RouteType::Local => 0,
        (0, true) if route.protocol == "kernel" => 256,
        (0, true) => IPV6_METRIC,
        (metric, _) => metric,
    }
}

/// iproute2's choice where no scope was given; IPv6 knows only the global one.
fn scope(route: &Route, kind: RouteType, ipv6: bool) -> &str {
    if ipv6 {
        return "global";
    }
    if !route.scope.is_empty() {
        return &route.scope;
    }
    match kind {
        RouteType::Local => "host",
        RouteType::Broadcast | RouteType::Multicast => "link",
        RouteType::Unicast | RouteType::Unspecified => {
            let direct = |hop: &NextHop| hop.via.is_empty();
            if route.next_hops.len() == 1 && route.next_hops.iter().all(direct) {
                "link"
            } else {
                "global"
            }
        }
        RouteType::Blackhole | RouteType::Unreachable | RouteType::Prohibit | RouteType::Throw => {
            "global"
        }
    }
}

pub(super) fn type_name(kind: RouteType) -> &'static str {
    match kind {
        RouteType::Unspecified | RouteType::Unicast => "unicast",
        RouteType::Local => "local",
        RouteType::Broadcast => "broadcast",
        RouteType::Blackhole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Multicast => "multicast",
        RouteType::Throw => "throw",
    }
}

/// One route of a listing, with its newline.
pub(super) fn entry(route: &Route, elide: Elide, details: bool) -> String {
    let view = View::of(route);
    let mut out = String::new();
    if (view.kind != RouteType::Unicast || details) && !elide.kind {
        let _ = write!(out, "{} ", type_name(view.kind));
    }
    let _ = write!(out, "{} ", view.destination);
    if let Some(via) = view.via().filter(|_| !elide.via) {
        let _ = write!(out, "via {via} ");
    }
    if let Some(interface) = view.interface().filter(|_| !elide.interface) {
        let _ = write!(out, "dev {interface} ");
    }
    if view.table != MAIN && !elide.table {
        let _ = write!(out, "table {} ", table_name(view.table));
    }
    if let Some(protocol) = protocol(route, details).filter(|_| !elide.protocol) {
        let _ = write!(out, "proto {protocol} ");
    }
    if (view.scope != "global" || details) && !elide.scope {
        let _ = write!(out, "scope {} ", view.scope);
    }
    push_tail(&mut out, &view);
    if view.hop.is_none() {
        for hop in &route.next_hops {
            out.push_str(&next_hop(hop));
        }
    }
    out.push('\n');
    out
}

/// From the preferred source to the end of the first line.
fn push_tail(out: &mut String, view: &View<'_>) {
    if !view.route.preferred_source.is_empty() {
        let _ = write!(out, "src {} ", wire::address_text(&view.route.preferred_source));
    }
    if view.metric != 0 || view.ipv6 {
        let _ = write!(out, "metric {} ", view.metric);
    }
    for flag in flags(view) {
        let _ = write!(out, "{flag} ");
    }
    if view.route.mtu != 0 {
        let _ = write!(out, "mtu {} ", view.route.mtu);
    }
    if view.ipv6 {
        out.push_str("pref medium");
    }
}

fn flags(view: &View<'_>) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if view.hop.is_some_and(|hop| hop.onlink) {
        flags.push("onlink");
    }
    if view.route.link_down {
        flags.push("linkdown");
    }
    flags
}

/// "boot" is what a route is when nobody says otherwise, and is not said.
fn protocol(route: &Route, details: bool) -> Option<&str> {
    match route.protocol.as_str() {
        "" | "boot" => details.then_some("boot"),
        other => Some(other),
    }
}

fn next_hop(hop: &NextHop) -> String {
    let mut out = "\n\tnexthop ".to_owned();
    if !hop.via.is_empty() {
        let _ = write!(out, "via {} ", wire::address_text(&hop.via));
    }
    let _ = write!(out, "dev {} weight {} ", hop.interface, hop.weight.max(1));
    if hop.onlink {
        out.push_str("onlink ");
    }
    out
}

fn table_name(table: u32) -> String {
    match table {
        253 => "default".to_owned(),
        MAIN => "main".to_owned(),
        255 => "local".to_owned(),
        number => number.to_string(),
    }
}

/// One route of a listing as iproute2's JSON, keys in its order.
pub(super) fn entry_json(route: &Route, elide: Elide, details: bool) -> Value {
    let view = View::of(route);
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    if (view.kind != RouteType::Unicast || details) && !elide.kind {
        put("type", json!(type_name(view.kind)));
    }
    put("dst", json!(view.destination));
    if let Some(via) = view.via().filter(|_| !elide.via) {
        put("gateway", json!(via));
    }
    if let Some(interface) = view.interface().filter(|_| !elide.interface) {
        put("dev", json!(interface));
    }
    if view.table != MAIN && !elide.table {
        put("table", json!(table_name(view.table)));
    }
    if let Some(protocol) = protocol(route, details).filter(|_| !elide.protocol) {
        put("protocol", json!(protocol));
    }
    if (view.scope != "global" || details) && !elide.scope {
        put("scope", json!(view.scope));
    }
    if !route.preferred_source.is_empty() {
        put("prefsrc", json!(wire::address_text(&route.preferred_source)));
    }
    if view.metric != 0 || view.ipv6 {
        put("metric", json!(view.metric));
    }
    put("flags", json!(flags(&view)));
    if route.mtu != 0 {
        put("metrics", json!([{ "mtu": route.mtu }]));
    }
    if view.ipv6 {
        put("pref", json!("medium"));
    }
    if view.hop.is_none() && !route.next_hops.is_empty() {
        put("nexthops", route.next_hops.iter().map(next_hop_json).collect());
    }
    Value::Object(out)
}

fn next_hop_json(hop: &NextHop) -> Value {
    let mut out = Map::new();
    if !hop.via.is_empty() {
        out.insert("gateway".into(), json!(wire::address_text(&hop.via)));
    }
    out.insert("dev".into(), json!(hop.interface));
    out.insert("weight".into(), json!(hop.weight.max(1)));
    let flags: &[&str] = if hop.onlink { &["onlink"] } else { &[] };
    out.insert("flags".into(), json!(flags));
    Value::Object(out)
}

/// What was asked of `ip route get`.
pub(super) struct Question {
    pub(super) destination: Vec<u8>,
    /// The packet's source, when one was given.
    pub(super) from: Option<Vec<u8>>,
    pub(super) input_interface: Option<String>,
}

/// The answer of `ip route get`.
pub(super) fn decision(question: &Question, answer: &GetRouteResponse) -> String {
    let route = answer.route.clone().unwrap_or_default();
    let ipv6 = question.destination.len() == 16;
    let mut out = String::new();
    if route.r#type() == RouteType::Local {
        out.push_str("local ");
    }
    let _ = write!(out, "{} ", wire::address_text(&question.destination));
    match (&question.from, ipv6) {
        (Some(from), _) => {
            let _ = write!(out, "from {} ", wire::address_text(from));
        }
        (None, true) => out.push_str("from :: "),
        (None, false) => {}
    }
    if let Some(hop) = route.next_hops.first() {
        if !hop.via.is_empty() {
            let _ = write!(out, "via {} ", wire::address_text(&hop.via));
        }
        let interface = if route.r#type() == RouteType::Local { "lo" } else { &hop.interface };
        let _ = write!(out, "dev {interface} ");
    }
    if ipv6 && let Some(protocol) = protocol(&route, false) {
        let _ = write!(out, "proto {protocol} ");
    }
    if !answer.source.is_empty() && question.input_interface.is_none() {
        let _ = write!(out, "src {} ", wire::address_text(&answer.source));
    }
    if ipv6 {
        let _ = writeln!(out, "metric {} pref medium", metric(&route, route.r#type(), true));
        return out;
    }
    if question.input_interface.is_none() {
        out.push_str("uid 0 ");
    }
    out.push_str("\n    cache ");
    if route.r#type() == RouteType::Local {
        out.push_str("<local> ");
    }
    if let Some(interface) = &question.input_interface {
        let _ = write!(out, "iif {interface} ");
    }
    out.push('\n');
    out
}

/// The answer of `ip -j route get`.
pub(super) fn decision_json(question: &Question, answer: &GetRouteResponse) -> Value {
    let route = answer.route.clone().unwrap_or_default();
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    if route.r#type() == RouteType::Local {
        put("type", json!("local"));
    }
    put("dst", json!(wire::address_text(&question.destination)));
    if let Some(from) = &question.from {
        put("from", json!(wire::address_text(from)));
    }
    if let Some(hop) = route.next_hops.first() {
        if !hop.via.is_empty() {
            put("gateway", json!(wire::address_text(&hop.via)));
        }
        put("dev", json!(hop.interface));
    }
    if !answer.source.is_empty() && question.input_interface.is_none() {
        put("prefsrc", json!(wire::address_text(&answer.source)));
    }
    put("flags", json!([]));
    put("uid", json!(0));
    let local = route.r#type() == RouteType::Local;
    put("cache", if local { json!(["local"]) } else { json!([]) });
    if let Some(interface) = &question.input_interface {
        put("iif", json!(interface));
    }
    Value::Object(out)
}

#[cfg(test)]
#[path = "route_text_tests.rs"]
mod tests;
