//! A callback on a queue, as packet capture installs one, sees every packet; without it the bursts
//! go straight to the driver.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{
    ffi::c_void,
    sync::atomic::{AtomicU64, Ordering},
};

use dpdk::{Burst, Eal, EalConfig, Mempool, PoolConfig, PortConfig, Queues};
use dpdk_sys as sys;

static RECEIVED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" fn on_receive(
    _port: u16,
    _queue: u16,
    _packets: *mut *mut sys::rte_mbuf,
    count: u16,
    _room: u16,
    _user: *mut c_void,
) -> u16 {
    RECEIVED.fetch_add(count.into(), Ordering::Relaxed);
    count
}

unsafe extern "C" fn on_transmit(
    _port: u16,
    _queue: u16,
    _packets: *mut *mut sys::rte_mbuf,
    count: u16,
    _user: *mut c_void,
) -> u16 {
    SENT.fetch_add(count.into(), Ordering::Relaxed);
    count
}

#[test]
fn callbacks_see_every_packet_while_installed() {
    let eal = Eal::init(&EalConfig { memory_mb: 64, ..EalConfig::default() }).unwrap();
    let pool = Mempool::new(&eal, &PoolConfig::new("callbacks", 1023)).unwrap();
    let port = eal.attach_devargs("net_null0").unwrap();
    let Queues { mut rx, mut tx } = port.start(&PortConfig::default(), &pool).unwrap();
    let mut pass = || {
        let mut burst: Burst = Burst::new();
        assert_eq!(rx[0].receive(&mut burst), 32);
        assert_eq!(tx[0].transmit(&mut burst), 32);
        (RECEIVED.load(Ordering::Relaxed), SENT.load(Ordering::Relaxed))
    };
    assert_eq!(pass(), (0, 0));
    let (id, null) = (port.id(), std::ptr::null_mut());
    // SAFETY: the port is started with queue 0; the callbacks are static and take no user data.
    let (receive, transmit) = unsafe {
        (
            sys::rte_eth_add_rx_callback(id, 0, Some(on_receive), null),
            sys::rte_eth_add_tx_callback(id, 0, Some(on_transmit), null),
        )
    };
    assert!(!receive.is_null() && !transmit.is_null());
    assert_eq!((pass(), pass()), ((32, 32), (64, 64)));
    // SAFETY: both are installed there, and no burst runs meanwhile.
    unsafe {
        assert_eq!(sys::rte_eth_remove_rx_callback(id, 0, receive), 0);
        assert_eq!(sys::rte_eth_remove_tx_callback(id, 0, transmit), 0);
    }
    assert_eq!(pass(), (64, 64));
    drop((rx, tx));
    assert_eq!(pool.in_use(), 0);
}
