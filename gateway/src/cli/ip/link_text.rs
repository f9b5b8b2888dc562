//! Links as `ip link` prints them; `ip addr` opens each record with the same lines.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sluice_control::proto::{Link, LinkCounters};

use crate::cli::wire;

/// The first line, up to what `ip link` and `ip addr` say differently.
pub(super) fn head(link: &Link) -> String {
    format!("{}: {}: <{}> mtu {} ", link.index, full_name(link), flags(link).join(","), link.mtu)
}

/// `lan.5@lan`
pub(super) fn full_name(link: &Link) -> String {
    match link.vlan_parent.as_str() {
        "" => link.name.clone(),
        parent => format!("{}@{parent}", link.name),
    }
}

/// `master br0 ` of a bridge's port.
pub(super) fn master(link: &Link) -> String {
    match link.master.as_str() {
        "" => String::new(),
        bridge => format!("master {bridge} "),
    }
}

/// The kernel's operational state.
pub(super) fn state(link: &Link) -> &'static str {
    if link.admin_up && link.carrier { "UP" } else { "DOWN" }
}

/// Interface flags in iproute2's order.
pub(super) fn flags(link: &Link) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if link.admin_up && !link.carrier {
        flags.push("NO-CARRIER");
    }
    flags.extend(["BROADCAST", "MULTICAST"]);
    if link.promiscuous {
        flags.push("PROMISC");
    }
    if link.admin_up {
        flags.push("UP");
    }
    if link.admin_up && link.carrier {
        flags.push("LOWER_UP");
    }
    flags
}

/// `    link/ether … brd …`, without its newline.
pub(super) fn hardware(link: &Link) -> String {
    format!("    link/ether {} brd ff:ff:ff:ff:ff:ff", wire::mac_text(&link.mac))
}

/// One link as `ip link` shows it, with its newline.
pub(super) fn entry(link: &Link, statistics: bool, details: bool) -> String {
    let mut out = head(link);
    let (master, state) = (master(link), state(link));
    let _ =
        writeln!(out, "qdisc noqueue {master}state {state} mode DEFAULT group default qlen 1000");
    out.push_str(&hardware(link));
    if details {
        out.push_str(&detail(link));
    }
    out.push('\n');
    if statistics {
        out.push_str(&counters(&link.counters.unwrap_or_default()));
    }
    out
}

/// What `-d` adds: promiscuity, and the VLAN or the device.
fn detail(link: &Link) -> String {
    let promiscuity = u8::from(link.promiscuous);
    let kind = match link.vlan_parent.as_str() {
        "" if link.bridge => "bridge ageing_time 30000".to_owned(),
        "" => link.device.clone(),
        _ => format!("vlan protocol 802.1Q id {} <REORDER_HDR>", link.vlan_id),
    };
    format!(" promiscuity {promiscuity} \n    {kind} ")
}

/// `-br link`
pub(super) fn brief(link: &Link) -> String {
    let flags = flags(link).join(",");
    format!(
        "{:<16} {:<14} {} <{flags}> \n",
        full_name(link),
        state(link),
        wire::mac_text(&link.mac)
    )
}

/// The two tables of `-s`, columns as wide as their numbers need.
pub(super) fn counters(c: &LinkCounters) -> String {
    let rx = [c.rx_bytes, c.rx_packets, c.rx_errors, c.rx_dropped, c.rx_missed, c.rx_multicast];
    let tx = [c.tx_bytes, c.tx_packets, c.tx_errors, c.tx_dropped, 0, 0];
    let rx_names = ["bytes", "packets", "errors", "dropped", "missed", "mcast"];
    let tx_names = ["bytes", "packets", "errors", "dropped", "carrier", "collsns"];
    let least = [6, 7, 6, 7, 7, 7];
    let digits = |number: u64| number.to_string().len();
    let mut widths = least;
    for (width, (a, b)) in widths.iter_mut().zip(rx.into_iter().zip(tx)) {
        *width = digits(a).max(digits(b)).max(*width);
    }
    let names = |label: &str, names: [&str; 6]| {
        let cells = names.iter().zip(widths).map(|(name, width)| format!("{name:>width$}"));
        let cells = cells.collect::<Vec<_>>().join(" ");
        // iproute2 leaves room for a seventh column.
        format!("    {label}: {cells} {:10}\n", "")
    };
    let numbers = |numbers: [u64; 6]| {
        let cells = numbers.iter().zip(widths).map(|(n, width)| format!("{n:>width$} "));
        format!("        {}\n", cells.collect::<String>())
    };
    [names("RX", rx_names), numbers(rx), names("TX", tx_names), numbers(tx)].concat()
}

