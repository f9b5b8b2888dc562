//! Small scenarios of every kind pass their own checks, and fail them when the pipeline is broken.

use super::*;
use crate::report::Figure;
use crate::suite::Left;
use crate::suite::scenario::{Kind, Scenario};
use clap::ValueEnum;
use std::sync::{Mutex, OnceLock};

/// EAL starts once in a process; the pool is for one rig at a time.
fn machine() -> &'static Mutex<Machine> {
    static MACHINE: OnceLock<Mutex<Machine>> = OnceLock::new();
    MACHINE.get_or_init(|| Mutex::new(Machine::plain(0).unwrap()))
}

const SHORT: Effort =
    Effort { rounds: 2, time: Duration::from_secs(60), compare: true, sabotage: None };

fn run(kind: Kind, effort: Effort) -> Result<Vec<Figure>> {
    let machine = machine().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Scenario { name: "test".into(), kind }.run(&machine, effort, &mut Left::default())
}

fn small() -> Vec<Kind> {
    let udp = Established {
        protocol: Protocol::Udp,
        flows: 3_000,
        order: Order::Random,
        ways: Ways::Both,
        checksums: Checksums::Verified,
        filters: 10,
    };
    let tcp = Established { protocol: Protocol::Tcp, ways: Ways::One(Way::Out), ..udp };
    vec![
        Kind::Forward { table: Table::One, flows: 1 },
        Kind::Forward { table: Table::Internet4(2_000), flows: 5_000 },
        Kind::Forward { table: Table::Internet6(2_000), flows: 5_000 },
        Kind::Established(udp),
        Kind::Established(Established { checksums: Checksums::Unknown, ..udp }),
        Kind::Established(Established { filters: 100, ways: Ways::One(Way::Out), ..udp }),
        Kind::Established(Established { order: Order::Sequential, ..tcp }),
        Kind::Established(Established { ways: Ways::Both, ..tcp }),
        Kind::New { live: 0, filters: 100 },
        Kind::Asked(Asked::Limit),
        Kind::Asked(Asked::Recent),
        Kind::Asked(Asked::HashLimit),
        Kind::Services(100),
    ]
}

#[test]
fn every_kind_passes_its_own_checks() {
    for kind in small() {
        let figures = run(kind, SHORT).unwrap_or_else(|error| panic!("{kind:?}: {error:#}"));
        assert!(!figures.is_empty());
        for figure in figures {
            assert!(figure.min > 0.0 && figure.min <= figure.value && figure.value <= figure.max);
        }
    }
}

#[test]
fn every_kind_fails_when_the_pipeline_is_broken() {
    for kind in small() {
        for &how in Sabotage::value_variants() {
            let single = matches!(kind, Kind::Forward { flows: 1, .. });
            if single && how == Sabotage::Duplicate {
                continue; // Packets of one flow are all the same.
            }
            let broken = run(kind, Effort { sabotage: Some(how), ..SHORT });
            assert!(broken.is_err(), "{kind:?} does not notice {how:?}");
        }
    }
}
