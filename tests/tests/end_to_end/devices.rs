//! Owns the tests of the kinds of devices: capture files, TAP, memif, null, several queues; and what the
//! operator sees of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sluice_tests::frame::{Packet, ethernet};
use sluice_tests::gateway::{Gateway, number};
use sluice_tests::router::Setup;
use sluice_tests::topology::{LAN, WAN};
use sluice_tests::{Namespace, Topology, eventually, http};

use crate::MASQUERADE;

const FORWARD: &str = "\n[sysctl]\n\"net.ipv4.ip_forward\" = 1\n";

/// An Ethernet frame as a capture file holds it.
fn frame(to: &str, from: &str, packet: &[u8]) -> Vec<u8> {
    ethernet(to, from, 0x0800, packet)
}

/// Writes a capture file: <https://www.tcpdump.org/manpages/pcap-savefile.5.html>.
fn write_pcap(file: &Path, frames: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1_u32] {
        bytes.extend(word.to_le_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for word in [1, 0, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    fs::write(file, bytes).unwrap();
}

/// The frames of a capture file.
fn read_pcap(file: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert!([0xa1b2_c3d4, 0xa1b2_3c4d].contains(&word(0)), "no capture file");
    let (mut at, mut frames) = (24, Vec::new());
    while at < bytes.len() {
        let length = word(at + 8) as usize;
        frames.push(bytes[at + 16..at + 16 + length].to_vec());
        at += 16 + length;
    }
    frames
}

/// Two interfaces on files: what comes in by `lan.pcap` and goes out by `wan-out.pcap`.
fn on_files(folder: &Path, option: &str, rules: &str) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let (input, out, back) = (file("lan.pcap"), file("lan-out.pcap"), file("wan-out.pcap"));
    fs::write(folder.join("rules"), rules).unwrap();
    format!(
        "\n[[interface]]\nname = \"lan0\"\ndevice = \"pcap:{input},{out}{option}\"\nmac = {:?}\n\
         address = [\"10.1.0.1/16\"]\n\
         [[interface]]\nname = \"wan0\"\ndevice = \"pcap:,{back}\"\nmac = {:?}\n\
         address = [\"192.168.1.146/24\"]\n\
         [[neighbour]]\naddress = \"192.168.1.9\"\nmac = {:?}\ninterface = \"wan0\"\n\
         [rules]\niptables = {:?}\n{FORWARD}",
        LAN.mac,
        WAN.mac,
        WAN.host_mac,
        folder.join("rules")
    )
}

/// The packets of a file go in, and come out in the other: routed, translated, the bad one not at all.
#[test]
fn capture_files() {
    let router = Namespace::new("router");
    let scratch = tempfile::tempdir().unwrap();
    let packets: Vec<Packet> = (0..20)
        .map(|n| Packet::new("10.1.0.2", "192.168.1.9").id(n).udp(2000 + n, 53, b"question"))
        .collect();
    let mut frames: Vec<_> =
        packets.iter().map(|packet| frame(LAN.mac, LAN.host_mac, &packet.bytes())).collect();
    let mut bad = packets[0].bytes();
    bad[10] ^= 0xff;
    frames.push(frame(LAN.mac, LAN.host_mac, &bad));
    write_pcap(&scratch.path().join("lan.pcap"), &frames);

    let rules = sluice_tests::router::unindent(MASQUERADE);
    let toml = on_files(scratch.path(), "", &rules);
    let mut gateway = Gateway::start_with(&router, scratch.path(), 1, &toml);
    assert!(eventually(Duration::from_secs(5), || gateway.interface("wan0")["tx_packets"] == 20));
    assert_eq!(gateway.drops("bad-ip-checksum"), 1);
    assert_eq!(number(&gateway.interface("lan0")["rx_packets"]), 21);
    gateway.assert_accounted();
    gateway.stop();

    let expected: Vec<_> = packets
        .iter()
        .map(|packet| {
            let (source, port) = (u16::from(packet.payload[0]) << 8, packet.payload[1]);
            let sent = Packet::new("192.168.1.146", "192.168.1.9").id(packet.id).ttl(63);
            let sent = sent.udp(source | u16::from(port), 53, b"question");
            frame(WAN.host_mac, WAN.mac, &sent.bytes())
        })
        .collect();
    assert_eq!(read_pcap(&scratch.path().join("wan-out.pcap")), expected);
    assert!(read_pcap(&scratch.path().join("lan-out.pcap")).is_empty());
}

/// One packet, over and over.
#[test]
fn capture_file_replayed_without_end() {
    let router = Namespace::new("router");
    let scratch = tempfile::tempdir().unwrap();
    let packet = Packet::new("10.1.0.2", "192.168.1.9").udp(2000, 53, b"again");
    write_pcap(&scratch.path().join("lan.pcap"), &[frame(LAN.mac, LAN.host_mac, &packet.bytes())]);
    // Forwarded packets would fill the disk.
    let rules = "*filter\n-A FORWARD -j DROP\nCOMMIT\n";
    let toml = on_files(scratch.path(), ",infinite", rules);
    let gateway = Gateway::start_with(&router, scratch.path(), 1, &toml);
    assert!(eventually(Duration::from_secs(5), || gateway.drops("rule") > 10_000));
}

/// The client's only cable is a TAP that the gateway has made.
fn tap(workers: u32) {
    let net = Topology::new();
    net.client.must("ip link del eth0");
    let toml = format!(
        "\n[[interface]]\nname = \"lan0\"\ndevice = \"tap:tap0\"\nmac = {:?}\naddress = [\"10.1.0.1/16\"]\n\
         [[interface]]\nname = \"wan0\"\ndevice = \"af_packet:wan0\"\nmac = {:?}\n\
         address = [\"192.168.1.146/24\"]\n{FORWARD}",
        "02:00:00:00:01:01", WAN.mac,
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), workers, &toml);
    let client = net.client.name();
    net.router.must(&format!("ip link set tap0 netns {client}"));
    net.client.must(
        "ip link set tap0 address 02:00:00:00:01:02 up; ip addr add 10.1.0.2/16 dev tap0
         ip route add default via 10.1.0.1",
    );
    net.route_back();
    net.client.must("ping -c 3 -i 0.2 -W 2 10.1.0.1");
    net.client.must("ping -c 3 -i 0.2 -W 2 192.168.1.9");
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(5_000_000));
    many_flows(&net);
    let size = net.client.must("curl -sS -m 20 http://192.168.1.9/file | wc -c");
    assert_eq!(size.trim(), "5000000");
    every_queue_works(&gateway, "lan0", workers);
    gateway.assert_accounted();
}

