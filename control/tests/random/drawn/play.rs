//! A gateway of one worker or three with drawn rules, to which drawn things happen.

use super::choices::Choices;
use super::frames::{self, Past};
use super::rules;
use super::support::frames::gateway_mac;
use super::support::{Gateway, SPREADS, snapshot_with};
use super::templates::{SET_COMMANDS, SETS, has_family};
use super::words::{self, Family};
use sluice_config::netfilter::{Family as Tool, Ruleset, Table};
use sluice_control::basis::Both;
use sluice_control::compile::{
    Before, CompileError, Compiled, Layout, States, World, compile_after,
};
use sluice_control::log::line;
use sluice_control::sets::{self, SharedSets};
use sluice_dataplane::address::{Address, Mac, V4, V6};
use sluice_dataplane::conntrack::{ConntrackSettings, Policies, PolicyKind, Timeouts};
use sluice_dataplane::ids::{InterfaceId, NextHopId};
use sluice_dataplane::interface::{Interface, Interfaces, ReversePathFilter};
use sluice_dataplane::neighbour::{Output, arp, ndp};
use sluice_dataplane::packet::{MemoryPacket, Packet};
use sluice_dataplane::rules::Rules;
use sluice_dataplane::rules::report::Telling;
use sluice_dataplane::snapshot::{IpSettings, NextHop, Snapshot};
use sluice_dataplane::trace::{Filter, Filters};
use sluice_dataplane::worker::{Lanes, Request};
use std::sync::Arc;

/// Commands before the first packet, at most.
const COMMANDS: usize = 24;

struct Stage {
    gateway: Gateway,
    v4: Ruleset,
    v6: Ruleset,
    states: States,
    layouts: Both<Layout>,
    sets: SharedSets,
    interfaces: Interfaces,
    ip: IpSettings,
    conntrack: ConntrackSettings,
    past: Past,
}

/// Plays what the bytes say.
pub fn play(bytes: &[u8]) {
    let choices = &mut Choices::new(bytes);
    let mut stage = Stage::new(choices, some_sets());
    for _ in 0..=choices.below(COMMANDS) {
        stage.command(choices);
    }
    stage.publish();
    while !choices.is_over() {
        stage.step(choices);
    }
    stage.end();
}

/// Rules that read bytes by number, `text` as tests of u32 and as a program of bpf, see a packet of these bytes.
pub fn look(text: &str, packet: &[u8]) {
    let mut stage = Stage::new(&mut Choices::new(&[]), SharedSets::default());
    let mut taken = false;
    for (name, option) in [("u32", "--u32"), ("bpf", "--bytecode")] {
        for which in 0..2 {
            let words = ["-t", "raw", "-A", "PREROUTING", "-m", name, option, text, "-j", "DROP"];
            taken |= rules::run(stage.some_rules(which), &words.map(str::to_owned));
        }
    }
    if !taken {
        return;
    }
    stage.publish();
    for kind in [[8, 0], [0x86, 0xdd]] {
        let whole = [&gateway_mac(0)[..], &[2, 0, 0, 0, 0, 9], &kind, packet].concat();
        stage.gateway.receive(0, &whole);
    }
    for frame in frames::carrying(packet) {
        stage.gateway.receive(0, &frame);
    }
    stage.settle();
}

/// The same of tests and programs that are drawn.
pub fn look_drawn(bytes: &[u8], packet: &[u8]) {
    let choices = &mut Choices::new(bytes);
    let text = if choices.below(2) == 0 { words::tests(choices) } else { words::program(choices) };
    look(&text.replace('·', " "), packet);
}

