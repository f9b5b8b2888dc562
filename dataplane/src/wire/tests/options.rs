use crate::address::V4;
use crate::drop_reason::DropReason;
use crate::packet::{MemoryPacket, MemoryPool, Packet};
use crate::wire::fragment::fragment;
use crate::wire::options::{OptionError, check_options, forward_options_at};
use crate::wire::samples::{headers, ipv4};

const OWN: V4 = V4([203, 0, 113, 9]);

fn forwarded(options: &[u8]) -> Result<Vec<u8>, DropReason> {
    let mut frame = ipv4(17, 0, options, &[7; 8]);
    let headers_before = headers(&frame);
    forward_options_at(&mut frame, &headers_before, OWN, 0x0102_0304)?;
    // Reading it again proves the header checksum.
    assert_eq!(headers(&frame), headers_before);
    Ok(frame[34..34 + options.len()].to_vec())
}

fn checked(options: &[u8]) -> Result<(), OptionError> {
    let frame = ipv4(17, 0, options, &[]);
    check_options(&frame, &headers(&frame))
}

#[test]
fn record_route_takes_the_next_slot_until_full() {
    let empty = [7, 7, 4, 0, 0, 0, 0, 0];
    let full = [7, 7, 8, 203, 0, 113, 9, 0];
    assert_eq!(forwarded(&empty).unwrap(), full);
    assert_eq!(forwarded(&full).unwrap(), full);
}

#[test]
fn timestamps() {
    assert_eq!(forwarded(&[68, 8, 5, 0, 0, 0, 0, 0]).unwrap(), [68, 8, 9, 0, 1, 2, 3, 4]);
    assert_eq!(
        forwarded(&[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap(),
        [68, 12, 13, 1, 203, 0, 113, 9, 1, 2, 3, 4]
    );
    assert_eq!(forwarded(&[68, 8, 9, 0x20, 1, 1, 1, 1]).unwrap(), [68, 8, 9, 0x30, 1, 1, 1, 1]);
    let anothers = [68, 12, 5, 3, 10, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(forwarded(&anothers).unwrap(), anothers);
    assert_eq!(
        forwarded(&[68, 12, 5, 3, 203, 0, 113, 9, 0, 0, 0, 0]).unwrap(),
        [68, 12, 13, 3, 203, 0, 113, 9, 1, 2, 3, 4]
    );
}

#[test]
fn router_alert_passes_source_routes_do_not() {
    assert_eq!(forwarded(&[0x94, 4, 0, 0]).unwrap(), [0x94, 4, 0, 0]);
    for kind in [0x83, 0x89] {
        let route = [kind, 7, 4, 10, 0, 0, 1, 0];
        assert_eq!(checked(&route), Ok(()));
        assert_eq!(forwarded(&route), Err(DropReason::SourceRoute));
    }
}

#[test]
fn malformed_options_point_at_the_byte() {
    let at = |pointer| Err(OptionError { pointer });
    assert_eq!(checked(&[1, 7, 9, 4]), at(21), "longer than the header");
    assert_eq!(checked(&[1, 1, 1, 7]), at(23), "no length");
    assert_eq!(checked(&[7, 1, 0, 0]), at(20), "length below two");
    assert_eq!(checked(&[7, 2, 0, 0]), at(21), "no pointer");
    assert_eq!(checked(&[7, 3, 3, 0]), at(22), "pointer into itself");
    assert_eq!(checked(&[7, 6, 4, 0, 0, 0, 0, 0]), at(22), "half a slot");
    assert_eq!(checked(&[7, 3, 4, 7, 3, 4, 0, 0]), at(23), "twice");
    assert_eq!(checked(&[68, 4, 5, 0xf0]), at(23), "overflow overflows");
    assert_eq!(checked(&[68, 8, 5, 1, 0, 0, 0, 0]), at(22), "no room for address and time");
    assert_eq!(checked(&[0x94, 3, 0, 0]), at(21), "short router alert");
    assert_eq!(checked(&[1, 0, 9, 9]), Ok(()), "nothing counts after the end");
}

#[test]
fn only_copied_options_go_on_later_fragments() {
    let options = [7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 0];
    let frame = ipv4(17, 0, &options, &[3; 60]);
    let mut seen = Vec::new();
    let packet = MemoryPacket::new(&frame);
    fragment(&packet, &headers(&frame), 64, &mut MemoryPool, |_, piece| {
        seen.push(piece.data()[34..46].to_vec());
    })
    .unwrap();
    assert_eq!(seen, [options.to_vec(), vec![1, 1, 1, 1, 1, 1, 1, 0x94, 4, 0, 0, 0]]);
}

#[test]
fn the_last_fragment_may_fill_the_mtu_to_the_byte() {
    // 1487 bytes fit behind the header: 1480 in a piece that others follow, all in the last.
    let frame = ipv4(17, 0x2000 | 100, &[], &[1; 1503]);
    let mut sizes = Vec::new();
    let packet = MemoryPacket::new(&frame);
    fragment(&packet, &headers(&frame), 1507, &mut MemoryPool, |_, piece| {
        let headers = headers(piece.data());
        let info = headers.fragment.unwrap();
        sizes.push((info.offset, headers.ip_length(), info.more));
    })
    .unwrap();
    assert_eq!(sizes, [(800, 1500, true), (2280, 43, true)]);
    let frame = ipv4(17, 0, &[], &[1; 1480 + 1483]);
    let packet = MemoryPacket::new(&frame);
    let mut sizes = Vec::new();
    fragment(&packet, &headers(&frame), 1503, &mut MemoryPool, |_, piece| {
        sizes.push(headers(piece.data()).ip_length());
    })
    .unwrap();
    assert_eq!(sizes, [1500, 1503]);
}
