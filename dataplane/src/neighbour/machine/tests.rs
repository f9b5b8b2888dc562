use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LAN: InterfaceId = InterfaceId(1);
const WAN: InterfaceId = InterfaceId(2);
const FIRST: Mac = Mac([2, 0, 0, 0, 0, 1]);
const SECOND: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// A machine with its time and what it said since last asked.
struct Bench {
    table: Arc<NeighbourTable>,
    machine: Machine,
    now: Instant,
    out: Vec<Output>,
}

fn ip(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let table = NeighbourTable::new(64, 5);
        let machine = Machine::new(Arc::clone(&table), settings);
        Self { table, machine, now: Instant(1_000_000_000_000), out: Vec::new() }
    }

    fn said(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    fn handle(&mut self, event: Event) -> Vec<Output> {
        self.machine.handle(event, self.now, &mut self.out);
        self.said()
    }

    fn want(&mut self, last: u8) -> Vec<Output> {
        self.handle(Event::Wanted { interface: LAN, address: ip(last) })
    }

    fn see(&mut self, last: u8, mac: Mac, kind: Kind) -> Vec<Output> {
        self.handle(Event::Seen { interface: LAN, address: ip(last), mac: Some(mac), kind })
    }

    /// Lets time pass, coming back whenever the machine asked to.
    fn pass(&mut self, milliseconds: u64) -> Vec<Output> {
        let end = self.now + Duration::from_millis(milliseconds);
        let mut next = self.machine.poll(self.now, &mut self.out);
        while let Some(due) = next
            && due <= end
        {
            assert!(due > self.now, "the machine makes no progress");
            self.now = due;
            next = self.machine.poll(self.now, &mut self.out);
        }
        self.now = end;
        self.said()
    }

    fn state(&self, last: u8) -> Option<State> {
        self.machine.list().into_iter().find(|entry| entry.address == ip(last)).map(|it| it.state)
    }

    fn id(&self, last: u8) -> NeighbourId {
        self.table.find(LAN, ip(last)).unwrap()
    }

    fn link(&self, last: u8) -> Link {
        self.table.link(self.id(last))
    }

    fn use_it(&self, last: u8) {
        self.table.mark_used(self.id(last), seconds(self.now));
    }
}

fn asks(last: u8, unicast_to: Option<Mac>) -> Output {
    Output::Solicit { interface: LAN, target: ip(last), unicast_to }
}

fn resolved(bench: &Bench, last: u8) -> Output {
    Output::Resolved { id: bench.id(last), interface: LAN, address: ip(last) }
}

fn failed(bench: &Bench, last: u8) -> Output {
    Output::Failed { id: Some(bench.id(last)), interface: LAN, address: ip(last) }
}

#[test]
fn three_requests_a_second_apart_then_failed() {
    let mut bench = Bench::new(Settings::default());
    assert_eq!(bench.want(1), [asks(1, None)]);
    assert_eq!(bench.want(1), [], "already asked, by another worker's wish");
    assert_eq!(bench.link(1), Link::Unresolved);
    assert_eq!(bench.pass(999), []);
    assert_eq!(bench.pass(1), [asks(1, None)]);
    assert_eq!(bench.pass(1000), [asks(1, None)]);
    assert_eq!(bench.pass(999), []);
    assert_eq!(bench.pass(1), [failed(&bench, 1)]);
    assert_eq!((bench.link(1), bench.state(1)), (Link::Failed, Some(State::Failed)));
    assert_eq!(bench.pass(60_000), []);
    assert_eq!(bench.want(1), [asks(1, None)], "a new packet tries again");
    assert_eq!(bench.link(1), Link::Unresolved);
}

#[test]
fn an_answer_releases_and_lasts_thirty_seconds() {
    let mut bench = Bench::new(Settings::default());
    bench.want(1);
    bench.pass(500);
    assert_eq!(bench.see(1, FIRST, Kind::Reply), [resolved(&bench, 1)]);
    assert_eq!((bench.link(1), bench.state(1)), (Link::Resolved(FIRST), Some(State::Reachable)));
    assert_eq!(bench.want(1), [resolved(&bench, 1)], "parked before the worker heard");
    assert_eq!(bench.pass(29_999), []);
    assert_eq!(bench.state(1), Some(State::Reachable));
    bench.pass(1);
    assert_eq!(bench.state(1), Some(State::Stale), "not used lately");
    assert_eq!(bench.link(1), Link::Resolved(FIRST), "still good enough to send");
}

