//! Ports on the kernel's interfaces: af_packet on a veth pair, and TAP answered by the kernel's own
//! stack, inside a network namespace that the test makes. Needs CAP_NET_ADMIN and CAP_NET_RAW.
//!
//! One test, since a process has one EAL and EAL's threads keep the namespace they started in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use dpdk::{
    Burst, Device, Eal, EalConfig, Error, MacAddress, Mbuf, Mempool, PoolConfig, Port, PortConfig,
    Queues, RxQueue, Shape,
};

fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

fn config() -> PortConfig {
    PortConfig { rx_descriptors: 64, tx_descriptors: 64, ..PortConfig::default() }
}

fn attach(eal: &Eal, device: &str, shape: &Shape) -> Port {
    eal.attach(&device.parse::<Device>().unwrap(), "test", shape).unwrap()
}

/// Receives until a packet satisfies `wanted`, for at most five seconds.
fn receive(rx: &mut [RxQueue], wanted: impl Fn(&Mbuf) -> bool) -> Option<Mbuf> {
    let end = Instant::now() + Duration::from_secs(5);
    let mut burst: Burst = Burst::new();
    while Instant::now() < end {
        for queue in &mut *rx {
            queue.receive(&mut burst);
        }
        if let Some(mbuf) = burst.drain().find(&wanted) {
            return Some(mbuf);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// An Ethernet frame of the local experimental type (IEEE 802), told apart by its last byte.
fn experiment(length: usize, mark: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
    frame.resize(length, mark);
    frame
}

#[test]
fn ports_on_kernel_interfaces() {
    // SAFETY: changes the namespace of this thread only, before it starts any other.
    let code = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(code, 0, "this test makes a network namespace: run it as root");
    run("ip link set lo up; ip link add lan0 type veth peer name host0; \
         ip link add lan1 type veth peer name host1; \
         ip link set lan1 mtu 9000; ip link set host1 mtu 9000; \
         for i in lan0 host0 lan1 host1; do ip link set $i up; done");
    let eal = Eal::init(&EalConfig { memory_mb: 64, ..EalConfig::default() }).unwrap();
    let pool = Mempool::new(&eal, &PoolConfig::new("kernel", 2047)).unwrap();
    af_packet(&eal, &pool);
    missed(&eal, &pool);
    several_queues(&eal, &pool);
    jumbo_frames(&eal);
    tap(&eal, &pool);
    taken_name(&eal);
    assert_eq!(pool.in_use(), 0, "every packet is back");
}

fn af_packet(eal: &Eal, pool: &Mempool) {
    let (near, far) = ("af_packet:lan0", "af_packet:host0");
    let (near, far) = (attach(eal, near, &Shape::default()), attach(eal, far, &Shape::default()));
    assert_eq!(near.info().unwrap().driver, "net_af_packet");
    let mut sender = near.start(&config(), pool).unwrap();
    let mut receiver = far.start(&PortConfig { promiscuous: true, ..config() }, pool).unwrap();
    assert!(far.promiscuous().unwrap() && far.link().unwrap().up);
    let mut burst: Burst = Burst::new();
    burst.push(pool.alloc_copy(&experiment(1514, 7)).unwrap()).unwrap();
    assert_eq!(sender.tx[0].transmit(&mut burst), 1);
    let got = receive(&mut receiver.rx, |mbuf| mbuf.data().ends_with(&[7])).expect("it arrives");
    assert_eq!(got.data(), experiment(1514, 7));
    assert!(near.stats().unwrap().tx_packets >= 1);

    near.set_mac(MacAddress([2, 0, 0, 0, 0, 0x42])).unwrap();
    assert_eq!(near.mac().unwrap().to_string(), "02:00:00:00:00:42");
    run("ip link show lan0 | grep -q 02:00:00:00:00:42");
    near.set_mtu(1400).unwrap();
    assert_eq!(near.mtu().unwrap(), 1400);
    run("ip link show lan0 | grep -q 'mtu 1400'");
    near.set_mtu(1500).unwrap();
    let error = near.set_mtu(9000).unwrap_err();
    assert!(matches!(error, Error::Mtu { asked: 9000, most: 1964, .. }), "{error}");
}

/// What nobody fetches overruns the kernel's ring, and is counted once.
fn missed(eal: &Eal, pool: &Mempool) {
    let [near, far] =
        ["af_packet:lan0", "af_packet:host0"].map(|device| attach(eal, device, &Shape::default()));
    let mut sender = near.start(&config(), pool).unwrap();
    let _receiver = far.start(&config(), pool).unwrap();
    let mut sent = 0;
    while sent < 6000 {
        let mut burst: Burst = Burst::new();
        while let Ok(()) = burst.push(pool.alloc_copy(&experiment(60, 1)).unwrap()) {}
        sent += sender.tx[0].transmit(&mut burst) as u64;
    }
    let stats = far.stats().unwrap();
    assert_eq!(stats.rx_packets, 0);
    assert!((1..=sent - 4000).contains(&stats.rx_missed), "{stats:?} of {sent}");
    assert_eq!(far.stats().unwrap().rx_missed, stats.rx_missed, "counts stay");
    assert_eq!(near.stats().unwrap().tx_dropped, 0);
    far.reset_stats().unwrap();
    assert_eq!(far.stats().unwrap().rx_missed, 0);
}

fn several_queues(eal: &Eal, pool: &Mempool) {
    let shape = Shape { queues: 2, ..Shape::default() };
    let (near, far) =
        (attach(eal, "af_packet:lan0", &shape), attach(eal, "af_packet:host0", &shape));
    let two = PortConfig { rx_queues: 2, tx_queues: 2, ..config() };
    let (mut sender, mut receiver) =
        (near.start(&two, pool).unwrap(), far.start(&two, pool).unwrap());
    for (number, queue) in sender.tx.iter_mut().enumerate() {
        let mark = 20 + number as u8;
        let mut burst: Burst = Burst::new();
        burst.push(pool.alloc_copy(&experiment(60, mark)).unwrap()).unwrap();
        assert_eq!(queue.transmit(&mut burst), 1);
        assert!(receive(&mut receiver.rx, |mbuf| mbuf.data().ends_with(&[mark])).is_some());
    }
    assert_eq!(far.stats().unwrap().queues.len(), 2);
}

fn jumbo_frames(eal: &Eal) {
    let data_room = 9216 + dpdk::HEADROOM;
    let shape = Shape { mtu: 9000, data_room, ..Shape::default() };
    let pool = PoolConfig { data_room, ..PoolConfig::new("jumbo", 511) };
    let pool = Mempool::new(eal, &pool).unwrap();
    let jumbo = PortConfig { mtu: Some(9000), ..config() };
    let (near, far) =
        (attach(eal, "af_packet:lan1", &shape), attach(eal, "af_packet:host1", &shape));
    let (mut sender, mut receiver) =
        (near.start(&jumbo, &pool).unwrap(), far.start(&jumbo, &pool).unwrap());
    let mut burst: Burst = Burst::new();
    burst.push(pool.alloc_copy(&experiment(9014, 3)).unwrap()).unwrap();
    assert_eq!(sender.tx[0].transmit(&mut burst), 1);
    let got = receive(&mut receiver.rx, |mbuf| mbuf.data().ends_with(&[3])).expect("it arrives");
    assert_eq!(got.len(), 9014);
    assert_eq!(near.mtu().unwrap(), 9000);
}

/// The kernel's stack behind a TAP port answers ARP for the address it was given.
fn tap(eal: &Eal, pool: &Mempool) {
    let mac = MacAddress([2, 0, 0, 0, 1, 1]);
    let shape = Shape { mac: Some(mac), ..Shape::default() };
    let port = attach(eal, "tap:twin0", &shape);
    let two = PortConfig { rx_queues: 2, tx_queues: 2, ..config() };
    let Queues { mut rx, mut tx } = port.start(&two, pool).unwrap();
    assert_eq!(port.mac().unwrap(), mac);
    run("ip addr add 192.0.2.1/24 dev twin0 && ip link set twin0 up");
    let mut request = vec![0xff; 6];
    let from = [2, 0, 0, 0, 0, 9];
    request.extend(from);
    request.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    request.extend(from);
    request.extend([192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]);
    let mut burst: Burst = Burst::new();
    burst.push(pool.alloc_copy(&request).unwrap()).unwrap();
    assert_eq!(tx[1].transmit(&mut burst), 1);
    let arp_reply = |mbuf: &Mbuf| mbuf.data().get(12..22) == Some(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 2]);
    let reply = receive(&mut rx, arp_reply).expect("the kernel answers");
    assert_eq!(reply.data()[28..32], [192, 0, 2, 1]);
    drop((reply, rx, tx, port));
    run("! ip link show twin0 2>/dev/null");
}

fn taken_name(eal: &Eal) {
    let device: Device = "af_packet:lan0".parse().unwrap();
    let _port = eal.attach(&device, "a", &Shape::default()).unwrap();
    let error = eal.attach(&device, "b", &Shape::default()).unwrap_err();
    assert!(matches!(&error, Error::Busy { device, .. } if device == "af_packet:lan0"), "{error}");
}
