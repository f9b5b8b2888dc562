use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::address::{V4, V6};
use crate::ids::WorkerId;
use crate::published::Quiescence;

/// First match over all routes, longest first.
#[derive(Default)]
struct Linear(BTreeMap<(u8, u128), NextHopId>);

impl Linear {
    fn key<A: Address>(address: A, length: u8) -> (u8, u128) {
        let host = 8 * A::SIZE - usize::from(length);
        (length, address.to_bits().checked_shr(host as u32).unwrap_or(0))
    }

    fn lookup<A: Address>(&self, address: A) -> Option<NextHopId> {
        (0..=8 * A::SIZE as u8)
            .rev()
            .find_map(|length| self.0.get(&Self::key(address, length)).copied())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u128, u8, u32),
    Remove(usize),
    Reclaim,
}

/// Addresses with few distinct bytes, so that prefixes nest and collide.
fn bits() -> impl Strategy<Value = u128> {
    vec(prop_oneof![Just(0u8), Just(1), Just(0x80), Just(0xff), any::<u8>()], 16)
        .prop_map(|bytes| u128::from_be_bytes(bytes.try_into().unwrap()))
}

fn steps(max_length: u8) -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![0..=max_length, Just(max_length), Just(16), Just(17), Just(24)];
    vec(
        prop_oneof![
            5 => (bits(), length, 0u32..1000).prop_map(|(b, l, n)| Step::Insert(b, l, n)),
            4 => any::<usize>().prop_map(Step::Remove),
            1 => Just(Step::Reclaim),
        ],
        1..80,
    )
}

