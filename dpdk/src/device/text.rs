//! A device as the configuration writes it: read, and written again.

use std::{fmt, str::FromStr};

use super::{Device, DeviceError};

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> std::result::Result<Self, DeviceError> {
        let (kind, rest) = text.split_once(':').ok_or_else(|| DeviceError::Kind(text.into()))?;
        let some = |example| match rest {
            "" => Err(DeviceError::Empty(example)),
            _ => Ok(rest.to_owned()),
        };
        match kind {
            "af_packet" => interface(rest).map(Self::AfPacket),
            "af_xdp" => interface(rest).map(Self::AfXdp),
            "tap" => interface(rest).map(Self::Tap),
            "pcap" => pcap(rest),
            "memif" => some("memif:/run/memif.sock").map(|rest| memif(&rest)),
            "pci" => {
                let (address, args) = split_args(rest);
                Ok(Self::Pci { address: address.parse()?, args })
            }
            "vdev" => some("vdev:net_null0").map(Self::Vdev),
            _ => Err(DeviceError::Kind(text.into())),
        }
    }
}

fn interface(name: &str) -> std::result::Result<String, DeviceError> {
    // dev_valid_name() of the kernel, and EAL's separator.
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '/' | ',' | ':' | '\0');
    let valid =
        (1..16).contains(&name.len()) && name.chars().all(plain) && name != "." && name != "..";
    valid.then(|| name.to_owned()).ok_or_else(|| DeviceError::Interface(name.into()))
}

fn pcap(rest: &str) -> std::result::Result<Device, DeviceError> {
    let mut words = rest.split(',');
    let mut file = || words.next().filter(|file| !file.is_empty()).map(str::to_owned);
    let (receive, transmit) = (file(), file());
    if receive.is_none() && transmit.is_none() {
        return Err(DeviceError::Pcap(format!("pcap:{rest}")));
    }
    let infinite = match (words.next(), words.next()) {
        (None, _) => false,
        (Some("infinite"), None) if receive.is_some() => true,
        (Some(word), _) => return Err(DeviceError::PcapOption(word.into())),
    };
    Ok(Device::Pcap { receive, transmit, infinite })
}

fn memif(rest: &str) -> Device {
    let (first, args) = split_args(rest);
    match first.contains('=') {
        true => Device::Memif { socket: None, args: Some(rest.into()) },
        false => Device::Memif { socket: Some(first.into()), args },
    }
}

/// The part before the first comma, and the part behind it.
fn split_args(text: &str) -> (&str, Option<String>) {
    match text.split_once(',') {
        Some((first, args)) => (first, Some(args.into())),
        None => (text, None),
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |text: &Option<String>| text.clone().unwrap_or_default();
        let args = |args: &Option<String>| args.as_ref().map_or(String::new(), |a| format!(",{a}"));
        match self {
            Self::AfPacket(name) => write!(f, "af_packet:{name}"),
            Self::AfXdp(name) => write!(f, "af_xdp:{name}"),
            Self::Tap(name) => write!(f, "tap:{name}"),
            Self::Pcap { receive, transmit, infinite } => {
                let tail = if *infinite { ",infinite" } else { "" };
                write!(f, "pcap:{},{}{tail}", word(receive), word(transmit))
            }
            Self::Memif { socket: Some(socket), args: a } => write!(f, "memif:{socket}{}", args(a)),
            Self::Memif { socket: None, args: a } => write!(f, "memif:{}", word(a)),
            Self::Pci { address, args: a } => write!(f, "pci:{address}{}", args(a)),
            Self::Vdev(devargs) => write!(f, "vdev:{devargs}"),
        }
    }
}
