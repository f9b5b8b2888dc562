//! Owns the tests of the operator's commands against a running gateway, compared with the real tools
//! where those have something to say.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_tests::gateway::{self, Gateway};
use sluice_tests::router::Setup;
use sluice_tests::{Kind, Router, Topology, http, on_every_router, on_sluice};
use tokio_stream::StreamExt;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ListServiceResponse, ServerReflectionRequest};

use crate::MASQUERADE;

on_every_router!(link_down_and_up, ip_commands, ip_batch, connection_lines);
on_sluice!(statistics, interrupt);

/// Runs `ip` or `conntrack` against the router, as its operator would.
fn tool(router: &Router, net: &Topology, words: &str) -> sluice_tests::process::Output {
    match router {
        Router::Kernel(_) => net.router.shell(words),
        Router::Sluice(gateway) => gateway.sluice(words),
    }
}

/// Down means: nothing is forwarded, the routes are gone, masqueraded connections are forgotten and
/// others are not. Up means: as before.
fn link_down_and_up(kind: Kind) {
    let net = Topology::new();
    let setup = Setup::new(MASQUERADE).with_sysctl("net.ipv4.icmp_ratelimit", 0);
    let router = Router::start(kind, &net, &setup);
    net.client.must("ping -c 1 -W 2 192.168.1.9");
    net.client.must("ping -c 1 -W 2 10.1.0.1");
    assert!(router.connections().contains("dst=192.168.1.146"), "{}", router.connections());
    assert_eq!(tool(&router, &net, "ip link set wan0 down").code, 0);
    let table = router.connections();
    assert!(!table.contains("dst=192.168.1.146"), "masqueraded connections stayed: {table}");
    assert!(table.contains("src=10.1.0.2 dst=10.1.0.1"), "others went too: {table}");
    let routes = tool(&router, &net, "ip route").stdout;
    assert!(!routes.contains("wan0") && routes.contains("dev lan0"), "{routes}");
    let output = tool(&router, &net, "ip route get 192.168.1.9");
    assert_ne!(output.code, 0);
    assert_eq!(output.stderr, "RTNETLINK answers: Network is unreachable\n");
    let ping = net.client.shell("ping -c 1 -W 1 192.168.1.9").stdout;
    assert!(ping.contains("Destination Net Unreachable"), "{ping}");
    // Its IPv4 address is still the gateway's own.
    net.client.must("ping -c 1 -W 2 192.168.1.146");
    let output = tool(&router, &net, "ip route add 9.0.0.0/8 dev wan0");
    assert_ne!(output.code, 0);
    assert_eq!(output.stderr, "Error: Device for nexthop is not up.\n");
    let link = tool(&router, &net, "ip link show wan0").stdout;
    assert!(link.contains("<BROADCAST,MULTICAST> ") && link.contains(" state DOWN "), "{link}");
    assert_eq!(tool(&router, &net, "ip link set wan0 up").code, 0);
    net.client.must("ping -c 3 -i 0.3 -W 2 192.168.1.9");
    let routes = tool(&router, &net, "ip route").stdout;
    assert!(routes.contains("192.168.1.0/24 dev wan0"), "{routes}");
}

/// What an operator types, in order: both routers must answer each with the same text.
const COMMANDS: &[&str] = &[
    "ip route",
    "ip -j route",
    "ip -d route",
    "ip -6 route",
    "ip route add 172.16.0.0/12 via 192.168.1.9",
    "ip route add 172.16.0.0/12 via 192.168.1.9",
    "ip route add 172.16.0.0/12 via 192.168.1.10 metric 50",
    "ip route add 172.20.0.0/16 via 192.168.1.9 proto static",
    "ip route replace 172.20.0.0/16 via 192.168.1.10",
    "ip route add blackhole 11.0.0.0/8",
    "ip route add unreachable 12.0.0.0/8",
    "ip route add prohibit 13.0.0.0/8 metric 7",
    "ip route add 14.0.0.0/8 via 9.9.9.9",
    "ip route add 14.0.0.0/8 dev nosuch0",
    "ip route add 14.0.0.1/8 dev wan0",
    "ip route add frob",
    "ip route add 10.0.0.0/33 via 192.168.1.9",
    "ip route add default via 192.168.1.9",
    "ip route",
    "ip -j route",
    "ip route show 172.16.0.0/12",
    "ip route show dev wan0",
    "ip route show proto static",
    "ip route get 172.16.3.3",
    "ip route get 11.1.1.1",
    "ip route get 12.1.1.1",
    "ip route get 13.1.1.1",
    "ip route get 192.168.1.9",
    "ip route del 172.16.0.0/12 metric 50",
    "ip route del 172.16.0.0/12",
    "ip route del 172.16.0.0/12",
    "ip route del default",
    "ip neigh add 192.168.1.50 lladdr 02:00:00:00:00:50 dev wan0",
    "ip neigh add 192.168.1.50 lladdr 02:00:00:00:00:51 dev wan0",
    "ip neigh replace 192.168.1.50 lladdr 02:00:00:00:00:51 dev wan0",
    "ip neigh show to 192.168.1.50",
    "ip -j neigh show to 192.168.1.50",
    "ip neigh del 192.168.1.50 dev wan0",
    "ip neigh del 192.168.1.50 dev wan0",
    "ip neigh show to 192.168.1.50",
    "ip addr add 10.9.0.1/24 dev lan0",
    "ip addr add 10.9.0.1/24 dev lan0",
    "ip -4 -br addr show dev lan0",
    "ip route show dev lan0",
    "ip addr del 10.9.0.1/24 dev lan0",
    "ip addr del 10.9.0.1/24 dev lan0",
    "ip -4 addr show dev lan0",
    "ip -4 -br addr show dev lan0",
    "ip link show lan0",
    "ip -br link show lan0",
    "ip link show nosuch0",
    "ip link set nosuch0 down",
    "ip rule",
    "ip -6 rule",
    "ip -j rule",
    "ip frob",
    "ip route frob",
];

