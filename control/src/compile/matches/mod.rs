//! Matches: words to meaning.

mod around;
mod bytes;
mod conntrack;
mod extensions;
mod header;
mod kept;
pub(super) mod sets;

use super::World;
use super::error::Unsupported;
use sluice_config::netfilter as text;
use sluice_config::netfilter::matches as words;
use sluice_config::netfilter::{InterfacePattern, Negatable};
use sluice_dataplane::address::{Address, IpVersion};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::matches::whole::Whole;
use sluice_dataplane::rules::matches::{
    Kept, Match, address, eui64, icmp, interface, length, mark, multiport, port, protocol,
    tcp_options,
};
use sluice_dataplane::wire::extensions::{DESTINATION, HOP_BY_HOP};
use sluice_dataplane::wire::protocol::DCCP;

/// The conditions of a rule, in the kernel's order: addresses, interfaces, protocol, then each `-m`.
pub(super) fn compile<A: Address>(
    rule: &text::Rule,
    world: &World<'_>,
) -> Result<Vec<Match<A>>, Unsupported> {
    let interfaces = world.interfaces;
    let mut out = Vec::new();
    if let Some((own, mask, negated)) = masked::<A>(rule.source.as_ref()) {
        out.push(Match::Source(address::Source::new(own, mask, negated)));
    }
    if let Some((own, mask, negated)) = masked::<A>(rule.destination.as_ref()) {
        out.push(Match::Destination(address::Destination::new(own, mask, negated)));
    }
    if let Some(pattern) = named(&rule.in_interface) {
        let (ids, invert) = resolve(pattern, interfaces);
        out.push(Match::Ingress(interface::Ingress::new(ids, invert)));
    }
    if let Some(pattern) = named(&rule.out_interface) {
        let (ids, invert) = resolve(pattern, interfaces);
        out.push(Match::Egress(interface::Egress::new(ids, invert)));
    }
    if let Some(wanted) = rule.protocol.filter(|wanted| wanted.value.0 != 0) {
        out.push(Match::Protocol(protocol::Protocol {
            number: wanted.value.0,
            invert: wanted.negated,
        }));
    }
    match rule.fragment {
        text::Fragment::Any => {}
        text::Fragment::Further => out.push(Match::Fragment(protocol::Fragment { invert: false })),
        text::Fragment::NotFurther => {
            out.push(Match::Fragment(protocol::Fragment { invert: true }))
        }
    }
    for (place, extension) in rule.matches.iter().enumerate() {
        push(&mut out, extension, Within { rule, place, world })?;
    }
    Ok(out)
}

/// Where a match stands: its rule, its place among the matches of that, and what the rule may name.
#[derive(Clone, Copy)]
struct Within<'a> {
    rule: &'a text::Rule,
    place: usize,
    world: &'a World<'a>,
}

impl Within<'_> {
    /// What the match remembers, if it remembers something of its own.
    fn own<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Kept<T> {
        self.world.states.own(&self.rule.identity, self.place, make)
    }
}

