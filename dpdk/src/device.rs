//! Device strings of the configuration and the EAL devargs they stand for. Pure, but for the checks.
//!
//! | string | driver |
//! | --- | --- |
//! | `af_packet:lan0` | a kernel interface, by packet socket |
//! | `af_xdp:lan0` | a kernel interface, by XDP socket |
//! | `tap:lan0` | a kernel interface made here |
//! | `pcap:in.pcap,out.pcap[,infinite]` | capture files; either may be empty |
//! | `memif:/run/x.sock[,id=0,role=client…]` | shared memory with another process |
//! | `pci:0000:01:00.0[,devargs]` | a network card |
//! | `vdev:net_null0[,devargs]` | any virtual device of DPDK |

use std::{fmt, fs, str::FromStr};

use crate::{
    error::{Error, Result},
    mempool::HEADROOM,
};

/// A device, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Device {
    /// A kernel interface, by packet socket.
    AfPacket(String),
    /// A kernel interface, by XDP socket.
    AfXdp(String),
    /// A kernel interface that is made here.
    Tap(String),
    /// Capture files.
    Pcap {
        /// File to receive from; `None` receives nothing.
        receive: Option<String>,
        /// File to send to; `None` sends to nowhere.
        transmit: Option<String>,
        /// Receive the file over and over.
        infinite: bool,
    },
    /// Shared memory with another process.
    Memif {
        /// Path of the Unix socket; `None` is the driver's default.
        socket: Option<String>,
        /// The driver's arguments.
        args: Option<String>,
    },
    /// A network card.
    Pci {
        /// Its address.
        address: PciAddress,
        /// The driver's arguments.
        args: Option<String>,
    },
    /// A virtual device of DPDK: its devargs.
    Vdev(String),
}

/// Address of a PCI function, such as `0000:01:00.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PciAddress {
    /// Domain.
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device, below 32.
    pub device: u8,
    /// Function, below 8.
    pub function: u8,
}

/// An Ethernet address, in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

/// What an interface wants of its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Queues in each direction.
    pub queues: u16,
    /// Bytes of the largest IP packet.
    pub mtu: u16,
    /// The address for a TAP interface made here; the driver's choice if `None`.
    pub mac: Option<MacAddress>,
    /// Bytes of a buffer in the pool, headroom included.
    pub data_room: u16,
}

impl Default for Shape {
    fn default() -> Self {
        Self { queues: 1, mtu: 1500, mac: None, data_room: 2048 + HEADROOM }
    }
}

/// Why a device string cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No such kind.
    #[error(
        "device `{0}` is of no known kind; write `af_packet:IFACE`, `tap:IFACE`, `pcap:IN,OUT`, `pci:ADDRESS`, `af_xdp:IFACE`, `memif:SOCKET` or `vdev:DEVARGS`"
    )]
    Kind(String),
    /// Not a name the kernel takes.
    #[error("`{0}` is not an interface name: 1 to 15 characters, without `/`, `,`, `:` or spaces")]
    Interface(String),
    /// Not a PCI address.
    #[error("`{0}` is not a PCI address; write it as `lspci -D` does, such as `pci:0000:01:00.0`")]
    Pci(String),
    /// Neither file.
    #[error(
        "`{0}` names no file; write `pcap:in.pcap,out.pcap`, leaving out one of the two where it is not wanted"
    )]
    Pcap(String),
    /// A third word that is not known.
    #[error("`{0}` after the pcap files; only `infinite`, and only with a file to receive from")]
    PcapOption(String),
    /// No devargs.
    #[error("nothing behind the colon; write something such as `{0}`")]
    Empty(&'static str),
    /// Not an Ethernet address.
    #[error("`{0}` is not a MAC address; write six hexadecimal bytes, such as `02:00:00:00:00:01`")]
    Mac(String),
    /// A frame of the MTU does not fit a buffer.
    #[error(
        "device `{device}`: MTU {mtu} needs buffers of {needed} bytes, the pool's have {data_room}; lower the MTU to {most} or raise the pool's `data_room`"
    )]
    Mtu {
        /// The device.
        device: String,
        /// Wanted.
        mtu: u16,
        /// Bytes of a buffer for it.
        needed: u32,
        /// Bytes of a buffer there.
        data_room: u16,
        /// MTU that fits.
        most: u16,
    },
}

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

impl Device {
    /// What EAL takes for this device, as a port of the interface called `label`.
    pub fn devargs(&self, label: &str, shape: &Shape) -> std::result::Result<String, DeviceError> {
        let args = |args: &Option<String>| args.as_ref().map_or(String::new(), |a| format!(",{a}"));
        Ok(match self {
            Self::AfPacket(name) => self.af_packet(name, shape)?,
            Self::AfXdp(name) => format!(
                "net_af_xdp_{name},iface={name},start_queue=0,queue_count={}",
                shape.queues.max(1)
            ),
            Self::Tap(name) => tap_devargs(name, name, shape.mac),
            Self::Pcap { receive, transmit, infinite } => {
                let part = |key, file: &Option<String>| {
                    file.as_ref().map_or(String::new(), |file| format!(",{key}={file}"))
                };
                let tail = if *infinite { ",infinite_rx=1" } else { "" };
                let (rx, tx) = (part("rx_pcap", receive), part("tx_pcap", transmit));
                format!("net_pcap_{label}{rx}{tx}{tail}")
            }
            Self::Memif { socket: None, args: a } => format!("net_memif_{label}{}", args(a)),
            Self::Memif { socket: Some(socket), args: a } => {
                // By default the driver takes the path for an abstract socket's name.
                format!("net_memif_{label},socket={socket},socket-abstract=no{}", args(a))
            }
            Self::Pci { address, args: a } => format!("{address}{}", args(a)),
            Self::Vdev(devargs) => devargs.clone(),
        })
    }

