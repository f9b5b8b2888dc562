use super::ras::{Addresses, read_ras};
use super::signalling::{Announced, Role, read_h245, read_q931};
use super::{Place, RasMessage, tpkt, written};
use crate::address::{Address, V4, V6};
use proptest::prelude::*;

// As the kernel reads them too: it expects the same of them in the differential tests.
const SETUP: &str = "\
    080212340504038893a528026d657e010d0530f8060008914a0004000a01000203e802018045674001006100\
    622280b50000090470686f6e65000201804567400100610062000a01000203e9000707070707070707070707\
    070707070700451807000a01000203ea11000909090909090909090909090909090951021a0000040c601380\
    12150001000a0100021388000a01000213898034c000041018300100401000800b050001000a010002138b80\
    4c6013800b110001000a010002138a8003000942000a01000205de00010040b5000009036f776e04c0018042\
    021e03800004101830010040100080040100018003000942000a01000205df002122c0000405800942000a01\
    000205e000101c00000a010002138c000a010002138d";
const FORWARDED: &str = "\
    080212346204038893a528026d657e00e00536d0060008914a0004000a01000203eb07070707070707070707\
    07070707070721e0c011000909090909090909090909090909090907000a01000203e851021a0000040c6013\
    8012150001000a0100021388000a01000213898034c000041018300100401000800b050001000a010002138b\
    804c6013800b110001000a010002138a8003000942000a01000205de0040b5000009036f776e04c001804202\
    1e03800004101830010040100080040100018003000942000a01000205df002122c0000405800942000a0100\
    0205e000101c00000a010002138c000a010002138d";
const PROGRESS: &str = "\
    080212340304038893a528026d657e012605380080d15c060008914a00042280b50000090470686f6e65000a\
    01000203e80009090909090909090909090909090909017c00020008c0500102030a00730065006300720065\
    0074000010aabb0005f800080210010101010101010101010101010101010201020204000061c05001020302\
    000800141234520200084002010203616263021a0000040c60138012150001000a0100021388000a01000213\
    898034c000041018300100401000800b050001000a010002138b804c6013800b110001000a010002138a8003\
    000942000a01000205de0040b5000009036f776e04c0018042021e0380000410183001004010008004010001\
    8003000942000a01000205df002122c0000405800942000a01000205e000101c00000a010002138c000a0100\
    02138d";
const OPEN6: &str = "\
    030000040c6013802a15000108fd000001000000000000000000000002138808fd0000010000000000000000\
    00000002138980";
const RRQ: &str = "\
    0ec00002060008914a00048002000a0100020001000a010002000201000a01000200032280b5000009047068\
    6f6e650002018045674001006100620a006b0065006500700065007240b50000090470686f6e650a88034000\
    3b0180";
const ARQ: &str = "\
    25d000040010007500730201804567400100610062000a01000200010201804567400100610062000a010002\
    000240050000070707070707070707070707070707070700";
const IRR: &str = "\
    580000062280b50000090470686f6e65002000750073000a010002000103000a010002000230fd0000010000\
    000000000000000000020003000a0100020004";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// What is announced of 10.1.0.2 or fd00:1::2.
fn ports(message: &[u8], announced: &Announced) -> Vec<(Role, u16)> {
    announced.iter().map(|(role, place)| (role, port(message, place))).collect()
}

fn port(message: &[u8], place: Place) -> u16 {
    let v4 =
        place.read::<V4>(message).filter(|(address, _)| address.to_ip().to_string() == "10.1.0.2");
    let v6 =
        place.read::<V6>(message).filter(|(address, _)| address.to_ip().to_string() == "fd00:1::2");
    v4.map(|(_, port)| port).or(v6.map(|(_, port)| port)).unwrap()
}

const TUNNELLED: [(Role, u16); 4] =
    [(Role::Data, 1503), (Role::Media, 5004), (Role::Media, 5005), (Role::Data, 1504)];

#[test]
fn a_call_announces_its_own_addresses_then_channels_then_those_of_h245_within() {
    let message = bytes(SETUP);
    let mut expected =
        vec![(Role::H245, 1000), (Role::DestinationSignal, 1001), (Role::SourceSignal, 1002)];
    expected.extend([5000, 5001, 5003, 5002].map(|port| (Role::Media, port)));
    expected.push((Role::Data, 1502));
    expected.extend(TUNNELLED);
    assert_eq!(ports(&message, &read_q931(&message).unwrap()), expected);
}

#[test]
fn of_a_forwarded_call_nothing_else_counts_but_h245_within() {
    let message = bytes(FORWARDED);
    let expected = [&[(Role::Forwarded, 1003)][..], &TUNNELLED].concat();
    assert_eq!(ports(&message, &read_q931(&message).unwrap()), expected);
}

#[test]
fn tokens_are_passed_over() {
    let message = bytes(PROGRESS);
    let announced = ports(&message, &read_q931(&message).unwrap());
    assert_eq!(announced.first(), Some(&(Role::H245, 1000)));
    assert_eq!(announced.len(), 10);
}

