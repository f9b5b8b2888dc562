//! `-m conntrack` beyond `--ctstate`: what is known of the packet's connection (kernel `xt_conntrack`).
//!
//! Each condition is a match of its own. A packet without connection fulfils none of them, inverted or not, unless
//! `--ctstate` stands beside it and holds.

use super::port::{ALL_BITS, PortRange};
use super::{Condition, Depends};
use crate::address::{Address, L4Port};
use crate::conntrack::Direction;
use crate::rules::{Connection, View};
use crate::tuple::Tuple;

/// Which end of a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Source.
    Source,
    /// Destination.
    Destination,
}

/// One thing asked of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<A> {
    /// `--ctproto`.
    Protocol(u8),
    /// `--ctorigsrc` and the like.
    Address {
        /// Of which direction's tuple.
        direction: Direction,
        /// Which end.
        end: End,
        /// The address, masked.
        address: A,
        /// The bits that count.
        mask: A,
    },
    /// `--ctorigsrcport` and the like.
    Port {
        /// Of which direction's tuple.
        direction: Direction,
        /// Which end.
        end: End,
        /// The range.
        range: PortRange,
    },
    /// `--ctdir`.
    Direction(Direction),
    /// `--ctexpire`: seconds left, from one number to the other.
    Expire(u32, u32),
    /// `--ctstatus`: any of these.
    Status {
        /// EXPECTED.
        expected: bool,
        /// `SEEN_REPLY`.
        seen_reply: bool,
        /// ASSURED.
        assured: bool,
        /// CONFIRMED.
        confirmed: bool,
    },
}

/// What is asked, and `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conntrack<A> {
    /// What.
    pub asked: Asked<A>,
    /// `!`.
    pub invert: bool,
    /// Of a packet without connection only `--ctstate`, which stands beside it, is asked.
    pub beside_state: bool,
}

impl<A: Address> Asked<A> {
    fn holds(&self, connection: &Connection<'_, A>, view: &View<'_, A>) -> bool {
        use crate::conntrack::Status;
        match *self {
            Self::Protocol(number) => connection.tuple(Direction::Original).protocol == number,
            Self::Address { direction, end, address, mask } => {
                let tuple = connection.tuple(direction);
                let own = match end {
                    End::Source => tuple.source,
                    End::Destination => tuple.destination,
                };
                own.to_bits() & mask.to_bits() == address.to_bits()
            }
            Self::Port { direction, end, range } => {
                let tuple = connection.tuple(direction);
                range.contains(match end {
                    End::Source => tuple.source_port,
                    End::Destination => tuple.destination_port,
                })
            }
            Self::Direction(direction) => connection.direction() == direction,
            Self::Expire(from, to) => {
                let left = connection.seconds_left(view.around.now).unwrap_or(0);
                (from..=to).contains(&left)
            }
            Self::Status { expected, seen_reply, assured, confirmed } => {
                let status = connection.status();
                expected && status.has(Status::EXPECTED)
                    || seen_reply && status.has(Status::SEEN_REPLY)
                    || assured && status.has(Status::ASSURED)
                    || confirmed && status.has(Status::CONFIRMED)
            }
        }
    }
}

impl<A: Address> Asked<A> {
    /// Of what CT puts in a connection's place until tracking, in which everything is zero.
    fn holds_for_template(&self) -> bool {
        match *self {
            Self::Protocol(number) => number == 0,
            Self::Address { address, .. } => address.to_bits() == 0,
            Self::Port { range, .. } => range.contains(L4Port::default()),
            Self::Direction(direction) => direction == Direction::Original,
            Self::Expire(from, _) => from == 0,
            Self::Status { confirmed, .. } => confirmed,
        }
    }
}

impl<A: Address> Condition<A> for Conntrack<A> {
    fn holds(&self, view: &View<'_, A>) -> bool {
        match &view.connection {
            Some(connection) => self.asked.holds(connection, view) != self.invert,
            None if view.is_template() => self.asked.holds_for_template() != self.invert,
            None => self.beside_state,
        }
    }
    fn depends(&self) -> Depends {
        match self.asked {
            // Time runs, and a connection becomes assured at some packet.
            Asked::Expire(..) | Asked::Status { .. } => Depends::Packet,
            Asked::Address { direction: Direction::Reply, end, .. }
            | Asked::Port { direction: Direction::Reply, end, .. } => match end {
                // The answers come from where the first packet went.
                End::Source => Depends::TranslatedDestination,
                End::Destination => Depends::TranslatedSource,
            },
            Asked::Protocol(_)
            | Asked::Address { direction: Direction::Original, .. }
            | Asked::Port { direction: Direction::Original, .. }
            | Asked::Direction(_) => Depends::Flow,
        }
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        // A tuple of either direction depends on both ends of the packet.
        let all = A::from_bits(u128::MAX);
        match self.asked {
            Asked::Address { .. } => (bits.source, bits.destination) = (all, all),
            Asked::Port { .. } => {
                (bits.source, bits.destination) = (all, all);
                (bits.source_port, bits.destination_port) = (ALL_BITS, ALL_BITS);
            }
            Asked::Protocol(_) | Asked::Direction(_) | Asked::Expire(..) | Asked::Status { .. } => {
            }
        }
    }
}
