//! One set: its header, its elements, and what packets and commands do with them.

use super::changes::SetChanges;
use super::entry::{Entry, Refusal};
use super::hash::{Failed, Hash, New, Who};
use super::key::Key;
use super::kind::{Header, Kind, Second};
use super::late::Bell;
use super::list::{List, Place};
use super::query::{Addition, Directions, Look, MatchOptions, Purpose, Query};
use super::reference::SetRef;
use super::skbinfo::{MarkMap, SkbInfo};
use crate::time::Instant;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one of a set, reached through an Arc already")]
enum Contents {
    Hash(Hash),
    List(List),
}

/// A set.
#[derive(Debug)]
pub struct Set {
    header: Header,
    contents: Contents,
    /// Comments by element; only commands look.
    comments: Mutex<HashMap<Key, String>>,
}

fn ends(timeout: Option<u32>, now: Instant) -> u64 {
    match timeout {
        None | Some(0) => 0,
        Some(seconds) => (now + Duration::from_secs(seconds.into())).0,
    }
}

fn seconds_left(ends: u64, now: Instant) -> u32 {
    match ends {
        0 => 0,
        _ => u32::try_from(Instant(ends).since(now).as_secs()).unwrap_or(u32::MAX).max(1),
    }
}

impl Set {
    /// An empty set.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self::of(header, Bell::default(), SetChanges::default())
    }

    /// One that rings where it wants to be maintained, and counts its changes with others.
    pub(super) fn of(header: Header, bell: Bell, changes: SetChanges) -> Self {
        let contents = match header.kind {
            Kind::ListSet => Contents::List(List::new(&header, changes)),
            Kind::HashIp
            | Kind::HashMac
            | Kind::HashNet
            | Kind::HashIpPort
            | Kind::HashNetPort
            | Kind::HashIpPortIp
            | Kind::HashIpPortNet
            | Kind::HashIpMark
            | Kind::HashNetNet
            | Kind::HashNetIface
            | Kind::BitmapIp
            | Kind::BitmapPort => Contents::Hash(Hash::new(&header, bell, changes)),
        };
        Self { header, contents, comments: Mutex::default() }
    }

    /// What it was created with.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Whether what it says of a packet holds for the whole flow until [`Self::changes`] counts on, unless [`Query::fleeting`] says
    /// otherwise: it does not look at Ethernet. It is watched from now on, so this comes before the look. For workers.
    #[must_use]
    pub fn watch(&self) -> bool {
        match &self.contents {
            Contents::List(list) => list.watch(),
            Contents::Hash(hash) => hash.watch.watch(),
        }
    }

    /// Whether looking into it counts packets, so that none may be left out.
    #[must_use]
    pub fn counts(&self) -> bool {
        match &self.contents {
            Contents::List(list) => list.counts(),
            Contents::Hash(_) => self.header.counters,
        }
    }

    /// What counts where it changes and is watched.
    #[must_use]
    pub const fn changes(&self) -> &SetChanges {
        match &self.contents {
            Contents::List(list) => list.changes(),
            Contents::Hash(hash) => hash.watch.changes(),
        }
    }

    /// Whether the packet matches, as the kernel's `ip_set_test`: counts and compares counters as asked. For workers.
    #[must_use]
    #[inline]
    pub fn test(&self, query: &Query<'_>, at: Directions, options: &MatchOptions) -> bool {
        self.map(query, at, options, &mut MarkMap::default())
    }

    /// The same; `mark` is what the element gives to packets, where the set has such (`--map-set`). As in the kernel, elements
    /// of a list's members that did not make the packet match can have left theirs there. For workers.
    #[inline]
    pub fn map(
        &self,
        query: &Query<'_>,
        at: Directions,
        options: &MatchOptions,
        mark: &mut MarkMap,
    ) -> bool {
        let hash = match &self.contents {
            Contents::List(list) => return list.map(query, at, options, mark),
            Contents::Hash(hash) => hash,
        };
        let Some(key) = query.key(&self.header, at, Purpose::Test, (0, 0)) else { return false };
        let counted = (!options.keep_counters).then_some(query.length);
        let nomatch = hash.covering(&key, query.look(), |table, found| {
            if self.header.counters {
                let (packets, bytes) = table.count(found.at, counted);
                if options.packets.is_some_and(|asked| !asked.holds(packets))
                    || options.bytes.is_some_and(|asked| !asked.holds(bytes))
                {
                    return None;
                }
            }
            if self.header.skbinfo {
                *mark = found.mark;
            }
            Some(found.nomatch)
        });
        let inverted = options.return_nomatch && self.header.kind.has_nomatch();
        nomatch.is_some_and(|nomatch| nomatch == inverted)
    }

    /// Adds what the packet stands for; true when it is in the set now and was not, or `exist` allows. Never waits:
    /// while another writes for long, or a shard has no room, it is done by the next [`Set::maintain`]. For workers.
    pub fn add(&self, query: &Query<'_>, at: Directions, addition: &Addition) -> bool {
        let hash = match &self.contents {
            Contents::List(list) => return list.add(query, at, addition),
            Contents::Hash(hash) => hash,
        };
        let Some(key) = query.key(&self.header, at, Purpose::Change, hash.longest()) else {
            return false;
        };
        let timeout = addition.timeout.or(self.header.timeout);
        let new = New {
            key,
            nomatch: false,
            comment: false,
            ends: ends(timeout, query.now),
            counters: Some((1, u64::from(query.length))),
            skbinfo: SkbInfo::default(),
        };
        hash.add(&new, addition.exist, query.now, Who::Packet).is_ok()
    }

    /// Takes out what the packet stands for; true when it was there. For workers.
    pub fn del(&self, query: &Query<'_>, at: Directions) -> bool {
        match &self.contents {
            Contents::List(list) => list.del(query, at),
            Contents::Hash(hash) => query
                .key(&self.header, at, Purpose::Change, hash.longest())
                .is_some_and(|key| hash.remove(&key, query.now, Who::Packet).is_ok()),
        }
    }

    /// Makes room for what packets will add. Not for the packet path.
    pub(super) fn expect_packets(&self) {
        match &self.contents {
            Contents::Hash(hash) => hash.expect_packets(),
            Contents::List(list) => list.expect_packets(),
        }
    }

    fn comments(&self) -> MutexGuard<'_, HashMap<Key, String>> {
        self.comments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key with only the bits that count in this set.
    ///
    /// # Errors
    /// What cannot be an element of it.
    fn normal(&self, key: &Key) -> Result<Key, Refusal> {
        let header = &self.header;
        let host = header.address_bits();
        let mut key = *key;
        if header.kind.is_bitmap() && !header.in_range(key.first) {
            return Err(Refusal::Range);
        }
        if header.kind.first_is_net() {
            // Only interfaces may be asked of every address there is.
            if key.prefix == 0
                && header.kind != Kind::HashNetIface
                && header.kind != Kind::HashNetNet
            {
                return Err(Refusal::Prefix);
            }
            key.first = header.masked(key.first, key.prefix);
        } else if header.kind == Kind::BitmapIp
            || !matches!(header.kind, Kind::HashMac | Kind::BitmapPort)
        {
            key.first = header.masked(key.first, header.netmask.unwrap_or(host));
        }
        if key.first == 0 && matches!(header.kind, Kind::HashIp | Kind::HashMac) {
            return Err(Refusal::Null);
        }
        match header.kind.second() {
            Second::Net => key.second = header.masked(key.second, key.second_prefix),
            Second::Mark => key.second &= u128::from(header.mark_mask),
            Second::None | Second::Address | Second::Interface => {}
        }
        Ok(key)
    }

    fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        let header = &self.header;
        if entry.timeout.is_some() && header.timeout.is_none() {
            return Err(Refusal::NoTimeout);
        }
        if entry.counters.is_some() && !header.counters {
            return Err(Refusal::NoCounters);
        }
        if entry.comment.is_some() && !header.comment {
            return Err(Refusal::NoComment);
        }
        if entry.skbinfo.is_some() && !header.skbinfo {
            return Err(Refusal::NoSkbInfo);
        }
        Ok(())
    }

    /// Adds an element; with `exist`, one that is there gets the values given.
    ///
    /// # Errors
    /// Why it is not in the set now.
    pub fn insert(&self, entry: &Entry, exist: bool, now: Instant) -> Result<(), Refusal> {
        self.check(entry)?;
        let Contents::Hash(hash) = &self.contents else { return Err(Refusal::NoMember) };
        let key = self.normal(&entry.key)?;
        let new = New {
            key,
            nomatch: entry.nomatch,
            comment: entry.comment.is_some(),
            ends: ends(entry.timeout.or(self.header.timeout), now),
            counters: entry.counters,
            skbinfo: entry.skbinfo.unwrap_or_default(),
        };
        let done = match hash.add(&new, exist, now, Who::Command) {
            // Those that have timed out make room.
            Err(Failed::Full) if self.header.timeout.is_some() => {
                hash.maintain(now);
                hash.add(&new, exist, now, Who::Command)
            }
            done => done,
        };
        done.map_err(refusal)?;
        if let Some(comment) = &entry.comment {
            self.comments().insert(key, comment.clone());
        }
        Ok(())
    }

    /// Adds a set to a list.
    ///
    /// # Errors
    /// Why it is not in the list now.
    pub fn insert_member(
        &self,
        member: SetRef,
        entry: &Entry,
        place: &Place,
        exist: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.check(entry)?;
        let Contents::List(list) = &self.contents else { return Err(Refusal::NoMember) };
        if member.set().header.kind == Kind::ListSet {
            return Err(Refusal::Loop);
        }
        let ends = ends(entry.timeout.or(self.header.timeout), now);
        list.insert(member, entry, place, exist, (ends, now))
    }

    /// Takes an element out.
    ///
    /// # Errors
    /// It was not there.
    pub fn remove(&self, key: &Key, now: Instant) -> Result<(), Refusal> {
        let Contents::Hash(hash) = &self.contents else { return Err(Refusal::NoMember) };
        let key = self.normal(key)?;
        hash.remove(&key, now, Who::Command).map_err(refusal)?;
        if self.header.comment {
            self.comments().remove(&key);
        }
        Ok(())
    }

    /// Takes a set out of a list.
    ///
    /// # Errors
    /// It was not there, or not in that place.
    pub fn remove_member(&self, name: &str, place: &Place, now: Instant) -> Result<(), Refusal> {
        match &self.contents {
            Contents::List(list) => list.remove(name, place, now),
            Contents::Hash(_) => Err(Refusal::NoMember),
        }
    }

    /// Whether an element is there; a host is also there where a network covers it that is no exception.
    ///
    /// # Errors
    /// What cannot be an element.
    pub fn contains(&self, key: &Key, nomatch: bool, now: Instant) -> Result<bool, Refusal> {
        let Contents::Hash(hash) = &self.contents else { return Err(Refusal::NoMember) };
        let key = self.normal(key)?;
        let host = self.header.address_bits();
        let asks_host = match (self.header.kind.first_is_net(), self.header.kind.second()) {
            (true, Second::Net) => key.prefix == host && key.second_prefix == host,
            (true, _) => key.prefix == host,
            (false, Second::Net) => key.second_prefix == host,
            (false, _) => false,
        };
        let found = if asks_host {
            hash.covering(&key, Look::at(now), |_, found| Some(found.nomatch))
        } else {
            hash.has(&key, Look::at(now))
        };
        Ok(found.is_some_and(|exception| exception == nomatch))
    }

    /// Whether a list has a member, in that place.
    ///
    /// # Errors
    /// The set is no list.
    pub fn contains_member(
        &self,
        name: &str,
        place: &Place,
        now: Instant,
    ) -> Result<bool, Refusal> {
        match &self.contents {
            Contents::List(list) => list.has(name, place, now),
            Contents::Hash(_) => Err(Refusal::NoMember),
        }
    }

    /// All elements: a list's in order, a bitmap's by number, others in no order.
    #[must_use]
    pub fn entries(&self, now: Instant) -> Vec<Entry> {
        let left = |ends| self.header.timeout.map(|_| seconds_left(ends, now));
        let hash = match &self.contents {
            Contents::List(list) => {
                let counters = self.header.counters;
                let entry = |(entry, ends): (Entry, u64)| Entry {
                    timeout: left(ends),
                    counters: entry.counters.filter(|_| counters),
                    skbinfo: entry.skbinfo.filter(|_| self.header.skbinfo),
                    ..entry
                };
                return list.all(now).into_iter().map(entry).collect();
            }
            Contents::Hash(hash) => hash,
        };
        let comments = self.comments();
        let mut all: Vec<Entry> = hash
            .all(now)
            .into_iter()
            .map(|(key, value)| Entry {
                key,
                member: None,
                nomatch: value.nomatch,
                timeout: left(value.ends),
                counters: self.header.counters.then_some((value.packets, value.bytes)),
                comment: value.comment.then(|| comments.get(&key).cloned()).flatten(),
                skbinfo: self.header.skbinfo.then_some(value.skbinfo),
            })
            .collect();
        if self.header.kind.is_bitmap() {
            all.sort_unstable_by_key(|entry| entry.key);
        }
        all
    }

    /// How many elements there are; those that have timed out count until they are freed.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.contents {
            Contents::Hash(hash) => hash.len(),
            Contents::List(list) => list.all(Instant(0)).len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes its elements take.
    #[must_use]
    pub fn memory(&self) -> usize {
        match &self.contents {
            Contents::Hash(hash) => hash.bytes(),
            Contents::List(list) => list.all(Instant(0)).len() * size_of::<Entry>(),
        }
    }

    /// SetChanges by packets that were given up, because too many waited already.
    #[must_use]
    pub fn missed(&self) -> u64 {
        match &self.contents {
            Contents::Hash(hash) => hash.missed(),
            Contents::List(_) => 0,
        }
    }

    /// Takes everything out.
    pub fn flush(&self) {
        match &self.contents {
            Contents::Hash(hash) => hash.flush(),
            Contents::List(list) => list.flush(),
        }
        self.comments().clear();
    }

    /// Frees what has timed out, makes room ahead of what packets add, and makes the changes that wait.
    pub fn maintain(&self, now: Instant) {
        match &self.contents {
            Contents::Hash(hash) => hash.maintain(now),
            Contents::List(list) => list.maintain(now),
        }
        let mut comments = self.comments();
        if let Contents::Hash(hash) = &self.contents
            && comments.len() > hash.len()
        {
            comments.retain(|key, _| hash.has(key, Look::at(now)).is_some());
        }
    }
}

const fn refusal(failed: Failed) -> Refusal {
    match failed {
        Failed::Exists => Refusal::Exists,
        Failed::Missing => Refusal::Missing,
        // Commands wait their turn.
        Failed::Full | Failed::Busy => Refusal::Full,
    }
}
