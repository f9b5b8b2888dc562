//! NFLOG: packets for programs that read capture files. Written by a control thread, never by a worker.
//!
//! ```text
//!   Report ─record─> LINKTYPE_NFLOG ─> pcapng block, with a comment ─┬─> file
//!                                                                   └─> every reader of the socket
//! ```
//!
//! What `tcpdump -i nflog:GROUP` would have seen on Linux: link type NFLOG, which carries group and prefix with the
//! packet. Tools that do not show these show the block's comment, or at least the packet.

mod record;
mod sink;

#[cfg(test)]
mod tests;

pub use sink::{PacketSink, PacketSinkError};
