//! Matches about routes, the link, bridges, the host's sockets, and what this gateway never has: IPsec.

use sluice_config::netfilter::matches as words;
use sluice_config::netfilter::{InterfacePattern, Negatable};
use sluice_dataplane::address::Mac;
use sluice_dataplane::conntrack::Helper;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::matches::addrtype::{AddressType, Kinds, Limit};
use sluice_dataplane::rules::matches::link::{PacketType, SourceMac, To};
use sluice_dataplane::rules::matches::physdev::{OneOf, Physdev};
use sluice_dataplane::rules::matches::reverse_path::ReversePath;
use sluice_dataplane::rules::matches::socket::Socket;
use sluice_dataplane::rules::matches::{Match, always, helper};

pub(super) fn addrtype<A>(asked: &words::Addrtype) -> Match<A> {
    let kinds = |wanted: Option<Negatable<words::AddressTypes>>| {
        wanted.map(|wanted| Kinds { bits: wanted.value.0, invert: wanted.negated })
    };
    Match::AddressType(AddressType {
        source: kinds(asked.source),
        destination: kinds(asked.destination),
        limit: match asked.interface {
            None => Limit::None,
            Some(words::LimitInterface::In) => Limit::In,
            Some(words::LimitInterface::Out) => Limit::Out,
        },
    })
}

pub(super) fn rpfilter<A>(asked: &words::Rpfilter) -> Match<A> {
    let &words::Rpfilter { loose, valid_mark: _, accept_local, invert } = asked;
    Match::ReversePath(ReversePath { loose, accept_local, invert })
}

pub(super) const fn socket<A>(asked: words::Socket) -> Match<A> {
    let words::Socket { transparent, no_wildcard, restore_mark } = asked;
    Match::Socket(Socket { transparent, no_wildcard, restore_mark })
}

pub(super) fn mac<A>(asked: &words::Mac) -> Match<A> {
    Match::SourceMac(SourceMac { mac: Mac(asked.source), invert: asked.negated })
}

pub(super) fn pkttype<A>(asked: &words::Pkttype) -> Match<A> {
    let to = match asked.kind {
        words::PacketType::Unicast => To::Host,
        words::PacketType::Broadcast => To::Broadcast,
        words::PacketType::Multicast => To::Multicast,
        words::PacketType::OtherHost => To::Other,
    };
    Match::PacketType(PacketType { to, invert: asked.negated })
}

/// The ports of bridges. Where there is none no packet crosses one: what is asked must all be negated (kernel
/// `physdev_mt`).
pub(super) fn physdev<A>(asked: &words::Physdev, interfaces: &Interfaces) -> Match<A> {
    fn fits<T>(wanted: &Option<Negatable<T>>) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted.negated)
    }
    if interfaces.bridges().is_empty() {
        let ports = fits(&asked.port_in) && fits(&asked.port_out);
        let flags = fits(&asked.is_in) && fits(&asked.is_out) && fits(&asked.is_bridged);
        return always(ports && flags, false);
    }
    let ports = |asked: &Negatable<InterfacePattern>| {
        let Negatable { value, negated } = asked;
        let meant = |name: &str| value.name.is_empty() || value.matches(name);
        let ids = interfaces.iter().filter(|(_, interface)| meant(&interface.name));
        OneOf { ids: ids.map(|(id, _)| id).collect(), invert: *negated }
    };
    let flag = |asked: Option<Negatable<()>>| asked.map(|asked| !asked.negated);
    Match::Physdev(Physdev {
        ingress: asked.port_in.as_ref().map(ports),
        egress: asked.port_out.as_ref().map(ports),
        is_in: flag(asked.is_in),
        is_out: flag(asked.is_out),
        is_bridged: flag(asked.is_bridged),
    })
}

/// No packet is or will be IPsec's (kernel `policy_mt`).
pub(super) fn policy<A>(asked: &words::Policy) -> Match<A> {
    always(asked.none, false)
}

/// The name asked for begins with the helper's, as the kernel compares (`helper_mt`); none is any.
pub(super) fn helper<A>(asked: &words::Helper) -> Match<A> {
    let is_asked = |helper: Helper| asked.name.is_empty() || asked.name.starts_with(helper.name());
    let helpers = Helper::ALL.into_iter().filter(|helper| is_asked(*helper)).collect();
    Match::Helper(helper::Helper { helpers, invert: asked.negated })
}

fn always<A>(answer: bool, needs_conntrack: bool) -> Match<A> {
    Match::Always(always::Always { answer, needs_conntrack })
}