fn push<A: Address>(
    out: &mut Vec<Match<A>>,
    extension: &text::Match,
    within: Within<'_>,
) -> Result<(), Unsupported> {
    match extension {
        text::Match::Comment(_) => {}
        text::Match::Conntrack(asked) => conntrack::conntrack(out, asked),
        text::Match::Icmp(asked) => {
            out.push(Match::Whole(Whole::Icmp));
            out.extend(asked.icmp_type.map(|kind| icmp_type(&kind)));
        }
        text::Match::Icmp6(asked) => {
            out.extend([Match::Whole(Whole::Icmp), icmp_type(&asked.icmp_type)]);
        }
        text::Match::Length(asked) => out.push(Match::Length(length::Length {
            from: asked.min,
            to: asked.max,
            invert: asked.negated,
        })),
        text::Match::Limit(asked) => out.push(kept::limit(asked, within)),
        text::Match::Connlimit(asked) => out.push(kept::connlimit(asked, within)),
        text::Match::Recent(asked) => out.push(kept::recent(asked, within)),
        text::Match::Hashlimit(asked) => out.push(kept::hashlimit(asked, within)),
        text::Match::Iprange(asked) => out.push(header::iprange(asked)),
        text::Match::Ttl(asked) => out.push(header::hops(asked.comparison, asked.value)),
        text::Match::Hl(asked) => out.push(header::hops(asked.comparison, asked.value)),
        text::Match::Tos(asked) => out.push(header::tos(asked.value, asked.mask, asked.negated)),
        text::Match::Dscp(asked) => out.push(header::tos(asked.value << 2, 0xfc, asked.negated)),
        text::Match::Ecn(asked) => out.push(header::ecn(asked)),
        text::Match::StringMatch(asked) => out.push(header::string(asked)),
        text::Match::Time(asked) => out.push(header::time(asked)),
        text::Match::Mark(asked) => out.push(Match::Mark(mark::Mark {
            value: asked.value,
            mask: asked.mask,
            invert: asked.negated,
        })),
        text::Match::Multiport(asked) => {
            let protocol = within.rule.protocol.map(|wanted| wanted.value.0);
            if protocol == Some(DCCP) {
                out.push(Match::Whole(Whole::DccpPorts));
            }
            out.push(Match::Multiport(multiport::Multiport {
                end: match asked.side {
                    words::PortSide::Source => multiport::End::Source,
                    words::PortSide::Destination => multiport::End::Destination,
                    words::PortSide::Either => multiport::End::Either,
                },
                ranges: asked.ports.iter().map(range).collect(),
                invert: asked.negated,
            }));
        }
        text::Match::State(asked) => out.push(conntrack::states(asked.states, asked.negated)),
        text::Match::Tcp(asked) => push_tcp(out, asked),
        text::Match::Udp(asked) => {
            if [asked.source_port, asked.destination_port].iter().all(|end| tells_nothing(*end)) {
                out.push(Match::Whole(Whole::Udp));
            }
            push_ports(out, asked.source_port, asked.destination_port);
        }
        text::Match::Addrtype(asked) => out.push(around::addrtype(asked)),
        text::Match::Rpfilter(asked) => out.push(around::rpfilter(asked)),
        text::Match::Mac(asked) => out.push(around::mac(asked)),
        text::Match::Pkttype(asked) => out.push(around::pkttype(asked)),
        text::Match::Physdev(asked) => out.push(around::physdev(asked, within.world.interfaces)),
        text::Match::Policy(asked) => out.push(around::policy(asked)),
        text::Match::Helper(asked) => out.push(around::helper(asked)),
        text::Match::Connmark(asked) => out.push(conntrack::connmark(asked)),
        text::Match::Statistic(asked) => out.push(kept::statistic(asked, within)),
        text::Match::Set(asked) => out.push(sets::set(asked, within)?),
        text::Match::Quota(asked) => out.push(kept::quota(asked, within)),
        text::Match::Tcpmss(asked) => out.push(header::tcpmss(asked)),
        text::Match::Esp(asked) => out.extend(header::esp(asked)),
        text::Match::Ah(asked) => match A::VERSION {
            IpVersion::V4 => out.extend(header::ah(asked)),
            IpVersion::V6 => out.push(extensions::ah(asked)),
        },
        text::Match::Sctp(asked) => {
            out.push(Match::Whole(Whole::Sctp));
            push_ports(out, asked.source_port, asked.destination_port);
            out.extend(asked.chunks.as_ref().map(header::chunks));
        }
        text::Match::Dccp(asked) => {
            out.push(Match::Whole(Whole::Dccp));
            push_ports(out, asked.source_port, asked.destination_port);
            out.extend(header::dccp(asked));
        }
        text::Match::Frag(asked) => out.push(extensions::frag(asked)),
        text::Match::Rt(asked) => out.push(extensions::routing(asked)),
        text::Match::Hbh(asked) => out.push(extensions::options(HOP_BY_HOP, &asked.0)),
        text::Match::Dst(asked) => out.push(extensions::options(DESTINATION, &asked.0)),
        text::Match::Ipv6header(asked) => out.push(extensions::ipv6header(asked)),
        text::Match::Mh(asked) => out.push(extensions::mobility(asked)),
        text::Match::Eui64(words::Eui64) => out.push(Match::Eui64(eui64::Eui64)),
        text::Match::Owner(_) => {
            let instead =
                "the host's programs are not seen from here; match by -s, --sport or --mark";
            return Err(Unsupported { what: "-m owner", instead });
        }
        text::Match::Socket(asked) => out.push(around::socket(*asked)),
        text::Match::U32(asked) => out.push(bytes::u32(asked)),
        text::Match::Bpf(asked) => out.push(bytes::bpf(asked)?),
        text::Match::Cpu(asked) => out.push(bytes::cpu(*asked)),
        text::Match::Connbytes(asked) => out.push(conntrack::connbytes(asked)),
    }
    Ok(())
}

