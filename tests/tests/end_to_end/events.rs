//! Owns the tests of `conntrack -E`: what comes and goes is shown, line by line as conntrack-tools
//! shows it of the kernel.

use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_tests::gateway::{self, Gateway};
use sluice_tests::process::Background;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router, on_sluice};

use crate::MASQUERADE;

on_every_router!(lines, only_what_rules_name);
on_sluice!(short_lives, deletion);

/// Follows events; `probe` at the client makes one that passes the filter.
fn follow(gateway: &Gateway, net: &Topology, options: &str, probe: &str) -> Background {
    let binary = gateway::binary();
    let socket = gateway.socket();
    let mut words = vec![binary.to_str().unwrap(), "-S", &socket, "conntrack", "-E"];
    words.extend(options.split_whitespace());
    let events = Background::start(&words, &net.scratch().join("events"));
    // Nothing says when the subscription stands but an event of its own.
    let stands = eventually(Duration::from_secs(10), || {
        net.client.shell(probe);
        !events.said().is_empty()
    });
    assert!(stands, "no event came: {}", events.said());
    events
}

/// Numbers that differ from run to run, and what only a kernel with processes can say.
fn comparable(line: &str) -> String {
    let drawn = |word: &&str| {
        !["id=", "portid=", "progname="].iter().any(|key| word.starts_with(key))
            && *word != "[USERSPACE]"
    };
    line.split_whitespace().filter(drawn).collect::<Vec<_>>().join(" ")
}

/// What is told of one page that is fetched from port 45678 until `last` is told, and deleted.
fn life_of_a_page(router: &Router, net: &Topology, last: &str) -> String {
    let mut events = match router {
        Router::Sluice(gateway) => follow(gateway, net, "-p tcp", "curl -m 1 http://10.1.0.1:9/"),
        Router::Kernel(_) => {
            let words = ["conntrack", "-E", "-p", "tcp"];
            let events = net.router.start(&words, &net.scratch().join("events"));
            std::thread::sleep(Duration::from_millis(500));
            events
        }
    };
    net.client.must("curl -sS -m 10 --local-port 45678 http://192.168.1.9/");
    let there = |said: &str| said.lines().any(|line| line.contains("45678") && line.contains(last));
    assert!(eventually(Duration::from_secs(5), || there(&events.said())), "{}", events.said());
    match router {
        Router::Sluice(gateway) => drop(gateway.must("conntrack -D -p tcp")),
        Router::Kernel(_) => drop(net.router.must("conntrack -D -p tcp")),
    }
    let gone = |line: &str| line.starts_with("[DESTROY]") && line.contains("45678");
    let there = eventually(Duration::from_secs(5), || events.said().lines().any(gone));
    assert!(there, "{}", events.said());
    events.stop(Signal::SIGINT, Duration::from_secs(5));
    events.said()
}

/// A page, a ping and a datagram nobody answers, then everything deleted: every line of every router is
/// this one. Remaining times of the deleted are left out, they depend on the machine's speed.
fn lines(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let said = life_of_a_page(&router, &net, "TIME_WAIT");
    let ends = "src=10.1.0.2 dst=192.168.1.9 sport=45678 dport=80";
    let back = "src=192.168.1.9 dst=192.168.1.146 sport=80 dport=45678";
    let expected = [
        format!("[NEW] tcp 6 120 SYN_SENT {ends} [UNREPLIED] {back}"),
        format!("[UPDATE] tcp 6 60 SYN_RECV {ends} {back}"),
        format!("[UPDATE] tcp 6 432000 ESTABLISHED {ends} {back} [ASSURED]"),
        format!("[UPDATE] tcp 6 120 FIN_WAIT {ends} {back} [ASSURED]"),
        format!("[UPDATE] tcp 6 30 LAST_ACK {ends} {back} [ASSURED]"),
        format!("[UPDATE] tcp 6 120 TIME_WAIT {ends} {back} [ASSURED]"),
        format!("[DESTROY] tcp 6 TIME_WAIT {ends} {back} [ASSURED]"),
    ];
    let own = said.lines().filter(|line| line.contains("45678")).map(comparable);
    let own = own.map(|line| match line.strip_prefix("[DESTROY] tcp 6 ") {
        Some(rest) => format!("[DESTROY] tcp 6 {}", rest.split_once(' ').unwrap().1),
        None => line,
    });
    // The closing side may send its FIN with data not yet acknowledged, or both at once: CLOSE_WAIT. The kernel handles
    // a FIN and its acknowledgement on two processors at once, and may tell of both by one event.
    let merged = matches!(router, Router::Kernel(_)) && !said.contains("FIN_WAIT");
    let left_out = |line: &str| line.contains("CLOSE_WAIT") || merged && line.contains("FIN_WAIT");
    let own: Vec<_> = own.filter(|line| !left_out(line)).collect();
    let expected: Vec<_> = expected.into_iter().filter(|line| !left_out(line)).collect();
    assert_eq!(own, expected, "{said}");
}

/// `-j CT --ctevents`: of these connections nobody hears but that they are assured and that they end.
fn only_what_rules_name(kind: Kind) {
    let net = Topology::new();
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    let rules = "
        *raw
        -A PREROUTING -p tcp --dport 80 -j CT --ctevents assured,destroy
        COMMIT";
    // By itself the kernel takes no mask from a rule that is loaded while nobody listens.
    let setup = Setup::new(&format!("{rules}\n{MASQUERADE}"))
        .with_sysctl("net.netfilter.nf_conntrack_events", 1);
    let router = Router::start(kind, &net, &setup);
    let said = life_of_a_page(&router, &net, "[UPDATE]");
    let own = said.lines().filter(|line| line.contains("45678")).map(comparable);
    let own: Vec<_> = own.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect();
    assert_eq!(own, ["[UPDATE]", "[DESTROY]"], "{said}");
}

/// A thousand connections that live for milliseconds: each is seen, in order, none is lost.
fn short_lives(workers: u32) {
    const COUNT: usize = 1000;
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE)
        .with_sysctl("net.netfilter.nf_conntrack_udp_timeout", 1)
        .with_sysctl("net.netfilter.nf_conntrack_icmp_timeout", 1);
    let gateway = Gateway::start(&net.router, net.scratch(), &setup, workers);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let events = follow(&gateway, &net, "-p udp", "echo > /dev/udp/10.1.0.1/9");
    net.client.must(&format!(
        "for n in $(seq {COUNT}); do echo x > /dev/udp/192.168.1.9/$((20000 + n)); done"
    ));
    let count = |label: &str| {
        let said = events.said();
        said.lines().filter(|line| line.contains(label) && line.contains("dport=2")).count()
    };
    let over = eventually(Duration::from_secs(20), || count("[DESTROY] udp") >= COUNT);
    assert!(over, "{} of {COUNT} ends were told", count("[DESTROY] udp"));
    assert_eq!(count("[NEW] udp"), COUNT);
    assert!(!events.said().contains("were lost"), "{}", events.said());
}

/// Who follows several kinds gets those; who follows one gets that one.
fn deletion(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let events = follow(&gateway, &net, "-e NEW,DESTROY -o id", "ping -c 1 -W 1 10.1.0.1");
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    gateway.must("conntrack -D -f ipv4 -p icmp -d 192.168.1.9");
    let told = eventually(Duration::from_secs(5), || events.said().contains("[DESTROY] icmp"));
    assert!(told, "{}", events.said());
    assert!(!events.said().contains("UPDATE"), "{}", events.said());
}
