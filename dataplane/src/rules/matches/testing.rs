//! Asking one match about one frame.

use super::Condition;
use crate::address::Address;
use crate::bridge::Ports;
use crate::conntrack::CtState;
use crate::ids::InterfaceId;
use crate::interface::Interfaces;
use crate::rules::{Hook, Surroundings, View};
use crate::wire::layer4::layer4;
use crate::wire::samples;
use std::cell::Cell;

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Holds,
    Fails,
    Drops,
}

/// What a match says of a frame. `cut` bytes are missing at its end after its headers were read.
pub(super) fn ask<A: Address>(condition: &impl Condition<A>, frame: &[u8], cut: u16) -> Answer {
    let mut headers = samples::headers(frame);
    headers.end -= cut;
    let mut data = frame.to_vec();
    let interfaces = Interfaces::default();
    let view = View {
        source: headers.source::<A>(frame),
        destination: headers.destination(frame),
        data: &mut data,
        headers: &headers,
        layer4: layer4(frame, &headers),
        ingress: InterfaceId::HOST,
        egress: None,
        ports: Ports::NONE,
        state: CtState::Untracked,
        snat: false,
        dnat: false,
        mark: Cell::new(0),
        traced: None,
        length: u32::from(headers.ip_length()),
        link_broadcast: false,
        socket: false,
        connection: None,
        connection_changed: false,
        notrack: false,
        added: crate::wire::tcp_options::Added::default(),
        copier: None,
        template: None,
        hotdrop: Cell::new(false),
        fleeting: Cell::new(false),
        around: Surroundings::bare(Hook::Forward, &interfaces),
    };
    match (condition.holds(&view), view.hotdrop.get()) {
        (true, false) => Answer::Holds,
        (false, false) => Answer::Fails,
        (_, true) => Answer::Drops,
    }
}
