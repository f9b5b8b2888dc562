//! Network namespaces that go with this program, however it ends.

use super::processes::{Running, on_all_cores};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::fs::read_link;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the kernel may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A network namespace of a process that only sleeps: the kernel takes it away, and the interfaces in
/// it, when that process and all that entered have ended, however this one ends.
pub(super) struct Namespace {
    holder: Running,
    cores: usize,
}

impl Namespace {
    pub(super) fn new(cores: usize) -> Result<Self> {
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

    /// The process whose namespace it is, as `ip link … netns` wants it.
    pub(super) fn id(&self) -> u32 {
        self.holder.0.id()
    }

    /// The namespace, for `setns(2)`.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.id())
    }

    /// A file under `/proc/net`, as it is in here.
    pub(super) fn proc_net(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/net/{file}", self.id());
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// A command in here, which may run on all cores, and ends when this program does.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = mortal("nsenter");
        command.arg(format!("--net={}", self.path()));
        let inner = on_all_cores(self.cores, program);
        command.arg(inner.get_program()).args(inner.get_args());
        command
    }

    /// Whether somebody listens at a Unix socket; asked without a connection, which the other would take
    /// for its peer's.
    pub(super) fn listens(&self, socket: &Path) -> bool {
        let (table, socket) = (self.proc_net("unix").unwrap_or_default(), socket.to_str());
        // Num, RefCount, Protocol, Flags (__SO_ACCEPTCON), Type, St, Inode, Path.
        table.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.nth(3) == Some("00010000") && words.nth(3) == socket
        })
    }

    /// Runs a script in here.
    pub(super) fn shell(&self, script: &str) -> Result<()> {
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
