//! Owns the tests of translation: out, in, and around the corner.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router};

use crate::MASQUERADE;

on_every_router!(
    masquerade,
    names_through_nat,
    port_forward,
    hairpin,
    a_thousand_connections,
    closed_port_is_told_through_nat,
);

fn masquerade(kind: Kind) {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    let page = net.client.must("curl -sS -m 10 http://192.168.1.9/");
    assert_eq!(page, "server saw 192.168.1.146\n");
    let listed = eventually(Duration::from_secs(2), || {
        router.connections().lines().any(|line| {
            line.starts_with("tcp      6 ")
                && line.contains("src=10.1.0.2 dst=192.168.1.9 ")
                && line.contains("src=192.168.1.9 dst=192.168.1.146 sport=80 ")
        })
    });
    assert!(listed, "the connection is not in the table:\n{}", router.connections());
    // The other way there is no door.
    net.route_back();
    assert_ne!(net.server.shell("ping -c 1 -W 1 10.1.0.2").code, 0);
}

fn names_through_nat(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let _dns = net.server.start(&DNSMASQ, &net.scratch().join("dnsmasq.log"));
    for option in ["", "+tcp"] {
        let ask = format!("dig +short +time=2 {option} @192.168.1.9 web.example");
        let mut answer = String::new();
        let answered = eventually(Duration::from_secs(10), || {
            answer = net.client.shell(&ask).stdout;
            answer == "203.0.113.5\n"
        });
        assert!(answered, "{ask}: {answer}");
    }
}

/// A name server that knows one name.
pub(crate) const DNSMASQ: [&str; 8] = [
    "dnsmasq",
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--no-resolv",
    "--no-hosts",
    "--pid-file=",
    "--user=root",
    "--address=/web.example/203.0.113.5",
];

fn port_forward(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
        -A PREROUTING -i wan0 -p udp --dport 5353 -j DNAT --to-destination 10.1.0.2:53
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules));
    http::serve(&net.client, "0.0.0.0:80", "client", Vec::new());
    let page = net.server.must("curl -sS -m 10 http://192.168.1.146:8080/");
    assert_eq!(page, "client saw 192.168.1.9\n");

    let _dns = net.client.start(&DNSMASQ, &net.scratch().join("dnsmasq.log"));
    let answered = eventually(Duration::from_secs(10), || {
        let ask = "dig +short +time=2 -p 5353 @192.168.1.146 web.example";
        net.server.shell(ask).stdout == "203.0.113.5\n"
    });
    assert!(answered, "the forwarded name server did not answer");
}

/// An inside host asks for the outside address of an inside service.
fn hairpin(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *nat
        -A PREROUTING -d 192.168.1.146 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
        -A POSTROUTING -s 10.1.0.0/16 -d 10.1.0.0/16 -j MASQUERADE
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules));
    http::serve(&net.client, "0.0.0.0:80", "client", Vec::new());
    let page = net.client.must("curl -sS -m 10 http://192.168.1.146:8080/");
    assert_eq!(page, "client saw 10.1.0.1\n");
}

/// A refused connection must not hang: the RST finds its way back through the translation.
fn closed_port_is_told_through_nat(kind: Kind) {
    let net = Topology::new();
    let _router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let output = net.client.shell("curl -sS -m 10 http://192.168.1.9:81/");
    assert_eq!(output.code, 7, "not refused: {output:?}");
    // The same for UDP: the server's ICMP error belongs to the client's socket.
    let output = net.client.shell("dig +tries=1 +time=3 -p 54 @192.168.1.9 web.example");
    assert!(output.stdout.contains("connection refused"), "{output:?}");
}

/// All open at once, each with a word of its own to carry there and back.
fn a_thousand_connections(kind: Kind) {
    const COUNT: u32 = 1000;
    // Both ends of every connection live in this process.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4096), most).unwrap();

    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(MASQUERADE));
    let listener = net.server.enter(|| TcpListener::bind("0.0.0.0:7").unwrap());
    let echo = thread::spawn(move || {
        let accepted: Vec<_> = (0..COUNT).map(|_| listener.accept().unwrap()).collect();
        for (mut stream, peer) in accepted {
            let mut word = [0; 4];
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
            assert_eq!(peer.ip().to_string(), "192.168.1.146");
        }
    });
    let streams: Vec<TcpStream> = net.client.enter(|| {
        let connect = |_| {
            let address = "192.168.1.9:7".parse().unwrap();
            TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap()
        };
        (0..COUNT).map(connect).collect()
    });
    for (number, mut stream) in (0..COUNT).zip(&streams) {
        stream.write_all(&number.to_be_bytes()).unwrap();
    }
    for (number, mut stream) in (0..COUNT).zip(&streams) {
        let mut word = [0; 4];
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.read_exact(&mut word).unwrap();
        assert_eq!(u32::from_be_bytes(word), number);
    }
    echo.join().unwrap();
    let established = router.connections().matches(" dport=7 src=192.168.1.9 ").count();
    assert_eq!(established, COUNT as usize, "not every connection is in the table");
}
