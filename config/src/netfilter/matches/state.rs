//! `-m state`: the connection's state; the older spelling of `conntrack --ctstate`.

use super::CtStates;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// `[!] --state LIST`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Any of these.
    pub states: CtStates,
    /// `!`: none of these.
    pub negated: bool,
}

impl Words for State {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("state").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        self.states = CtStates::parse(text, CtStates::UNTRANSLATED).map_err(|rest| {
            let message = match rest.as_str() {
                "" => {
                    "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED"
                        .to_owned()
                }
                rest => format!("Bad state \"{rest}\""),
            };
            Fault::usage(message).help(CtStates::help(&rest))
        })?;
        self.negated = given.negated;
        Ok(())
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --state {}", self.states));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} state {}", self.states));
    }
}
