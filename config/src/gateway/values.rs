//! Single values of the configuration file: what each may be, and the remedy where it is not.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use toml::de::DeValue;

use super::reader::{Wrong, string, within, wrong};
use super::{BadDevice, Device, Listen, LogSink, MacAddress, PacketLog, RouteKind};
use crate::diagnostic::nearest;

pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, Wrong> {
    match string(value)? {
        path if path.is_empty() => Err(wrong("the path is empty", "name a file, or leave it out")),
        path => Ok(PathBuf::from(path)),
    }
}

pub(super) fn interface_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = string(value)?;
    if super::device::is_interface_name(&name) {
        return Ok(name);
    }
    let message = match name.len() {
        16.. => format!("interface name `{name}` has {} bytes", name.len()),
        _ => format!("`{name}` is no interface name"),
    };
    Err(wrong(message, "use 1 to 15 bytes without spaces, `/` and `:`"))
}

pub(super) fn device(value: &DeValue<'_>) -> Result<Device, Wrong> {
    let text = string(value)?;
    text.parse().map_err(|error: BadDevice| {
        let help = match &error {
            BadDevice::UnknownDriver(driver) => match nearest(driver, Device::DRIVERS) {
                Some(near) => format!("did you mean `{near}:`?"),
                None => format!("write one of {}", Device::DRIVERS.join(":…, ") + ":…"),
            },
            BadDevice::Incomplete(word) if !word.contains(':') => {
                format!("say what drives it, as in `af_packet:{word}`")
            }
            BadDevice::Incomplete(_) => "name the device after the colon".to_owned(),
            BadDevice::BadInterface(_) => "name an interface that `ip link` shows".to_owned(),
            BadDevice::BadPciAddress(_) => "write it as in `pci:0000:01:00.0`".to_owned(),
        };
        wrong(error.to_string(), help)
    })
}

pub(super) fn interface_address(value: &DeValue<'_>) -> Result<IpNet, Wrong> {
    let text = string(value)?;
    let net: IpNet = text.parse().map_err(|_| match text.parse::<IpAddr>() {
        Ok(address) => {
            let example = if address.is_ipv4() { 24 } else { 64 };
            let help = format!("write the prefix length too, as in `{address}/{example}`");
            wrong(format!("`{text}` has no prefix length"), help)
        }
        Err(_) => wrong(
            format!("`{text}` is no address with a prefix length"),
            "write it as in `10.1.0.1/16` or `fd00:1::1/64`",
        ),
    })?;
    let address = net.addr();
    if address.is_unspecified() || address.is_multicast() || is_broadcast(address) {
        let help = "give the interface a unicast address of its own";
        return Err(wrong(format!("{address} cannot be an interface's address"), help));
    }
    Ok(net)
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

pub(super) fn unicast_mac(value: &DeValue<'_>) -> Result<MacAddress, Wrong> {
    let text = string(value)?;
    let mac: MacAddress = text.parse().map_err(|_| {
        let help = "write six hexadecimal bytes, as in `02:00:00:00:00:01`";
        wrong(format!("`{text}` is no MAC address"), help)
    })?;
    if mac.is_multicast() || mac.is_zero() {
        let help = "write an address whose first byte is even and that is not all zero";
        return Err(wrong(format!("`{text}` is no unicast MAC address"), help));
    }
    Ok(mac)
}

/// 68 is IPv4's least (RFC 791), 9600 the largest jumbo frame the drivers take.
pub(super) fn mtu(value: &DeValue<'_>) -> Result<u16, Wrong> {
    within(value, 68..=9600, "MTU")
}

pub(super) enum Destination {
    Default,
    Net(IpNet),
}

pub(super) fn destination(value: &DeValue<'_>) -> Result<Destination, Wrong> {
    let text = string(value)?;
    if text == "default" {
        return Ok(Destination::Default);
    }
    let net = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into()));
    let net: IpNet = net.map_err(|_| {
        let help = "write it as in `10.2.0.0/16`, `fd00:2::/64` or `default`";
        wrong(format!("`{text}` is no destination"), help)
    })?;
    if net.addr() != net.network() {
        let message = format!("`{text}` has bits outside its prefix");
        return Err(wrong(message, format!("write `{}`", net.trunc())));
    }
    Ok(Destination::Net(net))
}

pub(super) fn ipv6_default() -> IpNet {
    IpNet::V6(ipnet::Ipv6Net::default())
}

pub(super) fn address(value: &DeValue<'_>) -> Result<IpAddr, Wrong> {
    let text = string(value)?;
    text.parse().map_err(|_| {
        let help = "write a plain address, as in `192.168.1.1` or `fd00::1`";
        wrong(format!("`{text}` is no address"), help)
    })
}

/// A number, or one of the three names that every system has.
pub(super) fn routing_table(value: &DeValue<'_>) -> Result<u32, Wrong> {
    match value.as_str() {
        Some("main") => Ok(254),
        Some("default") => Ok(253),
        Some("local") => Ok(255),
        Some(other) => Err(wrong(
            format!("`{other}` is no routing table"),
            "write a number, or `main`, `default` or `local`",
        )),
        None => within(value, 1..=i64::from(u32::MAX), "routing table"),
    }
}

pub(super) fn route_kind(value: &DeValue<'_>) -> Result<RouteKind, Wrong> {
    let text = string(value)?;
    RouteKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let known = RouteKind::ALL.map(RouteKind::as_str);
        let help = match nearest(&text, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", known.join(", ")),
        };
        wrong(format!("`{text}` is no type of route"), help)
    })
}

pub(super) fn log_sink(value: &DeValue<'_>) -> Result<LogSink, Wrong> {
    let text = string(value)?;
    match (text.as_str(), text.strip_prefix("file:")) {
        ("syslog", _) => Ok(LogSink::Syslog),
        ("journal", _) => Ok(LogSink::Journal),
        (_, Some(path)) if !path.is_empty() => Ok(LogSink::File(PathBuf::from(path))),
        _ => Err(wrong(
            format!("`{text}` is no place to log to"),
            "write `syslog`, `journal` or `file:PATH`",
        )),
    }
}

pub(super) fn packet_log(value: &DeValue<'_>) -> Result<PacketLog, Wrong> {
    let text = string(value)?;
    match (text.strip_prefix("file:"), text.strip_prefix("unix:")) {
        (Some(path), _) if !path.is_empty() => Ok(PacketLog::File(PathBuf::from(path))),
        (_, Some(path)) if !path.is_empty() => Ok(PacketLog::Unix(PathBuf::from(path))),
        _ => Err(wrong(
            format!("`{text}` is no place for NFLOG's packets"),
            "write `file:PATH` or `unix:PATH`",
        )),
    }
}

pub(super) fn listen(value: &DeValue<'_>) -> Result<Listen, Wrong> {
    let text = string(value)?;
    match text.strip_prefix("unix:") {
        Some(path) if !path.is_empty() => return Ok(Listen::Unix(PathBuf::from(path))),
        Some(_) | None => {}
    }
    let tcp = text.strip_prefix("tcp:").unwrap_or(&text);
    tcp.parse().map(Listen::Tcp).map_err(|_| {
        let help = "write `unix:/run/sluice/sluice.sock` or `tcp:127.0.0.1:50051`";
        wrong(format!("`{text}` is no address to listen on"), help)
    })
}

pub(super) fn socket_address(value: &DeValue<'_>) -> Result<SocketAddr, Wrong> {
    let text = string(value)?;
    text.parse().map_err(|_| {
        let help = "write an address and a port, as in `127.0.0.1:9477`";
        wrong(format!("`{text}` is no address with a port"), help)
    })
}
