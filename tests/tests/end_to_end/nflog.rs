//! Owns the tests of NFLOG: what tcpdump reads of the packets that rules told of.

use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::router::unindent;
use sluice_tests::topology::LAN;
use sluice_tests::{Topology, eventually, on_sluice};

on_sluice!(tcpdump_reads_the_file, a_program_on_the_socket_reads_along);

const RULES: &str = "
    *filter
    -A INPUT -p icmp -j NFLOG --nflog-group 5 --nflog-prefix \"pinged: \" --nflog-threshold 3
    -A INPUT -p udp -j NFLOG --nflog-size 28
    -A INPUT -p udp -j DROP
    COMMIT
";

fn start(net: &Topology, workers: u32, nflog: &str) -> Gateway {
    let toml = format!(
        "[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\n\
         address = [\"10.1.0.1/16\", \"fd00:1::1/64\"]\n\
         [rules]\nnflog = {nflog:?}\n[sysctl]\n\"net.ipv4.ip_forward\" = 1\n",
        LAN.mac
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), workers, &toml);
    gateway.load_rules(&unindent(RULES));
    gateway
}

fn tcpdump_reads_the_file(workers: u32) {
    let net = Topology::new();
    let file = net.scratch().join("packets.pcapng");
    let gateway = start(&net, workers, &format!("file:{}", file.display()));
    let six = net.scratch().join("rules.v6");
    std::fs::write(&six, "*filter\n-A INPUT -p udp -j NFLOG --nflog-group 6\nCOMMIT\n").unwrap();
    gateway.must(&format!("ip6tables-restore {}", six.display()));
    net.client.must("ping -c 2 -i 0.2 -W 2 -s 8 10.1.0.1");
    net.client.must("printf 0123456789 >/dev/udp/10.1.0.1/9; printf hello >/dev/udp/fd00:1::1/7");
    let read = || net.router.shell(&format!("tcpdump -e -nn -r {}", file.display()));
    let told = eventually(Duration::from_secs(5), || read().stdout.lines().count() == 4);
    let read = read();
    assert!(told && read.code == 0, "{read:?}");
    assert!(read.stderr.contains("link-type NFLOG"), "{}", read.stderr);
    let lines: Vec<_> = read.stdout.lines().collect();
    for line in &lines[..2] {
        assert!(line.contains("family IPv4") && line.contains("resource ID 5"), "{line}");
        assert!(line.contains("10.1.0.2 > 10.1.0.1: ICMP echo request"), "{line}");
    }
    let of = |text: &str| lines.iter().find(|line| line.contains(text)).unwrap().to_owned();
    assert!(of("10.1.0.1.9").contains("resource ID 0"), "{lines:?}");
    assert!(of("10.1.0.1.9").contains("UDP, length 10"), "{lines:?}");
    assert!(of("fd00:1::1.7").contains("family IPv6"), "{lines:?}");
    assert!(of("fd00:1::1.7").contains("resource ID 6"), "{lines:?}");
    let bytes = std::fs::read(&file).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(holds(b"group 5 prefix \"pinged: \" IN=lan0 OUT="), "the comment of a block");
    assert!(holds(b"hello") && !holds(b"0123"), "no more than --nflog-size");
}

fn a_program_on_the_socket_reads_along(workers: u32) {
    let net = Topology::new();
    let socket = net.scratch().join("nflog.sock");
    let gateway = start(&net, workers, &format!("unix:{}", socket.display()));
    let mut reader = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    reader.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    net.client.must("ping -c 1 -W 2 10.1.0.1");
    let mut heard: Vec<u8> = Vec::new();
    let mut piece = [0_u8; 4096];
    while !heard.windows(8).any(|window| window == b"pinged: ") {
        let count = std::io::Read::read(&mut reader, &mut piece).unwrap();
        assert!(count > 0, "the gateway hung up");
        heard.extend(&piece[..count]);
    }
    drop(reader);
    net.client.must("ping -c 1 -W 2 10.1.0.1");
    gateway.assert_accounted();
}
