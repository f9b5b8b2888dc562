//! A packet generator and sink over DPDK ports.
//!
//! ```text
//!   inside port ── frames of clients ──> [ gateway ] ──> outside port: counts, answers SYNs
//!               <── answers ────────────            <──
//! ```

mod packet;
mod pcap;
mod profile;
mod sink;
mod trial;

use anyhow::{Context, Result, ensure};
use clap::Args;
use dpdk::{Device, Eal, EalConfig, Mempool, PoolConfig, Port, PortConfig, Queues, Shape};
use profile::{Pick, Size};
use sluice_dataplane::address::Mac;
use std::net::Ipv4Addr;
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
    /// The first client's address; flow N has the N-th after it, modulo --clients.
    #[arg(long, default_value = "10.0.0.1")]
    from: Ipv4Addr,
    /// Clients.
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// The first server's address.
    #[arg(long, default_value = "198.18.0.1")]
    to: Ipv4Addr,
    /// Servers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    servers: u32,
    /// Servers' port.
    #[arg(long, default_value_t = 80)]
    port: u16,
    /// Flows.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    flows: u32,
    /// New flows a second, which take the place of the oldest.
    #[arg(long, default_value_t = 0)]
    new: u64,
    /// Which flow comes next.
    #[arg(long, value_enum, default_value = "random")]
    pick: Pick,
    /// Bytes of a frame with FCS: 64, 64-1518 or imix.
    #[arg(long, default_value = "64")]
    size: Size,
    /// TCP instead of UDP: each flow begins with a handshake that the outside port answers.
    #[arg(long)]
    tcp: bool,
    /// Percent of frames that are malformed; they must not come out.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    malformed: u8,
    /// Replays the frames of this capture file instead of making some.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Frames a second; as many as possible without it.
    #[arg(long)]
    rate: Option<u64>,
    /// Seconds to send.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Searches for the highest rate at which nothing is lost (RFC 2544), trials of so many seconds.
    #[arg(long)]
    search: bool,
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
    let config =
        EalConfig { program: "sluice-bench".into(), main_core: core, ..EalConfig::default() };
    let eal = Eal::init(&config)?;
    let pool = Mempool::new(&eal, &PoolConfig::new("generator", 32_767))?;
    let inside = open(&eal, &pool, &options.inside, "inside")?;
    let outside = match &options.outside {
        Some(device) => Some(open(&eal, &pool, device, "outside")?),
        None => None,
    };
    let frames = options.pcap.as_deref().map(pcap::read).transpose()?.unwrap_or_default();
    let mut rig = Rig::new(options, pool, inside, outside, frames)?;
    rig.wait_for_links(Duration::from_secs(10))?;
    match options.search {
        true => search(options, &mut rig),
        false => {
            let time = Duration::from_secs(options.seconds);
            print(&rig.trial(options.rate, time, true)?);
            Ok(())
        }
    }
}

/// RFC 2544, section 26.1: the highest rate at which a trial loses nothing.
fn search(options: &Options, rig: &mut Rig) -> Result<()> {
    ensure!(options.outside.is_some(), "a search needs --outside, to see what is lost");
    let time = Duration::from_secs(options.seconds.clamp(1, 60));
    let fastest = rig.trial(None, time, false)?;
    let (mut low, mut high) = (0, fastest.rate());
    println!("unlimited: {} frames/s sent, {} lost", high, fastest.lost());
    let mut best: Option<Outcome> = None;
    if fastest.lost() == 0 {
        // The ports themselves hold the generator back.
        low = high;
        best = Some(fastest);
    }
    while high - low > (high / 100).max(1000) {
        let rate = low + (high - low) / 2;
        let outcome = rig.trial(Some(rate), time, false)?;
        println!("{rate} frames/s: {} lost", outcome.lost());
        match outcome.lost() {
            0 => {
                low = rate;
                best = Some(outcome);
            }
            _ => high = rate,
        }
    }
    match best {
        Some(outcome) => {
            println!("zero loss at {low} frames/s:");
            print(&outcome);
            Ok(())
        }
        None => anyhow::bail!("frames are lost at any rate"),
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
