//! First packets like others before them: what rules and routing said of one holds for all of its class.
//!
//! ```text
//!   what rules can tell of its tuple       ┐
//!   interface it came in by                ├─> Class: adjacency, rules of nat it counts, how its source is chosen
//!   next hop of its destination            ┘
//! ```
//!
//! A class is learned from a packet that went the long way, and lives until rules or routes change. What remains to be done for
//! each packet is what differs: the lookup of its route, the choice of its tuple, and its entry in the table.
//! Not learned: packets whose destination is translated, that met a rule which looks at more than the
//! tuple, or that leave to a neighbour of their own (a connected subnet).

use super::own_address::masquerade_range;
use super::route::Out;
use super::{Env, Family, Lane};
use crate::address::Address;
use crate::adjacency::{Adjacency, AdjacencyId};
use crate::cache::Cached;
use crate::conntrack::{Begin, FlowRef, Hashes, PolicyId};
use crate::flight::{Flight, Flow};
use crate::ids::{InterfaceId, NeighbourId, NextHopId, PathId};
use crate::interface::ReversePathFilter;
use crate::nat::NatRange;
use crate::packet::Packet;
use crate::rules::{Told, Trail};
use crate::snapshot::NextHop;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4;
use crate::wire::parse::Headers;
use crate::wire::protocol;

/// How the source of a class's connections is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceRule<A> {
    /// It stays, where it is free.
    Keep,
    /// From the range of SNAT.
    Snat(NatRange<A>),
    /// From the addresses of the way out.
    Masquerade(NatRange<A>),
}

/// What tells one class from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key<A> {
    /// All that rules see of its tuples.
    told: Told<A>,
    ingress: InterfaceId,
    next_hop: NextHopId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class<A> {
    /// Of the list it is in.
    list: u32,
    /// Tells it from those that had its slot before.
    serial: u32,
    key: Key<A>,
    adjacency: AdjacencyId,
    nat_path: PathId,
    source: SourceRule<A>,
    /// Whose timeouts its connections follow.
    policy: PolicyId,
    /// The source that the connection it was learned from got.
    address: A,
    out: Out,
}

/// The classes of one worker and one IP version.
#[derive(Debug)]
pub(super) struct Classes<A> {
    /// By hash; a newer one takes the place of an older.
    slots: Vec<Option<Class<A>>>,
    /// What is learned holds for the list of now.
    list: u32,
    /// The serial number of the next to be learned.
    serial: u32,
    /// How many were learned since they were forgotten last, and how often one was met again.
    learned: u32,
    met: u32,
    /// Of the packet at hand, as it goes the long way: the rules of nat it counted,
    trail: Trail,
    /// whether all of them look at no more than the tuple,
    cacheable: bool,
    /// and how its source was chosen.
    source: SourceRule<A>,
}

impl<A: Address> Classes<A> {
    const SLOTS: usize = 4096;

    pub(super) fn new() -> Self {
        Self {
            slots: vec![None; Self::SLOTS],
            list: 0,
            serial: 0,
            learned: 0,
            met: 0,
            trail: Trail::new(),
            cacheable: false,
            source: SourceRule::Keep,
        }
    }

    /// A first packet begins the long way.
    pub(super) fn begin(&mut self) {
        self.trail.clear();
        (self.cacheable, self.source) = (true, SourceRule::Keep);
    }

    /// Where a walk through nat leaves its marks.
    pub(super) const fn marks(&mut self) -> (&mut Trail, &mut bool) {
        (&mut self.trail, &mut self.cacheable)
    }

    pub(super) const fn note_source(&mut self, source: SourceRule<A>) {
        self.source = source;
    }

    /// The packet at hand is like no other.
    pub(super) const fn forget(&mut self) {
        self.cacheable = false;
    }

    /// Forgets all of them.
    pub(super) const fn clear(&mut self) {
        self.list = self.list.wrapping_add(1);
        (self.learned, self.met) = (0, 0);
    }

    /// Whether classes are met again: where rules look at so much that hardly two packets are of one class, it is
    /// not worth the search.
    const fn are_met(&self) -> bool {
        self.learned < Self::SLOTS as u32 || self.met >= self.learned
    }

