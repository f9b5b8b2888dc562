//! `-j IDLETIMER`: tells a program when nothing came for a while; the packet goes on.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, cut, opt};

/// The options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct IdleTimer {
    /// `--timeout`, in seconds.
    pub timeout: u32,
    /// `--label`, at most 27 bytes: the timer's name.
    pub label: String,
    /// `--alarm`: it also counts while the machine sleeps.
    pub alarm: bool,
}

/// The kernel's room for a label, less the final zero.
const MAX_LABEL: usize = 27;

impl Words for IdleTimer {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] =
            &[opt("timeout").required(), opt("label").required(), opt("alarm").arguments(0)];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "alarm" => self.alarm = true,
            "timeout" => self.timeout = given.word("IDLETIMER")?,
            // A longer label is cut, not refused.
            _ => {
                let text = given.argument(0);
                self.label = cut(text, MAX_LABEL);
            }
        }
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        match (self.timeout, self.label.as_str()) {
            (0, _) | (_, "") => Objection::invalid("give the timer a name and at least a second"),
            (_, _) if self.alarm => {
                Objection::invalid("there is no alarm clock; leave --alarm out")
            }
            (_, _) => None,
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --timeout {} --label {}", self.timeout, self.label));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" timeout:{} label:{}", self.timeout, self.label));
    }
}
