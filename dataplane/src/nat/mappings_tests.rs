use super::*;
use crate::address::{V4, V6};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;

fn key<A: Address>(number: u32) -> Tuple<A> {
    Tuple {
        source: A::from_bits(u128::from(number)),
        source_port: L4Port::new(5000),
        protocol: 17,
        ..Tuple::default()
    }
}

fn mapping<A: Address>(number: u16) -> (A, L4Port) {
    (A::from_bits(u128::from(number) << 16 | 9), L4Port::new(number))
}

fn insert<A: Address>(
    table: &SourceMappings<A>,
    key: &Tuple<A>,
    (address, port): (A, L4Port),
) -> bool {
    table.insert_or_ref(key, address, port)
}

fn release<A: Address>(table: &SourceMappings<A>, key: &Tuple<A>, (address, port): (A, L4Port)) {
    table.release(key, address, port);
}

/// Births and deaths in any order, held against counts in a plain map.
fn against_reference<A: Address>(steps: Vec<(bool, u32, u16)>) {
    let table = SourceMappings::<A>::new(1024, 7).unwrap();
    let mut counts = HashMap::<(u32, u16), u32>::new();
    for (born, source, to) in steps {
        let count = counts.entry((source, to)).or_default();
        if born {
            assert!(insert(&table, &key(source), mapping(to)));
            *count += 1;
        } else if *count > 0 {
            release(&table, &key(source), mapping(to));
            *count -= 1;
        }
        for ((source, to), count) in &counts {
            let wanted = mapping(*to);
            let found = table.find(&key(*source), |address, port| (address, port) == wanted);
            assert_eq!(found, (*count > 0).then_some(wanted));
        }
        assert_eq!(table.len(), counts.values().filter(|count| **count > 0).count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn references_are_counted(
        steps in proptest::collection::vec((any::<bool>(), 0..4_u32, 0..3_u16), 0..60),
    ) {
        against_reference::<V4>(steps.clone());
        against_reference::<V6>(steps);
    }
}

#[test]
fn keys_differ_in_every_part() {
    let table = SourceMappings::<V6>::new(64, 3).unwrap();
    let key = key(1);
    insert(&table, &key, mapping(1));
    let others = [
        Tuple { source: V6::from_bits(1 << 100 | 1), ..key },
        Tuple { source_port: L4Port::new(1), ..key },
        Tuple { protocol: 6, ..key },
        Tuple { zone: crate::tuple::Zone::new(1), ..key },
    ];
    for other in others {
        assert_eq!(table.find(&other, |_, _| true), None);
    }
    assert_eq!(table.find(&key, |_, _| true), Some(mapping(1)));
}

#[test]
fn a_full_table_forgets_without_harm() {
    let table = SourceMappings::<V4>::new(16, 5).unwrap();
    let kept: Vec<u32> = (0..1000).filter(|n| insert(&table, &key(*n), mapping(1))).collect();
    assert!((16..=32).contains(&kept.len()), "{}", kept.len());
    for number in &kept {
        release(&table, &key(*number), mapping(1));
    }
    assert!(table.is_empty());
}

#[test]
fn half_load_loses_nothing() {
    let table = SourceMappings::<V4>::new(4096, 11).unwrap();
    let lost = (0..4096).filter(|n| !insert(&table, &key(*n), mapping(1))).count();
    assert!(lost < 8, "{lost} of 4096 found no room");
}

/// Threads that are born and die on few keys never see a mapping nobody made, and leave nothing.
fn stress<A: Address>() {
    const ROUNDS: u32 = 20_000;
    let table = SourceMappings::<A>::new(8, 1).unwrap();
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (table, refused) = (&table, &refused);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let source = (thread.wrapping_mul(31) + round * 7) % 23;
                    // Key and mapping belong together: torn entries are seen as such.
                    let number = u16::try_from(source * 100 + round % 2).unwrap();
                    let recorded = insert(table, &key(source), mapping(number));
                    let found = table.find(&key(source), |address, port| {
                        let (wanted, _) = mapping::<A>(port.get());
                        assert_eq!(address, wanted, "address and port of two owners");
                        assert_eq!(u32::from(port.get() / 100), source, "another's mapping");
                        port.get() == number
                    });
                    if recorded {
                        assert!(found.is_some(), "a mapping in use was lost");
                        release(table, &key(source), mapping(number));
                    } else {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(table.is_empty());
    assert!(refused.into_inner() < 80_000, "nothing was ever recorded");
}

#[test]
fn threads_agree() {
    stress::<V4>();
    stress::<V6>();
}
