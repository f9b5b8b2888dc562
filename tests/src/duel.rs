//! Owns a duel: the kernel and a router under test alive at the same time, each between hosts of its own, which are sent
//! the same frames. What a [`Scenario`](crate::differential::Scenario) waits for by the clock is asked for here, so that
//! thousands of packets are compared in a minute.
//!
//! A router is done with a frame once it has answered an ARP request that was sent behind it: it takes frames in their
//! order. What it sends behind the answer all the same is seen, if it is more than the kernel sent, with the next frame.
//! With several workers, which overtake one another, its own books must also say that nothing is on its way.

mod host;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::differential::{End, Seen, announces};
use crate::gateway::total;
use crate::process::Output;
use crate::router::Setup;
use crate::tools::Tools;
use crate::topology::{LAN, WAN};
use crate::{Kind, Namespace, Router, frame, wire};

use host::Host;

/// A router that answers no ARP request for so long is dead.
const DEAD: Duration = Duration::from_secs(20);
/// How long a router may owe frames that the other has sent: its host's stack answers at leisure.
const LATEST: Duration = Duration::from_millis(500);
/// What new interfaces tell by themselves (MLD) is told within this time, and counts where rules see it.
const NEW: Duration = Duration::from_millis(100);

/// A tool's words and what it reads.
#[derive(Debug)]
pub struct Command {
    /// As `iptables -S INPUT`; what stands between `"` is one word.
    pub words: String,
    /// Its standard input.
    pub input: String,
}

impl Command {
    /// A command that reads nothing.
    pub fn new(words: impl Into<String>) -> Self {
        Self::fed(words, "")
    }

    /// A command that reads `input`.
    pub fn fed(words: impl Into<String>, input: impl Into<String>) -> Self {
        Self { words: words.into(), input: input.into() }
    }

    fn split(&self) -> Vec<&str> {
        let part = |(place, part)| match place % 2 {
            0 => str::split_whitespace(part).collect(),
            _ => vec![part],
        };
        self.words.split('"').enumerate().flat_map(part).collect()
    }
}

/// Two routers, the kernel first.
#[derive(Debug)]
pub struct Duel {
    sides: [Side; 2],
    ids: BTreeSet<u16>,
}

impl Duel {
    /// Starts the kernel and the router of `kind` in namespaces of their own, configured the same. Duels with other
    /// numbers are fought on other cores.
    pub fn new(kind: Kind, setup: &Setup, number: usize) -> Self {
        let sides = [Kind::Kernel, kind].map(|kind| Side::new(kind, setup));
        // Only now: the router under test may use them all.
        stay_on_one_core(number);
        Self { sides, ids: BTreeSet::new() }
    }

    /// Forgets which identifications hosts have chosen.
    pub fn forget_ids(&mut self) {
        self.ids.clear();
    }

    /// Says that a host has chosen this identification: it must be the same in what comes out.
    pub fn knows_id(&mut self, id: u16) {
        self.ids.insert(id);
    }

    /// Hosts on the inside or outside send IP packets to both routers, one behind the other. What came out of each,
    /// sorted and without what a router may choose.
    pub fn send(&mut self, inside: bool, packets: &[Vec<u8>]) -> [Vec<Seen>; 2] {
        let [kernel, tested] = &mut self.sides;
        // The router under test has the time that the kernel takes.
        for side in [&mut *tested, &mut *kernel] {
            packets.iter().for_each(|packet| side.send(inside, packet));
        }
        let wanted = kernel.settle(0);
        let got = tested.settle(wanted.len());
        [wanted, got].map(|seen| {
            let mut seen: Vec<_> =
                seen.iter().map(|seen| seen.normalised(&self.ids, &[])).collect();
            seen.sort();
            seen
        })
    }

