//! How connections enter the table and leave it.

use super::expire::{Due, Ticks};
use super::protocol::{self, STREAM_AFTER};
use super::table::{Connection, FlowRef, Half, NIL};
use super::timeouts::ConntrackSettings;
use super::tuples::reply_of;
use super::{Begin, Claim, Conntrack, Destroyed, NewConnection, Status};
use crate::address::Address;
use crate::cache::Cached;
use crate::drop_reason::DropReason;
use crate::ids::InterfaceId;
use crate::nat::Rewrite;
use crate::time::Instant;
use crate::tuple::Tuple;
use crate::wire::layer4::Layer4;
use crate::wire::parse::Headers;
use crate::wire::protocol::TCP;

impl<A: Address> Conntrack<A> {
    /// A packet that [`lookup`](Self::lookup) knows no connection for. `tuple` is claimed until the
    /// new connection is confirmed or abandoned.
    pub fn begin(
        &mut self,
        tuple: Tuple<A>,
        layer4: &Layer4,
        data: &[u8],
        headers: &Headers,
        now: Instant,
        settings: &ConntrackSettings,
    ) -> Begin<A> {
        let first = protocol::first_packet(&tuple, layer4, data, headers, settings);
        let (Some(first), Some(reply)) = (first, reply_of(&tuple)) else {
            self.statistics.invalid += 1;
            return Begin::Invalid;
        };
        if self.count >= self.capacity.min(settings.bound()) && !self.early_drop(Ticks::at(now)) {
            self.statistics.full += 1;
            return Begin::Full;
        }
        match self.claim(&tuple) {
            Claim::Won => {}
            Claim::Owned(owner) if owner != self.worker => return Begin::Owned(owner),
            // Its own, but not in the table: another new connection holds it for the moment.
            Claim::Owned(_) | Claim::Full => {
                self.statistics.full += 1;
                return Begin::Full;
            }
        }
        Begin::New(NewConnection {
            original: tuple,
            reply,
            mapped: false,
            mark: 0,
            ingress: InterfaceId::default(),
            egress: InterfaceId::default(),
            status: Status::default(),
            claimed: None,
            first,
        })
    }

    /// Puts a connection into the table, after its first packet has passed every chain.
    ///
    /// # Errors
    /// [`DropReason::ConntrackClash`] when another connection has one of the tuples,
    /// [`DropReason::ConntrackFull`] when there is no room. The claims are released.
    pub fn confirm(
        &mut self,
        mut new: NewConnection<A>,
        now: Instant,
    ) -> Result<FlowRef, DropReason> {
        let inserted = self.insert(&mut new, Ticks::at(now));
        match inserted {
            Ok(_) => self.statistics.inserted += 1,
            Err(_) => {
                self.statistics.insert_failed += 1;
                self.release_claims(&new);
            }
        }
        inserted
    }

    fn insert(&mut self, new: &mut NewConnection<A>, now: Ticks) -> Result<FlowRef, DropReason> {
        if self.lookup(self.hash(&new.original), &new.original).is_some()
            || new.claimed != Some(new.reply) && !self.claim_reply(new)
            || self.lookup(self.hash(&new.reply), &new.reply).is_some()
        {
            return Err(DropReason::ConntrackClash);
        }
        if self.count >= self.capacity {
            return Err(DropReason::ConntrackFull);
        }
        let deadline = now.plus_seconds(new.first.timeout);
        let [original, reply] = halves(new, deadline).ok_or(DropReason::ConntrackClash)?;
        let number = self
            .table
            .insert(connection(new, now, deadline), [original, reply])
            .ok_or(DropReason::ConntrackFull)?;
        self.wheel.schedule(&mut self.table.connections, number, deadline, now);
        self.count += 1;
        Ok(FlowRef::original_of(number))
    }

    /// Takes a connection out of the table at once. The reference is void afterwards.
    pub fn remove(&mut self, flow: FlowRef, mut gone: impl FnMut(&Destroyed<A>)) {
        let number = flow.connection();
        if !self.table.connection(number).status.has(Status::CONFIRMED) {
            return;
        }
        self.wheel.cancel(&mut self.table.connections, number);
        self.unlink(number);
        self.free(number, &mut gone);
    }

