//! Owns the proof that every example runs: its own files, between hosts as its header draws them.
//!
//! Changed is only what the laboratory does not have: sockets and state go to the test's folder, NICs under
//! DPDK and their queues, pinned cores and large frames become veth pairs polled by one worker.

use std::fs;
use std::path::Path;

use sluice_tests::gateway::Gateway;
use sluice_tests::topology::{Cable, connect};
use sluice_tests::{Namespace, http};

/// The router in the middle, a host on each side, and the files.
struct Site {
    router: Namespace,
    /// Behind `eth0`.
    outside: Namespace,
    /// Behind `eth1`.
    inside: Namespace,
    scratch: tempfile::TempDir,
}

const OUTSIDE: Cable = Cable {
    interface: "eth0",
    mac: "02:00:00:00:02:01",
    addresses: &[],
    host_mac: "02:00:00:00:02:02",
};
const INSIDE: Cable = Cable {
    interface: "eth1",
    mac: "02:00:00:00:01:01",
    addresses: &[],
    host_mac: "02:00:00:00:00:80",
};

impl Site {
    fn new(outside: &str, inside: &str) -> Self {
        let site = Self {
            router: Namespace::new("router"),
            outside: Namespace::new("outside"),
            inside: Namespace::new("inside"),
            scratch: tempfile::tempdir().unwrap(),
        };
        connect(&site.router, &OUTSIDE, &site.outside);
        connect(&site.router, &INSIDE, &site.inside);
        site.outside.must(outside);
        site.inside.must(inside);
        site
    }

