//! The gateway's configuration file as a typed model.
//!
//! Owns what `sluice.toml` can say; what it means is compiled by the control plane.

mod device;
mod mac;
mod parse;
mod reader;
mod text;
mod timeouts;
mod validate;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

pub use device::{BadDevice, Device};
pub use mac::MacAddress;
pub use timeouts::{TimeoutPolicies, TimeoutPolicy, TimeoutProtocol};

use crate::sysctl::SysctlValue;

/// A whole configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[gateway]`
    pub gateway: Gateway,
    /// `[[interface]]`, in file order.
    pub interfaces: Vec<Interface>,
    /// `[[route]]`, in file order.
    pub routes: Vec<Route>,
    /// `[[neighbour]]`, in file order.
    pub neighbours: Vec<Neighbour>,
    /// `[rules]`
    pub rules: Rules,
    /// `[api]`
    pub api: Api,
    /// `[sysctl]`: what the file sets; read it with the accessors of [`crate::sysctl`].
    pub sysctl: Sysctl,
    /// `[timeouts.NAME]`
    pub timeouts: TimeoutPolicies,
}

/// `[gateway]`: the process itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// How many packet workers, and where.
    pub workers: Workers,
    /// Directory for what must outlive the process.
    pub state: PathBuf,
}

impl Default for Gateway {
    fn default() -> Self {
        Self { workers: Workers::Count(1), state: PathBuf::from("/var/lib/sluice") }
    }
}

/// `workers = N` (placed by the gateway) or `cores = [..]` (one worker pinned to each).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workers {
    /// That many workers on cores the gateway picks.
    Count(u16),
    /// One worker on each of these cores.
    Cores(Vec<u16>),
}

impl Workers {
    /// How many workers run.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => usize::from(*count),
            Self::Cores(cores) => cores.len(),
        }
    }
}

/// `[[interface]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The name rules and routes use: at most 15 bytes.
    pub name: String,
    /// What carries its frames.
    pub kind: InterfaceKind,
    /// Addresses with their prefix lengths; host bits are kept.
    pub address: Vec<IpNet>,
    /// Ethernet address; the device's own where absent.
    pub mac: Option<MacAddress>,
    /// Largest layer-3 packet in bytes; the device's own where absent.
    pub mtu: Option<u16>,
    /// Receive queues; one per worker, as far as the device has them, where absent.
    pub queues: Option<u16>,
    /// Accept frames for any address.
    pub promiscuous: bool,
    /// Permission to take over the interface that carries the host's default route.
    pub take_default_route: bool,
    /// Name of the TAP by which the host sees this interface; the gateway picks one where absent.
    pub twin: Option<String>,
}

/// What carries an interface's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceKind {
    /// A port of its own.
    Device(Device),
    /// 802.1Q frames with tag `id` on interface `parent`.
    Vlan {
        /// Name of the interface below.
        parent: String,
        /// VLAN identifier, 1 to 4094.
        id: u16,
    },
    /// A learning bridge over other interfaces.
    Bridge {
        /// Names of the interfaces it joins.
        ports: Vec<String>,
    },
}

/// `[[route]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination; host bits are zero.
    pub to: IpNet,
    /// Next hop.
    pub via: Option<IpAddr>,
    /// Interface the packet leaves by; follows from `via` where absent.
    pub interface: Option<String>,
    /// Preferred source address of the gateway's own packets.
    pub source: Option<IpAddr>,
    /// Lower wins among routes to one destination.
    pub metric: Option<u32>,
    /// Routing table; main (254) where absent.
    pub table: Option<u32>,
    /// Path MTU in bytes.
    pub mtu: Option<u16>,
    /// What becomes of a packet that takes it.
    pub kind: RouteKind,
}

/// `type` of a route, as iproute2 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteKind {
    /// Forwarded.
    #[default]
    Unicast,
    /// Dropped in silence.
    Blackhole,
    /// Answered with host unreachable.
    Unreachable,
    /// Answered with communication administratively prohibited.
    Prohibit,
    /// As if there were no route.
    Throw,
}

impl RouteKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Unicast, Self::Blackhole, Self::Unreachable, Self::Prohibit, Self::Throw];

    /// iproute2's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Blackhole => "blackhole",
            Self::Unreachable => "unreachable",
            Self::Prohibit => "prohibit",
            Self::Throw => "throw",
        }
    }
}

/// `[[neighbour]]`: a permanent ARP or NDP entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Layer-3 address of the neighbour.
    pub address: IpAddr,
    /// Its Ethernet address.
    pub mac: MacAddress,
    /// Interface it is reached by.
    pub interface: String,
}

/// `[rules]`: files with rules in the netfilter tools' own text, loaded at start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// iptables-save text.
    pub iptables: Option<PathBuf>,
    /// ip6tables-save text.
    pub ip6tables: Option<PathBuf>,
    /// `ipset save` text.
    pub ipset: Option<PathBuf>,
    /// Where the LOG target writes.
    pub log: LogSink,
    /// Where the NFLOG target's packets go; none: to nobody, as in the kernel without a listener.
    pub nflog: Option<PacketLog>,
}

/// Where the NFLOG target's packets go, as pcapng.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketLog {
    /// `file:PATH`: appended to it.
    File(PathBuf),
    /// `unix:PATH`: to every program that connects to that socket.
    Unix(PathBuf),
}

impl std::fmt::Display for PacketLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where the LOG target writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogSink {
    /// The host's syslog.
    #[default]
    Syslog,
    /// The systemd journal.
    Journal,
    /// A file, one `<level>text` a line.
    File(PathBuf),
}

/// `[api]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where gRPC listens.
    pub listen: Vec<Listen>,
    /// Where metrics are served over HTTP.
    pub metrics: Option<SocketAddr>,
}

impl Default for Api {
    fn default() -> Self {
        Self { listen: vec![Listen::Unix(PathBuf::from("/run/sluice/sluice.sock"))], metrics: None }
    }
}

/// An address gRPC listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `unix:PATH`
    Unix(PathBuf),
    /// `tcp:ADDRESS:PORT`
    Tcp(SocketAddr),
}

/// `[sysctl]`: kernel names and the values the file gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sysctl {
    /// Name (`net.ipv4.ip_forward`) to value; names not here have the kernel's default.
    pub set: BTreeMap<String, SysctlValue>,
}