#[test]
fn use_of_a_stale_neighbour_verifies_it_by_unicast() {
    let mut bench = Bench::new(Settings::default());
    bench.see(1, FIRST, Kind::Request);
    assert_eq!(bench.state(1), Some(State::Stale));
    bench.pass(10_000);
    assert_eq!(bench.state(1), Some(State::Stale));
    bench.use_it(1);
    bench.pass(1_000);
    assert_eq!(bench.state(1), Some(State::Delay));
    assert_eq!(bench.pass(5_000), [asks(1, Some(FIRST))]);
    assert_eq!(bench.state(1), Some(State::Probe));
    assert_eq!(bench.pass(2_000), [asks(1, Some(FIRST)); 2]);
    assert_eq!(bench.see(1, FIRST, Kind::Reply), []);
    assert_eq!(bench.state(1), Some(State::Reachable));
    // In use all the time: verified again and again, never stale.
    let mut asked = 0;
    for _ in 0..200 {
        assert_ne!(bench.state(1), Some(State::Stale));
        bench.use_it(1);
        for output in bench.pass(1_000) {
            assert_eq!(output, asks(1, Some(FIRST)));
            asked += 1;
            bench.see(1, FIRST, Kind::Reply);
        }
    }
    assert!((5..=6).contains(&asked), "every 35 seconds, not {asked} times");
}

#[test]
fn a_known_neighbour_that_is_silent_fails() {
    let mut bench = Bench::new(Settings::default());
    bench.see(1, FIRST, Kind::Request);
    bench.want(1);
    assert_eq!(bench.state(1), Some(State::Delay));
    let mut expected = vec![asks(1, Some(FIRST)); 3];
    expected.push(failed(&bench, 1));
    assert_eq!(bench.pass(8_000), expected);
    assert_eq!(bench.link(1), Link::Failed);
    assert_eq!(bench.see(1, SECOND, Kind::Request), [resolved(&bench, 1)]);
    assert_eq!(bench.link(1), Link::Resolved(SECOND));
}

#[test]
fn who_asks_is_learned_and_who_talks_is_not() {
    let mut bench = Bench::new(Settings::default());
    let advertisement =
        Kind::NeighbourAdvertisement { solicited: false, override_: true, router: false };
    for kind in [Kind::Reply, Kind::Gratuitous, Kind::Overheard, advertisement] {
        assert_eq!(bench.see(1, FIRST, kind), []);
        assert_eq!(bench.state(1), None, "{kind:?}");
    }
    bench.see(1, FIRST, Kind::Request);
    bench.see(2, FIRST, Kind::NeighbourSolicitation);
    assert_eq!((bench.state(1), bench.state(2)), (Some(State::Stale), Some(State::Stale)));
    let nameless = Event::Seen {
        interface: LAN,
        address: ip(3),
        mac: None,
        kind: Kind::NeighbourSolicitation,
    };
    bench.handle(nameless);
    assert_eq!(bench.state(3), None);
}

#[test]
fn a_fresh_mac_is_locked_against_replies_for_a_second() {
    let mut bench = Bench::new(Settings::default());
    bench.want(1);
    bench.see(1, FIRST, Kind::Reply);
    bench.pass(500);
    bench.see(1, SECOND, Kind::Reply);
    bench.see(1, SECOND, Kind::Overheard);
    assert_eq!(bench.link(1), Link::Resolved(FIRST));
    bench.see(1, SECOND, Kind::Gratuitous);
    assert_eq!(bench.link(1), Link::Resolved(SECOND), "an announcement passes the lock");
    assert_eq!(bench.state(1), Some(State::Stale));
    bench.pass(1_001);
    bench.see(1, FIRST, Kind::Reply);
    assert_eq!((bench.link(1), bench.state(1)), (Link::Resolved(FIRST), Some(State::Reachable)));
}