fn ip_commands(kind: Kind) {
    let said = transcript(kind);
    if kind != Kind::Kernel {
        let expected = transcript(Kind::Kernel);
        let different: Vec<_> =
            expected.iter().zip(&said).filter(|(kernel, sluice)| kernel != sluice).collect();
        assert!(different.is_empty(), "kernel first, then sluice: {different:#?}");
    }
}

/// A file of commands ends at the first that fails, unless it is told to go on; the line is named.
fn ip_batch(kind: Kind) {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(""));
    let file = net.scratch().join("batch");
    let add = |prefix: &str| format!("route add {prefix} via 192.168.1.9\n");
    let lines = ["172.16.0.0/16", "172.16.0.0/16", "172.17.0.0/16"].map(add).concat();
    std::fs::write(&file, format!("# routes\n{lines}")).unwrap();
    let there = || {
        let routes = tool(&router, &net, "ip route show proto boot").stdout;
        routes.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    let output = tool(&router, &net, &format!("ip -batch {}", file.display()));
    let said = format!("RTNETLINK answers: File exists\nCommand failed {}:3\n", file.display());
    assert_ne!(output.code, 0);
    assert_eq!(output.stderr, said);
    assert_eq!(there(), ["172.16.0.0/16 via 192.168.1.9 dev wan0"]);
    let output = tool(&router, &net, &format!("ip -force -batch {}", file.display()));
    assert_ne!(output.code, 0);
    assert!(output.stderr.contains(&format!("Command failed {}:3\n", file.display())));
    let both = ["172.16.0.0/16", "172.17.0.0/16"];
    assert_eq!(there(), both.map(|to| format!("{to} via 192.168.1.9 dev wan0")));
}

fn transcript(kind: Kind) -> Vec<String> {
    let net = Topology::new();
    let router = Router::start(kind, &net, &Setup::new(""));
    let run = |words: &&str| {
        let output = tool(&router, &net, words);
        let said = format!("{}{}", output.stdout, output.stderr);
        let said: Vec<_> = said.lines().map(of_any_device).filter(|l| !l.is_empty()).collect();
        // Sluice's exit codes are 1 and 2 for all its tools; iproute2 has 1, 2 and 255.
        let end = if output.code == 0 { "done" } else { "failed" };
        format!("{words}: {end}\n{}", said.join("\n"))
    };
    COMMANDS.iter().map(run).collect()
}

/// A line without what differs between a veth and a port of the gateway: number, peer, flags of promiscuity,
/// and link-local addresses, which the kernel's router has not.
fn of_any_device(line: &str) -> String {
    let mut line = line.replace("PROMISC,", "");
    if let Some((number, rest)) = line.split_once(": ")
        && number.chars().all(|c| c.is_ascii_digit())
        && rest.contains("mtu")
    {
        line = rest.to_owned();
    }
    while let Some(at) = line.find("@if") {
        let end =
            line[at + 3..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |n| at + 3 + n);
        let width = end - at;
        line.replace_range(at..end, "");
        // Brief listings pad names to a column.
        if line[at..].starts_with("  ") {
            line.insert_str(at, &" ".repeat(width));
        }
    }
    for word in [" link-netns ", " link-netnsid "] {
        if let Some(at) = line.find(word) {
            line.truncate(at);
        }
    }
    if line.starts_with("fe80::") { String::new() } else { line.trim_end().to_owned() }
}

