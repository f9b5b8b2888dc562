//! Interfaces with their addresses as `ip addr` prints them.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sluice_control::proto::{Family, InterfaceAddress, Link};

use super::link_text;
use crate::cli::wire;

/// One interface and those of its addresses that are shown.
pub(super) struct Record<'a> {
    pub(super) link: &'a Link,
    pub(super) addresses: Vec<&'a InterfaceAddress>,
}

/// The record as text. With a family, the hardware lines are left out, as in iproute2.
pub(super) fn entry(record: &Record<'_>, family: Family, statistics: bool) -> String {
    let link = record.link;
    let mut out = link_text::head(link);
    let (master, state) = (link_text::master(link), link_text::state(link));
    let _ = match family {
        Family::Ipv6 => writeln!(out, "state {state} qlen 1000"),
        Family::Ipv4 | Family::Unspecified => {
            writeln!(out, "qdisc noqueue {master}state {state} group default qlen 1000")
        }
    };
    if family == Family::Unspecified {
        let _ = writeln!(out, "{}", link_text::hardware(link));
    }
    for address in &record.addresses {
        out.push_str("    ");
        out.push_str(&address_text(address, &link.name));
    }
    if statistics {
        out.push_str(&link_text::counters(&link.counters.unwrap_or_default()));
    }
    out
}

/// `-oneline`: a line for every address.
pub(super) fn lines(record: &Record<'_>) -> Vec<String> {
    let Link { index, name, .. } = record.link;
    let line =
        |address: &&InterfaceAddress| format!("{index}: {name}    {}", address_text(address, name));
    record.addresses.iter().map(line).collect()
}

/// `inet ADDRESS/LENGTH … ` and its lifetimes, two lines.
fn address_text(address: &InterfaceAddress, name: &str) -> String {
    let ipv6 = is_ipv6(address);
    let mut out = format!("{} {} ", if ipv6 { "inet6" } else { "inet" }, prefix_text(address));
    if !address.broadcast.is_empty() {
        let _ = write!(out, "brd {} ", wire::address_text(&address.broadcast));
    }
    let _ = write!(out, "scope {} ", scope(address));
    if address.secondary {
        out.push_str("secondary ");
    }
    // IPv4 addresses carry a label; Sluice's is always the interface's name.
    if !ipv6 {
        out.push_str(name);
    }
    out.push_str("\n       valid_lft forever preferred_lft forever\n");
    out
}

/// `-br addr`
pub(super) fn brief(record: &Record<'_>) -> String {
    let link = record.link;
    let mut out = format!("{:<16} {:<14} ", link_text::full_name(link), link_text::state(link));
    for address in &record.addresses {
        let _ = write!(out, "{} ", prefix_text(address));
    }
    out.push('\n');
    out
}

/// The record as iproute2's JSON.
pub(super) fn entry_json(record: &Record<'_>, statistics: bool) -> Value {
    let mut out = link_text::head_json(record.link, false);
    let addresses = record.addresses.iter().map(|a| address_json(a, &record.link.name));
    out.insert("addr_info".to_owned(), addresses.collect());
    if statistics {
        let counters = record.link.counters.unwrap_or_default();
        out.insert("stats64".to_owned(), link_text::counters_json(&counters));
    }
    Value::Object(out)
}

fn address_json(address: &InterfaceAddress, name: &str) -> Value {
    let ipv6 = is_ipv6(address);
    let prefix = address.address.clone().unwrap_or_default();
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("family", json!(if ipv6 { "inet6" } else { "inet" }));
    put("local", json!(wire::address_text(&prefix.address)));
    put("prefixlen", json!(prefix.length));
    if !address.broadcast.is_empty() {
        put("broadcast", json!(wire::address_text(&address.broadcast)));
    }
    put("scope", json!(scope(address)));
    if address.secondary {
        put("secondary", json!(true));
    }
    if !ipv6 {
        put("label", json!(name));
    }
    put("valid_life_time", json!(u32::MAX));
    put("preferred_life_time", json!(u32::MAX));
    Value::Object(out)
}

