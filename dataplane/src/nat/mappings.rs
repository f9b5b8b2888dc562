//! Which external endpoint each internal endpoint has, shared by all workers.
//!
//! The kernel reuses a source's mapping towards other servers (`find_appropriate_src`); as
//! connections of one source may live in different workers, the mappings are shared.

use crate::address::{Address, L4Port};
use crate::tuple::Tuple;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;

/// An internal endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceKey<A> {
    /// Address.
    pub address: A,
    /// Port or ICMP identifier.
    pub port: L4Port,
    /// IP protocol number.
    pub protocol: u8,
    /// Conntrack zone.
    pub zone: u16,
}

impl<A: Address> SourceKey<A> {
    /// The source of a connection.
    #[must_use]
    pub fn of(original: &Tuple<A>) -> Self {
        Self {
            address: original.source,
            port: original.source_port,
            protocol: original.protocol,
            zone: original.zone,
        }
    }
}

/// One cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
#[expect(dead_code, reason = "lookup follows")]
struct Line([AtomicU64; 8]);

/// Internal endpoints and their external ones, with a count of the connections that use each.
#[derive(Debug)]
#[expect(dead_code, reason = "lookup follows")]
pub struct SourceMappings<A> {
    lines: Box<[Line]>,
    seed: u64,
    family: PhantomData<A>,
}

impl<A: Address> SourceMappings<A> {
    /// Room for about `capacity` mappings; `seed` keys the hash.
    #[must_use]
    pub fn new(capacity: usize, seed: u64) -> Self {
        let lines = (0..capacity.next_power_of_two().max(4)).map(|_| Line::default()).collect();
        Self { lines, seed, family: PhantomData }
    }
}
