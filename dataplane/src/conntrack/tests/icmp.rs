use super::*;

#[test]
fn echo_request_and_reply() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.pass(&echo(CLIENT, SERVER, 8, 77)), NEW);
    assert_eq!(gateway.pass(&echo(CLIENT, SERVER, 8, 77)), NEW);
    assert_eq!(gateway.pass(&echo(SERVER, CLIENT, 0, 77)), ESTABLISHED);
    assert_eq!(gateway.pass(&echo(CLIENT, SERVER, 8, 77)), ESTABLISHED);
    assert_eq!(gateway.conntrack.count(), 1);
    assert!(!gateway.only().status.has(Status::ASSURED));
    assert_eq!(gateway.pass(&echo(CLIENT, SERVER, 8, 78)), NEW);
    assert_eq!(gateway.pass(&echo(SERVER, CLIENT, 8, 77)), NEW, "a request of its own");
    gateway.age(33.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn nobody_asked() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.pass(&echo(SERVER, CLIENT, 0, 77)), INVALID);
    assert_eq!(gateway.pass(&echo(SERVER, CLIENT, 14, 77)), INVALID);
    assert_eq!(gateway.pass(&echo(SERVER, CLIENT, 200, 77)), INVALID);
    assert_eq!(gateway.conntrack.count(), 0);
    assert_eq!(gateway.conntrack.statistics().invalid, 2);
}

#[test]
fn neighbour_discovery_is_untracked_and_redirects_are_not() {
    let message = |kind: u8| Layer4 {
        source_port: L4Port::default(),
        destination_port: L4Port::default(),
        kind: Layer4Kind::Icmp6 { kind, code: 0, id: L4Port::default(), sequence: 0 },
    };
    for kind in [130, 131, 132, 133, 134, 135, 136, 143] {
        assert!(is_untracked_protocol(58, &message(kind)), "{kind}");
    }
    for kind in [1, 3, 128, 129, 137] {
        assert!(!is_untracked_protocol(58, &message(kind)), "{kind}");
    }
    assert!(!is_untracked_protocol(1, &message(135)));
}

#[test]
fn an_error_travels_against_the_packet_it_quotes() {
    let mut gateway = Gateway::new();
    let outside = V4([203, 0, 113, 1]);
    gateway.masquerade = Some(outside);
    let question = udp((CLIENT, 5000), (SERVER, 53));
    gateway.pass(&question);
    // The server's side quotes what it got: the translated packet.
    let quoted = udp((outside, 5000), (SERVER, 53)).tuple().unwrap();
    let flow = gateway.conntrack.related(Zones::default(), &quoted).unwrap();
    assert_eq!(flow.direction(), Direction::Reply);
    assert_eq!(gateway.conntrack.half(flow).key.destination, quoted.source);
    // The client quotes an answer it did not want.
    let quoted = udp((SERVER, 53), (CLIENT, 5000)).tuple().unwrap();
    let flow = gateway.conntrack.related(Zones::default(), &quoted).unwrap();
    assert_eq!(flow.direction(), Direction::Original);
    let stranger = udp((CLIENT, 5001), (SERVER, 53)).tuple().unwrap();
    assert_eq!(gateway.conntrack.related(Zones::default(), &stranger), None);
    assert_eq!(
        gateway.conntrack.related(Zones::default(), &question.tuple().unwrap()),
        None,
        "not what was sent out"
    );
}

#[test]
fn an_error_about_an_echo() {
    let mut gateway = Gateway::new();
    gateway.pass(&echo(CLIENT, SERVER, 8, 9));
    let quoted = echo(CLIENT, SERVER, 8, 9).tuple().unwrap();
    let flow = gateway.conntrack.related(Zones::default(), &quoted).unwrap();
    assert_eq!(flow.direction(), Direction::Reply);
}