/// RFC 4861, appendix C: state, flags and MAC of an advertisement, and what becomes of the entry.
#[test]
fn advertisements_follow_the_table_of_the_rfc() {
    let na =
        |solicited, override_| Kind::NeighbourAdvertisement { solicited, override_, router: true };
    // From INCOMPLETE the override flag does not matter.
    for (solicited, expected) in [(true, State::Reachable), (false, State::Stale)] {
        for override_ in [true, false] {
            let mut bench = Bench::new(Settings::default());
            bench.want(1);
            assert_eq!(bench.see(1, FIRST, na(solicited, override_)), [resolved(&bench, 1)]);
            assert_eq!(bench.state(1), Some(expected));
            assert!(bench.machine.list().iter().all(|entry| entry.router));
        }
    }
    let cases = [
        // before, S, O, MAC, state and MAC after
        (State::Reachable, true, false, FIRST, State::Reachable, FIRST),
        (State::Reachable, false, false, FIRST, State::Reachable, FIRST),
        (State::Reachable, true, false, SECOND, State::Stale, FIRST),
        (State::Reachable, false, false, SECOND, State::Stale, FIRST),
        (State::Reachable, true, true, SECOND, State::Reachable, SECOND),
        (State::Reachable, false, true, SECOND, State::Stale, SECOND),
        (State::Stale, true, false, FIRST, State::Reachable, FIRST),
        (State::Stale, true, false, SECOND, State::Stale, FIRST),
        (State::Stale, false, false, SECOND, State::Stale, FIRST),
        (State::Stale, true, true, SECOND, State::Reachable, SECOND),
        (State::Stale, false, true, SECOND, State::Stale, SECOND),
        (State::Stale, false, true, FIRST, State::Stale, FIRST),
    ];
    for (before, solicited, override_, mac, state, after) in cases {
        let mut bench = Bench::new(Settings::default());
        bench.want(1);
        bench.see(1, FIRST, na(before == State::Reachable, true));
        assert_eq!(bench.state(1), Some(before));
        bench.see(1, mac, na(solicited, override_));
        let found = (bench.state(1), bench.link(1));
        assert_eq!(
            found,
            (Some(state), Link::Resolved(after)),
            "{before:?} {solicited} {override_}"
        );
    }
    // Without a MAC it confirms what is known, and means nothing otherwise.
    let nameless = Event::Seen { interface: LAN, address: ip(1), mac: None, kind: na(true, false) };
    let mut bench = Bench::new(Settings::default());
    bench.want(1);
    assert_eq!(bench.handle(nameless), []);
    assert_eq!(bench.state(1), Some(State::Incomplete));
    bench.see(1, FIRST, na(false, true));
    bench.handle(nameless);
    assert_eq!(bench.state(1), Some(State::Reachable));
    // What has failed is not revived.
    let mut bench = Bench::new(Settings::default());
    bench.want(1);
    bench.pass(3_000);
    bench.see(1, FIRST, na(true, true));
    assert_eq!(bench.state(1), Some(State::Failed));
}

#[test]
fn static_entries_are_the_operators() {
    let mut bench = Bench::new(Settings::default());
    bench.want(1);
    let (now, mut out) = (bench.now, Vec::new());
    let id = bench.machine.set(LAN, ip(1), FIRST, true, now, &mut out).unwrap();
    assert_eq!(out, [resolved(&bench, 1)], "packets that waited go");
    let all = [
        Kind::Request,
        Kind::Reply,
        Kind::Gratuitous,
        Kind::Overheard,
        Kind::NeighbourSolicitation,
        Kind::NeighbourAdvertisement { solicited: true, override_: true, router: true },
    ];
    for kind in all {
        bench.pass(5_000);
        assert_eq!(bench.see(1, SECOND, kind), []);
        assert_eq!(bench.link(1), Link::Resolved(FIRST), "{kind:?}");
    }
    bench.pass(1_000_000);
    bench.see(2, SECOND, Kind::Request);
    assert_eq!(bench.machine.flush(None, &mut out), 1, "a flush spares it");
    assert_eq!(bench.state(1).map(State::name), Some("PERMANENT"));
    let now = bench.now;
    assert_eq!(bench.machine.set(LAN, ip(1), SECOND, true, now, &mut out), Ok(id));
    assert_eq!(bench.link(1), Link::Resolved(SECOND));
    bench.machine.set(LAN, ip(1), FIRST, false, now, &mut out).unwrap();
    assert_eq!(bench.state(1), Some(State::Reachable));
    out.clear();
    assert!(bench.machine.delete(LAN, ip(1), &mut out));
    assert!(!bench.machine.delete(LAN, ip(1), &mut out));
    assert_eq!(out, []);
    assert_eq!(bench.table.find(LAN, ip(1)), None);
    assert_eq!(bench.table.link(id), Link::Unresolved, "for those who still know the number");
}

