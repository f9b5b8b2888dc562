//! Ports, queues, pools and packets on DPDK's virtual devices: no network card, one EAL a process.
//!
//! The EAL is shared, since it starts once; every test has a pool and devices of its own, so that
//! they run in parallel threads (`cargo test`) as well as in processes (nextest).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{path::PathBuf, sync::OnceLock};

use dpdk::{
    Burst, Checksum, Device, Eal, EalConfig, Error, Mempool, PoolConfig, Port, PortConfig, Queues,
    Shape, spawn_worker,
};

fn eal() -> &'static Eal {
    static EAL: OnceLock<Eal> = OnceLock::new();
    EAL.get_or_init(|| {
        // Small, so that many processes at once fit on a small machine.
        let config = EalConfig { memory_mb: 64, ..EalConfig::default() };
        Eal::init(&config).expect("EAL starts")
    })
}

fn pool(name: &str) -> Mempool {
    let config = PoolConfig { cache: 32, ..PoolConfig::new(name, 1023) };
    Mempool::new(eal(), &config).unwrap()
}

fn short_rings() -> PortConfig {
    PortConfig { rx_descriptors: 64, tx_descriptors: 64, ..PortConfig::default() }
}

fn open(devargs: &str) -> Port {
    eal().attach_devargs(devargs).unwrap()
}

/// A frame that tells its number.
fn frame(number: u16) -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    frame.extend(number.to_be_bytes());
    frame.resize(60, number as u8);
    frame
}

fn burst_of(pool: &Mempool, numbers: std::ops::Range<u16>) -> Burst {
    let mut burst = Burst::new();
    for number in numbers {
        burst.push(pool.alloc_copy(&frame(number)).unwrap()).unwrap();
    }
    burst
}

#[test]
fn a_second_eal_is_refused() {
    eal();
    assert_eq!(Eal::init(&EalConfig::default()).unwrap_err(), Error::AlreadyInitialised);
}

#[test]
fn buffers_lie_an_odd_number_of_cache_lines_apart() {
    for room in [2048 + 128, 2112 + 128, 9216 + 128] {
        let config = PoolConfig {
            data_room: room,
            cache: 0,
            ..PoolConfig::new(format!("stride{room}"), 15)
        };
        let pool = Mempool::new(eal(), &config).unwrap();
        assert_eq!(pool.stride() % 64, 0);
        assert_eq!(pool.stride() / 64 % 2, 1, "room {room}: stride {}", pool.stride());
    }
}

#[test]
fn a_packet_grows_and_shrinks_within_its_buffer() {
    let pool = pool("grow");
    let mut mbuf = pool.alloc_copy(b"payload").unwrap();
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (128, 2048 - 7));
    mbuf.prepend(2).unwrap().copy_from_slice(b"> ");
    mbuf.append(2).unwrap().copy_from_slice(b" <");
    assert_eq!(mbuf.data(), b"> payload <");
    assert!(mbuf.trim_front(2) && mbuf.trim_back(2));
    assert_eq!((mbuf.data(), mbuf.len()), (&b"payload"[..], 7));
    assert!(mbuf.prepend(129).is_none() && mbuf.append(2042).is_none());
    assert!(!mbuf.trim_front(8) && !mbuf.trim_back(8));
    assert_eq!((mbuf.data(), mbuf.headroom()), (&b"payload"[..], 128));
    assert_eq!((mbuf.ip_checksum(), mbuf.rss_hash()), (Checksum::Unknown, None));
    for (ip, l4) in [
        (Checksum::Good, Checksum::Bad),
        (Checksum::Absent, Checksum::Good),
        (Checksum::Unknown, Checksum::Unknown),
    ] {
        mbuf.set_rx_checksums(ip, l4);
        assert_eq!((mbuf.ip_checksum(), mbuf.l4_checksum()), (ip, l4));
    }
}