    /// Runs tools at both routers at once, one after the other: what each said.
    pub fn run(&mut self, commands: &[Command]) -> [Vec<Output>; 2] {
        let mut said = [Vec::new(), Vec::new()];
        for command in commands {
            let words = command.split();
            for side in &mut self.sides {
                side.tools.begin(&words, &command.input);
            }
            for (side, said) in self.sides.iter_mut().zip(&mut said) {
                said.push(side.tools.end());
            }
        }
        said
    }
}

/// Frames sent one after the other from two cores could overtake one another in the kernel's backlog.
fn stay_on_one_core(number: usize) {
    let here = Pid::from_raw(0);
    let allowed = sched_getaffinity(here).expect("cannot ask for the allowed cores");
    let mut one = CpuSet::new();
    let cores: Vec<_> =
        (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
    one.set(cores[number % cores.len()]).expect("a core's number");
    sched_setaffinity(here, &one).expect("cannot stay on one core");
}

/// One router and the hosts' ends of its cables. The router ends before its namespace is deleted.
#[derive(Debug)]
struct Side {
    router: Router,
    ends: [End; 2],
    /// ARP requests so far.
    knocks: u32,
    /// Frames sent so far.
    sent: i64,
    /// Frames that came from elsewhere, as [`Self::excess`] counts.
    more: i64,
    /// The stack of Sluice's host.
    host: Option<Host>,
    /// Whether several workers share the frames.
    many: bool,
    tools: Tools,
    _scratch: TempDir,
    _namespace: Namespace,
}

impl Side {
    fn new(kind: Kind, setup: &Setup) -> Self {
        let namespace = Namespace::new("router");
        // A label drawn for each flow that the router's own stack begins would be compared. Links that are up keep their own
        // addresses whatever a set-up says of them. The stack of its host has limits and patience of its own. No path MTU is
        // learned.
        namespace.must(
            "sysctl -qw net.ipv6.auto_flowlabels=0 net.ipv6.conf.default.addr_gen_mode=1 \
             net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0 \
             net.ipv4.ipfrag_time=600 net.ipv6.ip6frag_time=600 net.ipv4.route.min_pmtu=1500 \
             net.ipv6.conf.default.mldv2_unsolicited_report_interval=1",
        );
        let scratch = tempfile::tempdir().expect("cannot make a temporary folder");
        let ends = [LAN, WAN].map(|cable| End::new(&namespace, cable));
        let router = Router::start_in(kind, &namespace, scratch.path(), setup);
        let many = matches!(kind, Kind::Sluice { workers } if workers > 1);
        let mut side = Self {
            tools: Tools::start(&router, &namespace),
            router,
            ends,
            knocks: 0,
            sent: 0,
            more: 0,
            host: None,
            many,
            _scratch: scratch,
            _namespace: namespace,
        };
        // What a starting router says by itself is nobody's answer.
        std::thread::sleep(NEW);
        if let Router::Sluice(gateway) = &side.router {
            side.host = Some(Host::new(gateway.pid()));
            side.more = side.excess();
        }
        side.settle(0);
        side
    }

    /// A host on one of the cables sends an IP packet.
    fn send(&mut self, inside: bool, packet: &[u8]) {
        let End { cable, wire, .. } = &self.ends[usize::from(!inside)];
        let kind =
            if packet.first().is_some_and(|first| first >> 4 == 6) { 0x86dd } else { 0x0800 };
        wire.send(&frame::ethernet(cable.mac, cable.host_mac, kind, packet));
        self.sent += 1;
    }

    /// What has come out once the router is done with everything that was sent, and has sent `wanted` frames or had
    /// long enough for them.
    fn settle(&mut self, wanted: usize) -> Vec<Seen> {
        let start = Instant::now();
        let mut seen = Vec::new();
        loop {
            self.finish(&mut seen);
            if self.host.as_mut().is_some_and(Host::has_spoken) {
                self.finish(&mut seen);
            }
            if seen.len() >= wanted || start.elapsed() > LATEST {
                return seen;
            }
        }
    }

    /// Waits until the router is done with what it has been sent, and has handed to its host what is for that.
    fn finish(&mut self, seen: &mut Vec<Seen>) {
        self.knock(seen);
        if self.many {
            self.wait_for_books();
            self.receive(seen);
        } else if self.host.is_some() {
            // One worker has ended the turn of the first answer before the second.
            self.knock(seen);
        }
    }

    /// Asks for the router's own address on both cables, and waits for the answers.
    fn knock(&mut self, seen: &mut Vec<Seen>) {
        let mut missing = Vec::new();
        for End { cable, wire, .. } in &self.ends {
            self.knocks += 1;
            self.sent += 1;
            let address = cable.addresses[0].split('/').next().expect("an address");
            let address: std::net::Ipv4Addr = address.parse().expect("the first address is IPv4");
            // A probe (RFC 5227) is answered and teaches nothing. Its sender is made up, so that each has its own answer.
            let own = [&[2, 0xaa][..], &self.knocks.to_be_bytes()].concat();
            let ask = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &own, &[0; 10], &address.octets()].concat();
            wire.send(&frame::ethernet(cable.mac, cable.host_mac, 0x0806, &ask));
            missing.push(own);
        }
        let start = Instant::now();
        loop {
            let answered = self.receive(seen);
            missing.retain(|own| !answered.contains(own));
            if missing.is_empty() {
                return;
            }
            assert!(start.elapsed() < DEAD, "no answer to ARP: {:?}", self.router);
            wire::wait(&self.ends.each_ref().map(|end| &end.wire), 100);
        }
    }

    /// Takes what has come: packets are added to `seen`; whom ARP answers were for is returned.
    fn receive(&self, seen: &mut Vec<Seen>) -> Vec<Vec<u8>> {
        let mut answered = Vec::new();
        for End { cable, wire, .. } in &self.ends {
            while let Some(frame) = wire.receive() {
                match frame.get(12..14) {
                    Some([8, 6]) if frame[20..22] == [0, 2] => {
                        answered.push(frame[32..38].to_vec())
                    }
                    // IPv6 is switched on and announces itself.
                    _ if announces(&frame) => {}
                    _ => seen.push(Seen { interface: cable.interface, frame }),
                }
            }
        }
        answered
    }

    /// Waits until the workers have taken every frame and nothing is between them.
    fn wait_for_books(&mut self) {
        let start = Instant::now();
        // What is counted lies in a worker's lists until its turn ends: books are asked for once more.
        let mut balanced = 0;
        while balanced < 2 && start.elapsed() < LATEST {
            let taken = self.host.as_ref().map_or(0, Host::taken);
            let books = self.books();
            let done = books.balanced && books.rx - taken - self.sent >= self.more;
            balanced = if done { balanced + 1 } else { 0 };
        }
        // What is lost will not come the next time either.
        if balanced < 2 {
            self.more = self.more.min(self.excess());
        }
    }

    /// Frames that the router has taken beyond those that were sent and those of its host.
    fn excess(&mut self) -> i64 {
        let taken = self.host.as_ref().map_or(0, Host::taken);
        self.books().rx - taken - self.sent
    }

    fn books(&mut self) -> Books {
        self.tools.begin(&["stats", "--json"], "");
        let said = self.tools.end();
        let stats: Value = serde_json::from_str(&said.stdout).expect("JSON");
        let workers = &stats["workers"];
        let sum = |names: &[&str]| names.iter().map(|name| total(workers, name)).sum::<u64>();
        Books {
            rx: sum(&["rx"]).cast_signed(),
            balanced: sum(&["handed_in"]) == sum(&["handed_out"])
                && sum(&["rx", "originated"]) == sum(&["tx", "local", "dropped", "held"]),
        }
    }
}

/// What `sluice stats` says of all workers.
struct Books {
    /// Frames taken.
    rx: i64,
    /// Whether every one of them went somewhere.
    balanced: bool,
}