    /// Puts a class into its slot. One that is known keeps its serial number: packets of this burst may hold it.
    fn learn(&mut self, slot: usize, class: Class<A>) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        if slot.is_some_and(|known| Class { serial: known.serial, ..class } == known) {
            return;
        }
        *slot = Some(class);
        self.serial = self.serial.wrapping_add(1);
        self.learned = self.learned.saturating_add(1);
    }

    /// A class found in this burst; none when a packet since has taught another in its place.
    #[inline]
    fn found(&self, ClassId { slot, serial, answer: _ }: ClassId) -> Option<&Class<A>> {
        let class = self.slots.get(usize::from(slot))?.as_ref()?;
        (class.serial == serial).then_some(class)
    }

    fn slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize % Self::SLOTS
    }
}

impl<A: Family> Lane<A> {
    fn class_key(
        &self,
        env: &Env<'_>,
        ingress: InterfaceId,
        tuple: &Tuple<A>,
        next_hop: NextHopId,
    ) -> (Key<A>, usize) {
        let told = A::rules(env.snapshot).told(tuple);
        let spread = u64::from(next_hop.0) << 32 | u64::from(ingress.0) << 48;
        let spread = spread ^ u64::from(told.hits) << 32;
        let slot = self.classes.slot(self.conntrack.hash(&told.tuple) ^ spread);
        (Key { told, ingress, next_hop }, slot)
    }

    /// Learns the class of a first packet that is about to leave.
    pub(super) fn learn_class<P: Packet>(
        &mut self,
        env: &Env<'_>,
        flight: &Flight<A, P>,
        original: &Tuple<A>,
        out: Out,
        neighbour: NeighbourId,
    ) {
        let plain = matches!(original.protocol, protocol::TCP | protocol::UDP)
            && flight.cacheable
            && self.classes.cacheable
            && flight.zones.are_default()
            && flight.template.is_none_or(|template| template.is_common())
            && flight.rest.is_empty()
            && flight.redirect.is_none()
            && flight.destination == original.destination;
        let unfiltered = env
            .snapshot
            .interfaces
            .get(flight.ingress)
            .is_some_and(|interface| interface.reverse_path == ReversePathFilter::Off);
        if !plain || !unfiltered || !self.classes.are_met() {
            return;
        }
        let Some(next_hop) = self.fib.lookup(original.destination) else { return };
        if !matches!(env.snapshot.next_hop(next_hop), Some(NextHop::Gateway { .. })) {
            return;
        }
        let Some(counters) = A::rules(env.snapshot).counters(env.worker) else { return };
        let paths = (counters.intern(&self.trail), counters.intern(&self.classes.trail));
        let (Some(path), Some(nat_path)) = paths else { return };
        let way = Adjacency {
            ingress: Some(flight.ingress),
            egress: out.egress,
            neighbour,
            life: env.neighbours.lives(neighbour),
            next_hop: Some(next_hop),
            path,
        };
        let Some(adjacency) = self.adjacencies.number(way) else { return };
        let (key, slot) = self.class_key(env, flight.ingress, original, next_hop);
        let Flow::Known(flow) = flight.flow else { return };
        let address = self.conntrack.half(flow.peer()).key.destination;
        let source = self.classes.source;
        let policy = flight.template.map(|template| template.policy).unwrap_or_default();
        let (list, serial) = (self.classes.list, self.classes.serial);
        let class = Class { list, serial, key, adjacency, nat_path, source, policy, address, out };
        self.classes.learn(slot, class);
    }

    /// The class of a plain first packet; its answer's place in the table is on its way to L1.
    pub(super) fn class(
        &mut self,
        env: &Env<'_>,
        ingress: InterfaceId,
        tuple: &Tuple<A>,
    ) -> Option<ClassId> {
        if !self.classes.are_met() || A::is_refused_source(&env.snapshot.interfaces, tuple.source) {
            return None;
        }
        let next_hop = self.fib.lookup(tuple.destination)?;
        let (key, slot) = self.class_key(env, ingress, tuple, next_hop);
        let class = self.classes.slots.get(slot)?.as_ref()?;
        if class.list != self.classes.list || class.key != key {
            return None;
        }
        self.classes.met = self.classes.met.saturating_add(1);
        let source = class.source_of(tuple);
        let answer = self.conntrack.hash(&answer_to(tuple, source));
        self.conntrack.prefetch_index(answer);
        Some(ClassId { slot: u16::try_from(slot).ok()?, serial: class.serial, answer })
    }

