//! The sets by name.

use super::changes::SetChanges;
use super::kind::Header;
use super::late::Bell;
use super::reference::{Named, SetRef};
use super::set::Set;
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// Why a set was not created, renamed, swapped or destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SetsError {
    /// The name is taken.
    #[error("a set of that name exists already")]
    Exists,
    /// No set has the name.
    #[error("there is no set of that name")]
    Missing,
    /// The second of two names belongs to none, or is taken.
    #[error("there is no set of the second name, or it is taken")]
    Second,
    /// Rules or lists refer to it.
    #[error("rules or lists use the set; remove them first")]
    InUse,
    /// Sets of different types cannot be swapped.
    #[error("the two sets are of different types")]
    Types,
}

/// The sets of the gateway. Owned by the control thread; what workers use are the [`SetRef`]s it gives out.
#[derive(Debug, Default)]
pub struct Sets {
    by_name: BTreeMap<String, Arc<Named>>,
    /// Names by place; a set takes the first free one, as the kernel's do.
    order: Vec<Option<String>>,
    bell: Bell,
    changes: SetChanges,
}

impl Sets {
    /// Creates an empty set.
    ///
    /// # Errors
    /// The name is taken.
    pub fn create(&mut self, name: &str, header: Header) -> Result<(), SetsError> {
        if self.by_name.contains_key(name) {
            return Err(SetsError::Exists);
        }
        let set = Set::of(header, self.bell.clone(), self.changes.clone());
        self.by_name.insert(name.to_owned(), Named::new(name, set));
        match self.order.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(name.to_owned()),
            None => self.order.push(Some(name.to_owned())),
        }
        Ok(())
    }

    /// The set of a name now.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Set>> {
        self.by_name.get(name).map(|named| named.set())
    }

    /// A reference for a rule or a list.
    #[must_use]
    pub fn reference(&self, name: &str) -> Option<SetRef> {
        self.by_name.get(name).map(SetRef::new)
    }

    /// How many references there are.
    #[must_use]
    pub fn references(&self, name: &str) -> usize {
        self.by_name.get(name).map_or(0, |named| named.references())
    }

    /// Names in the order of their places, which is that of creation as long as none was destroyed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().filter_map(Option::as_deref)
    }

    /// Ends a set.
    ///
    /// # Errors
    /// There is none, or it is in use.
    pub fn destroy(&mut self, name: &str) -> Result<(), SetsError> {
        let named = self.by_name.get(name).ok_or(SetsError::Missing)?;
        if named.references() > 0 {
            return Err(SetsError::InUse);
        }
        self.by_name.remove(name);
        for place in &mut self.order {
            if place.as_deref() == Some(name) {
                *place = None;
            }
        }
        Ok(())
    }

    /// Ends all sets, or none.
    ///
    /// # Errors
    /// One is in use by a rule; being another's member does not count when both go.
    pub fn destroy_all(&mut self) -> Result<(), SetsError> {
        // As the kernel: one that is referenced, by a list or a rule, keeps all.
        if self.by_name.values().any(|named| named.references() > 0) {
            return Err(SetsError::InUse);
        }
        self.by_name.clear();
        self.order.clear();
        Ok(())
    }

    /// Gives a set another name.
    ///
    /// # Errors
    /// There is none, it is in use, or the new name is taken.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), SetsError> {
        let named = self.by_name.get(from).ok_or(SetsError::Missing)?;
        if named.references() > 0 {
            return Err(SetsError::InUse);
        }
        if self.by_name.contains_key(to) {
            return Err(SetsError::Second);
        }
        named.rename(to);
        let named = Arc::clone(named);
        self.by_name.remove(from);
        self.by_name.insert(to.to_owned(), named);
        for place in &mut self.order {
            if place.as_deref() == Some(from) {
                *place = Some(to.to_owned());
            }
        }
        Ok(())
    }

    /// Exchanges two sets: who refers to one name means the other's elements from now on.
    ///
    /// # Errors
    /// One is missing, or their types differ.
    pub fn swap(&mut self, from: &str, to: &str) -> Result<(), SetsError> {
        let first = self.by_name.get(from).ok_or(SetsError::Missing)?;
        let second = self.by_name.get(to).ok_or(SetsError::Second)?;
        let (one, two) = (*first.set().header(), *second.set().header());
        if one.kind != two.kind || one.family != two.family {
            return Err(SetsError::Types);
        }
        first.swap(second);
        // Whoever has watched one finds the other there.
        self.changes.count();
        first.keep_ready();
        second.keep_ready();
        Ok(())
    }

    /// All sets, each with room where rules add to its name: to be maintained by [`Set::maintain`].
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Set>> {
        let ready = |named: &Arc<Named>| {
            named.keep_ready();
            named.set()
        };
        self.by_name.values().map(ready).collect()
    }

    /// What rings where some set should be maintained before its time.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}
