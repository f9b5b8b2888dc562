//! Matches that read the packet and remember nothing.

use sluice_config::netfilter::Negatable;
use sluice_config::netfilter::matches as words;
use sluice_dataplane::address::Address;
use sluice_dataplane::rules::matches::ttl::{Compare, Ttl};
use sluice_dataplane::rules::matches::{
    Match, dccp, ecn, range, sctp, spi, string, tcp_options, time, tos,
};

pub(super) fn iprange<A: Address>(asked: &words::Iprange) -> Match<A> {
    let range = |wanted: Option<Negatable<words::AddressRange>>| {
        let wanted = wanted?;
        let (from, to) = (A::from_ip(wanted.value.first)?, A::from_ip(wanted.value.last)?);
        Some(range::Range { from, to, invert: wanted.negated })
    };
    Match::Range(range::IpRange {
        source: range(asked.source),
        destination: range(asked.destination),
    })
}

pub(super) fn hops<A>(comparison: words::HopComparison, value: u8) -> Match<A> {
    let compare = match comparison {
        words::HopComparison::Equal => Compare::Equal,
        words::HopComparison::NotEqual => Compare::NotEqual,
        words::HopComparison::Less => Compare::Less,
        words::HopComparison::Greater => Compare::Greater,
    };
    Match::Ttl(Ttl { compare, value })
}

pub(super) fn tos<A>(value: u8, mask: u8, invert: bool) -> Match<A> {
    Match::Tos(tos::Tos { value, mask, invert })
}

pub(super) fn ecn<A>(asked: &words::Ecn) -> Match<A> {
    Match::Ecn(ecn::Ecn {
        ip: asked.code_point.map(|wanted| (wanted.value, wanted.negated)),
        ece: asked.ece.map(|wanted| !wanted.negated),
        cwr: asked.cwr.map(|wanted| !wanted.negated),
    })
}

pub(super) fn string<A>(asked: &words::StringMatch) -> Match<A> {
    let (from, to) = (asked.from, asked.to);
    Match::String(string::Pattern::new(&asked.pattern, asked.ignore_case, from, to, asked.negated))
}

pub(super) fn time<A>(asked: &words::Time) -> Match<A> {
    Match::Time(time::Time {
        dates: (asked.date_start.into(), asked.date_stop.into()),
        hours: (asked.day_start, asked.day_stop),
        weekdays: asked.week_days,
        monthdays: asked.month_days,
        contiguous: asked.contiguous,
        local: asked.kernel_zone,
    })
}

pub(super) fn tcpmss<A>(asked: &words::Tcpmss) -> Match<A> {
    let &words::Tcpmss { negated, min, max } = asked;
    Match::Mss(tcp_options::Mss { from: min, to: max, invert: negated })
}

pub(super) fn esp<A>(asked: &words::Esp) -> Option<Match<A>> {
    asked.spi.map(|wanted| index(spi::Place::Esp, &wanted))
}

/// Of iptables, where it is the header that `-p` names.
pub(super) fn ah<A>(asked: &words::Ah) -> Option<Match<A>> {
    asked.spi.map(|wanted| index(spi::Place::Ah, &wanted))
}

pub(super) fn chunks<A>(asked: &Negatable<words::SctpChunks>) -> Match<A> {
    let flags = asked.value.flags.iter();
    Match::Chunks(sctp::Chunks {
        scope: match asked.value.scope {
            words::ChunkScope::Any => sctp::Scope::Any,
            words::ChunkScope::All => sctp::Scope::All,
            words::ChunkScope::Only => sctp::Scope::Only,
        },
        types: asked.value.types,
        flags: flags.map(|flags| (flags.chunk, flags.mask, flags.set)).collect(),
        invert: asked.negated,
    })
}

pub(super) fn dccp<A>(asked: &words::Dccp) -> impl Iterator<Item = Match<A>> {
    let types = asked
        .types
        .map(|asked| Match::DccpTypes(dccp::Types { types: asked.value, invert: asked.negated }));
    let option = asked.option.map(|asked| {
        Match::DccpOption(dccp::DccpOption { option: asked.value, invert: asked.negated })
    });
    types.into_iter().chain(option)
}

fn index<A>(place: spi::Place, wanted: &Negatable<(u32, u32)>) -> Match<A> {
    let (from, to) = wanted.value;
    Match::Spi(spi::Spi { place, from, to, invert: wanted.negated })
}
