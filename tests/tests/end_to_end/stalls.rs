//! Owns the test of a worker that stalls: it is seen and said, the rest goes on, and its return is said too.

use std::fs;
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use sluice_tests::gateway::Gateway;
use sluice_tests::router::Setup;
use sluice_tests::{Topology, eventually};

use crate::MASQUERADE;

/// The thread of that name.
fn thread(process: Pid, name: &str) -> Pid {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let named = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    let task = tasks.flatten().find(named).unwrap_or_else(|| panic!("no thread {name}"));
    Pid::from_raw(task.file_name().to_str().unwrap().parse().unwrap())
}

/// As a debugger stops it: the one thread only, for as long as it is held.
#[test]
fn a_stalled_worker_is_said() {
    let net = Topology::new();
    let gateway = Gateway::start(&net.router, net.scratch(), &Setup::new(MASQUERADE), 2);
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
    let healthy = |worker: usize| gateway.stats()["workers"][worker]["healthy"] == true;
    assert!(healthy(0) && healthy(1) && !gateway.said().contains("stalled"));

    let worker = thread(gateway.pid(), "worker-1");
    ptrace::seize(worker, ptrace::Options::empty()).unwrap();
    ptrace::interrupt(worker).unwrap();
    waitpid(worker, Some(WaitPidFlag::__WALL)).unwrap();
    let said = || gateway.said().contains("worker 1 on core") && !healthy(1);
    assert!(eventually(Duration::from_secs(10), said), "{}", gateway.said());
    assert!(healthy(0), "{:#}", gateway.stats());
    let line = gateway.said();
    assert!(line.contains("is stalled: no turn finished for"), "{line}");
    assert!(gateway.must("stats").contains("STALLED"));
    // The API does not wait for it.
    gateway.must("ip route");

    ptrace::detach(worker, None).unwrap();
    let again =
        || gateway.said().contains("worker 1 on core") && gateway.said().contains("runs again");
    assert!(eventually(Duration::from_secs(5), || again() && healthy(1)), "{}", gateway.said());
    assert_eq!(gateway.said().matches("is stalled").count(), 1, "{}", gateway.said());
    net.client.must("ping -c 2 -i 0.2 -W 2 192.168.1.9");
}
