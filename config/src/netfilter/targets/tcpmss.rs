//! `-j TCPMSS`: changes the maximum segment size a TCP SYN announces (kernel: xt_TCPMSS).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, opt};
use crate::netfilter::{Family, Hook, Protocol};

/// `--set-mss VALUE` or `--clamp-mss-to-pmtu`, whichever came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TcpMss {
    /// At most what fits the path's MTU: 40 (IPv6: 60) octets less.
    #[default]
    ClampToPathMtu,
    /// At most this many octets.
    Set(u16),
}

/// The largest packet less the IP header; the tool forgets the TCP header.
fn max(family: Family) -> u64 {
    match family {
        Family::V4 => 65_535 - 20,
        Family::V6 => 65_535 - 40,
    }
}

/// Where a packet has a way out, whose MTU is known.
const CLAMPED_AT: [Hook; 3] = [Hook::Forward, Hook::Output, Hook::Postrouting];

impl Words for TcpMss {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("set-mss"), opt("clamp-mss-to-pmtu").arguments(0)];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        *self = match given.option {
            "set-mss" => {
                Self::Set(given.integer("TCPMSS", 0, max(given.family)).map(|mss| mss as u16)?)
            }
            _ => Self::ClampToPathMtu,
        };
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("TCPMSS target: At least one parameter is required", "--clamp-mss-to-pmtu")
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        if !place.is(Protocol::TCP) {
            return Objection::invalid("TCPMSS needs `-p tcp` in its rule");
        }
        match (self, place.hook) {
            (Self::ClampToPathMtu, Some(hook)) if !CLAMPED_AT.contains(&hook) => {
                Objection::invalid(format!("the path's MTU is not known in {hook}; use --set-mss"))
            }
            (Self::ClampToPathMtu | Self::Set(_), _) => None,
        }
    }

    fn save(&self, out: &mut String) {
        match self {
            Self::ClampToPathMtu => out.push_str(" --clamp-mss-to-pmtu"),
            Self::Set(mss) => out.push_str(&format!(" --set-mss {mss}")),
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        match self {
            Self::ClampToPathMtu => out.push_str(" TCPMSS clamp to PMTU"),
            Self::Set(mss) => out.push_str(&format!(" TCPMSS set {mss}")),
        }
    }
}
