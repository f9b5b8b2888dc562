use super::*;

const OUTSIDE: V4 = V4([203, 0, 113, 1]);

fn two() -> (Gateway, Gateway, Arc<Directory<V4>>) {
    let directory = Arc::new(Directory::new(256, KEY));
    let worker = |id| {
        let mut gateway = Gateway::with(WorkerId(id), 64, Some(Arc::clone(&directory)));
        gateway.masquerade = Some(OUTSIDE);
        gateway
    };
    (worker(0), worker(1), directory)
}

fn question(host: u8, port: u16) -> Sent {
    udp((V4([10, 1, 0, host]), port), (SERVER, 53))
}
fn answer(port: u16) -> Sent {
    udp((SERVER, 53), (OUTSIDE, port))
}

#[test]
fn packets_at_the_wrong_worker_go_to_the_owner() {
    let (mut one, mut two, directory) = two();
    assert_eq!(one.pass(&question(2, 7)), NEW);
    assert_eq!(two.pass(&question(2, 7)), Fate::HandOff(WorkerId(0)));
    assert_eq!(two.pass(&answer(7)), Fate::HandOff(WorkerId(0)), "the answer's tuple too");
    assert_eq!(one.pass(&answer(7)), ESTABLISHED);
    assert_eq!(directory.len(), 2);
    one.age(40.0);
    assert!(directory.is_empty());
    assert_eq!(two.pass(&question(2, 7)), NEW);
}

#[test]
fn the_owner_is_known_before_the_first_packet_has_left() {
    let (mut one, mut two, directory) = two();
    let new = one.enter(&question(2, 7)).unwrap_err();
    assert_eq!(two.pass(&question(2, 7)), Fate::HandOff(WorkerId(0)));
    one.conntrack.abandon(new);
    assert!(directory.is_empty());
    assert_eq!(two.pass(&question(2, 7)), NEW);
}

#[test]
fn an_external_tuple_is_unique_over_workers() {
    let (mut one, mut two, directory) = two();
    assert_eq!(one.pass(&question(2, 7)), NEW);
    let taken = Tuple { destination: OUTSIDE, ..question(3, 7).tuple().unwrap().reversed() };
    assert!(two.conntrack.reply_is_taken(&taken));
    assert_eq!(two.pass(&question(3, 7)), Fate::Drop(DropReason::NatExhausted));
    assert_eq!(directory.len(), 2, "the loser keeps nothing, the winner all");
    assert_eq!(one.pass(&answer(7)), ESTABLISHED);
    // Another port is free, also after a failed claim of the first.
    let mut new = two.enter(&question(3, 7)).unwrap_err();
    new.reply.destination = OUTSIDE;
    assert!(!two.conntrack.claim_reply(&mut new));
    new.reply.destination_port = L4Port::new(8);
    assert!(two.conntrack.claim_reply(&mut new));
    new.reply.destination_port = L4Port::new(9);
    assert!(two.conntrack.claim_reply(&mut new), "a second choice gives the first back");
    assert_eq!(directory.len(), 4);
    assert!(two.conntrack.confirm(new, two.now).is_ok());
    assert_eq!(one.pass(&answer(9)), Fate::HandOff(WorkerId(1)));
    assert_eq!(one.pass(&answer(8)), NEW);
}

#[test]
fn a_clash_gives_the_claims_back() {
    let (mut one, _, directory) = two();
    let mut new = one.enter(&question(2, 7)).unwrap_err();
    assert!(one.conntrack.claim_reply(&mut new));
    assert!(one.conntrack.confirm(new, one.now).is_ok());
    // The answer to somebody else's question would carry this connection's original tuple.
    let mut new = one.enter(&udp((SERVER, 99), (OUTSIDE, 8))).unwrap_err();
    new.reply = question(2, 7).tuple().unwrap();
    assert_eq!(one.conntrack.confirm(new, one.now), Err(DropReason::ConntrackClash));
    assert_eq!(directory.len(), 2);
}

#[test]
fn who_gives_way_or_is_flushed_leaves_the_directory() {
    let (mut one, _, directory) = two();
    for port in 0..64 {
        one.pass(&question(2, port));
    }
    assert_eq!(directory.len(), 128);
    assert_eq!(one.pass(&question(2, 999)), NEW);
    assert_eq!(directory.len(), 128);
    one.conntrack.flush_matching(0, usize::MAX, one.now, |_| true, |_| {});
    assert!(directory.is_empty());
    assert_eq!(one.conntrack.count(), 0);
}

#[test]
fn a_full_directory_is_a_full_table() {
    let directory = Arc::new(Directory::new(1, KEY));
    let mut gateway = Gateway::with(WorkerId(0), 64, Some(directory));
    let fates: Vec<Fate> = (0..40).map(|port| gateway.pass(&question(2, port))).collect();
    assert!(fates.iter().any(|fate| matches!(fate, Fate::Drop(_))));
    assert!(fates.contains(&NEW));
}
