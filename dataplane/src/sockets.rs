//! The host's sockets, for rules of `-m socket`: which of them a packet would go to.
//!
//! ```text
//!   kernel's tables ── looked at now and then ──> Sockets::set ──┐
//!   SYN, SYN and ACK of the host's stack ──> Sockets::said ──────┴──> Sockets::taker <── a rule asks
//! ```
//!
//! The kernel tells nobody of new sockets, and a second packet would come before it is asked again. But no socket of TCP
//! sends or gets more than a SYN before the host has said one of its own, which passes the data plane.

use crate::address::{IpVersion, L4Port};
use crate::ids::InterfaceId;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What the sockets speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An address and a port.
pub type Endpoint = (IpAddr, L4Port);

/// What a packet to the host is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ends {
    /// What it speaks.
    pub transport: Transport,
    /// The host's end.
    pub local: Endpoint,
    /// The other.
    pub remote: Endpoint,
}

/// One socket, as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// What it speaks.
    pub transport: Transport,
    /// Where it listens, or its end of the connection.
    pub local: Endpoint,
    /// The other end, once there is one.
    pub remote: Option<Endpoint>,
    /// The only interface that it hears (`SO_BINDTODEVICE`).
    pub interface: Option<InterfaceId>,
    /// Whether it was made for IPv4 or IPv6, whatever it hears.
    pub family: IpVersion,
    /// Whether it may have addresses that are not the host's (`IP_TRANSPARENT`); not said of what is half a socket: as
    /// who listens there.
    pub transparent: Option<bool>,
    /// Its mark (`SO_MARK`); none of half a socket (`TIME_WAIT`, or no ACK has come).
    pub mark: Option<u32>,
}

/// The socket that a packet would go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taker {
    /// It is bound to no address.
    pub wildcard: bool,
    /// As [`Socket::transparent`].
    pub transparent: bool,
    /// As [`Socket::mark`].
    pub mark: Option<u32>,
}

/// All that is known of the host's sockets.
#[derive(Debug, Default)]
pub struct Sockets {
    known: ArcSwap<Known>,
    said: Said,
}

impl Sockets {
    /// Before the kernel is asked; what the host says from now on stays known until it is asked again.
    pub fn begin(&self) {
        self.said.round.fetch_add(1, Ordering::AcqRel);
    }

    /// What the kernel has said since [`begin`](Self::begin): these, and no others.
    pub fn set(&self, sockets: impl IntoIterator<Item = Socket>) {
        self.known.store(Known::of(sockets).into());
        self.said.forget_older();
    }

    /// The host's stack has said a SYN: there is a socket.
    pub(crate) fn said(&self, ends: &Ends) {
        self.said.insert(ends);
    }

    /// Who would take a packet that comes in by `ingress` (kernel `inet_lookup`, `udp4_lib_lookup` and those of IPv6).
    #[must_use]
    pub fn taker(&self, ends: &Ends, ingress: InterfaceId) -> Option<Taker> {
        let known = self.known.load();
        let listener = || known.bound(ends.transport, ends.local, ingress);
        let connected = known.connected.get(ends);
        if let Some(socket) = connected.and_then(|all| best(all, ends.local.0, ingress)) {
            let transparent = socket.transparent.or_else(|| listener()?.transparent);
            return Some(Taker::connected(transparent, socket.mark));
        }
        if ends.transport == Transport::Tcp && self.said.contains(ends) {
            // What was accepted is as who listens; of what the host began nothing is known yet.
            return Some(match listener() {
                Some(listener) => Taker::connected(listener.transparent, listener.mark),
                None => Taker::connected(None, None),
            });
        }
        let listener = listener()?;
        let wildcard = listener.local.0.is_unspecified();
        Some(Taker { wildcard, ..Taker::connected(listener.transparent, listener.mark) })
    }
}

impl Taker {
    fn connected(transparent: Option<bool>, mark: Option<u32>) -> Self {
        Self { wildcard: false, transparent: transparent == Some(true), mark }
    }
}

/// The kernel's sockets at one moment.
#[derive(Debug, Default)]
struct Known {
    connected: HashMap<Ends, Vec<Socket>>,
    bound: HashMap<(Transport, Endpoint), Vec<Socket>>,
}

