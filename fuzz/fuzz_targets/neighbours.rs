//! ARP and neighbour discovery, from the frame to the table: frames of any bytes, each behind its length, and time that
//! passes between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_dataplane::address::Mac;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::neighbour::arp::{self, Arp};
use sluice_dataplane::neighbour::ndp::{self, Message};
use sluice_dataplane::neighbour::{Machine, NeighbourTable, Settings};
use sluice_dataplane::packet::{MemoryPacket, Packet};
use sluice_dataplane::time::Instant;
use sluice_dataplane::wire::checksum::complete_l4;
use sluice_dataplane::wire::parse::{Headers, Payload, parse_trusted};

const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
const WIRE: InterfaceId = InterfaceId(1);

fuzz_target!(|bytes: &[u8]| {
    let table = NeighbourTable::new(8, 7);
    let settings = Settings { gc_thresh1: 2, gc_thresh3: 4, ..Settings::default() };
    let mut machine = Machine::new(table, settings);
    let (mut now, mut rest) = (Instant(1_000_000_000), bytes);
    while let [length, seconds, tail @ ..] = rest {
        let (frame, behind) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = behind;
        now = Instant(now.0 + u64::from(*seconds) * 500_000_000);
        let (mut outputs, mut frame) = (Vec::new(), frame.to_vec());
        let events = [arp_event(&frame), ndp_event(&mut frame)];
        for event in events.into_iter().flatten() {
            machine.handle(event, now, &mut outputs);
        }
        machine.poll(now, &mut outputs);
        assert!(machine.list().len() <= 8);
    }
});

fn arp_event(frame: &[u8]) -> Option<sluice_dataplane::neighbour::Event> {
    let read = Arp::parse(frame, 14).ok()?;
    let mut answer = MemoryPacket::new(frame);
    if arp::answer(&mut answer, &read, Some(5), OWN) {
        assert!(Arp::parse(answer.data(), 18).is_ok_and(|reply| reply.sender == read.target));
    }
    read.event(WIRE, frame[0] & 1 == 0, frame[0] & 2 == 0)
}

fn ndp_event(frame: &mut [u8]) -> Option<sluice_dataplane::neighbour::Event> {
    let headers = ip(frame)?;
    // The fuzzer would hardly ever guess it.
    complete_l4(frame, &headers);
    match ndp::is_discovery(frame, &headers).then(|| Message::parse(frame, &headers))?.ok()? {
        Message::Solicitation(asked) => {
            ndp::answer(&mut MemoryPacket::new(&[]), &asked, Some(5), OWN, OWN, true);
            asked.event(WIRE)
        }
        Message::Advertisement(told) => Some(told.event(WIRE)),
        Message::Ignored => None,
    }
}

fn ip(frame: &[u8]) -> Option<Headers> {
    match parse_trusted(frame).ok()?.payload {
        Payload::Ip(headers) => Some(headers),
        _ => None,
    }
}
