//! What a rule demands of the fields that are indexed.

use crate::address::Address;
use crate::conntrack::CtState;
use crate::ids::InterfaceId;
use crate::rules::View;
use crate::rules::matches::multiport::End;
use crate::rules::matches::port::PortRange;
use crate::rules::matches::{Depends, Match};

/// Places one rule may take in the index: a rule of several ports or interfaces is entered once for
/// each. One that would need more leaves the longest of its lists out, and is asked more often.
const MAX_PIECES: usize = 16;

/// Bits of a port.
pub(super) const PORT_BITS: u32 = 16;

/// Leading bits of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Prefix {
    /// The field, in its low bits; what lies behind `len` bits does not count.
    pub(super) bits: u128,
    /// How many leading bits count.
    pub(super) len: u8,
}

/// Adds the blocks of ports that a range consists of, where they are few, or else the smallest that
/// contains it; none for a range without a port.
fn blocks(range: PortRange, blocks: &mut Vec<Prefix>) {
    /// `1024:65535`, of six blocks, is more shapes than it is worth.
    const MAX_BLOCKS: usize = 4;
    let start = blocks.len();
    let (mut from, to) = (u32::from(range.from), u32::from(range.to));
    while from <= to && blocks.len() <= start + MAX_BLOCKS {
        let size = (0..=PORT_BITS).rev().map(|bits| (bits, 1 << bits));
        let fits = |(_, size): &(u32, u32)| from % size == 0 && from + size - 1 <= to;
        let Some((bits, size)) = size.into_iter().find(fits) else { return };
        blocks.push(Prefix { bits: from.into(), len: (PORT_BITS - bits) as u8 });
        from += size;
    }
    if blocks.len() > start + MAX_BLOCKS {
        blocks.truncate(start);
        let len = (range.from ^ range.to).leading_zeros() as u8;
        blocks.push(Prefix { bits: range.from.into(), len });
    }
}

/// A state and two flags, as one number below [`STATES`].
pub(super) const fn state_number(state: CtState, snat: bool, dnat: bool) -> u32 {
    let state = match state {
        CtState::New => 0,
        CtState::Established => 1,
        CtState::Related => 2,
        CtState::Invalid => 3,
        CtState::Untracked => 4,
    };
    state << 2 | (snat as u32) << 1 | dnat as u32
}

const STATES: u32 = 20;
/// Every state.
pub(super) const ANY_STATE: u32 = (1 << STATES) - 1;

/// One place of a rule in the index: it can match only packets that agree with all of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) source: Prefix,
    pub(super) destination: Prefix,
    pub(super) source_port: Prefix,
    pub(super) destination_port: Prefix,
    pub(super) protocol: Option<u8>,
    pub(super) ingress: Option<InterfaceId>,
    pub(super) egress: Option<InterfaceId>,
    /// Bit n: state number n.
    pub(super) states: u32,
}

/// What a rule demands; an empty list demands nothing.
#[derive(Debug)]
struct Demand {
    one: Piece,
    source_ports: Vec<Prefix>,
    destination_ports: Vec<Prefix>,
    ingress: Vec<InterfaceId>,
    egress: Vec<InterfaceId>,
}

/// Adds the pieces of a rule to `pieces`; none for a rule that can match nothing. Only matches before the
/// first that looks at more than the flow count: see [`super`].
pub(super) fn pieces<A: Address>(matches: &[Match<A>], pieces: &mut Vec<Piece>) {
    if let Some(mut demand) = Demand::of(matches) {
        demand.shorten();
        demand.expand(pieces);
    }
}

impl Demand {
    const ANY: Self = Self {
        one: Piece {
            source: Prefix { bits: 0, len: 0 },
            destination: Prefix { bits: 0, len: 0 },
            source_port: Prefix { bits: 0, len: 0 },
            destination_port: Prefix { bits: 0, len: 0 },
            protocol: None,
            ingress: None,
            egress: None,
            states: ANY_STATE,
        },
        source_ports: Vec::new(),
        destination_ports: Vec::new(),
        ingress: Vec::new(),
        egress: Vec::new(),
    };

    fn of<A: Address>(matches: &[Match<A>]) -> Option<Self> {
        let mut demand = Self::ANY;
        for condition in matches.iter().take_while(|condition| condition.depends() == Depends::Flow)
        {
            demand.add(condition)?;
        }
        Some(demand)
    }

