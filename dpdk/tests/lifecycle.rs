//! From the start of EAL to its cleanup, with and without huge pages: in a process of its own each,
//! since EAL starts once. The test runs itself again for that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::process::Command;

use dpdk::{Burst, Eal, EalConfig, Error, MemoryMode, Mempool, PoolConfig, PortConfig, Queues};

const PART: &str = "SLUICE_TEST_PART";

/// Runs `part` of this very test in a process of its own, and returns what that says.
fn in_process(test: &str, part: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PART, part)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {:?}\n{text}", output.status);
    text.into_owned()
}

#[test]
fn without_huge_pages_it_starts_by_itself_and_says_so() {
    if std::env::var_os(PART).is_none() {
        let said = in_process("without_huge_pages_it_starts_by_itself_and_says_so", "no huge");
        assert!(said.contains("no huge pages: running on 64 MB of ordinary pages"), "{said}");
        return;
    }
    let eal = Eal::init(&EalConfig { memory_mb: 64, no_huge: true, ..EalConfig::default() });
    let eal = eal.unwrap();
    assert_eq!(eal.memory_mode(), MemoryMode::NoHuge { megabytes: 64 });
    println!("{}", eal.memory_mode());
    traffic_then_cleanup(eal);
}

#[test]
fn more_than_the_free_huge_pages_falls_back_by_itself() {
    if std::env::var_os(PART).is_none() {
        in_process("more_than_the_free_huge_pages_falls_back_by_itself", "fall back");
        return;
    }
    let pages = dpdk::hugepages::huge_pages();
    let total: u64 = pages.iter().map(|pages| pages.size * pages.total).sum();
    let megabytes = u32::try_from(total >> 20).unwrap() + 64;
    let eal = Eal::init(&EalConfig { memory_mb: megabytes, ..EalConfig::default() }).unwrap();
    assert_eq!(eal.memory_mode(), MemoryMode::NoHuge { megabytes });
    traffic_then_cleanup(eal);
}

#[test]
fn more_than_there_is_leaves_eal_to_be_started() {
    if std::env::var_os(PART).is_none() {
        in_process("more_than_there_is_leaves_eal_to_be_started", "too much");
        return;
    }
    let error = Eal::init(&EalConfig { memory_mb: u32::MAX, ..EalConfig::default() }).unwrap_err();
    assert!(matches!(&error, Error::Memory { wanted: u32::MAX, .. }), "{error}");
    traffic_then_cleanup(Eal::init(&EalConfig { memory_mb: 64, ..EalConfig::default() }).unwrap());
}

#[test]
fn everything_is_given_back_in_any_order() {
    if std::env::var_os(PART).is_none() {
        in_process("everything_is_given_back_in_any_order", "order");
        return;
    }
    let config = EalConfig {
        memory_mb: 64,
        vdevs: vec!["net_null_first,size=64".into()],
        ..EalConfig::default()
    };
    let eal = Eal::init(&config).unwrap();
    traffic_then_cleanup(eal);
    assert_eq!(Eal::init(&config).unwrap_err(), Error::AlreadyInitialised);
}

#[test]
fn a_device_that_fails_at_the_start_is_named() {
    if std::env::var_os(PART).is_none() {
        in_process("a_device_that_fails_at_the_start_is_named", "vdev");
        return;
    }
    let config = EalConfig {
        memory_mb: 64,
        vdevs: vec!["net_af_packet0,iface=nosuch0".into()],
        ..EalConfig::default()
    };
    let error = Eal::init(&config).unwrap_err().to_string();
    assert!(error.contains("`net_af_packet0,iface=nosuch0`"), "{error}");
}

/// The handles go in the worst order: EAL's first, a queue's and a packet's last.
fn traffic_then_cleanup(eal: Eal) {
    let pool = PoolConfig { cache: 32, ..PoolConfig::new("cleanup", 1023) };
    let pool = Mempool::new(&eal, &pool).unwrap();
    let port = eal.attach_devargs("net_null_first,size=64").unwrap();
    let config = PortConfig { rx_descriptors: 64, tx_descriptors: 64, ..PortConfig::default() };
    let Queues { mut rx, tx } = port.start(&config, &pool).unwrap();
    drop((eal, pool, tx, port));
    let mut burst = Burst::<8>::new();
    assert_eq!(rx[0].receive(&mut burst), 8);
    assert!(burst.iter().all(|mbuf| mbuf.len() == 64));
    drop(burst);
    drop(rx);
}
