use super::*;
use crate::packet::{MemoryPacket, MemoryPool};
use crate::wire::checksum::{L4ChecksumState, datagram_l4_state};
use crate::wire::fragment::fragment;
use crate::wire::samples;
use proptest::prelude::*;

const MORE: u16 = 0x2000;
const WIRE: InterfaceId = InterfaceId(1);

fn push(
    reassembler: &mut Reassembler<MemoryPacket>,
    frame: &[u8],
    now: Instant,
) -> Reassembly<MemoryPacket> {
    reassembler.push(MemoryPacket::new(frame), &samples::headers(frame), WIRE, 0, now)
}

fn piece(offset: u16, more: bool, size: usize) -> Vec<u8> {
    let bits = (offset / 8) | if more { MORE } else { 0 };
    samples::ipv4(17, bits, &[], &vec![offset as u8; size])
}

fn pieces_of(frame: &[u8], mtu: u16) -> Vec<MemoryPacket> {
    let mut pieces = Vec::new();
    let packet = MemoryPacket::new(frame);
    fragment(&packet, &samples::headers(frame), mtu, &mut MemoryPool, |_, piece| {
        pieces.push(piece);
    })
    .unwrap();
    pieces
}

proptest! {
    /// Cut, shuffled, some of it sent twice: what comes out is what went in.
    #[test]
    fn reassembly_inverts_fragmentation(
        payload in proptest::collection::vec(any::<u8>(), 100..4000),
        mtu in 120_u16..1500,
        seed in any::<u64>(),
    ) {
        let frame = samples::completed(samples::ipv4(17, 0, &[], &samples::udp(&payload)), 6);
        let mut pieces = pieces_of(&frame, mtu);
        prop_assume!(pieces.len() > 1);
        let mut state = seed;
        for i in (1..pieces.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces.swap(i, (state >> 33) as usize % (i + 1));
        }
        let mut reassembler = Reassembler::new(4);
        let count = pieces.len();
        for (index, piece) in pieces.iter().enumerate() {
            prop_assert!(piece.data().len() <= 14 + usize::from(mtu));
            match push(&mut reassembler, piece.data(), Instant(0)) {
                Reassembly::Complete(Datagram { pieces: whole, .. }) => {
                    prop_assert_eq!(index, count - 1);
                    let bytes: Vec<u8> =
                        whole.iter().flat_map(|(p, h)| h.payload(p.data()).to_vec()).collect();
                    prop_assert_eq!(&bytes[..], &frame[34..]);
                    let (lead, lead_headers) = &whole[0];
                    let later = whole[1..].iter().map(|(p, h)| h.payload(p.data()));
                    prop_assert_eq!(
                        datagram_l4_state(lead.data(), lead_headers, later),
                        L4ChecksumState::Good
                    );
                }
                Reassembly::Pending => {
                    prop_assert!(index < count - 1);
                    let twice = push(&mut reassembler, piece.data(), Instant(0));
                    prop_assert!(
                        matches!(twice, Reassembly::Dropped(DropReason::DuplicateFragment, 0)),
                        "{:?}", twice
                    );
                }
                Reassembly::Dropped(reason, _) => prop_assert!(false, "{:?}", reason),
            }
        }
        prop_assert_eq!(reassembler.held(), 0);
    }

    #[test]
    fn any_fragments_keep_the_bounds(
        pieces in proptest::collection::vec((0_u16..200, any::<bool>(), 1_usize..64), 1..300)
    ) {
        let mut reassembler = Reassembler::new(2);
        let (mut given, mut back) = (0, 0);
        for (offset, more, size) in pieces {
            given += 1;
            match push(&mut reassembler, &piece(offset * 8, more, size * 8), Instant(0)) {
                Reassembly::Pending => {}
                Reassembly::Complete(whole) => back += whole.pieces.len(),
                Reassembly::Dropped(_, others) => back += 1 + others,
            }
            prop_assert_eq!(given, back + reassembler.held());
        }
    }
}

#[test]
fn overlap_discards_the_datagram() {
    let mut reassembler = Reassembler::new(4);
    assert!(matches!(push(&mut reassembler, &piece(0, true, 16), Instant(0)), Reassembly::Pending));
    let overlapping = push(&mut reassembler, &piece(8, true, 16), Instant(0));
    assert!(matches!(overlapping, Reassembly::Dropped(DropReason::BadFragment, 1)));
    assert_eq!(reassembler.held(), 0);
}

#[test]
fn an_empty_fragment_discards_the_datagram() {
    let mut reassembler = Reassembler::new(4);
    push(&mut reassembler, &piece(0, true, 16), Instant(0));
    let empty = push(&mut reassembler, &piece(32, false, 0), Instant(0));
    assert!(matches!(empty, Reassembly::Dropped(DropReason::BadFragment, 1)));
    assert_eq!(reassembler.held(), 0);
}

#[test]
fn what_two_fragments_hold_together_is_a_duplicate() {
    let mut reassembler = Reassembler::new(4);
    for offset in [0, 16] {
        push(&mut reassembler, &piece(offset, true, 16), Instant(0));
    }
    let inside = push(&mut reassembler, &piece(8, true, 16), Instant(0));
    assert!(matches!(inside, Reassembly::Dropped(DropReason::DuplicateFragment, 0)));
    assert_eq!(reassembler.held(), 2);
}