/// The keys that `ip -j link` and `ip -j addr` share.
pub(super) fn head_json(link: &Link, mode: bool) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("ifindex", json!(link.index));
    if !link.vlan_parent.is_empty() {
        put("link", json!(link.vlan_parent));
    }
    put("ifname", json!(link.name));
    put("flags", json!(flags(link)));
    put("mtu", json!(link.mtu));
    put("qdisc", json!("noqueue"));
    if !link.master.is_empty() {
        put("master", json!(link.master));
    }
    put("operstate", json!(state(link)));
    if mode {
        put("linkmode", json!("DEFAULT"));
    }
    put("group", json!("default"));
    put("txqlen", json!(1000));
    put("link_type", json!("ether"));
    put("address", json!(wire::mac_text(&link.mac)));
    put("broadcast", json!("ff:ff:ff:ff:ff:ff"));
    out
}

/// One link as iproute2's JSON.
pub(super) fn entry_json(link: &Link, statistics: bool) -> Value {
    let mut out = head_json(link, true);
    if statistics {
        out.insert("stats64".to_owned(), counters_json(&link.counters.unwrap_or_default()));
    }
    Value::Object(out)
}

/// `stats64`
pub(super) fn counters_json(c: &LinkCounters) -> Value {
    json!({
        "rx": {
            "bytes": c.rx_bytes, "packets": c.rx_packets, "errors": c.rx_errors,
            "dropped": c.rx_dropped, "over_errors": c.rx_missed, "multicast": c.rx_multicast,
        },
        "tx": {
            "bytes": c.tx_bytes, "packets": c.tx_packets, "errors": c.tx_errors,
            "dropped": c.tx_dropped, "carrier_errors": 0, "collisions": 0,
        },
    })
}

#[cfg(test)]
pub(super) mod tests {
    //! The expected lines are what iproute2 6.1 printed for the same links in the kernel.

    use super::*;

    pub(crate) fn sample() -> Link {
        Link {
            index: 3,
            name: "v0".into(),
            mtu: 1400,
            mac: vec![0x72, 0x3e, 4, 0x60, 0x44, 0x63],
            admin_up: true,
            carrier: true,
            counters: Some(LinkCounters {
                rx_bytes: 516,
                rx_packets: 6,
                tx_bytes: 682,
                tx_packets: 7,
                ..LinkCounters::default()
            }),
            ..Link::default()
        }
    }

    #[test]
    fn with_statistics() {
        assert_eq!(
            entry(&sample(), true, false),
            "3: v0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP mode DEFAULT group default qlen 1000\n    \
             link/ether 72:3e:04:60:44:63 brd ff:ff:ff:ff:ff:ff\n    \
             RX:  bytes packets errors dropped  missed   mcast           \n           \
             516       6      0       0       0       0 \n    \
             TX:  bytes packets errors dropped carrier collsns           \n           \
             682       7      0       0       0       0 \n"
        );
    }

    #[test]
    fn columns() {
        let mut vlan = sample();
        vlan.vlan_parent = "v1".into();
        assert_eq!(
            brief(&vlan),
            "v0@v1            UP             72:3e:04:60:44:63 <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
        );
    }

    #[test]
    fn a_port_names_its_bridge() {
        let mut port = sample();
        port.master = "br0".into();
        assert!(entry(&port, false, false).starts_with(
            "3: v0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue master br0 state UP mode DEFAULT"
        ));
        assert_eq!(entry_json(&port, false)["master"], "br0");
    }

    #[test]
    fn states() {
        let mut link = sample();
        link.carrier = false;
        assert_eq!(flags(&link), ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"]);
        link.admin_up = false;
        assert_eq!(flags(&link), ["BROADCAST", "MULTICAST"]);
        assert_eq!(state(&link), "DOWN");
    }

    #[test]
    fn json() {
        assert_eq!(
            entry_json(&sample(), true).to_string(),
            r#"{"ifindex":3,"ifname":"v0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1400,"qdisc":"noqueue","operstate":"UP","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"ether","address":"72:3e:04:60:44:63","broadcast":"ff:ff:ff:ff:ff:ff","stats64":{"rx":{"bytes":516,"packets":6,"errors":0,"dropped":0,"over_errors":0,"multicast":0},"tx":{"bytes":682,"packets":7,"errors":0,"dropped":0,"carrier_errors":0,"collisions":0}}}"#
        );
    }
}