impl Known {
    fn of(sockets: impl IntoIterator<Item = Socket>) -> Self {
        let mut known = Self::default();
        for socket in sockets {
            let Socket { transport, local, remote, .. } = socket;
            let alike = match remote {
                Some(remote) => {
                    known.connected.entry(Ends { transport, local, remote }).or_default()
                }
                None => known.bound.entry((transport, local)).or_default(),
            };
            alike.push(socket);
        }
        known
    }

    /// Who listens there: at the address rather than at any.
    fn bound(
        &self,
        transport: Transport,
        (address, port): Endpoint,
        ingress: InterfaceId,
    ) -> Option<&Socket> {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        [address, any].into_iter().find_map(|address| {
            best(self.bound.get(&(transport, (address, port)))?, address, ingress)
        })
    }
}

/// Of sockets alike: one that hears this interface alone goes before others, and one of the packet's own family before
/// one of IPv6 that hears IPv4 too (kernel `compute_score`).
fn best(alike: &[Socket], address: IpAddr, ingress: InterfaceId) -> Option<&Socket> {
    let own = if address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
    alike
        .iter()
        .filter(|socket| socket.interface.is_none_or(|only| only == ingress))
        .max_by_key(|socket| (socket.interface.is_some(), socket.family == own))
}

/// Of which connections the host has said a SYN since the kernel was asked: a word for each, at the place that its hash
/// says. Another may take the place, and the first is unknown until the kernel is asked again.
///
/// ```text
///   | 63 …  hash of the ends  … 8 | 7 … round … 0 |      zero: nothing
/// ```
#[derive(Debug)]
struct Said {
    words: Box<[AtomicU64; Self::PLACES]>,
    /// How often the kernel has been asked, modulo 256.
    round: AtomicU8,
    secret: RandomState,
}

impl Said {
    const PLACES: usize = 4096;
    const ROUND: u64 = 0xff;

    fn place(&self, ends: &Ends) -> (&AtomicU64, u64) {
        let hash = self.secret.hash_one(ends);
        let at = (hash >> 32) as usize % Self::PLACES;
        (&self.words[at], hash & !Self::ROUND)
    }

    fn insert(&self, ends: &Ends) {
        let (place, hash) = self.place(ends);
        place.store(hash | u64::from(self.round.load(Ordering::Acquire)), Ordering::Release);
    }

    fn contains(&self, ends: &Ends) -> bool {
        let (place, hash) = self.place(ends);
        place.load(Ordering::Acquire) & !Self::ROUND == hash
    }