#[test]
fn a_dead_interface_takes_its_neighbours_along() {
    let mut bench = Bench::new(Settings::default());
    let (now, mut out) = (bench.now, Vec::new());
    bench.machine.set(LAN, ip(1), FIRST, true, now, &mut out).unwrap();
    bench.machine.set(WAN, ip(1), FIRST, true, now, &mut out).unwrap();
    bench.want(2);
    let waiting = failed(&bench, 2);
    let said = bench.handle(Event::InterfaceGone { interface: LAN });
    assert_eq!(said, [waiting]);
    let left: Vec<_> = bench.machine.list().iter().map(|it| it.interface).collect();
    assert_eq!(left, [WAN]);
    assert_eq!(bench.pass(10_000), [], "nobody asks for what is gone");
}

#[test]
fn the_bound_holds_and_the_failed_give_way_first() {
    let settings = Settings { gc_thresh3: 4, ..Settings::default() };
    let mut bench = Bench::new(settings);
    let (now, mut out) = (bench.now, Vec::new());
    bench.machine.set(LAN, ip(100), FIRST, true, now, &mut out).unwrap();
    bench.want(1);
    bench.pass(3_000);
    bench.want(2);
    bench.see(2, FIRST, Kind::Reply);
    bench.see(3, FIRST, Kind::Request);
    bench.want(4);
    assert_eq!(bench.state(1), Some(State::Failed));
    let said = bench.want(5);
    assert_eq!(said, [asks(5, None)]);
    assert_eq!(bench.state(1), None);
    let full = Output::Failed { id: None, interface: LAN, address: ip(6) };
    bench.pass(100);
    assert_eq!(bench.want(6), [full], "no walk twice a second");
    bench.pass(1_000);
    assert_eq!(bench.want(6), [full], "the stale one is too fresh to go");
    bench.pass(5_000);
    bench.see(7, FIRST, Kind::Request);
    assert_eq!(bench.state(7), Some(State::Stale));
    assert_eq!(bench.state(2), Some(State::Reachable));
    assert_eq!(bench.state(100), Some(State::Permanent));
}

#[test]
fn the_unused_expire_above_the_threshold() {
    let settings = Settings { gc_thresh1: 3, ..Settings::default() };
    let mut bench = Bench::new(settings);
    for last in 1..=4 {
        bench.see(last, FIRST, Kind::Request);
    }
    for _ in 0..50 {
        bench.use_it(4);
        bench.pass(1_000);
        bench.see(4, FIRST, Kind::Reply);
    }
    assert_eq!(bench.machine.list().len(), 4, "not before their time");
    bench.use_it(4);
    assert_eq!(bench.pass(30_000), []);
    assert_eq!(bench.machine.list().len(), 1);
    assert!(bench.state(4).is_some());
    bench.see(1, FIRST, Kind::Request);
    bench.pass(1_000_000);
    assert!(bench.state(1).is_some(), "few may stay for ever");
}

#[test]
fn ipv6_neighbours_resolve_alike() {
    let mut bench = Bench::new(Settings::default());
    let address = IpAddr::from(Ipv6Addr::LOCALHOST);
    let said = bench.handle(Event::Wanted { interface: LAN, address });
    assert_eq!(said, [Output::Solicit { interface: LAN, target: address, unicast_to: None }]);
    let kind = Kind::NeighbourAdvertisement { solicited: true, override_: true, router: false };
    let said = bench.handle(Event::Seen { interface: LAN, address, mac: Some(FIRST), kind });
    let id = bench.table.find(LAN, address).unwrap();
    assert_eq!(said, [Output::Resolved { id, interface: LAN, address }]);
}

