//! [`Config`] → `sluice.toml`.

use std::fmt::{Display, Write};

use super::{Api, Config, Gateway, Interface, InterfaceKind, Listen, LogSink, Route, Workers};
use crate::sysctl::SysctlValue;

impl Config {
    /// The file that reads back as this configuration. What has its default is left out.
    pub fn to_toml(&self) -> String {
        let mut out = Text::default();
        self.write_gateway(&mut out);
        for interface in &self.interfaces {
            write_interface(interface, &mut out);
        }
        for route in &self.routes {
            write_route(route, &mut out);
        }
        for neighbour in &self.neighbours {
            out.title("[[neighbour]]");
            out.string("address", neighbour.address);
            out.string("mac", neighbour.mac);
            out.string("interface", &neighbour.interface);
        }
        self.write_rules(&mut out);
        self.write_api(&mut out);
        if !self.sysctl.set.is_empty() {
            out.title("[sysctl]");
        }
        for (name, value) in &self.sysctl.set {
            match value {
                SysctlValue::Integer(number) => out.plain(&key(name), number),
                SysctlValue::Text(text) => out.string(&key(name), text),
            }
        }
        for (name, policy) in &self.timeouts {
            out.title(&format!("[timeouts.{}]", key(name)));
            out.string("protocol", policy.protocol.name());
            out.some("family", policy.family_word());
            for (state, seconds) in &policy.seconds {
                out.plain(state, seconds);
            }
        }
        out.0
    }

    fn write_gateway(&self, out: &mut Text) {
        let Gateway { workers, state } = &self.gateway;
        out.title("[gateway]");
        match workers {
            Workers::Count(count) => out.plain("workers", count),
            Workers::Cores(cores) => out.plain("cores", list(cores.iter().map(u16::to_string))),
        }
        out.string("state", state.display());
    }

    fn write_rules(&self, out: &mut Text) {
        out.title("[rules]");
        let files = [
            ("iptables", &self.rules.iptables),
            ("ip6tables", &self.rules.ip6tables),
            ("ipset", &self.rules.ipset),
        ];
        for (key, path) in files {
            out.some(key, path.as_ref().map(|path| path.display()));
        }
        match &self.rules.log {
            LogSink::Syslog => out.string("log", "syslog"),
            LogSink::Journal => out.string("log", "journal"),
            LogSink::File(path) => out.string("log", format!("file:{}", path.display())),
        }
        out.some("nflog", self.rules.nflog.as_ref());
    }

    fn write_api(&self, out: &mut Text) {
        let Api { listen, metrics } = &self.api;
        out.title("[api]");
        let address = |listen: &Listen| match listen {
            Listen::Unix(path) => quoted(&format!("unix:{}", path.display())),
            Listen::Tcp(address) => quoted(&format!("tcp:{address}")),
        };
        out.plain("listen", list(listen.iter().map(address)));
        out.some("metrics", metrics.as_ref());
    }
}

fn write_interface(interface: &Interface, out: &mut Text) {
    out.title("[[interface]]");
    out.string("name", &interface.name);
    match &interface.kind {
        InterfaceKind::Device(device) => out.string("device", device),
        InterfaceKind::Vlan { parent, id } => {
            out.plain("vlan", format!("{{ parent = {}, id = {id} }}", quoted(parent)));
        }
        InterfaceKind::Bridge { ports } => {
            let ports = list(ports.iter().map(|port| quoted(port)));
            out.plain("bridge", format!("{{ ports = {ports} }}"));
        }
    }
    out.plain("address", list(interface.address.iter().map(|net| quoted(&net.to_string()))));
    out.some("mac", interface.mac);
    out.number("mtu", interface.mtu);
    out.number("queues", interface.queues);
    let switches = [
        ("promiscuous", interface.promiscuous),
        ("take_default_route", interface.take_default_route),
    ];
    for (key, on) in switches {
        if on {
            out.plain(key, true);
        }
    }
    out.some("twin", interface.twin.as_ref());
}

fn write_route(route: &Route, out: &mut Text) {
    out.title("[[route]]");
    out.string("to", route.to);
    out.some("via", route.via);
    out.some("interface", route.interface.as_ref());
    out.some("source", route.source);
    out.number("metric", route.metric);
    out.number("table", route.table);
    out.number("mtu", route.mtu);
    if route.kind != super::RouteKind::Unicast {
        out.string("type", route.kind.as_str());
    }
}

/// A TOML key, in quotes where it needs some: in one line, which a string with line breaks would not be.
fn key(name: &str) -> String {
    let line = toml::Table::from_iter([(name.to_owned(), toml::Value::Integer(0))]).to_string();
    line.trim_end().strip_suffix(" = 0").map_or_else(|| quoted(name), str::to_owned)
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn title(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0.push_str(&format!("{gap}{title}\n"));
    }

    fn plain(&mut self, key: &str, value: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn string(&mut self, key: &str, value: impl Display) {
        self.plain(key, quoted(&value.to_string()));
    }

    fn some(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.plain(key, value);
        }
    }
}
