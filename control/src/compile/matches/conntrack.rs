//! `-m conntrack` and `-m state`: each option is a match of its own.

use super::range;
use sluice_config::netfilter::matches as words;
use sluice_config::netfilter::{AddressMask, Negatable, PortRange};
use sluice_dataplane::address::Address;
use sluice_dataplane::conntrack::Direction;
use sluice_dataplane::rules::matches::connbytes::{ConnBytes, Mode};
use sluice_dataplane::rules::matches::conntrack::{Asked, Conntrack, End};
use sluice_dataplane::rules::matches::{Match, connmark, state};

pub(super) fn conntrack<A: Address>(out: &mut Vec<Match<A>>, asked: &words::Conntrack) {
    use Direction::{Original, Reply};
    use End::{Destination, Source};
    out.extend(asked.state.map(|wanted| states(wanted.value, wanted.negated)));
    let from = out.len();
    push(out, asked.direction.map(Negatable::plain), |direction| {
        Some(Asked::Direction(match direction {
            words::CtDirection::Original => Original,
            words::CtDirection::Reply => Reply,
        }))
    });
    for (wanted, direction, end) in [
        (asked.orig_source, Original, Source),
        (asked.orig_destination, Original, Destination),
        (asked.reply_source, Reply, Source),
        (asked.reply_destination, Reply, Destination),
    ] {
        push(out, wanted, |wanted: AddressMask| {
            let (address, mask) = (A::from_ip(wanted.address())?, A::from_ip(wanted.mask())?);
            let address = A::from_bits(address.to_bits() & mask.to_bits());
            Some(Asked::Address { direction, end, address, mask })
        });
    }
    push(out, asked.protocol, |number| Some(Asked::Protocol(number)));
    for (wanted, direction, end) in [
        (asked.orig_source_port, Original, Source),
        (asked.orig_destination_port, Original, Destination),
        (asked.reply_source_port, Reply, Source),
        (asked.reply_destination_port, Reply, Destination),
    ] {
        push(out, wanted, |wanted: PortRange| {
            Some(Asked::Port { direction, end, range: range(&wanted) })
        });
    }
    push(out, asked.status, |status| {
        let has = |bits: words::CtStatus| status.0 & bits.0 != 0;
        Some(Asked::Status {
            expected: has(words::CtStatus::EXPECTED),
            seen_reply: has(words::CtStatus::SEEN_REPLY),
            assured: has(words::CtStatus::ASSURED),
            confirmed: has(words::CtStatus::CONFIRMED),
        })
    });
    push(out, asked.expire, |(from, to)| Some(Asked::Expire(from, to)));
    for added in out.iter_mut().skip(from) {
        if let Match::Conntrack(own) = added {
            own.beside_state = asked.state.is_some();
        }
    }
}

fn push<A: Address, T>(
    out: &mut Vec<Match<A>>,
    wanted: Option<Negatable<T>>,
    asked: impl Fn(T) -> Option<Asked<A>>,
) {
    let Some(wanted) = wanted else { return };
    let invert = wanted.negated;
    let asked = asked(wanted.value);
    let beside_state = false;
    out.extend(asked.map(|asked| Match::Conntrack(Conntrack { asked, invert, beside_state })));
}

pub(super) fn states<A>(set: words::CtStates, negated: bool) -> Match<A> {
    Match::State(state::State {
        new: set.contains(words::CtStates::NEW),
        established: set.contains(words::CtStates::ESTABLISHED),
        related: set.contains(words::CtStates::RELATED),
        invalid: set.contains(words::CtStates::INVALID),
        untracked: set.contains(words::CtStates::UNTRACKED),
        snat: set.contains(words::CtStates::SNAT),
        dnat: set.contains(words::CtStates::DNAT),
        invert: negated,
    })
}

pub(super) fn connmark<A>(asked: &words::Connmark) -> Match<A> {
    let &words::Connmark { negated, value, mask } = asked;
    Match::Connmark(connmark::Connmark { value, mask, invert: negated })
}

pub(super) fn connbytes<A>(asked: &words::Connbytes) -> Match<A> {
    let &words::Connbytes { negated: invert, from, to, direction, mode } = asked;
    Match::ConnBytes(ConnBytes {
        direction: match direction {
            words::ConnbytesDirection::Original => Some(Direction::Original),
            words::ConnbytesDirection::Reply => Some(Direction::Reply),
            words::ConnbytesDirection::Both => None,
        },
        mode: match mode {
            words::ConnbytesMode::Packets => Mode::Packets,
            words::ConnbytesMode::Bytes => Mode::Bytes,
            words::ConnbytesMode::AveragePacket => Mode::AveragePacket,
        },
        from,
        to,
        invert,
    })
}
