//! Owns the tests of starts that must not happen: exit code 1, one line that says which and what to do, and
//! nothing left behind; and of `sluice doctor`, which says beforehand.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;
use sluice_tests::gateway::{self, Gateway};
use sluice_tests::process::{self, Output};
use sluice_tests::router::Setup;
use sluice_tests::topology::{LAN, WAN};
use sluice_tests::{Namespace, Topology};

use crate::MASQUERADE;

const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups ";

/// `sluice run` on a configuration that must not start, in front of it the words of `prefix`.
fn refused(namespace: &Namespace, folder: &std::path::Path, prefix: &str, toml: &str) -> Output {
    let file = gateway::write(folder, 1, toml);
    let binary = gateway::binary();
    let before = namespace.must("ip -o link | wc -l; ip -4 rule | wc -l");
    let output = namespace.shell(&format!("timeout 20 {prefix}{} run -c {file}", binary.display()));
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let lines: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("sluice: ")).collect();
    assert_eq!(lines.len(), 1, "not one plain line: {output:?}");
    assert!(!output.stderr.contains("EAL started"), "something was started: {output:?}");
    assert_eq!(namespace.must("ip -o link | wc -l; ip -4 rule | wc -l"), before);
    assert!(!folder.join("sluice.sock").exists(), "a socket was left behind");
    output
}

fn says(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "{word} is not said: {output:?}");
    }
}

fn lan(device: &str) -> String {
    format!(
        "\n[[interface]]\nname = \"inside\"\ndevice = {device:?}\naddress = [\"10.1.0.1/16\"]\n"
    )
}

/// A gateway on the host's way out cuts the host off: only where that is said to be meant.
#[test]
fn default_route() {
    let net = Topology::new();
    net.router.must("ip addr add 192.168.1.146/24 dev wan0; ip route add default via 192.168.1.9");
    let folder = tempfile::tempdir().unwrap();
    for device in ["af_packet:wan0", "vdev:net_af_packet0,iface=wan0"] {
        let output = refused(&net.router, folder.path(), "", &lan(device));
        says(&output, &["interface inside", "wan0", "default route", "take_default_route = true"]);
    }
    net.router.must("ping -c 1 -W 2 192.168.1.9");
    let toml = format!(
        "\n[[interface]]\nname = \"wan0\"\ndevice = \"af_packet:wan0\"\nmac = {:?}\n\
         address = [\"192.168.1.146/24\"]\ntake_default_route = true\n",
        WAN.mac
    );
    let _gateway = Gateway::start_with(&net.router, net.scratch(), 1, &toml);
    net.server.must("ping -c 2 -i 0.2 -W 2 192.168.1.146");
}

#[test]
fn what_is_not_there() {
    let router = Namespace::new("router");
    let folder = tempfile::tempdir().unwrap();
    let output = refused(&router, folder.path(), "", &lan("af_packet:nosuch0"));
    says(&output, &["interface inside", "nosuch0", "ip link"]);
    let output = refused(&router, folder.path(), "", &lan("pcap:/nonexistent/in.pcap"));
    says(&output, &["interface inside", "cannot read `/nonexistent/in.pcap`"]);
    let output = refused(&router, folder.path(), "", &lan("pcap:,/nonexistent/out.pcap"));
    says(&output, &["interface inside", "cannot write `/nonexistent/out.pcap`"]);
}

/// What another gateway, or another program, has already. The first is none the worse for it.
#[test]
fn what_is_taken() {
    let net = Topology::new();
    let first = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 1);
    let folder = tempfile::tempdir().unwrap();
    let output = refused(&net.router, folder.path(), "", &lan("af_packet:lan0"));
    says(&output, &["interface inside", "another sluice", "lan0"]);
    // The same twin on another device.
    let twin = lan("vdev:net_null0").replace("inside", "lan0");
    says(
        &refused(&net.router, folder.path(), "", &twin),
        &["interface lan0", "another sluice", "sl-lan0"],
    );

    // The API's socket; the first gateway goes on answering there.
    let socket = first.configuration().with_file_name("sluice.sock");
    let file = folder.path().join("socket.toml");
    let null = "[[interface]]\nname = \"null\"\ndevice = \"vdev:net_null0\"\n";
    fs::write(&file, format!("[api]\nlisten = [\"unix:{}\"]\n{null}", socket.display())).unwrap();
    let run = format!("timeout 20 {} run -c {}", gateway::binary().display(), file.display());
    let output = net.router.shell(&run);
    assert_eq!(output.code, 1, "{output:?}");
    says(&output, &["sluice.sock", "another sluice is listening", "api.listen"]);

    let held = net.router.enter(|| TcpListener::bind("127.0.0.1:9000").unwrap());
    let api = format!("listen = [\"unix:{}\"]", folder.path().join("own.sock").display());
    for (words, key) in [
        ("listen = [\"127.0.0.1:9000\"]".to_owned(), "api.listen"),
        (format!("{api}\nmetrics = \"127.0.0.1:9000\""), "api.metrics"),
    ] {
        fs::write(&file, format!("[api]\n{words}\n{null}")).unwrap();
        let output = net.router.shell(&run);
        assert_eq!(output.code, 1, "{output:?}");
        says(&output, &["127.0.0.1:9000", "cannot listen", key]);
    }
    drop(held);

    // An interface that happens to have the twin's name.
    net.router.must("ip tuntap add sl-null mode tap");
    fs::write(&file, format!("{null}address = [\"10.8.0.1/24\"]\n")).unwrap();
    let output = net.router.shell(&run);
    assert_eq!(output.code, 1, "{output:?}");
    says(&output, &["interface null", "sl-null", "ip link del sl-null", "twin ="]);
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    first.assert_accounted();
}

