//! Owns the tests of `-m socket`: which of the gateway's own sockets a packet would go to.

use std::time::Duration;

use sluice_tests::process::Background;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router};

on_every_router!(servers, own_connections, datagrams, datagrams_v6, errors, transparent);

/// Longer than a gateway knows nothing of a socket that has come or gone.
const NOTICED: Duration = Duration::from_millis(700);

/// Packets that the rule has counted which ends like this.
fn packets(counters: &str, rule: &str) -> u64 {
    let line = counters.lines().find(|line| line.ends_with(rule));
    let line = line.unwrap_or_else(|| panic!("no rule {rule:?} in\n{counters}"));
    count(line)
}

/// The packets of a line `[packets:bytes] -A …`.
fn count(line: &str) -> u64 {
    let packets = line.trim_start_matches('[').split(':').next();
    packets.and_then(|packets| packets.parse().ok()).expect("a counter")
}

/// What [`holding`] says in Python. A device is the twin, if there is one.
const SOCKETS: &str = r#"
import os, socket, time

def udp(address, port, *options, device=None, peer=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    for option in options:
        s.setsockopt(*option)
    if device:
        twin = "sl-" + device
        name = twin if os.path.exists("/sys/class/net/" + twin) else device
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
    s.bind((address, port))
    if peer:
        s.connect(peer)
    return s

def hold(sockets):
    print("ready", flush=True)
    time.sleep(60)
"#;

/// A program of the gateway's that holds these sockets, each an expression of Python's.
fn holding(net: &Topology, sockets: &[&str]) -> Background {
    let program = format!("{SOCKETS}\nhold([{}])", sockets.join(", "));
    let log = net.scratch().join("sockets.log");
    let running = net.router.start(&["python3", "-c", &program], &log);
    let ready = eventually(Duration::from_secs(10), || {
        std::fs::read_to_string(&log).is_ok_and(|said| said == "ready\n")
    });
    assert!(ready, "{:?}", std::fs::read_to_string(&log));
    std::thread::sleep(NOTICED);
    running
}

/// Datagrams of the client's, each to an address and a port, from a port.
fn say(net: &Topology, datagrams: &[(&str, u16, u16)]) {
    for (to, port, from) in datagrams {
        let family = if to.contains(':') { "socket.AF_INET6" } else { "socket.AF_INET" };
        net.client.must(&format!(
            "python3 -c 'import socket; s = socket.socket({family}, socket.SOCK_DGRAM); \
             s.bind((\"\", {from})); s.sendto(b\"here\", (\"{to}\", {port}))'"
        ));
    }
}

/// A server that is bound to no address takes its SYNs for everybody; once it has answered, its connections are bound to
/// one.
fn servers(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.router, "[::]:80", "gateway", Vec::new());
    let rules = "
        *filter
        -A INPUT -p tcp --dport 80 --syn -m socket
        -A INPUT -p tcp --dport 80 --syn -m socket --nowildcard
        -A INPUT -p tcp --dport 80 ! --syn -m socket
        -A INPUT -p tcp --dport 80 ! --syn
        -A INPUT -p tcp --dport 81 --syn -m socket
        -A INPUT -p tcp --dport 81 --syn -m socket --transparent
        -A INPUT -p tcp --dport 82 -m socket --nowildcard
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules).with_ip6tables(rules));
    http::serve(&net.router, "10.1.0.1:81", "gateway", Vec::new());
    std::thread::sleep(NOTICED);
    for _ in 0..3 {
        let page = net.client.must("curl -sS -m 10 http://10.1.0.1:80/");
        assert_eq!(page, "gateway saw ::ffff:10.1.0.2\n");
    }
    assert_eq!(net.client.must("curl -sS -m 10 http://[fd00:1::1]:80/"), "gateway saw fd00:1::2\n");
    net.client.must("curl -sS -m 10 http://10.1.0.1:81/");
    assert_eq!(net.client.shell("curl -sS -m 10 http://10.1.0.1:82/").code, 7);
    let counters = router.counters("filter");
    let counted = |rule: &str| packets(&counters, rule);
    let [syn, other] = ["--tcp-flags FIN,SYN,RST,ACK SYN", "! --tcp-flags FIN,SYN,RST,ACK SYN"];
    assert_eq!(counted(&format!("80 {syn} -m socket")), 0, "{counters}");
    assert_eq!(counted(&format!("80 {syn} -m socket --nowildcard")), 3, "{counters}");
    let answered = counted(&format!("80 {other}"));
    assert!(answered >= 9, "{counters}");
    assert_eq!(counted(&format!("80 {other} -m socket")), answered, "{counters}");
    assert_eq!(counted(&format!("81 {syn} -m socket")), 1, "{counters}");
    assert_eq!(counted(&format!("81 {syn} -m socket --transparent")), 0, "{counters}");
    assert_eq!(counted("82 -m socket --nowildcard"), 0, "{counters}");
}