impl Stage {
    fn new(choices: &mut Choices<'_>, sets: SharedSets) -> Self {
        let workers = choices.one(&[1, 3]);
        let spread = choices.one(&SPREADS);
        let mut bit = || choices.below(2) == 1;
        let software_peer = bit();
        let conntrack = ConntrackSettings {
            checksum: bit(),
            accounting: bit(),
            tcp_loose: bit(),
            tcp_be_liberal: bit(),
            policies: policies(),
            ..ConntrackSettings::default()
        };
        let (forward6, forward4) = (!choices.once_in(8), !choices.once_in(8));
        let ip = IpSettings { forward6, forward4, ..IpSettings::default() };
        let reverse = choices.one(&[
            ReversePathFilter::Off,
            ReversePathFilter::Off,
            ReversePathFilter::Off,
            ReversePathFilter::Off,
            ReversePathFilter::Off,
            ReversePathFilter::Loose,
            ReversePathFilter::Strict,
        ]);
        let bare = snapshot_with(Rules::empty(workers), Rules::empty(workers), |_| {});
        let mtu = choices.one(&[1500, 1500, 1280, 576]);
        let change = |own: &Interface| Interface {
            twin: Some(own.port + 2),
            software_peer,
            reverse_path: reverse,
            send_redirects: software_peer,
            shared_media: true,
            mtu: if own.port == 1 { mtu } else { own.mtu },
            ..own.clone()
        };
        let mut all: Vec<_> = bare.interfaces.iter().map(|(_, own)| Some(change(own))).collect();
        let lan = all[0].clone().unwrap();
        all.push(Some(Interface {
            name: "lan.5".into(),
            vlan: Some(5),
            twin: Some(4),
            v4: vec![(V4([10, 5, 0, 1]), 24)],
            v6: Vec::new(),
            ..lan
        }));
        let mut gateway = Gateway::new(workers, spread, Rules::empty(workers));
        gateway.routes.0.insert(V4([10, 5, 0, 0]), 24, NextHopId(9)).unwrap();
        gateway.routes.0.insert(V4([10, 5, 0, 1]), 32, NextHopId(10)).unwrap();
        gateway.routes.0.insert(V4([192, 168, 1, 255]), 32, NextHopId(11)).unwrap();
        Self {
            gateway,
            v4: rules::empty(Tool::V4),
            v6: rules::empty(Tool::V6),
            states: States::default(),
            layouts: Both::default(),
            sets,
            interfaces: Interfaces::new(all),
            ip,
            conntrack,
            past: Past::default(),
        }
    }

    fn some_rules(&mut self, which: usize) -> &mut Ruleset {
        if which == 0 { &mut self.v4 } else { &mut self.v6 }
    }

    fn command(&mut self, choices: &mut Choices<'_>) {
        let which = choices.below(2);
        rules::change(choices, self.some_rules(which));
    }

    /// What happens next.
    fn step(&mut self, choices: &mut Choices<'_>) {
        match choices.below(32) {
            31 => self.wait(choices.one(&[0, 1, 6, 31, 61, 130, 700, 432_001])),
            29 | 30 => {
                for _ in 0..=choices.below(3) {
                    self.command(choices);
                }
                self.publish();
            }
            28 => {
                let template = choices.one(&SET_COMMANDS);
                let family = Family(choices.one(&[Tool::V4, Tool::V6]));
                let words = family.words(choices, template);
                let _ = sets::run(&self.sets, &words, "", self.gateway.now);
                self.sets.maintain(self.gateway.now);
            }
            27 => self.operator(choices),
            26 => {
                let id = InterfaceId(choices.below(3) as u16);
                self.interfaces = self.interfaces.with_state(id, !choices.once_in(3));
                self.publish();
            }
            25 => self.reroute(choices),
            23 | 24 => {
                let index = choices.below(self.gateway.workers.len());
                let mut came = Vec::new();
                for _ in 0..choices.below(20) {
                    came.extend(frames::draw(choices, &self.past));
                }
                let port = came.first().map_or(0, |(port, _)| *port);
                came.retain(|(own, _)| *own == port);
                let frames: Vec<_> = came.iter().map(|(_, frame)| frame).collect();
                let sent = self.gateway.receive_burst(index, port, &frames);
                self.past.remember(&came, sent);
            }
            18..=22 => self.conversation(choices),
            _ => {
                for (port, frame) in frames::draw(choices, &self.past) {
                    let sent = self.gateway.receive(port, &frame);
                    self.past.remember(&[(port, frame)], sent);
                }
            }
        }
        self.settle();
    }