/// Ports of TCP and UDP that iptables-nft has no instruction for, but the kernel's module.
fn tells_nothing(ports: Option<Negatable<text::PortRange>>) -> bool {
    ports.is_none_or(|asked| !asked.negated && (asked.value.min, asked.value.max) == (0, u16::MAX))
}

fn push_tcp<A: Address>(out: &mut Vec<Match<A>>, asked: &words::Tcp) {
    let ports = [asked.source_port, asked.destination_port];
    let by_flags = asked.flags.is_some_and(|flags| flags.negated || flags.value.mask != 0);
    if asked.option.is_some() || !by_flags && ports.iter().all(|end| tells_nothing(*end)) {
        out.push(Match::Whole(Whole::Tcp));
    }
    push_ports(out, asked.source_port, asked.destination_port);
    if let Some(flags) = asked.flags {
        out.push(Match::TcpFlags(port::TcpFlags {
            mask: flags.value.mask,
            compare: flags.value.set,
            invert: flags.negated,
        }));
    }
    out.extend(asked.option.map(|wanted| {
        let (kind, invert) = (wanted.value, wanted.negated);
        Match::TcpOption(tcp_options::TcpOption { kind, invert })
    }));
}

fn push_ports<A: Address>(
    out: &mut Vec<Match<A>>,
    source: Option<Negatable<text::PortRange>>,
    destination: Option<Negatable<text::PortRange>>,
) {
    out.extend(source.map(|asked| {
        Match::SourcePort(port::SourcePort { range: range(&asked.value), invert: asked.negated })
    }));
    out.extend(destination.map(|asked| {
        Match::DestinationPort(port::DestinationPort {
            range: range(&asked.value),
            invert: asked.negated,
        })
    }));
}

fn icmp_type<A>(asked: &Negatable<words::IcmpType>) -> Match<A> {
    Match::Icmp(icmp::Icmp {
        kind: asked.value.kind,
        from: asked.value.min_code,
        to: asked.value.max_code,
        invert: asked.negated,
    })
}

fn range(asked: &text::PortRange) -> port::PortRange {
    port::PortRange { from: asked.min, to: asked.max }
}

fn masked<A: Address>(asked: Option<&Negatable<text::AddressMask>>) -> Option<(A, A, bool)> {
    let asked = asked?;
    Some((A::from_ip(asked.value.address())?, A::from_ip(asked.value.mask())?, asked.negated))
}

/// `+` alone asks for nothing, as in the tool, not even for an interface.
fn named(pattern: &Option<Negatable<InterfacePattern>>) -> Option<&Negatable<InterfacePattern>> {
    pattern.as_ref().filter(|pattern| !is_any(&pattern.value) || pattern.negated)
}

fn is_any(pattern: &InterfacePattern) -> bool {
    pattern.wildcard && pattern.name.is_empty()
}

/// The interfaces meant, and whether all others are.
fn resolve(
    pattern: &Negatable<InterfacePattern>,
    interfaces: &Interfaces,
) -> (Vec<InterfaceId>, bool) {
    // `! -i +` holds for nothing, not even where there is no interface.
    if is_any(&pattern.value) {
        return (Vec::new(), false);
    }
    let known = interfaces.iter();
    let meant = known.filter(|(_, interface)| pattern.value.matches(&interface.name));
    (meant.map(|(id, _)| id).collect(), pattern.negated)
}