    /// The driver's frame is the kernel's packet header and the data; the data must fit a buffer.
    fn af_packet(&self, name: &str, shape: &Shape) -> std::result::Result<String, DeviceError> {
        /// Kernel's headers in a frame: data of an Ethernet frame begins at 66 (`tpacket_rcv()`).
        const LEAD: u32 = 66;
        /// Ethernet header and one VLAN tag, which the driver puts back.
        const LINK: u32 = 18;
        /// What the driver subtracts of a frame to compare it with a buffer.
        const DRIVER: u32 = 32;
        let room = u32::from(shape.data_room.saturating_sub(HEADROOM));
        // The driver's default where that is enough; the kernel wants multiples of 16.
        let frame = (LEAD + LINK + u32::from(shape.mtu)).max(2048).next_multiple_of(16);
        if frame - DRIVER > room {
            return Err(DeviceError::Mtu {
                device: self.to_string(),
                mtu: shape.mtu,
                needed: frame - DRIVER + u32::from(HEADROOM),
                data_room: shape.data_room,
                most: u16::try_from(((room + DRIVER) & !15).saturating_sub(LEAD + LINK))
                    .unwrap_or(u16::MAX),
            });
        }
        // A block is whole pages and holds whole frames; about 1024 frames a queue.
        let block = (32 * frame).next_multiple_of(4096);
        let frames_per_block = block / frame;
        let count = 1024 / frames_per_block * frames_per_block;
        let queues = shape.queues.max(1);
        Ok(format!(
            "net_af_packet_{name},iface={name},qpairs={queues},framesz={frame},blocksz={block},framecnt={count}"
        ))
    }

    /// The kernel interface behind the device: its own or, for a card, that of the kernel's driver
    /// while it is still bound.
    pub fn interface(&self) -> Option<String> {
        match self {
            Self::AfPacket(name) | Self::AfXdp(name) | Self::Tap(name) => Some(name.clone()),
            Self::Pci { address, .. } => {
                let folder = format!("/sys/bus/pci/devices/{address}/net");
                fs::read_dir(folder).ok()?.flatten().next()?.file_name().into_string().ok()
            }
            Self::Vdev(devargs) => {
                devargs.split(',').find_map(|arg| arg.strip_prefix("iface=")).map(str::to_owned)
            }
            Self::Pcap { .. } | Self::Memif { .. } => None,
        }
    }

    /// For EAL's allow list: a card's address and arguments.
    pub fn allow(&self) -> Option<String> {
        match self {
            Self::Pci { address, args: None } => Some(address.to_string()),
            Self::Pci { address, args: Some(args) } => Some(format!("{address},{args}")),
            Self::AfPacket(_)
            | Self::AfXdp(_)
            | Self::Tap(_)
            | Self::Pcap { .. }
            | Self::Memif { .. }
            | Self::Vdev(_) => None,
        }
    }

    /// Whether what the device stands on is there, with an error that names what is not.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::AfPacket(name) | Self::AfXdp(name) => match crate::doctor::has_interface(name) {
                true => Ok(()),
                false => {
                    Err(Error::NoInterface { device: self.to_string(), interface: name.clone() })
                }
            },
            Self::Pcap { receive: Some(file), .. } => {
                fs::File::open(file).map(drop).map_err(|error| Error::File {
                    device: self.to_string(),
                    file: file.clone(),
                    reason: error.to_string(),
                })
            }
            Self::Pcap { receive: None, .. }
            | Self::Tap(_)
            | Self::Memif { .. }
            | Self::Pci { .. }
            | Self::Vdev(_) => Ok(()),
        }
    }
}

/// Devargs of a TAP port called `label`, whose kernel interface is `interface`: also for the twin
/// by which the host's own stack has a part in an interface of the gateway. The driver makes as
/// many queues as the port is started with, and receives and transmits on the same number.
pub fn tap_devargs(label: &str, interface: &str, mac: Option<MacAddress>) -> String {
    let mac = mac.map_or(String::new(), |mac| format!(",mac={mac}"));
    format!("net_tap_{label},iface={interface}{mac}")
}

impl FromStr for PciAddress {
    type Err = DeviceError;

    fn from_str(text: &str) -> std::result::Result<Self, DeviceError> {
        let parse = || {
            let (path, function) = text.rsplit_once('.')?;
            let (path, device) = path.rsplit_once(':')?;
            let (domain, bus) = path.split_once(':').unwrap_or(("0", path));
            let hex = |digits: &str, most: usize| match digits.len() {
                length if (1..=most).contains(&length) => u32::from_str_radix(digits, 16).ok(),
                _ => None,
            };
            let address = Self {
                domain: hex(domain, 8)?,
                bus: u8::try_from(hex(bus, 2)?).ok()?,
                device: u8::try_from(hex(device, 2)?).ok()?,
                function: u8::try_from(hex(function, 1)?).ok()?,
            };
            (address.device < 32 && address.function < 8).then_some(address)
        };
        parse().ok_or_else(|| DeviceError::Pci(text.into()))
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

impl FromStr for MacAddress {
    type Err = DeviceError;

    fn from_str(text: &str) -> std::result::Result<Self, DeviceError> {
        let bytes: Option<Vec<u8>> = text
            .split(':')
            .map(|byte| (byte.len() == 2).then(|| u8::from_str_radix(byte, 16).ok()).flatten())
            .collect();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| DeviceError::Mac(text.into()))
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