    /// Ends connections whose time has come, looking at no more than `budget`. `gone` is told of each,
    /// and of those that ended in between by themselves or gave way.
    pub fn expire(&mut self, now: Instant, budget: usize, mut gone: impl FnMut(&Destroyed<A>)) {
        let now = Ticks::at(now);
        for _ in 0..budget {
            match self.wheel.next(&mut self.table.connections, now) {
                None => return,
                Some(Due::Empty) => {}
                Some(Due::Free(number)) => self.free(number, &mut gone),
                Some(Due::Look(number)) => {
                    let deadline = self.deadline(number, now);
                    if deadline.has_come(now) {
                        self.statistics.expired += 1;
                        self.unlink(number);
                        self.free(number, &mut gone);
                    } else {
                        let connections = &mut self.table.connections;
                        self.wheel.schedule(connections, number, deadline, now);
                    }
                }
            }
        }
    }

    /// Takes a connection out of the index now; its slot is freed by the next
    /// [`expire`](Self::expire).
    pub(super) fn bury(&mut self, number: u32) {
        self.unlink(number);
        self.wheel.cancel(&mut self.table.connections, number);
        self.wheel.bury(&mut self.table.connections, number);
    }

    /// When a connection ends.
    pub(super) fn deadline(&mut self, number: u32, now: Ticks) -> Ticks {
        let flow = FlowRef::original_of(number);
        if self.table.half(flow).key.protocol == TCP {
            return self.table.connection(number).deadline;
        }
        let [one, two] = [flow, flow.peer()].map(|flow| {
            let half = self.table.half_mut(flow);
            if half.deadline().has_come(now) {
                // A direction long silent must not seem to lie ahead when time wraps.
                half.set_deadline(now);
            }
            half.deadline()
        });
        one.later(two)
    }

    fn unlink(&mut self, number: u32) {
        let connection = self.table.connection_mut(number);
        if connection.status.has(Status::DYING) {
            return;
        }
        connection.status.set(Status::DYING);
        self.table.unlink(number);
        self.count -= 1;
        let flow = FlowRef::original_of(number);
        let (original, reply) = (self.table.half(flow).key, self.table.half(flow.peer()).key);
        self.release(&original);
        if reply != original {
            self.release(&reply);
        }
    }

    fn free(&mut self, number: u32, gone: &mut impl FnMut(&Destroyed<A>)) {
        let flow = FlowRef::original_of(number);
        let status = self.table.connection(number).status;
        gone(&Destroyed {
            original: self.table.half(flow).key,
            reply: self.table.half(flow.peer()).key,
            mapped: status.has(Status::MAPPED),
            status,
        });
        self.table.free(number);
    }
}

fn connection<A>(new: &NewConnection<A>, now: Ticks, deadline: Ticks) -> Connection {
    let mut status = new.status;
    status.set(Status::CONFIRMED);
    if new.mapped {
        status.set(Status::MAPPED);
    }
    Connection {
        mark: new.mark,
        ingress: new.ingress,
        egress: new.egress,
        status,
        tcp: new.first.tcp,
        deadline,
        stream_from: now.plus_seconds(STREAM_AFTER),
        next: NIL,
        previous: NIL,
    }
}

/// Both directions: the packets of each leave looking like the answers to the other's.
fn halves<A: Address>(new: &NewConnection<A>, deadline: Ticks) -> Option<[Half<A>; 2]> {
    let (original_out, reply_out) = (reply_of(&new.reply)?, reply_of(&new.original)?);
    let half = |key: &Tuple<A>, out: &Tuple<A>, window| {
        let rewrite = Rewrite::between(key, out);
        let mut half = Half { key: *key, rewrite, cache: Cached::EMPTY, window };
        if key.protocol != TCP {
            half.set_deadline(deadline);
        }
        half
    };
    let [first, second] = new.first.windows;
    Some([half(&new.original, &original_out, first), half(&new.reply, &reply_out, second)])
}
