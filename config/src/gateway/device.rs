//! `device = "DRIVER:REST"`: which port carries an interface's frames.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A port, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// `af_packet:IF`: a kernel interface through AF_PACKET.
    AfPacket(String),
    /// `af_xdp:IF`: a kernel interface through AF_XDP.
    AfXdp(String),
    /// `tap:IF`: a TAP the gateway makes.
    Tap(String),
    /// `pci:DDDD:BB:DD.F[,ARGS]`: a NIC bound to a userspace driver, with the driver's arguments.
    Pci(String),
    /// `pcap:[IN][,OUT][,infinite]`: frames read from and written to files.
    Pcap {
        /// File whose frames are received; nothing is received where absent.
        input: Option<PathBuf>,
        /// File that takes sent frames; dropped where absent.
        output: Option<PathBuf>,
        /// Replay `input` without end.
        infinite: bool,
    },
    /// `memif:ARGS`: shared memory, with the driver's arguments.
    Memif(String),
    /// `vdev:DEVARGS`: anything else DPDK has, as its own devargs.
    Vdev(String),
}

/// Why a text names no device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDevice {
    /// No known word before the colon.
    #[error("unknown driver `{0}`")]
    UnknownDriver(String),
    /// Nothing after the colon, or no colon.
    #[error("`{0}` names no device")]
    Incomplete(String),
    /// A kernel interface name that Linux refuses.
    #[error("`{0}` is no interface name")]
    BadInterface(String),
    /// Not a PCI address.
    #[error("`{0}` is no PCI address")]
    BadPciAddress(String),
}

impl Device {
    /// The words that may stand before the colon.
    pub const DRIVERS: [&'static str; 7] =
        ["af_packet", "af_xdp", "tap", "pci", "pcap", "memif", "vdev"];
}

/// Whether Linux accepts `name` as an interface's.
pub(crate) fn is_interface_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 15
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

/// `DDDD:BB:DD.F` or `BB:DD.F`, hexadecimal.
fn is_pci_address(text: &str) -> bool {
    let hex =
        |word: &str, len: usize| word.len() == len && word.bytes().all(|b| b.is_ascii_hexdigit());
    let words: Vec<&str> = text.split([':', '.']).collect();
    let shape: String = text.chars().filter(|c| *c == ':' || *c == '.').collect();
    match (words.as_slice(), shape.as_str()) {
        ([domain, bus, device, function], "::.") => {
            hex(domain, 4) && hex(bus, 2) && hex(device, 2) && hex(function, 1)
        }
        ([bus, device, function], ":.") => hex(bus, 2) && hex(device, 2) && hex(function, 1),
        _ => false,
    }
}

impl FromStr for Device {
    type Err = BadDevice;

    fn from_str(text: &str) -> Result<Self, BadDevice> {
        let (driver, rest) =
            text.split_once(':').ok_or_else(|| BadDevice::Incomplete(text.to_owned()))?;
        if !Self::DRIVERS.contains(&driver) {
            return Err(BadDevice::UnknownDriver(driver.to_owned()));
        }
        if rest.is_empty() {
            return Err(BadDevice::Incomplete(text.to_owned()));
        }
        let interface = || match is_interface_name(rest) {
            true => Ok(rest.to_owned()),
            false => Err(BadDevice::BadInterface(rest.to_owned())),
        };
        Ok(match driver {
            "af_packet" => Self::AfPacket(interface()?),
            "af_xdp" => Self::AfXdp(interface()?),
            "tap" => Self::Tap(interface()?),
            "pci" if is_pci_address(rest.split(',').next().unwrap_or(rest)) => {
                Self::Pci(rest.to_owned())
            }
            "pci" => return Err(BadDevice::BadPciAddress(rest.to_owned())),
            "pcap" => pcap(rest).ok_or_else(|| BadDevice::Incomplete(text.to_owned()))?,
            "memif" => Self::Memif(rest.to_owned()),
            "vdev" => Self::Vdev(rest.to_owned()),
            other => return Err(BadDevice::UnknownDriver(other.to_owned())),
        })
    }
}

fn pcap(rest: &str) -> Option<Device> {
    let mut words: Vec<&str> = rest.split(',').collect();
    let infinite = words.len() > 1 && words.last() == Some(&"infinite");
    if infinite {
        words.pop();
    }
    let file = |word: &&str| (!word.is_empty()).then(|| PathBuf::from(word));
    let (input, output) = match words.as_slice() {
        [input] => (file(input), None),
        [input, output] => (file(input), file(output)),
        _ => return None,
    };
    // Something must be read or written, and only what is read can be read again.
    let named = input.is_some() || (output.is_some() && !infinite);
    named.then_some(Device::Pcap { input, output, infinite })
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfPacket(name) => write!(f, "af_packet:{name}"),
            Self::AfXdp(name) => write!(f, "af_xdp:{name}"),
            Self::Tap(name) => write!(f, "tap:{name}"),
            Self::Pci(address) => write!(f, "pci:{address}"),
            Self::Pcap { input, output, infinite } => {
                f.write_str("pcap:")?;
                if let Some(input) = input {
                    write!(f, "{}", input.display())?;
                }
                if let Some(output) = output {
                    write!(f, ",{}", output.display())?;
                }
                f.write_str(if *infinite { ",infinite" } else { "" })
            }
            Self::Memif(args) => write!(f, "memif:{args}"),
            Self::Vdev(args) => write!(f, "vdev:{args}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_driver_survives_a_round_trip() {
        for text in [
            "af_packet:lan0",
            "af_xdp:eth1",
            "tap:t0",
            "pci:0000:01:00.0",
            "pci:01:00.0",
            "pcap:in.pcap",
            "pcap:in.pcap,out.pcap",
            "pcap:in.pcap,infinite",
            "pcap:in.pcap,out.pcap,infinite",
            "pcap:,out.pcap",
            "pci:0000:01:00.0,mac=02:00:00:00:00:01",
            "memif:role=client,id=0",
            "vdev:net_null0,size=64",
        ] {
            assert_eq!(text.parse::<Device>().map(|d| d.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn refuses_what_names_nothing() {
        for text in [
            "",
            "lan0",
            "af_packet:",
            "af_packet:a/b",
            "pci:1:2",
            "pcap:,",
            "pcap:,out.pcap,infinite",
            "pcap:a,b,c",
            "eth:lan0",
        ] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
        assert!("tap:sixteen-letters-".parse::<Device>().is_err());
    }
}
