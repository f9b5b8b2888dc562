//! A router that is a network namespace.
//!
//! ```text
//!   namespace of the generator                    namespace of the router
//!   packet socket ── lan1 ════════ lan0 ── rules, connections, routes ── wan0 ════════ wan1, down
//! ```
//!
//! A frame written to the packet socket has passed the router when the write returns: veth ports hand it over on the
//! core of whoever sends. So a write's time is the frame's, with that of socket and port. Frames of an EtherType
//! that nobody has asked for go the same way up to the IP stack, which is spared them: their time is subtracted. Behind the
//! router the frame is freed in place of being given to a driver, for the far port is down by then.

use super::super::measure::Measurement;
use super::super::namespace::Namespace;
use super::super::packets::{Effort, Source};
use super::{Routing, Tables, nanoseconds};
use crate::machine::Machine;
use crate::ruleset::source_nat_text;
use crate::traffic::routes::Random;
use crate::traffic::{
    EXTERNAL, FrameBytes, LAN_MAC, LAN_ROUTER_MAC, Numbered, Protocol, Traffic, WAN_MAC, Way,
    gateway_mac,
};
use anyhow::{Context, Result, ensure};
use dpdk::cpu;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;

/// Frames timed as one, as in a rig.
const SAMPLE: usize = 256;
/// Samples of a round.
const SAMPLES: usize = 16;
const ETHERTYPE: std::ops::Range<usize> = 12..14;
/// For experiments; IEEE 802.
const NOBODYS: [u8; 2] = [0x88, 0xb5];

/// The kernel's name, as a baseline is called.
pub(super) fn version() -> Result<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let short: Vec<&str> = release.trim().split(['.', '-']).take(2).collect();
    Ok(format!("Linux {}", short.join(".")))
}

/// The kernel's router, and the generator's end.
pub(super) struct Router {
    near: Namespace,
    far: Namespace,
    port: OwnedFd,
    traffic: Traffic,
    routing: Routing,
    source: Source,
    random: Random,
    /// Packets forwarded before the rounds, and sent in them.
    before: u64,
    sent: u64,
}

impl Router {
    /// A router that has seen its connections, and let out each frame as it should be.
    ///
    /// # Errors
    /// Namespaces or rules cannot be made (it takes root), or a frame does not come out right.
    pub(super) fn new(machine: &Machine, routing: Routing, tables: Tables) -> Result<Self> {
        let (near, far) = (Namespace::new(machine.cores)?, Namespace::new(machine.cores)?);
        near.shell(&ports(&far)).context("cannot make a router of the kernel")?;
        far.shell("ip link set lan1 up; ip link set wan1 up")?;
        near.shell(&addresses())?;
        let (translated, filters, source) = match routing {
            Routing::Forward => (false, None, Source::Random(1)),
            Routing::Established { flows, filters } => (true, Some(filters), Source::Random(flows)),
            Routing::New { filters } => (true, Some(filters), Source::Fresh { next: 0 }),
        };
        if filters.is_some() {
            restore(&near, tables.restore(), &source_nat_text(0))?;
            // As `Checksums::Verified` of a rig.
            near.shell("echo 0 > /proc/sys/net/netfilter/nf_conntrack_checksum")?;
        }
        let (port, tap) = sockets(&far)?;
        let traffic = Traffic { protocol: Protocol::Udp, translated, destinations: Vec::new() };
        let random = Random(0x9e37_79b9_7f4a_7c15);
        let mut router =
            Self { near, far, port, traffic, routing, source, random, before: 0, sent: 0 };
        router.connect()?;
        // Only now: a walk through ten thousand rules takes longer than all the rest.
        if let Some(filters) = filters.filter(|filters| *filters > 0) {
            restore(&router.near, tables.restore(), &source_nat_text(filters))?;
        }
        router.settle(tap)?;
        Ok(router)
    }

    const fn flows(&self) -> u32 {
        match self.routing {
            Routing::Forward | Routing::New { .. } => 1,
            Routing::Established { flows, .. } => flows,
        }
    }

