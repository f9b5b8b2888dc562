use super::*;
use crate::nat::{Rewrite, TupleSpace};

fn question(port: u16) -> Sent {
    udp((CLIENT, port), (SERVER, 53))
}

/// An assured connection.
fn stream(gateway: &mut Gateway, port: u16) {
    gateway.pass(&question(port));
    gateway.pass(&udp((SERVER, 53), (CLIENT, port)));
    gateway.wait(2.1);
    gateway.pass(&question(port));
}

#[test]
fn both_directions_are_found_and_rewritten() {
    let mut gateway = Gateway::new();
    let outside = V4([203, 0, 113, 1]);
    gateway.masquerade = Some(outside);
    gateway.pass(&question(5000));
    let original = question(5000).tuple().unwrap();
    let reply = Tuple { destination: outside, ..original.reversed() };
    let flow = gateway.flow(&original).unwrap();
    assert_eq!(gateway.flow(&reply), Some(flow.peer()));
    assert!(gateway.conntrack.common(flow).is_source_translated());
    assert!(!gateway.conntrack.common(flow).is_destination_translated());
    let out = Tuple { source: outside, ..original };
    assert_eq!(gateway.conntrack.rewrite(flow), Rewrite::between(&original, &out));
    let back = gateway.conntrack.rewrite(flow.peer());
    assert_eq!((back.source, back.destination), (SERVER, CLIENT));
    assert!(gateway.conntrack.is_taken(&reply) && gateway.conntrack.is_taken(&original));
    assert!(!gateway.conntrack.is_taken(&original.reversed()));
    assert_eq!(gateway.pass(&udp((SERVER, 53), (outside, 5000))), ESTABLISHED);
}

#[test]
fn two_packets_race() {
    let mut gateway = Gateway::new();
    let first = gateway.enter(&question(1)).unwrap_err();
    let second = gateway.enter(&question(1)).unwrap_err();
    let now = gateway.now;
    assert!(gateway.conntrack.confirm(first, now).is_ok());
    assert_eq!(gateway.conntrack.confirm(second, now), Err(DropReason::ConntrackClash));
    assert_eq!(gateway.conntrack.count(), 1);
    assert_eq!(gateway.conntrack.statistics().insert_failed, 1);
}

#[test]
fn a_reply_tuple_serves_one_connection() {
    let mut gateway = Gateway::new();
    gateway.masquerade = Some(V4([203, 0, 113, 1]));
    assert_eq!(gateway.pass(&question(1)), NEW);
    let other = udp((V4([10, 1, 0, 3]), 1), (SERVER, 53));
    assert_eq!(gateway.pass(&other), Fate::Drop(DropReason::NatExhausted));
    assert_eq!(gateway.conntrack.count(), 1);
}

#[test]
fn a_packet_to_its_own_sender_is_a_connection_too() {
    let mut gateway = Gateway::new();
    let land = udp((CLIENT, 7), (CLIENT, 7));
    assert_eq!(gateway.pass(&land), NEW);
    // It looks like its answer.
    assert_eq!(gateway.pass(&land), ESTABLISHED);
    gateway.age(200.0);
    assert_eq!(gateway.conntrack.count(), 0);
    assert_eq!(gateway.flow(&land.tuple().unwrap()), None);
}

#[test]
fn when_full_the_unassured_give_way_and_the_assured_never() {
    let mut gateway = Gateway::with(WorkerId(0), 8, None);
    for port in 0..4 {
        stream(&mut gateway, port);
    }
    for port in 4..8 {
        assert_eq!(gateway.pass(&question(port)), NEW);
    }
    // A flood: every newcomer gets in at the cost of another that nobody answered.
    for port in 100..600 {
        assert_eq!(gateway.pass(&question(port)), NEW, "{port}");
        gateway.age(0.001);
        assert_eq!(gateway.conntrack.count(), 8);
    }
    assert_eq!(gateway.conntrack.statistics().early_drops, 500);
    assert_eq!(gateway.gone.len(), 500);
    for port in 0..4 {
        assert_eq!(gateway.pass(&question(port)), ESTABLISHED, "{port}");
    }
}

#[test]
fn when_full_of_assured_ones_the_newcomer_stays_out() {
    let mut gateway = Gateway::with(WorkerId(0), 4, None);
    for port in 0..4 {
        stream(&mut gateway, port);
    }
    assert_eq!(gateway.pass(&question(9)), Fate::Drop(DropReason::ConntrackFull));
    assert_eq!(gateway.conntrack.statistics().full, 1);
    gateway.age(200.0);
    assert_eq!(gateway.pass(&question(9)), NEW);
}

#[test]
fn max_bounds_below_the_capacity() {
    let mut gateway = Gateway::new();
    gateway.settings.max = 2;
    stream(&mut gateway, 1);
    stream(&mut gateway, 2);
    assert_eq!(gateway.pass(&question(3)), Fate::Drop(DropReason::ConntrackFull));
    gateway.settings.max = 0;
    assert_eq!(gateway.pass(&question(3)), NEW);
}

