//! Owns the tests of translation: out, in, and around the corner.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, http, on_every_router};

use crate::MASQUERADE;

on_every_router!(
    masquerade,
    names_through_nat,
    names_through_nat_ipv6,
    port_forward,
    hairpin,
    a_thousand_connections,
    a_thousand_connections_ipv6,
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

/// [`MASQUERADE`] for IPv6.
const MASQUERADE_IPV6: &str = "
    *nat
    -A POSTROUTING -s fd00:1::/64 -o wan0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -j ACCEPT
    COMMIT
";

fn names_through_nat(kind: Kind) {
    names(kind, "192.168.1.9");
}

fn names_through_nat_ipv6(kind: Kind) {
    names(kind, "fd00:2::9");
}

fn names(kind: Kind, server: &str) {
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE).with_ip6tables(MASQUERADE_IPV6);
    let _router = Router::start(kind, &net, &setup);
    // Only a translated question is answered.
    net.server.must("ip -6 route del default");
    let _dns = net.server.start(&DNSMASQ, &net.scratch().join("dnsmasq.log"));
    for option in ["", "+tcp"] {
        let ask = format!("dig +short +time=2 {option} @{server} web.example");
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

fn a_thousand_connections(kind: Kind) {
    thousand_connections(kind, "0.0.0.0:7", "192.168.1.9:7", "192.168.1.146");
}

fn a_thousand_connections_ipv6(kind: Kind) {
    thousand_connections(kind, "[::]:7", "[fd00:2::9]:7", "fd00:2::1");
}

/// All open at once, each with a word of its own to carry there and back. `outside` is what the server sees.
fn thousand_connections(kind: Kind, listen: &str, server: &'static str, outside: &'static str) {
    const COUNT: u32 = 1000;
    // Both ends of every connection live in this process.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4096), most).unwrap();

    let net = Topology::new();
    let setup = Setup::new(MASQUERADE).with_ip6tables(MASQUERADE_IPV6);
    let router = Router::start(kind, &net, &setup);
    let listener = net.server.enter(|| TcpListener::bind(listen).unwrap());
    let echo = thread::spawn(move || {
        let accepted: Vec<_> = (0..COUNT).map(|_| listener.accept().unwrap()).collect();
        for (mut stream, peer) in accepted {
            let mut word = [0; 4];
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
            assert_eq!(peer.ip().to_string(), outside);
        }
    });
    let streams: Vec<TcpStream> = net.client.enter(|| {
        let connect = |_| {
            let address = server.parse().unwrap();
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
    let expected = format!(" dport=7 src={} ", server.parse::<SocketAddr>().unwrap().ip());
    let established = router.connections().matches(&expected).count();
    assert_eq!(established, COUNT as usize, "not every connection is in the table");
}
