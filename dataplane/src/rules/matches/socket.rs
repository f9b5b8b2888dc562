//! `-m socket`: whether a socket of the host's would take the packet (kernel `xt_socket`, revision 3).
//!
//! An ICMP error is asked for by the packet that it quotes, which the host has sent.

use super::Condition;
use crate::address::{Address, IpVersion};
use crate::conntrack::{CtState, Direction};
use crate::rules::View;
use crate::sockets::{Endpoint, Ends, Transport};
use crate::wire::icmp_error::quoted;
use crate::wire::layer4::Layer4Kind;
use crate::wire::protocol;

/// There is such a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// `--transparent`: only one that may have addresses of others.
    pub transparent: bool,
    /// `--nowildcard`: also one that is bound to no address.
    pub no_wildcard: bool,
    /// `--restore-skmark`: the packet gets its mark.
    pub restore_mark: bool,
}

impl<A: Address> Condition<A> for Socket {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let taker = view.around.sockets.zip(ends(view));
        let Some(taker) = taker.and_then(|(sockets, ends)| sockets.taker(&ends, view.ingress))
        else {
            return false;
        };
        let holds =
            (self.no_wildcard || !taker.wildcard) && (!self.transparent || taker.transparent);
        if let Some(mark) = taker.mark.filter(|_| holds && self.restore_mark) {
            view.mark.set(mark);
        }
        holds
    }

    fn keeps(&self) -> Option<&'static str> {
        Some("socket")
    }
}

/// What the packet's socket is looked up by (kernel `nf_sk_lookup_slow_v4`, `nf_sk_lookup_slow_v6`).
fn ends<A: Address>(view: &View<'_, A>) -> Option<Ends> {
    let (transport, mut local, remote) = match quoted(view.data, view.headers) {
        Some((headers, ports)) => {
            let transport = transport(headers.protocol)?;
            let source = headers.source::<A>(view.data).to_ip();
            let destination = headers.destination::<A>(view.data).to_ip();
            (transport, (source, ports.source_port), (destination, ports.destination_port))
        }
        None => {
            // What follows an authentication header is a packet of its own to IPv4.
            let transport = transport(match A::VERSION {
                IpVersion::V4 => view.protocol(),
                IpVersion::V6 => view.headers.protocol,
            })?;
            if view.is_later_fragment() || view.layer4.kind == Layer4Kind::Truncated {
                return None;
            }
            let remote = (view.source.to_ip(), view.layer4.source_port);
            (transport, (view.destination.to_ip(), view.layer4.destination_port), remote)
        }
    };
    if let Some(source) = translated_source(view) {
        local = source;
    }
    Some(Ends { transport, local, remote })
}

const fn transport(number: u8) -> Option<Transport> {
    match number {
        protocol::TCP => Some(Transport::Tcp),
        protocol::UDP => Some(Transport::Udp),
        _ => None,
    }
}

/// Whom an answer is for that still bears the address its connection's source was translated to: IPv4 alone asks
/// connection tracking.
fn translated_source<A: Address>(view: &View<'_, A>) -> Option<Endpoint> {
    let connection = view.connection.as_ref()?;
    let is_error = view.headers.protocol == protocol::ICMP;
    let state = if is_error { CtState::Related } else { CtState::Established };
    let is_answer = view.state == state && connection.direction() == Direction::Reply;
    if A::VERSION != IpVersion::V4 || !is_answer || !view.snat {
        return None;
    }
    let original = connection.tuple(Direction::Original);
    Some((original.source.to_ip(), original.source_port))
}
