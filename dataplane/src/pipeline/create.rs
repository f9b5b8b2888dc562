//! A connection that an operator puts into the table, with its translation.

use super::{Family, Lane};
use crate::conntrack::{ConntrackSettings, Creation, Listed, NewConnection, NotCreated, reply_of};
use crate::nat::select_destination;
use crate::rules::Rules;
use crate::time::Instant;

impl<A: Family> Lane<A> {
    /// Creates a connection; how it is then.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    pub(crate) fn create(
        &mut self,
        (rules, settings): (&Rules<A>, &ConntrackSettings),
        creation: &Creation<A>,
        random: u64,
        now: Instant,
    ) -> Result<Listed, NotCreated> {
        let hash = self.conntrack.hash(&creation.original);
        if let Some(flow) = self.conntrack.lookup(hash, &creation.original) {
            if !self.conntrack.is_over(flow, now) {
                return Err(NotCreated::Exists);
            }
            self.remove(rules, flow);
        }
        let mut new = self.conntrack.begin_given(creation, now, settings)?;
        if let Err(why) = self.translate_given(&mut new, creation, random) {
            self.conntrack.abandon(new);
            return Err(why);
        }
        let flow = self.conntrack.confirm_given(new, creation.portid, now)?;
        Ok(self.conntrack.describe(flow, now))
    }

    /// As the kernel: first the destination, then the source, each from the reply tuple as it stands.
    fn translate_given(
        &mut self,
        new: &mut NewConnection<A>,
        creation: &Creation<A>,
        random: u64,
    ) -> Result<(), NotCreated> {
        if let Some(range) = &creation.destination {
            let before = new.reply;
            new.reply = select_destination(&new.original, &before, range, &self.conntrack, random);
            new.set_destination_translated();
        }
        match creation.source {
            Some(range) => {
                new.set_source_translated();
                self.choose_reply(random, true, new, Some(range))
                    .map_err(|_| NotCreated::Exists)?;
            }
            None if self.conntrack.claim_reply(new) => {}
            None => return Err(NotCreated::Exists),
        }
        // What is translated without a translation would be in the kernel's table, but for no packet.
        let answer = reply_of(&new.original).ok_or(NotCreated::Untranslated)?;
        let reply = &new.reply;
        let source_stays = (reply.destination, reply.destination_port)
            == (answer.destination, answer.destination_port);
        let destination_stays =
            (reply.source, reply.source_port) == (answer.source, answer.source_port);
        let one_identifier = answer.icmp != 0 || reply.icmp != 0;
        let source_may =
            new.is_source_translated() || one_identifier && creation.destination.is_some();
        let destination_may =
            new.is_destination_translated() || one_identifier && creation.source.is_some();
        match (source_stays || source_may) && (destination_stays || destination_may) {
            true => Ok(()),
            false => Err(NotCreated::Untranslated),
        }
    }
}
