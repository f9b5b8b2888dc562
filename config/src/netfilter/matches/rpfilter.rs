//! `-m rpfilter`: whether an answer would leave by the interface a packet came in by (kernel:
//! ipt_rpfilter, ip6t_rpfilter).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, opt};
use crate::netfilter::{Hook, Table};

/// The options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rpfilter {
    /// `--loose`: by any interface.
    pub loose: bool,
    /// `--validmark`: the route is looked up with the packet's mark.
    pub valid_mark: bool,
    /// `--accept-local`: a source that is the gateway's own passes.
    pub accept_local: bool,
    /// `--invert`: matches what fails the test.
    pub invert: bool,
}

impl Rpfilter {
    fn text(&self, dashes: &str) -> String {
        let options = [
            (self.loose, "loose"),
            (self.valid_mark, "validmark"),
            (self.accept_local, "accept-local"),
            (self.invert, "invert"),
        ];
        let given = options.into_iter().filter(|(given, _)| *given);
        given.map(|(_, option)| format!(" {dashes}{option}")).collect()
    }
}

impl Words for Rpfilter {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("loose").arguments(0),
            opt("validmark").arguments(0),
            opt("accept-local").arguments(0),
            opt("invert").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "loose" => self.loose = true,
            "validmark" => self.valid_mark = true,
            "accept-local" => self.accept_local = true,
            _ => self.invert = true,
        }
        Ok(())
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting]
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        match place.table {
            Table::Raw | Table::Mangle => None,
            Table::Nat | Table::Filter | Table::Security => {
                Objection::invalid("rpfilter works in the tables raw and mangle")
            }
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&self.text("--"));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" rpfilter");
        out.push_str(&self.text(""));
    }
}