/// Sixty-four connections, so that every queue has its share of them.
fn many_flows(net: &Topology) {
    net.client.must(
        "for n in $(seq 64); do curl -sS -m 10 -o /dev/null http://192.168.1.9/ & done; wait",
    );
}

fn every_queue_works(gateway: &Gateway, interface: &str, workers: u32) {
    let queues = gateway.queues(interface);
    assert_eq!(queues.len(), workers as usize, "{queues:?}");
    for (received, sent) in &queues {
        assert!(*received > 0 && *sent > 0, "an idle queue on {interface}: {queues:?}");
    }
    let whole = gateway.interface(interface);
    let sum = |part: fn(&(u64, u64)) -> u64| queues.iter().map(part).sum::<u64>();
    assert_eq!(sum(|queue| queue.0), number(&whole["rx_packets"]), "{queues:?} {whole}");
    assert_eq!(sum(|queue| queue.1), number(&whole["tx_packets"]), "{queues:?} {whole}");
}

fn packet_sockets(workers: u32) {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), workers);
    http::serve(&net.server, "0.0.0.0:80", "server", Vec::new());
    many_flows(&net);
    every_queue_works(&gateway, "lan0", workers);
    every_queue_works(&gateway, "wan0", workers);
    for worker in gateway.stats()["workers"].as_array().unwrap() {
        assert!(number(&worker["rx"]) > 0 && number(&worker["tx"]) > 0, "an idle worker: {worker}");
    }
}

sluice_tests::on_sluice!(tap, packet_sockets);

/// Two gateways with shared memory between them: client, one, other, server.
#[test]
fn shared_memory() {
    let net = Topology::new();
    net.route_back();
    let socket = net.scratch().join("memif.sock");
    let side = |role: &str,
                name: &str,
                outer: &str,
                mac: &str,
                inner: &str,
                to: &str,
                via: &str| {
        let address = if outer == "lan0" { "10.1.0.1/16" } else { "192.168.1.146/24" };
        format!(
            "\n[[interface]]\nname = {outer:?}\ndevice = \"af_packet:{outer}\"\nmac = {mac:?}\n\
             address = [{address:?}]\n\
             [[interface]]\nname = {name:?}\ndevice = \"memif:{},role={role}\"\naddress = [{inner:?}]\n\
             [[route]]\nto = {to:?}\nvia = {via:?}\n{FORWARD}",
            socket.display()
        )
    };
    let outer = side("server", "right", "wan0", WAN.mac, "10.9.0.2/30", "10.1.0.0/16", "10.9.0.1");
    let inner =
        side("client", "left", "lan0", LAN.mac, "10.9.0.1/30", "192.168.1.0/24", "10.9.0.2");
    let second = Gateway::start_with(&net.router, net.scratch(), 1, &outer);
    let first = Gateway::start_with(&net.router, net.scratch(), 1, &inner);
    let connected = || first.interface("left")["link_up"] == true;
    assert!(eventually(Duration::from_secs(10), connected), "{}", first.said());
    net.client.must("ping -c 5 -i 0.2 -W 2 192.168.1.9");
    let hops = net.client.must("traceroute -n -q 1 -w 2 -m 4 192.168.1.9");
    assert!(hops.contains("10.1.0.1") && hops.contains("10.9.0.2"), "{hops}");
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(2_000_000));
    let size = net.client.must("curl -sS -m 20 http://192.168.1.9/file | wc -c");
    assert_eq!(size.trim(), "2000000");
    first.assert_accounted();
    second.assert_accounted();
}

