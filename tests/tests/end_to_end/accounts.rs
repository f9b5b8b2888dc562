//! Owns the tests of what operators see of accounts: listed, begun anew, and told at a connection's end, line by line as
//! conntrack-tools shows the kernel's.

use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_tests::process::Background;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, gateway, on_every_router};

use crate::MASQUERADE;

on_every_router!(listed_and_told);

/// `conntrack` against the router.
fn conntrack(router: &Router, net: &Topology, options: &str) -> String {
    match router {
        Router::Sluice(gateway) => gateway.must(&format!("conntrack {options}")),
        Router::Kernel(_) => net.router.must(&format!("conntrack {options} 2>/dev/null")),
    }
}

/// Words with packets or bytes in them.
fn carried(text: &str) -> Vec<&str> {
    let counts = |word: &&str| word.starts_with("packets=") || word.starts_with("bytes=");
    text.split_whitespace().filter(counts).collect()
}

/// Three echo requests and their answers, 84 bytes each, are listed and set to zero; two larger ones are told when their
/// connection is deleted.
fn listed_and_told(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE).with_sysctl("net.netfilter.nf_conntrack_acct", 1);
    let router = Router::start(kind, &net, &setup);
    // The neighbours are known from here on: no echo request waits or is lost.
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    let all = eventually(Duration::from_secs(20), || {
        conntrack(&router, &net, "-F");
        net.client.shell("ping -e 77 -c 3 -i 0.2 -W 2 192.168.1.9").stdout.contains("3 received")
    });
    assert!(all, "no three echo requests in a row were answered");
    let own = "packets=3 bytes=252 packets=3 bytes=252";
    let listed = conntrack(&router, &net, "-L -p icmp");
    assert_eq!(carried(&listed).join(" "), own, "{listed}");
    let line = listed.lines().next().unwrap_or_default();
    assert!(line.contains("id=77 packets=3 bytes=252 src=192.168.1.9"), "{line}");
    assert!(line.contains("packets=3 bytes=252 mark=0"), "{line}");
    // What is set to zero is shown as it was.
    let zeroed = conntrack(&router, &net, "-L -z");
    let line = zeroed.lines().find(|line| line.contains("id=77")).unwrap_or_default();
    assert_eq!(carried(line).join(" "), own, "{zeroed}");
    let listed = conntrack(&router, &net, "-L -p icmp");
    assert_eq!(carried(&listed).join(" "), "packets=0 bytes=0 packets=0 bytes=0", "{listed}");
    let mut events = follow(&router, &net);
    net.client.must("ping -e 78 -c 2 -s 100 -W 2 192.168.1.9");
    conntrack(&router, &net, "-D -p icmp");
    let gone = |line: &str| line.contains("[DESTROY]") && line.contains("id=78");
    let over = eventually(Duration::from_secs(10), || events.said().lines().any(gone));
    assert!(over, "{}", events.said());
    events.stop(Signal::SIGINT, Duration::from_secs(5));
    let said = events.said();
    let end = said.lines().find(|line| gone(line)).unwrap_or_default();
    let expected = "src=10.1.0.2 dst=192.168.1.9 type=8 code=0 id=78 packets=2 bytes=256 \
                    src=192.168.1.9 dst=192.168.1.146 type=0 code=0 id=78 packets=2 bytes=256";
    assert!(end.split_whitespace().collect::<Vec<_>>().join(" ").contains(expected), "{said}");
}

/// Follows the ends of ICMP's connections, and gives the subscription time to stand.
fn follow(router: &Router, net: &Topology) -> Background {
    let out = net.scratch().join("events");
    let words = "conntrack -E -e DESTROY -p icmp";
    let events = match router {
        Router::Sluice(sluice) => {
            let (binary, socket) = (gateway::binary(), sluice.socket());
            let mut all = vec![binary.to_str().unwrap(), "-S", &socket];
            all.extend(words.split_whitespace());
            Background::start(&all, &out)
        }
        Router::Kernel(_) => net.router.start(&words.split_whitespace().collect::<Vec<_>>(), &out),
    };
    std::thread::sleep(Duration::from_millis(500));
    events
}
