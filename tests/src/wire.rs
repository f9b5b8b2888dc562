//! Owns raw frames on an interface of a namespace (packet(7) sockets).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

use crate::Namespace;

/// Longer than any frame of these tests.
const FRAME: usize = 16 * 1024;

/// An end of a cable at which a test sends and receives whole Ethernet frames.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// Opens `interface` of `namespace`. Frames that this socket sends do not come back to it.
    pub fn open(namespace: &Namespace, interface: &str) -> Self {
        namespace.enter(|| {
            // Interfaces list themselves as link-layer addresses: the safe way to an index.
            let address = getifaddrs()
                .expect("cannot list interfaces")
                .filter(|entry| entry.interface_name == interface)
                .find_map(|entry| entry.address?.as_link_addr().copied())
                .unwrap_or_else(|| panic!("no interface {interface}"));
            let socket = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
                SockProtocol::EthAll,
            );
            let socket = socket.expect("cannot open a packet socket");
            bind(socket.as_raw_fd(), &address).expect("cannot bind a packet socket");
            Self { socket }
        })
    }

    /// Sends one frame, Ethernet header included.
    pub fn send(&self, frame: &[u8]) {
        let sent = send(self.socket.as_raw_fd(), frame, MsgFlags::empty());
        assert_eq!(sent, Ok(frame.len()), "cannot send {frame:02x?}");
    }

    /// The next frame, if one waits.
    pub fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; FRAME];
        match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(length) => {
                buffer.truncate(length);
                Some(buffer)
            }
            Err(Errno::EAGAIN) => None,
            Err(error) => panic!("cannot receive: {error}"),
        }
    }
}

/// Waits until a frame waits at one of the wires; false after `milliseconds` of silence.
pub fn wait(wires: &[&Wire], milliseconds: u16) -> bool {
    let mut ends: Vec<_> =
        wires.iter().map(|wire| PollFd::new(wire.socket.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut ends, PollTimeout::from(milliseconds)).expect("cannot poll") > 0
}
