//! Accounts: what counts, for whom, and from when to when.

use super::journal::connections;
use super::tcp::End::{Client, Server};
use super::tcp::Talk;
use super::*;
use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

fn counting() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.settings.accounting = true;
    gateway
}

fn numbers(account: Account) -> [(u64, u64); 2] {
    [account.original, account.reply].map(|carried| (carried.packets, carried.bytes))
}

impl Gateway {
    fn carried(&mut self) -> Option<[(u64, u64); 2]> {
        self.only().account.map(numbers)
    }
}

#[test]
fn packets_count_in_their_direction_from_the_first_on() {
    let mut gateway = counting();
    let (out, back) = (udp((CLIENT, 1000), (SERVER, 53)), udp((SERVER, 53), (CLIENT, 1000)));
    for (sent, carried) in [
        (&out, [(1, 12), (0, 0)]),
        (&out, [(2, 24), (0, 0)]),
        (&back, [(2, 24), (1, 12)]),
        (&out, [(3, 36), (1, 12)]),
    ] {
        gateway.pass(sent);
        assert_eq!(gateway.carried(), Some(carried));
    }
}

/// As the kernel: a connection has an account for life, or for life none.
#[test]
fn accounts_are_opened_for_connections_that_begin() {
    let mut gateway = Gateway::new();
    let packet = |port| udp((CLIENT, port), (SERVER, 53));
    gateway.pass(&packet(1));
    gateway.settings.accounting = true;
    gateway.pass(&packet(1));
    assert_eq!(gateway.carried(), None);
    gateway.pass(&packet(2));
    gateway.settings.accounting = false;
    gateway.pass(&packet(2));
    gateway.pass(&packet(3));
    let accounts: Vec<_> = gateway.listed().iter().map(|one| one.account.map(numbers)).collect();
    assert_eq!(accounts, [None, Some([(2, 24), (0, 0)]), None]);
}

#[test]
fn a_place_used_again_begins_with_nothing() {
    let mut gateway = counting();
    let packet = |port| udp((CLIENT, port), (SERVER, 53));
    for _ in 0..5 {
        gateway.pass(&packet(1));
    }
    gateway.age(60.0);
    gateway.pass(&packet(2));
    assert_eq!(gateway.carried(), Some([(1, 12), (0, 0)]));
}

/// What the kernel lets pass without counting: what is invalid, what it ignores, a repeated SYN.
#[test]
fn segments_that_are_not_the_connections_do_not_count() {
    let mut talk = Talk { gateway: counting() };
    talk.says(Client, SYN, (1000, 0));
    talk.says(Client, SYN, (1000, 0));
    assert_eq!(talk.gateway.carried(), Some([(1, 20), (0, 0)]));
    talk.says(Server, SYN | ACK, (5000, 1001));
    talk.says(Client, ACK, (1001, 5001));
    talk.sends(Client, (1001, 5001), 10);
    assert_eq!(talk.gateway.carried(), Some([(3, 70), (1, 20)]));
    // Far outside the window; a SYN in the middle, which is ignored.
    talk.says(Server, ACK, (5_000_000, 1011));
    talk.says(Client, SYN, (7000, 0));
    assert_eq!(talk.gateway.carried(), Some([(3, 70), (1, 20)]));
    talk.says(Client, FIN | ACK, (1011, 5001));
    assert_eq!(talk.gateway.carried(), Some([(4, 90), (1, 20)]));
}

/// The packet that ends a connection is in what is told of its end, and only that is told.
#[test]
fn the_end_is_told_with_what_was_carried() {
    let journal = Arc::new(Journal::new(8));
    journal.listen(true);
    let mut gateway = counting();
    gateway.conntrack = gateway.conntrack.with_journal(Arc::clone(&journal));
    let mut talk = Talk { gateway };
    talk.says(Client, SYN, (1000, 0));
    talk.says(Server, RST | ACK, (0, 1001));
    let told = connections(&journal).map(|event| (event.kind, event.connection.account));
    let told: Vec<_> = told.map(|(kind, account)| (kind, account.map(numbers))).collect();
    let end = (EventKind::Destroy, Some([(1, 20), (1, 20)]));
    assert_eq!(told.first(), Some(&(EventKind::New, None)));
    assert_eq!(told.last(), Some(&end));
}

#[test]
fn a_listing_can_begin_anew() {
    let mut gateway = counting();
    gateway.pass(&udp((CLIENT, 1), (SERVER, 53)));
    let mut page = Vec::with_capacity(4);
    gateway.conntrack.list(0, gateway.now, true, &mut page);
    assert_eq!(page[0].account.map(numbers), Some([(1, 12), (0, 0)]));
    assert_eq!(gateway.carried(), Some([(0, 0), (0, 0)]));
    gateway.pass(&udp((CLIENT, 1), (SERVER, 53)));
    assert_eq!(gateway.carried(), Some([(1, 12), (0, 0)]));
}
