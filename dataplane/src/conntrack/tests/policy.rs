//! Timeout policies: which connections follow them, through all states, and what becomes of those whose policy goes.

use super::tcp::{Client, End, Server, Talk, segment};
use super::*;
use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

/// Each timeout another number, all of them longer than what else there is would suggest.
fn odd() -> Timeouts {
    let tcp = TcpTimeouts {
        syn_sent: 201,
        syn_sent2: 202,
        syn_recv: 203,
        established: 9_000,
        fin_wait: 204,
        close_wait: 205,
        last_ack: 206,
        time_wait: 207,
        close: 208,
        max_retrans: 1_001,
        unacknowledged: 2_002,
    };
    let (icmp, icmpv6, gre, gre_stream, generic) = (53, 54, 55, 56, 57);
    let sctp = Timeouts::default().sctp;
    Timeouts { tcp, udp: 51, udp_stream: 152, icmp, icmpv6, gre, gre_stream, sctp, generic }
}

fn kind(name: &str) -> PolicyKind {
    PolicyKind { name: name.to_owned(), protocol: None, version: None }
}

/// Policies of these names, all with the same timeouts.
fn policies(before: &Policies, names: &[&str], timeouts: Timeouts) -> Policies {
    Policies::after(before, names.iter().map(|name| (kind(name), timeouts)))
}

/// A gateway that gives new connections the policy `odd`.
fn gateway() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.settings.policies = policies(&Policies::default(), &["even", "odd"], odd());
    gateway.policy = gateway.settings.policies.named("odd").unwrap();
    gateway
}

/// About that many seconds are left of the only connection.
#[track_caller]
fn left(gateway: &mut Gateway, seconds: u32) {
    let only = gateway.only();
    assert!((seconds - 1..=seconds).contains(&only.timeout_s), "{only:?}, expected {seconds}");
}

const OUT: ((V4, u16), (V4, u16)) = ((CLIENT, 1000), (SERVER, 53));

fn question() -> Sent {
    udp(OUT.0, OUT.1)
}
fn answer() -> Sent {
    udp(OUT.1, OUT.0)
}

#[test]
fn udp_has_two() {
    let mut gateway = gateway();
    gateway.pass(&question());
    left(&mut gateway, 51);
    gateway.wait(5.0);
    gateway.pass(&answer());
    left(&mut gateway, 51);
    gateway.wait(40.0);
    gateway.pass(&question());
    left(&mut gateway, 152);
    assert!(gateway.only().status.has(Status::ASSURED));
    gateway.age(151.0);
    assert_eq!(gateway.conntrack.count(), 1);
    gateway.age(3.0);
    assert_eq!(gateway.conntrack.count(), 0);
}

