//! A million elements: restored from text, looked up, and what they take. `cargo bench -p sluice-control --bench sets`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measuring tool")]

use sluice_control::sets::{SharedSets, run};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::sets::{Direction, Directions, MatchOptions, Query, SetRef};
use sluice_dataplane::time::Instant;
use std::fmt::Write;
use std::hint::black_box;
use std::net::Ipv4Addr;

const COUNT: u32 = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    for kind in ["hash:ip", "hash:net", "hash:ip timeout 0 counters"] {
        measure(kind);
    }
}

/// Addresses all over the upper half; the same index in the lower half is in no set.
fn address(index: u32) -> u32 {
    index.wrapping_mul(2_654_435_761) | 1 << 31
}

fn measure(kind: &str) {
    let mut text = format!("create a {kind} maxelem 2000000\n");
    for index in 0..COUNT {
        let _ = writeln!(text, "add a {}", Ipv4Addr::from(address(index)));
    }
    let sets = SharedSets::default();
    let restore = ["-exist".to_owned(), "restore".to_owned()];
    let began = std::time::Instant::now();
    let answer = run(&sets, &restore, &text, Instant(5));
    let loaded = began.elapsed();
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
    let set = sets.lock().reference("a").unwrap();
    let best = |wanted, of: fn(u32) -> u32| {
        (0..ROUNDS).map(|_| nanoseconds(&set, wanted, of)).min_by(f64::total_cmp).unwrap()
    };
    let (found, missed) = (best(true, address), best(false, |index| address(index) & !(1 << 31)));
    println!(
        "{kind}: {} elements restored in {:.2} s, {} MiB; {found:.1} ns found, {missed:.1} ns not found",
        set.set().len(),
        loaded.as_secs_f64(),
        set.set().memory() >> 20,
    );
}

/// Per look-up, every address once.
fn nanoseconds(set: &SetRef, wanted: bool, of: fn(u32) -> u32) -> f64 {
    let at = Directions::new(&[Direction::Source]).unwrap();
    let began = std::time::Instant::now();
    for index in 0..COUNT {
        let query = Query {
            version: IpVersion::V4,
            source: of(index).into(),
            destination: 0,
            ports: Some((1, 2)),
            protocol: 6,
            mark: 0,
            macs: None,
            ingress: "",
            egress: "",
            length: 100,
            now: Instant(5),
            fleeting: None,
        };
        assert_eq!(set.test(black_box(&query), at, &MatchOptions::default()), wanted);
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT)
}
