//! Everything the data plane does with the bytes of one frame: `cargo +nightly fuzz run frame`.
//!
//! The IPv4 header checksum is not asked for, as the fuzzer would hardly ever guess one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_dataplane::address::V4;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::packet::{MemoryPacket, MemoryPool, Packet};
use sluice_dataplane::reassembly::{Reassembler, Reassembly};
use sluice_dataplane::time::Instant;
use sluice_dataplane::wire::icmp_error::{IcmpError, build, may_answer, quoted};
use sluice_dataplane::wire::parse::{Headers, Payload, parse, parse_trusted};
use sluice_dataplane::wire::{checksum, echo, forward, fragment, layer4, options, tcp_reset};

const OWN: V4 = V4([10, 0, 0, 1]);

fuzz_target!(|frame: &[u8]| {
    let checked = parse(frame);
    let Ok(parsed) = parse_trusted(frame) else {
        assert!(checked.is_err(), "more checks refuse no less");
        return;
    };
    if let Payload::Ip(headers) = parsed.payload {
        assert!(headers.l3 <= headers.l4 && headers.l4 <= headers.end);
        assert!(usize::from(headers.end) <= frame.len());
        read(frame, &headers);
        change(frame, &headers);
        collect(frame, &headers);
    }
});

fn read(frame: &[u8], headers: &Headers) {
    let _ = layer4::layer4(frame, headers);
    let _ = layer4::tcp_options(frame, headers);
    let _ = checksum::l4_state(frame, headers);
    let _ = options::check_options(frame, headers);
    let _ = may_answer(frame, headers);
    let _ = quoted(frame, headers);
    let mut error = MemoryPacket::new(&[]);
    build(&mut error, frame, headers, IcmpError::TimeExceeded, OWN.0.into(), 64, 1);
    tcp_reset::build_reset(&mut MemoryPacket::new(&[]), frame, headers);
}

fn change(frame: &[u8], headers: &Headers) {
    let _ = options::forward_options(&mut frame.to_vec(), headers, OWN);
    let mut completed = frame.to_vec();
    forward::decrement_ttl(&mut completed, headers);
    checksum::complete_l4(&mut completed, headers);
    let mut reply = frame.to_vec();
    if echo::answer_echo(&mut reply, headers, 64) {
        assert!(parse(&reply).is_ok(), "a reply can be read");
    }
}

/// Cut in pieces and put together again.
fn collect(frame: &[u8], headers: &Headers) {
    let mut reassembler = Reassembler::new(1);
    let mut complete = 0;
    let packet = MemoryPacket::new(frame);
    let _ = fragment::fragment(&packet, headers, 576, &mut MemoryPool, |_, piece| {
        if let Ok(parsed) = parse(piece.data())
            && let Payload::Ip(headers) = parsed.payload
            && let Reassembly::Complete(whole) =
                reassembler.push(piece, &headers, InterfaceId(1), 0, Instant(0))
        {
            complete += whole.pieces.len();
        }
    });
    assert!(complete <= 64);
}
