//! Owns timeout policies of the kernel: nfct(8)'s `timeout add`, by netlink
//! (`uapi/linux/netfilter/nfnetlink_cttimeout.h`).

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use sluice_config::gateway::{TimeoutPolicy, TimeoutProtocol};
use sluice_config::netfilter::Family;
use std::os::fd::AsRawFd;

/// `NFNL_SUBSYS_CTNETLINK_TIMEOUT`, `IPCTNL_MSG_TIMEOUT_NEW`.
const NEW: u16 = 8 << 8;
/// `NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE`.
const FLAGS: u16 = 0x0001 | 0x0004 | 0x0100 | 0x0400;
/// `CTA_TIMEOUT_NAME` and those behind it.
const NAME: u16 = 1;
const L3: u16 = 2;
const L4: u16 = 3;
const DATA: u16 = 4;

/// Makes a policy in the network namespace of this thread, or changes the one there is.
///
/// # Panics
/// With what the kernel answers, where it refuses.
pub fn create(name: &str, policy: &TimeoutPolicy) {
    let data = request(name, policy);
    let (raw, cloexec) = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
    let netlink = SockProtocol::NetlinkNetFilter;
    let socket = socket(AddressFamily::Netlink, raw, cloexec, netlink).expect("no netlink socket");
    let (fd, kernel) = (socket.as_raw_fd(), NetlinkAddr::new(0, 0));
    sendto(fd, &data, &kernel, MsgFlags::empty()).expect("cannot ask the kernel");
    let mut answer = [0; 4096];
    let length = recv(fd, &mut answer, MsgFlags::empty()).expect("the kernel does not answer");
    assert!(length >= 20, "the kernel's answer is too short");
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    assert_eq!(error, 0, "the kernel refuses policy {name}: {}", nix::Error::from_raw(-error));
}

fn request(name: &str, policy: &TimeoutPolicy) -> Vec<u8> {
    let states = policy.protocol.states();
    let mut seconds = Vec::new();
    for (state, value) in &policy.seconds {
        let place = states.iter().position(|known| known == state).expect("a state");
        // Numbered from 1 in the order of their names.
        let kind = u16::try_from(place + 1).expect("few states");
        seconds.extend(attribute(kind, &value.to_be_bytes()));
    }
    let (family, number): (u16, u8) = (
        match policy.family {
            Some(Family::V4) => 2,
            Some(Family::V6) => 10,
            None => panic!("the kernel's policies are of one family"),
        },
        match policy.protocol {
            TimeoutProtocol::Icmp => 1,
            TimeoutProtocol::Tcp => 6,
            TimeoutProtocol::Udp => 17,
            TimeoutProtocol::Gre => 47,
            TimeoutProtocol::Icmpv6 => 58,
            TimeoutProtocol::Sctp => 132,
            TimeoutProtocol::UdpLite => 136,
            TimeoutProtocol::Generic => 255,
        },
    );
    // A netfilter header: family, version, resource.
    let mut body = vec![0; 4];
    body.extend(attribute(NAME, format!("{name}\0").as_bytes()));
    body.extend(attribute(L3, &family.to_be_bytes()));
    body.extend(attribute(L4, &[number]));
    body.extend(attribute(DATA | 0x8000, &seconds));
    let length = u32::try_from(16 + body.len()).expect("a short message");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(NEW.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    // Sequence number and port.
    message.extend([0; 8]);
    message.extend(body);
    message
}

/// Length, type, value, and zeroes up to a multiple of four.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("a short attribute");
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
