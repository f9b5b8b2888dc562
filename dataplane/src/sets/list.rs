//! A set of sets: members in order, asked one after another.

use super::changes::{SetChanges, Watch};
use super::entry::{Entry, Refusal};
use super::kind::Header;
use super::query::{Addition, Directions, MatchOptions, Query};
use super::reference::SetRef;
use super::skbinfo::{MarkMap, SkbInfo};
use crate::time::Instant;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Where in a list a member goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the end.
    End,
    /// Before the member of that name.
    Before(String),
    /// Behind it.
    After(String),
}

#[derive(Debug)]
pub(super) struct Member {
    set: SetRef,
    ends: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    comment: Option<String>,
    skbinfo: SkbInfo,
}

impl Member {
    fn is_over(&self, now: Instant) -> bool {
        let ends = self.ends.load(Relaxed);
        ends != 0 && ends <= now.0
    }
}

#[derive(Debug)]
pub(super) struct List {
    members: ArcSwap<Vec<Arc<Member>>>,
    size: usize,
    counters: bool,
    skbinfo: bool,
    /// Packets are expected to add to the members.
    grows: AtomicBool,
    watch: Watch,
}

impl List {
    pub(super) fn new(header: &Header, changes: SetChanges) -> Self {
        Self {
            members: ArcSwap::default(),
            size: header.max_elements as usize,
            counters: header.counters,
            skbinfo: header.skbinfo,
            grows: AtomicBool::new(false),
            watch: Watch::new(header, changes),
        }
    }

    /// As [`Set::watch`](super::Set::watch).
    pub(super) fn watch(&self) -> bool {
        self.watch.watch() && self.members.load().iter().all(|member| member.set.watch())
    }

    /// As [`Set::counts`](super::Set::counts).
    pub(super) fn counts(&self) -> bool {
        self.counters || self.members.load().iter().any(|member| member.set.counts())
    }

    pub(super) const fn changes(&self) -> &SetChanges {
        self.watch.changes()
    }

    fn store(&self, members: Vec<Arc<Member>>) {
        self.members.store(Arc::new(members));
        self.watch.changed();
    }

    /// As the kernel's `list_set_ktest`.
    pub(super) fn map(
        &self,
        query: &Query<'_>,
        at: Directions,
        options: &MatchOptions,
        mark: &mut MarkMap,
    ) -> bool {
        let inner = MatchOptions {
            packets: None,
            bytes: None,
            keep_counters: options.keep_counters || options.keep_subcounters,
            ..*options
        };
        let counted = |member: &Member| {
            if !self.counters {
                return true;
            }
            query.look().note_fleeting();
            if !options.keep_counters {
                member.packets.fetch_add(1, Relaxed);
                member.bytes.fetch_add(u64::from(query.length), Relaxed);
            }
            options.packets.is_none_or(|asked| asked.holds(member.packets.load(Relaxed)))
                && options.bytes.is_none_or(|asked| asked.holds(member.bytes.load(Relaxed)))
        };
        self.members.load().iter().any(|member| {
            if member.ends.load(Relaxed) != 0 {
                query.look().note_fleeting();
            }
            let fits = !member.is_over(query.now)
                && member.set.map(query, at, &inner, mark)
                && counted(member);
            if fits && self.skbinfo {
                *mark = member.skbinfo.mark;
            }
            fits
        })
    }

    /// Adds to the first member that takes it.
    pub(super) fn add(&self, query: &Query<'_>, at: Directions, addition: &Addition) -> bool {
        let members = self.members.load();
        members
            .iter()
            .any(|member| !member.is_over(query.now) && member.set.add(query, at, addition))
    }

    /// Takes out of the first member that has it.
    pub(super) fn del(&self, query: &Query<'_>, at: Directions) -> bool {
        let members = self.members.load();
        members.iter().any(|member| !member.is_over(query.now) && member.set.del(query, at))
    }

    /// Makes room in the members for what packets will add to the first of them.
    pub(super) fn expect_packets(&self) {
        self.grows.store(true, Relaxed);
        self.members.load().iter().for_each(|member| member.set.expect_packets());
    }

