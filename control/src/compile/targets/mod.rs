//! Targets: words to meaning.

mod sets;
mod telling;
mod written;

use crate::compile::World;
use crate::compile::error::Unsupported;
use sluice_config::netfilter as text;
use sluice_config::netfilter::targets as words;
use sluice_dataplane::address::Address;
use sluice_dataplane::nat::NatRange;
use sluice_dataplane::rules::ChainId;
use sluice_dataplane::rules::targets::npt::End;
use sluice_dataplane::rules::targets::{RejectWith, Target};
use sluice_dataplane::synproxy::SynProxy;
use sluice_dataplane::wire::icmp_error::IcmpError;

/// Why a target could not be compiled.
pub(super) enum Problem {
    NoChain(String),
    NoPolicy(String),
    Unsupported(Unsupported),
}

/// What a rule does; `find` resolves chain names.
pub(super) fn compile<A: Address>(
    target: Option<&text::Target>,
    world: &World<'_>,
    find: impl Fn(&str) -> Option<ChainId>,
) -> Result<Target<A>, Problem> {
    let chain = |name: &String| find(name).ok_or_else(|| Problem::NoChain(name.clone()));
    Ok(match target {
        None => Target::Continue,
        Some(text::Target::Accept) => Target::Accept,
        Some(text::Target::Drop) => Target::Drop,
        Some(text::Target::Return) => Target::Return,
        Some(text::Target::Jump(name)) => Target::Jump(chain(name)?),
        Some(text::Target::Goto(name)) => Target::Goto(chain(name)?),
        Some(text::Target::Ct(ct)) if ct.notrack => Target::Notrack,
        Some(text::Target::Ct(asked)) => Target::Ct(written::ct(asked, world.policies)?),
        Some(text::Target::Log(asked)) => Target::Tell(telling::log(asked)),
        Some(text::Target::Mark(mark)) => Target::Mark { value: mark.value, mask: mark.mask },
        Some(text::Target::Audit(_)) => {
            return Err(unsupported("-j AUDIT", "there is no audit daemon to tell; use -j NFLOG"));
        }
        Some(text::Target::NfQueue(_) | text::Target::Queue(_)) => {
            return Err(unsupported(
                "-j NFQUEUE",
                "no program is handed packets to decide on; decide with matches and -j ACCEPT or DROP",
            ));
        }
        Some(text::Target::IdleTimer(_)) => {
            return Err(unsupported(
                "-j IDLETIMER",
                "no program is told of idle interfaces; watch the rule's counters with -L -v",
            ));
        }
        // There is no queueing discipline for a class, and every checksum is complete.
        Some(text::Target::Checksum(_) | text::Target::Classify(_)) => Target::Continue,
        Some(text::Target::ConnMark(asked)) => Target::Connmark(written::connmark(asked)),
        Some(text::Target::Dscp(asked)) => written::tos(asked.value << 2, 0xfc),
        Some(text::Target::Tos(asked)) => written::tos(asked.value, asked.mask),
        Some(text::Target::Ecn(asked)) => written::ecn(asked)?,
        Some(text::Target::Hl(asked)) => written::hops(asked.change),
        Some(text::Target::Ttl(asked)) => written::hops(asked.change),
        Some(text::Target::TcpMss(asked)) => written::mss(*asked),
        Some(text::Target::TcpOptStrip(asked)) => written::option_strip(asked),
        Some(text::Target::Tee(asked)) => Target::Tee(written::tee(asked, world)),
        Some(text::Target::Set(asked)) => Target::Set(sets::change(asked, world)?),
        Some(text::Target::Snpt(asked)) => written::npt(End::Source, asked.prefixes),
        Some(text::Target::Dnpt(asked)) => written::npt(End::Destination, asked.prefixes),
        Some(text::Target::Netmap(asked)) => written::netmap(asked)?,
        Some(text::Target::NfLog(asked)) => Target::Tell(telling::nflog(asked)),
        Some(text::Target::Trace(_)) => Target::Trace,
        Some(text::Target::SynProxy(asked)) => Target::SynProxy(syn_proxy(*asked)),
        Some(text::Target::Snat(nat)) => Target::Snat(range(&nat.range)?),
        Some(text::Target::Dnat(nat)) => Target::Dnat(range(&nat.range)?),
        Some(text::Target::Masquerade(nat)) => Target::Masquerade(range(&nat.range)?),
        Some(text::Target::Redirect(nat)) => Target::Redirect(range(&nat.range)?),
        Some(text::Target::Reject(reject)) => Target::Reject(reject_with(reject.with)),
    })
}

fn unsupported(what: &'static str, instead: &'static str) -> Problem {
    Problem::Unsupported(Unsupported { what, instead })
}

fn range<A: Address>(asked: &words::NatRange) -> Result<NatRange<A>, Problem> {
    if asked.base_port.is_some() {
        return Err(unsupported("a port range with /BASE", "write a rule for each port"));
    }
    Ok(NatRange {
        addresses: asked
            .addresses
            .and_then(|(low, high)| Some((A::from_ip(low)?, A::from_ip(high)?))),
        ports: asked.ports.map(|ports| (ports.min, ports.max)),
        random: asked.random,
        random_fully: asked.random_fully,
        persistent: asked.persistent,
    })
}

fn syn_proxy(asked: words::SynProxy) -> SynProxy {
    let words::SynProxy { sack_permitted, timestamp, window_scale, mss, ecn } = asked;
    SynProxy { mss, window_scale, sack_permitted, timestamps: timestamp, ecn }
}

fn reject_with(asked: words::RejectWith) -> RejectWith {
    RejectWith::Icmp(match asked {
        words::RejectWith::TcpReset => return RejectWith::TcpReset,
        words::RejectWith::IcmpNetUnreachable => IcmpError::NetUnreachable,
        words::RejectWith::IcmpHostUnreachable => IcmpError::HostUnreachable,
        words::RejectWith::IcmpProtoUnreachable => IcmpError::ProtocolUnreachable,
        words::RejectWith::IcmpPortUnreachable => IcmpError::PortUnreachable,
        words::RejectWith::IcmpNetProhibited => IcmpError::NetProhibited,
        words::RejectWith::IcmpHostProhibited => IcmpError::HostProhibited,
        words::RejectWith::IcmpAdminProhibited => IcmpError::AdminProhibited,
        words::RejectWith::Icmp6NoRoute => IcmpError::V6NoRoute,
        words::RejectWith::Icmp6AdmProhibited => IcmpError::V6AdminProhibited,
        words::RejectWith::Icmp6AddrUnreachable => IcmpError::V6AddressUnreachable,
        words::RejectWith::Icmp6PortUnreachable => IcmpError::V6PortUnreachable,
        words::RejectWith::Icmp6PolicyFail => IcmpError::V6PolicyFail,
        words::RejectWith::Icmp6RejectRoute => IcmpError::V6RejectRoute,
    })
}
