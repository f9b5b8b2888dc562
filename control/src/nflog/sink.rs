//! Where packets go: a file, or the readers of a socket.

use super::record::{comment, record};
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use sluice_config::gateway::PacketLog;
use sluice_dataplane::interface::Interfaces;
use sluice_dataplane::rules::report::{Report, SNAP};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// A place for packets cannot be had.
#[derive(Debug, Error)]
#[error(
    "cannot write packets to {place}: {source}; write another place with `nflog = …` in [rules]"
)]
pub struct PacketSinkError {
    place: String,
    source: io::Error,
}

/// Bytes that wait for one slow reader; what comes on top is not for it.
const BACKLOG: usize = 4 << 20;

/// An open place, and the blocks that are on their way to it.
pub struct PacketSink {
    place: Place,
    /// Section header and interface, as each reader needs them first.
    head: Vec<u8>,
    blocks: PcapNgWriter<Vec<u8>>,
}

enum Place {
    /// And its length up to the last whole block.
    File(File, u64),
    /// The socket file goes away with it.
    Socket { path: PathBuf, listener: UnixListener, readers: Vec<Reader> },
}

/// A program that reads.
struct Reader {
    stream: UnixStream,
    waiting: Vec<u8>,
}

impl PacketSink {
    /// Opens a place. A file that is there goes on with another section.
    ///
    /// # Errors
    /// It cannot be written, or listened on.
    pub fn open(place: &PacketLog) -> Result<Self, PacketSinkError> {
        let open = || {
            let mut blocks = PcapNgWriter::new(Vec::new()).map_err(io::Error::other)?;
            let mut interface = InterfaceDescriptionBlock::new(DataLink::NFLOG, 2 * SNAP as u32);
            interface.options = vec![
                InterfaceDescriptionOption::IfName("nflog".into()),
                InterfaceDescriptionOption::IfTsResol(9),
            ];
            blocks.write_pcapng_block(interface).map_err(io::Error::other)?;
            let head = std::mem::take(blocks.get_mut());
            let place = match place {
                PacketLog::File(path) => file(path, &head)?,
                PacketLog::Unix(path) => socket(path)?,
            };
            Ok(Self { place, head, blocks })
        };
        open().map_err(|source| PacketSinkError { place: place.to_string(), source })
    }

    /// Adds a packet to what is on its way.
    ///
    /// # Errors
    /// It has no form as a block.
    pub fn packet(
        &mut self,
        report: &Report,
        (group, prefix, size): (u16, &str, Option<u32>),
        interfaces: &Interfaces,
    ) -> io::Result<()> {
        let (data, original_len) = record(report, group, prefix, size);
        let comment = comment(report, group, prefix, interfaces);
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_nanos(report.unix),
            original_len,
            data: data.into(),
            options: vec![EnhancedPacketOption::Comment(comment.into())],
        };
        self.blocks.write_pcapng_block(block).map(drop).map_err(io::Error::other)
    }

    /// Sends what is on its way, whole blocks or none.
    ///
    /// # Errors
    /// The disk is full: the packets are lost, the file stays readable.
    pub fn flush(&mut self) -> io::Result<()> {
        let batch = std::mem::take(self.blocks.get_mut());
        match &mut self.place {
            Place::File(..) if batch.is_empty() => Ok(()),
            Place::File(file, whole) => match file.write_all(&batch) {
                Ok(()) => {
                    *whole += batch.len() as u64;
                    Ok(())
                }
                Err(error) => file.set_len(*whole).and(Err(error)),
            },
            Place::Socket { listener, readers, path: _ } => {
                while let Ok((stream, _)) = listener.accept() {
                    if stream.set_nonblocking(true).is_ok() {
                        readers.push(Reader { stream, waiting: self.head.clone() });
                    }
                }
                readers.retain_mut(|reader| reader.take(&batch));
                Ok(())
            }
        }
    }
}

impl Reader {
    /// Sends as much as the reader takes now; false once it is gone.
    fn take(&mut self, batch: &[u8]) -> bool {
        if self.waiting.len() + batch.len() <= BACKLOG {
            self.waiting.extend(batch);
        }
        while !self.waiting.is_empty() {
            match self.stream.write(&self.waiting) {
                Ok(0) => return false,
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Socket { path, .. } = self {
            drop(std::fs::remove_file(path));
        }
    }
}

fn file(path: &Path, head: &[u8]) -> io::Result<Place> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(head)?;
    let whole = file.metadata()?.len();
    Ok(Place::File(file, whole))
}

/// A socket for the owner alone; one that nobody answers on any more is replaced.
fn socket(path: &Path) -> io::Result<Place> {
    if UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    drop(std::fs::remove_file(path));
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(Place::Socket { path: path.to_owned(), listener, readers: Vec::new() })
}
