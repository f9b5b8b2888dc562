//! The host's sockets: while rules of `-m socket` are in force the kernel is asked for them, several times a second
//! (sock_diag(7), as ss(8) does). It tells nobody when one comes or goes.

use super::ports::Twins;
use anyhow::{Context, Result, bail};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use sluice_dataplane::address::{IpVersion, L4Port};
use sluice_dataplane::ids::InterfaceId;
use sluice_dataplane::published::Published;
use sluice_dataplane::snapshot::Snapshot;
use sluice_dataplane::sockets::{Socket, Sockets, Transport};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::warn;

/// How soon it is noticed that rules ask for sockets.
const TURN: Duration = Duration::from_millis(5);
/// How often the kernel is asked at most.
const EVERY: Duration = Duration::from_millis(250);
/// With very many sockets, asking takes no more than one part in so many of a core.
const SHARE: u32 = 10;
/// The kernel answers at once, or not at all.
const PATIENCE_SECONDS: i64 = 2;

/// Starts the watch, which does nothing while no rule asks.
pub(super) fn start(
    published: Arc<Published<Snapshot>>,
    sockets: Arc<Sockets>,
    twins: Twins,
    stop: Arc<AtomicBool>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("sockets".into()).spawn(move || {
        let (mut again, mut failed): (Option<Instant>, bool) = (None, false);
        while !stop.load(Ordering::Acquire) {
            std::thread::sleep(TURN);
            if !published.current().asks_sockets() {
                if again.take().is_some() {
                    sockets.set([]);
                }
                continue;
            }
            let began = Instant::now();
            if again.is_some_and(|again| began < again) {
                continue;
            }
            sockets.begin();
            match look(&interfaces(&published.current(), &twins)) {
                Ok(found) => {
                    sockets.set(found);
                    failed = false;
                }
                Err(error) if !std::mem::replace(&mut failed, true) => {
                    warn!("rules of -m socket go by old knowledge, or match nothing: {error:#}");
                }
                Err(_) => {}
            }
            again = Some(Instant::now() + EVERY.max(began.elapsed() * SHARE));
        }
    })
}

/// The interfaces by the kernel's numbers of their twins.
fn interfaces(snapshot: &Snapshot, twins: &Twins) -> HashMap<u32, InterfaceId> {
    let numbered = twins.iter().filter_map(|(twin, name)| {
        let (id, _) = snapshot.interfaces.named(name)?;
        Some((if_nametoindex(twin.as_str()).ok()?, id))
    });
    numbered.collect()
}

/// All sockets of TCP and UDP that can hear something of these interfaces.
fn look(interfaces: &HashMap<u32, InterfaceId>) -> Result<Vec<Socket>> {
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .context("the kernel cannot be asked for sockets (sock_diag)")?;
    setsockopt(&kernel, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_SECONDS))?;
    let mut found = Vec::new();
    for (transport, protocol) in [(Transport::Tcp, IPPROTO_TCP), (Transport::Udp, IPPROTO_UDP)] {
        for family in [AF_INET, AF_INET6] {
            ask(&kernel, family, protocol, |response| {
                found.extend(described(response, transport, interfaces));
            })
            .with_context(|| format!("sockets of {transport:?}, address family {family}"))?;
        }
    }
    Ok(found)
}

/// Has the kernel tell of each socket of a kind.
fn ask(
    kernel: &OwnedFd,
    family: u8,
    protocol: u8,
    mut tell: impl FnMut(&InetResponse),
) -> Result<()> {
    let mut request = NetlinkMessage::from(SockDiagMessage::InetRequest(InetRequest {
        family,
        protocol,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id: if family == AF_INET { SocketId::new_v4() } else { SocketId::new_v6() },
    }));
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    send(kernel.as_raw_fd(), &bytes, MsgFlags::empty())?;
    let mut room = vec![0; 1 << 16];
    loop {
        let length = recv(kernel.as_raw_fd(), &mut room, MsgFlags::empty())?;
        let mut rest = room.get(..length).unwrap_or_default();
        while !rest.is_empty() {
            let message = NetlinkMessage::<SockDiagMessage>::deserialize(rest)?;
            // Each begins at a multiple of four.
            let taken = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(taken.max(4)..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                    tell(&response);
                }
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io().into()),
                NetlinkPayload::Overrun(_) => bail!("answers were lost"),
                _ => {}
            }
        }
    }
}

