//! A panic ends the gateway: a router that has lost a worker drops a part of the traffic in silence, and a
//! service manager starts a new one within a second.

use std::panic::PanicHookInfo;
use std::thread;

/// Has a panic on any thread end the process with exit code 1, after the panic's own message and a plain line.
pub(super) fn end_on_panic() {
    let message = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        message(info);
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        eprintln!(
            "sluice: thread {name} has panicked, which is a defect: the gateway ends, and its connections are \
             lost; systemd starts it again (Restart=on-failure)"
        );
        std::process::exit(1);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const CHILD: &str = "SLUICE_TEST_PANICS";

    /// The test runs itself once more as a process of its own, which panics on a thread named like a worker
    /// while its main thread waits for ever.
    #[test]
    fn a_panic_of_a_worker_ends_the_process() {
        if std::env::var_os(CHILD).is_some() {
            end_on_panic();
            let worker = thread::Builder::new().name("worker-1".into());
            drop(worker.spawn(|| panic!("out of cheese")).unwrap());
            loop {
                thread::park();
            }
        }
        let name = "run::fatal::tests::a_panic_of_a_worker_ends_the_process";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), Some(1), "{said}");
        assert!(said.contains("out of cheese") && said.contains("thread worker-1"), "{said}");
    }
}
