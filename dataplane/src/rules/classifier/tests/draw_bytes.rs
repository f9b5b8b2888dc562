//! Random matches that read a packet's bytes, or the account of its connection.

use super::random::not;
use crate::address::Address;
use crate::conntrack::Direction as Way;
use crate::rules::bpf::{Instruction, Program};
use crate::rules::matches::extension::Span;
use crate::rules::matches::{
    Match, ah, bpf, connbytes, cpu, dccp, frag, ipv6header, mobility, options_header, routing,
    sctp, u32_match,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn span() -> impl Strategy<Value = Span> {
    let some = (0_u32..4, 0_u32..40, not()).prop_map(|(from, more, invert)| Span {
        from,
        to: from + more,
        invert,
    });
    prop_oneof![Just(Span::ALL), some]
}

pub(super) fn account<A: Address>() -> BoxedStrategy<Match<A>> {
    use connbytes::{ConnBytes, Mode};
    let ways = option::of(select(vec![Way::Original, Way::Reply]));
    let modes = select(vec![Mode::Packets, Mode::Bytes, Mode::AveragePacket]);
    (ways, modes, 0_u64..3, 0_u64..200, not())
        .prop_map(|(direction, mode, from, to, invert)| {
            Match::ConnBytes(ConnBytes { direction, mode, from, to, invert })
        })
        .boxed()
}

pub(super) fn words<A: Address>() -> BoxedStrategy<Match<A>> {
    use u32_match::{Step, Test, U32};
    let step = prop_oneof![
        select(vec![0xff_u32, 0xffff, 0xff00_0000]).prop_map(Step::And),
        (0_u32..32).prop_map(Step::ShiftLeft),
        (0_u32..32).prop_map(Step::ShiftRight),
        (0_u32..24).prop_map(Step::At),
    ];
    let range = (0_u32..70, 0_u32..200).prop_map(|(from, more)| (from, from + more));
    let test = (0_u32..60, vec(step, 0..3), vec(range, 1..3))
        .prop_map(|(offset, steps, ranges)| Test { offset, steps, ranges });
    (vec(test, 1..3), not()).prop_map(|(tests, invert)| Match::U32(U32 { tests, invert })).boxed()
}

/// The byte at some offset, compared with some number.
pub(super) fn program<A: Address>() -> BoxedStrategy<Match<A>> {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_ABOVE: u16 = 0x25;
    const RETURN: u16 = 0x06;
    let instruction = |code, jump_false, k| Instruction { code, jump_true: 0, jump_false, k };
    (0_u32..80, 0_u32..200)
        .prop_map(move |(offset, limit)| {
            let program = [
                instruction(LOAD_BYTE, 0, offset),
                instruction(JUMP_IF_ABOVE, 1, limit),
                instruction(RETURN, 0, 1),
                instruction(RETURN, 0, 0),
            ];
            Match::Bpf(bpf::Bpf(Program::new(&program).expect("it ends")))
        })
        .boxed()
}

pub(super) fn processor<A: Address>() -> BoxedStrategy<Match<A>> {
    (0_u32..3, not()).prop_map(|(number, invert)| Match::Cpu(cpu::Cpu { number, invert })).boxed()
}

pub(super) fn authentication<A: Address>() -> BoxedStrategy<Match<A>> {
    (span(), span(), any::<bool>())
        .prop_map(|(spi, length, reserved_zero)| Match::Ah(ah::Ah { spi, length, reserved_zero }))
        .boxed()
}

pub(super) fn fragment<A: Address>() -> BoxedStrategy<Match<A>> {
    (span(), any::<(bool, bool, Option<bool>)>())
        .prop_map(|(id, (reserved_zero, first, more))| {
            Match::Frag(frag::Frag { id, reserved_zero, first, more })
        })
        .boxed()
}

pub(super) fn routing<A: Address>() -> BoxedStrategy<Match<A>> {
    let hops = (vec(any::<[u8; 16]>(), 1..3), any::<bool>())
        .prop_map(|(addresses, strict)| routing::Hops { addresses: addresses.into(), strict });
    (span(), span(), span(), any::<bool>(), option::weighted(0.2, hops))
        .prop_map(|(kind, segments_left, length, reserved_zero, addresses)| {
            Match::Routing(routing::Routing {
                kind,
                segments_left,
                length,
                reserved_zero,
                addresses,
            })
        })
        .boxed()
}

pub(super) fn options_header<A: Address>() -> BoxedStrategy<Match<A>> {
    let options = vec((0_u8..6, option::of(0_u8..4)), 0..2);
    (select(vec![0_u8, 60]), span(), options)
        .prop_map(|(header, length, options)| {
            let options = options.into();
            Match::OptionsHeader(options_header::OptionsHeader { header, length, options })
        })
        .boxed()
}

pub(super) fn headers<A: Address>() -> BoxedStrategy<Match<A>> {
    (any::<(u8, bool)>(), not())
        .prop_map(|((headers, soft), invert)| {
            Match::Ipv6Header(ipv6header::Ipv6Header { headers, soft, invert })
        })
        .boxed()
}

pub(super) fn mobility<A: Address>() -> BoxedStrategy<Match<A>> {
    (0_u8..8, 0_u8..8, not())
        .prop_map(|(from, to, invert)| Match::Mobility(mobility::Mobility { from, to, invert }))
        .boxed()
}

pub(super) fn chunks<A: Address>() -> BoxedStrategy<Match<A>> {
    use sctp::{Chunks, Scope};
    let flags = vec((0_u8..4, 0_u8..8, 0_u8..8), 0..2);
    (select(vec![Scope::Any, Scope::All, Scope::Only]), 0_u32..16, flags, not())
        .prop_map(|(scope, first, flags, invert)| {
            let types = [first, 0, 0, 0, 0, 0, 0, 0];
            Match::Chunks(Chunks { scope, types, flags: flags.into(), invert })
        })
        .boxed()
}

pub(super) fn dccp_types<A: Address>() -> BoxedStrategy<Match<A>> {
    (any::<u16>(), not())
        .prop_map(|(types, invert)| Match::DccpTypes(dccp::Types { types, invert }))
        .boxed()
}

pub(super) fn dccp_option<A: Address>() -> BoxedStrategy<Match<A>> {
    (0_u8..4, not())
        .prop_map(|(option, invert)| Match::DccpOption(dccp::DccpOption { option, invert }))
        .boxed()
}
