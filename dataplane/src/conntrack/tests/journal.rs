//! Events: what is told, in which order, and that silence costs nothing but silence.

use super::tcp::End::{Client, Server};
use super::tcp::Talk;
use super::*;
use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

fn listened(capacity: usize) -> (Gateway, Arc<Journal>) {
    let journal = Arc::new(Journal::new(capacity));
    journal.listen(true);
    let mut gateway = Gateway::new();
    gateway.conntrack = gateway.conntrack.with_journal(Arc::clone(&journal));
    (gateway, journal)
}

/// What is told of connections.
pub(super) fn connections(journal: &Journal) -> impl Iterator<Item = Event> {
    std::iter::from_fn(|| journal.pop()).map(|news| match news {
        News::Connection(event) => event,
        News::Expectation(event) => panic!("{event:?}"),
    })
}

/// Kind, TCP state, answered, assured, seconds left.
type Told = (EventKind, &'static str, bool, bool, u32);

fn told(journal: &Journal) -> Vec<Told> {
    connections(journal)
        .map(|Event { kind, connection, .. }| {
            let has = |bit| connection.status.has(bit);
            let (answered, assured) = (has(Status::SEEN_REPLY), has(Status::ASSURED));
            (kind, connection.state, answered, assured, connection.timeout_s)
        })
        .collect()
}

/// As `conntrack -E` shows the life of a connection that is opened and closed in order.
#[test]
fn a_tcp_life() {
    let (gateway, journal) = listened(64);
    let mut talk = Talk { gateway };
    talk.says(Client, SYN, (1000, 0));
    talk.says(Server, SYN | ACK, (5000, 1001));
    talk.says(Client, ACK, (1001, 5001));
    talk.sends(Client, (1001, 5001), 10);
    talk.says(Server, ACK, (5001, 1011));
    talk.says(Client, FIN | ACK, (1011, 5001));
    talk.says(Server, FIN | ACK, (5001, 1012));
    talk.says(Client, ACK, (1012, 5002));
    talk.gateway.age(123.0);
    use EventKind::{Destroy, New, Update};
    assert_eq!(
        told(&journal),
        [
            (New, "SYN_SENT", false, false, 120),
            (Update, "SYN_RECV", true, false, 60),
            (Update, "ESTABLISHED", true, true, 432_000),
            (Update, "FIN_WAIT", true, true, 120),
            (Update, "LAST_ACK", true, true, 30),
            (Update, "TIME_WAIT", true, true, 120),
            (Destroy, "TIME_WAIT", true, true, 0),
        ]
    );
}

/// A connection that is refused was never answered, as the kernel tells it.
#[test]
fn a_refused_connection() {
    let (gateway, journal) = listened(64);
    let mut talk = Talk { gateway };
    talk.says(Client, SYN, (1000, 0));
    talk.gateway.age(1.1);
    talk.says(Server, RST | ACK, (0, 1001));
    use EventKind::{Destroy, New};
    let (ends, ended) = ((New, "SYN_SENT", false, false, 120), told(&journal));
    assert_eq!(ended.first(), Some(&ends));
    let Some((Destroy, "CLOSE", false, false, left)) = ended.get(1) else { panic!("{ended:?}") };
    assert!((118..=119).contains(left), "{left}");
    assert_eq!(ended.len(), 2);
}

#[test]
fn a_udp_stream() {
    let (mut gateway, journal) = listened(64);
    let question = udp((CLIENT, 5000), (SERVER, 53));
    let answer = udp((SERVER, 53), (CLIENT, 5000));
    for sent in [&question, &answer, &question] {
        gateway.pass(sent);
    }
    gateway.wait(2.1);
    for sent in [&question, &answer, &question] {
        gateway.pass(sent);
    }
    gateway.age(123.0);
    use EventKind::{Destroy, New, Update};
    assert_eq!(
        told(&journal),
        [
            (New, "", false, false, 30),
            (Update, "", true, false, 30),
            (Update, "", true, true, 120),
            (Destroy, "", true, true, 0),
        ]
    );
}

#[test]
fn removal_by_hand_and_early_drop_are_ends() {
    let (mut gateway, journal) = listened(256);
    for port in 0..64 {
        gateway.pass(&udp((CLIENT, port), (SERVER, 53)));
    }
    assert_eq!(told(&journal).len(), 64);
    // The table is full: one gives way, and is told before the one it gave way to.
    gateway.pass(&udp((CLIENT, 100), (SERVER, 53)));
    let kinds: Vec<_> = told(&journal).into_iter().map(|told| told.0).collect();
    assert_eq!(kinds, [EventKind::Destroy, EventKind::New]);
    let tuple = udp((CLIENT, 100), (SERVER, 53)).tuple().unwrap();
    let flow = gateway.flow(&tuple).unwrap();
    gateway.age(10.0);
    gateway.conntrack.remove(flow, |_| ());
    // The one that gave way has been freed in between; its end was told already.
    assert_eq!(told(&journal), [(EventKind::Destroy, "", false, false, 20)]);
}

#[test]
fn nobody_listens() {
    let (mut gateway, journal) = listened(64);
    journal.listen(false);
    gateway.age(0.1);
    gateway.pass(&udp((CLIENT, 5000), (SERVER, 53)));
    gateway.age(33.0);
    assert!(told(&journal).is_empty());
    journal.listen(true);
    gateway.age(0.1);
    gateway.pass(&udp((CLIENT, 5000), (SERVER, 53)));
    assert_eq!(told(&journal).len(), 1);
}

#[test]
fn what_does_not_fit_is_counted() {
    let (mut gateway, journal) = listened(4);
    for port in 0..10 {
        gateway.pass(&udp((CLIENT, port), (SERVER, 53)));
    }
    assert_eq!(journal.take_lost(), 6);
    assert_eq!((told(&journal).len(), journal.take_lost()), (4, 0));
}

/// `--ctevents`: what was not asked for is not told, and the rest is.
#[test]
fn only_what_was_asked_for() {
    use EventKind::{Destroy, New, Update};
    let kinds = |told: Changes| {
        let (mut gateway, journal) = listened(64);
        let (question, answer) =
            (udp((CLIENT, 5000), (SERVER, 53)), udp((SERVER, 53), (CLIENT, 5000)));
        let mut new = gateway.enter(&question).unwrap_err();
        new.silence(Changes::ALL.without(told));
        gateway.conntrack.confirm(new, gateway.now).unwrap();
        gateway.pass(&answer);
        gateway.wait(3.0);
        gateway.pass(&question);
        gateway.age(200.0);
        gateway.age(3.0);
        let kinds: Vec<EventKind> = connections(&journal).map(|e| e.kind).collect();
        kinds
    };
    assert_eq!(kinds(Changes::ALL), [New, Update, Update, Destroy]);
    assert_eq!(kinds(Changes::NEW), [New]);
    assert_eq!(kinds(Changes::REPLY.and_if(true, Changes::DESTROY)), [Update, Destroy]);
    assert_eq!(kinds(Changes::ASSURED), [Update]);
    assert_eq!(kinds(Changes::PROTOCOL.and_if(true, Changes::MARK)), [], "UDP has no state");
}

#[test]
fn what_nobody_is_told_of_is_counted_all_the_same() {
    let (mut gateway, journal) = listened(64);
    gateway.settings.accounting = true;
    let mut new = gateway.enter(&udp((CLIENT, 5000), (SERVER, 53))).unwrap_err();
    new.silence(Changes::ALL);
    let flow = gateway.conntrack.confirm(new, gateway.now).unwrap();
    assert!(gateway.conntrack.account(flow).is_some());
    assert!(journal.pop().is_none());
}