    fn start(&self, example: &str) -> Gateway {
        let from = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(example);
        let folder = self.scratch.path().join(example);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(&from).unwrap().flatten() {
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let file = folder.join("sluice.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, laboratory(&text, &folder)).unwrap();
        Gateway::start_in(&self.router, folder)
    }
}

fn laboratory(text: &str, folder: &Path) -> String {
    let mut text = text
        .replace("pci:0000:01:00.0", "af_packet:eth0")
        .replace("pci:0000:01:00.1", "af_packet:eth1")
        .replace("cores = [2, 3]", "workers = 1")
        .replace("queues = 2\n", "")
        .replace("mtu = 9000\n", "");
    let socket = format!("\"unix:{}\"", folder.join("sluice.sock").display());
    if text.contains("[api]") {
        text = text.replace("\"unix:/run/sluice/sluice.sock\"", &socket);
    } else {
        text.push_str(&format!("\n[api]\nlisten = [{socket}]\n"));
    }
    let state = format!("state = {:?}", folder.join("state"));
    if text.contains("state = ") {
        text.replace("state = \"/var/lib/sluice\"", &state)
    } else {
        text.replace("[gateway]\n", &format!("[gateway]\n{state}\n"))
    }
}

#[test]
fn home_gateway() {
    let site = Site::new(
        "ip addr add 192.0.2.1/24 dev eth0; ip addr add 203.0.113.5/32 dev lo
         ip addr add 2001:db8:0:1::1/64 dev eth0
         ip -6 route add 2001:db8:0:100::/64 via 2001:db8:0:1::10
         ip route add 192.168.1.0/24 via 192.0.2.10",
        "ip addr add 192.168.1.2/24 dev eth0; ip route add default via 192.168.1.1
         ip addr add 2001:db8:0:100::2/64 dev eth0; ip route add default via 2001:db8:0:100::1",
    );
    http::serve(&site.outside, "[::]:80", "internet", Vec::new());
    http::serve(&site.inside, "[::]:80", "home", Vec::new());
    let _gateway = site.start("home-gateway");
    let page = site.inside.must("curl -sS -m 10 http://203.0.113.5/");
    assert_eq!(page, "internet saw ::ffff:192.0.2.10\n");
    let page = site.inside.must("curl -sS -m 10 http://[2001:db8:0:1::1]/");
    assert_eq!(page, "internet saw 2001:db8:0:100::2\n");
    site.inside.must("ping -c 2 -i 0.2 -W 2 192.168.1.1");
    site.outside.must("ping -c 2 -i 0.2 -W 2 192.0.2.10");
    site.outside.must("ping -c 2 -i 0.2 -W 2 2001:db8:0:100::2");
    for closed in ["192.168.1.2", "[2001:db8:0:100::2]", "192.0.2.10"] {
        let output = site.outside.shell(&format!("curl -sS -m 2 http://{closed}/"));
        assert_eq!(output.code, 28, "{closed} is open: {output:?}");
    }
}

#[test]
fn data_centre_nat() {
    let site = Site::new(
        "ip addr add 198.51.100.1/30 dev eth0; ip route add 203.0.113.0/28 via 198.51.100.2
         ip addr add 192.0.2.80/32 dev lo",
        "ip addr add 10.0.0.5/16 dev eth0; ip addr add 10.0.0.254/16 dev eth0
         ip addr add 10.1.7.7/32 dev lo; ip route add default via 10.0.0.1",
    );
    http::serve(&site.outside, "0.0.0.0:80", "internet", Vec::new());
    http::serve(&site.outside, "0.0.0.0:25", "mail", Vec::new());
    let gateway = site.start("data-centre-nat");
    for source in ["10.0.0.5", "10.1.7.7"] {
        let page =
            site.inside.must(&format!("curl -sS -m 10 --interface {source} http://192.0.2.80/"));
        assert!(page.starts_with("internet saw 203.0.113."), "{source}: {page}");
    }
    let refused = site.inside.shell("curl -sS -m 3 http://192.0.2.80:25/");
    assert_eq!(refused.code, 7, "{refused:?}");
    site.inside.must("ping -c 2 -i 0.2 -W 2 10.0.0.1");
    // Health checks of the core router leave no connection behind.
    site.outside.must("ping -c 2 -i 0.2 -W 2 198.51.100.2");
    let table = gateway.connections();
    assert!(!table.contains("src=198.51.100.1 dst=198.51.100.2"), "{table}");
    // The pool's own addresses and private space without racks lead nowhere.
    assert_ne!(site.outside.shell("ping -c 1 -W 1 203.0.113.3").code, 0);
    assert_ne!(site.inside.shell("ping -c 1 -W 1 10.77.0.1").code, 0);
}

#[test]
fn port_forwarding() {
    let site = Site::new(
        "ip addr add 192.0.2.1/24 dev eth0",
        "ip addr add 10.1.0.80/16 dev eth0; ip addr add 10.1.0.25/16 dev eth0
         ip addr add 10.1.0.99/16 dev eth0; ip route add default via 10.1.0.254",
    );
    http::serve(&site.inside, "10.1.0.80:80", "web", Vec::new());
    http::serve(&site.inside, "10.1.0.25:25", "mail", Vec::new());
    http::serve(&site.outside, "0.0.0.0:80", "internet", Vec::new());
    http::serve(&site.router, "0.0.0.0:3128", "proxy", Vec::new());
    let _gateway = site.start("port-forwarding");
    let page = site.outside.must("curl -sS -m 10 http://192.0.2.10/");
    assert_eq!(page, "web saw 192.0.2.1\n");
    let page = site.outside.must("curl -sS -m 10 http://192.0.2.10:2525/");
    assert_eq!(page, "mail saw 192.0.2.1\n");
    let page = site.inside.must("curl -sS -m 10 --interface 10.1.0.99 http://192.0.2.10/");
    assert_eq!(page, "web saw 10.1.0.254\n");
    let page = site.inside.must("curl -sS -m 10 --interface 10.1.0.99 http://192.0.2.1/");
    assert_eq!(page, "internet saw 192.0.2.10\n");
    let page = site.inside.must("curl -sS -m 10 --interface 10.1.0.99 http://192.0.2.1:8080/");
    assert_eq!(page, "proxy saw 10.1.0.99\n");
    let closed = site.outside.shell("curl -sS -m 2 http://192.0.2.10:3128/");
    assert_eq!(closed.code, 28, "{closed:?}");
}

#[test]
fn plain_router() {
    let site = Site::new(
        "ip addr add 10.1.0.2/24 dev eth0; ip route add default via 10.1.0.1
         ip addr add fd00:1::2/64 dev eth0; ip route add default via fd00:1::1
         ip addr add 10.1.200.1/32 dev lo",
        "ip addr add 10.2.0.254/24 dev eth0; ip route add 10.1.0.0/16 via 10.2.0.1
         ip addr add fd00:2::fe/64 dev eth0; ip -6 route add fd00:1::/64 via fd00:2::1
         ip addr add 203.0.113.5/32 dev lo; ip addr add 2001:db8::5/128 dev lo",
    );
    http::serve(&site.inside, "[::]:80", "site B", Vec::new());
    http::serve(&site.inside, "[::]:23", "telnet", Vec::new());
    let gateway = site.start("plain-router");
    for (target, seen) in [
        ("10.2.0.254", "::ffff:10.1.0.2"),
        ("203.0.113.5", "::ffff:10.1.0.2"),
        ("[fd00:2::fe]", "fd00:1::2"),
        ("[2001:db8::5]", "fd00:1::2"),
    ] {
        let page = site.outside.must(&format!("curl -sS -m 10 http://{target}/"));
        assert_eq!(page, format!("site B saw {seen}\n"));
    }
    site.inside.must("ping -c 2 -i 0.2 -W 2 10.1.200.1");
    let told = site.outside.shell("ping -c 1 -W 2 192.168.7.7");
    assert!(told.stdout.contains("Packet filtered"), "{told:?}");
    assert_eq!(site.outside.shell("curl -sS -m 3 http://10.2.0.254:23/").code, 7);
    assert_eq!(gateway.connections(), "", "a plain router tracks nothing");
}
