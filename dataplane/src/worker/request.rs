//! What the control thread asks of a worker between bursts. Each request is bounded work.

use super::{Outbox, Worker};
use crate::address::{Address, V4, V6};
use crate::conntrack::{Change, Conntrack, Creation, Excerpt, Listed, NotCreated, Sought};
use crate::ids::InterfaceId;
use crate::packet::{Packet, Pool};
use crate::time::Instant;
use crate::trace::Filters;
use crossbeam_channel::Sender;
use std::net::IpAddr;
use std::sync::Arc;

/// Which family's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A page of connections.
#[derive(Debug, Default)]
pub struct Page {
    /// Connections; the list came with the request, and its capacity bounds the page.
    pub connections: Vec<Listed>,
    /// Where the next page begins; none after the last.
    pub next: Option<usize>,
}

/// A connection that is looked for, and where a copy of it goes.
#[derive(Debug)]
pub struct Search<A> {
    /// Of which packet.
    pub sought: Sought<A>,
    /// None where this worker has no such connection.
    pub reply: Sender<Option<Excerpt<A>>>,
}

/// A connection to be, and where it goes as it has become.
#[derive(Debug)]
pub struct Order<A> {
    /// What it is to be.
    pub creation: Creation<A>,
    /// A random number.
    pub random: u64,
    /// The connection, or why there is none.
    pub reply: Sender<Result<Listed, NotCreated>>,
}

/// A request.
#[derive(Debug)]
pub enum Request {
    /// A neighbour answered: send what waits for it.
    Resolved(InterfaceId, IpAddr),
    /// A neighbour will not answer: refuse what waits for it.
    Failed(InterfaceId, IpAddr),
    /// Send this frame; only its Ethernet destination and payload are final.
    Send(InterfaceId, Vec<u8>),
    /// List connections from `cursor` on.
    List {
        /// Family.
        lanes: Lanes,
        /// Where to begin; zero at first.
        cursor: usize,
        /// Whether what they have carried is counted from zero again.
        zero: bool,
        /// An empty list whose capacity bounds the page.
        room: Vec<Listed>,
        /// Where the page goes.
        reply: Sender<Page>,
    },
    /// Find an IPv4 connection.
    Find4(Search<V4>),
    /// Find an IPv6 connection.
    Find6(Search<V6>),
    /// Create an IPv4 connection.
    Create4(Order<V4>),
    /// Create an IPv6 connection.
    Create6(Order<V6>),
    /// Tell what becomes of the packets that these filters choose.
    Trace {
        /// The filters of all clients; none: nobody asks any more.
        filters: Option<Arc<Filters>>,
        /// Where the filters before go to be freed.
        reply: Sender<Option<Arc<Filters>>>,
    },
    /// Forget these connections, named by their original tuples.
    Delete {
        /// Connections, as listed.
        connections: Vec<Listed>,
        /// Where the count of those found goes; the list goes back with it to be freed.
        reply: Sender<(usize, Vec<Listed>)>,
        /// The process that asks, for those who follow events; zero: nobody.
        portid: u32,
    },
    /// Change these connections, named by their original tuples.
    Update {
        /// Connections, as listed.
        connections: Vec<Listed>,
        /// What is to become of them.
        change: Change,
        /// Where those that are others now go, in the same list.
        reply: Sender<Vec<Listed>>,
        /// The process that asks.
        portid: u32,
    },
}

impl<P: Packet> Worker<P> {
    /// Does what the control thread asks.
    pub fn serve<L: Pool<Packet = P>>(
        &mut self,
        now: Instant,
        request: Request,
        pool: &mut L,
        out: &mut Outbox<P>,
    ) {
        match request {
            Request::Resolved(interface, address) => {
                self.neighbour_resolved(now, interface, address, pool, out);
            }
            Request::Failed(interface, address) => {
                self.neighbour_failed(now, interface, address, pool, out);
            }
            Request::Send(interface, frame) => {
                if let Some(mut packet) = pool.alloc()
                    && packet.append(frame.len())
                {
                    crate::wire::put(packet.data_mut(), 0, &frame);
                    self.send_frame(now, interface, packet, pool, out);
                }
            }
            Request::List { lanes, cursor, zero, mut room, reply } => {
                let next = match lanes {
                    Lanes::V4 => self.state.v4.conntrack.list(cursor, now, zero, &mut room),
                    Lanes::V6 => self.state.v6.conntrack.list(cursor, now, zero, &mut room),
                };
                // Nobody waits any more when the client went away.
                drop(reply.send(Page { connections: room, next }));
            }
            Request::Find4(Search { sought, reply }) => {
                drop(reply.send(self.state.v4.conntrack.excerpt(&sought, now)));
            }
            Request::Find6(Search { sought, reply }) => {
                drop(reply.send(self.state.v6.conntrack.excerpt(&sought, now)));
            }
            Request::Create4(Order { creation, random, reply }) => {
                let snapshot = self.snapshot.get();
                let settings = (&snapshot.rules4, &snapshot.conntrack);
                let _ = reply.send(self.state.v4.create(settings, &creation, random, now));
            }
            Request::Create6(Order { creation, random, reply }) => {
                let snapshot = self.snapshot.get();
                let settings = (&snapshot.rules6, &snapshot.conntrack);
                let _ = reply.send(self.state.v6.create(settings, &creation, random, now));
            }
            Request::Trace { filters, reply } => {
                drop(reply.send(self.tracing.replace(filters)));
            }
            Request::Delete { connections, reply, portid } => {
                self.set_operator(portid);
                let gone = connections.iter().filter(|listed| self.delete(listed)).count();
                self.set_operator(0);
                drop(reply.send((gone, connections)));
            }
            Request::Update { mut connections, change, reply, portid } => {
                self.set_operator(portid);
                connections.retain_mut(|listed| match self.change(listed, &change, now) {
                    Some(changed) => {
                        *listed = changed;
                        true
                    }
                    None => false,
                });
                self.set_operator(0);
                drop(reply.send(connections));
            }
        }
    }

    const fn set_operator(&mut self, portid: u32) {
        self.state.v4.conntrack.set_operator(portid);
        self.state.v6.conntrack.set_operator(portid);
    }

    fn change(&mut self, listed: &Listed, change: &Change, now: Instant) -> Option<Listed> {
        fn change_in<A: Address>(
            conntrack: &mut Conntrack<A>,
            listed: &Listed,
            change: &Change,
            now: Instant,
        ) -> Option<Listed> {
            let tuple = listed.original_tuple()?;
            let flow = conntrack.lookup(conntrack.hash(&tuple), &tuple)?;
            conntrack.change(flow, change, now)
        }
        change_in(&mut self.state.v4.conntrack, listed, change, now)
            .or_else(|| change_in(&mut self.state.v6.conntrack, listed, change, now))
    }

    fn delete(&mut self, listed: &Listed) -> bool {
        let snapshot = self.snapshot.get();
        if let Some(tuple) = listed.original_tuple() {
            let found =
                self.state.v4.conntrack.lookup(self.state.v4.conntrack.hash(&tuple), &tuple);
            return found.map(|flow| self.state.v4.remove(&snapshot.rules4, flow)).is_some();
        }
        let Some(tuple) = listed.original_tuple() else { return false };
        let found = self.state.v6.conntrack.lookup(self.state.v6.conntrack.hash(&tuple), &tuple);
        found.map(|flow| self.state.v6.remove(&snapshot.rules6, flow)).is_some()
    }
}
