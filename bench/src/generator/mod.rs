//! A packet generator and sink over DPDK ports.
//!
//! ```text
//!   inside port ── frames of clients ──> [ gateway ] ──> outside port: counts, answers SYNs
//!               <── answers ────────────            <──
//! ```

mod connections;
mod flows;
mod packet;
mod pcap;
mod profile;
mod search;
mod sink;
mod trial;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use dpdk::{Device, Eal, EalConfig, Mempool, PoolConfig, Port, PortConfig, Queues, Shape};
use profile::{Pick, Size};
use sluice_dataplane::address::Mac;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;
use trial::{Outcome, Rig};

/// What to send, and over what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port that sends, as in Sluice's configuration: `memif:/run/a.sock`, `af_packet:veth0`,
    /// `tap:gen0`, `vdev:net_virtio_user0,path=/run/v.sock`, `pci:…`.
    #[arg(long, value_name = "DEVICE")]
    inside: Device,
    /// Port where the frames are expected; without it nothing is, and only the rate is shown.
    #[arg(long, value_name = "DEVICE")]
    outside: Option<Device>,
    /// The gateway's MAC on the inside.
    #[arg(long, value_parser = mac, default_value = "02:00:00:00:00:01")]
    inside_mac: Mac,
    /// The gateway's MAC on the outside, for answers.
    #[arg(long, value_parser = mac, default_value = "02:00:00:00:00:02")]
    outside_mac: Mac,
    /// IPv6; so do addresses of it.
    #[arg(long)]
    ipv6: bool,
    /// The first client's address [default: 10.0.0.1 or fd00:a::1]; flow N has the N-th after it, modulo --clients.
    #[arg(long)]
    from: Option<IpAddr>,
    /// Clients.
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// The first server's address [default: 198.18.0.1 or 2001:db8:b::1].
    #[arg(long)]
    to: Option<IpAddr>,
    /// Servers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    servers: u32,
    /// Servers' port.
    #[arg(long, default_value_t = 80)]
    port: u16,
    /// Flows.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    flows: u32,
    /// New flows a second, which take the place of the oldest; with --search, the most to try.
    #[arg(long, value_name = "RATE", num_args = 0..=1, default_value_t = 0, default_missing_value = "1000000")]
    new: u64,
    /// Which flow comes next.
    #[arg(long, value_enum, default_value = "random")]
    pick: Pick,
    /// Bytes of a frame with FCS: 64, 64-1518 or imix; never fewer than headers and mark take.
    #[arg(long, default_value = "64")]
    size: Size,
    /// TCP instead of UDP: each flow begins with a handshake that the outside port answers.
    #[arg(long)]
    tcp: bool,
    /// Echo requests of ICMP or ICMPv6 instead of UDP; nobody answers.
    #[arg(long, conflicts_with_all = ["tcp", "capacity"])]
    icmp: bool,
    /// Percent of frames that are malformed; they must not come out.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    malformed: u8,
    /// Replays the frames of this capture file instead of making some.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Frames a second; as many as possible without it.
    #[arg(long)]
    rate: Option<u64>,
    /// Seconds to send; fractions too.
    #[arg(long, default_value = "10", value_parser = seconds)]
    seconds: Duration,
    /// Searches for the highest rate at which nothing is lost (RFC 2544); with --new, at which every new
    /// connection comes about (RFC 9693). Trials last --seconds.
    #[arg(long)]
    search: bool,
    /// Shell command to run before each trial of --new --search: it empties the gateway's connection table.
    #[arg(long, value_name = "COMMAND", requires = "search")]
    between: Option<String>,
    /// Counts the TCP connections that the gateway's table takes, of --flows, at --rate a second (RFC 9693).
    #[arg(long, conflicts_with = "search")]
    capacity: bool,
}

/// What flows are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udp,
    Tcp,
    Echo,
}

impl Options {
    const fn kind(&self) -> Kind {
        match (self.tcp || self.capacity, self.icmp) {
            (true, _) => Kind::Tcp,
            (false, true) => Kind::Echo,
            (false, false) => Kind::Udp,
        }
    }

    /// Whether memory has to be of one piece: virtio-user hands the host eight at most, and each huge page
    /// is one.
    fn wants_one_region(&self) -> bool {
        let is_virtio = |device: &Device| match device {
            Device::Vdev(devargs) => devargs.starts_with("net_virtio_user"),
            Device::AfPacket(_)
            | Device::AfXdp(_)
            | Device::Tap(_)
            | Device::Pcap { .. }
            | Device::Memif { .. }
            | Device::Pci { .. } => false,
        };
        is_virtio(&self.inside) || self.outside.as_ref().is_some_and(is_virtio)
    }

    /// The first client and the first server.
    fn addresses(&self) -> Result<(IpAddr, IpAddr)> {
        let mut given = [self.from, self.to].into_iter().flatten();
        let is6 = self.ipv6 || given.clone().any(|address| address.is_ipv6());
        if let Some(address) = given.find(|address| address.is_ipv6() != is6) {
            bail!("{address} is IPv4, and other addresses or --ipv6 ask for IPv6");
        }
        let (from, to): (IpAddr, IpAddr) = match is6 {
            false => (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(198, 18, 0, 1).into()),
            true => (
                Ipv6Addr::new(0xfd00, 0xa, 0, 0, 0, 0, 0, 1).into(),
                Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, 1).into(),
            ),
        };
        Ok((self.from.unwrap_or(from), self.to.unwrap_or(to)))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no time; write seconds above 0 and up to 86400, such as 0.5");
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number <= 86_400.0);
    number.map(Duration::from_secs_f64).ok_or_else(wrong)
}

