//! Owns the tests of helpers with real programs: curl as the client of FTP and TFTP, dnsmasq as the server of TFTP. FTP's
//! server is [our own](sluice_tests::ftp): Debian's speak with libraries and accounts that a namespace has not.

use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_tests::ftp::{Client, Server};
use sluice_tests::process::Background;
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, eventually, gateway, http, on_every_router};

on_every_router!(
    ftp_through_masquerade,
    ftp_through_dnat,
    ftp_in_ipv6,
    tftp_through_masquerade,
    answers_to_a_broadcast,
    expectations,
    expectations_told
);

/// Only the control connection is let out by a rule of its own; data connections are RELATED.
const OUTWARDS: &str = "
    *raw
    -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
    -A PREROUTING -p tcp --dport 2121 -j CT --helper ftp
    -A PREROUTING -p udp --dport 69 -j CT --helper tftp
    COMMIT
    *nat
    -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
    COMMIT
    *filter
    :FORWARD DROP [0:0]
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A FORWARD -i lan0 -p tcp -m multiport --dports 21,2121 -j ACCEPT
    -A FORWARD -i lan0 -p udp --dport 69 -j ACCEPT
    COMMIT
";

/// The options by which curl makes its data connection in each of the four ways.
const WAYS: [&str; 4] = ["", "--disable-epsv", "-P -", "-P - --disable-eprt"];

/// Fetches and stores a file in each way.
fn transfer(net: &Topology, from: &sluice_tests::Namespace, url: &str, server: &Server) {
    let file = http::noise(300_000);
    let path = net.scratch().join("up");
    std::fs::write(&path, &file).unwrap();
    let (path, down) = (path.display(), net.scratch().join("down").display().to_string());
    for (number, way) in WAYS.iter().enumerate() {
        from.must(&format!("curl -sS -m 20 {way} -o {down} {url}/file"));
        assert!(std::fs::read(&down).unwrap() == file, "{way}");
        from.must(&format!("curl -sS -m 20 {way} -T {path} {url}/up{number}"));
        let stored =
            eventually(Duration::from_secs(2), || server.stored(&format!("up{number}")).is_some());
        assert!(stored && server.stored(&format!("up{number}")).unwrap() == file, "{way}");
    }
}

fn ftp_through_masquerade(kind: Kind) {
    let net = Topology::new();
    let servers = ["192.168.1.9:21", "192.168.1.9:2121", "192.168.1.9:2122"]
        .map(|address| Server::start(&net.server, address, http::noise(300_000)));
    let _router = Router::start(kind, &net, &Setup::new(OUTWARDS));
    transfer(&net, &net.client, "ftp://192.168.1.9", &servers[0]);
    // Any port that a rule names.
    transfer(&net, &net.client, "ftp://192.168.1.9:2121", &servers[1]);
    // And no other.
    assert_ne!(net.client.shell("curl -sS -m 2 ftp://192.168.1.9:2122/file").code, 0);
}

fn ftp_through_dnat(kind: Kind) {
    let net = Topology::new();
    let server = Server::start(&net.client, "10.1.0.2:21", http::noise(300_000));
    let rules = "
        *raw
        -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
        COMMIT
        *nat
        -A PREROUTING -i wan0 -p tcp --dport 21 -j DNAT --to-destination 10.1.0.2
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -i wan0 -p tcp --dport 21 -j ACCEPT
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new(rules));
    transfer(&net, &net.server, "ftp://192.168.1.146", &server);
}

fn ftp_in_ipv6(kind: Kind) {
    let net = Topology::new();
    let server = Server::start(&net.server, "[fd00:2::9]:21", http::noise(300_000));
    let rules = "
        *raw
        -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -i lan0 -p tcp --dport 21 -j ACCEPT
        COMMIT";
    let _router = Router::start(kind, &net, &Setup::new("").with_ip6tables(rules));
    transfer(&net, &net.client, "ftp://[fd00:2::9]", &server);
}

/// Somebody on the subnet answers a question from the port it came to, and from another.
const ANSWERING: &str = r#"
import socket
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.bind(("0.0.0.0", PORT))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.bind(("10.1.0.2", 9))
print("ready", flush=True)
question, sender = asked.recvfrom(100)
other.sendto(b"from another port", sender)
for answer in (b"one", b"two"):
    asked.sendto(answer, sender)
"#;

/// A program of the gateway's asks the subnet, and says what it has heard.
const ASKING: &str = r#"
import socket
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
asking.bind(("10.1.0.1", 4000))
asking.sendto(b"who is there?", ("10.1.255.255", PORT))
asking.settimeout(1)
try:
    while True:
        print(*asking.recvfrom(100))
except TimeoutError:
    pass
"#;

