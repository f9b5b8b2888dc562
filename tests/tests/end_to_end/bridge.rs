//! Owns the tests of a bridge: two hosts behind two of its ports and a server beyond the gateway, whose own stacks find
//! each other.

use std::time::Duration;

use sluice_tests::gateway::Gateway;
use sluice_tests::topology::{self, DMZ, LAN, WAN};
use sluice_tests::{Namespace, eventually, http, on_sluice};

on_sluice!(hosts_meet, packet_log_names_ports);

/// Two hosts on the bridge, one outside.
struct Net {
    one: Namespace,
    two: Namespace,
    server: Namespace,
    router: Namespace,
    scratch: tempfile::TempDir,
}

impl Net {
    fn new() -> Self {
        let [one, two, router, server] = ["one", "two", "router", "server"].map(Namespace::new);
        topology::connect(&router, &LAN, &one);
        topology::connect(&router, &DMZ, &two);
        topology::connect(&router, &WAN, &server);
        for (host, last) in [(&one, 2), (&two, 3)] {
            host.must(&format!(
                "ip addr add 10.1.0.{last}/16 dev eth0; ip -6 addr add fd00:1::{last}/64 dev eth0
                 ip route add default via 10.1.0.1"
            ));
        }
        server.must("ip addr add 192.168.1.9/24 dev eth0");
        let scratch = tempfile::tempdir().expect("cannot make a temporary folder");
        Self { one, two, server, router, scratch }
    }

    /// What NFLOG writes.
    fn packets(&self) -> std::path::PathBuf {
        self.scratch.path().join("packets.pcapng")
    }

    fn start(&self, workers: u32) -> Gateway {
        let rules = self.scratch.path().join("rules.v4");
        let text = "*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\n\
                    -A PREROUTING -i wan0 -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.3:80\nCOMMIT\n\
                    *filter\n:FORWARD DROP [0:0]\n\
                    -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n\
                    -A FORWARD -m physdev --physdev-is-bridged -p tcp --dport 81 -j DROP\n\
                    -A FORWARD -i br0 -j ACCEPT\n-A FORWARD -i wan0 -p tcp --dport 80 -j ACCEPT\nCOMMIT\n";
        std::fs::write(&rules, text).expect("cannot write rules");
        let port =
            |name: &str| format!("[[interface]]\nname = {name:?}\ndevice = \"af_packet:{name}\"\n");
        let toml = format!(
            "{}{}{}address = [\"192.168.1.146/24\"]\n\
             [[interface]]\nname = \"br0\"\nbridge = {{ ports = [\"lan0\", \"dmz0\"] }}\n\
             address = [\"10.1.0.1/16\", \"fd00:1::1/64\"]\n\
             [rules]\niptables = {:?}\nnflog = \"file:{}\"\n\
             [sysctl]\n\"net.ipv4.ip_forward\" = 1\n\"net.ipv6.conf.all.forwarding\" = 1\n",
            port("lan0"),
            port("dmz0"),
            port("wan0"),
            rules.display(),
            self.packets().display()
        );
        Gateway::start_with(&self.router, self.scratch.path(), workers, &toml)
    }
}

