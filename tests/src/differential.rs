//! Owns the comparison of Sluice with the kernel.
//!
//! A scenario is a ruleset and a function that plays hosts: it sends frames to the router and looks
//! at what comes out, as real hosts would. It is played twice, with the kernel as the router and
//! with the router under test, on the same interfaces with the same addresses. What came out of
//! every interface after every step must be equal byte for byte, and so must the connections left
//! in the table at the end.
//!
//! Left out of the comparison: the order of frames within a step, the identification of packets
//! that the router itself made, and what the scenario says was drawn at random: ports, numbers of TCP.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::frame::{self, Packet, addresses, is_v6};
use crate::numbers::Numbers;
use crate::router::Setup;
use crate::topology::{self, Cable, DMZ, LAN, WAN};
use crate::wire::{self, Wire};
use crate::{Kind, Namespace, Router};

/// A frame's way out must be quiet this long before a step counts as over.
const QUIET_MS: u16 = 20;
/// The router under test gets this long to send as many frames as the kernel did.
const LATEST: Duration = Duration::from_secs(2);

/// A ruleset and what the hosts do.
pub struct Scenario {
    setup: Setup,
    play: Box<dyn Fn(&mut Lab)>,
}

impl Scenario {
    /// A scenario on the usual two interfaces. Hosts 10.1.0.2 and 10.1.0.3 are inside, 192.168.1.9
    /// and 192.168.1.1 outside; the latter is the default route.
    pub fn new(iptables: &str, play: impl Fn(&mut Lab) + 'static) -> Self {
        let mut setup = Setup::new(iptables)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv4.icmp_ratelimit", 0)
            .with_sysctl("net.ipv4.conf.all.rp_filter", 0)
            .with_sysctl("net.ipv4.conf.all.send_redirects", 0)
            .with_route("0.0.0.0/0", "192.168.1.1");
        for interface in &mut setup.interfaces {
            interface.addresses.retain(|address| !address.contains(':'));
        }
        for (cable, address) in
            [(LAN, "10.1.0.2"), (LAN, "10.1.0.3"), (WAN, "192.168.1.9"), (WAN, "192.168.1.1")]
        {
            setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// The same for IPv6: fd00:1::2 and fd00:1::3 are inside, fd00:2::9 and fd00:2::fe outside; the latter is the
    /// default route.
    pub fn new_v6(ip6tables: &str, play: impl Fn(&mut Lab) + 'static) -> Self {
        let mut setup = Setup::new("")
            .with_ip6tables(ip6tables)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv6.icmp.ratelimit", 0)
            .with_route("::/0", "fd00:2::fe");
        for interface in &mut setup.interfaces {
            interface.addresses.retain(|address| address.contains(':'));
        }
        for (cable, address) in
            [(LAN, "fd00:1::2"), (LAN, "fd00:1::3"), (WAN, "fd00:2::9"), (WAN, "fd00:2::fe")]
        {
            setup = setup.with_neighbour(cable.interface, address, cable.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// A scenario with a bridge over these of three cables, IPv4 and IPv6: 10.1.0.2 and fd00:1::2 are behind `lan0`,
    /// 10.1.0.3 and fd00:1::3 behind `dmz0`; 192.168.1.9 is outside, if `wan0` is not in the bridge.
    pub fn bridge(ports: &[&str], iptables: &str, play: impl Fn(&mut Lab) + 'static) -> Self {
        let mut setup = Setup::new(iptables)
            .with_bridge(ports)
            .with_sysctl("net.netfilter.nf_conntrack_acct", 1)
            .with_sysctl("net.ipv4.icmp_ratelimit", 0)
            .with_sysctl("net.ipv4.conf.all.rp_filter", 0)
            .with_sysctl("net.ipv4.conf.all.send_redirects", 0);
        for (interface, address, mac) in [
            ("br0", "10.1.0.2", LAN.host_mac),
            ("br0", "10.1.0.3", DMZ.host_mac),
            ("br0", "fd00:1::2", LAN.host_mac),
            ("br0", "fd00:1::3", DMZ.host_mac),
        ] {
            setup = setup.with_neighbour(interface, address, mac);
        }
        if !ports.contains(&WAN.interface) {
            setup = setup.with_neighbour(WAN.interface, "192.168.1.9", WAN.host_mac);
        }
        Self { setup, play: Box::new(play) }
    }

    /// The same with a changed set-up.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(Setup) -> Setup) -> Self {
        self.setup = change(self.setup);
        self
    }

    /// Plays on the kernel and on `kind`; fails where they differ. The kernel plays once for all that share `kernel`.
    pub fn compare(&self, kernel: &OnceLock<Transcript>, kind: Kind) {
        let report = self.differences(kernel, kind);
        assert!(report.is_empty(), "differs from the kernel:\n{}", report.concat());
    }

    /// A text for every difference, the first one first.
    fn differences(&self, kernel: &OnceLock<Transcript>, kind: Kind) -> Vec<String> {
        let kernel = kernel.get_or_init(|| self.run(Kind::Kernel, None));
        let tested = self.run(kind, Some(kernel));
        let frames: usize = kernel.steps.iter().map(|step| step.out.len()).sum();
        assert!(frames > 0, "nothing came out of the kernel: the scenario shows nothing");
        let mut report = Vec::new();
        for (left, right) in kernel.steps.iter().zip(&tested.steps) {
            if left != right {
                report.push(format!(
                    "{}\n kernel:\n{}{kind:?}:\n{}\n",
                    left.place,
                    left.text(),
                    right.text()
                ));
            }
        }
        if kernel.connections != tested.connections {
            report.push(format!(
                "connections\n kernel:\n{}\n{kind:?}:\n{}\n",
                kernel.connections.join("\n"),
                tested.connections.join("\n")
            ));
        }
        if report.is_empty() {
            assert_eq!(kernel.steps.len(), tested.steps.len(), "not the same steps");
        }
        report
    }

    fn run(&self, kind: Kind, expected: Option<&Transcript>) -> Transcript {
        let namespace = Namespace::new("router");
        // A label drawn for each flow that the router's own stack begins would be compared.
        namespace.must("sysctl -qw net.ipv6.auto_flowlabels=0");
        let scratch = tempfile::tempdir().expect("cannot make a temporary folder");
        let setup = self.setup.clone().tagged();
        let cables = [LAN, WAN, DMZ].into_iter();
        let cables = cables.filter(|c| setup.interfaces.iter().any(|i| i.name == c.interface));
        let ends = cables.map(|cable| End::new(&namespace, cable)).collect();
        let router = Router::start_in(kind, &namespace, scratch.path(), &setup);
        let counts = expected.map(|transcript| {
            transcript.steps.iter().map(|step| step.out.len()).collect::<Vec<_>>()
        });
        let mut lab = Lab {
            ends,
            router,
            log_tag: setup.log_tag,
            counts: counts.unwrap_or_default(),
            ids: BTreeSet::new(),
            aliases: Vec::new(),
            numbers: Numbers::default(),
            steps: Vec::new(),
            note: String::new(),
        };
        // What a starting router says by itself is not part of the scenario.
        lab.drain(None);
        (self.play)(&mut lab);
        lab.finish()
    }
}

/// The host's end of a cable.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) cable: Cable,
    pub(crate) wire: Wire,
    // Deleting the namespace would take the cable away.
    _host: Namespace,
}

impl End {
    pub(crate) fn new(router: &Namespace, cable: Cable) -> Self {
        let host = Namespace::new("host");
        // The host's own stack is silent: a test speaks for it.
        host.must("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
        topology::connect(router, &cable, &host);
        host.must("ip link set eth0 arp off");
        let wire = Wire::open(&host, "eth0");
        Self { cable, wire, _host: host }
    }
}

/// The hosts' side of the router, given to a scenario's function.
#[derive(Debug)]
pub struct Lab {
    ends: Vec<End>,
    router: Router,
    log_tag: String,
    counts: Vec<usize>,
    ids: BTreeSet<u16>,
    aliases: Vec<(u16, u16)>,
    numbers: Numbers,
    steps: Vec<Step>,
    note: String,
}

/// A frame that came out of the router.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The router's interface.
    pub interface: &'static str,
    /// The frame, Ethernet header included.
    pub frame: Vec<u8>,
}

impl Seen {
    /// The IP packet.
    pub fn packet(&self) -> &[u8] {
        &self.frame[14..]
    }

    /// Source and destination port of a TCP or UDP packet without IP options and extension headers.
    pub fn ports(&self) -> (u16, u16) {
        let at = if is_v6(self.packet()) { 54 } else { 34 };
        let word = |at: usize| u16::from_be_bytes([self.frame[at], self.frame[at + 1]]);
        (word(at), word(at + 2))
    }

    /// Without what a router may choose freely: the identification of packets that are its own (`ids` are those that
    /// hosts chose), and ports which were drawn, given as `(actual, canonical)`.
    pub(crate) fn normalised(&self, ids: &BTreeSet<u16>, aliases: &[(u16, u16)]) -> Self {
        let mut seen = self.clone();
        if seen.frame[12..14] == [0x08, 0x00] && seen.frame.len() >= 34 {
            let length = usize::from(u16::from_be_bytes([seen.frame[16], seen.frame[17]]));
            // Short frames are padded on some ways and not on others.
            seen.frame.truncate(14 + length);
            mask_id(&mut seen.frame[14..], ids);
            mask_time(&mut seen.frame[14..]);
            for &(actual, canonical) in aliases {
                replace_port(&mut seen.frame[14..], actual, canonical);
            }
        }
        if let Some(packet) = seen.frame.get_mut(14..).filter(|packet| is_v6(packet)) {
            let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            // Drawn at random wherever the kernel cuts a packet.
            if packet[6] == frame::FRAGMENT && length >= 8 {
                packet[44..48].fill(0);
            }
            seen.frame.truncate(14 + 40 + length);
            for &(actual, canonical) in aliases {
                replace_port(&mut seen.frame[14..], actual, canonical);
            }
        }
        seen
    }
}

impl Lab {
    /// An inside host sends `packet`; what comes out of the router.
    #[track_caller]
    pub fn lan(&mut self, packet: &Packet) -> Vec<Seen> {
        self.send(0, packet)
    }

    /// An outside host sends `packet`; what comes out of the router.
    #[track_caller]
    pub fn wan(&mut self, packet: &Packet) -> Vec<Seen> {
        self.send(1, packet)
    }

    /// A host at the end of `cable` sends `packet` in a frame to `to`, from `from`; what comes out of the router.
    #[track_caller]
    pub fn frame(&mut self, cable: &Cable, to: &str, from: &str, packet: &Packet) -> Vec<Seen> {
        self.ids.insert(packet.id);
        let ethertype = if packet.source.is_ipv6() { 0x86dd } else { 0x0800 };
        self.raw_frame(cable, to, from, ethertype, &packet.bytes())
    }

    /// The same with any bytes after the Ethernet header.
    ///
    /// # Panics
    /// Where the scenario has no such cable.
    #[track_caller]
    pub fn raw_frame(
        &mut self,
        cable: &Cable,
        to: &str,
        from: &str,
        ethertype: u16,
        bytes: &[u8],
    ) -> Vec<Seen> {
        let end = self.ends.iter().position(|end| end.cable.interface == cable.interface);
        self.send_frame(end.expect("a cable of the scenario"), (to, from), ethertype, bytes)
    }

    /// An inside host sends these bytes after its Ethernet header.
    #[track_caller]
    pub fn lan_bytes(&mut self, ethertype: u16, bytes: &[u8]) -> Vec<Seen> {
        self.send_bytes(0, ethertype, bytes)
    }

    /// Says that the router drew `port` at random: it is compared as `canonical`.
    pub fn drawn(&mut self, port: u16, canonical: u16) {
        self.aliases.push((port, canonical));
    }

    /// Says that the router drew `number`, a sequence number or a time: it and the numbers after it are compared as
    /// `canonical` and those after that, wherever they stand in TCP headers.
    pub fn drawn_number(&mut self, number: u32, canonical: u32) {
        self.numbers.note(number, canonical);
    }

    /// Lets time pass, as the step of a scenario.
    pub fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Replaces the rules.
    pub fn load_rules(&self, iptables: &str) {
        self.router.load_rules(iptables);
    }

    /// Runs a tool at the router, as `ipset add …`; it must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub fn tool(&self, words: &str) -> String {
        let output = self.router.shell(&self.router.spelled(words));
        assert!(output.code == 0, "{words}: {output:?}");
        output.stdout
    }

    /// Compares what a tool prints but for comments, as a step of the scenario.
    ///
    /// # Panics
    /// When the tool fails.
    #[track_caller]
    pub fn compare_tool(&mut self, words: &str) {
        let text = self.tool(words);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        self.say(&lines);
    }

    /// Compares how a tool fails, as a step of the scenario.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn compare_failure(&mut self, words: &str) {
        let output = self.router.shell(&self.router.spelled(words));
        assert!(output.code != 0, "{words}: {output:?}");
        self.say(&[&format!("{} {}{}", output.code, output.stdout, output.stderr)]);
    }

    /// Compares the lines that LOG rules with `TAG` in their prefix have written so far, as a step of the scenario. Workers
    /// may overtake one another.
    #[track_caller]
    pub fn compare_log(&mut self) {
        let mut lines = self.router.log(&self.log_tag);
        lines.sort();
        let lines: Vec<_> = lines.iter().map(|line| line.replace(&self.log_tag, "TAG")).collect();
        self.say(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Compares what is in the sets, as a step of the scenario.
    #[track_caller]
    pub fn compare_sets(&mut self) {
        let text = self.tool("ipset save");
        let mut members: Vec<_> = text.lines().filter(|line| line.starts_with("add ")).collect();
        members.sort_unstable();
        self.say(&members);
    }

    #[track_caller]
    fn say(&mut self, lines: &[&str]) {
        let said = format!("{}\n", lines.join("\n"));
        let place = self.place();
        self.steps.push(Step { place, out: Vec::new(), said });
    }

    /// Forgets every connection.
    pub fn flush_connections(&self) {
        self.router.flush_connections();
    }

    /// Compares the counters of every rule and chain of a table, as a step of the scenario.
    #[track_caller]
    pub fn compare_counters(&mut self, table: &str) {
        let said = self.router.counters(table);
        let place = self.place();
        self.steps.push(Step { place, out: Vec::new(), said });
    }

    /// Compares how long connections have to live, within a few seconds of a hundred, as a step of the scenario.
    #[track_caller]
    pub fn compare_timeouts(&mut self) {
        let table = self.router.connections();
        let mut left: Vec<_> = table.lines().map(|line| left(line, &self.aliases)).collect();
        left.sort();
        let place = self.place();
        self.steps.push(Step { place, out: Vec::new(), said: left.concat() });
    }

    /// What a report of a difference says about the steps from here on.
    pub fn note(&mut self, text: &str) {
        text.clone_into(&mut self.note);
    }

    #[track_caller]
    fn place(&self) -> String {
        format!("{}{}", Location::caller(), self.note)
    }

    #[track_caller]
    fn send(&mut self, end: usize, packet: &Packet) -> Vec<Seen> {
        self.ids.insert(packet.id);
        let ethertype = if packet.source.is_ipv6() { 0x86dd } else { 0x0800 };
        self.send_bytes(end, ethertype, &packet.bytes())
    }

    #[track_caller]
    fn send_bytes(&mut self, end: usize, ethertype: u16, bytes: &[u8]) -> Vec<Seen> {
        let Cable { mac, host_mac, .. } = self.ends[end].cable;
        self.send_frame(end, (mac, host_mac), ethertype, bytes)
    }

    #[track_caller]
    fn send_frame(
        &mut self,
        end: usize,
        (to, from): (&str, &str),
        ethertype: u16,
        bytes: &[u8],
    ) -> Vec<Seen> {
        let mut frame = mac(to);
        frame.extend(mac(from));
        frame.extend(ethertype.to_be_bytes());
        frame.extend(bytes);
        self.ends[end].wire.send(&frame);
        let seen = self.drain(self.counts.get(self.steps.len()).copied());
        let place = self.place();
        self.steps.push(Step { place, out: seen.clone(), said: String::new() });
        seen
    }

    /// Everything that comes out until it is quiet; where a number of frames is expected, until
    /// they have come and it is quiet.
    fn drain(&self, expected: Option<usize>) -> Vec<Seen> {
        let wires: Vec<_> = self.ends.iter().map(|end| &end.wire).collect();
        let start = Instant::now();
        let mut seen = Vec::new();
        loop {
            let more = wire::wait(&wires, QUIET_MS);
            for End { cable, wire, .. } in &self.ends {
                while let Some(frame) = wire.receive() {
                    // IPv6 is switched on, also beside a scenario of IPv4, and announces itself.
                    if !announces(&frame) {
                        seen.push(Seen { interface: cable.interface, frame });
                    }
                }
            }
            let late = start.elapsed() > LATEST;
            if !more && (late || expected.is_none_or(|count| seen.len() >= count)) {
                return seen;
            }
        }
    }

    fn normalised(&self, seen: &Seen) -> Seen {
        let mut seen = seen.normalised(&self.ids, &self.aliases);
        let is_ip = [[0x08, 0x00], [0x86, 0xdd]].iter().any(|kind| seen.frame[12..14] == *kind);
        if let Some(packet) = seen.frame.get_mut(14..).filter(|_| is_ip) {
            self.numbers.replace(packet);
        }
        seen
    }

    fn finish(mut self) -> Transcript {
        let mut steps = std::mem::take(&mut self.steps);
        for step in &mut steps {
            step.out = step.out.iter().map(|seen| self.normalised(seen)).collect();
            step.out.sort();
        }
        let table = self.router.connections();
        let mut connections: Vec<_> =
            table.lines().map(|line| connection(line, &self.aliases)).collect();
        connections.sort();
        Transcript { steps, connections }
    }
}

/// Zeroes an identification that no host chose; the header checksum stays as right as it was.
fn mask_id(packet: &mut [u8], ids: &BTreeSet<u16>) {
    let header = usize::from(packet[0] & 15) * 4;
    let id = u16::from_be_bytes([packet[4], packet[5]]);
    // Once in 65,536 times a router draws what a host chose; its errors are known by their precedence.
    let error = packet[9] == 1
        && packet[1] & 0xc0 == 0xc0
        && matches!(packet.get(header), Some(3 | 5 | 11 | 12));
    if ids.contains(&id) && !error || frame::checksum(&packet[..header]) != 0 {
        return;
    }
    packet[4..6].fill(0);
    packet[10..12].fill(0);
    let sum = frame::checksum(&packet[..header]).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
}

/// Zeroes what an ICMP timestamp reply says of its maker's clock (RFC 792), and the checksum.
fn mask_time(packet: &mut [u8]) {
    let header = usize::from(packet[0] & 15) * 4;
    if packet[9] != frame::ICMP || packet.get(header) != Some(&14) {
        return;
    }
    for place in [2..4, 12..20] {
        if let Some(bytes) = packet.get_mut(header + place.start..header + place.end) {
            bytes.fill(0);
        }
    }
}

/// Replaces a port that was drawn at random in a TCP or UDP packet with a right checksum.
fn replace_port(packet: &mut [u8], actual: u16, canonical: u16) {
    let (protocol, header) = if is_v6(packet) { (packet[6], 40) } else { (packet[9], 20) };
    let at = match protocol {
        frame::TCP => 16,
        frame::UDP => 6,
        _ => return,
    };
    let (source, destination) = addresses(packet);
    let segment = &mut packet[header..];
    if frame::transport_checksum(source, destination, protocol, segment) != 0 {
        return;
    }
    for port in [0, 2] {
        if segment[port..port + 2] == actual.to_be_bytes() {
            segment[port..port + 2].copy_from_slice(&canonical.to_be_bytes());
        }
    }
    segment[at..at + 2].fill(0);
    let sum = frame::transport_checksum(source, destination, protocol, segment);
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Whether a host says this by itself: neighbour discovery (RFC 4861, ICMPv6 133 to 136), or who wants which multicast
/// (RFC 3810, to ff02::16 behind a hop-by-hop header).
pub(crate) fn announces(frame: &[u8]) -> bool {
    let Some(packet) = frame.get(14..).filter(|packet| is_v6(packet)) else { return false };
    let kind = packet.get(40);
    let discovery =
        packet[6] == frame::ICMPV6 && kind.is_some_and(|kind| (133..=136).contains(kind));
    discovery || packet[24..26] == [0xff, 0x02]
}

/// The same with its timeout, to the nearest hundred.
fn left(line: &str, aliases: &[(u16, u16)]) -> String {
    let seconds = line.split_whitespace().nth(2).and_then(|word| word.parse::<u32>().ok());
    let seconds = seconds.expect("a line of conntrack has its timeout");
    let hundreds = (seconds + 50) / 100 * 100;
    connection(line, aliases).replacen("TIME", &hundreds.to_string(), 1) + "\n"
}

/// A line of `conntrack -L` without what depends on the moment: timeout and use count.
pub(crate) fn connection(line: &str, aliases: &[(u16, u16)]) -> String {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if words.len() > 2 {
        words[2] = "TIME".into();
    }
    words.retain(|word| !word.starts_with("use="));
    for word in &mut words {
        for (actual, canonical) in aliases {
            for side in ["sport", "dport"] {
                if *word == format!("{side}={actual}") {
                    *word = format!("{side}={canonical}");
                }
            }
        }
    }
    words.join(" ")
}

pub(crate) fn mac(text: &str) -> Vec<u8> {
    text.split(':').map(|byte| u8::from_str_radix(byte, 16).expect("a MAC address")).collect()
}

/// What a router did in a scenario.
#[derive(Debug)]
pub struct Transcript {
    steps: Vec<Step>,
    connections: Vec<String>,
}

/// What came out after one frame went in, and where in the scenario that was.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    place: String,
    out: Vec<Seen>,
    /// Counters, where these were asked for.
    said: String,
}

impl Step {
    fn text(&self) -> String {
        let line = |seen: &Seen| {
            let hex =
                |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let (ethernet, packet) = seen.frame.split_at(14);
            format!("    {}: {} {}\n", seen.interface, hex(ethernet), hex(packet))
        };
        if !self.said.is_empty() {
            self.said.clone()
        } else if self.out.is_empty() {
            "    nothing\n".into()
        } else {
            self.out.iter().map(line).collect()
        }
    }
}

/// Declares the tests of scenarios: the kernel against itself, which shows that the scenario
/// repeats and the comparison is fair, and Sluice with one and with two workers.
#[macro_export]
macro_rules! differential {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            static KERNEL: std::sync::OnceLock<$crate::differential::Transcript> =
                std::sync::OnceLock::new();
            #[test]
            fn kernel_repeats() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Kernel);
            }
            #[test]
            fn sluice_1_worker() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Sluice { workers: 1 });
            }
            #[test]
            fn sluice_2_workers() {
                super::$scenario().compare(&KERNEL, $crate::Kind::Sluice { workers: 2 });
            }
        }
    )+};
}

/// Declares scenarios in which Sluice is known to differ from the kernel; docs/NETFILTER.md says how. The kernel
/// must still repeat itself, so that they can be taken up again.
#[macro_export]
macro_rules! known_to_differ {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn kernel_repeats() {
                super::$scenario().compare(&std::sync::OnceLock::new(), $crate::Kind::Kernel);
            }
        }
    )+};
}
