//! Lives of TCP connections.

use super::*;
use crate::wire::tcp_flags::{ACK, FIN, PSH, RST, SYN};

/// A connection between client (sequence numbers from 1000) and server (from 5000).
pub(super) struct Talk {
    pub(super) gateway: Gateway,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Server,
}
pub(super) use self::End::{Client, Server};

pub(super) const WSCALE_AND_SACK: &[u8] = &[4, 2, 3, 3, 7, 1, 1, 1];

/// A segment; `length` bytes of payload.
pub(super) fn segment(
    from: End,
    flags: u8,
    (seq, ack): (u32, u32),
    window: u16,
    length: usize,
    options: &[u8],
) -> Sent {
    let ((source, sport), (destination, dport)) = match from {
        Client => ((CLIENT, 40_000u16), (SERVER, 80u16)),
        Server => ((SERVER, 80), (CLIENT, 40_000)),
    };
    assert_eq!(options.len() % 4, 0);
    let mut bytes = Vec::new();
    bytes.extend(sport.to_be_bytes());
    bytes.extend(dport.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.push(((20 + options.len()) / 4 * 16) as u8);
    bytes.push(flags);
    bytes.extend(window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    bytes.resize(bytes.len() + length, 0);
    Sent { source, destination, protocol: protocol::TCP, bytes }
}

impl Talk {
    pub(super) fn new() -> Self {
        Self { gateway: Gateway::new() }
    }

    pub(super) fn says(&mut self, from: End, flags: u8, numbers: (u32, u32)) -> Fate {
        self.gateway.pass(&segment(from, flags, numbers, 30_000, 0, &[]))
    }

    pub(super) fn sends(&mut self, from: End, numbers: (u32, u32), length: usize) -> Fate {
        self.gateway.pass(&segment(from, ACK | PSH, numbers, 30_000, length, &[]))
    }

    /// An established connection: 1001 and 5001 are next.
    pub(super) fn established() -> Self {
        let mut talk = Self::new();
        assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
        assert_eq!(talk.says(Server, SYN | ACK, (5000, 1001)), ESTABLISHED);
        assert_eq!(talk.says(Client, ACK, (1001, 5001)), ESTABLISHED);
        talk.is("ESTABLISHED", 432_000);
        talk
    }

    /// One that both ends have closed, client first.
    fn closed() -> Self {
        let mut talk = Self::established();
        talk.says(Client, FIN | ACK, (1001, 5001));
        talk.says(Server, FIN | ACK, (5001, 1002));
        talk.says(Client, ACK, (1002, 5002));
        talk.is("TIME_WAIT", 120);
        talk
    }

    pub(super) fn is(&mut self, state: &str, seconds: u32) {
        let listed = self.gateway.only();
        assert_eq!(listed.state, state);
        assert!(
            (seconds.saturating_sub(1)..=seconds).contains(&listed.timeout_s),
            "{} s, not {seconds}",
            listed.timeout_s
        );
    }

    pub(super) fn is_assured(&mut self) -> bool {
        self.gateway.only().status.has(Status::ASSURED)
    }
}

#[test]
fn an_ordinary_life() {
    let mut talk = Talk::new();
    assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
    talk.is("SYN_SENT", 120);
    assert_eq!(talk.says(Server, SYN | ACK, (5000, 1001)), ESTABLISHED);
    talk.is("SYN_RECV", 60);
    assert!(!talk.is_assured());
    assert_eq!(talk.says(Client, ACK, (1001, 5001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    assert!(talk.is_assured());
    assert_eq!(talk.sends(Client, (1001, 5001), 100), ESTABLISHED);
    talk.is("ESTABLISHED", 300);
    assert_eq!(talk.says(Server, ACK, (5001, 1101)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.says(Client, FIN | ACK, (1101, 5001)), ESTABLISHED);
    talk.is("FIN_WAIT", 120);
    assert_eq!(talk.says(Server, ACK, (5001, 1102)), ESTABLISHED);
    talk.is("CLOSE_WAIT", 60);
    assert_eq!(talk.says(Server, FIN | ACK, (5001, 1102)), ESTABLISHED);
    talk.is("LAST_ACK", 30);
    assert_eq!(talk.says(Client, ACK, (1102, 5002)), ESTABLISHED);
    talk.is("TIME_WAIT", 120);
    talk.gateway.age(123.0);
    assert_eq!(talk.gateway.conntrack.count(), 0);
}

#[test]
fn what_cannot_begin_a_connection() {
    let mut talk = Talk::new();
    for flags in [SYN | ACK, FIN | ACK, RST, RST | ACK, 0, FIN, SYN | FIN, SYN | RST, 0xff] {
        assert_eq!(talk.says(Client, flags, (1000, 1)), INVALID, "{flags:02x}");
    }
    assert_eq!(talk.gateway.conntrack.count(), 0);
}

#[test]
fn an_ack_in_midstream_is_picked_up() {
    let mut talk = Talk::new();
    assert_eq!(talk.sends(Client, (9_000, 77), 10), NEW);
    talk.is("ESTABLISHED", 300);
    assert_eq!(talk.sends(Client, (1, 2), 10), NEW, "its window cannot be known");
    assert_eq!(talk.says(Server, ACK, (77, 9_010)), ESTABLISHED);
    assert!(!talk.is_assured(), "the reply came before it was noted");
    assert_eq!(talk.says(Client, ACK, (9_010, 77)), ESTABLISHED);
    assert!(talk.is_assured());
    let mut strict = Talk::new();
    strict.gateway.settings.tcp_loose = false;
    assert_eq!(strict.sends(Client, (9_000, 77), 10), INVALID);
    assert_eq!(strict.says(Client, SYN, (9_000, 0)), NEW);
}

#[test]
fn a_refused_connection_is_forgotten_at_once() {
    let mut talk = Talk::new();
    talk.says(Client, SYN, (1000, 0));
    assert_eq!(talk.says(Server, RST | ACK, (0, 1001)), ESTABLISHED);
    assert_eq!(talk.gateway.conntrack.count(), 0);
    assert!(talk.gateway.listed().is_empty());
    assert_eq!(talk.says(Client, SYN, (2000, 0)), NEW);
    talk.gateway.age(0.1);
    assert_eq!(talk.gateway.gone.len(), 1);
    assert_eq!(talk.gateway.conntrack.count(), 1);
}

#[test]
fn repeated_syns_do_not_keep_an_entry_alive() {
    let mut talk = Talk::new();
    talk.says(Client, SYN, (1000, 0));
    for _ in 0..5 {
        talk.gateway.age(20.0);
        assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
    }
    talk.is("SYN_SENT", 20);
}

#[test]
fn time_wait_is_reopened() {
    for first in [Client, Server] {
        let mut talk = Talk::closed();
        assert_eq!(talk.says(first, SYN, (90_000, 0)), NEW, "{first:?}");
        talk.is("SYN_SENT", 120);
        assert_eq!(talk.gateway.gone.len(), 1);
        assert!(!talk.gateway.only().status.has(Status::SEEN_REPLY));
    }
}

#[test]
fn after_its_own_rst_a_client_may_begin_again() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Client, RST, (1001, 0)), ESTABLISHED);
    talk.is("CLOSE", 10);
    assert_eq!(talk.says(Client, SYN, (70_000, 0)), NEW);
    talk.is("SYN_SENT", 120);
}

#[test]
fn an_ack_after_a_rst_is_established() {
    let mut talk = Talk::established();
    talk.says(Client, RST, (1001, 0));
    assert_eq!(talk.says(Client, ACK, (1001, 5001)), ESTABLISHED);
    talk.is("CLOSE", 10);
}

#[test]
fn a_syn_inside_a_connection_passes_and_changes_nothing() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Client, SYN, (80_000, 0)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    // The server was in sync: it challenges, nothing changes.
    assert_eq!(talk.says(Server, ACK, (5001, 1001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.says(Server, SYN, (80_000, 0)), INVALID, "a server does not");
}

#[test]
fn a_syn_inside_a_dead_connection_begins_the_next() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Client, SYN, (80_000, 0)), ESTABLISHED);
    assert_eq!(talk.says(Server, SYN | ACK, (60_000, 80_001)), ESTABLISHED);
    talk.is("SYN_RECV", 60);
    assert_eq!(talk.says(Client, ACK, (80_001, 60_001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.sends(Client, (80_001, 60_001), 500), ESTABLISHED);
    assert_eq!(talk.sends(Server, (5001, 1001), 10), ESTABLISHED, "too old to matter");
    assert_eq!(talk.sends(Server, (200_000, 80_501), 10), INVALID);
}

#[test]
fn a_syn_inside_a_dead_connection_is_refused() {
    let mut talk = Talk::established();
    talk.says(Client, SYN, (80_000, 0));
    assert_eq!(talk.says(Server, RST | ACK, (0, 80_001)), ESTABLISHED);
    talk.is("CLOSE", 10);
}

#[test]
fn a_half_open_server_challenges_and_is_reset() {
    let mut talk = Talk::new();
    talk.says(Client, SYN, (1000, 0));
    assert_eq!(talk.says(Server, ACK, (700, 900)), ESTABLISHED, "ignored");
    talk.is("SYN_SENT", 120);
    assert_eq!(talk.says(Client, RST, (900, 0)), ESTABLISHED);
    talk.is("CLOSE", 10);
}

#[test]
fn simultaneous_open() {
    let mut talk = Talk::new();
    assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
    assert_eq!(talk.says(Server, SYN, (5000, 0)), ESTABLISHED);
    talk.is("SYN_SENT2", 120);
    assert_eq!(talk.says(Client, SYN | ACK, (1000, 5001)), ESTABLISHED);
    talk.is("SYN_RECV", 60);
    assert_eq!(talk.says(Server, ACK, (5001, 1001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
}

#[test]
fn a_lost_syn_ack_is_repeated_and_ignored() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Server, SYN | ACK, (5000, 1001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.says(Client, ACK, (1001, 5001)), ESTABLISHED);
    assert_eq!(talk.says(Client, SYN | ACK, (1001, 5001)), INVALID);
}

#[test]
fn a_challenge_ack_in_last_ack_is_not_the_last() {
    let mut talk = Talk::established();
    talk.says(Client, FIN | ACK, (1001, 5001));
    talk.says(Server, FIN | ACK, (5001, 1002));
    talk.is("LAST_ACK", 30);
    assert_eq!(talk.says(Client, SYN, (70_000, 0)), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5002, 1002)), ESTABLISHED);
    talk.is("LAST_ACK", 30);
    assert_eq!(talk.says(Client, ACK, (1002, 5002)), ESTABLISHED);
    talk.is("TIME_WAIT", 120);
}

#[test]
fn the_first_answer_is_noted_once() {
    let mut talk = Talk::new();
    assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
    assert_eq!(talk.says(Client, SYN, (1000, 0)), NEW);
    talk.says(Server, SYN | ACK, (5000, 1001));
    assert!(talk.gateway.only().status.has(Status::SEEN_REPLY));
    assert_eq!(talk.says(Client, ACK, (1001, 5001)), ESTABLISHED);
}

#[test]
fn a_header_cut_short_is_invalid() {
    let mut talk = Talk::established();
    let mut cut = segment(Client, ACK, (1001, 5001), 100, 0, &[]);
    cut.bytes.truncate(19);
    assert_eq!(talk.gateway.pass(&cut), INVALID);
    let mut long = segment(Client, ACK, (1001, 5001), 100, 0, &[]);
    long.bytes[12] = 0xf0;
    assert_eq!(talk.gateway.pass(&long), INVALID);
}