#[test]
fn two_ends_discard_the_datagram() {
    let mut reassembler = Reassembler::new(4);
    push(&mut reassembler, &piece(16, false, 16), Instant(0));
    let beyond = push(&mut reassembler, &piece(64, true, 16), Instant(0));
    assert!(matches!(beyond, Reassembly::Dropped(DropReason::BadFragment, 1)));
}

#[test]
fn oversize_and_odd_fragments_are_refused() {
    let mut reassembler = Reassembler::new(4);
    for frame in [piece(65_528, false, 100), piece(0, true, 12), piece(8, true, 0)] {
        let outcome = push(&mut reassembler, &frame, Instant(0));
        assert!(matches!(outcome, Reassembly::Dropped(DropReason::BadFragment, 0)), "{outcome:?}");
    }
}

#[test]
fn waits_thirty_seconds_and_reports_the_first() {
    let mut reassembler = Reassembler::new(4);
    push(&mut reassembler, &piece(16, false, 16), Instant(0));
    push(&mut reassembler, &piece(0, true, 8), Instant(5));
    assert!(reassembler.expire_one(Instant(29_999_999_999)).is_none());
    let (packet, had_first, count) = reassembler.expire_one(Instant(30_000_000_000)).unwrap();
    assert_eq!((packet.data(), had_first, count), (&piece(0, true, 8)[..], true, 2));
    assert!(reassembler.expire_one(Instant(u64::MAX)).is_none());
    assert_eq!(reassembler.held(), 0);
}

#[test]
fn full_refuses_new_datagrams() {
    let mut reassembler = Reassembler::new(1);
    push(&mut reassembler, &piece(0, true, 8), Instant(0));
    let mut other = piece(0, true, 8);
    other[14 + 4] ^= 1;
    let sum = samples::plain_checksum(&[&other[14..24], &[0, 0], &other[26..34]].concat());
    other[24..26].copy_from_slice(&sum.to_be_bytes());
    let refused = push(&mut reassembler, &other, Instant(0));
    assert!(matches!(refused, Reassembly::Dropped(DropReason::ReassemblyFull, 0)));
}

#[test]
fn ipv6_headers_behind_the_fragment_header_count() {
    // Destination options (8 bytes) and 8 of UDP, then 8 more bytes.
    let udp = samples::udp(&[9; 8]);
    let first = [&[60, 0, 0, 1, 0, 0, 0, 5, 17, 0, 1, 4, 0, 0, 0, 0], &udp[..8]].concat();
    let second = [&[60, 0, 0, 16, 0, 0, 0, 5], &udp[8..]].concat();
    let mut reassembler = Reassembler::new(4);
    let first = samples::ipv6(44, &first);
    assert_eq!(samples::headers(&first).protocol, 17);
    assert!(matches!(push(&mut reassembler, &first, Instant(0)), Reassembly::Pending));
    let outcome = push(&mut reassembler, &samples::ipv6(44, &second), Instant(0));
    assert!(
        matches!(&outcome, Reassembly::Complete(whole) if whole.pieces.len() == 2),
        "{outcome:?}"
    );
}

/// RFC 3168 section 5.3.
#[test]
fn marks_of_congestion_are_combined_or_contradict_one_another() {
    let assemble = |marks: &[u8]| {
        let mut reassembler = Reassembler::new(4);
        let last = marks.len() as u16 - 1;
        let mut outcome = Reassembly::Pending;
        for (at, mark) in (0_u16..).zip(marks) {
            let mut frame = piece(at * 8, at < last, 8);
            let headers = samples::headers(&frame);
            set_tos(&mut frame, &headers, 0x20 | mark);
            outcome = push(&mut reassembler, &frame, Instant(0));
        }
        assert_eq!(reassembler.held(), 0);
        match outcome {
            Reassembly::Complete(Datagram { pieces, .. }) => {
                // Reading a header again proves its checksum.
                let alike = pieces.iter().all(|(p, h)| {
                    let read = samples::headers(p.data());
                    read == *h && h.tos == pieces[0].1.tos
                });
                assert!(alike, "{marks:?}");
                Ok(pieces[0].1.tos)
            }
            Reassembly::Dropped(DropReason::BadFragment, others) => Err(others),
            other => panic!("{marks:?}: {other:?}"),
        }
    };
    for (marks, expected) in [
        (&[0, 0][..], Ok(0x20)),
        (&[1, 1], Ok(0x21)),
        (&[1, 2], Ok(0x21)),
        (&[2, 1], Ok(0x22)),
        (&[2, 3], Ok(0x23)),
        (&[3, 1, 2], Ok(0x23)),
        (&[3, 3], Ok(0x23)),
        (&[0, 1], Err(1)),
        (&[2, 0], Err(1)),
        (&[3, 0], Err(1)),
        (&[1, 3, 0], Err(2)),
    ] {
        assert_eq!(assemble(marks), expected, "{marks:?}");
    }
}
