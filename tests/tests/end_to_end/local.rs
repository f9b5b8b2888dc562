//! Owns the tests of the gateway's own processes: servers on it, a proxy, its own requests.

use std::time::Duration;

use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router};

use crate::MASQUERADE;
use crate::nat::DNSMASQ;

on_every_router!(
    web_server,
    name_server,
    redirect,
    own_requests,
    input_rules,
    output_rules,
    silent_neighbours,
    groups
);

fn web_server(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.router, "[::]:80", "gateway", http::noise(3_000_000));
    let _router = Router::start(kind, &net, &Setup::new(""));
    let page = net.client.must("curl -sS -m 10 http://10.1.0.1/");
    assert_eq!(page, "gateway saw ::ffff:10.1.0.2\n");
    let page = net.client.must("curl -sS -m 10 http://[fd00:1::1]/");
    assert_eq!(page, "gateway saw fd00:1::2\n");
    let page = net.server.must("curl -sS -m 10 http://192.168.1.146/");
    assert_eq!(page, "gateway saw ::ffff:192.168.1.9\n");
    let length = net.client.must("curl -sS -m 30 http://10.1.0.1/file | wc -c");
    assert_eq!(length.trim(), "3000000");
}

fn name_server(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let _dns = net.router.start(&DNSMASQ, &net.scratch().join("dnsmasq.log"));
    for option in ["", "+tcp"] {
        let ask = format!("dig +short +time=2 {option} @10.1.0.1 web.example");
        let answered = eventually(Duration::from_secs(10), || {
            net.client.shell(&ask).stdout == "203.0.113.5\n"
        });
        assert!(answered, "{ask}: {:?}", net.client.shell(&ask));
    }
}

/// What the client sends to any web server lands on the proxy, and the answer seems to come from
/// the server that was asked.
fn redirect(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.router, "0.0.0.0:3128", "proxy", Vec::new());
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    let rules = "
        *nat
        -A PREROUTING -i lan0 -p tcp --dport 80 -j REDIRECT --to-ports 3128
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    let page = net.client.must("curl -sS -m 10 http://192.168.1.9/");
    assert_eq!(page, "proxy saw 10.1.0.2\n");
    let table = router.connections();
    assert!(table.contains("src=10.1.0.1 dst=10.1.0.2 sport=3128"), "{table}");
}

fn own_requests(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.server, "[::]:80", "server", http::noise(3_000_000));
    let rules = "
        *nat
        -A OUTPUT -d 192.168.1.200 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.9:80
        COMMIT
        *filter
        :INPUT DROP [0:0]
        -A INPUT -i lo -j ACCEPT
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules));
    let page = net.router.must("curl -sS -m 10 http://192.168.1.9/");
    assert_eq!(page, "server saw ::ffff:192.168.1.146\n");
    let page = net.router.must("curl -sS -m 10 http://[fd00:2::9]/");
    assert_eq!(page, "server saw fd00:2::1\n");
    let length = net.router.must("curl -sS -m 30 http://192.168.1.9/file | wc -c");
    assert_eq!(length.trim(), "3000000");
    net.router.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    let page = net.router.must("curl -sS -m 10 http://192.168.1.200:8080/");
    assert_eq!(page, "server saw ::ffff:192.168.1.146\n");
}

/// Only what the rules let in reaches the gateway's processes; what is refused is told.
fn input_rules(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.router, "0.0.0.0:80", "gateway", Vec::new());
    http::serve(&net.router, "0.0.0.0:81", "gateway", Vec::new());
    http::serve(&net.router, "0.0.0.0:82", "gateway", Vec::new());
    let rules = "
        *filter
        :INPUT DROP [0:0]
        -A INPUT -i lan0 -p tcp --dport 80 -j ACCEPT
        -A INPUT -i lan0 -p tcp --dport 81 -j REJECT --reject-with tcp-reset
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules));
    assert_eq!(net.client.must("curl -sS -m 5 http://10.1.0.1:80/"), "gateway saw 10.1.0.2\n");
    assert_eq!(net.client.shell("curl -sS -m 5 http://10.1.0.1:81/").code, 7, "not refused");
    assert_eq!(net.client.shell("curl -sS -m 2 http://10.1.0.1:82/").code, 28, "not dropped");
    assert_eq!(net.server.shell("curl -sS -m 2 http://192.168.1.146/").code, 28, "not dropped");
}

