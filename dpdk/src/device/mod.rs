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

mod text;

use std::fs;

pub use crate::address::{MacAddress, PciAddress};
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
            Self::Tap(name) => tap_devargs(name, shape.mac),
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
        let room = u32::from(shape.data_room.saturating_sub(HEADROOM));
        let frame = packet_frame(shape.mtu);
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
        // A block is whole pages and holds whole frames.
        let block = (32 * frame).next_multiple_of(4096);
        let frames_per_block = block / frame;
        let count = RING / frames_per_block * frames_per_block;
        let queues = shape.queues.max(1);
        Ok(format!(
            "net_af_packet_{name},iface={name},qpairs={queues},framesz={frame},blocksz={block},framecnt={count}"
        ))
    }

    /// The largest MTU that the ring of an af_packet port of this shape carries.
    pub(crate) fn ring_mtu(&self, shape: &Shape) -> Option<u16> {
        let most = packet_frame(shape.mtu) - LEAD - LINK;
        matches!(self, Self::AfPacket(_)).then(|| u16::try_from(most).unwrap_or(u16::MAX))
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
            Self::Pcap { receive, transmit, .. } => {
                let failed = |file: &str, doing, error: std::io::Error| Error::File {
                    device: self.to_string(),
                    file: file.to_owned(),
                    doing,
                    reason: error.to_string(),
                };
                if let Some(file) = receive {
                    fs::File::open(file).map_err(|error| failed(file, "read", error))?;
                }
                if let Some(file) = transmit {
                    // Not emptied here: that is the driver's, once everything else is in order.
                    let opened = fs::OpenOptions::new().append(true).create(true).open(file);
                    opened.map_err(|error| failed(file, "write", error))?;
                }
                Ok(())
            }
            Self::Tap(_) | Self::Memif { .. } | Self::Pci { .. } | Self::Vdev(_) => Ok(()),
        }
    }

    /// The capabilities without which the device cannot be opened, by their names.
    pub fn capabilities(&self) -> &'static [&'static str] {
        match self {
            // The socket; promiscuity and MTU.
            Self::AfPacket(_) => &["CAP_NET_RAW", "CAP_NET_ADMIN"],
            Self::AfXdp(_) => &["CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
            Self::Tap(_) => &["CAP_NET_ADMIN"],
            Self::Pci { .. } => &["CAP_IPC_LOCK"],
            Self::Pcap { .. } | Self::Memif { .. } | Self::Vdev(_) => &[],
        }
    }
}

/// Frames of an af_packet ring, about; each queue has one each way, of 8 MB at an MTU of 1500. A worker that shares
/// its core may be away for milliseconds, and Linux hosts widen their windows for as long as nothing is lost: the
/// driver's usual 1024 frames lost two to four in a hundred of a busy gateway's packets, 4096 almost none.
const RING: u32 = 4096;
/// Kernel's headers in a frame: data of an Ethernet frame begins at 66 (`tpacket_rcv()`).
const LEAD: u32 = 66;
/// Ethernet header and one VLAN tag, which the driver puts back.
const LINK: u32 = 18;
/// What the driver subtracts of a frame to compare it with a buffer.
const DRIVER: u32 = 32;

/// Bytes of an af_packet frame for an MTU: the driver's default where that is enough, else a
/// multiple of 16 as the kernel wants.
fn packet_frame(mtu: u16) -> u32 {
    (LEAD + LINK + u32::from(mtu)).max(2048).next_multiple_of(16)
}

