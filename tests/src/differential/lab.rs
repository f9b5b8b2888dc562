//! Owns the hosts' side of the router: what they send, ask and wait for.

use std::collections::BTreeSet;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::seen::{Seen, announces};
use super::transcript::{Step, Transcript, connection, left};
use crate::frame::Packet;
use crate::numbers::Numbers;
use crate::topology::{self, Cable};
use crate::wire::{self, Wire};
use crate::{Namespace, Router};

/// A frame's way out must be quiet this long before a step counts as over.
const QUIET_MS: u16 = 20;
/// The router under test gets this long to send as many frames as the kernel did.
const LATEST: Duration = Duration::from_secs(2);

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

impl Lab {
    /// Hosts at these ends of a router that has just started. `counts`: how many frames each step is to bring.
    pub(super) fn new(ends: Vec<End>, router: Router, log_tag: String, counts: Vec<usize>) -> Self {
        let lab = Self {
            ends,
            router,
            log_tag,
            counts,
            ids: BTreeSet::new(),
            aliases: Vec::new(),
            numbers: Numbers::default(),
            steps: Vec::new(),
            note: String::new(),
        };
        // What a starting router says by itself is not part of the scenario.
        lab.drain(None);
        lab
    }

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

    /// Compares what helpers expect, but not for how long, as a step of the scenario.
    ///
    /// # Panics
    /// When the tool fails.
    #[track_caller]
    pub fn compare_expectations(&mut self) {
        let text = self.tool("conntrack -L expect");
        let without_time =
            |line: &str| line.split_once(' ').map(|(_, rest)| rest.trim().to_owned());
        let mut lines: Vec<_> = text.lines().filter_map(without_time).collect();
        lines.sort();
        self.say(&lines.iter().map(String::as_str).collect::<Vec<_>>());
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

    pub(super) fn finish(mut self) -> Transcript {
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

fn mac(text: &str) -> Vec<u8> {
    text.split(':').map(|byte| u8::from_str_radix(byte, 16).expect("a MAC address")).collect()
}
