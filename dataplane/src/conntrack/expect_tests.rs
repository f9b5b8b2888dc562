//! What is expected is met once, in time, and by nobody else.

use super::*;
use crate::address::L4Port;
use crate::address::V4;
use crate::conntrack::{Changes, EventKind, ExpectationEvent, Helper, News, SourceMask};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(300);

fn expected(port: u16, master: u8) -> Expected<V4> {
    let tuple = Tuple {
        source: V4([192, 0, 2, 7]),
        destination: V4([10, 0, 0, 2]),
        source_port: L4Port::new(9),
        destination_port: L4Port::new(port),
        protocol: 6,
        ..Tuple::default()
    };
    let master = Tuple { source: V4([10, 0, 0, master]), ..tuple };
    Expected {
        tuple,
        from: SourceMask::ADDRESS,
        master,
        mark: 5,
        helper: Helper::Ftp,
        class: 0,
        gives: None,
        follow: None,
        shared: false,
        lasting: false,
        inactive: false,
        silenced: Changes::default(),
    }
}

fn from_port(port: u16, to: u16) -> Tuple<V4> {
    Tuple { source_port: L4Port::new(port), ..expected(to, 0).tuple }
}

const NOW: Instant = Instant(1 << 40);
const TICKS: Ticks = Ticks::at(NOW);
const NONE: Ticket = Ticket::NONE;

#[test]
fn it_is_met_once_whatever_its_source_port() {
    let table = Expectations::new([1, 2]);
    assert!(table.is_empty() && table.take(&from_port(1, 1025), NOW).is_none());
    table.announce(expected(1025, 1), NONE, NOW).unwrap();
    assert!(table.take(&from_port(1, 1026), NOW).is_none());
    let other = Tuple { protocol: 17, ..from_port(1, 1025) };
    assert!(!table.expects(&other, NOW) && table.expects(&from_port(1, 1025), NOW));
    assert_eq!(table.take(&from_port(20, 1025), NOW).map(|met| met.mark), Some(5));
    assert!(table.is_empty() && table.take(&from_port(20, 1025), NOW).is_none());
}

#[test]
fn what_is_withdrawn_or_late_is_not_met() {
    let table = Expectations::new([1, 2]);
    let one = table.announce(expected(1025, 1), NONE, NOW).unwrap();
    let two = table.announce(expected(1026, 1), NONE, NOW).unwrap();
    table.withdraw(one, TICKS);
    table.withdraw(one, TICKS);
    table.withdraw(Ticket::default(), TICKS);
    assert!(!table.expects(&from_port(1, 1025), NOW));
    table.set_mark(two, 9);
    let before = NOW + (PATIENCE - Duration::from_nanos(1));
    assert!(table.expects(&from_port(1, 1026), before));
    assert!(table.take(&from_port(1, 1026), NOW + PATIENCE).is_none());
    assert!(table.is_empty());
    table.announce(expected(1026, 1), NONE, NOW).unwrap();
    table.sweep(NOW);
    assert!(!table.is_empty());
    (0..BUCKETS).for_each(|_| table.sweep(NOW + PATIENCE));
    assert!(table.is_empty());
}

#[test]
fn two_masters_never_expect_the_same() {
    let table = Expectations::new([1, 2]);
    let old = table.announce(expected(1025, 1), NONE, NOW).unwrap();
    assert_eq!(table.announce(expected(1025, 2), NONE, NOW), Err(Refused::Clash));
    table.announce(Expected { mark: 6, ..expected(1025, 1) }, NONE, NOW).unwrap();
    table.withdraw(old, TICKS);
    assert_eq!(table.take(&from_port(1, 1025), NOW).map(|met| met.mark), Some(6));
    table.announce(expected(1025, 2), NONE, NOW).unwrap();
}

/// How much of the source counts is part of what is expected.
#[test]
fn those_from_other_places_are_others() {
    let table = Expectations::new([1, 2]);
    let anybody = Expected { from: SourceMask::ANY, ..expected(1025, 1) };
    table.announce(anybody, NONE, NOW).unwrap();
    assert_eq!(table.announce(expected(1025, 1), NONE, NOW), Err(Refused::Clash));
    let other = Tuple { source: V4([203, 0, 113, 1]), ..from_port(7, 1025) };
    assert!(table.take(&other, NOW).is_some() && table.is_empty());
    let subnet = SourceMask { prefix: 24, port: true };
    table
        .announce(Expected { from: subnet, lasting: true, ..expected(1025, 1) }, NONE, NOW)
        .unwrap();
    let near = Tuple { source: V4([192, 0, 2, 200]), ..from_port(9, 1025) };
    assert!(!table.expects(&other, NOW) && !table.expects(&from_port(8, 1025), NOW));
    assert!(table.take(&near, NOW).is_some() && table.take(&near, NOW).is_some(), "it lasts");
    let whole = Expected { from: SourceMask::WHOLE, ..expected(1026, 1) };
    table.announce(whole, NONE, NOW).unwrap();
    assert!(!table.expects(&from_port(8, 1026), NOW) && table.expects(&from_port(9, 1026), NOW));
    let port = |port| L4Port::new(port);
    let another = Tuple { source_port: port(8), ..whole.tuple };
    table.announce(Expected { tuple: another, ..whole }, NONE, NOW).unwrap();
    assert!(table.expects(&from_port(8, 1026), NOW) && table.expects(&from_port(9, 1026), NOW));
}

