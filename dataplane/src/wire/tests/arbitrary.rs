//! No bytes make any of it panic.

use crate::address::V4;
use crate::ids::InterfaceId;
use crate::packet::{MemoryPacket, MemoryPool, Packet};
use crate::reassembly::Reassembler;
use crate::time::Instant;
use crate::wire::icmp_error::{IcmpError, build, may_answer, quoted};
use crate::wire::parse::{Headers, Payload, parse_trusted};
use crate::wire::samples::{ipv4, ipv6};
use crate::wire::{checksum, echo, forward, fragment, layer4, options, tcp_reset};
use proptest::prelude::*;

fn exercise(frame: &[u8], headers: &Headers) {
    assert!(headers.l3 <= headers.l4 && headers.l4 <= headers.end);
    assert!(usize::from(headers.end) <= frame.len());
    let _ = layer4::layer4(frame, headers);
    let _ = layer4::tcp_options(frame, headers);
    let _ = checksum::l4_state(frame, headers);
    let _ = may_answer(frame, headers);
    let _ = quoted(frame, headers);
    let _ = options::check_options(frame, headers);
    let packet = MemoryPacket::new(frame);
    let mut answer = MemoryPacket::new(&[]);
    build(&mut answer, frame, headers, IcmpError::TimeExceeded, [10, 0, 0, 1].into(), 64, 1);
    tcp_reset::build_reset(&mut MemoryPacket::new(&[]), frame, headers);
    let _ = fragment::fragment(&packet, headers, 68, &mut MemoryPool, |_, _| {});
    let changes: [fn(&mut [u8], &Headers); 4] = [
        |data, headers| {
            let _ = options::forward_options(data, headers, V4([10, 0, 0, 1]));
        },
        |data, headers| {
            let _ = echo::answer_echo(data, headers, 64);
        },
        forward::decrement_ttl,
        checksum::complete_l4,
    ];
    for change in changes {
        let mut copy = packet.clone();
        change(copy.data_mut(), headers);
        assert_eq!(copy.data().len(), frame.len());
    }
    Reassembler::new(1).push(packet, headers, InterfaceId(1), 0, Instant(0));
}

fn read(frame: &[u8]) {
    if let Ok(parsed) = parse_trusted(frame)
        && let Payload::Ip(headers) = parsed.payload
    {
        exercise(frame, &headers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes(frame in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&frame);
    }

    /// Good outside, anything inside, then a few bytes changed and the end cut off.
    #[test]
    fn nearly_good_frames(
        six in any::<bool>(),
        protocol in prop_oneof![Just(0_u8), Just(1), Just(6), Just(17), Just(43), Just(44),
            Just(51), Just(58), Just(60), any::<u8>()],
        options in proptest::collection::vec(any::<u8>(), 0..10),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        bits in prop_oneof![Just(0_u16), any::<u16>()],
        changes in proptest::collection::vec((12_usize..80, any::<u8>()), 0..3),
        cut in 0_usize..20,
    ) {
        let mut frame = if six {
            ipv6(protocol, &payload)
        } else {
            ipv4(protocol, bits, &options.repeat(4), &payload)
        };
        read(&frame);
        for (at, value) in changes {
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        frame.truncate(frame.len() - cut.min(frame.len()));
        read(&frame);
    }
}