fn agrees<A: Address>(steps: Vec<Step>, probes: &[u128]) -> Result<(), TestCaseError> {
    let (fib, mut writer) = Fib::<A>::new(4096).unwrap();
    let quiescence = Quiescence::new(1);
    let mut worker = quiescence.worker(WorkerId(0)).unwrap();
    let mut linear = Linear::default();
    let mut touched: Vec<A> = probes.iter().map(|bits| A::from_bits(*bits)).collect();
    for step in steps {
        match step {
            Step::Insert(bits, length, next_hop) => {
                let address = A::from_bits(bits);
                let old = writer.insert(address, length, NextHopId(next_hop)).unwrap();
                prop_assert_eq!(
                    old,
                    linear.0.insert(Linear::key(address, length), NextHopId(next_hop))
                );
                touched.push(address);
                touched.push(A::from_bits(bits ^ 1));
                touched.push(A::from_bits(bits.wrapping_add(1 << (8 * A::SIZE - 17))));
            }
            Step::Remove(pick) => {
                let Some(&(address, length, next_hop)) =
                    writer.iter().collect::<Vec<_>>().get(pick % writer.len().max(1))
                else {
                    continue;
                };
                prop_assert_eq!(writer.exact(address, length), Some(next_hop));
                prop_assert_eq!(writer.remove(address, length), Some(next_hop));
                prop_assert_eq!(writer.remove(address, length), None);
                linear.0.remove(&Linear::key(address, length));
            }
            Step::Reclaim => {
                writer.reclaim(&quiescence);
                worker.quiescent();
                writer.reclaim(&quiescence);
            }
        }
        for &address in &touched {
            prop_assert_eq!(fib.lookup(address), linear.lookup(address), "{:?}", address);
        }
        for addresses in touched.chunks(8) {
            let mut burst = [A::default(); 8];
            burst[..addresses.len()].copy_from_slice(addresses);
            let mut found = Found::default();
            fib.lookup_burst(&burst, &mut found);
            let one_by_one = addresses.iter().map(|address| fib.lookup(*address));
            prop_assert!(one_by_one.eq(found.iter().take(addresses.len())));
        }
    }
    prop_assert_eq!(writer.len(), linear.0.len());
    for (address, length, _) in writer.iter().collect::<Vec<_>>() {
        writer.remove(address, length);
    }
    writer.reclaim(&quiescence);
    worker.quiescent();
    writer.reclaim(&quiescence);
    prop_assert_eq!(writer.blocks(), 0, "an empty table holds no block");
    prop_assert!(touched.iter().all(|address| fib.lookup(*address).is_none()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn v4_agrees_with_a_linear_search(steps in steps(32), probes in vec(bits(), 20)) {
        agrees::<V4>(steps, &probes)?;
    }

    #[test]
    fn v6_agrees_with_a_linear_search(steps in steps(128), probes in vec(bits(), 20)) {
        agrees::<V6>(steps, &probes)?;
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> V4 {
    V4([a, b, c, d])
}

#[test]
fn the_longest_prefix_wins() {
    let (fib, mut writer) = Fib::<V4>::new(1024).unwrap();
    assert_eq!(fib.lookup(v4(10, 1, 2, 3)), None);
    for (prefix, length, id) in [
        (v4(0, 0, 0, 0), 0, 0),
        (v4(10, 0, 0, 0), 8, 1),
        (v4(10, 1, 2, 0), 24, 3),
        (v4(10, 1, 0, 0), 16, 2),
        (v4(10, 1, 2, 3), 32, 4),
    ] {
        assert_eq!(writer.insert(prefix, length, NextHopId(id)), Ok(None));
    }
    let found = |address| fib.lookup(address).unwrap().0;
    assert_eq!(found(v4(192, 0, 2, 1)), 0);
    assert_eq!(found(v4(10, 2, 0, 1)), 1);
    assert_eq!(found(v4(10, 1, 3, 3)), 2);
    assert_eq!(found(v4(10, 1, 2, 4)), 3);
    assert_eq!(found(v4(10, 1, 2, 3)), 4);
}

#[test]
fn what_cannot_be_taken_is_refused_whole() {
    let (fib, mut writer) = Fib::<V6>::new(2).unwrap();
    let address = |last: u8| V6([0x20, 1, 0xd, 0xb8, last, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(writer.insert(address(0), 129, NextHopId(0)), Err(FibError::PrefixLength(129)));
    let huge = NextHopId(u32::MAX / 2);
    assert_eq!(writer.insert(address(0), 64, huge), Err(FibError::NextHop(huge)));
    assert_eq!(writer.insert(address(0), 40, NextHopId(1)), Ok(None));
    assert_eq!(writer.insert(address(1), 48, NextHopId(2)), Err(FibError::Full));
    assert_eq!(writer.len(), 1);
    assert_eq!(fib.lookup(address(1)), None);
    assert_eq!(fib.lookup(address(0)), Some(NextHopId(1)));
    // What the failed attempt had taken can be used again.
    let quiescence = Quiescence::new(0);
    writer.reclaim(&quiescence);
    assert_eq!(writer.blocks(), 2);
}

#[test]
fn readers_never_miss_while_routes_flap() {
    let (fib, mut writer) = Fib::<V4>::new(64).unwrap();
    let quiescence = Quiescence::new(2);
    writer.insert(v4(10, 0, 0, 0), 8, NextHopId(1)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..2 {
            let (fib, quiescence, stop) = (&fib, &quiescence, &stop);
            scope.spawn(move || {
                let mut own = quiescence.worker(WorkerId(worker)).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    own.quiescent();
                    for last in 0..32u8 {
                        // /8, /16, /24 and /32 all cover it, and only they.
                        let id = fib.lookup(v4(10, 1, 2, last)).expect("a route at every moment");
                        assert!((1..=4).contains(&id.0), "{id:?}");
                        // Other prefixes through the same recycled blocks.
                        let id = fib.lookup(v4(10, 9, 9, last)).expect("a route at every moment");
                        assert!(id.0 == 1 || id.0 == 9, "{id:?}");
                    }
                }
            });
        }
        for turn in 0..20_000u32 {
            let (prefix, length, id) = match turn % 4 {
                0 => (v4(10, 1, 0, 0), 16, 2),
                1 => (v4(10, 1, 2, 0), 24, 3),
                2 => (v4(10, 1, 2, (turn / 4 % 32) as u8), 32, 4),
                _ => (v4(10, 9, 9, (turn / 4 % 32) as u8), 32, 9),
            };
            if writer.remove(prefix, length).is_none() {
                while writer.insert(prefix, length, NextHopId(id)) == Err(FibError::Full) {
                    writer.reclaim(&quiescence);
                    thread::yield_now();
                }
            }
            writer.reclaim(&quiescence);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_full_table_takes_no_more() {
    let (fib, mut writer) = Fib::<V4>::new(5000).unwrap();
    let prefix = |number: u32| V4::from_bits(u128::from(number << 8 | 0x80));
    for number in 0..5000 {
        writer.insert(prefix(number), 25, NextHopId(number)).unwrap();
    }
    assert_eq!(writer.insert(prefix(5000), 25, NextHopId(0)), Err(FibError::Full));
    assert!((0..5000).all(|number| fib.lookup(prefix(number)) == Some(NextHopId(number))));
    assert_eq!(fib.lookup(prefix(5000)), None);
}
