use crate::packet::{MemoryPacket, Packet};
use crate::wire::checksum::{L4ChecksumState, l4_state};
use crate::wire::echo::answer_echo;
use crate::wire::icmp_error::{IcmpError, build, may_answer, quoted};
use crate::wire::layer4::{Layer4Kind, layer4};
use crate::wire::samples::{DESTINATION, SOURCE, completed, echo, headers, ipv4, ipv6, tcp, udp};
use crate::wire::tcp_reset::build_reset;
use std::net::{IpAddr, Ipv6Addr};

const ROUTER: [u8; 4] = [10, 1, 0, 1];

fn error_about(frame: &[u8], error: IcmpError, source: IpAddr) -> Vec<u8> {
    let mut out = MemoryPacket::new(&[]);
    assert!(build(&mut out, frame, &headers(frame), error, source, 64, 0x77));
    // Reading it proves the header checksum.
    let read = headers(out.data());
    assert_eq!(l4_state(out.data(), &read), L4ChecksumState::Good);
    out.data().to_vec()
}

#[test]
fn ipv4_error_quotes_up_to_576_bytes() {
    let frame = ipv4(17, 0, &[], &udp(&[5; 1000]));
    let error = error_about(&frame, IcmpError::FragmentationNeeded { mtu: 1400 }, ROUTER.into());
    assert_eq!(error.len(), 14 + 576);
    // TOS 0x10 of the original with precedence 6.
    assert_eq!(error[14..16], [0x45, 0xd0]);
    assert_eq!(error[26..34], [ROUTER, SOURCE].concat());
    assert_eq!(error[34..36], [3, 4]);
    assert_eq!(error[38..42], [0, 0, 0x05, 0x78]);
    assert_eq!(error[42..], frame[14..14 + 548]);

    let (inner, ports) = quoted(&error, &headers(&error)).unwrap();
    assert_eq!((inner.l3, inner.l4, inner.protocol), (42, 62, 17));
    assert_eq!((ports.source_port.get(), ports.destination_port.get()), (1234, 53));
    assert!(!may_answer(&error, &headers(&error)), "no error about an error");
}

#[test]
fn ipv6_error_quotes_up_to_1280_bytes_and_its_extensions_are_read() {
    let options = [6, 0, 1, 4, 0, 0, 0, 0];
    let frame = ipv6(60, &[&options[..], &tcp(2, &[], &[1; 1400])].concat());
    let error = IcmpError::V6PacketTooBig { mtu: 1300 };
    let error = error_about(&frame, error, Ipv6Addr::LOCALHOST.into());
    assert_eq!(error.len(), 14 + 1280);
    assert_eq!(error[54..56], [2, 0]);
    assert_eq!(error[58..62], 1300_u32.to_be_bytes());
    let (inner, ports) = quoted(&error, &headers(&error)).unwrap();
    assert_eq!((inner.protocol, inner.l4), (6, 14 + 48 + 48));
    assert_eq!(ports.destination_port.get(), 80);
    assert!(!may_answer(&error, &headers(&error)));
}

#[test]
fn a_quote_needs_its_ports() {
    let about = |length: usize| {
        let frame = ipv4(17, 0, &[], &udp(&[])[..length]);
        let error = error_about(&frame, IcmpError::PortUnreachable, ROUTER.into());
        quoted(&error, &headers(&error)).map(|(_, ports)| ports.destination_port.get())
    };
    assert_eq!(about(3), None);
    assert_eq!(about(4), Some(53));
}

#[test]
fn who_gets_no_error() {
    let answers = |frame: &[u8]| may_answer(frame, &headers(frame));
    let said_by = |address: [u8; 4]| {
        let mut frame = ipv4(17, 0, &[], &udp(&[]));
        frame[26..30].copy_from_slice(&address);
        frame[24..26].fill(0);
        let sum = crate::wire::samples::plain_checksum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame
    };
    assert!(answers(&ipv4(17, 0, &[], &udp(&[]))));
    assert!(answers(&ipv4(17, 0x2000, &[], &udp(&[]))), "a first fragment");
    assert!(!answers(&ipv4(17, 1, &[], &udp(&[]))), "a later fragment");
    for kind in 0..=40 {
        let query = matches!(kind, 0 | 8 | 13..=18);
        assert_eq!(answers(&ipv4(1, 0, &[], &echo(kind, &[]))), query, "type {kind}");
    }
    for bad in [[0; 4], [224, 0, 0, 1], [255; 4], [127, 0, 0, 1]] {
        assert!(!answers(&said_by(bad)), "source {bad:?}");
    }
    assert!(answers(&ipv6(58, &echo(128, &[]))));
    assert!(!answers(&ipv6(58, &echo(1, &[]))));
    assert!(answers(&ipv6(44, &[58, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4])), "a later IPv6 fragment");
}

