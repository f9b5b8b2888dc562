//! `-m owner`: who opened the socket a packet comes from (kernel: xt_owner, revision 1). Packets
//! that are forwarded come from no socket.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{
    Given, Look, Objection, Opt, Place, Surroundings, Words, bang, leading_number, opt,
};
use crate::netfilter::{Hook, Negatable};

/// The options; each absent one matches anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// `--socket-exists`
    pub socket: Option<Negatable<()>>,
    /// `--uid-owner`, inclusive.
    pub user: Option<Negatable<(u32, u32)>>,
    /// `--gid-owner`, inclusive.
    pub group: Option<Negatable<(u32, u32)>>,
    /// `--suppl-groups`: any group of the owner's counts.
    pub supplementary: bool,
}

/// The users every Debian system has (base-passwd), which listings name.
const USERS: &[(&str, u32)] = &[
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("sync", 4),
    ("games", 5),
    ("man", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("proxy", 13),
    ("www-data", 33),
    ("backup", 34),
    ("list", 38),
    ("irc", 39),
    ("_apt", 42),
    ("nobody", 65534),
];

/// The groups likewise.
const GROUPS: &[(&str, u32)] = &[
    ("root", 0),
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mail", 8),
    ("news", 9),
    ("uucp", 10),
    ("man", 12),
    ("proxy", 13),
    ("kmem", 15),
    ("dialout", 20),
    ("fax", 21),
    ("voice", 22),
    ("cdrom", 24),
    ("floppy", 25),
    ("tape", 26),
    ("sudo", 27),
    ("audio", 29),
    ("dip", 30),
    ("www-data", 33),
    ("backup", 34),
    ("operator", 37),
    ("list", 38),
    ("irc", 39),
    ("src", 40),
    ("shadow", 42),
    ("utmp", 43),
    ("video", 44),
    ("sasl", 45),
    ("plugdev", 46),
    ("staff", 50),
    ("games", 60),
    ("users", 100),
    ("nogroup", 65534),
];

/// A name, an id, or `LOW-HIGH` (`LOW:HIGH`).
fn ids(given: &Given<'_>, names: &[(&str, u32)]) -> Result<Option<Negatable<(u32, u32)>>, Fault> {
    let text = given.argument(0);
    if let Some((_, id)) = names.iter().find(|(name, _)| *name == text) {
        return Ok(given.negatable((*id, *id)));
    }
    let id = |text| {
        let (number, rest) = leading_number(text)?;
        let id = u32::try_from(number).ok().filter(|id| *id != u32::MAX)?;
        Some((id, rest))
    };
    let range = id(text).and_then(|(low, rest)| {
        let (high, rest) = match rest.strip_prefix(['-', ':']) {
            Some(high) => id(high)?,
            None => (low, rest),
        };
        rest.is_empty().then_some((low, high))
    });
    let bad = || {
        given
            .bad_value("owner", given.option)
            .help("write a number, a range `LOW-HIGH` or the name of a system user or group")
    };
    range.map(|range| given.negatable(range)).ok_or_else(bad)
}

/// `NAME`, `ID` or `LOW-HIGH`.
fn text((low, high): (u32, u32), names: &[(&str, u32)], numeric: bool) -> String {
    if low != high {
        return format!("{low}-{high}");
    }
    let named = names.iter().find(|(_, id)| *id == low && !numeric);
    named.map_or_else(|| low.to_string(), |(name, _)| (*name).to_owned())
}

impl Owner {
    /// Everything, under these names.
    fn write(&self, out: &mut String, labels: [&str; 4], numeric: bool) {
        let [socket, user, group, supplementary] = labels;
        if let Some(exists) = &self.socket {
            out.push_str(&format!("{} {socket}", bang(exists)));
        }
        let ids = [(user, &self.user, USERS), (group, &self.group, GROUPS)];
        for (label, ids, names) in ids {
            if let Some(ids) = ids {
                let text = text(ids.value, names, numeric);
                out.push_str(&format!("{} {label} {text}", bang(ids)));
            }
        }
        if self.supplementary {
            out.push_str(&format!(" {supplementary}"));
        }
    }
}

impl Words for Owner {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("uid-owner").negatable(),
            opt("gid-owner").negatable(),
            opt("socket-exists").arguments(0).negatable(),
            opt("suppl-groups").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "uid-owner" => self.user = ids(given, USERS)?,
            "gid-owner" => self.group = ids(given, GROUPS)?,
            "socket-exists" => self.socket = given.negatable(()),
            _ if self.group.is_none() => {
                let message = "owner: Bad value for \"--suppl-groups\" option: \
                               \"you need to use --gid-owner first\"";
                return Err(Fault::usage(message).help("write `--gid-owner GROUP` before it"));
            }
            _ => self.supplementary = true,
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        let message =
            "owner: At least one of --uid-owner, --gid-owner or --socket-exists is required";
        match rule.seen {
            [] => Err(Fault::usage(message).help("as in `--uid-owner 1000`")),
            [_, ..] => Ok(()),
        }
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        let backwards = |ids: Option<Negatable<(u32, u32)>>| {
            ids.is_some_and(|Negatable { value: (low, high), .. }| high < low)
        };
        match backwards(self.user) || backwards(self.group) {
            true => Objection::invalid("write the lower id first"),
            false => None,
        }
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Output, Hook::Postrouting]
    }

    fn save(&self, out: &mut String) {
        let labels = ["--socket-exists", "--uid-owner", "--gid-owner", "--suppl-groups"];
        self.write(out, labels, true);
    }

    fn list(&self, out: &mut String, look: Look) {
        let labels =
            ["owner socket exists", "owner UID match", "owner GID match", "incl. suppl. groups"];
        self.write(out, labels, look.numeric);
    }
}
