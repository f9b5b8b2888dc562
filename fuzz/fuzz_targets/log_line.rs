//! LOG's line about a packet of any bytes of which only the beginning was kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_control::log::{Subject, words};
use sluice_dataplane::bridge::Ports;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::LineOptions;
use sluice_dataplane::wire::parse::{Payload, parse_trusted};

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (options, kept, frame) = input;
    let Ok(parsed) = parse_trusted(frame) else { return };
    let Payload::Ip(headers) = parsed.payload else { return };
    let bit = |number: u8| options >> number & 1 == 1;
    let options = LineOptions {
        tcp_sequence: bit(0),
        tcp_options: bit(1),
        ip_options: bit(2),
        mac_decode: bit(3),
    };
    for end in [frame.len(), frame.len().min(kept.into())] {
        let subject = Subject {
            frame: &frame[..end],
            headers: &headers,
            length: frame.len() as u32,
            whole: bit(4),
            mark: kept.into(),
            sides: (Some(InterfaceId(0)), None),
            ports: Ports { ingress: bit(5).then_some(InterfaceId(0)), egress: None },
        };
        assert!(words(options, subject, &Interfaces::default()).starts_with("IN="));
    }
});