fn answers_to_a_broadcast(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *raw
        -A OUTPUT -p udp --dport 137 -j CT --helper netbios-ns
        -A OUTPUT -p udp --dport 161 -j CT --helper snmp
        COMMIT
        *filter
        :INPUT DROP [0:0]
        -A INPUT -m helper --helper netbios-ns -m conntrack --ctstate RELATED -j ACCEPT
        -A INPUT -m helper --helper snmp -m conntrack --ctstate RELATED -j ACCEPT
        COMMIT";
    let router = Router::start(kind, &net, &Setup::new(rules));
    if kind == Kind::Kernel {
        // As whatever configures networks does.
        net.router.must("ip address delete 10.1.0.1/16 dev lan0");
        net.router.must("ip address add 10.1.0.1/16 brd + dev lan0");
    }
    for port in ["137", "161", "138"] {
        let log = net.scratch().join("answering.log");
        let program = ANSWERING.replace("PORT", port);
        let _answering = net.client.start(&["python3", "-c", &program], &log);
        let ready = eventually(Duration::from_secs(10), || {
            std::fs::read_to_string(&log).is_ok_and(|said| said == "ready\n")
        });
        assert!(ready, "{:?}", std::fs::read_to_string(&log));
        let program = net.scratch().join("asking.py");
        std::fs::write(&program, ASKING.replace("PORT", port)).unwrap();
        let heard = net.router.must(&format!("python3 {}", program.display()));
        let answers = format!("b'one' ('10.1.0.2', {port})\nb'two' ('10.1.0.2', {port})\n");
        assert_eq!(heard, if port == "138" { String::new() } else { answers });
    }
    // The question is remembered as long as answers are waited for.
    std::thread::sleep(Duration::from_secs(1));
    let listed = router.connections();
    assert!(listed.contains("helper=snmp") && !listed.contains("helper=netbios-ns"), "{listed}");
}

fn tftp_through_masquerade(kind: Kind) {
    let net = Topology::new();
    let folder = net.scratch().join("tftp");
    std::fs::create_dir(&folder).unwrap();
    let file = http::noise(20_000);
    std::fs::write(folder.join("file"), &file).unwrap();
    for path in [net.scratch(), folder.as_path()] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let root = format!("--tftp-root={}", folder.display());
    let words = [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--port=0",
        "--enable-tftp",
        "--user=root",
        &root,
        "--interface=eth0",
        "--bind-interfaces",
        "--log-facility=-",
        "--pid-file",
    ];
    let server = net.server.start(&words, &net.scratch().join("dnsmasq"));
    let _router = Router::start(kind, &net, &Setup::new(OUTWARDS));
    let down = net.scratch().join("down").display().to_string();
    let fetched = eventually(Duration::from_secs(10), || {
        net.client.shell(&format!("curl -sS -m 5 -o {down} tftp://192.168.1.9/file")).code == 0
    });
    assert!(fetched, "{}", server.said());
    assert!(std::fs::read(&down).unwrap() == file);
}

/// The tool of that router, and how it ended: what it printed, its last line of complaint, its exit code.
fn tool(router: &Router, words: &str) -> (String, String, i32) {
    let output = router.shell(&router.spelled(&format!("conntrack {words}")));
    (output.stdout, output.stderr.lines().next().unwrap_or_default().to_owned(), output.code)
}

const SELF: &str = "conntrack v1.4.7 (conntrack-tools): ";