    /// The way of a class found in this burst.
    pub(super) fn class_adjacency(&self, id: ClassId) -> Option<AdjacencyId> {
        self.classes.found(id).map(|class| class.adjacency)
    }

    /// Begins the connection of a plain first packet of that class, as the long way would; none, and nothing
    /// changed, where the long way has to say why not.
    #[allow(clippy::too_many_arguments, reason = "what the burst has found out is handed on")]
    pub(super) fn begin_known(
        &mut self,
        env: &Env<'_>,
        id: ClassId,
        hash: u64,
        tuple: &Tuple<A>,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
    ) -> Option<FlowRef> {
        let class = self.classes.found(id)?;
        let (adjacency, nat_path) = (class.adjacency, class.nat_path);
        let settings = &env.snapshot.conntrack;
        if !self.conntrack.has_room(settings) {
            return None;
        }
        let begun =
            self.conntrack.begin_by_hash(hash, *tuple, layer4, data, headers, env.now, settings);
        let Begin::New(mut new) = begun else { return None };
        new.open_account(headers.ip_length().into(), settings);
        if !class.policy.is_none() {
            new.follow(class.policy, layer4, data, headers, settings);
        }
        let range = match class.source {
            SourceRule::Keep => Ok(None),
            SourceRule::Snat(range) => Ok(Some(range)),
            SourceRule::Masquerade(range) => {
                new.set_masqueraded(class.out.egress);
                masquerade_range(env, &range, Some(class.out), tuple.destination).map(Some)
            }
        };
        let answer = answer_to(tuple, class.source_of(tuple));
        let expected =
            range.as_ref().is_ok_and(|range| self.is_plain_choice(range.as_ref(), &answer))
                && self.conntrack.claim_answer(&mut new, answer, id.answer);
        if expected {
            if answer.destination != tuple.source {
                new.set_source_translated();
            }
        } else if range.and_then(|range| self.choose_source(env, &mut new, range)).is_err() {
            self.conntrack.abandon(new);
            return None;
        }
        let reply = if expected { id.answer } else { self.conntrack.hash(&new.reply) };
        // The fast path has looked for the original tuple, the choice of the source for the other.
        let hashes = Hashes { original: hash, reply };
        let flow = self.conntrack.confirm_free_by_hash(&new, hashes, env.now).ok()?;
        let cached = Cached { stamp: self.epochs.now(), adjacency };
        self.conntrack.half_mut(flow).cache = cached;
        if let Some(counters) = A::rules(env.snapshot).counters(env.worker) {
            counters.count_path(nat_path, 1, u64::from(headers.ip_length()));
        }
        Some(flow)
    }

    /// Whether [`Self::choose_source`] would begin with that answer, and take it if nobody has it.
    fn is_plain_choice(&self, range: Option<&NatRange<A>>, answer: &Tuple<A>) -> bool {
        range.is_none_or(|range| {
            range.only_address() == Some(answer.destination) && self.mappings.is_empty()
        })
    }

    /// A packet's connection as it is told to [`Self::learn_class`]: its original tuple.
    pub(super) fn begun_by<P: Packet>(flight: &Flight<A, P>) -> Option<Tuple<A>> {
        match &flight.flow {
            Flow::New(new) => Some(new.original),
            Flow::None | Flow::Unborn(_) | Flow::Known(_) | Flow::Error(_) => None,
        }
    }
}

impl<A: Address> Class<A> {
    /// The source that a connection most likely gets.
    fn source_of(&self, tuple: &Tuple<A>) -> A {
        match self.source {
            SourceRule::Keep => tuple.source,
            SourceRule::Snat(_) | SourceRule::Masquerade(_) => self.address,
        }
    }
}

/// The answer to a plain packet that leaves with that source and its own port.
fn answer_to<A: Address>(tuple: &Tuple<A>, source: A) -> Tuple<A> {
    Tuple { destination: source, ..tuple.reversed() }
}

/// The number of a class, good for the burst in which it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassId {
    slot: u16,
    serial: u32,
    /// The hash of the answer that the packet most likely gets.
    answer: u64,
}