    /// Of what was said before the last round the kernel has told whether it is still so.
    fn forget_older(&self) {
        let round = u64::from(self.round.load(Ordering::Acquire));
        for place in &*self.words {
            let word = place.load(Ordering::Acquire);
            if word & Self::ROUND != round {
                // What was said in this moment stays.
                let _ = place.compare_exchange(word, 0, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
    }
}

impl Default for Said {
    fn default() -> Self {
        Self {
            words: Box::new([const { AtomicU64::new(0) }; Self::PLACES]),
            round: AtomicU8::default(),
            secret: RandomState::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: InterfaceId = InterfaceId(0);
    const WAN: InterfaceId = InterfaceId(1);

    fn endpoint(text: &str) -> Endpoint {
        let (address, port) = text.rsplit_once(' ').unwrap();
        (address.parse().unwrap(), L4Port::new(port.parse().unwrap()))
    }

    fn socket(transport: Transport, local: &str) -> Socket {
        let local = endpoint(local);
        Socket {
            transport,
            local,
            remote: None,
            interface: None,
            family: if local.0.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 },
            transparent: Some(false),
            mark: Some(0),
        }
    }

    fn ends(transport: Transport, remote: &str, local: &str) -> Ends {
        Ends { transport, local: endpoint(local), remote: endpoint(remote) }
    }

    /// The mark of the socket that takes a packet of TCP and whether that is a wildcard.
    fn taker(sockets: &Sockets, local: &str, ingress: InterfaceId) -> Option<(u32, bool)> {
        let ends = ends(Transport::Tcp, "10.1.0.2 999", local);
        let taker = sockets.taker(&ends, ingress)?;
        Some((taker.mark.unwrap(), taker.wildcard))
    }

    #[test]
    fn the_socket_that_fits_best_takes_a_packet() {
        let (sockets, tcp) = (Sockets::default(), Transport::Tcp);
        let listening = |local, mark| Socket { mark: Some(mark), ..socket(tcp, local) };
        sockets.set([
            Socket { family: IpVersion::V6, ..listening("0.0.0.0 80", 1) },
            listening("0.0.0.0 80", 2),
            Socket { interface: Some(WAN), ..listening("0.0.0.0 80", 3) },
            listening("10.1.0.1 80", 4),
            Socket { interface: Some(WAN), ..listening("10.1.0.1 81", 5) },
            Socket {
                remote: Some(endpoint("10.1.0.2 999")),
                mark: Some(6),
                ..socket(tcp, "10.1.0.1 82")
            },
        ]);
        assert_eq!(taker(&sockets, "10.1.0.1 80", LAN), Some((4, false)), "of that address");
        assert_eq!(taker(&sockets, "10.1.0.9 80", LAN), Some((2, true)), "of the family");
        assert_eq!(taker(&sockets, "10.1.0.9 80", WAN), Some((3, true)), "of the interface");
        assert_eq!(taker(&sockets, "10.1.0.1 81", LAN), None, "of the other interface");
        assert_eq!(taker(&sockets, "10.1.0.1 81", WAN), Some((5, false)));
        assert_eq!(taker(&sockets, "10.1.0.1 82", LAN), Some((6, false)), "connected");
        assert_eq!(taker(&sockets, "10.1.0.1 83", LAN), None);
        let udp = ends(Transport::Udp, "10.1.0.2 999", "10.1.0.1 80");
        assert_eq!(sockets.taker(&udp, LAN), None, "of the other protocol");
    }

    #[test]
    fn what_the_host_said_counts_until_the_kernel_is_asked_after_it() {
        let sockets = Sockets::default();
        let listener = Socket {
            transparent: Some(true),
            mark: Some(7),
            ..socket(Transport::Tcp, "0.0.0.0 80")
        };
        let (first, second) = (
            ends(Transport::Tcp, "10.1.0.2 1", "10.1.0.1 80"),
            ends(Transport::Tcp, "10.1.0.2 2", "10.1.0.1 80"),
        );
        let is_connected = |ends| !sockets.taker(ends, LAN).unwrap().wildcard;
        sockets.set([listener]);
        assert!(!is_connected(&first), "who listens takes it");
        sockets.said(&first);
        let taker = Taker { wildcard: false, transparent: true, mark: Some(7) };
        assert_eq!(sockets.taker(&first, LAN), Some(taker), "as who listens");
        sockets.begin();
        sockets.said(&second);
        assert!(is_connected(&first) && is_connected(&second), "the kernel has yet to answer");
        sockets.set([listener]);
        assert!(!is_connected(&first), "the kernel knows better");
        assert!(is_connected(&second), "it may have been too late for the answer");
        sockets.begin();
        sockets.set([]);
        assert_eq!(sockets.taker(&second, LAN), None);
    }

    #[test]
    fn half_a_socket_has_no_mark_and_is_as_transparent_as_who_listens() {
        let sockets = Sockets::default();
        let (local, remote) = ("10.1.0.1 80", "10.1.0.2 1");
        let half = Socket {
            remote: Some(endpoint(remote)),
            transparent: None,
            mark: None,
            ..socket(Transport::Tcp, local)
        };
        let asked = ends(Transport::Tcp, remote, local);
        sockets.set([half]);
        let alone = Taker { wildcard: false, transparent: false, mark: None };
        assert_eq!(sockets.taker(&asked, LAN), Some(alone));
        let listener = Socket { transparent: Some(true), ..socket(Transport::Tcp, local) };
        sockets.set([half, listener]);
        assert_eq!(sockets.taker(&asked, LAN), Some(Taker { transparent: true, ..alone }));
    }
}
