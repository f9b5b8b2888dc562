//! `-m recent`: lists of addresses with the times they were seen (kernel: xt_recent, revision 1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netfilter::Family;
use crate::netfilter::address::{host, shown};
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, cut, opt};

/// `[!] --set | --rcheck | --update | --remove` and what further is asked of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// What is done with the packet's address.
    pub action: RecentAction,
    /// `!`
    pub negated: bool,
    /// `--seconds`: only times at most so old count; 0 for any.
    pub seconds: u32,
    /// `--reap`: older times are forgotten.
    pub reap: bool,
    /// `--hitcount`: so many times must count; 0 for one.
    pub hit_count: u32,
    /// `--rttl`: the entry must have been made by a packet with the same time to live.
    pub same_ttl: bool,
    /// `--name` of the list.
    pub name: String,
    /// `--rdest`: the packet's destination is meant; its source otherwise.
    pub by_destination: bool,
    /// `--mask`: the bits of the address that count.
    pub mask: IpAddr,
}

/// What is done with the packet's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecentAction {
    /// `--set`: put into the list, or given another time; matches always.
    Set,
    /// `--rcheck`: matches if listed.
    Check,
    /// `--update`: matches if listed, and then adds a time.
    Update,
    /// `--remove`: matches if listed, and takes it out.
    Remove,
}

/// Bytes of a name, the terminating zero not counted (XT_RECENT_NAME_LEN).
const NAME_MAX: usize = 199;

/// Times the kernel keeps of an entry at most (XT_RECENT_MAX_NSTAMPS).
const HIT_COUNT_MAX: u32 = 65_535;

impl Default for Recent {
    fn default() -> Self {
        Self {
            action: RecentAction::Check,
            negated: false,
            seconds: 0,
            reap: false,
            hit_count: 0,
            same_ttl: false,
            name: "DEFAULT".to_owned(),
            by_destination: false,
            mask: IpAddr::V4(Ipv4Addr::BROADCAST),
        }
    }
}

impl RecentAction {
    fn option(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Check => "rcheck",
            Self::Update => "update",
            Self::Remove => "remove",
        }
    }

    fn column(self) -> &'static str {
        match self {
            Self::Set => "SET",
            Self::Check => "CHECK",
            Self::Update => "UPDATE",
            Self::Remove => "REMOVE",
        }
    }
}

/// What may not name a file under /proc (kernel: xt_check_proc_name).
pub(super) fn unfit_proc_name(name: &str) -> Option<(&'static str, &'static str)> {
    let unfit = matches!(name, "" | "." | "..") || name.contains('/');
    unfit.then_some(("Invalid argument", "the name may not be empty, `.` or `..` nor contain `/`"))
}

impl Recent {
    /// What the kernel's own check finds wrong: its error, and what to write instead.
    fn kernel_refusal(&self) -> Option<(&'static str, &'static str)> {
        let asks = self.seconds > 0 || self.hit_count > 0 || self.reap || self.same_ttl;
        match self.action {
            RecentAction::Set | RecentAction::Remove if asks => {
                let help = "--seconds and --hitcount go with --rcheck and --update only";
                Some(("Invalid argument", help))
            }
            _ if self.hit_count > HIT_COUNT_MAX => {
                Some(("Invalid argument", "--hitcount is at most 65535"))
            }
            RecentAction::Set
            | RecentAction::Check
            | RecentAction::Update
            | RecentAction::Remove => unfit_proc_name(&self.name),
        }
    }
}

impl Words for Recent {
    fn options(&self) -> &'static [Opt] {
        const fn action(name: &'static str, others: &'static [&'static str]) -> Opt {
            opt(name).arguments(0).negatable().excludes(others)
        }
        const OPTIONS: &[Opt] = &[
            action("set", &["rcheck", "update", "remove"]),
            action("rcheck", &["set", "update", "remove"]),
            action("update", &["set", "rcheck", "remove"]),
            action("remove", &["set", "rcheck", "update"]),
            opt("seconds"),
            opt("reap").arguments(0).requires(&["seconds"]),
            opt("hitcount"),
            opt("rttl").arguments(0).excludes(&["set", "remove"]),
            opt("name"),
            opt("rsource").arguments(0),
            opt("rdest").arguments(0),
            opt("mask"),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let number = |min| {
            let number = given.integer("recent", min, u64::from(u32::MAX));
            number.map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        match given.option {
            "set" => self.action = RecentAction::Set,
            "rcheck" => self.action = RecentAction::Check,
            "update" => self.action = RecentAction::Update,
            "remove" => self.action = RecentAction::Remove,
            "seconds" => self.seconds = number(1)?,
            "reap" => self.reap = true,
            "hitcount" => self.hit_count = number(0)?,
            "rttl" => self.same_ttl = true,
            "name" => self.name = cut(given.argument(0), NAME_MAX),
            "mask" => self.mask = host(given.argument(0), given.family)?,
            option => self.by_destination = option == "rdest",
        }
        self.negated |= given.negated;
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        if !rule.seen.contains(&"mask") && rule.family == Family::V6 {
            self.mask = IpAddr::V6(Ipv6Addr::from(u128::MAX));
        }
        let action = |option: &&str| ["set", "rcheck", "update", "remove"].contains(option);
        match rule.seen.iter().any(action) {
            true => Ok(()),
            false => Err(Fault::usage(
                "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'",
            )
            .help("add `--set` to fill the list or `--rcheck` to ask it")),
        }
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        self.kernel_refusal().map(Objection::from)
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --{}", self.action.option()));
        if self.seconds > 0 {
            // The tools print it signed.
            out.push_str(&format!(" --seconds {}", self.seconds.cast_signed()));
        }
        if self.reap {
            out.push_str(" --reap");
        }
        if self.hit_count > 0 {
            out.push_str(&format!(" --hitcount {}", self.hit_count.cast_signed()));
        }
        if self.same_ttl {
            out.push_str(" --rttl");
        }
        let side = if self.by_destination { "rdest" } else { "rsource" };
        out.push_str(&format!(" --name {} --mask {} --{side}", self.name, shown(self.mask)));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} recent: {}", self.action.column()));
        if self.seconds > 0 {
            out.push_str(&format!(" seconds: {}", self.seconds.cast_signed()));
        }
        if self.reap {
            out.push_str(" reap");
        }
        if self.hit_count > 0 {
            out.push_str(&format!(" hit_count: {}", self.hit_count.cast_signed()));
        }
        if self.same_ttl {
            out.push_str(" TTL-Match");
        }
        let side = if self.by_destination { "dest" } else { "source" };
        out.push_str(&format!(" name: {} side: {side} mask: {}", self.name, shown(self.mask)));
    }
}
