//! Connections whose ends count differently.

use super::tcp::{Client, End, Server, WSCALE_AND_SACK, segment};
use super::*;
use crate::conntrack::shift::Role;
use crate::wire::checksum::complete_l4;
use crate::wire::layer4::{TcpOptions, tcp_options};
use crate::wire::tcp_flags::{ACK, RST, SYN};
use proptest::prelude::*;

/// What the client was greeted with, where the server counts from 5000.
const GREETING: u32 = 0xffff_ff00;

/// A connection that SYNPROXY has begun, up to where both ends may speak.
fn proxied() -> Gateway {
    let mut gateway = Gateway::new();
    let syn = segment(Client, SYN, (1000, GREETING), 64_240, 0, WSCALE_AND_SACK);
    let mut new = gateway.enter(&syn).unwrap_err();
    new.set_proxied();
    assert!(gateway.conntrack.claim_reply(&mut new));
    let flow = gateway.conntrack.confirm(new, gateway.now).unwrap();
    gateway.conntrack.note_greeting(flow, GREETING, Some(70));
    let answer = segment(Server, SYN | ACK, (5000, 1001), 65_160, 0, WSCALE_AND_SACK);
    assert_eq!(gateway.pass(&answer), ESTABLISHED);
    // What the gateway says itself counts as the server does.
    assert_eq!(gateway.pass(&segment(Client, ACK, (1001, 5001), 502, 0, &[])), ESTABLISHED);
    gateway.conntrack.align(flow.peer(), 5000);
    gateway
}

fn flow_of(gateway: &Gateway, from: End) -> FlowRef {
    gateway.flow(&segment(from, ACK, (0, 0), 0, 0, &[]).tuple().unwrap()).unwrap()
}

fn data(from: End, numbers: (u32, u32)) -> Sent {
    segment(from, ACK, numbers, 502, 10, &[])
}

#[test]
fn the_client_s_acknowledgements_are_tracked_as_the_server_counts() {
    let mut gateway = proxied();
    for round in 0..20_u32 {
        let (sent, heard) = (1001 + 10 * round, GREETING.wrapping_add(1 + 10 * round));
        assert_eq!(gateway.pass(&data(Client, (sent, heard))), ESTABLISHED);
        assert_eq!(gateway.pass(&data(Server, (5001 + 10 * round, sent + 10))), ESTABLISHED);
    }
    let heard = GREETING.wrapping_add(201);
    assert_eq!(gateway.pass(&data(Client, (1201, heard.wrapping_add(1)))), INVALID, "not sent yet");
    assert_eq!(gateway.pass(&data(Client, (1201, 5201))), INVALID, "the server's own number");
    // SACK blocks are the client's numbers too.
    let block = |edge: u32| {
        [vec![1, 1, 5, 10], heard.to_be_bytes().into(), edge.to_be_bytes().into()].concat()
    };
    assert_eq!(gateway.pass(&data(Server, (5211, 1201))), ESTABLISHED);
    let sack = segment(Client, ACK, (1201, heard), 502, 0, &block(heard.wrapping_add(20)));
    assert_eq!(gateway.pass(&sack), ESTABLISHED);
    let sack = segment(Client, ACK, (1201, heard), 502, 0, &block(heard.wrapping_add(21)));
    assert_eq!(gateway.pass(&sack), INVALID);
    assert_eq!(gateway.pass(&segment(Client, RST, (1201, 0), 0, 0, &[])), ESTABLISHED);
}

#[test]
fn a_client_asks_whether_anybody_is_there() {
    let mut gateway = Gateway::new();
    let syn = segment(Client, SYN, (1000, GREETING), 64_240, 0, &[]);
    let mut new = gateway.enter(&syn).unwrap_err();
    new.set_proxied();
    assert!(gateway.conntrack.claim_reply(&mut new));
    gateway.conntrack.confirm(new, gateway.now).unwrap();
    let asks = |seq| segment(Client, ACK, (seq, GREETING.wrapping_add(1)), 502, 0, &[]);
    assert_eq!(gateway.pass(&asks(1000)), NEW);
    assert_eq!(gateway.pass(&asks(1001)), INVALID);
    let mut plain = Gateway::new();
    assert_eq!(plain.pass(&syn), NEW);
    assert_eq!(plain.pass(&asks(1000)), INVALID, "SYNPROXY has not begun it");
}

#[test]
fn a_slot_used_again_forgets_the_shift() {
    let mut gateway = proxied();
    let flow = flow_of(&gateway, Client);
    assert!(gateway.conntrack.is_adjusted(flow));
    gateway.conntrack.remove(flow, |_| {});
    assert_eq!(gateway.pass(&segment(Client, SYN, (1000, 0), 64_240, 0, &[])), NEW);
    assert!(!gateway.conntrack.is_adjusted(flow_of(&gateway, Client)));
    let mut again = proxied();
    let shifted = again.conntrack.shifts.get(flow.session());
    again.conntrack.shifts.begin(flow.session(), Role::default());
    assert_ne!(again.conntrack.shifts.get(flow.session()), shifted);
}