    fn live(&self, now: Instant) -> Vec<Arc<Member>> {
        self.members.load().iter().filter(|member| !member.is_over(now)).cloned().collect()
    }

    fn find(members: &[Arc<Member>], name: &str) -> Option<usize> {
        members.iter().position(|member| member.set.name() == name)
    }

    /// Enters a member.
    pub(super) fn insert(
        &self,
        set: SetRef,
        entry: &Entry,
        place: &Place,
        exist: bool,
        (ends, now): (u64, Instant),
    ) -> Result<(), Refusal> {
        if self.grows.load(Relaxed) {
            set.expect_packets();
        }
        let mut members = self.live(now);
        let there = Self::find(&members, &set.name());
        if there.is_some() && !exist {
            return Err(Refusal::Exists);
        }
        let reference = |name: &String| Self::find(&members, name).ok_or(Refusal::NoReference);
        let old = match (there, place) {
            // Stays where it is.
            (Some(at), Place::End) => members.get(at).cloned().map(|member| (at, member)),
            (Some(_) | None, _) => None,
        };
        let counters = entry.counters.or_else(|| {
            let (_, member) = old.as_ref()?;
            Some((member.packets.load(Relaxed), member.bytes.load(Relaxed)))
        });
        let member = Arc::new(Member {
            set,
            ends: AtomicU64::new(ends),
            packets: AtomicU64::new(counters.map_or(0, |both| both.0)),
            bytes: AtomicU64::new(counters.map_or(0, |both| both.1)),
            comment: entry.comment.clone(),
            skbinfo: entry.skbinfo.unwrap_or_default(),
        });
        let at = match (old, place) {
            (Some((at, _)), _) => {
                members.remove(at);
                at
            }
            (None, Place::End) => members.len(),
            (None, Place::Before(name)) => reference(name)?,
            (None, Place::After(name)) => reference(name)? + 1,
        };
        if let (Some(there), true) = (there, *place != Place::End) {
            members.remove(there);
            let at = if there < at { at - 1 } else { at };
            members.insert(at.min(members.len()), member);
        } else {
            if members.len() >= self.size && there.is_none() {
                return Err(Refusal::ListFull);
            }
            members.insert(at.min(members.len()), member);
        }
        self.store(members);
        Ok(())
    }

    /// Takes a member out.
    pub(super) fn remove(&self, name: &str, place: &Place, now: Instant) -> Result<(), Refusal> {
        let mut members = self.live(now);
        let at = Self::find(&members, name).ok_or(Refusal::Missing)?;
        Self::is_at(&members, at, place)?;
        members.remove(at);
        self.store(members);
        Ok(())
    }

    fn is_at(members: &[Arc<Member>], at: usize, place: &Place) -> Result<(), Refusal> {
        let of = |name: &String| Self::find(members, name).ok_or(Refusal::NoReference);
        let fits = match place {
            Place::End => true,
            Place::Before(name) => at + 1 == of(name)?,
            Place::After(name) => at == of(name)? + 1,
        };
        if fits { Ok(()) } else { Err(Refusal::Missing) }
    }

    /// Whether a member is there, and where it is said to be.
    pub(super) fn has(&self, name: &str, place: &Place, now: Instant) -> Result<bool, Refusal> {
        let members = self.live(now);
        let Some(at) = Self::find(&members, name) else { return Ok(false) };
        Ok(Self::is_at(&members, at, place).is_ok())
    }

    /// Members in order: name, end, packets, bytes, comment.
    pub(super) fn all(&self, now: Instant) -> Vec<(Entry, u64)> {
        let entry = |member: &Arc<Member>| {
            let entry = Entry {
                member: Some(member.set.name()),
                counters: Some((member.packets.load(Relaxed), member.bytes.load(Relaxed))),
                comment: member.comment.clone(),
                skbinfo: Some(member.skbinfo),
                ..Entry::default()
            };
            (entry, member.ends.load(Relaxed))
        };
        self.live(now).iter().map(entry).collect()
    }

    pub(super) fn flush(&self) {
        self.store(Vec::new());
    }

    pub(super) fn maintain(&self, now: Instant) {
        let live = self.live(now);
        if live.len() != self.members.load().len() {
            self.store(live);
        }
    }
}
