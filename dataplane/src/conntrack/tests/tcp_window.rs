//! Segments in and out of the window.

use super::tcp::{Client, End, Server, Talk, WSCALE_AND_SACK, segment};
use super::*;
use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

fn window_of(talk: &Talk, from: End) -> Window {
    let tuple = segment(from, ACK, (0, 0), 0, 0, &[]).tuple().unwrap();
    talk.gateway.conntrack.half(talk.gateway.flow(&tuple).unwrap()).window
}

/// Both ends offer scaling by 7 and SACK.
fn scaled() -> Talk {
    let mut talk = Talk::new();
    talk.gateway.pass(&segment(Client, SYN, (1000, 0), 64_240, 0, WSCALE_AND_SACK));
    talk.gateway.pass(&segment(Server, SYN | ACK, (5000, 1001), 65_160, 0, WSCALE_AND_SACK));
    talk.gateway.pass(&segment(Client, ACK, (1001, 5001), 502, 0, &[]));
    talk
}

#[test]
fn data_within_the_window_passes_and_beyond_is_invalid() {
    let mut talk = Talk::established();
    assert_eq!(talk.sends(Client, (1001, 5001), 1000), ESTABLISHED);
    assert_eq!(talk.sends(Client, (31_001, 5001), 10), ESTABLISHED, "up to the edge");
    assert_eq!(talk.sends(Client, (900_000, 5001), 10), INVALID);
    assert_eq!(talk.gateway.conntrack.statistics().invalid, 1);
}

#[test]
fn acknowledgements_of_what_was_not_sent_are_invalid() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Server, ACK, (5001, 1002)), INVALID);
    assert_eq!(talk.sends(Client, (1001, 5001), 1), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5001, 1002)), ESTABLISHED);
}

#[test]
fn old_segments_and_old_acknowledgements_pass() {
    let mut talk = Talk::established();
    for sent in 0..100 {
        let seq = 1001 + sent * 1000;
        assert_eq!(talk.sends(Client, (seq, 5001), 1000), ESTABLISHED);
        assert_eq!(talk.says(Server, ACK, (5001, seq + 1000)), ESTABLISHED);
    }
    assert_eq!(talk.sends(Client, (1001, 5001), 1000), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5001, 1500)), ESTABLISHED);
    assert_eq!(window_of(&talk, Client).end, 101_001, "and leave no trace");
}

#[test]
fn a_little_too_much_passes_and_its_acknowledgement_too() {
    let mut talk = Talk::established();
    assert_eq!(talk.sends(Client, (1001, 5001), 30_000), ESTABLISHED);
    let excess = segment(Client, ACK, (31_002, 5001), 30_000, 1000, &[]);
    assert_eq!(talk.gateway.pass(&excess), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5001, 32_002)), ESTABLISHED);
}

#[test]
fn windows_scale_when_both_ends_offer_it() {
    let talk = scaled();
    assert_eq!(window_of(&talk, Client).scale, 7);
    assert_eq!(window_of(&talk, Server).max_end, 5001 + (502 << 7));
    let mut talk = Talk::new();
    talk.gateway.pass(&segment(Client, SYN, (1000, 0), 64_240, 0, WSCALE_AND_SACK));
    talk.gateway.pass(&segment(Server, SYN | ACK, (5000, 1001), 65_160, 0, &[4, 2, 1, 1]));
    assert_eq!(window_of(&talk, Client).scale, 0);
    talk.gateway.pass(&segment(Client, ACK, (1001, 5001), 502, 0, &[]));
    assert_eq!(window_of(&talk, Server).max_end, 5001 + 502);
}

#[test]
fn a_selective_acknowledgement_moves_the_window() {
    let mut talk = scaled();
    let data = |seq| segment(Server, ACK, (seq, 1001), 509, 1000, &[]);
    assert_eq!(talk.gateway.pass(&data(5001)), ESTABLISHED);
    assert_eq!(talk.gateway.pass(&data(7001)), ESTABLISHED);
    let mut options = vec![1, 1, 5, 10];
    options.extend(7001u32.to_be_bytes());
    options.extend(8001u32.to_be_bytes());
    let sack = segment(Client, ACK, (1001, 6001), 502, 0, &options);
    assert_eq!(talk.gateway.pass(&sack), ESTABLISHED);
    assert_eq!(window_of(&talk, Server).max_end, 8001 + (502 << 7));
    options.truncate(8);
    options.extend(9001u32.to_be_bytes());
    let lie = segment(Client, ACK, (1001, 6001), 502, 0, &options);
    assert_eq!(talk.gateway.pass(&lie), INVALID, "not sent yet");
}

