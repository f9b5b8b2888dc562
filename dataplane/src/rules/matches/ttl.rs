//! `-m ttl`, `-m hl`: the TTL or hop limit, as targets before may have left it.

use super::Condition;
use crate::address::Address;
use crate::rules::View;
use crate::wire::header;

/// How the TTL compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `--ttl-eq`.
    Equal,
    /// `! --ttl-eq`.
    NotEqual,
    /// `--ttl-lt`.
    Less,
    /// `--ttl-gt`.
    Greater,
}

/// A comparison with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// How.
    pub compare: Compare,
    /// With what.
    pub value: u8,
}

impl<A: Address> Condition<A> for Ttl {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let ttl = header::ttl(view.data, view.headers);
        match self.compare {
            Compare::Equal => ttl == self.value,
            Compare::NotEqual => ttl != self.value,
            Compare::Less => ttl < self.value,
            Compare::Greater => ttl > self.value,
        }
    }
}
