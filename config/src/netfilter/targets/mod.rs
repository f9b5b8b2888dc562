//! The targets: one file each, one line here each.

mod ct;
mod dnat;
mod dscp;
mod log;
mod mark;
mod masquerade;
mod nat_range;
mod redirect;
mod reject;
mod snat;

pub use ct::Ct;
pub use dnat::Dnat;
pub use dscp::Dscp;
pub use log::Log;
pub use mark::Mark;
pub use masquerade::Masquerade;
pub use nat_range::NatRange;
pub use redirect::Redirect;
pub use reject::{Reject, RejectWith};
pub use snat::Snat;

use super::Family;
use super::words::Words;

/// Lists every target once: its name in the text, its variant, its value before any option.
macro_rules! targets {
    ($($name:literal => $variant:ident = $blank:expr,)*) => {
        /// What a rule does with a packet it matches.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Target {
            /// `-j ACCEPT`: leaves the table.
            Accept,
            /// `-j DROP`
            Drop,
            /// `-j RETURN`: back to the calling chain, or the policy.
            Return,
            /// `-j CHAIN`: comes back after it.
            Jump(String),
            /// `-g CHAIN`: does not come back here.
            Goto(String),
            $(#[doc = concat!("`-j ", $name, "`")] $variant($variant),)*
        }

        impl Target {
            /// Every builtin target's name, aliases included.
            pub const NAMES: &'static [&'static str] =
                &["ACCEPT", "DROP", "RETURN", "NOTRACK", $($name),*];

            /// A builtin target of that name before any of its options.
            pub(crate) fn blank(name: &str, family: Family) -> Option<Self> {
                match name {
                    "ACCEPT" => Some(Self::Accept),
                    "DROP" => Some(Self::Drop),
                    "RETURN" => Some(Self::Return),
                    "NOTRACK" => Some(Self::Ct(Ct { notrack: true, alias: true, zone: 0 })),
                    $($name => Some(Self::$variant(blank(family, $blank))),)*
                    _ => None,
                }
            }

            /// Its name in a listing, which knows no aliases.
            pub fn name(&self) -> &str {
                match self {
                    Self::Accept => "ACCEPT",
                    Self::Drop => "DROP",
                    Self::Return => "RETURN",
                    Self::Jump(chain) | Self::Goto(chain) => chain,
                    $(Self::$variant(_) => $name,)*
                }
            }

            pub(crate) fn words(&self) -> Option<&dyn Words> {
                match self {
                    Self::Accept | Self::Drop | Self::Return | Self::Jump(_) | Self::Goto(_) => None,
                    $(Self::$variant(words) => Some(words),)*
                }
            }

            pub(crate) fn words_mut(&mut self) -> Option<&mut dyn Words> {
                match self {
                    Self::Accept | Self::Drop | Self::Return | Self::Jump(_) | Self::Goto(_) => None,
                    $(Self::$variant(words) => Some(words),)*
                }
            }
        }
    };
}

fn blank<T>(family: Family, make: impl FnOnce(Family) -> T) -> T {
    make(family)
}

targets! {
    "CT" => Ct = |_| Ct::default(),
    "DNAT" => Dnat = |_| Dnat::default(),
    "DSCP" => Dscp = |_| Dscp::default(),
    "LOG" => Log = |_| Log::default(),
    "MARK" => Mark = |_| Mark::default(),
    "MASQUERADE" => Masquerade = |_| Masquerade::default(),
    "REDIRECT" => Redirect = |_| Redirect::default(),
    "REJECT" => Reject = Reject::default_for,
    "SNAT" => Snat = |_| Snat::default(),
}

impl Target {
    /// Its name in the text; NOTRACK keeps its own.
    pub(crate) fn save_name(&self) -> &str {
        match self {
            Self::Ct(Ct { alias: true, .. }) => "NOTRACK",
            other => other.name(),
        }
    }

    /// The chain it leads to.
    pub fn chain(&self) -> Option<&str> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}
