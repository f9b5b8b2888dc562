//! Cycles per packet of receiving from a null port and sending to it again: driver, pool and this
//! crate's queues, no work on the packet. `cargo bench -p dpdk`.
//!
//! The registered and the unregistered thread, and the C inlines, run in alternation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measuring tool")]

use dpdk::{
    BURST, Burst, Eal, EalConfig, Mempool, PoolConfig, Port, PortConfig, Queues,
    cpu::{cycles, cycles_per_second},
};
use dpdk_sys as sys;

/// Short rounds, well below a scheduler's slice, and many: the best is one that nobody interrupted.
const BURSTS: u64 = 2_000;
const ROUNDS: usize = 300;

fn main() {
    let eal = Eal::init(&EalConfig { memory_mb: 128, ..EalConfig::default() }).unwrap();
    let pool = Mempool::new(&eal, &PoolConfig::new("bench", 16383)).unwrap();
    let port = eal.attach_devargs("net_null0").unwrap();
    let Queues { mut rx, mut tx } = port.start(&PortConfig::default(), &pool).unwrap();
    let mut through_queues = move || {
        let mut burst: Burst = Burst::new();
        let start = cycles();
        for _ in 0..BURSTS {
            rx[0].receive(&mut burst);
            tx[0].transmit(&mut burst);
        }
        per_packet(start)
    };
    let mut best = [f64::MAX; 3];
    for _ in 0..ROUNDS {
        best[0] = best[0].min(through_queues());
        best[1] = best[1].min(through_c(&port));
        best[2] = best[2]
            .min(std::thread::scope(|scope| scope.spawn(&mut through_queues).join().unwrap()));
    }
    println!("memory: {}; TSC {:.2} GHz", eal.memory_mode(), cycles_per_second() as f64 / 1e9);
    println!("cycles per packet, receive and transmit, best of {ROUNDS} rounds:");
    println!("  RxQueue and TxQueue            {:6.1}", best[0]);
    println!("  rte_eth_rx/tx_burst, by shim   {:6.1}", best[1]);
    println!("  unregistered thread            {:6.1}", best[2]);
}

fn per_packet(start: u64) -> f64 {
    (cycles() - start) as f64 / (BURSTS * BURST as u64) as f64
}

fn through_c(port: &Port) -> f64 {
    let mut packets = [std::ptr::null_mut(); BURST];
    let start = cycles();
    for _ in 0..BURSTS {
        // SAFETY: the port is started with queue 0 each way; a null port takes all it is given.
        unsafe {
            let count = sys::shim_eth_rx_burst(port.id(), 0, packets.as_mut_ptr(), BURST as u16);
            sys::shim_eth_tx_burst(port.id(), 0, packets.as_mut_ptr(), count);
        }
    }
    per_packet(start)
}
