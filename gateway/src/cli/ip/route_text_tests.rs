//! The expected lines are what iproute2 6.1 printed for the same routes in the kernel.

use super::*;
use crate::cli::ip::words::prefix;
use sluice_control::proto::Family;

fn route(destination: &str, via: &str, interface: &str) -> Route {
    let octets = |text: &str| match text {
        "" => Vec::new(),
        text => wire::octets(text.parse().expect("an address")),
    };
    Route {
        destination: Some(prefix(destination, Family::Unspecified).expect("a prefix")),
        next_hops: vec![NextHop {
            via: octets(via),
            interface: interface.into(),
            ..NextHop::default()
        }],
        ..Route::default()
    }
}

fn typed(kind: RouteType, destination: &str) -> Route {
    Route { next_hops: vec![], r#type: kind.into(), ..route(destination, "", "") }
}

/// A default route, a connected network, one with options, several next hops and a refusal.
fn sample() -> Vec<Route> {
    let mut connected = route("10.1.0.0/16", "", "v0");
    connected.protocol = "kernel".into();
    connected.preferred_source = vec![10, 1, 0, 1];
    let mut host = route("10.6.0.1", "", "v0");
    host.protocol = "bgp".into();
    host.preferred_source = vec![10, 1, 0, 9];
    host.mtu = 1300;
    let mut onlink = route("10.6.0.2", "10.77.0.1", "v0");
    onlink.next_hops.iter_mut().for_each(|hop| hop.onlink = true);
    let mut many = route("10.7.0.0/16", "10.1.0.3", "v0");
    many.next_hops.iter_mut().for_each(|hop| hop.weight = 2);
    many.next_hops.extend(route("10.7.0.0/16", "10.1.0.4", "v0").next_hops);
    let mut refusal = typed(RouteType::Unreachable, "10.8.0.0/16");
    refusal.metric = 5;
    vec![route("default", "10.1.0.254", "v0"), connected, host, onlink, many, refusal]
}

#[test]
fn a_listing() {
    let text: String = sample().iter().map(|r| entry(r, Elide::default(), false)).collect();
    assert_eq!(
        text,
        "default via 10.1.0.254 dev v0 \n\
         10.1.0.0/16 dev v0 proto kernel scope link src 10.1.0.1 \n\
         10.6.0.1 dev v0 proto bgp scope link src 10.1.0.9 mtu 1300 \n\
         10.6.0.2 via 10.77.0.1 dev v0 onlink \n\
         10.7.0.0/16 \n\tnexthop via 10.1.0.3 dev v0 weight 2 \n\tnexthop via 10.1.0.4 dev v0 weight 1 \n\
         unreachable 10.8.0.0/16 metric 5 \n"
    );
}

#[test]
fn the_same_as_json() {
    let rendered: Vec<Value> =
        sample().iter().map(|r| entry_json(r, Elide::default(), false)).collect();
    assert_eq!(
        Value::from(rendered).to_string(),
        r#"[{"dst":"default","gateway":"10.1.0.254","dev":"v0","flags":[]},{"dst":"10.1.0.0/16","dev":"v0","protocol":"kernel","scope":"link","prefsrc":"10.1.0.1","flags":[]},{"dst":"10.6.0.1","dev":"v0","protocol":"bgp","scope":"link","prefsrc":"10.1.0.9","flags":[],"metrics":[{"mtu":1300}]},{"dst":"10.6.0.2","gateway":"10.77.0.1","dev":"v0","flags":["onlink"]},{"dst":"10.7.0.0/16","flags":[],"nexthops":[{"gateway":"10.1.0.3","dev":"v0","weight":2,"flags":[]},{"gateway":"10.1.0.4","dev":"v0","weight":1,"flags":[]}]},{"type":"unreachable","dst":"10.8.0.0/16","metric":5,"flags":[]}]"#
    );
}

#[test]
fn ipv6_names_metric_and_preference() {
    let mut connected = route("fd00:1::/64", "", "v0");
    connected.protocol = "kernel".into();
    assert_eq!(
        entry(&connected, Elide::default(), false),
        "fd00:1::/64 dev v0 proto kernel metric 256 pref medium\n"
    );
    assert_eq!(
        entry(&typed(RouteType::Blackhole, "fd00:9::/64"), Elide::default(), false),
        "blackhole fd00:9::/64 dev lo metric 1024 pref medium\n"
    );
    let mut default = route("::/0", "fd00:1::fe", "v0");
    default.metric = 20;
    assert_eq!(
        entry_json(&default, Elide::default(), false).to_string(),
        r#"{"dst":"default","gateway":"fd00:1::fe","dev":"v0","metric":20,"flags":[],"pref":"medium"}"#
    );
}

#[test]
fn what_the_filter_says_is_left_out() {
    let default = route("default", "10.1.0.254", "v0");
    let elide = Elide { interface: true, ..Elide::default() };
    assert_eq!(entry(&default, elide, false), "default via 10.1.0.254 \n");
    let elide = Elide { via: true, ..Elide::default() };
    assert_eq!(entry(&default, elide, false), "default dev v0 \n");
}

#[test]
fn details_say_everything() {
    let blackhole = typed(RouteType::Blackhole, "10.9.0.0/16");
    let elide = Elide { table: true, ..Elide::default() };
    assert_eq!(entry(&blackhole, elide, true), "blackhole 10.9.0.0/16 proto boot scope global \n");
}

#[test]
fn decisions() {
    let ask = |text: &str| Question {
        destination: wire::octets(text.parse().expect("an address")),
        from: None,
        input_interface: None,
    };
    let answer = |route: Route, source: &str| GetRouteResponse {
        route: Some(route),
        source: wire::octets(source.parse().expect("an address")),
    };
    assert_eq!(
        decision(&ask("8.8.8.8"), &answer(route("default", "10.1.0.254", "v0"), "10.1.0.1")),
        "8.8.8.8 via 10.1.0.254 dev v0 src 10.1.0.1 uid 0 \n    cache \n"
    );
    let mut local = route("10.1.0.1", "", "v0");
    local.set_type(RouteType::Local);
    assert_eq!(
        decision(&ask("10.1.0.1"), &answer(local, "10.1.0.1")),
        "local 10.1.0.1 dev lo src 10.1.0.1 uid 0 \n    cache <local> \n"
    );
    let mut default = route("::/0", "fd00:1::fe", "v0");
    default.metric = 20;
    assert_eq!(
        decision(&ask("fd00:99::1"), &answer(default, "fd00:1::1")),
        "fd00:99::1 from :: via fd00:1::fe dev v0 src fd00:1::1 metric 20 pref medium\n"
    );
    assert_eq!(
        decision_json(&ask("8.8.8.8"), &answer(route("default", "10.1.0.254", "v0"), "10.1.0.1"))
            .to_string(),
        r#"{"dst":"8.8.8.8","gateway":"10.1.0.254","dev":"v0","prefsrc":"10.1.0.1","flags":[],"uid":0,"cache":[]}"#
    );
}
