use super::*;
use crate::helpers::pptp::{Calls, Keys};

/// Two workers that share what their connections expect.
fn two() -> (Gateway, Gateway) {
    let directory = Arc::new(Directory::new(256, KEY));
    let expectations = Arc::new(Expectations::new(KEY));
    let worker = |id| {
        let (id, directory) = (WorkerId(id), Some(Arc::clone(&directory)));
        let mut gateway = Gateway::with(id, 64, directory.clone());
        let own = Conntrack::new(id, &gateway.settings, KEY, 64, directory).unwrap();
        gateway.conntrack = own.with_expectations(Arc::clone(&expectations));
        gateway
    };
    (worker(0), worker(1))
}

/// A control connection begins.
fn control(gateway: &mut Gateway) -> FlowRef {
    let mut new = gateway.enter(&udp((CLIENT, 4000), (SERVER, 1723))).unwrap_err();
    new.set_helped(Helper::Pptp, Changes::default());
    assert!(gateway.conntrack.claim_reply(&mut new));
    gateway.conntrack.confirm(new, gateway.now).unwrap()
}

fn gre(source: V4, destination: V4, call: Option<u16>) -> Sent {
    let mut bytes = vec![0x30, 1, 0x88, 0x0b, 0, 4, 0, 0, 0, 0];
    match call {
        Some(call) => bytes[6..8].copy_from_slice(&call.to_be_bytes()),
        None => bytes[1] = 0,
    }
    Sent { source, destination, protocol: protocol::GRE, bytes }
}

const CALLS: Calls = Calls {
    client: Keys { source: 7, destination: 9 },
    server: Keys { source: 9, destination: 7 },
};

impl Gateway {
    fn keys(&self, sent: &Sent) -> (u16, u16) {
        let (source, destination) = (sent.source, sent.destination);
        let tuple = self.conntrack.tuple_of(source, destination, sent.protocol, &sent.layer4());
        tuple.map_or((0, 0), |tuple| (tuple.source_port.get(), tuple.destination_port.get()))
    }

    fn end(&mut self, flow: FlowRef) {
        let gone = &mut self.gone;
        self.conntrack.remove(flow, |one| gone.push(*one));
    }
}

#[test]
fn a_control_connection_takes_gre_with_it() {
    let (mut one, _) = two();
    let (out, back) = (gre(CLIENT, SERVER, None), gre(SERVER, CLIENT, None));
    let flow = control(&mut one);
    assert_eq!((one.pass(&out), one.pass(&back)), (NEW, ESTABLISHED));
    one.end(flow);
    assert_eq!(one.conntrack.count(), 0);
    assert_eq!(one.pass(&back), NEW);
    one.age(1.0);
    assert_eq!(one.gone.len(), 2);
}

#[test]
fn also_where_another_worker_has_it() {
    let (mut one, mut two) = two();
    let (out, back) = (gre(CLIENT, SERVER, None), gre(SERVER, CLIENT, None));
    let flow = control(&mut one);
    assert_eq!((two.pass(&out), one.pass(&back)), (NEW, Fate::HandOff(WorkerId(1))));
    one.end(flow);
    one.conntrack.end_condemned();
    assert_eq!(two.conntrack.count(), 1, "nobody else may touch it");
    two.conntrack.end_condemned();
    assert_eq!((two.conntrack.count(), one.pass(&back)), (0, NEW));
    two.age(1.0);
    assert_eq!(two.gone.len(), 1);
}

#[test]
fn all_end_at_once_when_their_time_has_come() {
    let (mut one, _) = two();
    control(&mut one);
    assert_eq!(one.pass(&gre(CLIENT, SERVER, None)), NEW);
    one.age(100_000.0);
    one.age(1.0);
    assert_eq!((one.conntrack.count(), one.gone.len()), (0, 2));
    assert_eq!(one.pass(&gre(CLIENT, SERVER, None)), NEW);
}

#[test]
fn a_call_has_both_keys_as_long_as_it_lasts() {
    let (mut one, two) = two();
    let (out, back) = (gre(CLIENT, SERVER, Some(9)), gre(SERVER, CLIENT, Some(7)));
    assert_eq!((one.keys(&out), one.keys(&back)), ((0, 9), (0, 7)));
    let flow = control(&mut one);
    one.conntrack.expect_calls(flow, &CALLS, one.now);
    assert_eq!((two.keys(&out), two.keys(&back)), ((7, 9), (9, 7)));
    assert_eq!(two.conntrack.expectations.list(two.now).len(), 2);
    // The kernel knows one call.
    let other = Calls { client: Keys { source: 7, destination: 10 }, ..CALLS };
    one.conntrack.expect_calls(flow, &other, one.now);
    assert_eq!((two.keys(&out), two.conntrack.expectations.is_empty()), ((7, 9), true));
    one.end(flow);
    assert_eq!((two.keys(&out), two.keys(&back)), ((0, 9), (0, 7)));
}
