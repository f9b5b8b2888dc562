//! `sluice.toml` → [`Config`], one function a table.

use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::reader::{Fields, Report, Span, boolean, integer, string, within};
use super::values::{
    Destination, address, destination, device, interface_address, interface_name, ipv6_default,
    listen, log_sink, mtu, packet_log, path, route_kind, routing_table, socket_address,
    unicast_mac,
};
use super::*;
use crate::diagnostic::Diagnostic;

impl Config {
    /// Reads and validates a configuration file; every error found is returned, top down.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut report = Report::new(text, file);
        let (document, syntax) = DeTable::parse_recoverable(text);
        for error in &syntax {
            let at = error.span().unwrap_or(0..0);
            report.error(&at, error.message().replace('\n', ", "), None);
        }
        // What a broken line leaves behind would only raise errors about what is not there.
        if !report.is_empty() {
            return Err(report.into_errors());
        }
        let (config, places) = file_table(document.get_ref(), &mut report);
        super::validate::validate(&config, &places, &mut report);
        if report.is_empty() { Ok(config) } else { Err(report.into_errors()) }
    }
}

/// Where things stand in the file, for the errors that only the whole shows.
#[derive(Default)]
pub(super) struct Places {
    pub(super) interfaces: Vec<InterfacePlace>,
    pub(super) routes: Vec<RoutePlace>,
    pub(super) neighbours: Vec<NeighbourPlace>,
    pub(super) sysctl: Vec<(String, Span)>,
    /// Some interface could not be read: what refers to interfaces cannot be judged.
    pub(super) interfaces_incomplete: bool,
}

pub(super) struct InterfacePlace {
    pub(super) name: Span,
    pub(super) carrier: Span,
    pub(super) mtu: Span,
    pub(super) twin: Span,
    pub(super) address: Vec<Span>,
}

pub(super) struct RoutePlace {
    pub(super) whole: Span,
    pub(super) via: Span,
    pub(super) interface: Span,
    pub(super) source: Span,
}

pub(super) struct NeighbourPlace {
    pub(super) address: Span,
    pub(super) interface: Span,
}

fn file_table(document: &DeTable<'_>, report: &mut Report<'_>) -> (Config, Places) {
    let mut places = Places::default();
    let mut config = Config::default();
    let mut top = Fields::new("the file", document, 0..0);
    if let Some(fields) = table(&mut top, report, "gateway", "[gateway]") {
        config.gateway = gateway(fields, report);
    }
    for fields in tables(&mut top, report, "interface", "[[interface]]") {
        let before = report.len();
        match interface(fields, report) {
            Some((interface, place)) => {
                config.interfaces.push(interface);
                places.interfaces.push(place);
            }
            None => places.interfaces_incomplete = true,
        }
        places.interfaces_incomplete |= report.len() > before;
    }
    for fields in tables(&mut top, report, "route", "[[route]]") {
        if let Some((route, place)) = route(fields, report) {
            config.routes.push(route);
            places.routes.push(place);
        }
    }
    for fields in tables(&mut top, report, "neighbour", "[[neighbour]]") {
        if let Some((neighbour, place)) = neighbour(fields, report) {
            config.neighbours.push(neighbour);
            places.neighbours.push(place);
        }
    }
    if let Some(fields) = table(&mut top, report, "rules", "[rules]") {
        config.rules = rules(fields, report);
    }
    if let Some(fields) = table(&mut top, report, "api", "[api]") {
        config.api = api(fields, report);
    }
    if let Some((value, at)) = top.raw("sysctl") {
        match value.as_table() {
            Some(table) => sysctl(String::new(), table, &mut config, &mut places, report),
            None => report.error(&at, "expected a table", Some("write `[sysctl]`".into())),
        }
    }
    config.timeouts = super::timeouts::read(&mut top, report);
    top.finish(report);
    (config, places)
}

fn table<'a, 'i>(
    top: &mut Fields<'a, 'i>,
    report: &mut Report<'_>,
    key: &'static str,
    title: &'static str,
) -> Option<Fields<'a, 'i>> {
    let (value, at) = top.raw(key)?;
    match value.as_table() {
        Some(table) => Some(Fields::new(title, table, at)),
        None => {
            report.error(&at, format!("`{key}` must be a table"), Some(format!("write `{title}`")));
            None
        }
    }
}

