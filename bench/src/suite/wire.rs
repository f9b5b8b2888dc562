//! The gateway in a process of its own, between two ports of another process.
//!
//! ```text
//!   sluice-bench gen ── memif ── sluice run, or dpdk-testpmd ── memif ── sluice-bench gen
//! ```

use super::processes::{Folder, Running, on_all_cores, sluice};
use crate::machine::Machine;
use crate::report::Figure;
use anyhow::{Context, Result, ensure};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

const RULES: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
    :POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wan -j SNAT --to-source 203.0.113.1\nCOMMIT\n";

/// What passed in a second.
struct Passed {
    /// Of as many frames as the ports took.
    offered_all: f64,
    /// At the highest rate at which none was lost: RFC 2544's search.
    without_loss: f64,
}

/// Frames a second through a NAT gateway over memif, against dpdk-testpmd (macswap) on the same ports.
pub(super) fn memif(machine: &Machine, name: &str) -> Result<Vec<Figure>> {
    ensure!(machine.cores > 1, "wire/ needs two cores; leave it out");
    let folder = Folder::new()?;
    let floor = {
        let _testpmd = testpmd(machine, folder.path())?;
        search(folder.path()).context("dpdk-testpmd")?
    };
    let value = {
        let _gateway = gateway(machine, folder.path())?;
        search(folder.path()).context("sluice")?
    };
    let harness = "two processes, memif, 64 bytes, 1,024 UDP flows through SNAT, 4 KB pages";
    let figure = |name: &str, value: f64, floor: f64| {
        Figure::single(name, harness, "frames/s", value).against("dpdk-testpmd macswap", floor)
    };
    Ok(vec![
        figure(name, value.offered_all, floor.offered_all),
        figure(&format!("{name}/zero-loss"), value.without_loss, floor.without_loss),
    ])
}

fn testpmd(machine: &Machine, folder: &Path) -> Result<Running> {
    let mut command = on_all_cores(machine.cores, "dpdk-testpmd");
    command
        .args(["--no-huge", "--no-shconf", "-m", "256", "--no-pci", "--no-telemetry"])
        .args(["--lcores", &format!("0@0,1@{}", machine.cores - 1)]);
    for (number, side) in ["lan", "wan"].iter().enumerate() {
        let socket = folder.join(format!("{side}.sock"));
        let socket = socket.display();
        command.arg("--vdev").arg(format!(
            "net_memif{number},role=server,id={number},socket={socket},socket-abstract=no"
        ));
    }
    // Without a terminal it forwards until it is told to end; a pipe keeps its input open.
    command.args(["--", "--forward-mode=macswap", "--nb-cores=1", "--total-num-mbufs=16384"]);
    spawn(command.stdin(Stdio::piped()))
}

fn gateway(machine: &Machine, folder: &Path) -> Result<Running> {
    let (core, path) = (machine.cores - 1, folder.display());
    let text = format!(
        r#"[gateway]
cores = [{core}]
state = "{path}/state"
[api]
listen = ["unix:{path}/api.sock"]
[[interface]]
name = "lan"
device = "memif:{path}/lan.sock,role=server,id=0"
address = ["10.255.0.1/30"]
mac = "02:00:00:00:00:01"
[[interface]]
name = "wan"
device = "memif:{path}/wan.sock,role=server,id=1"
address = ["203.0.113.1/24"]
mac = "02:00:00:00:00:02"
[[route]]
to = "10.0.0.0/9"
via = "10.255.0.2"
[[route]]
to = "198.18.0.0/15"
via = "203.0.113.254"
[[neighbour]]
address = "10.255.0.2"
mac = "02:00:00:00:01:01"
interface = "lan"
[[neighbour]]
address = "203.0.113.254"
mac = "02:00:00:00:01:02"
interface = "wan"
[rules]
iptables = "rules.v4"
[sysctl]
"net.ipv4.ip_forward" = 1
"#
    );
    let config = folder.join("wire.toml");
    std::fs::write(&config, text)?;
    std::fs::write(folder.join("rules.v4"), RULES)?;
    // A network namespace of its own, for the interfaces it makes in the host's stack.
    let mut command = on_all_cores(machine.cores, "unshare");
    spawn(command.arg("--net").arg(sluice()?).args(["run", "-c"]).arg(&config))
}

fn spawn(command: &mut Command) -> Result<Running> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Ok(Running(child.with_context(|| format!("cannot start {command:?}"))?))
}

/// The generator's search; it waits for the ports to come up.
fn search(folder: &Path) -> Result<Passed> {
    // The sockets appear when the other process has opened its ports.
    let sockets = ["lan", "wan"].map(|side| folder.join(format!("{side}.sock")));
    let ready = || sockets.iter().all(|socket| UnixStream::connect(socket).is_ok());
    for _ in 0..1000 {
        if ready() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let device = |side: &str, id: usize| {
        format!("memif:{},role=client,id={id}", folder.join(format!("{side}.sock")).display())
    };
    let output = on_all_cores(1, std::env::current_exe()?)
        .args(["gen", "--search", "--seconds", "1"])
        .args(["--inside", &device("lan", 0), "--outside", &device("wan", 1)])
        .output()?;
    for socket in &sockets {
        std::fs::remove_file(socket).ok();
    }
    let text = String::from_utf8_lossy(&output.stdout);
    passed(&text).with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Of the lines `unlimited: N frames/s sent, N lost` and `zero loss at N frames/s:`; trials last a second.
fn passed(text: &str) -> Option<Passed> {
    let after = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
    let number = |text: &str| text.split_whitespace().next()?.parse::<f64>().ok();
    let unlimited = after("unlimited: ")?;
    let (_, lost) = unlimited.split_once("sent, ")?;
    Some(Passed {
        offered_all: number(unlimited)? - number(lost)?,
        without_loss: after("zero loss at ").and_then(number).unwrap_or(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_is_read() {
        let text = "unlimited: 1000 frames/s sent, 100 lost\nzero loss at 800 frames/s:\n";
        let passed = passed(text).unwrap();
        assert_eq!((passed.offered_all, passed.without_loss), (900.0, 800.0));
    }
}
