//! The sets that exist, as far as reading a rule that names one needs them.
//!
//! Whoever keeps the sets says which there are; this crate asks when it reads `--match-set` (and
//! the like), since that is when the tools refuse.

use super::Family;
use super::fault::Fault;

/// Who keeps the sets.
pub trait Sets {
    /// What the set of that name holds; `None` where there is no such set.
    fn family(&self, name: &str) -> Option<SetFamily>;
}

/// What a set's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetFamily {
    /// Made of addresses of this family.
    Only(Family),
    /// Without addresses (`hash:mac`, `bitmap:port`), or a list of sets.
    Any,
}

/// Takes every name for that of a set with the right elements.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnySet;

impl Sets for AnySet {
    fn family(&self, _name: &str) -> Option<SetFamily> {
        Some(SetFamily::Any)
    }
}

/// The longest name of a set, in bytes (IPSET_MAXNAMELEN, less the final zero).
const NAME_MAX: usize = 31;

/// Refuses a name that is no set's, or of a set that does not fit a rule of this family, in the
/// tools' words.
pub(super) fn check(sets: &dyn Sets, name: &str, family: Family) -> Result<(), Fault> {
    if name.len() > NAME_MAX {
        let message = format!("setname `{name}' too long, max {NAME_MAX} characters.");
        return Err(Fault::usage(message).help("choose a shorter name for the set"));
    }
    let other = match sets.family(name) {
        Some(SetFamily::Any) => return Ok(()),
        Some(SetFamily::Only(own)) if own == family => return Ok(()),
        Some(SetFamily::Only(Family::V4)) => "IPv4",
        Some(SetFamily::Only(Family::V6)) => "IPv6",
        None => {
            let help = format!("make it first, as in `ipset create {name} hash:net`");
            return Err(Fault::usage(format!("Set {name} doesn't exist.\n")).help(help));
        }
    };
    let message =
        format!("The protocol family of set {name} is {other}, which is not applicable.\n");
    Err(Fault::usage(message).help("name a set of the rule's family"))
}
