//! Matches: words to meaning.

use super::World;
use super::error::Unsupported;
use sluice_config::netfilter as text;
use sluice_config::netfilter::matches as words;
use sluice_config::netfilter::{InterfacePattern, Negatable};
use sluice_dataplane::address::Address;
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::matches::{
    Kept, Match, address, icmp, interface, length, limit, mark, multiport, port, protocol, state,
};

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
    if let Some(pattern) = &rule.in_interface {
        out.push(Match::Ingress(interface::Ingress::new(
            resolve(pattern, interfaces),
            pattern.negated,
        )));
    }
    if let Some(pattern) = &rule.out_interface {
        out.push(Match::Egress(interface::Egress::new(
            resolve(pattern, interfaces),
            pattern.negated,
        )));
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

/// The language counts the time between tokens in 1/10000 s.
const NANOSECONDS_PER_TICK: u64 = 100_000;

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
        text::Match::Conntrack(asked) => push_conntrack(out, asked)?,
        text::Match::Icmp(asked) => out.extend(asked.icmp_type.map(|kind| icmp_type(&kind))),
        text::Match::Icmp6(asked) => out.push(icmp_type(&asked.icmp_type)),
        text::Match::Length(asked) => out.push(Match::Length(length::Length {
            from: asked.min,
            to: asked.max,
            invert: asked.negated,
        })),
        text::Match::Limit(asked) => out.push(Match::Limit(limit::Limit {
            cost: u64::from(asked.interval) * NANOSECONDS_PER_TICK,
            burst: asked.burst,
            bucket: within.own(limit::Bucket::default),
        })),
        text::Match::Mark(asked) => out.push(Match::Mark(mark::Mark {
            value: asked.value,
            mask: asked.mask,
            invert: asked.negated,
        })),
        text::Match::Multiport(asked) => out.push(Match::Multiport(multiport::Multiport {
            end: match asked.side {
                words::PortSide::Source => multiport::End::Source,
                words::PortSide::Destination => multiport::End::Destination,
                words::PortSide::Either => multiport::End::Either,
            },
            ranges: asked.ports.iter().map(range).collect(),
            invert: asked.negated,
        })),
        text::Match::State(asked) => out.push(states(asked.states, asked.negated)),
        text::Match::Tcp(asked) => push_tcp(out, asked)?,
        text::Match::Udp(asked) => push_ports(out, asked.source_port, asked.destination_port),
    }
    Ok(())
}

fn push_tcp<A: Address>(out: &mut Vec<Match<A>>, asked: &words::Tcp) -> Result<(), Unsupported> {
    push_ports(out, asked.source_port, asked.destination_port);
    if let Some(flags) = asked.flags {
        out.push(Match::TcpFlags(port::TcpFlags {
            mask: flags.value.mask,
            compare: flags.value.set,
            invert: flags.negated,
        }));
    }
    match asked.option {
        None => Ok(()),
        Some(_) => Err(Unsupported {
            what: "-p tcp --tcp-option",
            instead: "match by --tcp-flags instead",
        }),
    }
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

fn push_conntrack<A: Address>(
    out: &mut Vec<Match<A>>,
    asked: &words::Conntrack,
) -> Result<(), Unsupported> {
    let only_state = words::Conntrack { state: asked.state, ..words::Conntrack::default() };
    if *asked != only_state {
        return Err(Unsupported {
            what: "-m conntrack with options other than --ctstate",
            instead: "use --ctstate",
        });
    }
    out.extend(asked.state.map(|wanted| states(wanted.value, wanted.negated)));
    Ok(())
}

fn states<A>(set: words::CtStates, negated: bool) -> Match<A> {
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

fn resolve(pattern: &Negatable<InterfacePattern>, interfaces: &Interfaces) -> Vec<InterfaceId> {
    interfaces
        .iter()
        .filter(|(_, interface)| pattern.value.matches(&interface.name))
        .map(|(id, _)| id)
        .collect()
}
