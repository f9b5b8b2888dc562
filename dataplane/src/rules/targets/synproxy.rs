//! SYNPROXY: which segments it takes over (kernel `xt_SYNPROXY.c`).

use crate::address::Address;
use crate::rules::View;
use crate::wire::layer4::Layer4Kind;
use crate::wire::tcp_flags::{ACK, FIN, RST, SYN};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Claim {
    /// SYNPROXY has it.
    Taken,
    /// It goes on: it neither opens a connection nor says that one is open.
    Left,
    /// It is dropped: it is no segment.
    Drop,
}

pub(in crate::rules) const fn claim<A: Address>(view: &View<'_, A>) -> Claim {
    let Layer4Kind::Tcp(tcp) = view.layer4.kind else { return Claim::Drop };
    match tcp.flags & (SYN | ACK | FIN | RST) {
        SYN | ACK => Claim::Taken,
        _ => Claim::Left,
    }
}