/// `conntrack -L` and its filters, line by line but for numbers that time and chance draw.
fn connection_lines(kind: Kind) {
    let net = Topology::new();
    let rules = "
        *nat
        -A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
        -A POSTROUTING -s 10.1.0.0/16 -o wan0 -j MASQUERADE
        COMMIT";
    let setup = Setup::new(rules)
        .with_ip6tables("*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT");
    let router = Router::start(kind, &net, &setup);
    http::serve(&net.server, "[::]:80", "server", Vec::new());
    http::serve(&net.client, "[::]:80", "client", Vec::new());
    net.client.must("curl -sS -m 10 --local-port 41000 http://192.168.1.9/");
    net.client.must("curl -sS -m 10 --local-port 41001 http://[fd00:2::9]/");
    net.server.must("curl -sS -m 10 --local-port 41002 http://192.168.1.146:8080/");
    net.client.must("ping -c 1 -W 2 192.168.1.9; ping -c 1 -W 2 fd00:2::9");
    net.client.must("echo x > /dev/udp/192.168.1.77/53");
    let page = "src=10.1.0.2 dst=192.168.1.9 sport=41000 dport=80 \
                src=192.168.1.9 dst=192.168.1.146 sport=80 dport=41000 [ASSURED] mark=0";
    let forwarded = "src=192.168.1.9 dst=192.168.1.146 sport=41002 dport=8080 \
                     src=10.1.0.2 dst=192.168.1.9 sport=80 dport=41002 [ASSURED] mark=0";
    let page6 = "src=fd00:1::2 dst=fd00:2::9 sport=41001 dport=80 \
                 src=fd00:2::9 dst=fd00:1::2 sport=80 dport=41001 [ASSURED] mark=0";
    let unanswered = "src=10.1.0.2 dst=192.168.1.77 sport=N dport=53 [UNREPLIED] \
                      src=192.168.1.77 dst=192.168.1.146 sport=53 dport=N mark=0";
    let echo = "src=10.1.0.2 dst=192.168.1.9 type=8 code=0 id=N \
                src=192.168.1.9 dst=192.168.1.146 type=0 code=0 id=N mark=0";
    let tcp = |tuples: &str| format!("tcp      6 T TIME_WAIT {tuples}");
    let udp = || format!("udp      17 T {unanswered}");
    for (options, expected) in [
        ("-p tcp --dport 80", vec![tcp(page), tcp(page6)]),
        ("-p tcp --sport 41002", vec![tcp(forwarded)]),
        ("-g -p tcp", vec![tcp(forwarded)]),
        ("-n -p tcp", vec![tcp(page)]),
        ("-n 192.168.1.146 -p udp", vec![udp()]),
        ("-p tcp --state TIME_WAIT -d 192.168.1.9", vec![tcp(page)]),
        ("-p tcp --state ESTABLISHED", vec![]),
        ("-s 10.1.0.2 -p icmp", vec![format!("icmp     1 T {echo}")]),
        ("-f ipv6 -p tcp", vec![tcp(page6)]),
        ("-f ipv6 -p tcp -o extended", vec![format!("ipv6     10 {}", tcp(page6))]),
        ("-p udp -o extended", vec![format!("ipv4     2 {}", udp())]),
        ("-p udp -o id", vec![format!("{} id=N", udp())]),
        ("-p udp --dport 99", vec![]),
    ] {
        let output = tool(&router, &net, &format!("conntrack -L {options}"));
        assert_eq!(output.code, 0, "{options}: {output:?}");
        let mut lines: Vec<_> = output.stdout.lines().map(steady).collect();
        lines.sort();
        assert_eq!(lines, expected, "conntrack -L {options}");
        let count = format!(
            "conntrack v1.4.7 (conntrack-tools): {} flow entries have been shown.\n",
            expected.len()
        );
        assert_eq!(output.stderr, count, "conntrack -L {options}");
    }
    let deleted = tool(&router, &net, "conntrack -D -p udp --dport 53");
    assert_eq!(deleted.stdout.lines().map(steady).collect::<Vec<_>>(), [udp()]);
    let said = "conntrack v1.4.7 (conntrack-tools): 1 flow entries have been deleted.\n";
    assert_eq!((deleted.code, &*deleted.stderr), (0, said));
    let again = tool(&router, &net, "conntrack -D -p udp --dport 53");
    assert_eq!(again.code, 1, "{again:?}");
    let flushed = tool(&router, &net, "conntrack -F");
    let said = "conntrack v1.4.7 (conntrack-tools): connection tracking table has been emptied.\n";
    assert_eq!((flushed.code, &*flushed.stderr), (0, said));
    assert_eq!(tool(&router, &net, "conntrack -L -p icmp").stdout, "");
    // A late segment may have begun one anew.
    let count = tool(&router, &net, "conntrack -C").stdout;
    assert!(["0\n", "1\n"].contains(&&*count), "{count}");
}

