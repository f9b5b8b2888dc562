//! `-j CT` and its alias `-j NOTRACK`: how a connection about to be made is tracked (kernel: xt_CT,
//! revision 2).

use crate::diagnostic::nearest;
use crate::gateway::{TimeoutPolicies, TimeoutProtocol};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, cut, number16, opt};
use crate::netfilter::{Family, Protocol, Table};

/// Settings for the connection about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Ct {
    /// Do not track; what else is set does nothing.
    pub notrack: bool,
    /// Written as `-j NOTRACK`.
    pub alias: bool,
    /// `--helper`: the application protocol; none where empty.
    pub helper: String,
    /// `--timeout`: the name of a timeout policy; none where empty.
    pub timeout: String,
    /// `--ctevents`: of which events programs are told, a bit each in the order of
    /// [`CONNECTION_EVENTS`]; 0 for all.
    pub events: u16,
    /// `--expevents new`
    pub expectation_events: bool,
    /// `--zone`, `--zone-orig`, `--zone-reply`
    pub zone: CtZone,
}

/// A space of connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CtZone {
    /// Its number; 0 is the default zone.
    pub id: u16,
    /// The packet's mark is the number.
    pub from_mark: bool,
    /// `--zone-orig` was given: for the original direction.
    pub original: bool,
    /// `--zone-reply` was given: for the replies. With neither or both, for both.
    pub reply: bool,
}

/// Events of a connection by name, lowest bit first.
pub const CONNECTION_EVENTS: [&str; 10] = [
    "new",
    "related",
    "destroy",
    "reply",
    "assured",
    "protoinfo",
    "helper",
    "mark",
    "natseqinfo",
    "secmark",
];

/// The helpers of the kernel: name, whether for IPv6 too, protocols.
const HELPERS: [(&str, bool, &[Protocol]); 12] = [
    ("ftp", true, &[Protocol::TCP]),
    ("tftp", true, &[Protocol::UDP]),
    ("sip", true, &[Protocol::TCP, Protocol::UDP]),
    ("irc", false, &[Protocol::TCP]),
    ("pptp", false, &[Protocol::TCP]),
    ("amanda", true, &[Protocol::UDP]),
    ("sane", true, &[Protocol::TCP]),
    ("snmp", false, &[Protocol::UDP]),
    ("snmp_trap", false, &[Protocol::UDP]),
    ("netbios-ns", false, &[Protocol::UDP]),
    ("Q.931", true, &[Protocol::TCP]),
    ("RAS", true, &[Protocol::UDP]),
];

impl CtZone {
    fn read(&mut self, text: &str) -> Result<(), Fault> {
        if text == "mark" {
            self.from_mark = true;
            return Ok(());
        }
        self.id = number16(text).ok_or_else(|| {
            Fault::usage(format!("Cannot parse {text} as a zone ID"))
                .help("write a number from 0 to 65535, or `mark`")
        })?;
        Ok(())
    }

    /// ` zone-orig 5`, the words with `dashes` before them.
    fn text(self, dashes: &str) -> String {
        let option = match (self.original, self.reply) {
            (true, false) => "zone-orig",
            (false, true) => "zone-reply",
            (true, true) | (false, false) => "zone",
        };
        match (self.from_mark, self.id) {
            (true, _) => format!(" {dashes}{option} mark"),
            (false, 0) => String::new(),
            (false, id) => format!(" {dashes}{option} {id}"),
        }
    }
}

/// The bits of a comma list of event names.
fn events(text: &str, names: &[&str]) -> Result<u16, Fault> {
    text.split(',').try_fold(0, |bits, name| {
        let bit = names.iter().position(|known| *known == name).ok_or_else(|| {
            Fault::usage(format!("Unknown event type \"{name}\""))
                .help(format!("events are {}", names.join(", ")))
        })?;
        Ok(bits | 1 << bit)
    })
}

impl Ct {
    /// `-j NOTRACK`
    pub(crate) fn notrack() -> Self {
        Self { notrack: true, alias: true, ..Self::default() }
    }

