//! Building blocks of the end-to-end and differential tests.
//!
//! Owns the laboratory: network namespaces, veth pairs and a router between two hosts, where the
//! router is either the Linux kernel (the oracle) or Sluice. Everything a test makes bears the
//! test's process id in its name and goes away with it.
//!
//! ```text
//!   client                      router                       server
//!   10.1.0.2/16   eth0 ───── lan0      wan0 ───── eth0   192.168.1.9/24
//!   fd00:1::2/64         10.1.0.1      192.168.1.146     fd00:2::9/64
//!                       fd00:1::1      fd00:2::1
//! ```

pub mod differential;
pub mod duel;
pub mod frame;
pub mod ftp;
pub mod gateway;
pub mod http;
pub mod kernel;
pub mod kube;
pub mod namespace;
pub mod numbers;
pub mod process;
pub mod router;
pub mod timeouts;
pub mod tools;
pub mod topology;
pub mod wire;

use std::time::{Duration, Instant};

pub use namespace::Namespace;
pub use router::{Kind, Router};
pub use topology::Topology;

/// Asks `condition` every 50 ms until it holds; whether it did within `limit`.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Declares one test per router for each scenario function: the kernel, which shows that the
/// scenario itself is right, and Sluice with one and with two workers.
#[macro_export]
macro_rules! on_every_router {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn kernel() {
                super::$scenario($crate::Kind::Kernel);
            }
            #[test]
            fn sluice_1_worker() {
                super::$scenario($crate::Kind::Sluice { workers: 1 });
            }
            #[test]
            fn sluice_2_workers() {
                super::$scenario($crate::Kind::Sluice { workers: 2 });
            }
        }
    )+};
}

/// Declares the tests of scenarios that only Sluice can play, with one and with two workers.
#[macro_export]
macro_rules! on_sluice {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[test]
            fn sluice_1_worker() {
                super::$scenario(1);
            }
            #[test]
            fn sluice_2_workers() {
                super::$scenario(2);
            }
        }
    )+};
}