    /// Makes the connections.
    fn connect(&self) -> Result<()> {
        if self.traffic.translated {
            for way in [Way::Out, Way::Back, Way::Out, Way::Back] {
                for flow in 0..self.flows() {
                    self.write(&self.frame(flow, way))?;
                }
            }
        }
        Ok(())
    }

    /// Compares frames that come out with what they should be, and takes down the far port.
    fn settle(&mut self, tap: OwnedFd) -> Result<()> {
        drain(&tap);
        for flow in 0..self.flows().min(1_000) {
            self.compare(&tap, flow)?;
        }
        drop(tap);
        self.far.shell("ip link set wan1 down")?;
        self.near.shell("until ip link show dev wan0 | grep -q NO-CARRIER; do sleep 0.01; done")?;
        self.before = self.forwarded()?;
        Ok(())
    }

    /// A frame as the generator sends it; answers come in by the LAN too, which connections do not mind.
    fn frame(&self, flow: u32, way: Way) -> Vec<u8> {
        let frame: FrameBytes = self.traffic.sent(Numbered { flow, way, turn: 0 }, 0);
        let mut bytes = frame.bytes().to_vec();
        if let Some(to) = bytes.first_chunk_mut() {
            *to = LAN_MAC.0;
        }
        bytes
    }

    /// Sends the first frame of a flow, which must come out as a worker of ours would let it out.
    fn compare(&self, tap: &OwnedFd, flow: u32) -> Result<()> {
        self.write(&self.frame(flow, Way::Out))?;
        let mut bytes = [0; 2048];
        // The tap sees the frame as sent, too.
        while let Ok(length) = recv(tap.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            let frame = bytes.get(..length).unwrap_or_default();
            if frame.starts_with(&gateway_mac(0).0) {
                let number = self.traffic.check(frame, 1).map_err(anyhow::Error::msg)?;
                ensure!(number.flow == flow, "flow {} came out, not {flow}", number.flow);
                return Ok(());
            }
        }
        anyhow::bail!("the kernel did not let out a packet of flow {flow} at once")
    }

    fn write(&self, frame: &[u8]) -> Result<()> {
        let sent = nix::unistd::write(&self.port, frame).context("the packet socket")?;
        ensure!(sent == frame.len(), "a frame was cut");
        Ok(())
    }

    /// Cycles of writing all these frames.
    #[inline(never)]
    fn cycles(&self, frames: &[Vec<u8>]) -> Result<u64> {
        let begin = cpu::cycles();
        for frame in frames {
            self.write(frame)?;
        }
        Ok(cpu::cycles() - begin)
    }

    /// Packets the router has forwarded: `Ip: … ForwDatagrams …` of `/proc/net/snmp`.
    fn forwarded(&self) -> Result<u64> {
        column(&self.near.proc_net("snmp")?, "Ip:", "ForwDatagrams")
            .context("the kernel does not count ForwDatagrams")
    }

    /// Connections it has now.
    fn connections(&self) -> Result<u64> {
        let text = self.near.proc_net("stat/nf_conntrack")?;
        let entries = text.lines().nth(1).and_then(|line| line.split_whitespace().next());
        u64::from_str_radix(entries.context("the kernel does not count connections")?, 16)
            .context("entries of nf_conntrack")
    }
}

impl Measurement for Router {
    fn round(&mut self, _effort: &Effort) -> Result<Vec<f64>> {
        if let Routing::New { .. } = self.routing {
            self.near.shell("conntrack -F 2>&1")?;
        }
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            let mut frames = Vec::with_capacity(SAMPLE);
            for _ in 0..SAMPLE {
                let flow = self.source.flow(self.random.next()) % Numbered::FLOWS;
                frames.push(self.frame(flow, Way::Out));
            }
            let passed = self.cycles(&frames)?;
            let types = frames.iter_mut().filter_map(|frame| frame.get_mut(ETHERTYPE));
            types.for_each(|bytes| bytes.copy_from_slice(&NOBODYS));
            let carried = self.cycles(&frames)?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let cycles = (passed as f64 - carried as f64) / SAMPLE as f64;
            samples.push(nanoseconds(cycles));
        }
        self.sent += (SAMPLES * SAMPLE) as u64;
        let forwarded = self.forwarded()? - self.before;
        ensure!(forwarded == self.sent, "{forwarded} of {} packets were forwarded", self.sent);
        let wanted = match self.routing {
            Routing::Forward => return Ok(samples),
            Routing::Established { flows, .. } => flows.into(),
            Routing::New { .. } => (SAMPLES * SAMPLE) as u64,
        };
        let held = self.connections()?;
        ensure!(held == wanted, "the kernel holds {held} connections, not {wanted}");
        Ok(samples)
    }
}

