//! What a packet asks of a set, and the element it stands for.

use super::key::Key;
use super::kind::{Header, Kind, Second};
use crate::address::{IpVersion, Mac};
use crate::time::Instant;
use std::cell::Cell;

/// Which end of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `src`.
    Source,
    /// `dst`.
    Destination,
}

/// `src,dst,…`: one direction for each dimension of the set, 6 at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Directions {
    source: u8,
    count: u8,
}

impl Directions {
    /// From the words in order; none beyond 6, as in the tool.
    #[must_use]
    pub fn new(directions: &[Direction]) -> Option<Self> {
        let count = u8::try_from(directions.len()).ok().filter(|count| *count <= 6)?;
        let source = directions
            .iter()
            .enumerate()
            .filter(|(_, direction)| matches!(direction, Direction::Source))
            .fold(0, |bits, (at, _)| bits | 1 << at);
        Some(Self { source, count })
    }
    /// Whether some dimension is that end of the packet.
    #[must_use]
    pub const fn has(self, direction: Direction) -> bool {
        match direction {
            Direction::Source => self.source != 0,
            Direction::Destination => self.source.count_ones() < self.count as u32,
        }
    }
    pub(super) fn covers(self, dimension: usize) -> bool {
        usize::from(self.count) >= dimension
    }
    fn pick<T>(self, dimension: u8, source: T, destination: T) -> T {
        if self.source & (1 << dimension) == 0 { destination } else { source }
    }
}

/// A packet as sets see it.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Its family.
    pub version: IpVersion,
    /// Source address as a number; an IPv4 address fills the low 32 bits.
    pub source: u128,
    /// Destination address.
    pub destination: u128,
    /// Source and destination port of TCP, UDP, SCTP and UDP-Lite; type × 256 + code twice of ICMP and ICMPv6; 0 of others.
    /// None: a fragment without them, cut short, or IPv6 without a next header.
    pub ports: Option<(u16, u16)>,
    /// Layer-4 protocol.
    pub protocol: u8,
    /// Packet mark.
    pub mark: u32,
    /// Source and destination MAC, where the packet came in by Ethernet.
    pub macs: Option<(Mac, Mac)>,
    /// Name of the interface it came in by; empty: none.
    pub ingress: &'a str,
    /// Name of the interface it leaves by; empty: none (yet).
    pub egress: &'a str,
    /// IP bytes, for counters.
    pub length: u32,
    /// Now.
    pub now: Instant,
    /// Set where the answer is for this packet alone: what was met ends by itself, or has, or counts packets.
    pub fleeting: Option<&'a Cell<bool>>,
}

/// A packet of TCP from that address, for tests.
#[cfg(test)]
pub(super) fn query(source: u128, now: Instant) -> Query<'static> {
    Query {
        version: IpVersion::V4,
        source,
        destination: 0xc000_0201,
        ports: Some((1000, 80)),
        protocol: 6,
        mark: 7,
        macs: None,
        ingress: "eth0",
        egress: "",
        length: 100,
        now,
        fleeting: None,
    }
}

/// When elements are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) now: Instant,
    fleeting: Option<&'a Cell<bool>>,
}

impl<'a> Query<'a> {
    pub(super) const fn look(&self) -> Look<'a> {
        Look { now: self.now, fleeting: self.fleeting }
    }
}

impl Look<'_> {
    /// Nobody keeps what it finds.
    pub(super) const fn at(now: Instant) -> Self {
        Self { now, fleeting: None }
    }
    /// What is found may be another for the next packet, and nobody will tell.
    #[inline]
    pub(super) fn note_fleeting(self) {
        if let Some(fleeting) = self.fleeting {
            fleeting.set(true);
        }
    }
}

/// `--packets-eq` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `-eq`.
    Equal(u64),
    /// `! -eq`.
    NotEqual(u64),
    /// `-lt`.
    Less(u64),
    /// `-gt`.
    Greater(u64),
}

impl Compare {
    pub(super) const fn holds(self, value: u64) -> bool {
        match self {
            Self::Equal(than) => value == than,
            Self::NotEqual(than) => value != than,
            Self::Less(than) => value < than,
            Self::Greater(than) => value > than,
        }
    }
}