#[test]
fn other_protocols_have_theirs() {
    let raw = |protocol, back: bool| {
        let (source, destination) = if back { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
        Sent { source, destination, protocol, bytes: vec![0; 8] }
    };
    let mut one = gateway();
    one.pass(&echo(CLIENT, SERVER, 8, 7));
    left(&mut one, 53);
    one.wait(9.0);
    one.pass(&echo(SERVER, CLIENT, 0, 7));
    left(&mut one, 53);
    let mut one = gateway();
    one.pass(&raw(47, false));
    left(&mut one, 55);
    one.pass(&raw(47, true));
    one.pass(&raw(47, false));
    left(&mut one, 56);
    let mut one = gateway();
    one.pass(&raw(99, false));
    one.pass(&raw(99, true));
    left(&mut one, 57);
}

fn talk() -> Talk {
    Talk { gateway: gateway() }
}

fn established() -> Talk {
    let mut talk = talk();
    talk.says(Client, SYN, (1000, 0));
    talk.is("SYN_SENT", 201);
    talk.says(Server, SYN | ACK, (5000, 1001));
    talk.is("SYN_RECV", 203);
    talk.says(Client, ACK, (1001, 5001));
    talk.is("ESTABLISHED", 9_000);
    talk
}

#[test]
fn tcp_has_one_for_each_state() {
    let mut talk = established();
    talk.sends(Client, (1001, 5001), 10);
    talk.is("ESTABLISHED", 2_002);
    talk.says(Server, ACK, (5001, 1011));
    talk.is("ESTABLISHED", 9_000);
    talk.says(Client, FIN | ACK, (1011, 5001));
    talk.is("FIN_WAIT", 204);
    talk.says(Server, ACK, (5001, 1012));
    talk.is("CLOSE_WAIT", 205);
    talk.says(Server, FIN | ACK, (5001, 1012));
    talk.is("LAST_ACK", 206);
    talk.says(Client, ACK, (1012, 5002));
    talk.is("TIME_WAIT", 207);
}

#[test]
fn a_reset_and_simultaneous_syns() {
    let mut reset = established();
    reset.says(Server, RST, (5001, 0));
    reset.is("CLOSE", 208);
    let mut both = talk();
    both.says(Client, SYN, (1000, 0));
    both.says(Server, SYN, (5000, 0));
    both.is("SYN_SENT2", 202);
}

/// Windows begin anew in the midst of a connection; the policy stays.
#[test]
fn a_connection_that_is_followed_anew_keeps_its_policy() {
    let mut talk = established();
    // Both ends have forgotten it, and begin again with numbers of another world.
    talk.says(Client, SYN, (900_000, 0));
    talk.says(Server, SYN | ACK, (700_000, 900_001));
    talk.is("SYN_RECV", 203);
    for from in [Client, Server] {
        assert!(!window(&talk, from).policy.is_none(), "{from:?}");
    }
    talk.says(Client, ACK, (900_001, 700_001));
    talk.is("ESTABLISHED", 9_000);
}

fn window(talk: &Talk, from: End) -> Window {
    let sent = segment(from, ACK, (0, 0), 0, 0, &[]);
    let flow = talk.gateway.flow(&sent.tuple().unwrap()).unwrap();
    talk.gateway.conntrack.half(flow).window
}

/// As the kernel: a first segment that has not told a window yet counts as one with none.
#[test]
fn a_syn_rests_no_longer_than_repetitions_may() {
    let mut talk = talk();
    let mut timeouts = odd();
    timeouts.tcp.syn_sent = 5_000;
    let before = talk.gateway.settings.policies.clone();
    talk.gateway.settings.policies = policies(&before, &["odd"], timeouts);
    talk.says(Client, SYN, (1000, 0));
    talk.is("SYN_SENT", 1_001);
}

/// What is a policy's stays with its connection: those of others, begun before or after, have none.
#[test]
fn only_connections_it_was_given_to_follow_it() {
    let mut gateway = gateway();
    let policy = std::mem::take(&mut gateway.policy);
    gateway.pass(&question());
    left(&mut gateway, 30);
    gateway.policy = policy;
    gateway.pass(&question());
    left(&mut gateway, 30);
    gateway.pass(&answer());
    gateway.wait(3.0);
    gateway.pass(&question());
    left(&mut gateway, 120);
    // A slot used again remembers nothing.
    gateway.age(130.0);
    gateway.age(3.0);
    gateway.pass(&question());
    left(&mut gateway, 51);
    gateway.age(60.0);
    gateway.age(3.0);
    gateway.policy = PolicyId::default();
    gateway.pass(&question());
    left(&mut gateway, 30);
}

/// From the next packet on, as in the kernel; until then the end stands as it was set.
#[test]
fn a_change_holds_for_connections_there_are() {
    let mut gateway = gateway();
    gateway.pass(&question());
    gateway.pass(&answer());
    gateway.wait(3.0);
    gateway.pass(&question());
    left(&mut gateway, 152);
    let before = gateway.settings.policies.clone();
    let other = Timeouts { udp_stream: 77, ..odd() };
    gateway.settings.policies = policies(&before, &["odd"], other);
    left(&mut gateway, 152);
    gateway.pass(&question());
    left(&mut gateway, 77);
    // Gone: as those that have none, also where one of that name comes back.
    gateway.settings.policies = policies(&gateway.settings.policies, &[], odd());
    gateway.pass(&question());
    left(&mut gateway, 120);
    gateway.settings.policies = policies(&gateway.settings.policies, &["odd"], odd());
    gateway.pass(&question());
    left(&mut gateway, 120);
}

#[test]
fn numbers_are_given_once_while_there_is_a_choice() {
    let mut all = Policies::default();
    let mut seen = std::collections::HashSet::new();
    let names: Vec<String> = (0..9).map(|number| format!("p{number}")).collect();
    for round in 0..20 {
        let names: Vec<&str> = names.iter().map(String::as_str).skip(round % 3).collect();
        let next = policies(&all, &names, odd());
        for name in &names {
            let id = next.named(name).unwrap();
            assert!(all.named(name) == Some(id) || seen.insert(id), "{name} {id:?}");
            assert_eq!(next.get(id), Some(&odd()));
        }
        all = next;
    }
    assert_eq!(all.named("p"), None);
}

/// More of them than numbers: the others stay without, and nobody gets the number of another.
#[test]
fn there_are_no_more_than_numbers() {
    let names: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut all = Policies::default();
    // Once round.
    for _ in 0..Policies::MOST / 300 + 1 {
        all = policies(&policies(&all, &["stays"], odd()), &["stays"], odd());
        let stays = all.named("stays").unwrap();
        let more: Vec<&str> = names.iter().copied().chain(["stays"]).collect();
        all = policies(&all, &more, odd());
        let mut ids: Vec<_> = more.iter().map(|name| all.named(name).unwrap()).collect();
        assert_eq!(all.named("stays"), Some(stays));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), more.len());
        assert!(ids.iter().all(|id| !id.is_none()));
    }
}