/// A device of DPDK by its own arguments: a hole that swallows what is routed into it.
#[test]
fn any_virtual_device() {
    let net = Topology::new();
    let toml = format!(
        "\n[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\naddress = [\"10.1.0.1/16\"]\n\
         [[interface]]\nname = \"hole\"\ndevice = \"vdev:net_null0,no-rx=1\"\naddress = [\"10.7.0.1/24\"]\n\
         [[neighbour]]\naddress = \"10.7.0.2\"\nmac = \"02:00:00:00:07:02\"\ninterface = \"hole\"\n{FORWARD}",
        LAN.mac
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), 1, &toml);
    net.client.shell("ping -c 5 -i 0.2 -W 1 10.7.0.2");
    assert_eq!(number(&gateway.interface("hole")["tx_packets"]), 5);
    assert_eq!(gateway.interface("hole")["device"], "vdev:net_null0,no-rx=1");
}

/// Names as long as the kernel has them, of which twins and packet memory have names of their own made.
#[test]
fn longest_names() {
    let net = Topology::new();
    net.router.must(
        "ip link set lan0 down; ip link set lan0 name enx00e04c680001; ip link set enx00e04c680001 up
         ip link set wan0 down; ip link set wan0 name vxlan.calico; ip link set vxlan.calico up",
    );
    let toml = format!(
        "\n[[interface]]\nname = \"enx00e04c680001\"\ndevice = \"af_packet:enx00e04c680001\"\nmac = {:?}\n\
         address = [\"10.1.0.1/16\"]\n\
         [[interface]]\nname = \"vxlan.calico\"\ndevice = \"af_packet:vxlan.calico\"\nmac = {:?}\n\
         address = [\"192.168.1.146/24\"]\n\
         [[interface]]\nname = \"tap-of-15-bytes\"\ndevice = \"tap:tap-of-15-bytes\"\naddress = [\"10.7.0.1/24\"]\n{FORWARD}",
        LAN.mac, WAN.mac,
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), 1, &toml);
    net.route_back();
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    // By the twins.
    net.router.must("ping -c 2 -i 0.2 -W 2 10.1.0.2; ping -c 2 -i 0.2 -W 2 192.168.1.9");
    for twin in ["sl-00e04c680001", "sl-vxlan.calico", "sl--of-15-bytes"] {
        net.router.must(&format!("ip link show {twin}"));
    }
    gateway.assert_accounted();
}

/// MTU, MAC, promiscuity, carrier and counters, as `sluice stats` and `sluice ip link` show them.
#[test]
fn what_the_operator_sees() {
    let net = Topology::new();
    let toml = format!(
        "\n[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\nmtu = 1400\n\
         promiscuous = true\naddress = [\"10.1.0.1/16\"]\n",
        LAN.mac
    );
    let gateway = Gateway::start_with(&net.router, net.scratch(), 1, &toml);
    net.client.must("ip link set eth0 mtu 1400; ping -c 3 -i 0.2 -W 2 10.1.0.1");
    let seen = gateway.interface("lan0");
    assert_eq!(seen["device"], "af_packet:lan0");
    assert_eq!((&seen["mtu"], &seen["mac"]), (&1400.into(), &LAN.mac.into()));
    assert_eq!(seen["link_up"], true);
    assert!(number(&seen["rx_packets"]) >= 4 && number(&seen["rx_bytes"]) > 300, "{seen}");
    assert!(number(&seen["tx_packets"]) >= 4, "{seen}");
    assert!(net.router.must("ip link show lan0").contains("mtu 1400"), "the kernel's end");

    let link = gateway.must("ip -s link show lan0");
    assert!(link.contains("<BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP> mtu 1400"), "{link}");
    assert!(link.contains("link/ether 02:00:00:00:01:01"), "{link}");
    let received = format!("{} ", number(&gateway.interface("lan0")["rx_packets"]));
    assert!(gateway.must("ip -s link").contains(&received), "{link}");

    net.client.must("ip link set eth0 down");
    let down = || gateway.interface("lan0")["link_up"] == false;
    assert!(eventually(Duration::from_secs(3), down), "{}", gateway.must("stats"));
    assert!(gateway.must("ip -br link").contains("NO-CARRIER"));
}

/// Packet memory: huge pages where there are some, else ordinary ones and one line that says so.
#[test]
fn packet_memory() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 1);
    let free = |size: &str| {
        let file = format!("/sys/kernel/mm/hugepages/hugepages-{size}/free_hugepages");
        fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0_u64)
    };
    let said = gateway.said();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("huge pages")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    let ordinary =
        lines[0].contains("no huge pages") && lines[0].contains("sysctl -w vm.nr_hugepages=");
    // Without any there is no doubt; with some, whether they suffice decides.
    assert!(ordinary || free("2048kB") + free("1048576kB") > 0, "{said}");
    net.client.must("ping -c 1 -W 2 192.168.1.9");
}