#[test]
fn sequence_numbers_wrap() {
    let mut talk = Talk::new();
    let start = u32::MAX - 500;
    assert_eq!(talk.says(Client, SYN, (start, 0)), NEW);
    talk.says(Server, SYN | ACK, (5000, start.wrapping_add(1)));
    talk.says(Client, ACK, (start.wrapping_add(1), 5001));
    assert_eq!(talk.sends(Client, (start.wrapping_add(1), 5001), 1000), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5001, start.wrapping_add(1001))), ESTABLISHED);
    assert_eq!(talk.sends(Client, (start.wrapping_add(1001), 5001), 1000), ESTABLISHED);
    assert_eq!(window_of(&talk, Client).end, 1500);
}

#[test]
fn a_rst_counts_when_its_number_is_exact() {
    let mut talk = Talk::established();
    talk.sends(Client, (1001, 5001), 100);
    talk.says(Server, ACK, (5001, 1101));
    assert_eq!(talk.says(Client, RST, (1000, 0)), INVALID, "already acknowledged");
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.says(Client, RST, (1200, 0)), ESTABLISHED, "may be challenged");
    talk.is("ESTABLISHED", 10);
    assert_eq!(talk.says(Server, ACK, (5001, 1101)), ESTABLISHED, "the challenge");
    talk.is("ESTABLISHED", 300);
    assert_eq!(talk.says(Client, RST, (1101, 0)), ESTABLISHED);
    talk.is("CLOSE", 10);
}

#[test]
fn a_rst_right_behind_its_data_counts() {
    let mut talk = Talk::established();
    talk.says(Server, ACK, (5001, 1001));
    talk.sends(Client, (1001, 5001), 100);
    assert_eq!(talk.says(Client, RST | ACK, (1101, 5001)), ESTABLISHED);
    talk.is("CLOSE", 10);
}

#[test]
fn invalid_rsts_can_be_let_through() {
    let mut talk = Talk::established();
    talk.gateway.settings.tcp_ignore_invalid_rst = true;
    talk.sends(Client, (1001, 5001), 100);
    talk.says(Server, ACK, (5001, 1101));
    assert_eq!(talk.says(Client, RST, (1000, 0)), ESTABLISHED);
    assert_eq!(talk.gateway.only().state, "ESTABLISHED");
}

#[test]
fn liberal_accepts_what_lies_outside() {
    let mut talk = Talk::established();
    talk.gateway.settings.tcp_be_liberal = true;
    assert_eq!(talk.sends(Client, (900_000, 5001), 10), ESTABLISHED);
    assert_eq!(window_of(&talk, Client).end, 1001, "but does not believe it");
}

#[test]
fn both_ends_close_out_of_window() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Client, FIN | ACK, (900_000, 5001)), INVALID);
    talk.is("ESTABLISHED", 432_000);
    assert_eq!(talk.says(Server, FIN | ACK, (900_000, 1001)), INVALID);
    talk.is("ESTABLISHED", 300);
}

#[test]
fn repetitions_and_closed_windows_shorten_the_rest() {
    let mut talk = Talk::established();
    for _ in 0..3 {
        talk.says(Client, ACK, (1001, 5001));
    }
    talk.is("ESTABLISHED", 300);
    talk.says(Server, ACK, (5001, 1001));
    talk.is("ESTABLISHED", 432_000);
    talk.gateway.pass(&segment(Client, ACK, (1001, 5001), 0, 0, &[]));
    talk.is("ESTABLISHED", 300);
}

#[test]
fn a_keep_alive_is_old_data_of_no_length() {
    let mut talk = Talk::established();
    assert_eq!(talk.says(Client, ACK, (1000, 5001)), ESTABLISHED);
    assert_eq!(talk.says(Server, ACK, (5001, 1001)), ESTABLISHED);
    talk.is("ESTABLISHED", 432_000);
}