/// A socket as it takes packets; one of IPv6 that hears IPv4 too stands for two.
fn described(
    response: &InetResponse,
    transport: Transport,
    interfaces: &HashMap<u32, InterfaceId>,
) -> impl Iterator<Item = Socket> + use<> {
    let id = &response.header.socket_id;
    let endpoint = |address: IpAddr, port| (address.to_canonical(), L4Port::new(port));
    let (mut v6_only, mut transparent, mut mark) = (false, None, None);
    for attribute in &response.nlas {
        match attribute {
            Nla::SkV6Only(only) => v6_only = *only,
            Nla::Mark(value) => mark = Some(*value),
            Nla::Other(other) => transparent = transparent.or(is_transparent(other)),
            _ => {}
        }
    }
    let interface = match id.interface_id {
        0 => Some(None),
        bound => interfaces.get(&bound).copied().map(Some),
    };
    let socket = interface.map(|interface| Socket {
        transport,
        local: endpoint(id.source_address, id.source_port),
        remote: (id.destination_port != 0)
            .then(|| endpoint(id.destination_address, id.destination_port)),
        interface,
        family: if id.source_address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 },
        transparent,
        // Of half a socket the kernel gives no packet the mark.
        mark: mark.filter(|_| response.header.state != SYN_RECV),
    });
    let any4 = endpoint(Ipv4Addr::UNSPECIFIED.into(), id.source_port);
    let hears_v4 = id.source_address.is_ipv6() && id.source_address.is_unspecified() && !v6_only;
    let other = socket.filter(|_| hears_v4).map(|socket| Socket { local: any4, ..socket });
    socket.into_iter().chain(other)
}

/// As the kernel's `TCP_SYN_RECV`.
const SYN_RECV: u8 = 3;

/// Of the flags of `INET_DIAG_SOCKOPT` (kernel `inet_diag_sockopt`).
fn is_transparent(attribute: &impl netlink_packet_core::Nla) -> Option<bool> {
    const SOCKOPT: u16 = 22;
    /// The sixth of a bit field.
    const TRANSPARENT: u8 = if cfg!(target_endian = "little") { 1 << 5 } else { 1 << 2 };
    if attribute.kind() != SOCKOPT {
        return None;
    }
    let mut value = vec![0; attribute.value_len()];
    attribute.emit_value(&mut value);
    Some(value.first()? & TRANSPARENT != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

    fn found(transport: Transport, local: SocketAddr) -> Vec<Socket> {
        let local = (local.ip(), L4Port::new(local.port()));
        let mut all = look(&HashMap::new()).unwrap();
        all.retain(|socket| (socket.transport, socket.local) == (transport, local));
        all
    }

    #[test]
    fn the_kernel_tells_of_every_kind_of_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let listening = found(Transport::Tcp, at);
        assert_eq!(listening.len(), 1, "{listening:?}");
        assert_eq!(listening[0].remote, None);
        assert_eq!(listening[0].transparent, Some(false));

        let client = TcpStream::connect(at).unwrap();
        let (_served, client_at) = listener.accept().unwrap();
        let known = found(Transport::Tcp, client.local_addr().unwrap());
        assert_eq!(known[0].remote, Some((at.ip(), L4Port::new(at.port()))), "{known:?}");
        let accepted = found(Transport::Tcp, at);
        let port = Some(L4Port::new(client_at.port()));
        assert!(accepted.iter().any(|one| one.remote.map(|(_, port)| port) == port));

        let both = UdpSocket::bind("[::]:0").unwrap();
        let mut any4 = both.local_addr().unwrap();
        assert_eq!(found(Transport::Udp, any4).len(), 1, "IPv6");
        any4.set_ip(Ipv4Addr::UNSPECIFIED.into());
        let hears = found(Transport::Udp, any4);
        assert_eq!((hears.len(), hears[0].family), (1, IpVersion::V6), "and IPv4 too: {hears:?}");
    }
}