    /// The names of the events set, with commas between them.
    fn event_names(&self) -> String {
        let set = |bit: &usize| self.events & 1 << bit != 0;
        let names: Vec<&str> = CONNECTION_EVENTS
            .iter()
            .zip(0..)
            .filter(|(_, bit)| set(bit))
            .map(|(n, _)| *n)
            .collect();
        names.join(",")
    }

    /// ` notrack helper ftp…`, the words with `dashes` before them.
    fn text(&self, dashes: &str) -> String {
        let mut out = String::new();
        if self.notrack {
            out.push_str(&format!(" {dashes}notrack"));
        }
        for (option, value) in [("helper", &self.helper), ("timeout", &self.timeout)] {
            if !value.is_empty() {
                out.push_str(&format!(" {dashes}{option} {value}"));
            }
        }
        if self.events != 0 {
            out.push_str(&format!(" {dashes}ctevents {}", self.event_names()));
        }
        if self.expectation_events {
            out.push_str(&format!(" {dashes}expevents new"));
        }
        out.push_str(&self.zone.text(dashes));
        out
    }

    /// What the kernel says against its timeout policy where these exist (`nf_ct_set_timeout`).
    pub(in crate::netfilter) fn policy_objection(
        &self,
        place: &Place,
        policies: &TimeoutPolicies,
    ) -> Option<Objection> {
        let protocol = place.protocol.filter(|_| !self.notrack && !self.timeout.is_empty())?;
        let name = &self.timeout;
        let Some(policy) = policies.get(name) else {
            let help = match nearest(name, policies.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [timeouts.{name}] to the gateway's configuration"),
            };
            return Objection::missing(help);
        };
        if !policy.is_for(place.family) {
            return Objection::invalid(format!(
                "policy `{name}` is for rules of the other IP version; leave its `family` out"
            ));
        }
        if policy.protocol != TimeoutProtocol::of(protocol.value) {
            let own = policy.protocol.name();
            return Objection::invalid(format!(
                "policy `{name}` has protocol = \"{own}\", the rule another"
            ));
        }
        None
    }

    /// Whether the kernel has that helper for the rule's protocol.
    fn helper_fits(&self, place: &Place) -> bool {
        let mut known = HELPERS.iter().filter(|(name, ..)| *name == self.helper);
        known.any(|(_, v6, protocols)| {
            (place.family == Family::V4 || *v6) && protocols.iter().any(|p| place.is(*p))
        })
    }
}

impl Words for Ct {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("notrack").arguments(0),
            opt("helper"),
            opt("timeout"),
            opt("ctevents"),
            opt("expevents"),
            opt("zone-orig"),
            opt("zone-reply"),
            opt("zone"),
        ];
        const ALIAS: &[Opt] = &[];
        if self.alias { ALIAS } else { OPTIONS }
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        match given.option {
            "notrack" => self.notrack = true,
            "helper" => self.helper = cut(text, 15),
            "timeout" => self.timeout = cut(text, 31),
            "ctevents" => self.events = events(text, &CONNECTION_EVENTS)?,
            "expevents" => self.expectation_events = events(text, &["new"])? != 0,
            "zone-orig" => {
                self.zone.original = true;
                self.zone.read(text)?;
            }
            "zone-reply" => {
                self.zone.reply = true;
                self.zone.read(text)?;
            }
            _ => self.zone.read(text)?,
        }
        Ok(())
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Raw)
    }

    fn objection(&self, place: &Place) -> Option<Objection> {
        if self.notrack {
            return None;
        }
        if !self.helper.is_empty() && !self.helper_fits(place) {
            let help = "name a helper and its protocol, as in `-p tcp … --helper ftp`";
            return Objection::missing(help);
        }
        let names_one = place.protocol.is_some_and(|protocol| !protocol.negated);
        if !self.timeout.is_empty() && !names_one {
            return Objection::invalid("name the protocol with `-p` before it");
        }
        None
    }

    fn save(&self, out: &mut String) {
        if !self.alias {
            out.push_str(&self.text("--"));
        }
    }

    fn list(&self, out: &mut String, _look: Look) {
        match self.alias {
            true => out.push_str(" NOTRACK"),
            false => out.push_str(&format!(" CT{}", self.text(""))),
        }
    }
}
