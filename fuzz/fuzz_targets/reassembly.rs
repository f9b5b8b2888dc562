//! Fragments of any bytes, each behind its length: all of them are held, handed out or dropped, and no datagram that is
//! complete has a hole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::packet::{MemoryPacket, Packet};
use sluice_dataplane::reassembly::{Datagram, Reassembler, Reassembly};
use sluice_dataplane::time::Instant;
use sluice_dataplane::wire::parse::{Payload, parse_trusted};

fuzz_target!(|bytes: &[u8]| {
    let mut reassembler = Reassembler::new(2);
    let (mut given, mut back, mut now, mut rest) = (0, 0, Instant(0), bytes);
    while let [length, time, tail @ ..] = rest {
        let (piece, behind) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = behind;
        // A second or none; now and then more than a datagram may take.
        now = Instant(now.0 + u64::from(if *time == 255 { 61 } else { time & 1 }) * 1_000_000_000);
        let kind: &[u8] = if piece.first().is_some_and(|first| first >> 4 == 6) { &[0x86, 0xdd] } else { &[8, 0] };
        let frame = [&[2; 12], kind, piece].concat();
        let Ok(parsed) = parse_trusted(&frame) else { continue };
        let Payload::Ip(headers) = parsed.payload else { continue };
        given += 1;
        match reassembler.push(MemoryPacket::new(&frame), &headers, InterfaceId(1), 0, now) {
            Reassembly::Pending => {}
            Reassembly::Complete(Datagram { pieces: whole, .. }) => {
                let mut end = 0;
                for (packet, headers) in &whole {
                    let offset = headers.fragment.map_or(0, |fragment| usize::from(fragment.offset));
                    assert_eq!(offset, end, "a hole");
                    end = offset + headers.payload(packet.data()).len();
                }
                back += whole.len();
                reassembler.give_back(whole);
            }
            Reassembly::Dropped(_, others) => back += 1 + others,
        }
        while let Some((_, _, count)) = reassembler.expire_one(now) {
            back += count;
        }
        assert_eq!(given, back + reassembler.held());
    }
});