/// Options: padding, timestamps, SACK blocks, something else, in any order.
fn options() -> impl Strategy<Value = Vec<u8>> {
    let blocks = prop::collection::vec(any::<[u32; 2]>(), 0..3);
    let sack = blocks.prop_map(|blocks| {
        let edges = blocks.concat();
        let bytes = edges.iter().flat_map(|edge| edge.to_be_bytes());
        [5, 2 + 4 * edges.len() as u8].into_iter().chain(bytes).collect::<Vec<u8>>()
    });
    let times = any::<[u32; 2]>().prop_map(|[own, echoed]| {
        [vec![8, 10], own.to_be_bytes().into(), echoed.to_be_bytes().into()].concat()
    });
    let other = prop_oneof![Just(vec![1]), Just(vec![3, 3, 7]), Just(vec![254, 4, 9, 9])];
    prop::collection::vec(prop_oneof![sack, times, other], 0..5).prop_filter_map(
        "they fit into a header",
        |options| {
            let mut bytes = options.concat();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            (bytes.len() <= 40).then_some(bytes)
        },
    )
}

/// The options with what the plain rules say of them: each SACK edge less `by`, the first timestamp's number at
/// `at` more `clock`.
fn expected(options: &[u8], by: u32, at: usize, clock: u32) -> Vec<u8> {
    let mut bytes = options.to_vec();
    let mut add = |place: usize, by: u32| {
        let number = u32::from_be_bytes(options[place..place + 4].try_into().unwrap());
        bytes[place..place + 4].copy_from_slice(&number.wrapping_add(by).to_be_bytes());
    };
    let (mut from, mut told) = (0, false);
    while from < options.len() && options[from] != 0 {
        if options[from] == 1 {
            from += 1;
            continue;
        }
        let end = from + usize::from(options[from + 1]);
        match options[from] {
            5 => (from + 2..end).step_by(4).for_each(|place| add(place, by.wrapping_neg())),
            8 if !told => {
                add(from + at, clock);
                told = true;
            }
            _ => {}
        }
        from = end;
    }
    bytes
}

proptest! {
    #[test]
    fn every_number_moves_and_the_checksum_stays_right(
        options in options(), seq: u32, ack: u32, server_time: u32, by_server: bool, acks: bool,
    ) {
        let mut gateway = proxied();
        let from = if by_server { Server } else { Client };
        let flow = flow_of(&gateway, from);
        gateway.conntrack.set_clock(flow, Some(server_time));
        let flags = if acks { ACK } else { RST };
        let mut sent = segment(from, flags, (seq, ack), 502, 7, &options);
        let headers = sent.headers();
        complete_l4(&mut sent.bytes, &headers);
        let mut shifted = sent.bytes.clone();
        prop_assert!(gateway.conntrack.shift(flow, &mut shifted, &headers));
        // The server's numbers are 5000 where the client hears GREETING; its clock says server_time for 70.
        let (by, clock) = (GREETING.wrapping_sub(5000), server_time.wrapping_sub(70));
        let told = |ack: u32, by| if acks { ack.wrapping_sub(by) } else { ack };
        let (numbers, options) = match by_server {
            true => ((seq.wrapping_add(by), ack), expected(&options, 0, 2, clock.wrapping_neg())),
            false => ((seq, told(ack, by)), expected(&options, by, 6, clock)),
        };
        let mut plain = segment(from, flags, numbers, 502, 7, &options);
        complete_l4(&mut plain.bytes, &headers);
        // Ones' complement has two zeroes.
        let zero = |bytes: &mut Vec<u8>| if bytes[16..18] == [0xff; 2] { bytes[16..18].fill(0) };
        zero(&mut shifted);
        zero(&mut plain.bytes);
        prop_assert_eq!(shifted, plain.bytes);
    }

    #[test]
    fn any_bytes_are_shifted_or_left_alone(
        bytes in prop::collection::vec(any::<u8>(), 0..80), l4 in 0_u16..40, by_server: bool,
    ) {
        let mut gateway = proxied();
        let flow = flow_of(&gateway, if by_server { Server } else { Client });
        gateway.conntrack.set_clock(flow, Some(5));
        let template = segment(Client, ACK, (0, 0), 0, 0, &[]).headers();
        let headers = Headers { l4, end: bytes.len() as u16, ..template };
        let mut shifted = bytes.clone();
        if !gateway.conntrack.shift(flow, &mut shifted, &headers) {
            prop_assert_eq!(shifted, bytes);
        }
    }
}

#[test]
fn options_cut_short_are_not_shifted() {
    let gateway = proxied();
    for options in [&[5_u8, 10, 0, 0][..], &[1, 1, 1, 5], &[9, 0, 1, 1], &[9, 1, 1, 1]] {
        let mut sent = segment(Client, ACK, (1, 2), 3, 0, options);
        let (headers, before) = (sent.headers(), sent.bytes.clone());
        let flow = flow_of(&gateway, Client);
        assert!(!gateway.conntrack.shift(flow, &mut sent.bytes, &headers), "{options:?}");
        assert_eq!(sent.bytes, before);
    }
    // Behind the end of the list nothing is looked at.
    let mut sent = segment(Client, ACK, (1, 2), 3, 0, &[0, 5, 10, 0]);
    let headers = sent.headers();
    assert!(gateway.conntrack.shift(flow_of(&gateway, Client), &mut sent.bytes, &headers));
    assert_eq!(tcp_options(&sent.bytes, &headers), TcpOptions::default());
}