/// Seconds become T, what is drawn at random N; the kernel's count of users is left out.
fn steady(line: &str) -> String {
    let mut seconds_seen = false;
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let drawn = ["sport=", "dport=", "id="].into_iter().find(|key| word.starts_with(key));
        let number = word.split('=').nth(1).and_then(|text| text.parse::<u64>().ok());
        words.push(match (drawn, number) {
            _ if word.starts_with("use=") => continue,
            (Some(key), Some(number)) if number > 41_002 || key == "id=" => format!("{key}N"),
            (Some(key), Some(number)) if (32_768..41_000).contains(&number) => format!("{key}N"),
            _ => word.to_owned(),
        });
    }
    // The number behind the protocol's own is the time left.
    let mut numbers = 0;
    for word in &mut words {
        if !seconds_seen && word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty() {
            numbers += 1;
            let wanted = if line.starts_with("ipv") { 3 } else { 2 };
            if numbers == wanted {
                *word = "T".into();
                seconds_seen = true;
            }
        }
    }
    words.join(" ").trim_end().to_owned()
}

/// Counters of `conntrack -S` and `stats` tell the same, and the buffers are shown.
fn statistics(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    net.client.must("echo x > /dev/udp/192.168.1.9/9");
    std::thread::sleep(Duration::from_millis(100));
    let lines = gateway.must("conntrack -S");
    assert_eq!(lines.lines().count(), workers as usize, "{lines}");
    let inserted: u64 = lines
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("insert=")?.parse::<u64>().ok())
        .sum();
    assert!(inserted >= 2, "{lines}");
    let stats = gateway.stats();
    assert_eq!(stats["conntrack"]["inserted"], inserted, "{stats:#}");
    assert!(stats["mempool"]["capacity"].as_u64().unwrap() > 1000, "{stats:#}");
    let text = gateway.must("stats");
    for part in ["mempool: ", " buffers in use", "conntrack: ", "packets: rx ", "lan0", "wan0"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    gateway.assert_accounted();
}

/// Ctrl-C is as clean an end as SIGTERM, and the next start works at once.
fn interrupt(workers: u32) {
    let net = Topology::new();
    for _ in 0..2 {
        let mut gateway =
            Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
        net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
        gateway.stop_by(Signal::SIGINT);
        let links = net.router.must("ip -br link");
        assert!(!links.contains("sl-"), "a twin was left behind: {links}");
    }
}

/// What `sluice check` says, and its exit codes: 0 sound, 1 not, 2 wrong usage.
#[test]
fn check_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &str| {
        let command = format!("{} check {arguments}", gateway::binary().display());
        sluice_tests::process::shell(&[], &command)
    };
    let file = folder.path().join("s.toml");
    let good = "[[interface]]\nname = \"lan\"\ndevice = \"tap:lan0\"\n";
    std::fs::write(&file, good).unwrap();
    let valid = check(&format!("-c {}", file.display()));
    assert_eq!((valid.code, valid.stdout), (0, format!("{}: valid\n", file.display())));
    std::fs::write(&file, format!("{good}colour = 1\nadress = []\n")).unwrap();
    let wrong = check(&format!("-c {}", file.display()));
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.stderr.contains(":4:1: error: ") && wrong.stderr.contains(":5:1: error: "));
    assert_eq!(check("-c /nonexistent/s.toml").code, 1);
    assert_eq!(check("").code, 2);
    assert_eq!(check("--frob").code, 2);
}

/// Only the owner may use the socket; any gRPC client finds out what is served, and that it is well.
#[test]
fn reflection_and_health() {
    use std::os::unix::fs::MetadataExt;
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(""), 1);
    let socket = gateway.socket();
    let mode = Path::new(socket.trim_start_matches("unix:")).metadata().unwrap().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let services = runtime.block_on(async {
        let endpoint = tonic::transport::Endpoint::from_shared(socket).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let asked = MessageRequest::ListServices(String::new());
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let mut client = ServerReflectionClient::new(channel.clone());
        let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        let answer = answers.into_inner().next().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(ListServiceResponse { service })) = answer
        else {
            panic!("{answer:?}")
        };
        let services: Vec<_> = service.into_iter().map(|service| service.name).collect();
        for service in services.iter().filter(|name| name.starts_with("sluice.")) {
            let request = HealthCheckRequest { service: service.clone() };
            let answer = HealthClient::new(channel.clone()).check(request).await.unwrap();
            assert_eq!(answer.into_inner().status, 1, "{service} does not serve");
        }
        services
    });
    for name in ["Config", "Conntrack", "Network", "Rules", "Stats"] {
        let name = format!("sluice.v1.{name}Service");
        assert!(services.contains(&name), "{name} is missing: {services:?}");
    }
}
