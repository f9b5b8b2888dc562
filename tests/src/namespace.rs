//! Owns network namespaces: made with a unique name, deleted with everything in them on drop.

use std::fs::File;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::process::{self, Background, Output};

const PREFIX: &str = "sluicetest";
const DIRECTORY: &str = "/run/netns";

/// A network namespace of this test; its name bears the process id.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace with loopback up and IPv6 addresses usable at once.
    ///
    /// # Panics
    /// Without root, saying so.
    pub fn new(role: &str) -> Self {
        static LEFTOVERS: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(
            geteuid().is_root(),
            "this test makes network namespaces and must run as root: use `make test`"
        );
        LEFTOVERS.call_once(delete_leftovers);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}-{}-{number}-{role}", std::process::id());
        process::must(&[], &format!("ip netns add {name}"));
        let namespace = Self { name };
        namespace.must(
            "ip link set lo up
             sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
                 net.ipv6.conf.default.router_solicitations=0",
        );
        namespace
    }

    /// The name `ip netns` knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a shell script inside.
    pub fn shell(&self, script: &str) -> Output {
        process::shell(&["ip", "netns", "exec", &self.name], script)
    }

    /// Runs a shell script inside that must succeed; its standard output.
    pub fn must(&self, script: &str) -> String {
        process::must(&["ip", "netns", "exec", &self.name], script)
    }

    /// Starts a program inside that runs until dropped.
    pub fn start(&self, words: &[&str], log: &Path) -> Background {
        let mut all = vec!["ip", "netns", "exec", self.name.as_str()];
        all.extend(words);
        Background::start(&all, log)
    }

    /// Calls `action` on a thread that lives inside: the sockets it opens belong to the namespace,
    /// and so do the threads it starts.
    pub fn enter<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let handle = File::open(format!("{DIRECTORY}/{}", self.name)).expect("namespace is gone");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&handle, CloneFlags::CLONE_NEWNET).expect("cannot enter the namespace");
                action()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

/// Ends what still runs inside the namespace, then deletes it, its devices with it.
fn delete(name: &str) {
    let inside = process::shell(&[], &format!("ip netns pids {name}")).stdout;
    let own = std::process::id().cast_signed();
    for pid in inside.lines().filter_map(|line| line.trim().parse::<i32>().ok()) {
        // A thread of this very process may be inside (`enter`); it ends by itself.
        if pid != own {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    process::shell(&[], &format!("ip netns delete {name}"));
}

/// Deletes the namespaces of test processes that died before they could.
fn delete_leftovers() {
    let Ok(entries) = std::fs::read_dir(DIRECTORY) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        if parts.next() != Some(PREFIX) {
            continue;
        }
        let alive = parts.next().is_some_and(|pid| Path::new("/proc").join(pid).exists());
        if !alive {
            delete(&name);
        }
    }
}
