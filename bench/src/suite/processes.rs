//! Other programs that are measured: the gateway's start, and DPDK's testpmd as the floor.

use crate::machine::Machine;
use crate::report::{Average, Figure};
use anyhow::{Context, Result, bail, ensure};
use dpdk::cpu;
use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with its owner.
pub(super) struct Running(pub(super) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that goes with its owner.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("sluice-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The gateway's program, which lies beside this one.
pub(super) fn sluice() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("sluice");
    ensure!(path.exists(), "{} is missing: cargo build --release -p sluice", path.display());
    Ok(path)
}

/// A command that is not bound to the core of this thread.
pub(super) fn on_all_cores(cores: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(format!("0-{}", cores - 1)).arg(program);
    command
}

/// Milliseconds from the start of `sluice run` until its API takes connections; two null ports.
pub(super) fn start(machine: &Machine, name: &str) -> Result<Figure> {
    let (program, folder) = (sluice()?, Folder::new()?);
    let mut samples = Vec::new();
    for _ in 0..5 {
        samples.push(start_once(machine.cores, &program, &folder.0)?);
    }
    Ok(Figure::new(name, "sluice run, two null ports", "ms", &samples, Average::Median))
}

fn start_once(cores: usize, program: &Path, folder: &Path) -> Result<f64> {
    let (config, socket) = (folder.join("sluice.toml"), folder.join("sluice.sock"));
    let state = folder.join("state");
    std::fs::remove_file(&socket).ok();
    let text = format!(
        "[gateway]\nworkers = 1\nstate = {state:?}\n[api]\nlisten = [\"unix:{}\"]\n\
         [[interface]]\nname = \"a\"\ndevice = \"vdev:net_null0\"\n\
         [[interface]]\nname = \"b\"\ndevice = \"vdev:net_null1\"\n",
        socket.display()
    );
    std::fs::write(&config, text)?;
    let begin = Instant::now();
    let child = on_all_cores(cores, program)
        .args(["run", "-c"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    await_gateway(&mut Running(child), &socket)?;
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// Waits until a gateway that starts answers at its socket: packets pass by then.
pub(super) fn await_gateway(gateway: &mut Running, socket: &Path) -> Result<()> {
    let begin = Instant::now();
    // The socket is there at once; who asks is answered when packets pass.
    while UnixStream::connect(socket).is_err() {
        if let Some(status) = gateway.0.try_wait()? {
            bail!("sluice ended before its API was there: {status}");
        }
        ensure!(begin.elapsed() < Duration::from_secs(20), "sluice does not come up");
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut command = Command::new(sluice()?);
    command.arg("-S").arg(format!("unix:{}", socket.display())).arg("stats");
    let answered = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
    ensure!(answered, "sluice does not answer");
    Ok(())
}

/// Bytes of memory of each of so many connections, in a process of its own.
pub(super) fn memory(name: &str, flows: u32) -> Result<Figure> {
    let output = Command::new(std::env::current_exe()?)
        .args(["memory", &flows.to_string()])
        // Each table is a mapping of its own, as in a gateway's first minute: not a piece of what others gave back.
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes: Option<f64> = text.trim().parse().ok();
    let error = || String::from_utf8_lossy(&output.stderr).into_owned();
    let bytes = bytes.with_context(error)?;
    let harness = "resident memory of a process, before and after";
    Ok(Figure::single(name, harness, "bytes", bytes))
}

/// Cycles per packet of `dpdk-testpmd` that swaps MACs between two null ports, on one core: what
/// drivers and mempool alone cost.
pub(super) fn testpmd(machine: &Machine, name: &str) -> Result<Figure> {
    let cores = machine.cores;
    ensure!(cores > 1, "dpdk-testpmd needs two cores; leave floor/ out");
    let lcores = format!("0@0,1@{}", cores - 1);
    let output = on_all_cores(machine.cores, "timeout")
        .args(["5", "dpdk-testpmd", "--no-huge", "--no-shconf", "-m", "256", "--no-pci"])
        .args(["--no-telemetry", "--lcores", &lcores])
        .args(["--vdev", "net_null0", "--vdev", "net_null1", "--"])
        .args(["--forward-mode=macswap", "--stats-period=1", "--nb-cores=1"])
        .args(["--total-num-mbufs=16384"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start dpdk-testpmd; apt install dpdk-dev")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rates = rates(&text);
    // Two ports a second; the first second is not over when it is reported.
    let totals = rates.chunks_exact(2).skip(1).map(|pair| pair.iter().sum::<f64>());
    let totals: Vec<f64> = totals.filter(|total| *total > 0.0).collect();
    ensure!(!totals.is_empty(), "dpdk-testpmd reported no rate; it printed:\n{text}");
    let cycles: Vec<f64> =
        totals.iter().map(|total| cpu::cycles_per_second() as f64 / total).collect();
    let harness = "dpdk-testpmd macswap, null ports, 4 KB pages";
    Ok(Figure::new(name, harness, "cycles/packet", &cycles, Average::Median))
}

/// The numbers behind `Rx-pps:`.
fn rates(text: &str) -> Vec<f64> {
    let lines = text.lines().filter_map(|line| line.split_once("Rx-pps:"));
    lines.filter_map(|(_, rest)| rest.split_whitespace().next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn testpmds_rates_are_read() {
        let text = "  Throughput (since last show)\n  Rx-pps:     28812345          Rx-bps:   13\n";
        assert_eq!(rates(text), [28_812_345.0]);
    }
}