/// Answers to the gateway's own requests are for a socket, also those that still bear the address of a translation once
/// connection tracking has seen them.
fn own_connections(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    let rules = "
        *raw
        -A PREROUTING -p tcp --sport 80 -m socket --nowildcard
        COMMIT
        *mangle
        -A PREROUTING -p tcp --sport 80 -m socket
        -A PREROUTING -p tcp --sport 80
        -A INPUT -p tcp --sport 80 -m socket
        -A INPUT -p tcp --sport 80
        COMMIT
        *nat
        -A POSTROUTING -o wan0 -p tcp -j SNAT --to-source 192.168.1.146:40000-40100
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    for _ in 0..3 {
        let page = net.router.must("curl -sS -m 10 http://192.168.1.9/");
        assert_eq!(page, "server saw 192.168.1.146\n");
    }
    assert_eq!(packets(&router.counters("raw"), "--nowildcard"), 0);
    let counters = router.counters("mangle");
    for hook in ["PREROUTING", "INPUT"] {
        let all = packets(&counters, &format!("{hook} -p tcp -m tcp --sport 80"));
        assert!(all >= 9, "{counters}");
        let of_sockets = packets(&counters, &format!("{hook} -p tcp -m tcp --sport 80 -m socket"));
        assert_eq!(of_sockets, all, "{counters}");
    }
}

/// A rule for each port and kind.
fn by_port(ports: std::ops::RangeInclusive<u16>) -> String {
    let rules = ports.flat_map(|port| {
        ["", " --nowildcard"]
            .map(|option| format!("-A PREROUTING -p udp --dport {port} -m socket{option}\n"))
    });
    format!("*mangle\n{}COMMIT\n", rules.collect::<String>())
}

/// Of each port: with address, and with or without.
fn counted(counters: &str, ports: std::ops::RangeInclusive<u16>) -> Vec<(u64, u64)> {
    let of = |port, option| packets(counters, &format!("{port} -m socket{option}"));
    ports.map(|port| (of(port, ""), of(port, " --nowildcard"))).collect()
}

fn datagrams(kind: Kind) {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(&by_port(5300..=5306)));
    let _held = holding(
        &net,
        &[
            "udp(\"10.1.0.1\", 5300)",
            "udp(\"\", 5301)",
            "udp(\"\", 5302, peer=(\"10.1.0.2\", 6000))",
            "udp(\"\", 5304, device=\"lan0\")",
            "udp(\"\", 5305, device=\"wan0\")",
            "udp(\"::\", 5306)",
        ],
    );
    let to = |port| ("10.1.0.1", port, 6000);
    say(&net, &[5300, 5301, 5302, 5303, 5304, 5305, 5306].map(to));
    say(&net, &[("10.1.0.1", 5302, 6001), ("192.168.1.146", 5300, 6000)]);
    // In fragments: they are put together before any rule asks.
    net.client.must(
        "python3 -c 'import socket; \
         socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(4000), (\"10.1.0.1\", 5300))'",
    );
    let counters = router.counters("mangle");
    let expected = [(2, 2), (0, 1), (1, 1), (0, 0), (0, 1), (0, 0), (0, 1)];
    assert_eq!(counted(&counters, 5300..=5306), expected, "{counters}");
}

