//! Owns the wiring: hosts, the router's namespace and the veth pairs between them.

use std::path::Path;

use tempfile::TempDir;

use crate::Namespace;

/// One cable from the router to a host.
#[derive(Debug, Clone)]
pub struct Cable {
    /// The router's end, as rules name it: `lan0`.
    pub interface: &'static str,
    /// MAC address of the router's end.
    pub mac: &'static str,
    /// Addresses of the router's end with their prefix lengths.
    pub addresses: &'static [&'static str],
    /// MAC address of the host's end, which is called `eth0` there.
    pub host_mac: &'static str,
}

/// The inside cable.
pub const LAN: Cable = Cable {
    interface: "lan0",
    mac: "02:00:00:00:01:01",
    addresses: &["10.1.0.1/16", "fd00:1::1/64"],
    host_mac: "02:00:00:00:01:02",
};

/// The outside cable.
pub const WAN: Cable = Cable {
    interface: "wan0",
    mac: "02:00:00:00:02:01",
    addresses: &["192.168.1.146/24", "fd00:2::1/64"],
    host_mac: "02:00:00:00:02:02",
};

/// A second inside cable, of scenarios with a bridge.
pub const DMZ: Cable = Cable {
    interface: "dmz0",
    mac: "02:00:00:00:03:01",
    addresses: &[],
    host_mac: "02:00:00:00:03:02",
};

/// Client, router and server; see the picture at the top of the crate.
#[derive(Debug)]
pub struct Topology {
    /// The inside host, 10.1.0.2 and fd00:1::2; its default route is the router.
    pub client: Namespace,
    /// Where the router runs.
    pub router: Namespace,
    /// The outside host, 192.168.1.9 and fd00:2::9. It has no IPv4 route to the inside, so that
    /// only translated packets are answered; `route_back` gives it one.
    pub server: Namespace,
    scratch: TempDir,
}

impl Topology {
    /// Makes the three namespaces and lays the cables.
    pub fn new() -> Self {
        let topology = Self {
            client: Namespace::new("client"),
            router: Namespace::new("router"),
            server: Namespace::new("server"),
            scratch: tempfile::tempdir().expect("cannot make a temporary folder"),
        };
        connect(&topology.router, &LAN, &topology.client);
        connect(&topology.router, &WAN, &topology.server);
        topology.client.must(
            "ip addr add 10.1.0.2/16 dev eth0; ip -6 addr add fd00:1::2/64 dev eth0
             ip route add default via 10.1.0.1; ip -6 route add default via fd00:1::1",
        );
        topology.server.must(
            "ip addr add 192.168.1.9/24 dev eth0; ip -6 addr add fd00:2::9/64 dev eth0
             ip -6 route add default via fd00:2::1",
        );
        topology
    }

    /// Gives the server a route to the inside, for routing without NAT.
    pub fn route_back(&self) {
        self.server.must("ip route add 10.1.0.0/16 via 192.168.1.146");
    }

    /// A folder for this test's files, deleted with it.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

impl Default for Topology {
    fn default() -> Self {
        Self::new()
    }
}

/// Lays one cable. Offloads are off at both ends: a veth peer sends incomplete checksums and
/// oversized segments otherwise, which no real wire carries. The router's end has no address and
/// no IPv6, so that the kernel there is silent unless it is made the router.
pub fn connect(router: &Namespace, cable: &Cable, host: &Namespace) {
    let Cable { interface, mac, host_mac, .. } = cable;
    let (inside, outside) = (router.name(), host.name());
    router.must(&format!(
        "ip link add {interface} address {mac} type veth \
             peer name eth0 address {host_mac} netns {outside}
         sysctl -qw net.ipv6.conf.{interface}.disable_ipv6=1
         ip link set {interface} up
         ip -n {outside} link set eth0 up
         for end in '{inside} {interface}' '{outside} eth0'; do
             set -- $end
             ip netns exec $1 ethtool -K $2 tx off rx off tso off gso off gro off
         done >/dev/null"
    ));
}
