//! The states of a TCP connection as a router between both ends sees them, and how the flags of a
//! segment lead from one to the next (the kernel's `tcp_conntracks` table).

use super::Direction;
use crate::wire::tcp_flags as flag;

/// State of a TCP connection, named after the last segment that mattered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum TcpConnectionState {
    /// Nothing seen yet.
    #[default]
    None,
    /// SYN seen.
    SynSent,
    /// SYN-ACK seen.
    SynRecv,
    /// ACK seen.
    Established,
    /// FIN seen.
    FinWait,
    /// ACK seen after a FIN.
    CloseWait,
    /// FIN seen from both ends.
    LastAck,
    /// The last ACK seen.
    TimeWait,
    /// RST seen.
    Close,
    /// SYN seen from both ends: simultaneous open.
    SynSent2,
}

impl TcpConnectionState {
    /// Whether both ends have left it.
    pub(super) const fn is_closed(self) -> bool {
        matches!(self, Self::TimeWait | Self::Close)
    }

    const ALL: [Self; 10] = [
        Self::None,
        Self::SynSent,
        Self::SynRecv,
        Self::Established,
        Self::FinWait,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
        Self::Close,
        Self::SynSent2,
    ];

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The name that `conntrack -L` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait => "FIN_WAIT",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::SynSent2 => "SYN_SENT2",
        }
    }

    /// Whether the connection is past its useful life.
    pub(super) const fn is_closing(self) -> bool {
        match self {
            Self::FinWait | Self::CloseWait | Self::LastAck | Self::TimeWait | Self::Close => true,
            Self::None | Self::SynSent | Self::SynRecv | Self::Established | Self::SynSent2 => {
                false
            }
        }
    }
}

/// What a segment is, by its most telling flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    #[default]
    None,
}

impl Kind {
    pub(super) const fn of(flags: u8) -> Self {
        if flags & flag::RST != 0 {
            Self::Rst
        } else if flags & flag::SYN != 0 {
            if flags & flag::ACK != 0 { Self::SynAck } else { Self::Syn }
        } else if flags & flag::FIN != 0 {
            Self::Fin
        } else if flags & flag::ACK != 0 {
            Self::Ack
        } else {
            Self::None
        }
    }
}

/// Whether the flags can stand together; PSH, ECE and CWR always can.
pub(super) const fn valid_flags(flags: u8) -> bool {
    use flag::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
    const SYN_URG: u8 = SYN | URG;
    const SYN_ACK: u8 = SYN | ACK;
    const RST_ACK: u8 = RST | ACK;
    const FIN_ACK: u8 = FIN | ACK;
    const FIN_ACK_URG: u8 = FIN | ACK | URG;
    const ACK_URG: u8 = ACK | URG;
    matches!(
        flags & !(PSH | ECE | CWR),
        SYN | SYN_URG | SYN_ACK | RST | RST_ACK | FIN_ACK | FIN_ACK_URG | ACK | ACK_URG
    )
}

/// Where a segment leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// To this state.
    To(TcpConnectionState),
    /// Nowhere: the segment cannot be right.
    Invalid,
    /// Nowhere yet: our idea of the connection may be wrong; the ends will show by their answer.
    Ignore,
}

impl Next {
    pub(super) fn after(state: TcpConnectionState, direction: Direction, kind: Kind) -> Self {
        let rows = match direction {
            Direction::Original => &ORIGINAL,
            Direction::Reply => &REPLY,
        };
        let row = rows.get(kind as usize).unwrap_or(&NEVER);
        row.get(state as usize).copied().unwrap_or(Self::Invalid)
    }
}

const SS: Next = Next::To(TcpConnectionState::SynSent);
const SR: Next = Next::To(TcpConnectionState::SynRecv);
const ES: Next = Next::To(TcpConnectionState::Established);
const FW: Next = Next::To(TcpConnectionState::FinWait);
const CW: Next = Next::To(TcpConnectionState::CloseWait);
const LA: Next = Next::To(TcpConnectionState::LastAck);
const TW: Next = Next::To(TcpConnectionState::TimeWait);
const CL: Next = Next::To(TcpConnectionState::Close);
const S2: Next = Next::To(TcpConnectionState::SynSent2);
const IV: Next = Next::Invalid;
const IG: Next = Next::Ignore;