#[test]
fn a_flood_between_two_agings_runs_out_of_slots_and_recovers() {
    let mut gateway = Gateway::with(WorkerId(0), 2, None);
    let fates: Vec<Fate> = (0..2000).map(|port| gateway.pass(&question(port))).collect();
    let full = Fate::Drop(DropReason::ConntrackFull);
    assert!(fates[..1000].iter().all(|fate| *fate == NEW));
    assert!(fates[1500..].iter().all(|fate| *fate == full));
    gateway.age(0.001);
    assert_eq!(gateway.pass(&question(5000)), NEW);
}

#[test]
fn aging_does_no_more_than_its_budget() {
    let mut gateway = Gateway::new();
    for port in 0..60 {
        gateway.pass(&question(port));
    }
    gateway.wait(100.0);
    let mut calls = 0;
    while gateway.conntrack.count() > 0 {
        let before = gateway.conntrack.count();
        // Rounded up to sixteen.
        gateway.conntrack.expire(gateway.now, 7, |_| {});
        assert!(before - gateway.conntrack.count() <= 16);
        calls += 1;
        assert!(calls < 100);
    }
    assert!(calls >= 60 / 16);
}

#[test]
fn a_deadline_brought_forward_is_noticed() {
    let mut gateway = Gateway::new();
    stream(&mut gateway, 1);
    gateway.age(3.0);
    let flow = gateway.flow(&question(1).tuple().unwrap()).unwrap();
    let change = Change { timeout_s: Some(1), ..Change::default() };
    assert!(gateway.conntrack.change(flow, &change, gateway.now).is_some());
    gateway.age(0.9);
    assert_eq!(gateway.conntrack.count(), 1);
    gateway.age(2.3);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn timeouts_made_shorter_are_noticed_within_half_a_minute() {
    let mut gateway = Gateway::new();
    gateway.settings.timeouts.udp_stream = 1000;
    stream(&mut gateway, 1);
    gateway.age(3.0);
    gateway.settings.timeouts.udp_stream = 1;
    let key = question(1).tuple().unwrap();
    let flow = gateway.flow(&key).unwrap();
    let moment = quick::Moment::new(gateway.now, &gateway.settings);
    assert!(gateway.conntrack.direction(flow, &key).unwrap().udp(&moment));
    gateway.age(31.0);
    gateway.age(2.3);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn connections_end_on_time_over_hours_and_through_the_wrap_of_time() {
    let mut gateway = Gateway::new();
    gateway.settings.timeouts.udp = 3 * 60 * 60;
    // A minute before the 32-bit clock wraps.
    gateway.now = Instant(((1u64 << 32) << 20) - 60_000_000_000);
    gateway.conntrack.expire(gateway.now, 10, |_| {});
    gateway.pass(&question(1));
    for _ in 0..179 {
        gateway.age(60.0);
        assert_eq!(gateway.conntrack.count(), 1);
    }
    gateway.age(63.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn a_one_way_flow_outlives_the_clock() {
    let mut gateway = Gateway::new();
    gateway.pass(&question(1));
    for _ in 0..(60 * 24 * 60 * 3) {
        gateway.age(20.0);
        assert_eq!(gateway.pass(&question(1)), NEW);
    }
    gateway.age(33.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn listing_and_flushing_go_page_by_page() {
    let mut gateway = Gateway::with(WorkerId(0), 4096, None);
    for port in 0..3000 {
        gateway.pass(&question(port));
    }
    assert_eq!(gateway.listed().len(), 3000);
    let mut page = Vec::with_capacity(10);
    assert_eq!(gateway.conntrack.list(5, gateway.now, false, &mut page), Some(15));
    assert_eq!(page[0].original_tuple::<V4>(), question(5).tuple());
    assert_eq!(page[0].original_tuple::<crate::address::V6>(), None);
    let (mut cursor, mut pages, mut gone) = (Some(0), 0, 0);
    while let Some(from) = cursor {
        let odd = |listed: &Listed| listed.original.source_port.get() % 2 == 1;
        cursor = gateway.conntrack.flush_matching(from, 100, gateway.now, odd, |_| gone += 1);
        pages += 1;
    }
    assert_eq!((pages, gone, gateway.conntrack.count()), (30, 1500, 1500));
    assert!(gateway.flow(&question(7).tuple().unwrap()).is_none());
    assert!(gateway.flow(&question(8).tuple().unwrap()).is_some());
}

#[test]
fn memory_is_what_the_documentation_says() {
    for slots in [20_000, 65_536, 100_000, 131_072, 140_000, 262_144] {
        let settings = ConntrackSettings::default();
        let conntrack =
            Conntrack::<V4>::new(WorkerId(0), &settings, KEY, slots - 1024, None).unwrap();
        let each = conntrack.bytes() / slots;
        assert!((153..=160).contains(&each), "{each} bytes each of {slots}");
    }
    assert!(
        Conntrack::<V4>::new(
            WorkerId(0),
            &ConntrackSettings { max: 0, ..ConntrackSettings::default() },
            KEY,
            usize::MAX,
            None
        )
        .is_err()
    );
}