/// What is expected is listed, found, counted and forgotten.
fn expectations(kind: Kind) {
    let net = Topology::new();
    let _server = Server::start(&net.server, "192.168.1.9:21", Vec::new());
    let router = Router::start(kind, &net, &Setup::new(OUTWARDS));
    let shown = |count| (format!("{SELF}{count} expectations have been shown."), 0);
    let (out, err, code) = tool(&router, "-L expect");
    assert_eq!((out.as_str(), (err, code)), ("", shown(0)));
    let mut client = Client::connect(&net.client, "192.168.1.9:21");
    let port = client.port();
    let announce = |client: &mut Client, word| {
        client.ask(&format!("{word} 10,1,0,2,8,1"));
        let line = format!(
            "proto=6 src=192.168.1.9 dst=192.168.1.146 sport=0 dport=2049 \
             mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 \
             master-src=10.1.0.2 master-dst=192.168.1.9 sport={port} dport=21 class=0 helper=ftp"
        );
        let (out, err, code) = tool(&router, "-L expect");
        assert_eq!((err, code), shown(1));
        let (left, rest) = out.trim_end().split_once(' ').unwrap();
        assert_eq!(rest, line);
        assert!((290..=300).contains(&left.parse::<u32>().unwrap()), "{out}");
    };
    announce(&mut client, "PORT");
    assert_eq!(tool(&router, "-C expect").0, "1\n");
    assert_eq!(tool(&router, "-L expect -f ipv6").0, "");
    assert_eq!(tool(&router, "-L exp -f ipv4 -o extended,id,save").2, 1);
    let xml = tool(&router, "-L expect -o xml").0;
    let [head, table, flow, end] = xml.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(
        [head, table, end],
        ["<?xml version=\"1.0\" encoding=\"utf-8\"?>", "<expect>", "</expect>"]
    );
    assert!(flow.contains("<mask><sport>0</sport><dport>65535</dport></mask>"), "{flow}");
    assert!(flow.ends_with("</timeout><class>0</class></meta></flow>"), "{flow}");
    // One is named by a packet that would meet it.
    let named = |dport| {
        format!(
            "expect -s 192.168.1.9 -d 192.168.1.146 -p tcp --sport 5 --dport {dport} \
             --reply-port-src 1 --reply-port-dst 1"
        )
    };
    let missing = ("".to_owned(), format!("{SELF}Operation failed: No such file or directory"), 1);
    assert_eq!(tool(&router, &format!("-G {}", named(2050))), missing);
    let (out, err, code) = tool(&router, &format!("-G {}", named(2049)));
    assert!(out.ends_with("class=0 helper=ftp\n") && err.is_empty() && code == 0, "{out}{err}");
    assert_eq!(tool(&router, &format!("-D {}", named(2050))), missing);
    let deleted = ("".to_owned(), format!("{SELF}0 expectations have been shown."), 1);
    assert_eq!(tool(&router, &format!("-D {}", named(2049))), deleted);
    assert_eq!(tool(&router, "-C expect").0, "0\n");
    announce(&mut client, "port");
    let emptied = ("".to_owned(), format!("{SELF}expectation table has been emptied."), 0);
    assert_eq!(tool(&router, "-F expect"), emptied);
    assert_eq!(tool(&router, "-C expect").0, "0\n");
    announce(&mut client, "PORT");
    // They go with their connection.
    assert_eq!(tool(&router, "-D -p tcp --dport 21").2, 0);
    assert_eq!(tool(&router, "-C expect").0, "0\n");
}

/// What comes and goes is told, line by line as the tool tells it of the kernel.
fn expectations_told(kind: Kind) {
    let net = Topology::new();
    let _server = Server::start(&net.server, "192.168.1.9:21", Vec::new());
    let router = Router::start(kind, &net, &Setup::new(OUTWARDS));
    let log = net.scratch().join("events");
    let mut events = match &router {
        Router::Kernel(_) => net.router.start(&["conntrack", "-E", "expect"], &log),
        Router::Sluice(gateway) => {
            let (binary, socket) = (gateway::binary(), gateway.socket());
            let words = [binary.to_str().unwrap(), "-S", &socket, "conntrack", "-E", "expect"];
            Background::start(&words, &log)
        }
    };
    std::thread::sleep(Duration::from_secs(1));
    let mut client = Client::connect(&net.client, "192.168.1.9:21");
    let port = client.port();
    client.ask("PORT 10,1,0,2,8,1");
    client.ask("PORT 10,1,0,2,8,1");
    client.ask("EPRT |1|10.1.0.2|2050|");
    // Met by whoever comes from the server.
    net.server.shell("echo | timeout 1 bash -c '> /dev/tcp/192.168.1.146/2050'");
    client.ask("PORT 10,1,0,2,8,3");
    assert_eq!(tool(&router, "-D -p tcp --dport 21").2, 0);
    let count = |word: &str| events.said().matches(word).count();
    let told = eventually(Duration::from_secs(5), || count("[DESTROY]") == 4);
    assert!(told, "{}", events.said());
    events.stop(Signal::SIGINT, Duration::from_secs(5));
    let said = events.said();
    let lines: Vec<&str> = said.lines().collect();
    let label = |line: &&str| {
        let dport = line.split_whitespace().nth(6).unwrap_or_default();
        format!("{}{}", &line[..9], dport.trim_start_matches("dport"))
    };
    let order: Vec<String> = lines[..8].iter().map(label).collect();
    let expected = [
        "    [NEW]=2049",
        "[DESTROY]=2049",
        "    [NEW]=2049",
        "[DESTROY]=2049",
        "    [NEW]=2050",
        "[DESTROY]=2050",
        "    [NEW]=2051",
        "[DESTROY]=2051",
    ];
    assert_eq!(order, expected, "{said}");
    let first = format!(
        "    [NEW] 300 proto=6 src=192.168.1.9 dst=192.168.1.146 sport=0 dport=2049 \
         mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 \
         master-src=10.1.0.2 master-dst=192.168.1.9 sport={port} dport=21 class=0 helper=ftp"
    );
    assert_eq!(lines[0], first);
    assert_eq!(lines[8], format!("{SELF}8 expectation events have been shown."));
}