const NEVER: [Next; 10] = [IV; 10];

/// Segments from the end that opened the connection. Columns: the state before.
#[rustfmt::skip]
const ORIGINAL: [[Next; 10]; 6] = [
    // NO  SS  SR  ES  FW  CW  LA  TW  CL  S2
    // SYN: opens or repeats; inside a connection the server's answer tells who is out of step;
    // after its end it opens the next.
    [  SS, SS, IG, IG, IG, IG, IG, SS, SS, S2 ],
    // SYN-ACK: a client sends none, but in a simultaneous open.
    [  IV, IV, SR, IV, IV, IV, IV, IV, IV, SR ],
    // FIN: closes once the server has answered; the second FIN waits for the last ACK.
    [  IV, IV, FW, FW, LA, LA, LA, TW, CL, IV ],
    // ACK: completes the handshake, answers FINs; of an unknown connection it is picked up.
    [  ES, IV, ES, ES, CW, CW, TW, TW, CL, IV ],
    // RST: ends what exists.
    [  IV, CL, CL, CL, CL, CL, CL, CL, CL, CL ],
    // None of these flags.
    NEVER,
];

/// Segments from the other end.
#[rustfmt::skip]
const REPLY: [[Next; 10]; 6] = [
    // NO  SS  SR  ES  FW  CW  LA  TW  CL  S2
    // SYN: simultaneous open; after TIME_WAIT the server may have become the client.
    [  IV, S2, IV, IV, IV, IV, IV, SS, IV, S2 ],
    // SYN-ACK: opens; later it may repeat, or answer a SYN that was ignored.
    [  IV, SR, IG, IG, IG, IG, IG, IG, IG, SR ],
    // FIN: as above.
    [  IV, IV, FW, FW, LA, LA, LA, TW, CL, IV ],
    // ACK: to a mere SYN it betrays a half-open connection at the server.
    [  IV, IG, SR, ES, CW, CW, TW, TW, CL, IG ],
    // RST: ends what exists.
    [  IV, CL, CL, CL, CL, CL, CL, CL, CL, CL ],
    // None of these flags.
    NEVER,
];

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [TcpConnectionState; 10] = [
        TcpConnectionState::None,
        TcpConnectionState::SynSent,
        TcpConnectionState::SynRecv,
        TcpConnectionState::Established,
        TcpConnectionState::FinWait,
        TcpConnectionState::CloseWait,
        TcpConnectionState::LastAck,
        TcpConnectionState::TimeWait,
        TcpConnectionState::Close,
        TcpConnectionState::SynSent2,
    ];

    #[test]
    fn nothing_leads_back_to_none_and_columns_stand_in_order() {
        for (column, state) in STATES.into_iter().enumerate() {
            assert_eq!(state as usize, column);
            for row in ORIGINAL.iter().chain(&REPLY) {
                assert_ne!(row[column], Next::To(TcpConnectionState::None));
            }
        }
    }

    #[test]
    fn only_a_client_opens() {
        for kind in [Kind::Syn, Kind::SynAck, Kind::Fin, Kind::Ack, Kind::Rst, Kind::None] {
            let next = Next::after(TcpConnectionState::None, Direction::Original, kind);
            let expected = match kind {
                Kind::Syn => SS,
                Kind::Ack => ES,
                Kind::SynAck | Kind::Fin | Kind::Rst | Kind::None => IV,
            };
            assert_eq!(next, expected, "{kind:?}");
            assert_eq!(Next::after(TcpConnectionState::None, Direction::Reply, kind), IV);
        }
    }

    #[test]
    fn flags_that_cannot_stand_together() {
        use flag::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
        for good in [SYN, SYN | ECE | CWR, SYN | ACK, RST, RST | ACK | PSH, FIN | ACK, ACK | URG] {
            assert!(valid_flags(good), "{good:02x}");
        }
        for bad in [0, PSH, FIN, URG, SYN | FIN, SYN | RST, SYN | ACK | URG, FIN | RST, 0xff] {
            assert!(!valid_flags(bad), "{bad:02x}");
        }
    }
}
