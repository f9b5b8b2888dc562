//! One shape, ready to be looked up: the masks that make a key of a packet.

use super::Filters;
use super::demand::{Facts, PORT_BITS, Piece, state_number};
use super::filter::leading;
use super::shape::Shape;
use crate::conntrack::CtState;
use crate::ids::InterfaceId;

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xc2b2_ae3d_27d4_eb4f;
const THIRD: u64 = 0x1656_67b1_9e37_79f9;

/// The fields of a packet, or of a piece, as they are hashed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    source: u128,
    destination: u128,
    /// Ports and interfaces.
    rest: u64,
    protocol: u64,
}

impl Words {
    #[inline]
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            source: facts.source,
            destination: facts.destination,
            rest: u64::from(facts.source_port)
                | u64::from(facts.destination_port) << 16
                | u64::from(facts.ingress.0) << 32
                | u64::from(facts.egress.0) << 48,
            protocol: (u64::from(facts.protocol) + 1).wrapping_mul(THIRD),
        }
    }

    /// Of a piece; what it does not demand is masked away.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn of_piece(piece: &Piece) -> Self {
        Self::of(&Facts {
            source: piece.source.bits,
            destination: piece.destination.bits,
            source_port: piece.source_port.bits as u16,
            destination_port: piece.destination_port.bits as u16,
            protocol: piece.protocol.unwrap_or_default(),
            ingress: piece.ingress.unwrap_or(InterfaceId::HOST),
            egress: piece.egress.unwrap_or(InterfaceId::HOST),
            state: state_number(CtState::New, false, false),
        })
    }
}

/// A shape.
#[derive(Debug)]
pub(super) struct Probe {
    masks: Words,
    salt: u64,
    states: u32,
    /// Numbers of its lengths in the filters.
    pub(super) source: u8,
    destination: u8,
    source_port: u8,
    destination_port: u8,
}

/// What the filters say of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) source: u64,
    pub(super) destination: u64,
    pub(super) source_port: u64,
    pub(super) destination_port: u64,
    pub(super) state: u32,
}

impl Probe {
    pub(super) fn new(shape: &Shape, number: usize, filters: &Filters, address_bits: u32) -> Self {
        let all = |counts: bool, mask: u64| if counts { mask } else { 0 };
        let port = |len, at: u32| ((leading(PORT_BITS, len) & 0xffff) as u64) << at;
        Self {
            masks: Words {
                source: leading(address_bits, shape.source),
                destination: leading(address_bits, shape.destination),
                rest: port(shape.source_port, 0)
                    | port(shape.destination_port, 16)
                    | all(shape.ingress, 0xffff << 32)
                    | all(shape.egress, 0xffff << 48),
                protocol: all(shape.protocol, u64::MAX),
            },
            salt: (number as u64 + 1).wrapping_mul(SECOND),
            states: shape.states,
            source: filters.source.number(shape.source),
            destination: filters.destination.number(shape.destination),
            source_port: filters.source_port.number(shape.source_port),
            destination_port: filters.destination_port.number(shape.destination_port),
        }
    }

    /// Whether the filters leave a chance for a rule of this shape; the source was looked at before.
    #[inline]
    pub(super) const fn may_match(&self, seen: &Seen) -> bool {
        let chance = seen.destination >> self.destination
            & seen.source_port >> self.source_port
            & seen.destination_port >> self.destination_port
            & (self.states >> seen.state) as u64;
        chance & 1 != 0
    }

    /// The hash of the fields that count.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn hash(&self, words: &Words) -> u32 {
        let source = words.source & self.masks.source;
        let destination = words.destination & self.masks.destination;
        let protocol = words.protocol & self.masks.protocol;
        let rest = words.rest & self.masks.rest;
        let mut first = source as u64 ^ (destination as u64).rotate_left(32);
        let (high, high2) = ((source >> 64) as u64, (destination >> 64) as u64);
        if high | high2 != 0 {
            first ^= fold(high ^ SECOND, high2 ^ THIRD);
        }
        fold(first ^ self.salt ^ protocol, rest ^ FIRST) as u32
    }
}

/// Both halves of the product.
#[inline]
#[allow(clippy::cast_possible_truncation)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}