    /// Somebody says something, is answered, and says it again.
    fn conversation(&mut self, choices: &mut Choices<'_>) {
        let first = frames::whole(choices);
        let mut next = first.clone();
        for _ in 0..2 + choices.below(8) {
            let sent = self.gateway.receive(next.0, &next.1);
            next = match sent.is_empty() || choices.once_in(4) {
                true => first.clone(),
                false => frames::answer(choices, &sent),
            };
            self.past.remember(&[], sent);
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.gateway.age(seconds);
        self.settle();
    }

    /// Neighbours are asked for and found or not, and what rules have to tell is told.
    fn settle(&mut self) {
        let (now, mut outputs) = (self.gateway.now, Vec::new());
        while let Some(event) = self.gateway.shared.events.pop() {
            self.gateway.machine.handle(event, now, &mut outputs);
        }
        self.gateway.machine.poll(now, &mut outputs);
        let workers = self.gateway.workers.len();
        for output in outputs {
            match output {
                Output::Solicit { interface, target, unicast_to } => {
                    let asking = self.interfaces.get(interface);
                    if let Some(frame) = asking.and_then(|own| solicit(own, target, unicast_to)) {
                        let sent = self.gateway.ask(0, Request::Send(interface, frame));
                        self.past.remember(&[], sent);
                    }
                }
                Output::Resolved { interface, address, .. } => (0..workers).for_each(|worker| {
                    self.gateway.ask(worker, Request::Resolved(interface, address));
                }),
                Output::Failed { interface, address, .. } => (0..workers).for_each(|worker| {
                    self.gateway.ask(worker, Request::Failed(interface, address));
                }),
            }
        }
        while let Some(report) = self.gateway.shared.reports.pop() {
            if let Telling::Line { prefix, options, .. } = &*report.telling.0 {
                assert!(line(prefix, *options, &report, &self.interfaces).starts_with(prefix));
            }
        }
        while self.gateway.shared.traces.pop().is_some() {}
    }

    /// What an operator asks of the workers.
    fn operator(&mut self, choices: &mut Choices<'_>) {
        let worker = choices.below(self.gateway.workers.len());
        let lanes = choices.one(&[Lanes::V4, Lanes::V6]);
        match choices.below(4) {
            0 => {
                let filters =
                    [None, Some(Arc::new(Filters::of(vec![(1, Arc::new(Filter::default()))])))];
                let filters = filters[choices.below(2)].clone();
                let (reply, _before) = crossbeam_channel::bounded(1);
                self.gateway.ask(worker, Request::Trace { filters, reply });
            }
            1 => self.gateway.forget_verdicts(),
            _ => {
                let (reply, pages) = crossbeam_channel::bounded(1);
                let (cursor, room) = (choices.below(1024), Vec::with_capacity(16));
                let zero = choices.below(2) == 1;
                self.gateway.ask(worker, Request::List { lanes, cursor, zero, room, reply });
                let connections = pages.recv().unwrap().connections;
                if choices.below(2) == 1 {
                    let (reply, _gone) = crossbeam_channel::bounded(1);
                    self.gateway.ask(worker, Request::Delete { connections, reply, portid: 0 });
                }
            }
        }
    }

    fn reroute(&mut self, choices: &mut Choices<'_>) {
        let length = choices.one(&[0, 8, 16, 24, 32, 48, 64, 128_u8]);
        let hop = NextHopId(choices.below(13) as u32);
        let prefix =
            choices.one(&[[10, 1, 0, 0], [192, 168, 1, 0], [198, 51, 100, 0], [203, 0, 113, 5]]);
        let six = choices.one(&[1, 2, 3, 6_u128]);
        let v4 = V4::from_bits(u128::from(u32::from_be_bytes(prefix)) & mask(32, length));
        let v6 = V6::from_bits((0xfd << 120 | six << 96) & mask(128, length));
        // A prefix that is too long is refused.
        let _ = match choices.below(4) {
            0 => self.gateway.routes.0.insert(v4, length, hop).is_ok(),
            1 => self.gateway.routes.0.remove(v4, length).is_some(),
            2 => self.gateway.routes.1.insert(v6, length, hop).is_ok(),
            _ => self.gateway.routes.1.remove(v6, length).is_some(),
        };
    }

    /// Compiles the rules, without those that this gateway cannot have, and publishes them.
    fn publish(&mut self) {
        rules::reads_back(&self.v4);
        rules::reads_back(&self.v6);
        let previous = self.gateway.published.current();
        let world = World {
            interfaces: &self.interfaces,
            states: &self.states,
            sets: &self.sets,
            policies: &self.conntrack.policies,
            workers: self.gateway.workers.len(),
        };
        let same_world = self.interfaces == previous.interfaces;
        let before = Before { rules: &previous.rules4, layout: &self.layouts.v4, same_world };
        let Compiled { rules: rules4, layout: layout4 } = compiled(&mut self.v4, world, before);
        let before = Before { rules: &previous.rules6, layout: &self.layouts.v6, same_world };
        let Compiled { rules: rules6, layout: layout6 } = compiled(&mut self.v6, world, before);
        self.layouts = Both { v4: layout4, v6: layout6 };
        let mut conntrack = self.conntrack.clone();
        conntrack.accounting |= rules4.needs_accounting() || rules6.needs_accounting();
        let bare = snapshot_with(rules4, rules6, |_| {});
        let more = [
            NextHop::Connected(InterfaceId(2)),
            NextHop::Local(InterfaceId(2)),
            NextHop::Broadcast(InterfaceId(1)),
            NextHop::Throw,
        ];
        let snapshot = Snapshot {
            number: previous.number.wrapping_add(1),
            interfaces: self.interfaces.clone(),
            next_hops: [bare.next_hops.clone(), more.into()].concat(),
            conntrack,
            ip: self.ip,
            ..bare
        };
        self.gateway.publish_snapshot(Arc::new(snapshot.after(&previous)));
        drop(previous);
        self.gateway.published.collect();
        self.states.sweep();
    }

    /// In the end nothing is held back: what waits is given up.
    fn end(mut self) {
        for _ in 0..40 {
            self.wait(40);
        }
        let held: usize = self.gateway.workers.iter().map(|worker| worker.held()).sum();
        assert_eq!(held, 0, "packets are kept for ever");
    }
}

fn mask(width: u32, length: u8) -> u128 {
    let all = u128::MAX >> (128 - width);
    all & !all.checked_shr(length.into()).unwrap_or(0)
}

/// What [`rules::POLICIES`] says.
pub fn policies() -> Policies {
    let kind = PolicyKind { name: "quick".into(), protocol: Some(17), version: None };
    let timeouts = Timeouts { udp: 1, ..Timeouts::default() };
    Policies::after(&Policies::default(), [(kind, timeouts)])
}

pub fn some_sets() -> SharedSets {
    let mut text = String::new();
    for (name, kind) in SETS {
        if has_family(kind) {
            text += &format!(
                "create {name}4 {kind}\ncreate {name}6 {} \n",
                kind.replace("netmask 24", "netmask 64") + " family inet6"
            );
        } else {
            text += &format!("create {name} {kind}\n");
        }
    }
    SharedSets::load(&text, "sets", Default::default()).unwrap()
}

/// Compiles rules, without those that this gateway cannot have: they are taken out of the ruleset.
pub fn compiled<A: Address>(
    ruleset: &mut Ruleset,
    world: World<'_>,
    before: Before<'_, A>,
) -> Compiled<A> {
    loop {
        match compile_after(ruleset, world, before) {
            Ok(compiled) => return compiled,
            Err(CompileError::Unsupported { table, chain, rule, .. }) => {
                let table = Table::ALL.into_iter().find(|own| own.name() == table).unwrap();
                let chain = ruleset.table_mut(table).unwrap().chain_mut(&chain).unwrap();
                chain.rules.remove(rule - 1);
            }
            Err(wrong) => panic!("taken, and yet: {wrong}"),
        }
    }
}

fn solicit(own: &Interface, target: std::net::IpAddr, to: Option<Mac>) -> Option<Vec<u8>> {
    let mut packet = MemoryPacket::new(&[]);
    let written = if target.is_ipv4() {
        let from = (own.mac, own.v4.first()?.0);
        arp::solicit(&mut packet, own.vlan, from, V4::from_ip(target)?, to)
    } else {
        let from = (own.mac, own.v6.first()?.0);
        ndp::solicit(&mut packet, own.vlan, from, V6::from_ip(target)?, to)
    };
    assert_eq!(own.mac.0, gateway_mac(own.port));
    written.then(|| packet.data().to_vec())
}