fn mac(text: &str) -> Result<Mac, String> {
    let wrong = || format!("`{text}` is not a MAC address; write 02:00:00:00:00:01");
    let bytes: Option<Vec<u8>> =
        text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    bytes.map(Mac).ok_or_else(wrong)
}

/// An open port and its one queue each way.
#[derive(Debug)]
struct Opened {
    queues: Queues,
    port: Port,
}

fn open(eal: &Eal, pool: &Mempool, device: &Device, label: &str) -> Result<Opened> {
    let port = eal.attach(device, label, &Shape::default())?;
    let config = PortConfig { promiscuous: true, checksums: false, ..PortConfig::default() };
    let queues = port.start(&config, pool).with_context(|| format!("device {device}"))?;
    Ok(Opened { queues, port })
}

/// Runs it.
///
/// # Errors
/// A device cannot be opened, or nothing comes out at all.
pub(crate) fn run(options: &Options) -> Result<()> {
    let core = std::thread::available_parallelism().ok().map(|_| 0);
    let config = EalConfig {
        program: "sluice-bench".into(),
        main_core: core,
        no_huge: options.wants_one_region(),
        ..EalConfig::default()
    };
    let eal = Eal::init(&config)?;
    let pool = Mempool::new(&eal, &PoolConfig::new("generator", 32_767))?;
    let inside = open(&eal, &pool, &options.inside, "inside")?;
    let outside = match &options.outside {
        Some(device) => Some(open(&eal, &pool, device, "outside")?),
        None => None,
    };
    let frames = options.pcap.as_deref().map(pcap::read).transpose()?.unwrap_or_default();
    let sees_nothing = outside.is_none() && (options.search || options.capacity);
    ensure!(!sees_nothing, "--search and --capacity need --outside, to see what comes out");
    let mut rig = Rig::new(options, pool, inside, outside, frames)?;
    rig.wait_for_links(Duration::from_secs(10))?;
    if options.search || options.capacity {
        rig.wait_for_gateway()?;
    }
    if options.capacity {
        return search::capacity(options, &mut rig);
    }
    match (options.search, options.new) {
        (false, _) => {
            print(&rig.trial(options.rate, options.seconds, true)?);
            Ok(())
        }
        (true, 0) => search::frames(options, &mut rig),
        (true, most) => search::connections(options, &mut rig, most),
    }
}

fn print(outcome: &Outcome) {
    let sink = &outcome.sink;
    println!(
        "sent {} ({} frames/s), malformed {}, not taken by the port {}",
        outcome.sent,
        outcome.rate(),
        outcome.malformed,
        outcome.refused
    );
    println!(
        "received {}, lost {}, reordered {}, misrouted {}, of others {}, connections {}",
        sink.received,
        outcome.lost(),
        sink.reordered,
        sink.misrouted,
        sink.foreign,
        sink.connected
    );
    if sink.received > 0 {
        println!(
            "latency: p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, max {:.1} µs",
            sink.latency(0.5),
            sink.latency(0.99),
            sink.latency(0.999),
            sink.latency(1.0)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::flows::{Flows, Stage};
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Result<Options> {
        let words = ["gen", "--inside", "af_packet:a"].into_iter().chain(line.split_whitespace());
        Ok(Line::try_parse_from(words)?.options)
    }

    #[test]
    fn addresses_or_the_flag_decide_the_family() {
        let clients = |line: &str| options(line).unwrap().addresses();
        assert!(clients("").unwrap().0.is_ipv4());
        assert!(clients("--ipv6").unwrap().1.is_ipv6());
        assert!(clients("--to 2001:db8::5").unwrap().0.is_ipv6());
        assert!(clients("--to 2001:db8::5 --from 10.0.0.1").is_err());
        assert!(options("--tcp --icmp").is_err() && options("--seconds 0").is_err());
        assert_eq!(options("--seconds 0.5").unwrap().seconds, Duration::from_millis(500));
        assert_eq!(options("--search --new").unwrap().new, 1_000_000);
    }

    #[test]
    fn flows_are_as_many_as_asked_for_and_new_ones_are_others() {
        let options = options("--ipv6 --tcp --flows 5000 --clients 7").unwrap();
        let mut flows = Flows::new(&options).unwrap();
        let all = |flows: &Flows| (0..5000).map(|flow| flows.ends(flow)).collect::<Vec<_>>();
        let mut ends = all(&flows);
        assert!(flows.step(3, Stage::Begin, Stage::Answered));
        assert!(!flows.step(3, Stage::Begin, Stage::Answered));
        assert!(flows.step(3, Stage::Answered, Stage::Complete));
        assert_eq!((flows.complete(), flows.at(Stage::Complete)), (1, vec![3]));
        flows.replace(3);
        assert_eq!(flows.complete(), 0);
        ends.push(flows.ends(3));
        flows.begin_anew(5000);
        ends.extend(all(&flows));
        let mut seen = std::collections::HashSet::new();
        assert!(ends.iter().all(|ends| seen.insert((ends.source, ends.destination))));
    }
}