/// Forgets what a socket has seen so far.
fn drain(tap: &OwnedFd) {
    let mut bytes = [0; 2048];
    while recv(tap.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT).is_ok() {}
}

/// The value under `name` in the table whose lines begin with `table`.
fn column(text: &str, table: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with(table));
    let at = lines.next()?.split_whitespace().position(|word| word == name)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

/// Makes both pairs of ports.
fn ports(far: &Namespace) -> String {
    format!(
        "ip link add lan0 address {LAN_MAC} type veth peer name lan1 address {LAN_ROUTER_MAC} netns {0} && \
         ip link add wan0 address {WAN_MAC} type veth peer name wan1 address {1} netns {0} && \
         ip link set lan0 up && ip link set wan0 up",
        far.id(),
        gateway_mac(0)
    )
}

/// Addresses, neighbours and routes of the gateway that rigs have.
fn addresses() -> String {
    let (external, gateway) = (Ipv4Addr::from(EXTERNAL), "203.0.113.100");
    format!(
        "set -e; cd /proc/sys/net/ipv4; echo 1 > ip_forward; \
         for i in all default lan0 wan0; do echo 0 > conf/$i/rp_filter; echo 0 > conf/$i/send_redirects; done; \
         ip addr add 192.168.0.1/24 dev lan0; ip addr add {external}/24 dev wan0; \
         ip neigh add 192.168.0.2 lladdr {LAN_ROUTER_MAC} nud permanent dev lan0; \
         ip neigh add {gateway} lladdr {} nud permanent dev wan0; \
         ip route add 10.0.0.0/8 via 192.168.0.2; ip route add 198.18.0.0/15 via {gateway}",
        gateway_mac(0)
    )
}

/// Loads rules.
fn restore(near: &Namespace, tool: &str, rules: &str) -> Result<()> {
    let mut child = near
        .command(tool)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {tool}; apt install iptables"))?;
    child.stdin.take().context("no pipe")?.write_all(rules.as_bytes())?;
    let output = child.wait_with_output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{tool}: {}", error.trim());
    Ok(())
}

/// One socket that sends by lan1, and one that sees all frames of the namespace. A thread that ends at once enters
/// it, for the namespace is the thread's.
fn sockets(far: &Namespace) -> Result<(OwnedFd, OwnedFd)> {
    let namespace = std::fs::File::open(far.path())?;
    let open = move || -> Result<(OwnedFd, OwnedFd)> {
        setns(&namespace, CloneFlags::CLONE_NEWNET).context("cannot enter a namespace")?;
        let packet = |protocol| {
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
                .context("no packet socket")
        };
        let port = packet(None)?;
        let mut all = nix::ifaddrs::getifaddrs()?.filter(|one| one.interface_name == "lan1");
        let link = all.find_map(|one| one.address?.as_link_addr().copied());
        bind(port.as_raw_fd(), &link.context("lan1 is gone")?)?;
        Ok((port, packet(Some(SockProtocol::EthAll))?))
    };
    std::thread::spawn(open).join().ok().context("a thread panicked")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counts_are_read() {
        let text = "Ip: Forwarding ForwDatagrams InDiscards\nIp: 1 4096 7\nIcmp: InMsgs\nIcmp: 3\n";
        assert_eq!(column(text, "Ip:", "ForwDatagrams"), Some(4096));
        assert_eq!(column(text, "Icmp:", "InMsgs"), Some(3));
        assert_eq!(column(text, "Ip:", "OutTransmits"), None);
    }
}
