//! Owns what a test says to a router without knowing which one it is.

use crate::gateway::Gateway;
use crate::kernel::KernelRouter;
use crate::process::{self, Output};
use crate::topology::{DMZ, LAN, WAN};
use crate::{Namespace, Topology};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Which router a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The Linux kernel of this machine.
    Kernel,
    /// `sluice run`.
    Sluice {
        /// Number of packet workers.
        workers: u32,
    },
}

/// One interface of the router.
#[derive(Debug, Clone)]
pub struct Interface {
    /// The veth in the router's namespace and the name rules use.
    pub name: String,
    /// MAC address, the veth's own.
    pub mac: String,
    /// Addresses with prefix length.
    pub addresses: Vec<String>,
    /// MTU in bytes, without the Ethernet header.
    pub mtu: u32,
    /// Its ports, if it is a bridge.
    pub bridge: Vec<String>,
}

/// The MAC address of the bridge.
pub const BRIDGE_MAC: &str = "02:00:00:00:0b:01";

/// A route: destination, next hop.
#[derive(Debug, Clone)]
pub struct Route {
    /// Prefix, as `0.0.0.0/0`.
    pub to: String,
    /// Address of the next hop, ` dev ` and an interface behind it where it is link-local; `None` for the types that have
    /// none.
    pub via: Option<String>,
    /// `blackhole`, `unreachable` or `prohibit`; `None` for a common route.
    pub kind: Option<String>,
}

/// A neighbour that needs no ARP.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its IP address.
    pub address: String,
    /// Its MAC address.
    pub mac: String,
    /// The interface it is behind.
    pub interface: String,
}

/// Everything a router is told at start.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Interfaces.
    pub interfaces: Vec<Interface>,
    /// Routes beside those the addresses bring.
    pub routes: Vec<Route>,
    /// Permanent neighbours.
    pub neighbours: Vec<Neighbour>,
    /// iptables-save text; empty for none.
    pub iptables: String,
    /// ip6tables-save text; empty for none.
    pub ip6tables: String,
    /// `ipset save` text: sets that the rules may name; empty for none.
    pub ipset: String,
    /// Stands in prefixes of LOG rules, and tells this router's lines from those of others; empty: nothing is read.
    pub log_tag: String,
    /// Sysctls beside forwarding, by the kernel's names.
    pub sysctls: Vec<(String, i64)>,
    /// `[timeouts.NAME]` of a configuration, each with its family; empty for none.
    pub timeouts: String,
}

impl Setup {
    /// The router of the usual topology with these IPv4 rules.
    pub fn new(iptables: &str) -> Self {
        let interfaces = [LAN, WAN].map(|cable| Interface {
            name: cable.interface.into(),
            mac: cable.mac.into(),
            addresses: cable.addresses.iter().map(|&address| address.into()).collect(),
            mtu: 1500,
            bridge: Vec::new(),
        });
        Self {
            interfaces: interfaces.into(),
            routes: Vec::new(),
            neighbours: Vec::new(),
            iptables: unindent(iptables),
            ip6tables: String::new(),
            ipset: String::new(),
            log_tag: String::new(),
            sysctls: Vec::new(),
            timeouts: String::new(),
        }
    }

    /// The same with these IPv6 rules too.
    #[must_use]
    pub fn with_ip6tables(mut self, rules: &str) -> Self {
        self.ip6tables = unindent(rules);
        self
    }

    /// The same with a third cable, and a bridge `br0` over some interfaces, which has the addresses of the inside. What
    /// is not in it keeps its own.
    #[must_use]
    pub fn with_bridge(mut self, ports: &[&str]) -> Self {
        let inside = self.interfaces[0].addresses.clone();
        self.interfaces.push(Interface {
            name: DMZ.interface.into(),
            mac: DMZ.mac.into(),
            addresses: Vec::new(),
            mtu: 1500,
            bridge: Vec::new(),
        });
        for port in self.interfaces.iter_mut().filter(|i| ports.contains(&i.name.as_str())) {
            port.addresses.clear();
        }
        self.interfaces.push(Interface {
            name: "br0".into(),
            mac: BRIDGE_MAC.into(),
            addresses: inside,
            mtu: 1500,
            bridge: ports.iter().map(|&port| port.into()).collect(),
        });
        self
    }

    /// The same with these sets.
    #[must_use]
    pub fn with_ipset(mut self, sets: &str) -> Self {
        self.ipset = unindent(sets);
        self
    }

