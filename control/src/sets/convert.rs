//! Headers and elements of the language, and those of the engine.

use sluice_config::ipset::{Element, Header, Place, SetType, SkbInfo, Values};
use sluice_config::netfilter::Family;
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::sets::{self, Entry, Key, Kind};
use std::hash::{BuildHasher, RandomState};

const KINDS: [(SetType, Kind); 13] = [
    (SetType::HashIp, Kind::HashIp),
    (SetType::HashMac, Kind::HashMac),
    (SetType::HashNet, Kind::HashNet),
    (SetType::HashIpPort, Kind::HashIpPort),
    (SetType::HashNetPort, Kind::HashNetPort),
    (SetType::HashIpPortIp, Kind::HashIpPortIp),
    (SetType::HashIpPortNet, Kind::HashIpPortNet),
    (SetType::HashIpMark, Kind::HashIpMark),
    (SetType::HashNetNet, Kind::HashNetNet),
    (SetType::HashNetIface, Kind::HashNetIface),
    (SetType::BitmapIp, Kind::BitmapIp),
    (SetType::BitmapPort, Kind::BitmapPort),
    (SetType::ListSet, Kind::ListSet),
];

fn kind(of: SetType) -> Kind {
    KINDS.iter().find(|(word, _)| *word == of).map_or(Kind::HashIp, |(_, kind)| *kind)
}

fn set_type(of: Kind) -> SetType {
    KINDS.iter().find(|(_, kind)| *kind == of).map_or(SetType::HashIp, |(word, _)| *word)
}

/// A number nobody can guess.
#[allow(clippy::cast_possible_truncation)]
fn random() -> u32 {
    RandomState::new().hash_one(0) as u32
}

/// The engine's header; a missing `initval` is drawn.
pub(super) fn header(from: &Header) -> sets::Header {
    let family = match (from.kind, from.family) {
        (SetType::HashMac | SetType::BitmapPort | SetType::ListSet, _) => None,
        (_, Family::V4) => Some(IpVersion::V4),
        (_, Family::V6) => Some(IpVersion::V6),
    };
    let most = match from.kind {
        SetType::ListSet => from.size,
        SetType::BitmapIp | SetType::BitmapPort => u32::MAX,
        SetType::HashIp
        | SetType::HashMac
        | SetType::HashNet
        | SetType::HashIpPort
        | SetType::HashNetPort
        | SetType::HashIpPortIp
        | SetType::HashIpPortNet
        | SetType::HashIpMark
        | SetType::HashNetNet
        | SetType::HashNetIface => from.max_elements,
    };
    sets::Header {
        kind: kind(from.kind),
        family,
        hash_size: from.hash_size,
        max_elements: most,
        netmask: from.netmask,
        mark_mask: from.mark_mask,
        timeout: from.timeout,
        counters: from.counters,
        comment: from.comment,
        skbinfo: from.skbinfo,
        force_add: from.force_add,
        range: from.range,
        seed: from.init_value.unwrap_or_else(random),
        bucket_size: from.bucket_size,
    }
}

/// The language's header.
pub(super) fn header_words(from: &sets::Header) -> Header {
    Header {
        kind: set_type(from.kind),
        family: match from.family {
            Some(IpVersion::V6) => Family::V6,
            Some(IpVersion::V4) | None => Family::V4,
        },
        hash_size: from.hash_size,
        max_elements: from.max_elements,
        netmask: from.netmask,
        mark_mask: from.mark_mask,
        timeout: from.timeout,
        counters: from.counters,
        comment: from.comment,
        skbinfo: from.skbinfo,
        force_add: from.force_add,
        bucket_size: from.bucket_size,
        init_value: Some(from.seed),
        range: from.range,
        size: from.max_elements,
    }
}

/// The engine's key.
pub(super) fn key(kind: SetType, element: &Element, wildcard: bool) -> Key {
    Key {
        first: element.first,
        prefix: element.prefix,
        protocol: element.protocol,
        port: element.port,
        second: match kind {
            SetType::HashNetIface => Key::name_bits(&element.interface),
            _ => element.second,
        },
        second_prefix: element.second_prefix,
        physdev: element.physdev,
        wildcard: wildcard || element.wildcard,
    }
}

/// The engine's entry.
pub(super) fn entry(kind: SetType, element: &Element, values: &Values) -> Entry {
    Entry {
        key: key(kind, element, values.wildcard),
        member: None,
        nomatch: values.nomatch,
        timeout: values.timeout,
        counters: (values.packets.is_some() || values.bytes.is_some())
            .then(|| (values.packets.unwrap_or(0), values.bytes.unwrap_or(0))),
        comment: values.comment.clone().filter(|comment| !comment.is_empty()),
        skbinfo: values.skbinfo.map(skbinfo),
    }
}

fn skbinfo(from: SkbInfo) -> sets::SkbInfo {
    let mark = sets::MarkMap { value: from.mark, mask: from.mask };
    sets::SkbInfo { mark, priority: from.priority, queue: from.queue }
}

/// What an element gives to packets, in the language; nothing where the set has no such.
pub(super) fn skbinfo_words(from: Option<sets::SkbInfo>) -> SkbInfo {
    let sets::SkbInfo { mark, priority, queue } = from.unwrap_or_default();
    SkbInfo { mark: mark.value, mask: mark.mask, priority, queue }
}

/// The language's element.
pub(super) fn element(kind: SetType, entry: &Entry) -> Element {
    let key = &entry.key;
    let is_interface = kind == SetType::HashNetIface;
    Element {
        first: key.first,
        prefix: key.prefix,
        protocol: key.protocol,
        port: key.port,
        second: if is_interface { 0 } else { key.second },
        second_prefix: key.second_prefix,
        interface: if is_interface { Key::name(key.second) } else { String::new() },
        physdev: key.physdev,
        wildcard: key.wildcard,
        set: entry.member.clone().unwrap_or_default(),
    }
}

/// The engine's place in a list.
pub(super) fn place(from: &Place) -> sets::Place {
    match from {
        Place::End => sets::Place::End,
        Place::Before(name) => sets::Place::Before(name.clone()),
        Place::After(name) => sets::Place::After(name.clone()),
    }
}