#[test]
fn a_chain_becomes_one_segment() {
    let pool = pool("chain");
    let mut head = pool.alloc_copy(b"one, ").unwrap();
    head.chain(pool.alloc_copy(b"two").unwrap()).unwrap();
    assert_eq!((head.segments(), head.len(), head.tailroom()), (2, 8, 0));
    assert!(!head.trim_back(1) && head.append(1).is_none());
    assert!(head.linearise());
    assert_eq!((head.is_contiguous(), head.data()), (true, &b"one, two"[..]));
    drop(head);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn an_exhausted_pool_says_so_and_recovers() {
    let config = PoolConfig { cache: 0, ..PoolConfig::new("small", 31) };
    let pool = Mempool::new(eal(), &config).unwrap();
    let mut burst: Burst = Burst::new();
    assert!(!pool.alloc_burst(&mut burst, 32), "more than there are");
    assert!(pool.alloc_burst(&mut burst, 31));
    assert!(pool.alloc().is_none());
    assert_eq!((burst.len(), pool.available(), pool.in_use()), (31, 0, 31));
    drop(burst);
    assert_eq!((pool.available(), pool.in_use()), (31, 0));
}

#[test]
fn a_burst_frees_each_packet_once() {
    let pool = pool("burst");
    let mut burst = burst_of(&pool, 0..32);
    let extra = pool.alloc().unwrap();
    assert!(burst.is_full() && burst.push(extra).is_err());
    assert_eq!((burst[0].data(), burst[31].data()), (&frame(0)[..], &frame(31)[..]));
    assert_eq!(pool.in_use(), 32);
    assert_eq!(burst.drain().take(10).count(), 10);
    assert!(burst.is_empty());
    assert_eq!(pool.in_use(), 0, "what a drain did not give out is freed too");
}

#[test]
fn a_pool_dropped_before_its_packets_stays_valid() {
    let pool = pool("early");
    let mbuf = pool.alloc_copy(b"still here").unwrap();
    drop(pool);
    assert_eq!(mbuf.data(), b"still here");
}

#[test]
fn pools_of_one_name_are_refused() {
    let _pool = pool("twice");
    let error = Mempool::new(eal(), &PoolConfig::new("twice", 31)).unwrap_err().to_string();
    assert!(error.contains("`twice`") && error.contains("File exists"), "{error}");
}

#[test]
fn a_ring_gives_back_what_it_took() {
    let pool = pool("ring");
    let port = open("net_ring_loop");
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let mut burst = burst_of(&pool, 0..32);
    assert_eq!(tx[0].transmit(&mut burst), 32);
    assert!(burst.is_empty());
    assert_eq!(rx[0].receive(&mut burst), 32);
    for (number, mbuf) in burst.iter().enumerate() {
        assert_eq!(mbuf.data(), frame(number as u16));
    }
    assert_eq!(rx[0].receive(&mut burst), 0, "a full burst takes no more");
    let stats = port.stats().unwrap();
    assert_eq!((stats.rx_packets, stats.tx_packets), (32, 32));
    assert_eq!((stats.queues[0].rx_packets, stats.queues[0].tx_packets), (32, 32));
    port.reset_stats().unwrap();
    assert_eq!(port.stats().unwrap().rx_packets, 0);
    drop(burst);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn a_full_ring_leaves_the_rest_in_order() {
    let pool = Mempool::new(eal(), &PoolConfig { cache: 0, ..PoolConfig::new("full", 4095) });
    let pool = pool.unwrap();
    let port = open("net_ring_full");
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let mut sent = 0u16;
    let mut rest = loop {
        let mut burst = burst_of(&pool, sent..sent + 32);
        let count = tx[0].transmit(&mut burst);
        sent += count as u16;
        if !burst.is_empty() {
            assert_eq!(count + burst.len(), 32);
            break burst;
        }
    };
    let first = rest.drain().next().unwrap();
    assert_eq!(first.data(), frame(sent), "the first that did not fit stays first");
    drop(first);
    assert_eq!(pool.in_use(), u32::from(sent));
    let mut received = Burst::<32>::new();
    while rx[0].receive(&mut received) > 0 {
        received.clear();
    }
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn lists_are_filled_as_far_as_they_have_room_and_sent_from_the_front() {
    let pool = pool("lists");
    let port = open("net_ring_lists");
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let mut list: Vec<_> = (0..40).filter_map(|number| pool.alloc_copy(&frame(number))).collect();
    assert_eq!(tx[0].transmit_list(&mut list, 32), 32);
    assert_eq!(list.len(), 8);
    assert_eq!(list[0].data(), frame(32), "the first that was not sent is the first");
    assert_eq!(tx[0].transmit_list(&mut list, 32), 8);
    let mut received = Vec::with_capacity(24);
    let room = received.capacity();
    assert_eq!(rx[0].receive_list(&mut received), room);
    assert_eq!(rx[0].receive_list(&mut received), 0, "it is full, and does not grow");
    let numbers: Vec<_> = received.drain(..).map(|mbuf| mbuf.data().to_vec()).collect();
    assert_eq!(numbers, (0..room as u16).map(frame).collect::<Vec<_>>());
    assert_eq!(rx[0].receive_list(&mut received), 40 - room);
    drop(received);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn two_workers_pass_packets_and_lose_none() {
    const COUNT: u16 = 5000;
    let pool = pool("workers");
    let port = open("net_ring_two");
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let (mut rx, mut tx) = (rx.remove(0), tx.remove(0));
    let cores = core_ids();
    let sender_pool = pool.clone();
    let sender = spawn_worker(eal(), cores[0], "sender", move |thread| {
        assert_ne!(thread.lcore(), u32::MAX);
        let mut next = 0;
        while next < COUNT {
            let mut burst: Burst = Burst::new();
            while next < COUNT && !burst.is_full() {
                let Some(mbuf) = sender_pool.alloc_copy(&frame(next)) else { break };
                burst.push(mbuf).unwrap();
                next += 1;
            }
            while !burst.is_empty() {
                if tx.transmit(&mut burst) == 0 {
                    std::thread::yield_now();
                }
            }
        }
    });
    let receiver = spawn_worker(eal(), cores[cores.len() - 1], "receiver", move |_| {
        let (mut next, mut burst) = (0, Burst::<32>::new());
        while next < COUNT {
            if rx.receive(&mut burst) == 0 {
                std::thread::yield_now();
            }
            for mbuf in burst.drain() {
                assert_eq!(mbuf.data(), frame(next));
                next += 1;
            }
        }
        next
    });
    assert!(sender.unwrap().join().is_some());
    assert_eq!(receiver.unwrap().join(), Some(COUNT));
    assert_eq!(pool.in_use(), 0, "threads' caches count as free");
    port.stop().unwrap();
}

fn core_ids() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let number = |text: &str| text.trim().parse::<usize>().unwrap();
    list.split(',')
        .flat_map(|range| match range.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(range)..=number(range),
        })
        .collect()
}

#[test]
fn a_core_that_is_not_there_is_named() {
    let error = spawn_worker(eal(), 4000, "lost", |_| ()).unwrap_err().to_string();
    assert!(error.contains("`lost` to core 4000"), "{error}");
}

#[test]
fn a_panicking_worker_is_noticed() {
    let worker = spawn_worker(eal(), core_ids()[0], "panics", |_| panic!("as the test wants"));
    assert_eq!(worker.unwrap().join(), None::<()>);
}

#[test]
fn null_makes_and_takes_packets() {
    let pool = pool("null");
    let port = open("net_null_test,size=100");
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let mut burst: Burst = Burst::new();
    for _ in 0..100 {
        assert_eq!(rx[0].receive(&mut burst), 32);
        assert!(burst.iter().all(|mbuf| mbuf.len() == 100 && mbuf.port() == port.id()));
        assert_eq!(tx[0].transmit(&mut burst), 32);
    }
    assert_eq!(port.stats().unwrap().tx_packets, 3200);
    assert_eq!(pool.in_use(), 0);
}

#[test]
fn a_port_stops_without_queues_only_and_starts_again() {
    let pool = pool("stop");
    let port = open("net_null_stop");
    let queues = port.start(&short_rings(), &pool).unwrap();
    assert!(matches!(port.start(&short_rings(), &pool), Err(Error::Started { .. })));
    assert!(matches!(port.stop(), Err(Error::Started { .. })));
    drop(queues);
    port.stop().unwrap();
    let Queues { mut rx, .. } = port.start(&short_rings(), &pool).unwrap();
    assert_eq!(rx[0].receive(&mut Burst::<8>::new()), 8);
}

#[test]
fn a_closed_device_can_be_opened_again() {
    let pool = pool("reopen");
    for _ in 0..3 {
        let port = open("net_null_reopen");
        let error = eal().attach_devargs("net_null_reopen").unwrap_err();
        assert!(matches!(&error, Error::Busy { port, .. } if port == "net_null_reopen"), "{error}");
        let Queues { mut rx, tx } = port.start(&short_rings(), &pool).unwrap();
        drop((port, tx));
        assert_eq!(rx[0].receive(&mut Burst::<32>::new()), 32, "the queue keeps its port");
    }
}

#[test]
fn too_many_queues_are_refused_with_the_number_there_is() {
    let port = open("net_ring_queues");
    let config = PortConfig { rx_queues: 9999, ..short_rings() };
    let error = port.start(&config, &pool("queues")).unwrap_err();
    let most = port.info().unwrap().max_rx_queues;
    assert!(matches!(error, Error::Queues { asked: 9999, most: m, .. } if m == most), "{error}");
}

#[test]
fn missing_devices_are_named() {
    let text = |error: Error| error.to_string();
    let attach = |device: &str| {
        let device: Device = device.parse().unwrap();
        text(eal().attach(&device, "missing", &Shape::default()).unwrap_err())
    };
    let error = attach("af_packet:nosuch0");
    assert!(error.contains("`af_packet:nosuch0`") && error.contains("`nosuch0`"), "{error}");
    let error = attach("pcap:/nonexistent/in.pcap,");
    assert!(error.contains("`/nonexistent/in.pcap`: No such file"), "{error}");
    let error = attach("vdev:net_nosuchdriver0");
    assert!(error.contains("`vdev:net_nosuchdriver0` could not be opened"), "{error}");
}

/// A capture file: microseconds, Ethernet, in the machine's byte order.
fn pcap_file(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4u32.to_ne_bytes());
    file.extend(2u16.to_ne_bytes());
    file.extend(4u16.to_ne_bytes());
    for word in [0u32, 0, 65535, 1] {
        file.extend(word.to_ne_bytes());
    }
    for (number, frame) in frames.iter().enumerate() {
        for word in [number as u32, 0, frame.len() as u32, frame.len() as u32] {
            file.extend(word.to_ne_bytes());
        }
        file.extend(frame);
    }
    file
}

/// The frames of such a file.
fn pcap_frames(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), &file[24..]);
    while let Some((header, body)) = rest.split_at_checked(16) {
        let length = u32::from_ne_bytes(header[8..12].try_into().unwrap()) as usize;
        frames.push(body[..length].to_vec());
        rest = &body[length..];
    }
    frames
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sluice-dpdk-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_capture_is_read_and_written() {
    let folder = Folder::new("capture");
    let (input, output) = (folder.file("in.pcap"), folder.file("out.pcap"));
    let frames: Vec<Vec<u8>> = (0..50).map(frame).collect();
    std::fs::write(&input, pcap_file(&frames)).unwrap();
    let device: Device = format!("pcap:{input},{output}").parse().unwrap();
    let pool = pool("capture");
    let port = eal().attach(&device, "capture", &Shape::default()).unwrap();
    let Queues { mut rx, mut tx } = port.start(&short_rings(), &pool).unwrap();
    let mut burst: Burst = Burst::new();
    while rx[0].receive(&mut burst) > 0 {
        tx[0].transmit(&mut burst);
        assert!(burst.is_empty());
    }
    let stats = port.stats().unwrap();
    assert_eq!((stats.rx_packets, stats.tx_packets), (50, 50));
    drop((port, rx, tx));
    assert_eq!(pool.in_use(), 0);
    assert_eq!(pcap_frames(&std::fs::read(&output).unwrap()), frames);
}

#[test]
fn an_infinite_capture_starts_over() {
    let folder = Folder::new("infinite");
    let input = folder.file("in.pcap");
    std::fs::write(&input, pcap_file(&[frame(0), frame(1), frame(2)])).unwrap();
    let device: Device = format!("pcap:{input},,infinite").parse().unwrap();
    let pool = pool("infinite");
    let port = eal().attach(&device, "infinite", &Shape::default()).unwrap();
    let Queues { mut rx, tx } = port.start(&short_rings(), &pool).unwrap();
    let mut numbers = Vec::new();
    let mut burst = Burst::<3>::new();
    while numbers.len() < 9 {
        rx[0].receive(&mut burst);
        numbers.extend(burst.drain().map(|mbuf| mbuf.data()[15]));
    }
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    drop((port, rx, tx, burst));
    assert_eq!(pool.in_use(), 0);
}
