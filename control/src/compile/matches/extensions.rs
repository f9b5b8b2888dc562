//! Matches of IPv6 extension headers.

use sluice_config::netfilter::Negatable;
use sluice_config::netfilter::matches as words;
use sluice_dataplane::rules::matches::extension::Span;
use sluice_dataplane::rules::matches::options_header::OptionsHeader;
use sluice_dataplane::rules::matches::{Match, ah, frag, ipv6header, mobility, routing};

pub(super) fn frag<A>(asked: &words::Frag) -> Match<A> {
    // The length is not compared; no rule has both of the last two.
    let &words::Frag { id, length: _, reserved, first, more, last } = asked;
    let more = if more || last { Some(more) } else { None };
    Match::Frag(frag::Frag { id: span(id), reserved_zero: reserved, first, more })
}

pub(super) fn routing<A>(asked: &words::Rt) -> Match<A> {
    let addresses = asked.addresses.as_ref().map(|addresses| routing::Hops {
        addresses: addresses.iter().map(std::net::Ipv6Addr::octets).collect(),
        strict: !asked.not_strict,
    });
    Match::Routing(routing::Routing {
        kind: number(asked.kind),
        segments_left: span(asked.segments_left),
        length: number(asked.length),
        reserved_zero: asked.reserved,
        addresses,
    })
}

/// `header`: the protocol number of the header meant.
pub(super) fn options<A>(header: u8, asked: &words::OptionsHeader) -> Match<A> {
    let options = asked.options.iter().flatten();
    Match::OptionsHeader(OptionsHeader {
        header,
        length: number(asked.length),
        options: options.map(|option| (option.kind, option.length)).collect(),
    })
}

pub(super) fn ipv6header<A>(asked: &words::Ipv6header) -> Match<A> {
    let &words::Ipv6header { negated, headers, soft } = asked;
    Match::Ipv6Header(ipv6header::Ipv6Header { headers: headers.0, soft, invert: negated })
}

pub(super) fn mobility<A>(asked: &words::Mh) -> Match<A> {
    let types = asked.types.unwrap_or(Negatable::plain((0, u8::MAX)));
    let (from, to) = types.value;
    Match::Mobility(mobility::Mobility { from, to, invert: types.negated })
}

pub(super) fn ah<A>(asked: &words::Ah) -> Match<A> {
    Match::Ah(ah::Ah {
        spi: span(asked.spi),
        length: number(asked.length.filter(|length| length.value != 0)),
        reserved_zero: asked.reserved,
    })
}

fn span(asked: Option<Negatable<(u32, u32)>>) -> Span {
    asked.map_or(Span::ALL, |asked| Span {
        from: asked.value.0,
        to: asked.value.1,
        invert: asked.negated,
    })
}

fn number(asked: Option<Negatable<u32>>) -> Span {
    span(asked.map(|asked| Negatable { value: (asked.value, asked.value), negated: asked.negated }))
}
