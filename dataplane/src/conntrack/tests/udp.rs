use super::*;

const QUESTION: ((V4, u16), (V4, u16)) = ((CLIENT, 5000), (SERVER, 53));

fn question() -> Sent {
    udp(QUESTION.0, QUESTION.1)
}
fn answer() -> Sent {
    udp(QUESTION.1, QUESTION.0)
}

#[test]
fn unanswered_is_new_and_lasts_30_seconds_from_the_last_packet() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.pass(&question()), NEW);
    gateway.wait(20.0);
    assert_eq!(gateway.pass(&question()), NEW);
    assert!((29..=30).contains(&gateway.only().timeout_s));
    gateway.age(29.0);
    assert_eq!(gateway.conntrack.count(), 1);
    gateway.age(4.0);
    assert_eq!(gateway.conntrack.count(), 0);
    assert_eq!(gateway.gone.len(), 1);
    assert_eq!(gateway.conntrack.statistics().expired, 1);
}

#[test]
fn one_early_answer_makes_no_stream() {
    let mut gateway = Gateway::new();
    gateway.pass(&question());
    assert_eq!(gateway.pass(&answer()), ESTABLISHED);
    assert_eq!(gateway.pass(&question()), ESTABLISHED);
    let listed = gateway.only();
    assert!(listed.status.has(Status::SEEN_REPLY) && !listed.status.has(Status::ASSURED));
    assert!(listed.timeout_s <= 30);
}

#[test]
fn after_two_seconds_it_is_an_assured_stream() {
    let mut gateway = Gateway::new();
    gateway.pass(&question());
    gateway.pass(&answer());
    gateway.wait(1.9);
    gateway.pass(&question());
    assert!(!gateway.only().status.has(Status::ASSURED));
    gateway.wait(0.2);
    gateway.pass(&answer());
    assert!(gateway.only().status.has(Status::ASSURED));
    assert!((119..=120).contains(&gateway.only().timeout_s));
    // Either direction alone keeps it alive, without ever touching what is shared.
    for _ in 0..10 {
        gateway.age(100.0);
        assert_eq!(gateway.pass(&question()), ESTABLISHED);
    }
    gateway.age(123.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn the_first_answer_clears_cached_verdicts() {
    let mut gateway = Gateway::new();
    gateway.pass(&question());
    let flow = gateway.flow(&question().tuple().unwrap()).unwrap();
    let cached = Cached { stamp: 7, ..Cached::EMPTY };
    gateway.conntrack.half_mut(flow).cache = cached;
    gateway.pass(&question());
    assert_eq!(gateway.conntrack.half(flow).cache.stamp, 7);
    gateway.pass(&answer());
    assert_eq!(gateway.conntrack.half(flow).cache.stamp, 0);
    gateway.conntrack.half_mut(flow).cache = cached;
    gateway.pass(&answer());
    assert_eq!(gateway.conntrack.half(flow).cache.stamp, 7, "only the first");
}

#[test]
fn a_packet_after_the_end_begins_anew_before_aging_notices() {
    let mut gateway = Gateway::new();
    gateway.pass(&question());
    gateway.pass(&answer());
    gateway.wait(31.0);
    assert!(gateway.listed().is_empty(), "as good as gone");
    assert_eq!(gateway.pass(&question()), NEW);
    assert_eq!(gateway.conntrack.count(), 1);
    assert_eq!(gateway.gone.len(), 1);
}

#[test]
fn other_protocols_rest_ten_minutes_and_gre_becomes_a_stream() {
    let mut gateway = Gateway::new();
    let packet = |protocol: u8, back: bool| {
        let (source, destination) = if back { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
        Sent { source, destination, protocol, bytes: vec![0; 16] }
    };
    gateway.pass(&packet(50, false));
    assert_eq!(gateway.pass(&packet(50, true)), ESTABLISHED);
    assert!((599..=600).contains(&gateway.only().timeout_s));
    gateway.pass(&packet(50, false));
    assert!(!gateway.only().status.has(Status::ASSURED));
    gateway.age(700.0);
    gateway.pass(&packet(47, false));
    assert!(gateway.only().timeout_s <= 30);
    gateway.pass(&packet(47, true));
    gateway.pass(&packet(47, false));
    assert!((179..=180).contains(&gateway.only().timeout_s));
    assert!(gateway.only().status.has(Status::ASSURED));
}

#[test]
fn new_timeouts_hold_from_the_next_packet_on() {
    let mut gateway = Gateway::new();
    gateway.pass(&question());
    gateway.pass(&answer());
    gateway.wait(3.0);
    gateway.pass(&question());
    gateway.settings.timeouts.udp_stream = 1000;
    gateway.pass(&question());
    assert!((999..=1000).contains(&gateway.only().timeout_s));
}

#[test]
fn a_burst_is_looked_up_as_its_packets_one_by_one() {
    let mut gateway = Gateway::with(WorkerId(0), 4096, None);
    let question = |number: u16| udp((CLIENT, 1 + number), (SERVER, 53));
    for number in 0..4096 {
        assert_eq!(gateway.pass(&question(number)), NEW);
    }
    let conntrack = &gateway.conntrack;
    let keys: Vec<_> = (0..9000).map(|number| question(number).tuple().unwrap()).collect();
    for burst in keys.chunks(32) {
        let found = conntrack.lookup_burst::<32>(burst);
        for (place, found) in found.into_iter().enumerate() {
            let one = burst.get(place).and_then(|key| conntrack.lookup(conntrack.hash(key), key));
            assert_eq!(found, one);
        }
    }
    let known = |keys: &[_]| conntrack.lookup_burst::<32>(keys).iter().flatten().count();
    assert_eq!(
        (known(&keys[..32]), known(&keys[4095..4100]), known(&keys[5000..5032])),
        (32, 1, 0)
    );
}