/// What the rules refuse to the gateway's own processes is told to these, at once.
fn output_rules(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.server, "[::]:80", "server", Vec::new());
    let rules = "
        *filter
        -A OUTPUT -p tcp --dport 81 -j REJECT
        -A OUTPUT -p tcp --dport 82 -j REJECT --reject-with tcp-reset
        -A OUTPUT -p tcp --dport 83 -j DROP
        -A OUTPUT -p udp --dport 53 -j REJECT
        -A OUTPUT -p tcp --dport 84 -j REJECT --reject-with icmp-host-prohibited
        COMMIT";
    let rules6 = "
        *filter
        -A OUTPUT -p tcp --dport 81 -j REJECT
        -A OUTPUT -p tcp --dport 82 -j REJECT --reject-with tcp-reset
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules).with_ip6tables(rules6));
    let asks = |url: &str| net.router.shell(&format!("curl -sS -m 3 {url}"));
    assert_eq!(asks("http://192.168.1.9/").stdout, "server saw ::ffff:192.168.1.146\n");
    for url in ["192.168.1.9:81", "192.168.1.9:82", "[fd00:2::9]:81", "[fd00:2::9]:82"] {
        let refused = asks(&format!("http://{url}/"));
        assert!(refused.stderr.contains("onnect"), "{url}: {refused:?}");
        assert_eq!(refused.code, 7, "{url}: {refused:?}");
    }
    assert_eq!(asks("http://192.168.1.9:83/").code, 28, "not dropped");
    assert_eq!(asks("http://192.168.1.9:84/").code, 7, "not prohibited");
    let asked = net.router.shell("dig +tries=1 +time=3 @192.168.1.9 web.example");
    assert!(asked.stdout.contains("connection refused"), "{asked:?}");
}

/// Where nobody answers for a next hop, the gateway's own processes are told, as others are.
fn silent_neighbours(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(""));
    for url in ["192.168.1.77", "[fd00:2::77]"] {
        let unreachable = net.router.shell(&format!("curl -sS -m 8 http://{url}/"));
        assert_eq!(unreachable.code, 7, "{url}: {unreachable:?}");
    }
}

/// The gateway's own programs hear what is sent to the multicast groups that they have joined, and INPUT sees nothing else.
fn groups(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *filter
        -A INPUT -d 224.0.0.0/4 -p udp --dport 5353 -j ACCEPT
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    let say = |group: &str| {
        net.client.must(&format!(
            "python3 -c 'import socket; \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\"who is\", (\"{group}\", 5353))'"
        ))
    };
    say("239.1.2.3");
    say("224.0.0.251");
    assert!(router.counters("filter").contains("[0:0] -A INPUT -d 224.0.0.0/4 "));
    let listen = |group: &str| {
        format!(
            "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"{group}\", 5353)); \
             s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(\"{group}\") + socket.inet_aton(\"10.1.0.1\")); \
             print(s.recvfrom(99)[1][0], flush=True)"
        )
    };
    for group in ["239.1.2.3", "224.0.0.251"] {
        let log = net.scratch().join(group);
        let _listener = net.router.start(&["python3", "-c", &listen(group)], &log);
        let heard = eventually(Duration::from_secs(10), || {
            say(group);
            std::fs::read_to_string(&log).is_ok_and(|heard| heard == "10.1.0.2\n")
        });
        assert!(heard, "{group}: {:?}", std::fs::read_to_string(&log));
    }
    assert!(!router.counters("filter").contains("[0:0] -A INPUT -d 224.0.0.0/4 "));
}
