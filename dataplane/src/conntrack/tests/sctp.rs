use super::*;
use proptest::prelude::*;

const INNER: u32 = 0x1111_1111;
const OUTER: u32 = 0x2222_2222;

fn sctp(from_client: bool, tag: u32, chunks: &[u8]) -> Sent {
    let ports: [u8; 4] = if from_client { [3, 0xe8, 0, 80] } else { [0, 80, 3, 0xe8] };
    let bytes = [&ports, &tag.to_be_bytes()[..], &[0; 4], chunks].concat();
    let (source, destination) = if from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    Sent { source, destination, protocol: protocol::SCTP, bytes }
}

fn init(kind: u8, tag: u32) -> Vec<u8> {
    [&[kind, 0, 0, 20][..], &tag.to_be_bytes(), &[0; 12]].concat()
}

fn plain(kind: u8) -> [u8; 4] {
    [kind, 0, 0, 4]
}

fn established() -> Gateway {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.pass(&sctp(true, 0, &init(1, INNER))), NEW);
    assert_eq!(gateway.only().state, "CLOSED");
    assert_eq!(gateway.pass(&sctp(false, INNER, &init(2, OUTER))), ESTABLISHED);
    assert_eq!(gateway.only().state, "COOKIE_WAIT");
    assert_eq!(gateway.pass(&sctp(true, OUTER, &plain(10))), ESTABLISHED);
    assert_eq!(gateway.only().state, "COOKIE_ECHOED");
    assert!(!gateway.only().status.has(Status::ASSURED));
    assert_eq!(gateway.pass(&sctp(false, INNER, &plain(11))), ESTABLISHED);
    gateway
}

#[test]
fn four_packets_establish_and_three_close() {
    let mut gateway = established();
    let listed = gateway.only();
    assert_eq!(listed.state, "ESTABLISHED");
    assert!(listed.status.has(Status::ASSURED) && (209..=210).contains(&listed.timeout_s));
    gateway.pass(&sctp(true, OUTER, &plain(7)));
    assert_eq!(gateway.only().state, "SHUTDOWN_SENT");
    assert!((2..=3).contains(&gateway.only().timeout_s));
    gateway.pass(&sctp(false, INNER, &plain(8)));
    assert_eq!(gateway.only().state, "SHUTDOWN_ACK_SENT");
    gateway.pass(&sctp(true, OUTER, &plain(14)));
    assert_eq!(gateway.only().state, "CLOSED");
    gateway.age(13.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn another_tag_is_invalid_and_keeps_nothing_alive() {
    let mut gateway = established();
    gateway.wait(200.0);
    for tag in [0, INNER, 7] {
        assert_eq!(gateway.pass(&sctp(true, tag, &plain(0))), INVALID);
        assert_eq!(gateway.pass(&sctp(true, tag, &plain(6))), INVALID, "a blind abort");
    }
    assert!(gateway.only().timeout_s <= 10);
    assert_eq!(gateway.conntrack.statistics().invalid, 6);
    assert_eq!(gateway.pass(&sctp(true, OUTER, &plain(0))), ESTABLISHED);
    assert!(gateway.only().timeout_s >= 209);
}

#[test]
fn data_begins_nothing() {
    for chunks in [&plain(0)[..], &plain(6), &plain(11), &plain(14), &[1, 0, 0, 20], &[]] {
        let mut gateway = Gateway::new();
        assert_eq!(gateway.pass(&sctp(true, 0, chunks)), INVALID, "{chunks:?}");
        assert_eq!(gateway.conntrack.count(), 0);
    }
    assert_eq!(Gateway::new().pass(&sctp(true, 7, &init(1, INNER))), INVALID);
    assert_eq!(Gateway::new().pass(&sctp(true, 7, &plain(4))), NEW, "another path");
}

#[test]
fn an_init_that_repeats_does_not_keep_its_entry() {
    let mut gateway = Gateway::new();
    gateway.pass(&sctp(true, 0, &init(1, INNER)));
    gateway.wait(8.0);
    assert_eq!(gateway.pass(&sctp(true, 0, &init(1, INNER))), NEW);
    assert!(gateway.only().timeout_s <= 2);
}

proptest! {
    /// Whatever comes, the connection stays one the kernel could list.
    #[test]
    fn any_bytes_leave_a_state(
        packets in prop::collection::vec(
            (any::<bool>(), prop::sample::select(vec![0, INNER, OUTER]), prop::collection::vec(
                prop_oneof![Just(0_u8), Just(1), Just(4), Just(20), 0_u8..16, any::<u8>()], 0..48,
            )),
            0..20,
        ),
    ) {
        let mut gateway = established();
        for (from_client, tag, chunks) in packets {
            let before = gateway.only();
            let fate = gateway.pass(&sctp(from_client, tag, &chunks));
            prop_assert!(fate == ESTABLISHED || fate == INVALID);
            let after = gateway.only();
            prop_assert!(after.status.has(Status::ASSURED) && after.state != "NONE");
            prop_assert!(fate == ESTABLISHED || after.timeout_s <= before.timeout_s);
        }
    }
}
