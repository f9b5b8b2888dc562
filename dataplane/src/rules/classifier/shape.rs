//! Shapes: which fields, and how many bits of each, a group of rules demands.

use super::demand::{ANY_STATE, PORT_BITS, Piece, Prefix};
use super::filter::Filter;
use std::collections::HashSet;

/// Shapes of one chain that a packet may have to look at. Real rulesets have a few dozen.
const MAX_SHAPES: usize = 128;

/// The lengths of prefixes and which of the other fields count. Rules of one shape are found by one look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) source: u8,
    pub(super) destination: u8,
    pub(super) source_port: u8,
    pub(super) destination_port: u8,
    pub(super) protocol: bool,
    pub(super) ingress: bool,
    pub(super) egress: bool,
    pub(super) states: u32,
}

impl Shape {
    pub(super) const fn of(piece: &Piece) -> Self {
        Self {
            source: piece.source.len,
            destination: piece.destination.len,
            source_port: piece.source_port.len,
            destination_port: piece.destination_port.len,
            protocol: piece.protocol.is_some(),
            ingress: piece.ingress.is_some(),
            egress: piece.egress.is_some(),
            states: piece.states,
        }
    }
}

/// How finely rules are told apart: lengths are rounded down to a multiple.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grain {
    prefix: u8,
    source_port: u8,
    destination_port: u8,
    /// Whether states and interfaces count.
    others: bool,
}

impl Grain {
    const ALL: [Self; 5] = [
        Self { prefix: 1, source_port: 1, destination_port: 1, others: true },
        Self { prefix: 1, source_port: 16, destination_port: 4, others: true },
        Self { prefix: 4, source_port: 16, destination_port: 4, others: true },
        Self { prefix: 8, source_port: 16, destination_port: 16, others: true },
        Self { prefix: 16, source_port: 16, destination_port: 16, others: false },
    ];

    /// The finest at which there are few shapes.
    pub(super) fn choose(pieces: &[Piece]) -> Self {
        let exact: HashSet<Shape> = pieces.iter().map(Shape::of).collect();
        let few = |grain: &Self| {
            let shapes: HashSet<Shape> = exact.iter().map(|shape| grain.round(*shape)).collect();
            let lengths =
                |field: fn(&Shape) -> u8| shapes.iter().map(field).collect::<HashSet<_>>();
            // One more for length 0, which is always there.
            shapes.len() <= MAX_SHAPES
                && lengths(|shape| shape.source).len() < Filter::MAX_LENGTHS
                && lengths(|shape| shape.destination).len() < Filter::MAX_LENGTHS
        };
        let [.., coarsest] = Self::ALL;
        Self::ALL.into_iter().find(few).unwrap_or(coarsest)
    }

    fn round(self, shape: Shape) -> Shape {
        Shape {
            source: shape.source - shape.source % self.prefix,
            destination: shape.destination - shape.destination % self.prefix,
            source_port: shape.source_port - shape.source_port % self.source_port,
            destination_port: shape.destination_port
                - shape.destination_port % self.destination_port,
            protocol: shape.protocol,
            ingress: shape.ingress && self.others,
            egress: shape.egress && self.others,
            states: if self.others { shape.states } else { ANY_STATE },
        }
    }

    /// Makes a piece demand no more than this grain tells apart.
    pub(super) fn apply(self, piece: &mut Piece, address_bits: u32) {
        let shape = self.round(Shape::of(piece));
        let cut = |prefix: &mut Prefix, width, len| {
            *prefix = Prefix { bits: prefix.bits & super::filter::leading(width, len), len };
        };
        cut(&mut piece.source, address_bits, shape.source);
        cut(&mut piece.destination, address_bits, shape.destination);
        cut(&mut piece.source_port, PORT_BITS, shape.source_port);
        cut(&mut piece.destination_port, PORT_BITS, shape.destination_port);
        piece.ingress = piece.ingress.filter(|_| shape.ingress);
        piece.egress = piece.egress.filter(|_| shape.egress);
        piece.states = shape.states;
    }
}
