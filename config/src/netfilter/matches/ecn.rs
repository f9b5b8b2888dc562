//! `-m ecn`: explicit congestion notification (RFC 3168; kernel: xt_ecn).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Surroundings, Words, bang, opt};
use crate::netfilter::{Negatable, Protocol};

/// The options; each given one must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ecn {
    /// `--ecn-tcp-ece`: TCP's ECE flag is set.
    pub ece: Option<Negatable<()>>,
    /// `--ecn-tcp-cwr`: TCP's CWR flag is set.
    pub cwr: Option<Negatable<()>>,
    /// `--ecn-ip-ect`: the two lowest bits of the IP header's service octet, 0 to 3.
    pub code_point: Option<Negatable<u8>>,
}

impl Words for Ecn {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("ecn-tcp-cwr").arguments(0).negatable(),
            opt("ecn-tcp-ece").arguments(0).negatable(),
            opt("ecn-ip-ect").negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "ecn-tcp-cwr" => self.cwr = given.negatable(()),
            "ecn-tcp-ece" => self.ece = given.negatable(()),
            _ => {
                let code_point = u8::try_from(given.integer("ecn", 0, 3)?).unwrap_or(3);
                self.code_point = given.negatable(code_point);
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("ECN match: some option required", "--ecn-ip-ect VALUE")
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        let tcp = protocol == Some(Negatable::plain(Protocol::TCP));
        tcp || (self.ece.is_none() && self.cwr.is_none())
    }

    fn save(&self, out: &mut String) {
        for (flag, option) in [(self.ece, "ece"), (self.cwr, "cwr")] {
            if let Some(flag) = flag {
                out.push_str(&format!("{} --ecn-tcp-{option}", bang(&flag)));
            }
        }
        if let Some(code_point) = self.code_point {
            out.push_str(&format!("{} --ecn-ip-ect {}", bang(&code_point), code_point.value));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = |negated| if negated { "!" } else { "" };
        out.push_str(" ECN match");
        for (flag, name) in [(self.ece, "ECE"), (self.cwr, "CWR")] {
            if let Some(flag) = flag {
                out.push_str(&format!(" {}{name}", bang(flag.negated)));
            }
        }
        if let Some(code_point) = self.code_point {
            out.push_str(&format!(" {}ECT={}", bang(code_point.negated), code_point.value));
        }
    }
}
