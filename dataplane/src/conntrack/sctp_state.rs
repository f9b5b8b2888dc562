//! The states of an SCTP association as a router between both ends sees them, and how chunks lead from one to the next
//! (the kernel's `sctp_conntracks` table).

use super::Direction;
use crate::wire::sctp::chunk;

/// State of an SCTP connection, in the order in which the kernel numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum SctpConnectionState {
    /// Nothing seen yet.
    #[default]
    None,
    /// INIT seen, or the end.
    Closed,
    /// INIT ACK seen.
    CookieWait,
    /// COOKIE ECHO seen.
    CookieEchoed,
    /// COOKIE ACK seen, or an answer to a HEARTBEAT.
    Established,
    /// SHUTDOWN seen from the end that opened.
    ShutdownSent,
    /// SHUTDOWN seen from the other end.
    ShutdownReceived,
    /// SHUTDOWN ACK seen.
    ShutdownAckSent,
    /// Begun by a HEARTBEAT: another path of an association.
    HeartbeatSent,
}

impl SctpConnectionState {
    /// Every one, by its number.
    const ALL: [Self; 9] = [
        Self::None,
        Self::Closed,
        Self::CookieWait,
        Self::CookieEchoed,
        Self::Established,
        Self::ShutdownSent,
        Self::ShutdownReceived,
        Self::ShutdownAckSent,
        Self::HeartbeatSent,
    ];

    /// The one with this number.
    pub(super) fn numbered(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }

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
            Self::Closed => "CLOSED",
            Self::CookieWait => "COOKIE_WAIT",
            Self::CookieEchoed => "COOKIE_ECHOED",
            Self::Established => "ESTABLISHED",
            Self::ShutdownSent => "SHUTDOWN_SENT",
            Self::ShutdownReceived => "SHUTDOWN_RECD",
            Self::ShutdownAckSent => "SHUTDOWN_ACK_SENT",
            Self::HeartbeatSent => "HEARTBEAT_SENT",
        }
    }

    /// Where a chunk leads; none where it cannot come.
    pub(super) fn after(self, direction: Direction, kind: u8) -> Option<Self> {
        let row = match kind {
            chunk::INIT => 0,
            chunk::INIT_ACK => 1,
            chunk::ABORT => 2,
            chunk::SHUTDOWN => 3,
            chunk::SHUTDOWN_ACK => 4,
            chunk::ERROR => 5,
            chunk::COOKIE_ECHO => 6,
            chunk::COOKIE_ACK => 7,
            chunk::SHUTDOWN_COMPLETE => 8,
            chunk::HEARTBEAT => 9,
            chunk::HEARTBEAT_ACK => 10,
            // Data, acknowledgements and what nobody knows.
            _ => return Some(self),
        };
        let rows: &[[Option<Self>; 9]; 11] = match direction {
            Direction::Original => &ORIGINAL,
            Direction::Reply => &REPLY,
        };
        rows.get(row)?.get(self as usize).copied().flatten()
    }
}

const CL: Option<SctpConnectionState> = Some(SctpConnectionState::Closed);
const CW: Option<SctpConnectionState> = Some(SctpConnectionState::CookieWait);
const CE: Option<SctpConnectionState> = Some(SctpConnectionState::CookieEchoed);
const ES: Option<SctpConnectionState> = Some(SctpConnectionState::Established);
const SS: Option<SctpConnectionState> = Some(SctpConnectionState::ShutdownSent);
const SR: Option<SctpConnectionState> = Some(SctpConnectionState::ShutdownReceived);
const SA: Option<SctpConnectionState> = Some(SctpConnectionState::ShutdownAckSent);
const HS: Option<SctpConnectionState> = Some(SctpConnectionState::HeartbeatSent);
const IV: Option<SctpConnectionState> = None;

/// Chunks from the end that opened. Columns: the state before.
#[rustfmt::skip]
const ORIGINAL: [[Option<SctpConnectionState>; 9]; 11] = [
    // NO  CL  CW  CE  ES  SS  SR  SA  HS
    // INIT: opens, also what is about to end.
    [  CL, CL, CW, CE, ES, CL, CL, SA, CW ],
    // INIT ACK: not from this end.
    [  CL, CL, CW, CE, ES, SS, SR, SA, CL ],
    // ABORT: ends.
    [  CL, CL, CL, CL, CL, CL, CL, CL, CL ],
    // SHUTDOWN
    [  CL, CL, CW, CE, SS, SS, SR, SA, CL ],
    // SHUTDOWN ACK
    [  SA, CL, CW, CE, ES, SA, SA, SA, SA ],
    // ERROR: an answer to a cookie would come from the other end.
    [  CL, CL, CW, CE, ES, SS, SR, SA, CL ],
    // COOKIE ECHO
    [  CL, CL, CE, CE, ES, SS, SR, SA, CL ],
    // COOKIE ACK: after a collision.
    [  CL, CL, CW, ES, ES, SS, SR, SA, CL ],
    // SHUTDOWN COMPLETE
    [  CL, CL, CW, CE, ES, SS, SR, CL, CL ],
    // HEARTBEAT: of another path, it begins one.
    [  HS, CL, CW, CE, ES, SS, SR, SA, HS ],
    // HEARTBEAT ACK
    [  CL, CL, CW, CE, ES, SS, SR, SA, HS ],
];

/// Chunks from the other end.
#[rustfmt::skip]
const REPLY: [[Option<SctpConnectionState>; 9]; 11] = [
    // NO  CL  CW  CE  ES  SS  SR  SA  HS
    // INIT: a collision.
    [  IV, CL, CW, CE, ES, SS, SR, SA, IV ],
    // INIT ACK
    [  IV, CW, CW, CE, ES, SS, SR, SA, IV ],
    // ABORT
    [  IV, CL, CL, CL, CL, CL, CL, CL, IV ],
    // SHUTDOWN
    [  IV, CL, CW, CE, SR, SS, SR, SA, IV ],
    // SHUTDOWN ACK
    [  IV, CL, CW, CE, ES, SA, SA, SA, IV ],
    // ERROR: the cookie was too old.
    [  IV, CL, CW, CL, ES, SS, SR, SA, IV ],
    // COOKIE ECHO: after a collision.
    [  IV, CL, CE, CE, ES, SS, SR, SA, IV ],
    // COOKIE ACK
    [  IV, CL, CW, ES, ES, SS, SR, SA, IV ],
    // SHUTDOWN COMPLETE
    [  IV, CL, CW, CE, ES, SS, SR, CL, IV ],
    // HEARTBEAT
    [  IV, CL, CW, CE, ES, SS, SR, SA, HS ],
    // HEARTBEAT ACK: the other path works.
    [  IV, CL, CW, CE, ES, SS, SR, SA, ES ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_numbers_stand_in_order_and_nothing_leads_back_to_none() {
        for (number, state) in SctpConnectionState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, number);
            assert_eq!(SctpConnectionState::numbered(number as u8), state);
            for row in ORIGINAL.iter().chain(&REPLY) {
                assert_ne!(row[number], Some(SctpConnectionState::None));
            }
            for direction in [Direction::Original, Direction::Reply] {
                for kind in [chunk::DATA, 3, 12, 13, 64, 255] {
                    assert_eq!(state.after(direction, kind), Some(state));
                }
            }
        }
    }

    #[test]
    fn the_other_end_begins_nothing() {
        for kind in 1..=14 {
            let next = SctpConnectionState::None.after(Direction::Reply, kind);
            assert!(next.is_none_or(|next| next == SctpConnectionState::None), "{kind}");
        }
    }
}
