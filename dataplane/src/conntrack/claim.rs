//! Tuples are unique over all workers: with several, a connection claims both of its own in the
//! [`Directory`](super::Directory); one worker alone looks into its table.

use super::directory::Place;
use super::{Claim, Conntrack, Directory, NewConnection};
use crate::address::Address;
use crate::ids::WorkerId;
use crate::nat::TupleSpace;
use crate::tuple::Tuple;

impl<A: Address> Conntrack<A> {
    /// The other worker that has the connection of `tuple`.
    #[must_use]
    pub fn owner(&self, tuple: &Tuple<A>) -> Option<WorkerId> {
        self.owner_by_hash(self.hash(tuple))
    }

    /// As [`Self::owner`], of the tuple with this hash.
    #[inline]
    pub(crate) fn owner_by_hash(&self, hash: u64) -> Option<WorkerId> {
        self.directory.as_ref()?.owner_by_hash(hash).filter(|&owner| owner != self.worker)
    }

    /// The other workers that have the connections of `items`, each told to `found`; `hash` says of which tuple an item
    /// is, or that nobody asks any more.
    #[inline]
    pub(crate) fn owners<T>(
        &self,
        items: &mut [T],
        hash: impl Fn(&T) -> Option<u64>,
        found: impl Fn(&mut T, WorkerId),
    ) {
        let Some(directory) = &self.directory else { return };
        for place in Place::BOTH {
            for hash in items.iter().filter_map(&hash) {
                directory.prefetch(hash, place);
            }
            for item in &mut *items {
                let owner = hash(item).and_then(|hash| directory.owner_in(hash, place));
                if let Some(owner) = owner.filter(|&owner| owner != self.worker) {
                    found(item, owner);
                }
            }
        }
    }

    /// Whether some connection of any worker has `reply` already.
    #[must_use]
    pub fn reply_is_taken(&self, reply: &Tuple<A>) -> bool {
        self.reply_is_taken_by_hash(self.hash(reply), reply)
    }

    /// As [`Self::reply_is_taken`]; `hash` is that of `reply`.
    #[inline]
    pub(crate) fn reply_is_taken_by_hash(&self, hash: u64, reply: &Tuple<A>) -> bool {
        let owner = |directory: &Directory<A>| directory.owner_by_hash(hash);
        self.lookup(hash, reply).is_some() || self.directory.as_deref().and_then(owner).is_some()
    }

    /// Claims the reply tuple; false when another connection has it.
    pub fn claim_reply(&mut self, new: &mut NewConnection<A>) -> bool {
        if let Some(former) = new.claimed.take() {
            self.release(self.hash(&former));
        }
        if new.reply == new.original {
            return true;
        }
        self.lookup(self.hash(&new.reply), &new.reply).is_none() && self.claim_free(new)
    }

    /// As [`Self::claim_reply`], of a tuple that no connection of this worker has: somebody has just looked.
    pub(crate) fn claim_free_reply(&mut self, new: &mut NewConnection<A>) -> bool {
        if let Some(former) = new.claimed.take() {
            self.release(self.hash(&former));
        }
        new.reply == new.original || self.claim_free(new)
    }

    /// Makes `answer`, whose hash this is, the reply tuple, if it is free; false, and nothing changed, otherwise.
    #[inline]
    pub(crate) fn claim_answer(
        &mut self,
        new: &mut NewConnection<A>,
        answer: Tuple<A>,
        hash: u64,
    ) -> bool {
        let free = new.claimed.is_none()
            && !answer.is(&new.original)
            && !self.reply_is_taken_by_hash(hash, &answer)
            && self.claim(|| hash) == Claim::Won;
        if free {
            (new.reply, new.claimed) = (answer, Some(answer));
        }
        free
    }

    fn claim_free(&self, new: &mut NewConnection<A>) -> bool {
        new.claimed = (self.claim(|| self.hash(&new.reply)) == Claim::Won).then_some(new.reply);
        new.claimed.is_some()
    }

    /// Ends a connection that did not come to be.
    #[allow(clippy::needless_pass_by_value, reason = "it is no more")]
    pub fn abandon(&mut self, new: NewConnection<A>) {
        self.release_claims(&new);
    }

    pub(super) fn release_claims(&self, new: &NewConnection<A>) {
        self.forget_keys_of_new(new);
        if let Some(directory) = &self.directory {
            directory.release(&new.original, self.worker);
            if let Some(reply) = &new.claimed {
                directory.release(reply, self.worker);
            }
        }
    }

    /// Claims a tuple; `hash` gives its hash.
    pub(super) fn claim(&self, hash: impl FnOnce() -> u64) -> Claim {
        match &self.directory {
            Some(directory) => directory.claim_by_hash(hash(), self.worker),
            None => Claim::Won,
        }
    }

    /// Gives the tuple with this hash back.
    pub(super) fn release(&self, hash: u64) {
        if let Some(directory) = &self.directory {
            directory.release_by_hash(hash, self.worker);
        }
    }
}

impl<A: Address> TupleSpace<A> for Conntrack<A> {
    fn is_taken(&self, reply: &Tuple<A>) -> bool {
        self.reply_is_taken(reply)
    }
}

/// The tuples as a connection finds them that is about to begin: what it came with is claimed, but not by another.
pub(crate) struct Beside<'a, A: Address> {
    pub(crate) conntrack: &'a Conntrack<A>,
    pub(crate) original: &'a Tuple<A>,
}

impl<A: Address> TupleSpace<A> for Beside<'_, A> {
    fn is_taken(&self, reply: &Tuple<A>) -> bool {
        reply != self.original && self.conntrack.reply_is_taken(reply)
    }
}