#[derive(Debug, Clone)]
enum Step {
    Want(u8),
    See(u8, bool, Kind),
    Use(u8),
    Pass(u64),
    Set(u8, bool),
    Delete(u8),
    Gone,
    Flush,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Request),
        Just(Kind::Reply),
        Just(Kind::Gratuitous),
        Just(Kind::Overheard),
        Just(Kind::NeighbourSolicitation),
        any::<(bool, bool, bool)>().prop_map(|(solicited, override_, router)| {
            Kind::NeighbourAdvertisement { solicited, override_, router }
        }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let last = 0u8..24;
    let step = prop_oneof![
        6 => last.clone().prop_map(Step::Want),
        6 => (last.clone(), any::<bool>(), kinds()).prop_map(|(l, m, k)| Step::See(l, m, k)),
        4 => last.clone().prop_map(Step::Use),
        6 => (0u64..40_000).prop_map(Step::Pass),
        1 => (last.clone(), any::<bool>()).prop_map(|(l, p)| Step::Set(l, p)),
        1 => last.prop_map(Step::Delete),
        1 => Just(Step::Gone),
        1 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever happens: the table says what the list says, bounds hold, static entries stay as they
    /// were set, and who waits hears within three seconds.
    #[test]
    fn always_consistent(steps in steps()) {
        let settings = Settings { gc_thresh1: 4, gc_thresh3: 16, ..Settings::default() };
        let mut bench = Bench::new(settings);
        let quiescence = Quiescence::new(0);
        let mut waiting: BTreeMap<IpAddr, Instant> = BTreeMap::new();
        let mut fixed: BTreeMap<IpAddr, Mac> = BTreeMap::new();
        for step in steps {
            let (now, mut out) = (bench.now, Vec::new());
            match step {
                Step::Want(last) => {
                    waiting.entry(ip(last)).or_insert(now);
                    out = bench.want(last);
                }
                Step::See(last, first, kind) => {
                    out = bench.see(last, if first { FIRST } else { SECOND }, kind);
                }
                Step::Use(last) => {
                    if let Some(id) = bench.table.find(LAN, ip(last)) {
                        bench.table.mark_used(id, seconds(now));
                    }
                }
                Step::Pass(milliseconds) => out = bench.pass(milliseconds),
                Step::Set(last, permanent) => {
                    let set = bench.machine.set(LAN, ip(last), FIRST, permanent, now, &mut out);
                    fixed.remove(&ip(last));
                    if set.is_ok() && permanent {
                        fixed.insert(ip(last), FIRST);
                    }
                }
                Step::Delete(last) => {
                    bench.machine.delete(LAN, ip(last), &mut out);
                    fixed.remove(&ip(last));
                }
                Step::Gone => {
                    out = bench.handle(Event::InterfaceGone { interface: LAN });
                    fixed.clear();
                }
                Step::Flush => {
                    bench.machine.flush(Some(LAN), &mut out);
                }
            }
            for output in out {
                if let Output::Resolved { address, .. } | Output::Failed { address, .. } = output {
                    waiting.remove(&address);
                }
            }
            bench.machine.reclaim(&quiescence);
            for (address, since) in &waiting {
                prop_assert!(bench.now.since(*since) < Duration::from_secs(3), "{} waits", address);
            }
            let list = bench.machine.list();
            let dynamic = list.iter().filter(|entry| !entry.state.is_static()).count();
            prop_assert!(dynamic <= 16 + fixed.len());
            prop_assert_eq!(dynamic, bench.machine.dynamic);
            for entry in &list {
                prop_assert_eq!(bench.table.find(entry.interface, entry.address), Some(entry.id));
                let link = match (entry.state, entry.mac) {
                    (State::Incomplete, _) => Link::Unresolved,
                    (State::Failed, _) => Link::Failed,
                    (_, Some(mac)) => Link::Resolved(mac),
                    (state, None) => panic!("{state:?} without a MAC"),
                };
                prop_assert_eq!(bench.table.link(entry.id), link);
            }
            for (address, mac) in &fixed {
                let entry = list.iter().find(|entry| entry.address == *address);
                prop_assert_eq!(entry.map(|it| (it.state, it.mac)), Some((State::Permanent, Some(*mac))));
            }
            let known = (0..24).filter(|last| bench.table.find(LAN, ip(*last)).is_some()).count();
            prop_assert_eq!(known, list.len());
        }
    }
}