/// Devargs of a TAP port whose kernel interface is `interface`: also for the twin
/// by which the host's own stack has a part in an interface of the gateway. The driver makes as
/// many queues as the port is started with, and receives and transmits on the same number.
///
/// The driver makes a pool by the port's name, and a pool's has 25 letters at most: those of `mp_net_tap` and 15 of an interface.
pub fn tap_devargs(interface: &str, mac: Option<MacAddress>) -> String {
    let mac = mac.map_or(String::new(), |mac| format!(",mac={mac}"));
    format!("net_tap{interface},iface={interface}{mac}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn devargs(device: &str, shape: &Shape) -> String {
        device.parse::<Device>().unwrap().devargs("wan", shape).unwrap()
    }

    fn error(device: &str) -> String {
        device.parse::<Device>().unwrap_err().to_string()
    }

    #[test]
    fn each_kind_has_its_devargs() {
        let two =
            Shape { queues: 2, mac: Some(MacAddress([2, 0, 0, 0, 0, 1])), ..Shape::default() };
        for (device, expected) in [
            (
                "af_packet:lan0",
                "net_af_packet_lan0,iface=lan0,qpairs=2,framesz=2048,blocksz=65536,framecnt=4096",
            ),
            ("af_xdp:lan0", "net_af_xdp_lan0,iface=lan0,start_queue=0,queue_count=2"),
            ("tap:lan0", "net_taplan0,iface=lan0,mac=02:00:00:00:00:01"),
            ("pcap:a.pcap,b.pcap", "net_pcap_wan,rx_pcap=a.pcap,tx_pcap=b.pcap"),
            ("pcap:a.pcap,,infinite", "net_pcap_wan,rx_pcap=a.pcap,infinite_rx=1"),
            ("pcap:,b.pcap", "net_pcap_wan,tx_pcap=b.pcap"),
            (
                "memif:/run/m.sock,role=client",
                "net_memif_wan,socket=/run/m.sock,socket-abstract=no,role=client",
            ),
            ("memif:role=server,id=3", "net_memif_wan,role=server,id=3"),
            ("pci:01:00.1", "0000:01:00.1"),
            ("pci:0000:01:00.0,a=b", "0000:01:00.0,a=b"),
            ("vdev:net_null0,copy=1", "net_null0,copy=1"),
        ] {
            assert_eq!(devargs(device, &two), expected);
        }
    }

    #[test]
    fn wrong_devices_say_what_to_write() {
        for (device, part) in [
            ("lan0", "write `af_packet:IFACE`"),
            ("dpdk:lan0", "`dpdk:lan0` is of no known kind"),
            ("af_packet:", "`` is not an interface name"),
            ("tap:sixteen-letters-", "1 to 15 characters"),
            ("tap:a,b", "`a,b` is not an interface name"),
            ("pcap:,", "`pcap:,` names no file"),
            ("pcap:a,b,forever", "`forever` after the pcap files"),
            ("pcap:,b,infinite", "only with a file to receive from"),
            ("pci:0000:01:20.0", "`0000:01:20.0` is not a PCI address"),
            ("pci:eth0", "write it as `lspci -D` does"),
            ("vdev:", "`vdev:net_null0`"),
        ] {
            assert!(error(device).contains(part), "{device}: {}", error(device));
        }
    }

    #[test]
    fn a_frame_must_fit_the_buffer() {
        let jumbo = Shape { mtu: 9000, ..Shape::default() };
        let device: Device = "af_packet:lan0".parse().unwrap();
        let error = device.devargs("lan", &jumbo).unwrap_err();
        let DeviceError::Mtu { needed, most, .. } = error else { panic!("{error}") };
        let room = u16::try_from(needed).unwrap();
        assert!(device.devargs("lan", &Shape { data_room: room, ..jumbo.clone() }).is_ok());
        assert!(device.devargs("lan", &Shape { data_room: room - 1, ..jumbo.clone() }).is_err());
        assert!(device.devargs("lan", &Shape { mtu: most, ..Shape::default() }).is_ok());
        assert!(device.devargs("lan", &Shape { mtu: most + 1, ..Shape::default() }).is_err());
    }

    #[test]
    fn only_cards_go_to_the_allow_list() {
        let allow = |device: &str| device.parse::<Device>().unwrap().allow();
        assert_eq!(allow("pci:01:00.0,x=1").as_deref(), Some("0000:01:00.0,x=1"));
        assert_eq!(allow("tap:lan0"), None);
    }

    proptest! {
        /// What is shown can be read again, and what reading accepts it shows as it was.
        #[test]
        fn text_and_device_agree(text in "(af_packet|tap|pcap|memif|pci|vdev|af_xdp):[a-z0-9:.,=/]{0,16}") {
            if let Ok(device) = text.parse::<Device>() {
                prop_assert_eq!(device.to_string().parse::<Device>(), Ok(device));
            }
        }

        /// The rules of packet_set_ring() in the kernel's af_packet.c, for any MTU.
        #[test]
        fn the_kernel_accepts_every_ring(mtu in 68u16..=16000) {
            let args = devargs("af_packet:lan0", &Shape { mtu, data_room: u16::MAX, ..Shape::default() });
            let number = |key: &str| -> u32 {
                args.split(',').find_map(|arg| arg.strip_prefix(key)).unwrap().parse().unwrap()
            };
            let (frame, block, count) = (number("framesz="), number("blocksz="), number("framecnt="));
            prop_assert_eq!((frame % 16, block % 4096), (0, 0));
            prop_assert!(frame >= 84 + u32::from(mtu) && block >= frame && count > 0);
            prop_assert_eq!(count % (block / frame), 0);
        }
    }
}