/// Echo and HTTP from port to port and through NAT, ARP and neighbour discovery by the hosts' own stacks.
fn hosts_meet(workers: u32) {
    let net = Net::new();
    let gateway = net.start(workers);
    let meets = |host: &Namespace, other: &str| {
        eventually(Duration::from_secs(10), || {
            host.shell(&format!("ping -c 1 -W 1 {other}")).code == 0
        })
    };
    for (host, other) in [
        (&net.one, "10.1.0.3"),
        (&net.two, "10.1.0.2"),
        (&net.one, "fd00:1::3"),
        (&net.two, "fd00:1::2"),
    ] {
        assert!(meets(host, other), "{other}: {}", gateway.must("stats"));
        host.must(&format!("ping -c 3 -i 0.2 -W 2 {other}"));
    }
    for own in ["10.1.0.1", "fd00:1::1"] {
        assert!(meets(&net.one, own) && meets(&net.two, own), "{own}");
    }
    net.one.must(
        "ping -c 2 -i 0.2 -W 2 -M do -s 1472 10.1.0.3; ping -c 2 -i 0.2 -W 2 -s 5000 10.1.0.3",
    );
    // TTL 64 as it was sent: one link.
    let heard = net.one.must("ping -c 1 -W 2 10.1.0.3");
    assert!(heard.contains("ttl=64"), "{heard}");
    http::serve(&net.two, "0.0.0.0:80", "two", http::noise(2_000_000));
    http::serve(&net.two, "0.0.0.0:81", "two", Vec::new());
    http::serve(&net.server, "0.0.0.0:80", "server", http::noise(2_000_000));
    let page = |host: &Namespace, url: &str| host.must(&format!("curl -sS -m 20 {url}"));
    assert_eq!(page(&net.one, "http://10.1.0.3/"), "two saw 10.1.0.2\n");
    assert_eq!(page(&net.one, "http://192.168.1.9/"), "server saw 192.168.1.146\n");
    assert_eq!(page(&net.server, "http://192.168.1.146:8080/"), "two saw 192.168.1.9\n");
    for (host, url) in [
        (&net.one, "http://10.1.0.3/file"),
        (&net.one, "http://192.168.1.9/file"),
        (&net.server, "http://192.168.1.146:8080/file"),
    ] {
        let length = host.must(&format!("curl -sS -m 30 {url} | wc -c"));
        assert_eq!(length.trim(), "2000000", "{url}");
    }
    assert_ne!(net.one.shell("curl -sS -m 2 http://10.1.0.3:81/").code, 0, "the bridge filters");
    assert!(gateway.must("ip link show lan0").contains(" master br0 state UP "));
    let known = gateway.must("bridge fdb show br br0");
    for (cable, port) in [(&LAN, "lan0"), (&DMZ, "dmz0")] {
        let line = format!("{} dev {port} master br0 \n", cable.host_mac);
        assert!(known.contains(&line), "{line}{known}");
    }
    // The kernel's choice of a MAC: the lowest of its ports'.
    assert!(gateway.must("ip link show br0").contains(LAN.mac));
    gateway.assert_accounted();
}

/// NFLOG tells the bridge and its ports, by name for readers and by number as the kernel does (`NFULA_IFINDEX_*`).
fn packet_log_names_ports(workers: u32) {
    let net = Net::new();
    let gateway = net.start(workers);
    let number = |name: &str| {
        let line = gateway.must(&format!("ip link show {name}"));
        line.split(':').next().unwrap().parse::<u8>().unwrap()
    };
    gateway.must("iptables -I FORWARD -p icmp -j NFLOG --nflog-group 3 --nflog-prefix bridged");
    gateway.must("iptables -I INPUT -p icmp -j NFLOG --nflog-group 4 --nflog-prefix routed");
    let meets = |other: &str| net.one.shell(&format!("ping -c 1 -W 1 {other}")).code == 0;
    for other in ["10.1.0.3", "10.1.0.1", "192.168.1.9"] {
        assert!(eventually(Duration::from_secs(10), || meets(other)), "{other}");
    }
    let attribute = |kind: u8, name: &str| vec![8, 0, kind, 0, 0, 0, 0, number(name)];
    let bridge = [attribute(4, "br0"), attribute(6, "lan0")].concat();
    let wanted = [
        ([bridge.clone(), attribute(5, "br0"), attribute(7, "dmz0")].concat(), "numbers of ports"),
        (
            b"group 3 prefix \"bridged\" IN=br0 OUT=br0 PHYSIN=lan0 PHYSOUT=dmz0".to_vec(),
            "names of ports",
        ),
        (b"group 4 prefix \"routed\" IN=br0 OUT= PHYSIN=lan0".to_vec(), "the way in alone"),
        ([bridge, attribute(5, "wan0")].concat(), "routed: in by a port, out by no bridge"),
        (b"group 3 prefix \"bridged\" IN=br0 OUT=wan0 PHYSIN=lan0".to_vec(), "names of these"),
    ];
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|at| at == what);
    for (what, name) in &wanted {
        let told = || holds(&std::fs::read(net.packets()).unwrap_or_default(), what);
        assert!(eventually(Duration::from_secs(5), told), "{name}");
    }
    // Nothing is said of a port where there is none.
    let bytes = std::fs::read(net.packets()).unwrap();
    assert!(!holds(&bytes, b"OUT=wan0 PHYSIN=lan0 PHYSOUT"), "a port of no bridge");
}
