//! Targets that write to the packet or its marks.

use super::{Problem, unsupported};
use crate::compile::{World, leading};
use sluice_config::netfilter::targets as words;
use sluice_dataplane::address::{Address, V6};
use sluice_dataplane::conntrack::{Changes, Helper, Policies, PolicyId};
use sluice_dataplane::rules::targets::Target;
use sluice_dataplane::rules::targets::connmark::{ConnmarkChange, MarkCopy, MarkShift};
use sluice_dataplane::rules::targets::ct::{Template, ZoneNumber};
use sluice_dataplane::rules::targets::header::{TcpEcn, TosChange, TtlChange};
use sluice_dataplane::rules::targets::netmap::Netmap;
use sluice_dataplane::rules::targets::npt::{End, PrefixTranslation};
use sluice_dataplane::rules::targets::tcp_options::{MssLimit, OptionStrip};
use sluice_dataplane::rules::targets::tee::Tee;
use sluice_dataplane::wire::tcp_flags;

pub(super) fn connmark(asked: &words::ConnMark) -> ConnmarkChange {
    let (connection_mask, packet_mask) = (asked.connection_mask, asked.packet_mask);
    ConnmarkChange {
        copy: match asked.operation {
            words::ConnMarkOperation::Set(value) => MarkCopy::Set { value, mask: connection_mask },
            words::ConnMarkOperation::Save => MarkCopy::Save { connection_mask, packet_mask },
            words::ConnMarkOperation::Restore => MarkCopy::Restore { connection_mask, packet_mask },
        },
        shift: match asked.shift {
            words::ConnMarkShift::Left(bits) => MarkShift::Left(bits),
            words::ConnMarkShift::Right(bits) => MarkShift::Right(bits),
        },
    }
}

/// With neither or both of `--zone-orig` and `--zone-reply`, the zone is for both directions.
pub(super) fn ct(asked: &words::Ct, policies: &Policies) -> Result<Template, Problem> {
    // Which protocols it is for has been seen to.
    let helper = Helper::named(&asked.helper);
    let policy = match asked.timeout.as_str() {
        "" => PolicyId::default(),
        name => policies.named(name).ok_or_else(|| Problem::NoPolicy(name.to_owned()))?,
    };
    let zone = asked.zone;
    let one_way = zone.original != zone.reply;
    Ok(Template {
        zone: if zone.from_mark { ZoneNumber::Mark } else { ZoneNumber::Fixed(zone.id) },
        original: zone.original || !one_way,
        reply: zone.reply || !one_way,
        silenced: silenced(asked),
        silenced_expectations: silenced_expectations(asked),
        policy,
        helper,
    })
}

/// Who names events gets these; who names those of expectations alone gets none, as in the kernel.
fn silenced(asked: &words::Ct) -> Changes {
    let here = [
        ("new", Changes::NEW),
        ("destroy", Changes::DESTROY),
        ("reply", Changes::REPLY),
        ("assured", Changes::ASSURED),
        ("protoinfo", Changes::PROTOCOL),
        ("mark", Changes::MARK),
    ];
    if asked.events == 0 && !asked.expectation_events {
        return Changes::default();
    }
    here.iter().fold(Changes::default(), |silenced, (name, change)| {
        let bit = words::CONNECTION_EVENTS.iter().position(|known| known == name);
        let told = bit.is_some_and(|bit| asked.events & 1 << bit != 0);
        silenced.and_if(!told, *change)
    })
}

/// Who names events of either kind gets no others of expectations; their end is none that can be named.
fn silenced_expectations(asked: &words::Ct) -> Changes {
    let named = asked.events != 0 || asked.expectation_events;
    Changes::default()
        .and_if(named && !asked.expectation_events, Changes::NEW)
        .and_if(named, Changes::DESTROY)
}

/// As in the kernel, an interface that does not exist is as good as none named.
pub(super) fn tee(asked: &words::Tee, world: &World<'_>) -> Tee {
    let named = world.interfaces.named(&asked.interface);
    Tee { gateway: asked.gateway, egress: named.map(|(id, _)| id) }
}

pub(super) fn tos<A>(value: u8, mask: u8) -> Target<A> {
    Target::Tos(TosChange { value, mask })
}

pub(super) fn ecn<A>(asked: &words::Ecn) -> Result<Target<A>, Problem> {
    let tcp = [(asked.ece, tcp_flags::ECE), (asked.cwr, tcp_flags::CWR)];
    let (mut mask, mut value) = (0, 0);
    for (wanted, flag) in tcp {
        mask |= wanted.map_or(0, |_| flag);
        value |= if wanted == Some(true) { flag } else { 0 };
    }
    match (asked.ect, mask) {
        (None, _) => Ok(Target::TcpEcn(TcpEcn { mask, value })),
        (Some(bits), 0) => Ok(tos(bits, 0x03)),
        (Some(_), _) => {
            Err(unsupported("-j ECN of IP and TCP at once", "write a rule for each of the two"))
        }
    }
}

pub(super) fn hops<A>(change: words::HopChange) -> Target<A> {
    Target::Ttl(match change {
        words::HopChange::Set(to) => TtlChange::Set(to),
        words::HopChange::Increment(by) => TtlChange::Increase(by),
        words::HopChange::Decrement(by) => TtlChange::Decrease(by),
    })
}

pub(super) fn mss<A>(asked: words::TcpMss) -> Target<A> {
    Target::Mss(match asked {
        words::TcpMss::ClampToPathMtu => MssLimit::PathMtu,
        words::TcpMss::Set(mss) => MssLimit::Fixed(mss),
    })
}

pub(super) fn option_strip<A>(asked: &words::TcpOptStrip) -> Target<A> {
    let mut kinds = [0_u128; 2];
    for kind in &asked.kinds {
        kinds[usize::from(kind >> 7)] |= 1 << (kind & 127);
    }
    Target::OptionStrip(OptionStrip { kinds })
}

pub(super) fn npt<A>(end: End, prefixes: words::Prefixes) -> Target<A> {
    let ((from, from_length), (to, to_length)) = (prefixes.from, prefixes.to);
    Target::Npt(PrefixTranslation::new(
        end,
        (V6(from.octets()), from_length),
        (V6(to.octets()), to_length),
    ))
}

pub(super) fn netmap<A: Address>(asked: &words::Netmap) -> Result<Target<A>, Problem> {
    let network = A::from_ip(asked.network);
    let network =
        network.ok_or_else(|| unsupported("-j NETMAP", "name a network of this family"))?;
    let mask = A::from_bits(leading::<A>(asked.prefix_length));
    Ok(Target::Netmap(Netmap { network, mask }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the order in which the tool numbers them, those that happen here among others.
    #[test]
    fn what_is_not_named_is_silent() {
        let ct = |events, expectation_events| {
            silenced(&words::Ct { events, expectation_events, ..words::Ct::default() })
        };
        assert_eq!(ct(0, false), Changes::default(), "all are told");
        assert_eq!(ct(0b1, false), Changes::ALL.without(Changes::NEW));
        let ends = Changes::DESTROY.and_if(true, Changes::ASSURED);
        assert_eq!(ct(0b1_0100, false), Changes::ALL.without(ends));
        assert_eq!(
            ct(0b1010_0000, false),
            Changes::ALL.without(Changes::PROTOCOL).without(Changes::MARK)
        );
        assert_eq!(ct(0, true), Changes::ALL, "of expectations alone");
    }
}