#[test]
fn what_is_inactive_is_not_met_but_clashes() {
    let table = Expectations::new([1, 2]);
    let asleep = Expected { inactive: true, ..expected(1025, 1) };
    table.announce(asleep, NONE, NOW).unwrap();
    assert!(table.take(&from_port(1, 1025), NOW).is_none() && !table.is_empty());
    assert_eq!(table.announce(expected(1025, 2), NONE, NOW), Err(Refused::Clash));
}

#[test]
fn there_is_room_for_so_many() {
    let table = Expectations::new([3, 4]);
    let tickets: Vec<Ticket> =
        (0..2000).map_while(|port| table.announce(expected(port, 1), NONE, NOW).ok()).collect();
    assert_eq!(tickets.len(), MOST);
    assert_eq!(table.announce(expected(5000, 1), NONE, NOW), Err(Refused::Full));
    tickets.into_iter().for_each(|ticket| table.withdraw(ticket, TICKS));
    assert!(table.is_empty());
}

#[test]
fn of_several_workers_one_meets_it() {
    let table = Expectations::new([5, 6]);
    for round in 0..200 {
        table.announce(expected(round, 1), NONE, NOW).unwrap();
        let met: usize = std::thread::scope(|scope| {
            let takers = [1, 2].map(|port| {
                let table = &table;
                scope.spawn(move || table.take(&from_port(port, round), NOW).is_some())
            });
            takers.into_iter().map(|taker| usize::from(taker.join().unwrap())).sum()
        });
        assert_eq!(met, 1);
    }
    assert!(table.is_empty());
}

/// Kind, port and seconds left.
fn told(journal: &Journal) -> Vec<(EventKind, u16, u32)> {
    std::iter::from_fn(|| journal.pop())
        .map(|news| match news {
            News::Connection(event) => panic!("{event:?}"),
            News::Expectation(ExpectationEvent { kind, expectation: e }) => {
                assert_eq!(e.helper, Helper::Ftp);
                (kind, e.tuple.destination_port.get(), e.timeout_s)
            }
        })
        .collect()
}

/// As `conntrack -E expect` shows it of the kernel.
#[test]
fn what_comes_and_goes_is_told_with_the_time_it_had_left() {
    use EventKind::{Destroy, New};
    let journal = Arc::new(Journal::new(16));
    let table = Expectations::new([1, 2]).with_journal(Arc::clone(&journal));
    let unheard = table.announce(expected(1024, 1), NONE, NOW).unwrap();
    table.withdraw(unheard, TICKS);
    journal.listen(true);
    let later = NOW + Duration::from_millis(2500);
    let first = table.announce(expected(1025, 1), NONE, NOW).unwrap();
    table.announce(expected(1025, 1), first, later).unwrap();
    let met = table.announce(expected(1026, 2), NONE, NOW).unwrap();
    assert_eq!(table.announce(expected(1026, 1), first, NOW), Err(Refused::Clash));
    table.take(&from_port(20, 1026), later).unwrap();
    table.withdraw(met, TICKS);
    (0..BUCKETS).for_each(|_| table.sweep(later + PATIENCE));
    let met = [(New, 1026, 300), (Destroy, 1026, 297)];
    let replaced = [(New, 1025, 300), (Destroy, 1025, 297), (New, 1025, 300)];
    assert_eq!(told(&journal), [&replaced[..], &met, &[(Destroy, 1025, 0)]].concat());
    let quiet = Expected { silenced: Changes::DESTROY, ..expected(1027, 1) };
    let ticket = table.announce(quiet, NONE, NOW).unwrap();
    table.withdraw(ticket, TICKS);
    assert_eq!(told(&journal), [(New, 1027, 300)]);
}

#[test]
fn an_operator_sees_and_forgets_what_is_waited_for() {
    let table = Expectations::new([1, 2]);
    for port in 1025..1125 {
        table.announce(expected(port, 1), NONE, NOW).unwrap();
    }
    let later = NOW + Duration::from_secs(100);
    table.announce(expected(1125, 1), NONE, later).unwrap();
    let ports = |now| {
        let mut all: Vec<u16> =
            table.list(now).iter().map(|listed| listed.tuple.destination_port.get()).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(ports(later), (1025..=1125).collect::<Vec<_>>());
    assert_eq!(ports(NOW + PATIENCE), [1125], "the others are late");
    let found = table.find(&from_port(7, 1030), later).unwrap();
    assert_eq!((found.timeout_s, found.tuple.source_port.get()), (200, 0));
    assert!(table.remove(&from_port(8, 1030), later) && !table.remove(&from_port(8, 1030), later));
    assert!(table.find(&from_port(7, 1030), later).is_none());
    table.clear(later);
    assert!(table.is_empty() && ports(later).is_empty());
}