pub(super) fn is_ipv6(address: &InterfaceAddress) -> bool {
    address.address.as_ref().is_some_and(|prefix| prefix.address.len() == 16)
}

/// The scope given, or the one the kernel derives from the address.
pub(super) fn scope(address: &InterfaceAddress) -> &str {
    if !address.scope.is_empty() {
        return &address.scope;
    }
    let bytes = address.address.as_ref().map_or(&[][..], |prefix| &prefix.address);
    match (bytes, bytes.len()) {
        ([0xfe, second, ..], 16) if second & 0xc0 == 0x80 => "link",
        ([127, ..], 4) => "host",
        _ => "global",
    }
}

/// ADDRESS/LENGTH; the length is always said.
fn prefix_text(address: &InterfaceAddress) -> String {
    let prefix = address.address.clone().unwrap_or_default();
    format!("{}/{}", wire::address_text(&prefix.address), prefix.length)
}

#[cfg(test)]
mod tests {
    //! The expected lines are what iproute2 6.1 printed for the same addresses in the kernel.

    use super::*;
    use crate::cli::ip::link_text::tests::sample;
    use crate::cli::ip::words::prefix;

    fn address(text: &str) -> InterfaceAddress {
        InterfaceAddress {
            interface: "v0".into(),
            address: Some(prefix(text, Family::Unspecified).expect("valid")),
            ..InterfaceAddress::default()
        }
    }

    fn addresses() -> Vec<InterfaceAddress> {
        let mut second = address("10.1.0.9/16");
        second.secondary = true;
        second.broadcast = vec![10, 1, 255, 255];
        vec![address("10.1.0.1/16"), second, address("fd00:1::1/64"), address("fe80::1/64")]
    }

    #[test]
    fn a_record() {
        let (link, addresses) = (sample(), addresses());
        let record = Record { link: &link, addresses: addresses.iter().collect() };
        assert_eq!(
            entry(&record, Family::Unspecified, false),
            "3: v0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default qlen 1000\n    \
             link/ether 72:3e:04:60:44:63 brd ff:ff:ff:ff:ff:ff\n    \
             inet 10.1.0.1/16 scope global v0\n       valid_lft forever preferred_lft forever\n    \
             inet 10.1.0.9/16 brd 10.1.255.255 scope global secondary v0\n       valid_lft forever preferred_lft forever\n    \
             inet6 fd00:1::1/64 scope global \n       valid_lft forever preferred_lft forever\n    \
             inet6 fe80::1/64 scope link \n       valid_lft forever preferred_lft forever\n"
        );
        assert!(entry(&record, Family::Ipv6, false).starts_with(
            "3: v0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 state UP qlen 1000\n    inet "
        ));
        assert_eq!(
            brief(&record),
            "v0               UP             10.1.0.1/16 10.1.0.9/16 fd00:1::1/64 fe80::1/64 \n"
        );
        assert_eq!(
            lines(&record).first().map(String::as_str),
            Some(
                "3: v0    inet 10.1.0.1/16 scope global v0\n       valid_lft forever preferred_lft forever\n"
            )
        );
    }

    #[test]
    fn json_of_the_addresses() {
        let (link, addresses) = (sample(), addresses());
        let record = Record { link: &link, addresses: addresses.iter().skip(1).take(2).collect() };
        let value = entry_json(&record, false);
        assert_eq!(
            value.get("addr_info").map(Value::to_string).as_deref(),
            Some(
                r#"[{"family":"inet","local":"10.1.0.9","prefixlen":16,"broadcast":"10.1.255.255","scope":"global","secondary":true,"label":"v0","valid_life_time":4294967295,"preferred_life_time":4294967295},{"family":"inet6","local":"fd00:1::1","prefixlen":64,"scope":"global","valid_life_time":4294967295,"preferred_life_time":4294967295}]"#
            )
        );
        assert!(value.get("linkmode").is_none());
    }
}
