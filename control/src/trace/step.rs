//! A worker's event as a message of the interface.

use super::answer;
use super::book::{Book, Place};
use crate::log;
use crate::proto::{Family, TraceKind as Kind, TraceStep};
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::conntrack::{CtState, Direction};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::LineOptions;
use sluice_dataplane::rules::{ChainId, CounterId};
use sluice_dataplane::trace::{Did, End, Event, Seen, Step};
use std::net::{IpAddr, SocketAddr};

/// What is told with the packet's line.
const OPTIONS: LineOptions =
    LineOptions { tcp_sequence: true, tcp_options: false, ip_options: false, mac_decode: false };

/// The message; `book` is of the rules the packet met, none where those are no more.
pub(crate) fn step(event: &Event, book: Option<&Book<'_>>, interfaces: &Interfaces) -> TraceStep {
    let family = match event.version {
        IpVersion::V4 => Family::Ipv4,
        IpVersion::V6 => Family::Ipv6,
    };
    let mut told = TraceStep {
        packet_number: event.traced.packet,
        family: family.into(),
        worker: event.worker.0.into(),
        timestamp_us: event.unix / 1000,
        ..TraceStep::default()
    };
    let name = |id: InterfaceId| interfaces.get(id).map(|interface| interface.name.clone());
    let kind = match &event.step {
        Step::Packet(seen) => {
            told.packet = packet(seen, interfaces);
            Kind::Packet
        }
        Step::Cached(cached) => {
            told.cached = *cached;
            Kind::Cached
        }
        Step::Rule { counter, did } => {
            put_rule(&mut told, book, *counter);
            put_did(&mut told, book, *did);
            Kind::Rule
        }
        Step::Depends { counter, on } => {
            put_rule(&mut told, book, *counter);
            told.depends = (*on).to_owned();
            Kind::Depends
        }
        Step::Return(chain) => {
            put_chain(&mut told, book, *chain);
            Kind::Return
        }
        Step::Policy { counter, accept } => {
            put_rule(&mut told, book, *counter);
            told.verdict = if *accept { "ACCEPT" } else { "DROP" }.to_owned();
            Kind::Policy
        }
        Step::Connection { state, direction } => {
            told.state = state_name(*state).to_owned();
            told.reply = *direction == Some(Direction::Reply);
            Kind::Connection
        }
        Step::Source { from, to } => {
            (told.from, told.to) = (endpoint(*from), endpoint(*to));
            Kind::Source
        }
        Step::Destination { from, to } => {
            (told.from, told.to) = (endpoint(*from), endpoint(*to));
            Kind::Destination
        }
        Step::Local => Kind::Local,
        Step::Forward { egress, next_hop } => {
            told.interface = name(*egress).unwrap_or_default();
            told.next_hop = next_hop.to_string();
            Kind::Forward
        }
        Step::End(end) => {
            put_end(&mut told, *end, interfaces);
            Kind::End
        }
    };
    told.kind = kind.into();
    told
}

fn packet(seen: &Seen, interfaces: &Interfaces) -> String {
    let ingress = Some(seen.ingress).filter(|id| *id != InterfaceId::HOST);
    let subject = log::Subject {
        frame: seen.frame(),
        headers: &seen.headers,
        length: seen.length,
        mark: seen.mark,
        whole: false,
        sides: (ingress, seen.egress),
        ports: seen.ports,
    };
    log::words(OPTIONS, subject, interfaces)
}

fn put_rule(told: &mut TraceStep, book: Option<&Book<'_>>, counter: CounterId) {
    let Some(Place { table, chain, rule }) = book.and_then(|book| book.place(counter)) else {
        return;
    };
    told.table = table.name().to_owned();
    told.chain.clone_from(&chain.name);
    if let Some(written) = chain.rules.get(rule) {
        told.rule = u32::try_from(rule + 1).unwrap_or(u32::MAX);
        told.text = format!("-A {}{written}", chain.name);
    }
}

fn put_chain(told: &mut TraceStep, book: Option<&Book<'_>>, id: ChainId) {
    if let Some((table, chain)) = book.and_then(|book| book.chain(id)) {
        told.table = table.name().to_owned();
        told.chain.clone_from(&chain.name);
    }
}

fn put_did(told: &mut TraceStep, book: Option<&Book<'_>>, did: Did) {
    let chain = |id| book.and_then(|book| book.chain(id)).map(|(_, chain)| chain.name.clone());
    let verdict = match did {
        Did::Continue => "CONTINUE",
        Did::Accept => "ACCEPT",
        Did::Drop => "DROP",
        Did::Reject(with) => {
            told.answer = answer::of(with).to_owned();
            "REJECT"
        }
        Did::Return => "RETURN",
        Did::Jump(id) => {
            told.target = chain(id).unwrap_or_default();
            "JUMP"
        }
        Did::Goto(id) => {
            told.target = chain(id).unwrap_or_default();
            "GOTO"
        }
        Did::SynProxy => "SYNPROXY",
        Did::Snat => "SNAT",
        Did::Dnat => "DNAT",
        Did::Masquerade => "MASQUERADE",
        Did::Redirect => "REDIRECT",
    };
    told.verdict = verdict.to_owned();
}

fn put_end(told: &mut TraceStep, end: End, interfaces: &Interfaces) {
    let verdict = match end {
        End::Sent { egress, next_hop, known } => {
            let interface = interfaces.get(egress);
            told.interface = interface.map(|found| found.name.clone()).unwrap_or_default();
            told.next_hop = next_hop.to_string();
            if !known {
                told.reason = "neighbour-unknown".to_owned();
            }
            "SENT"
        }
        End::Bridged { port } => {
            let port = interfaces.get(port);
            told.interface = port.map(|found| found.name.clone()).unwrap_or_default();
            "SENT"
        }
        End::Delivered => "DELIVERED",
        End::Answered => "ANSWERED",
        End::Dropped(reason) => {
            told.reason = reason.name().to_owned();
            "DROPPED"
        }
        End::Refused(reason, error) => {
            told.reason = reason.name().to_owned();
            told.answer = answer::icmp(error).to_owned();
            "DROPPED"
        }
        End::Reset => {
            told.reason = "reject".to_owned();
            told.answer = "tcp-reset".to_owned();
            "DROPPED"
        }
        End::HandedOver(worker) => {
            told.reason = format!("worker-{}", worker.0);
            "HANDED"
        }
    };
    told.verdict = verdict.to_owned();
}

const fn state_name(state: CtState) -> &'static str {
    match state {
        CtState::New => "NEW",
        CtState::Established => "ESTABLISHED",
        CtState::Related => "RELATED",
        CtState::Invalid => "INVALID",
        CtState::Untracked => "UNTRACKED",
    }
}

fn endpoint((address, port): (IpAddr, u16)) -> String {
    SocketAddr::new(address, port).to_string()
}
