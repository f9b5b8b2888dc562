//! Tuples are unique over all workers: with several, a connection claims both of its own in the
//! [`Directory`](super::Directory); one worker alone looks into its table.

use super::{Claim, Conntrack, NewConnection};
use crate::address::Address;
use crate::ids::WorkerId;
use crate::nat::TupleSpace;
use crate::tuple::Tuple;

impl<A: Address> Conntrack<A> {
    /// Brings what [`Self::owner`] reads towards L1.
    #[inline]
    pub(crate) fn prefetch_owner(&self, tuple: &Tuple<A>) {
        if let Some(directory) = &self.directory {
            directory.prefetch(tuple);
        }
    }

    /// The other worker that has the connection of `tuple`.
    #[must_use]
    pub fn owner(&self, tuple: &Tuple<A>) -> Option<WorkerId> {
        self.directory.as_ref()?.owner(tuple).filter(|&owner| owner != self.worker)
    }

    /// Whether some connection of any worker has `reply` already.
    #[must_use]
    pub fn reply_is_taken(&self, reply: &Tuple<A>) -> bool {
        self.lookup(self.hash(reply), reply).is_some()
            || self.directory.as_ref().is_some_and(|directory| directory.owner(reply).is_some())
    }

    /// Claims the reply tuple; false when another connection has it.
    pub fn claim_reply(&mut self, new: &mut NewConnection<A>) -> bool {
        if let Some(former) = new.claimed.take() {
            self.release(&former);
        }
        if new.reply == new.original {
            return true;
        }
        self.lookup(self.hash(&new.reply), &new.reply).is_none() && self.claim_free(new)
    }

    /// As [`Self::claim_reply`], of a tuple that no connection of this worker has: somebody has just looked.
    pub(crate) fn claim_free_reply(&mut self, new: &mut NewConnection<A>) -> bool {
        if let Some(former) = new.claimed.take() {
            self.release(&former);
        }
        new.reply == new.original || self.claim_free(new)
    }

    fn claim_free(&self, new: &mut NewConnection<A>) -> bool {
        new.claimed = (self.claim(&new.reply) == Claim::Won).then_some(new.reply);
        new.claimed.is_some()
    }

    /// Ends a connection that did not come to be.
    #[allow(clippy::needless_pass_by_value, reason = "it is no more")]
    pub fn abandon(&mut self, new: NewConnection<A>) {
        self.release_claims(&new);
    }

    pub(super) fn release_claims(&self, new: &NewConnection<A>) {
        self.release(&new.original);
        if let Some(reply) = &new.claimed {
            self.release(reply);
        }
    }

    pub(super) fn claim(&self, tuple: &Tuple<A>) -> Claim {
        match &self.directory {
            Some(directory) => directory.claim(tuple, self.worker),
            None => Claim::Won,
        }
    }

    pub(super) fn release(&self, tuple: &Tuple<A>) {
        if let Some(directory) = &self.directory {
            directory.release(tuple, self.worker);
        }
    }
}

impl<A: Address> TupleSpace<A> for Conntrack<A> {
    fn is_taken(&self, reply: &Tuple<A>) -> bool {
        self.reply_is_taken(reply)
    }
}