#[test]
fn a_reset_answers_what_was_sent() {
    const SYN_FIN: u8 = 3;
    const ACK: u8 = 0x10;
    for (flags, seq, ack, expected) in [(SYN_FIN, 0, 1000 + 2 + 5, 0x14), (ACK, 2000, 0, 0x04)] {
        let bytes = tcp(flags, &[], &[1; 5]);
        for frame in [ipv4(6, 0, &[], &bytes), ipv6(6, &bytes)] {
            let frame = completed(frame, 16);
            let mut out = MemoryPacket::new(&[]);
            assert!(build_reset(&mut out, &frame, &headers(&frame)));
            let read = headers(out.data());
            assert_eq!(l4_state(out.data(), &read), L4ChecksumState::Good);
            let reset = layer4(out.data(), &read);
            assert_eq!((reset.source_port.get(), reset.destination_port.get()), (80, 40_000));
            let Layer4Kind::Tcp(fields) = reset.kind else { panic!("{reset:?}") };
            assert_eq!((fields.seq, fields.ack, fields.flags), (seq, ack, expected));
            assert_eq!((fields.window, fields.payload_len, read.ttl), (0, 0, 64));
        }
    }
}

#[test]
fn what_gets_no_reset() {
    let reset = completed(ipv4(6, 0, &[], &tcp(4, &[], &[])), 16);
    let mut wrong = completed(ipv4(6, 0, &[], &tcp(2, &[], &[])), 16);
    wrong[50] ^= 1;
    for frame in [reset, wrong, ipv4(17, 0, &[], &udp(&[]))] {
        let mut out = MemoryPacket::new(&[]);
        assert!(!build_reset(&mut out, &frame, &headers(&frame)));
    }
}

#[test]
fn echo_reply_v4() {
    let request = completed(ipv4(1, 0x4000, &[], &echo(8, b"payload")), 2);
    let mut reply = request.clone();
    assert!(answer_echo(&mut reply, &headers(&request), 63));
    let read = headers(&reply);
    assert_eq!(l4_state(&reply, &read), L4ChecksumState::Good);
    assert_eq!((read.ttl, read.tos, read.dont_fragment(&reply)), (63, 0x10, false));
    assert_eq!(reply[26..34], [DESTINATION, SOURCE].concat());
    assert_eq!(reply[34], 0);
    assert_eq!(reply[38..], request[38..]);
}

#[test]
fn echo_reply_records_the_gateway_twice() {
    let mut options = [0; 12];
    options[..3].copy_from_slice(&[7, 11, 4]);
    let mut frame = completed(ipv4(1, 0, &options, &echo(8, &[])), 2);
    let before = headers(&frame);
    assert!(answer_echo(&mut frame, &before, 64));
    assert_eq!(headers(&frame), before);
    assert_eq!(frame[34..46], [&[7, 11, 12][..], &DESTINATION, &DESTINATION, &[0]].concat());
}

#[test]
fn echo_reply_keeps_records_only() {
    // A no-operation, router alert, a full record route; what stands behind the end of the list is lost.
    let options = [1, 0x94, 4, 0, 0, 7, 7, 8, 10, 0, 0, 1, 1, 0, 9, 9];
    let mut frame = completed(ipv4(1, 0, &options, &echo(8, b"payload")), 2);
    let before = headers(&frame);
    assert!(answer_echo(&mut frame, &before, 64));
    let read = headers(&frame);
    assert_eq!((read.l4, read.end), (before.l4 - 8, before.end - 8));
    assert_eq!(frame[34..42], [7, 7, 8, 10, 0, 0, 1, 0]);
    assert_eq!(l4_state(&frame, &read), L4ChecksumState::Good);
    assert_eq!(&frame[50..57], b"payload");
}

#[test]
fn echo_reply_v6_without_the_extensions() {
    let options = [58, 0, 1, 4, 0, 0, 0, 0];
    let request = ipv6(60, &[&options[..], &echo(128, b"payload")].concat());
    let mut request = completed(request, 2);
    request[15..18].copy_from_slice(&[0x25, 6, 7]);
    let mut reply = request.clone();
    assert!(answer_echo(&mut reply, &headers(&request), 64));
    let read = headers(&reply);
    assert_eq!((read.protocol, read.l4, read.end), (58, 54, 54 + 15));
    assert_eq!(reply[15..18], [0x20, 0, 0]);
    assert_eq!(l4_state(&reply, &read), L4ChecksumState::Good);
    assert_eq!(reply[54], 129);
    assert_eq!(reply[58..69], request[66..77]);
    assert_eq!(reply[22..54], [&request[38..54], &request[22..38]].concat());
}

#[test]
fn a_corrupt_or_fragmented_echo_is_not_answered() {
    let mut corrupt = completed(ipv4(1, 0, &[], &echo(8, b"payload")), 2);
    corrupt[44] ^= 1;
    let fragment = completed(ipv4(1, 0x2000, &[], &echo(8, b"payload!")), 2);
    for mut frame in [corrupt, fragment] {
        let before = frame.clone();
        let headers = headers(&frame);
        assert!(!answer_echo(&mut frame, &headers, 64));
        assert_eq!(frame, before);
    }
}
