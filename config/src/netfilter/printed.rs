//! The matches of a rule as the tools print them.

use super::{Match, Rule};
use std::borrow::Cow;

impl Rule {
    /// Its matches as the tools print them: two of tcp (or udp) that ask for different things are one. They are asked
    /// as they were written, though: what stands between may remember that it was asked.
    pub(super) fn printed_matches(&self) -> Cow<'_, [Match]> {
        let several = |name| self.matches.iter().filter(|item| item.name() == name).count() > 1;
        if !several("tcp") && !several("udp") {
            return Cow::Borrowed(&self.matches);
        }
        let mut printed = Vec::with_capacity(self.matches.len());
        for item in &self.matches {
            if !absorb(&mut printed, item) {
                printed.push(item.clone());
            }
        }
        Cow::Owned(printed)
    }
}

/// Two `-m tcp` (or udp) that ask for different things are one match, as the tools print them.
pub(super) fn absorb(matches: &mut [Match], next: &Match) -> bool {
    fn join<T: Copy>(into: &mut Option<T>, from: Option<T>) {
        if into.is_none() {
            *into = from;
        }
    }
    fn clash<T>(a: &Option<T>, b: &Option<T>) -> bool {
        a.is_some() && b.is_some()
    }
    matches.iter_mut().any(|earlier| match (earlier, next) {
        (Match::Tcp(a), Match::Tcp(b)) => {
            if clash(&a.source_port, &b.source_port)
                || clash(&a.destination_port, &b.destination_port)
                || clash(&a.flags, &b.flags)
                || clash(&a.option, &b.option)
            {
                return false;
            }
            join(&mut a.source_port, b.source_port);
            join(&mut a.destination_port, b.destination_port);
            join(&mut a.flags, b.flags);
            join(&mut a.option, b.option);
            true
        }
        (Match::Udp(a), Match::Udp(b)) => {
            if clash(&a.source_port, &b.source_port)
                || clash(&a.destination_port, &b.destination_port)
            {
                return false;
            }
            join(&mut a.source_port, b.source_port);
            join(&mut a.destination_port, b.destination_port);
            true
        }
        (_, _) => false,
    })
}