/// Options of `-m set`; the default is none given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct MatchOptions {
    /// `! --update-counters`.
    pub keep_counters: bool,
    /// `! --update-subcounters`.
    pub keep_subcounters: bool,
    /// `--return-nomatch`: exceptions match, and nothing else.
    pub return_nomatch: bool,
    /// `--packets-…`.
    pub packets: Option<Compare>,
    /// `--bytes-…`.
    pub bytes: Option<Compare>,
}

/// Options of the SET target's `--add-set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addition {
    /// `--exist`: an element that is there gets its timeout anew.
    pub exist: bool,
    /// `--timeout`, seconds; none: the set's.
    pub timeout: Option<u32>,
}

/// What a packet wants of the element it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Is it covered: networks count as hosts.
    Test,
    /// Put it in or take it out: networks get the longest prefix there is.
    Change,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const WITH_PORTS: [u8; 5] = [1, TCP, UDP, 132, 136];

impl Query<'_> {
    /// The port of one direction; none where the kernel's `ip_set_get_ip_port` finds none.
    fn port(&self, dimension: u8, directions: Directions) -> Option<u16> {
        match self.ports {
            Some((source, destination)) => Some(directions.pick(dimension, source, destination)),
            None => match self.version {
                IpVersion::V4 => (!WITH_PORTS.contains(&self.protocol)).then_some(0),
                IpVersion::V6 => None,
            },
        }
    }

    /// The element the packet stands for, as each type's `kadt` in the kernel makes it; none where it stands for none.
    /// Prefix lengths are those of hosts for a test, else `longest` (of both parts).
    pub(super) fn key(
        &self,
        header: &Header,
        directions: Directions,
        purpose: Purpose,
        longest: (u8, u8),
    ) -> Option<Key> {
        let kind = header.kind;
        if !directions.covers(kind.dimension())
            || header.family.is_some_and(|family| family != self.version)
        {
            return None;
        }
        let address = |dimension| directions.pick(dimension, self.source, self.destination);
        let host = header.address_bits();
        let mut key = Key::default();
        match kind {
            Kind::ListSet => return None,
            Kind::BitmapPort => {
                if self.protocol != TCP && self.protocol != UDP {
                    return None;
                }
                key.first = u128::from(self.port(0, directions)?);
                return header.in_range(key.first).then_some(key);
            }
            Kind::BitmapIp => {
                let first = address(0);
                key.first = header.masked(first, header.netmask.unwrap_or(host));
                return header.in_range(first).then_some(key);
            }
            Kind::HashMac => {
                let (source, destination) = self.macs?;
                key = Key::of_mac(directions.pick(0, source, destination));
                return (key.first != 0).then_some(key);
            }
            Kind::HashIp
            | Kind::HashNet
            | Kind::HashIpPort
            | Kind::HashNetPort
            | Kind::HashIpPortIp
            | Kind::HashIpPortNet
            | Kind::HashIpMark
            | Kind::HashNetNet
            | Kind::HashNetIface => {}
        }
        let prefix = |longest| match purpose {
            Purpose::Test => host,
            Purpose::Change => longest,
        };
        if kind.first_is_net() {
            key.prefix = prefix(longest.0);
            key.first = header.masked(address(0), key.prefix);
        } else {
            key.first = header.masked(address(0), header.netmask.unwrap_or(host));
            if key.first == 0 && kind == Kind::HashIp {
                return None;
            }
        }
        if kind.has_port() {
            key.port = self.port(1, directions)?;
            key.protocol = self.protocol;
        }
        let last = if kind.has_port() { 2 } else { 1 };
        match kind.second() {
            Second::None => {}
            Second::Address => key.second = address(last),
            Second::Net => {
                key.second_prefix = prefix(longest.1);
                key.second = header.masked(address(last), key.second_prefix);
            }
            Second::Mark => key.second = u128::from(self.mark & header.mark_mask),
            Second::Interface => {
                let name = directions.pick(last, self.ingress, self.egress);
                if name.is_empty() {
                    return None;
                }
                key.second = Key::name_bits(name);
            }
        }
        Some(key)
    }
}