    /// The same with every `TAG` in the rules replaced by a word of its own, by which [`Router::log`] finds the lines.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        self.log_tag = format!("t{}n{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        for rules in [&mut self.iptables, &mut self.ip6tables] {
            *rules = rules.replace("TAG", &self.log_tag);
        }
        self
    }

    /// Whether its rules write to the log that all kernels share, which holds the lines of one of them at a time.
    pub fn logs(&self) -> bool {
        [&self.iptables, &self.ip6tables].into_iter().any(|rules| rules.contains("TAG"))
    }

    /// The same with this MTU on one interface.
    #[must_use]
    pub fn with_mtu(mut self, interface: &str, mtu: u32) -> Self {
        for known in self.interfaces.iter_mut().filter(|known| known.name == interface) {
            known.mtu = mtu;
        }
        self
    }

    /// The same with this sysctl, in place of an earlier value.
    #[must_use]
    pub fn with_sysctl(mut self, name: &str, value: i64) -> Self {
        self.sysctls.retain(|(known, _)| known != name);
        self.sysctls.push((name.into(), value));
        self
    }

    /// The same with these timeout policies.
    #[must_use]
    pub fn with_timeouts(mut self, toml: &str) -> Self {
        self.timeouts = unindent(toml);
        self
    }

    /// The same with this route through a next hop.
    #[must_use]
    pub fn with_route(mut self, to: &str, via: &str) -> Self {
        self.routes.push(Route { to: to.into(), via: Some(via.into()), kind: None });
        self
    }

    /// The same with a route that refuses: `blackhole`, `unreachable` or `prohibit`.
    #[must_use]
    pub fn with_refusing_route(mut self, kind: &str, to: &str) -> Self {
        self.routes.push(Route { to: to.into(), via: None, kind: Some(kind.into()) });
        self
    }

    /// The same with this permanent neighbour.
    #[must_use]
    pub fn with_neighbour(mut self, interface: &str, address: &str, mac: &str) -> Self {
        self.neighbours.push(Neighbour {
            address: address.into(),
            mac: mac.into(),
            interface: interface.into(),
        });
        self
    }
}

/// Rules in tests are indented for the eye; a restore file begins its lines at the margin.
pub fn unindent(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A running router.
#[derive(Debug)]
pub enum Router {
    /// The kernel's.
    Kernel(KernelRouter),
    /// Sluice.
    Sluice(Gateway),
}

impl Router {
    /// Starts the router of `kind` between the hosts of `topology`.
    pub fn start(kind: Kind, topology: &Topology, setup: &Setup) -> Self {
        Self::start_in(kind, &topology.router, topology.scratch(), setup)
    }

    /// Starts the router of `kind` in `namespace`, its files in `scratch`.
    pub fn start_in(
        kind: Kind,
        namespace: &Namespace,
        scratch: &std::path::Path,
        setup: &Setup,
    ) -> Self {
        match kind {
            Kind::Kernel => Self::Kernel(KernelRouter::start(namespace, setup)),
            Kind::Sluice { workers } => {
                Self::Sluice(Gateway::start(namespace, scratch, setup, workers))
            }
        }
    }

    /// Replaces the IPv4 rules at once.
    pub fn load_rules(&self, iptables: &str) {
        let text = unindent(iptables);
        match self {
            Self::Kernel(kernel) => kernel.load_rules(&text),
            Self::Sluice(gateway) => gateway.load_rules(&text),
        }
    }

    /// A tool's words, as `iptables -S INPUT`, as this router's [`shell`](Self::shell) takes them.
    pub fn spelled(&self, words: &str) -> String {
        match self {
            Self::Kernel(_) => words.into(),
            Self::Sluice(gateway) => gateway.spelled(words),
        }
    }

    /// Runs a script where the router is.
    pub fn shell(&self, script: &str) -> Output {
        match self {
            Self::Kernel(kernel) => kernel.shell(script),
            Self::Sluice(_) => process::shell(&[], script),
        }
    }

    /// Forgets every connection.
    pub fn flush_connections(&self) {
        match self {
            Self::Kernel(kernel) => kernel.flush_connections(),
            Self::Sluice(gateway) => drop(gateway.must("conntrack -F")),
        }
    }

    /// One IPv4 table with its counters, as `iptables-save -c` prints it, without comments.
    pub fn counters(&self, table: &str) -> String {
        let text = match self {
            Self::Kernel(kernel) => kernel.counters(table),
            Self::Sluice(gateway) => gateway.must(&format!("iptables-save -c -t {table}")),
        };
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    /// What LOG rules whose prefix holds `tag` have written: lines `<level>text`.
    pub fn log(&self, tag: &str) -> Vec<String> {
        let text = match self {
            Self::Kernel(kernel) => kernel.log(),
            Self::Sluice(gateway) => gateway.log(),
        };
        text.lines().filter(|line| line.contains(tag)).map(str::to_owned).collect()
    }

    /// The connection table, a line each, as `conntrack -L` prints it.
    pub fn connections(&self) -> String {
        match self {
            Self::Kernel(kernel) => kernel.connections(),
            Self::Sluice(gateway) => gateway.connections(),
        }
    }
}