fn tables<'a, 'i>(
    top: &mut Fields<'a, 'i>,
    report: &mut Report<'_>,
    key: &'static str,
    title: &'static str,
) -> Vec<Fields<'a, 'i>> {
    let Some((value, at)) = top.raw(key) else { return Vec::new() };
    let help = || Some(format!("write `{title}`"));
    let Some(array) = value.as_array() else {
        report.error(&at, format!("`{key}` must be a list of tables"), help());
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in array.iter() {
        match item.get_ref().as_table() {
            Some(table) => found.push(Fields::new(title, table, item.span())),
            None => report.error(&item.span(), format!("`{key}` must hold tables"), help()),
        }
    }
    found
}

fn gateway(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Gateway {
    let mut gateway = Gateway::default();
    if fields.has("workers") && fields.has("cores") {
        let help = Some("keep `cores`: it says how many and where".to_owned());
        report.error(&fields.at("workers"), "`workers` and `cores` exclude each other", help);
    }
    let count = |value: &DeValue<'_>| within(value, 1..=128, "number of workers");
    if let Some(count) = fields.get(report, "workers", count) {
        gateway.workers = Workers::Count(count);
    }
    let core = |value: &DeValue<'_>| within::<u16>(value, 0..=1023, "core");
    if let Some(cores) = fields.list(report, "cores", core) {
        if cores.is_empty() {
            let help = Some("name a core, as in `cores = [2, 3]`, or write `workers = 1`".into());
            report.error(&fields.at("cores"), "`cores` names no core", help);
        }
        for (nth, (core, at)) in cores.iter().enumerate() {
            if cores.iter().take(nth).any(|(earlier, _)| earlier == core) {
                let help = Some("name each core once: a core runs one worker".into());
                report.error(at, format!("core {core} is named twice"), help);
            }
        }
        gateway.workers = Workers::Cores(cores.into_iter().map(|(core, _)| core).collect());
    }
    if let Some(state) = fields.get(report, "state", path) {
        gateway.state = state;
    }
    fields.finish(report);
    gateway
}

fn interface(
    mut fields: Fields<'_, '_>,
    report: &mut Report<'_>,
) -> Option<(Interface, InterfacePlace)> {
    let name = fields.get(report, "name", interface_name);
    if !fields.has("name") {
        fields.missing(report, "name", "\"lan\"");
    }
    let (kind, carrier) = interface_kind(&mut fields, report);
    let address = fields.list(report, "address", interface_address).unwrap_or_default();
    let (address, address_at) = address.into_iter().unzip();
    let mac = fields.get(report, "mac", unicast_mac);
    let mtu = fields.get(report, "mtu", mtu);
    let queues = fields.get(report, "queues", |value| within(value, 1..=128, "number of queues"));
    let promiscuous = fields.get(report, "promiscuous", boolean).unwrap_or_default();
    let take_default_route = fields.get(report, "take_default_route", boolean).unwrap_or_default();
    let twin = fields.get(report, "twin", interface_name);
    let place = InterfacePlace {
        name: fields.at("name"),
        carrier,
        mtu: fields.at("mtu"),
        twin: fields.at("twin"),
        address: address_at,
    };
    fields.finish(report);
    let (name, kind) = (name?, kind?);
    let interface =
        Interface { name, kind, address, mac, mtu, queues, promiscuous, take_default_route, twin };
    Some((interface, place))
}

/// Exactly one of `device`, `vlan` and `bridge`.
fn interface_kind(
    fields: &mut Fields<'_, '_>,
    report: &mut Report<'_>,
) -> (Option<InterfaceKind>, Span) {
    let given: Vec<&str> =
        ["device", "vlan", "bridge"].into_iter().filter(|key| fields.has(key)).collect();
    let at = fields.at(given.first().copied().unwrap_or("device"));
    match given.as_slice() {
        [] => fields.missing(report, "device", "\"af_packet:eth0\""),
        [_] => {}
        [first, others @ ..] => {
            for other in others {
                let message = format!("`{first}` and `{other}` exclude each other");
                let help = Some("an interface has one of device, vlan and bridge".into());
                report.error(&fields.at(other), message, help);
            }
        }
    }
    let device = fields.get(report, "device", device).map(InterfaceKind::Device);
    let vlan = table(fields, report, "vlan", "vlan").and_then(|fields| vlan(fields, report));
    let bridge =
        table(fields, report, "bridge", "bridge").and_then(|fields| bridge(fields, report));
    (device.or(vlan).or(bridge), at)
}

fn vlan(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<InterfaceKind> {
    let parent = fields.get(report, "parent", string);
    if !fields.has("parent") {
        fields.missing(report, "parent", "\"lan\"");
    }
    let id = fields.get(report, "id", |value| within(value, 1..=4094, "VLAN id"));
    if !fields.has("id") {
        fields.missing(report, "id", "5");
    }
    fields.finish(report);
    Some(InterfaceKind::Vlan { parent: parent?, id: id? })
}

fn bridge(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<InterfaceKind> {
    let ports = fields.list(report, "ports", string);
    if !fields.has("ports") {
        fields.missing(report, "ports", "[\"eth1\", \"eth2\"]");
    }
    fields.finish(report);
    Some(InterfaceKind::Bridge { ports: ports?.into_iter().map(|(port, _)| port).collect() })
}

fn route(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<(Route, RoutePlace)> {
    let to = fields.get(report, "to", destination);
    if !fields.has("to") {
        fields.missing(report, "to", "\"0.0.0.0/0\"");
    }
    let via = fields.get(report, "via", address);
    let number = |value: &DeValue<'_>| within(value, 0..=i64::from(u32::MAX), "metric");
    let route = Route {
        via,
        interface: fields.get(report, "interface", string),
        source: fields.get(report, "source", address),
        metric: fields.get(report, "metric", number),
        table: fields.get(report, "table", routing_table),
        mtu: fields.get(report, "mtu", mtu),
        kind: fields.get(report, "type", route_kind).unwrap_or_default(),
        to: match to {
            // `default` has the family of its next hop.
            Some(Destination::Default) if via.is_some_and(|via| via.is_ipv6()) => ipv6_default(),
            Some(Destination::Default) => IpNet::default(),
            Some(Destination::Net(net)) => net,
            None => {
                fields.finish(report);
                return None;
            }
        },
    };
    let place = RoutePlace {
        whole: fields.span().clone(),
        via: fields.at("via"),
        interface: fields.at("interface"),
        source: fields.at("source"),
    };
    fields.finish(report);
    Some((route, place))
}

fn neighbour(
    mut fields: Fields<'_, '_>,
    report: &mut Report<'_>,
) -> Option<(Neighbour, NeighbourPlace)> {
    let examples = [
        ("address", "\"192.168.1.1\""),
        ("mac", "\"02:00:00:00:00:02\""),
        ("interface", "\"wan\""),
    ];
    for (key, example) in examples {
        if !fields.has(key) {
            fields.missing(report, key, example);
        }
    }
    let address = fields.get(report, "address", address);
    let mac = fields.get(report, "mac", unicast_mac);
    let interface = fields.get(report, "interface", string);
    let place = NeighbourPlace { address: fields.at("address"), interface: fields.at("interface") };
    fields.finish(report);
    Some((Neighbour { address: address?, mac: mac?, interface: interface? }, place))
}

fn rules(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Rules {
    let rules = Rules {
        iptables: fields.get(report, "iptables", path),
        ip6tables: fields.get(report, "ip6tables", path),
        ipset: fields.get(report, "ipset", path),
        log: fields.get(report, "log", log_sink).unwrap_or_default(),
        nflog: fields.get(report, "nflog", packet_log),
    };
    fields.finish(report);
    rules
}

fn api(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Api {
    let mut api = Api::default();
    if let Some(addresses) = fields.list(report, "listen", listen) {
        api.listen = addresses.into_iter().map(|(address, _)| address).collect();
    }
    api.metrics = fields.get(report, "metrics", socket_address);
    fields.finish(report);
    api
}

/// `"net.ipv4.ip_forward" = 1`; written without quotes, TOML sees tables in tables.
fn sysctl(
    prefix: String,
    table: &DeTable<'_>,
    config: &mut Config,
    places: &mut Places,
    report: &mut Report<'_>,
) {
    for (key, value) in table.iter() {
        let name = format!("{prefix}{}", key.get_ref());
        if let Some(inner) = value.get_ref().as_table() {
            sysctl(format!("{name}."), inner, config, places, report);
            continue;
        }
        let read = match value.get_ref().as_str() {
            Some(text) => Ok(match text.trim().parse() {
                Ok(number) => SysctlValue::Integer(number),
                Err(_) => SysctlValue::Text(text.to_owned()),
            }),
            None => integer(value.get_ref()).map(SysctlValue::Integer),
        };
        match read {
            Ok(value) => {
                places.sysctl.push((name.clone(), key.span()));
                config.sysctl.set.insert(name, value);
            }
            Err(wrong) => report.wrong(&value.span(), wrong),
        }
    }
}