/// Without rights: which capability, for what, and how to give it. What needs none runs.
#[test]
fn as_nobody() {
    let net = Topology::new();
    let folder = tempfile::tempdir().unwrap();
    process::must(&[], &format!("chmod 777 {}", folder.path().display()));
    for (device, needed) in [
        ("af_packet:lan0", "af_packet:lan0 needs CAP_NET_RAW and CAP_NET_ADMIN"),
        ("tap:tap0", "tap:tap0 needs CAP_NET_ADMIN"),
        ("vdev:net_null0", "its twin sl-inside in the host's stack needs CAP_NET_ADMIN"),
    ] {
        let output = refused(&net.router, folder.path(), NOBODY, &lan(device));
        says(&output, &["interface inside", needed, "run as root", "setcap cap_net_", "/sluice`"]);
    }
    let file = folder.path().join("root.pcap");
    fs::write(&file, "").unwrap();
    let toml = format!("\n[[interface]]\nname = \"x\"\ndevice = \"pcap:,{}\"\n", file.display());
    let output = refused(&net.router, folder.path(), NOBODY, &toml);
    says(&output, &["interface x", "cannot write", "root.pcap", "Permission denied"]);
}

/// Every failing line has a command below it; the exit code says whether one fails.
#[test]
fn doctor() {
    let binary = gateway::binary();
    let look = |prefix: &str| {
        let text = process::shell(&[], &format!("{prefix}{} doctor", binary.display()));
        let json = process::shell(&[], &format!("{prefix}{} doctor --json", binary.display()));
        let json: Value = serde_json::from_str(&json.stdout).unwrap();
        let checks = json["checks"].as_array().unwrap().clone();
        let failing = checks.iter().filter(|check| check["ok"] == false).count();
        assert_eq!(text.code, i32::from(failing > 0), "{text:?}");
        let lines: Vec<_> = text.stdout.lines().collect();
        let marked = lines.iter().filter(|line| line.starts_with("FAIL")).count();
        assert_eq!(marked, failing, "{text:?}");
        for pair in lines.windows(2).filter(|pair| pair[0].starts_with("FAIL")) {
            assert!(pair[1].contains(" mend: "), "no command for: {}", pair[0]);
        }
        checks
    };
    let named = |checks: &[Value], name: &str| {
        let found = checks.iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not looked at: {checks:?}"))["ok"] == true
    };
    let root = look("");
    for name in ["DPDK", "drivers", "TAP", "CAP_NET_ADMIN", "CAP_NET_RAW", "cores"] {
        assert!(named(&root, name), "{name} fails for root: {root:?}");
    }
    for name in ["huge pages", "IOMMU", "VFIO", "default route"] {
        let _ = named(&root, name);
    }
    let nobody = look(NOBODY);
    for name in ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_IPC_LOCK"] {
        assert!(!named(&nobody, name), "nobody has {name}: {nobody:?}");
        let check = nobody.iter().find(|check| check["name"] == name).unwrap();
        let remedy = check["remedy"].as_str().unwrap();
        assert!(remedy.starts_with("setcap cap_") && remedy.ends_with("/sluice"), "{remedy}");
    }
    assert!(named(&nobody, "DPDK") && named(&nobody, "drivers"));
}

/// The names a gateway claims are free again when it is gone, however it ended.
#[test]
fn killed_gateway_leaves_nothing() {
    let net = Topology::new();
    let toml = format!(
        "\n[[interface]]\nname = \"lan0\"\ndevice = \"af_packet:lan0\"\nmac = {:?}\naddress = [\"10.1.0.1/16\"]\n",
        LAN.mac
    );
    let folder = tempfile::tempdir().unwrap();
    let file = gateway::write(folder.path(), 1, &toml);
    let binary = gateway::binary();
    let words = [binary.to_str().unwrap(), "run", "-c", &file];
    let mut first = net.router.start(&words, &folder.path().join("log"));
    let up = || net.client.shell("ping -c 1 -W 1 10.1.0.1").code == 0;
    assert!(sluice_tests::eventually(std::time::Duration::from_secs(20), up), "{}", first.said());
    first.stop(nix::sys::signal::Signal::SIGKILL, std::time::Duration::from_secs(5));
    let _second = Gateway::start_with(&net.router, net.scratch(), 1, &toml);
    net.client.must("ping -c 2 -i 0.2 -W 2 10.1.0.1");
}