fn datagrams_v6(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new("").with_ip6tables(&by_port(5300..=5303));
    let router = Router::start(kind, &net, &setup);
    let _held = holding(
        &net,
        &[
            "udp(\"fd00:1::1\", 5300)",
            "udp(\"::\", 5301)",
            "udp(\"::\", 5302, peer=(\"fd00:1::2\", 6000))",
            "udp(\"\", 5303)",
        ],
    );
    say(&net, &[5300, 5301, 5302, 5303].map(|port| ("fd00:1::1", port, 6000)));
    say(&net, &[("fd00:1::1", 5302, 6001)]);
    let counters = match &router {
        Router::Kernel(_) => router.shell("ip6tables-save -c -t mangle").stdout,
        Router::Sluice(gateway) => gateway.must("ip6tables-save -c -t mangle"),
    };
    let expected = [(1, 1), (0, 1), (1, 1), (0, 0)];
    assert_eq!(counted(&counters, 5300..=5303), expected, "{counters}");
}

/// An error is for the socket whose packet it quotes.
fn errors(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *filter
        -A INPUT -p icmp -m socket
        -A INPUT -p icmp -m socket --nowildcard
        -A INPUT -p icmp
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    let _held = holding(&net, &["udp(\"10.1.0.1\", 5300)", "udp(\"\", 5301)"]);
    // Sent as from those sockets, which nobody listens to on the other side.
    for (address, port) in [("10.1.0.1", 5300), ("0.0.0.0", 5301), ("0.0.0.0", 5302)] {
        net.router.must(&format!(
            "python3 -c 'import socket; \
             s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP); \
             s.bind((\"{address}\", 0)); \
             s.sendto(bytes([{}, {}, 30, 97, 0, 8, 0, 0]), (\"10.1.0.2\", 0))'",
            port >> 8,
            port & 255,
        ));
    }
    let told = eventually(Duration::from_secs(5), || {
        packets(&router.counters("filter"), "INPUT -p icmp") == 3
    });
    let counters = router.counters("filter");
    assert!(told, "{counters}");
    assert_eq!(packets(&counters, "-m socket"), 1, "{counters}");
    assert_eq!(packets(&counters, "-m socket --nowildcard"), 2, "{counters}");
}

/// A socket that takes what is for others, and its mark.
fn transparent(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *mangle
        -A PREROUTING -p udp --dport 90 -m mark --mark 0x7
        -A PREROUTING -p udp --dport 90 -m socket --transparent --restore-skmark
        -A PREROUTING -p udp --dport 90 -m mark --mark 0x7
        -A PREROUTING -p udp --dport 91 -m socket --transparent
        -A PREROUTING -p udp --dport 91 -m socket --restore-skmark -m ttl --ttl-eq 1
        -A PREROUTING -p udp --dport 91 -m mark --mark 0x8
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    let _held = holding(
        &net,
        &[
            "udp(\"203.0.113.7\", 90, (0, 19, 1), (socket.SOL_SOCKET, 36, 7))",
            "udp(\"10.1.0.1\", 91, (socket.SOL_SOCKET, 36, 8))",
        ],
    );
    say(&net, &[("203.0.113.7", 90, 6000), ("203.0.113.8", 90, 6000), ("10.1.0.1", 91, 6000)]);
    let counters = router.counters("mangle");
    let counted: Vec<_> =
        counters.lines().filter(|line| line.starts_with('[')).map(count).collect();
    assert_eq!(counted, [0, 1, 1, 0, 0, 1], "{counters}");
}
