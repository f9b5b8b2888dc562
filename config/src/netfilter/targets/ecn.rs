//! `-j ECN`: changes the marks of explicit congestion notification (RFC 3168).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, opt};
use crate::netfilter::{Family, Protocol, Table};

/// What is changed; absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ecn {
    /// `--ecn-tcp-ece`; `--ecn-tcp-remove` clears it.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`; `--ecn-tcp-remove` clears it.
    pub cwr: Option<bool>,
    /// `--ecn-ip-ect`: the IP header's two bits.
    pub ect: Option<u8>,
}

impl Ecn {
    fn removes(self) -> bool {
        (self.ece, self.cwr) == (Some(false), Some(false))
    }
}

impl Words for Ecn {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("ecn-tcp-remove").arguments(0).excludes(&["ecn-tcp-cwr", "ecn-tcp-ece"]),
            opt("ecn-tcp-cwr").excludes(&["ecn-tcp-remove"]),
            opt("ecn-tcp-ece").excludes(&["ecn-tcp-remove"]),
            opt("ecn-ip-ect"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let bit = || given.integer("ECN", 0, 1).map(|bit| bit == 1);
        match given.option {
            "ecn-tcp-remove" => (self.ece, self.cwr) = (Some(false), Some(false)),
            "ecn-tcp-cwr" => self.cwr = Some(bit()?),
            "ecn-tcp-ece" => self.ece = Some(bit()?),
            _ => self.ect = Some(given.integer("ECN", 0, 3).map(|bits| bits as u8)?),
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("ECN target: An operation is required", "--ecn-tcp-remove")
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V4)
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Mangle)
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        match (self.ece, self.cwr) {
            (None, None) => None,
            (_, _) if place.is(Protocol::TCP) => None,
            (_, _) => Objection::invalid("ECN so needs `-p tcp` in its rule"),
        }
    }

    fn save(&self, out: &mut String) {
        match self.removes() {
            true => out.push_str(" --ecn-tcp-remove"),
            false => {
                for (name, bit) in [("ece", self.ece), ("cwr", self.cwr)] {
                    out.push_str(&bit.map_or(String::new(), |bit| {
                        format!(" --ecn-tcp-{name} {}", u8::from(bit))
                    }));
                }
            }
        }
        out.push_str(&self.ect.map_or(String::new(), |ect| format!(" --ecn-ip-ect {ect}")));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" ECN");
        match self.removes() {
            true => out.push_str(" TCP remove"),
            false => {
                for (name, bit) in [("ECE", self.ece), ("CWR", self.cwr)] {
                    out.push_str(
                        &bit.map_or(String::new(), |bit| format!(" {name}={}", u8::from(bit))),
                    );
                }
            }
        }
        out.push_str(&self.ect.map_or(String::new(), |ect| format!(" ECT codepoint={ect}")));
    }
}