    /// None where the condition cannot hold. What a negated or unindexed condition asks is left open.
    fn add<A: Address>(&mut self, condition: &Match<A>) -> Option<()> {
        match condition {
            Match::Source(wanted) => lengthen(&mut self.one.source, wanted.prefix()),
            Match::Destination(wanted) => lengthen(&mut self.one.destination, wanted.prefix()),
            Match::Ingress(wanted) => list(&mut self.ingress, wanted.wanted())?,
            Match::Egress(wanted) => list(&mut self.egress, wanted.wanted())?,
            Match::Protocol(wanted) if !wanted.invert => self.one.protocol = Some(wanted.number),
            Match::SourcePort(wanted) if !wanted.invert => {
                ports(&mut self.source_ports, &[wanted.range])?;
            }
            Match::DestinationPort(wanted) if !wanted.invert => {
                ports(&mut self.destination_ports, &[wanted.range])?;
            }
            Match::Multiport(wanted) if !wanted.invert => match wanted.end {
                End::Source => ports(&mut self.source_ports, &wanted.ranges)?,
                End::Destination => ports(&mut self.destination_ports, &wanted.ranges)?,
                End::Either => {}
            },
            Match::State(wanted) => {
                for state in [
                    CtState::New,
                    CtState::Established,
                    CtState::Related,
                    CtState::Invalid,
                    CtState::Untracked,
                ] {
                    for (snat, dnat) in [(false, false), (false, true), (true, false), (true, true)]
                    {
                        if !wanted.accepts(state, snat, dnat) {
                            self.one.states &= !(1 << state_number(state, snat, dnat));
                        }
                    }
                }
                return (self.one.states != 0).then_some(());
            }
            // Whatever else is asked, now or in time to come, is asked of the packet itself.
            _ => {}
        }
        Some(())
    }

    /// Drops the longest lists until the pieces are few.
    fn shorten(&mut self) {
        loop {
            let lengths = [
                self.source_ports.len(),
                self.destination_ports.len(),
                self.ingress.len(),
                self.egress.len(),
            ];
            let product =
                lengths.iter().fold(1_usize, |product, &len| product.saturating_mul(len.max(1)));
            if product <= MAX_PIECES {
                return;
            }
            match lengths.iter().enumerate().max_by_key(|(_, len)| **len).map(|(at, _)| at) {
                Some(0) => self.source_ports.clear(),
                Some(1) => self.destination_ports.clear(),
                Some(2) => self.ingress.clear(),
                _ => self.egress.clear(),
            }
        }
    }

    fn expand(&self, pieces: &mut Vec<Piece>) {
        for source_port in or_any(&self.source_ports) {
            for destination_port in or_any(&self.destination_ports) {
                for ingress in or_any(&self.ingress) {
                    for egress in or_any(&self.egress) {
                        pieces.push(Piece {
                            source_port: source_port.unwrap_or_default(),
                            destination_port: destination_port.unwrap_or_default(),
                            ingress,
                            egress,
                            ..self.one
                        });
                    }
                }
            }
        }
    }
}

/// Each element, or none once when there is none.
fn or_any<T: Copy>(list: &[T]) -> impl Iterator<Item = Option<T>> + '_ {
    list.iter().copied().map(Some).chain(list.is_empty().then_some(None))
}

fn lengthen(prefix: &mut Prefix, wanted: Option<(u128, u32)>) {
    if let Some((bits, len)) = wanted
        && let Ok(len) = u8::try_from(len)
        && len > prefix.len
    {
        *prefix = Prefix { bits, len };
    }
}

/// Of two lists of interfaces that must both hold, the first is indexed.
fn list(own: &mut Vec<InterfaceId>, wanted: Option<&[InterfaceId]>) -> Option<()> {
    let Some(ids) = wanted else { return Some(()) };
    if own.is_empty() {
        own.extend_from_slice(ids);
        own.dedup();
    }
    (!ids.is_empty()).then_some(())
}

/// Of two lists of ports that must both hold, the shorter is indexed.
fn ports(own: &mut Vec<Prefix>, ranges: &[PortRange]) -> Option<()> {
    let mut wanted = Vec::new();
    for range in ranges {
        blocks(*range, &mut wanted);
    }
    // A block of all ports tells nothing.
    let tells = wanted.iter().all(|block| block.len > 0);
    let possible = !wanted.is_empty();
    if possible && tells && (own.is_empty() || wanted.len() < own.len()) {
        *own = wanted;
    }
    possible.then_some(())
}

/// The same fields of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) source: u128,
    pub(super) destination: u128,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: u8,
    pub(super) ingress: InterfaceId,
    pub(super) egress: InterfaceId,
    pub(super) state: u32,
}

impl Facts {
    /// A packet without ports or without a way out has some value there: the rules it then finds are asked,
    /// and do not match.
    pub(super) fn of<A: Address>(view: &View<'_, A>) -> Self {
        Self {
            source: view.source.to_bits(),
            destination: view.destination.to_bits(),
            source_port: view.source_port().unwrap_or_default().get(),
            destination_port: view.destination_port().unwrap_or_default().get(),
            protocol: view.protocol(),
            ingress: view.ingress,
            egress: view.egress.unwrap_or(InterfaceId::HOST),
            state: state_number(view.state, view.snat, view.dnat),
        }
    }
}
