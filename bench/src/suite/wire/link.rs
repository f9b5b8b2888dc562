//! What lies between the generator and whatever is measured, and where both run.

use super::super::processes::{Running, on_all_cores};
use anyhow::{Context, Result, bail, ensure};
use dpdk::Device;
use std::ffi::OsStr;
use std::fs::read_link;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The gateway's interfaces.
pub(super) const SIDES: [&str; 2] = ["lan", "wan"];
/// How long others may take to make their ports.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kind of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Shared memory; the generator is the client.
    Memif,
    /// Shared memory as between a host and its guest: the gateway is the host's side (vhost-user), the
    /// generator the guest's (virtio-user).
    Vhost,
    /// Two veth pairs, packet sockets at all four ends.
    AfPacket,
    /// The gateway's taps; the generator has packet sockets on their kernel side.
    Tap,
}

impl Link {
    /// All of them, in the order of the report.
    pub(crate) const ALL: [Self; 4] = [Self::Memif, Self::Vhost, Self::AfPacket, Self::Tap];

    /// As scenarios are called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memif => "memif",
            Self::Vhost => "vhost",
            Self::AfPacket => "af_packet",
            Self::Tap => "tap",
        }
    }

    /// For the report.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Memif => "memif",
            Self::Vhost => "vhost-user and virtio-user",
            Self::AfPacket => "af_packet on veth pairs",
            Self::Tap => "taps, af_packet on their kernel side",
        }
    }

    /// The device of what is measured, on one side.
    pub(super) fn device(self, folder: &Path, side: usize) -> Result<Device> {
        let (socket, name) = (socket(folder, side), SIDES[side]);
        Ok(match self {
            Self::Memif => format!("memif:{},role=server,id={side}", socket.display()),
            Self::Vhost => format!("vdev:net_vhost{side},iface={}", socket.display()),
            Self::AfPacket => format!("af_packet:{name}0"),
            Self::Tap => format!("tap:{name}0"),
        }
        .parse()?)
    }

    /// The generator's device at the other end.
    pub(super) fn far_device(self, folder: &Path, side: usize) -> String {
        let (socket, name) = (socket(folder, side), SIDES[side]);
        match self {
            Self::Memif => format!("memif:{},role=client,id={side}", socket.display()),
            Self::Vhost => {
                format!("vdev:net_virtio_user{side},path={},queue_size=1024", socket.display())
            }
            Self::AfPacket => format!("af_packet:{name}1"),
            Self::Tap => format!("af_packet:{name}0"),
        }
    }

    /// Makes what has to be there before anybody opens a port.
    pub(super) fn prepare(self, namespace: &Namespace) -> Result<()> {
        match self {
            Self::Memif | Self::Vhost | Self::Tap => Ok(()),
            Self::AfPacket => SIDES.iter().try_for_each(|side| {
                namespace.shell(&format!(
                    "ip link add {side}0 type veth peer name {side}1 && ip link set {side}0 up && ip link set {side}1 up"
                ))
            }),
        }
    }

    /// Waits for what the generator's ports need of the other process.
    pub(super) fn wait(self, namespace: &Namespace, folder: &Path) -> Result<()> {
        let is_there = |side: usize| match self {
            Self::Memif | Self::Vhost => socket(folder, side).exists(),
            Self::AfPacket => true,
            Self::Tap => namespace
                .shell(&format!("ip link show up dev {}0 | grep -q UP", SIDES[side]))
                .is_ok(),
        };
        let begin = Instant::now();
        while !(is_there(0) && is_there(1)) {
            ensure!(begin.elapsed() < PATIENCE, "the ports to measure do not appear");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Removes what a process that was killed leaves behind.
    pub(super) fn clear(folder: &Path) {
        for side in 0..SIDES.len() {
            // Only two of the links have any.
            let _ = std::fs::remove_file(socket(folder, side));
        }
    }
}

fn socket(folder: &Path, side: usize) -> PathBuf {
    folder.join(format!("{}.sock", SIDES[side]))
}

/// A network namespace of a process that only sleeps: the kernel takes it away, and the interfaces in
/// it, when that process and all that entered have ended, however this one ends.
pub(in super::super) struct Namespace {
    holder: Running,
    cores: usize,
}

impl Namespace {
    pub(in super::super) fn new(cores: usize) -> Result<Self> {
        let child = mortal("unshare")
            .args(["--net", "sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start setpriv and unshare; apt install util-linux")?;
        let mut new = Self { holder: Running(child), cores };
        let own = read_link("/proc/self/ns/net")?;
        let begin = Instant::now();
        while read_link(new.path()).ok().is_none_or(|path| path == own) {
            if let Some(status) = new.holder.0.try_wait()? {
                bail!("cannot make a network namespace ({status}); it takes root");
            }
            ensure!(begin.elapsed() < PATIENCE, "no network namespace after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        // Nobody but the generator is to send.
        new.shell("ip link set lo up; for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done")?;
        Ok(new)
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.0.id())
    }

    /// A command in here, which may run on all cores, and ends when this program does.
    pub(in super::super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = mortal("nsenter");
        command.arg(format!("--net={}", self.path()));
        let inner = on_all_cores(self.cores, program);
        command.arg(inner.get_program()).args(inner.get_args());
        command
    }

    fn shell(&self, script: &str) -> Result<()> {
        let output = self.command("sh").args(["-c", script]).output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{script}`: {}", error.trim());
        Ok(())
    }
}

/// A command that the kernel kills when this program ends.
fn mortal(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}
