//! Owns the Linux kernel as the router: the oracle.

use crate::Namespace;
use crate::process::Output;
use crate::router::Setup;
use crate::timeouts;
use sluice_config::Config;

/// The kernel of this machine, made a router inside a namespace.
#[derive(Debug)]
pub struct KernelRouter {
    namespace: String,
}

impl KernelRouter {
    /// Gives the veths their addresses, turns forwarding on and loads the rules.
    pub fn start(namespace: &Namespace, setup: &Setup) -> Self {
        namespace.must(&script(setup));
        let config = Config::parse(&setup.timeouts, "timeouts").expect("sound policies");
        namespace.enter(|| {
            for (name, policy) in &config.timeouts {
                timeouts::create(name, policy);
            }
        });
        if [&setup.iptables, &setup.ip6tables].iter().any(|rules| rules.contains("-j LOG")) {
            log_in_namespaces();
        }
        let router = Self { namespace: namespace.name().into() };
        if !setup.ipset.is_empty() {
            router.restore("ipset restore", &setup.ipset);
        }
        if !setup.iptables.is_empty() {
            router.restore("iptables-restore", &setup.iptables);
        }
        if !setup.ip6tables.is_empty() {
            router.restore("ip6tables-restore", &setup.ip6tables);
        }
        router
    }

    /// Replaces the IPv4 rules of the tables named in `text`.
    pub fn load_rules(&self, text: &str) {
        self.restore("iptables-restore", text);
    }

    /// What `conntrack -L` prints.
    pub fn connections(&self) -> String {
        self.inside("conntrack -L 2>/dev/null")
    }

    /// Forgets every connection.
    pub fn flush_connections(&self) {
        self.inside("conntrack -F 2>/dev/null");
    }

    /// What `iptables-save -c` prints of one table.
    pub fn counters(&self, table: &str) -> String {
        self.inside(&format!("iptables-save -c -t {table}"))
    }

    /// The kernel's own log, without times. It is one for all namespaces.
    pub fn log(&self) -> String {
        self.inside("dmesg --raw | sed -E 's/^(<[0-9]+>)\\[[^]]*\\] /\\1/'")
    }

    /// Runs a script inside.
    pub fn shell(&self, script: &str) -> Output {
        crate::process::shell(&["ip", "netns", "exec", &self.namespace], script)
    }

    fn restore(&self, tool: &str, text: &str) {
        self.inside(&format!("{tool} <<'END'\n{text}END"));
    }

    fn inside(&self, script: &str) -> String {
        crate::process::must(&["ip", "netns", "exec", &self.namespace], script)
    }
}

/// The kernel logs nothing of what a namespace's rules say unless it is told so, for all of them at once. It stays so: other
/// tests may be at it.
fn log_in_namespaces() {
    let all = "/proc/sys/net/netfilter/nf_log_all_netns";
    std::fs::write(all, "1").expect("the kernel logs of namespaces");
}

fn script(setup: &Setup) -> String {
    let mut lines = vec![
        "set -e".to_owned(),
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1".to_owned(),
    ];
    for interface in &setup.interfaces {
        let name = &interface.name;
        if !interface.bridge.is_empty() {
            // Snooping makes the bridge itself a member of a group, of which it tells.
            lines.push(format!(
                "ip link add {name} address {} type bridge forward_delay 0 mcast_snooping 0",
                interface.mac
            ));
            for port in &interface.bridge {
                lines.push(format!("ip link set {port} master {name}"));
            }
            lines.push(format!("ip link set {name} up"));
        }
        lines.push(format!("sysctl -qw net.ipv6.conf.{name}.disable_ipv6=0"));
        lines.push(format!("ip link set {name} mtu {}", interface.mtu));
        for address in &interface.addresses {
            lines.push(format!("ip addr add {address} dev {name}"));
        }
    }
    for route in &setup.routes {
        let kind = route.kind.as_deref().unwrap_or("");
        let via = route.via.as_ref().map_or(String::new(), |via| format!("via {via}"));
        lines.push(format!("ip route add {kind} {} {via}", route.to));
    }
    for neighbour in &setup.neighbours {
        lines.push(format!(
            "ip neigh add {} lladdr {} dev {} nud permanent",
            neighbour.address, neighbour.mac, neighbour.interface
        ));
    }
    for (name, value) in &setup.sysctls {
        lines.push(format!("sysctl -qw {name}={value}"));
        // For some of these "all" does not outweigh an interface's own value.
        if let Some(key) = name.strip_prefix("net.ipv4.conf.all.") {
            for interface in &setup.interfaces {
                lines.push(format!("sysctl -qw net.ipv4.conf.{}.{key}={value}", interface.name));
            }
        }
    }
    lines.join("\n")
}
