//! `-j AUDIT`: a record for the audit daemon; the packet goes on.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `--type`: what the record says became of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Audit {
    /// accept
    #[default]
    Accept,
    /// drop
    Drop,
    /// reject
    Reject,
}

impl Audit {
    fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}

impl Words for Audit {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("type").required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        let mut all = [Self::Accept, Self::Drop, Self::Reject].into_iter();
        *self = all.find(|kind| kind.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Fault::usage(format!("Bad action type value \"{text}\""))
                .help("types are accept, drop and reject")
        })?;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --type {}", self.name()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" AUDIT {}", self.name()));
    }
}
