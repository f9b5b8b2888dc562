//! What a match of ports asks before all else: whether as much of the header is there as its module reads. The kernel
//! drops a packet of which it is not, on the spot (`hotdrop` of `tcp_mt`, `udp_mt`, `sctp_mt`, `dccp_mt`, `icmp_match`).
//!
//! iptables-nft asks for ports and flags of TCP and UDP without these modules, where nothing else of them is asked for:
//! then a packet that is too short just does not match, and no `Whole` stands before them.

use super::{Condition, Depends};
use crate::address::{Address, IpVersion};
use crate::rules::View;

/// Whose header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// `-m tcp`, with `--tcp-option` or nothing at all.
    Tcp,
    /// `-m udp`, with nothing at all.
    Udp,
    /// `-m sctp`.
    Sctp,
    /// `-m dccp`.
    Dccp,
    /// `-m icmp`, `-m icmp6`.
    Icmp,
    /// `-m multiport` of DCCP.
    DccpPorts,
}

impl Whole {
    /// Bytes of the header that are read at once.
    const fn bytes(self) -> usize {
        match self {
            Self::Tcp => 20,
            Self::Udp | Self::Icmp => 8,
            Self::Sctp | Self::Dccp => 12,
            Self::DccpPorts => 4,
        }
    }
}

impl<A: Address> Condition<A> for Whole {
    fn holds(&self, view: &View<'_, A>) -> bool {
        match view.headers.fragment {
            // It could overwrite the flags of the one before. In IPv6 the kernel counts bytes here, and not eights.
            Some(later)
                if later.offset == 8 && *self == Self::Tcp && A::VERSION == IpVersion::V4 =>
            {
                view.hotdrop()
            }
            Some(later) if later.offset > 0 => false,
            Some(_) | None if view.layer4_bytes().len() < self.bytes() => view.hotdrop(),
            Some(_) | None => true,
        }
    }
    fn depends(&self) -> Depends {
        match self {
            // What connection tracking knows a packet of, it has found whole.
            Self::Tcp | Self::Udp | Self::Sctp | Self::Icmp => Depends::Flow,
            // It knows nothing of ports there.
            Self::Dccp | Self::DccpPorts => Depends::Packet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::V4;
    use crate::rules::matches::testing::{Answer, ask};
    use crate::wire::samples;

    fn answer(whole: Whole, protocol: u8, fragment: u16, bytes: usize) -> Answer {
        ask::<V4>(&whole, &samples::ipv4(protocol, fragment, &[], &vec![0; bytes]), 0)
    }

    #[test]
    fn what_is_too_short_is_dropped() {
        for (whole, protocol, bytes) in [
            (Whole::Tcp, 6, 20),
            (Whole::Udp, 17, 8),
            (Whole::Sctp, 132, 12),
            (Whole::Dccp, 33, 12),
            (Whole::Icmp, 1, 8),
            (Whole::DccpPorts, 33, 4),
        ] {
            assert_eq!(answer(whole, protocol, 0, bytes), Answer::Holds, "{whole:?}");
            assert_eq!(answer(whole, protocol, 0, bytes - 1), Answer::Drops, "{whole:?}");
            assert_eq!(answer(whole, protocol, 0x2000, bytes - 1), Answer::Drops, "{whole:?}");
            assert_eq!(answer(whole, protocol, 2, bytes - 1), Answer::Fails, "a later fragment");
        }
    }

    #[test]
    fn a_fragment_that_could_write_over_flags_is_dropped_by_the_match_of_tcp() {
        assert_eq!(answer(Whole::Tcp, 6, 1, 40), Answer::Drops);
        assert_eq!(answer(Whole::Udp, 17, 1, 40), Answer::Fails);
    }
}