#[test]
fn addresses_of_ipv6_are_read() {
    let message = bytes(OPEN6);
    let announced = read_h245(&message).unwrap();
    assert_eq!(ports(&message, &announced), [(Role::Media, 5000), (Role::Media, 5001)]);
    assert!(announced.iter().all(|(_, place)| place.read::<V4>(&message).is_none()));
}

#[test]
fn registrations_and_admissions_are_read() {
    let list = |message: &[u8], addresses: &Addresses| -> Vec<u16> {
        addresses.iter().map(|place| port(message, place.unwrap())).collect()
    };
    let message = bytes(RRQ);
    let ras = read_ras(&message).unwrap().unwrap();
    assert_eq!((ras.message, ras.time_to_live), (RasMessage::RegistrationRequest, Some(60)));
    assert_eq!((list(&message, &ras.signal), list(&message, &ras.asked)), (vec![1, 2], vec![3]));
    let message = bytes(ARQ);
    let ras = read_ras(&message).unwrap().unwrap();
    assert_eq!([ras.destination, ras.source].map(|place| port(&message, place.unwrap())), [1, 2]);
    let message = bytes(IRR);
    let ras = read_ras(&message).unwrap().unwrap();
    assert_eq!((list(&message, &ras.asked), list(&message, &ras.signal)), (vec![1], vec![2, 3, 4]));
}

/// A time to live is passed twice: with nothing behind it the message ends too early.
#[test]
fn a_time_to_live_at_the_end_is_unreadable() {
    let message = bytes(RRQ);
    assert!(read_ras(&message).is_ok());
    assert!(read_ras(&message[..message.len() - 1]).is_err());
}

#[test]
fn addresses_are_written_as_messages_have_them() {
    let text = written(V4::from_bits(0x0a01_0002), 0x1234);
    assert_eq!(text.as_bytes(), [10, 1, 0, 2, 0x12, 0x34]);
}

#[test]
fn messages_come_whole_or_behind_a_header_alone() {
    let mut awaited = 0;
    let two = [3, 0, 0, 6, 1, 2, 3, 0, 0, 5, 9];
    let first = tpkt::first(&two, &mut awaited).unwrap();
    assert_eq!((first.clone(), awaited), (4..6, 0));
    let second = tpkt::next(&two, &first).unwrap();
    assert_eq!((second.clone(), tpkt::next(&two, &second)), (10..11, None));
    assert_eq!(tpkt::first(&two[..5], &mut awaited), None, "cut");
    assert_eq!(tpkt::next(&two[..10], &first), None, "a header alone behind a message");
    // A header alone, then its message, once.
    assert_eq!((tpkt::first(&[3, 0, 0, 6], &mut awaited), awaited), (None, 2));
    assert_eq!((tpkt::first(&[7, 7, 7], &mut awaited), awaited), (Some(0..2), 0));
    assert_eq!(tpkt::first(&[7, 7, 7], &mut awaited), None);
    // Nothing between, and not too little.
    for between in [&b""[..], b"7"] {
        assert_eq!((tpkt::first(&[3, 0, 0, 6], &mut awaited), awaited), (None, 2));
        assert_eq!((tpkt::first(between, &mut awaited), awaited), (None, 0));
    }
    assert_eq!(tpkt::first(&[3, 0, 0, 4], &mut awaited), Some(4..4));
    assert_eq!((tpkt::first(&[3, 0, 0, 3, 1], &mut awaited), awaited), (None, 0));
}

/// Whatever is read of `message` lies within it.
fn read_all(message: &[u8]) {
    for announced in [read_q931(message), read_h245(message)].into_iter().flatten() {
        for (_, place) in announced.iter() {
            assert!(usize::from(place.at) + 6 <= message.len());
        }
    }
    if let Ok(Some(ras)) = read_ras(message) {
        let places = ras.asked.iter().chain(ras.signal.iter()).flatten();
        assert!(places.into_iter().all(|place| usize::from(place.at) + 6 <= message.len()));
    }
}

#[test]
fn a_length_that_leads_back_again_and_again_ends() {
    let mut message = bytes(SETUP);
    // As many channels as can be counted, each of no length, read as what follows.
    let list = message.windows(5).position(|window| window == [0x51, 2, 0x1a, 0, 0]).unwrap();
    message.splice(list + 1..list + 2, [0xbf, 0xff]);
    message.resize(60_000, 0);
    read_all(&message);
}

proptest! {
    #[test]
    fn nothing_that_is_said_is_read_beyond_its_end(
        which in 0_usize..7, cut: prop::sample::Index, at: prop::sample::Index, byte: u8,
    ) {
        let mut message = bytes([SETUP, FORWARDED, PROGRESS, OPEN6, RRQ, ARQ, IRR][which]);
        let place = at.index(message.len());
        message[place] = byte;
        message.truncate(cut.index(message.len() + 1));
        read_all(&message);
    }

    #[test]
    fn anything_can_be_read(message in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&message);
    }
}
