//! `-m physdev`: the ports of a bridge a packet came in by and leaves by (kernel: xt_physdev).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, bang, opt};
use crate::netfilter::{Hook, InterfacePattern, Negatable};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Physdev {
    /// `--physdev-in`: the port it came in by. An empty name stands for any, as `+` does.
    pub port_in: Option<Negatable<InterfacePattern>>,
    /// `--physdev-out`: the port it leaves by.
    pub port_out: Option<Negatable<InterfacePattern>>,
    /// `--physdev-is-in`: it came in by a port.
    pub is_in: Option<Negatable<()>>,
    /// `--physdev-is-out`: it leaves by a port.
    pub is_out: Option<Negatable<()>>,
    /// `--physdev-is-bridged`: it is bridged, not routed.
    pub is_bridged: Option<Negatable<()>>,
}

/// A name as it is written, without the quotes that `-i` puts around strange ones.
fn text(pattern: &InterfacePattern) -> String {
    format!("{}{}", pattern.name, if pattern.wildcard { "+" } else { "" })
}

fn pattern(given: &Given<'_>) -> Result<Option<Negatable<InterfacePattern>>, Fault> {
    let text = given.argument(0);
    if text.len() > 15 {
        let message = format!("interface name `{text}' must be shorter than IFNAMSIZ (15)");
        return Err(Fault::usage(message).help("names have at most 15 bytes"));
    }
    let (name, wildcard) = match text.strip_suffix('+') {
        Some(name) => (name, true),
        None => (text, false),
    };
    Ok(given.negatable(InterfacePattern { name: name.to_owned(), wildcard }))
}

impl Words for Physdev {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("physdev-in").negatable(),
            opt("physdev-out").negatable(),
            opt("physdev-is-in").arguments(0).negatable(),
            opt("physdev-is-out").arguments(0).negatable(),
            opt("physdev-is-bridged").arguments(0).negatable(),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "physdev-in" => self.port_in = pattern(given)?,
            "physdev-out" => self.port_out = pattern(given)?,
            "physdev-is-in" => self.is_in = given.negatable(()),
            "physdev-is-out" => self.is_out = given.negatable(()),
            _ => self.is_bridged = given.negatable(()),
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        match rule.seen {
            [] => Err(Fault::usage("PHYSDEV: no physdev option specified")
                .help("as in `--physdev-in veth0`")),
            [_, ..] => Ok(()),
        }
    }

    /// What the gateway itself sends is not bridged yet where OUTPUT sees it.
    fn objection(&self, place: &Place) -> Option<Objection> {
        let out = self.port_out.is_some() || self.is_out.is_some();
        let bridged = self.is_bridged.is_some_and(|bridged| !bridged.negated);
        match place.hook {
            Some(Hook::Output) if out && !bridged => {
                Objection::invalid("ports to leave by are known in FORWARD and POSTROUTING")
            }
            Some(_) | None => None,
        }
    }

    fn save(&self, out: &mut String) {
        let flag = |name| move |flag: &Negatable<()>| format!("{} --physdev-{name}", bang(flag));
        let port = |name| {
            move |port: &Negatable<InterfacePattern>| {
                format!("{} --physdev-{name} {}", bang(port), text(&port.value))
            }
        };
        let parts = [
            self.is_in.as_ref().map(flag("is-in")),
            self.port_in.as_ref().map(port("in")),
            self.is_out.as_ref().map(flag("is-out")),
            self.port_out.as_ref().map(port("out")),
            self.is_bridged.as_ref().map(flag("is-bridged")),
        ];
        out.extend(parts.into_iter().flatten());
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" PHYSDEV match");
        self.save(out);
    }
}
