//! `-m frag`: the fragment header of IPv6 (kernel: ip6t_frag).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, opt};
use crate::netfilter::{Family, Negatable};

/// The options; each absent one matches any fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frag {
    /// `--fragid`: lowest and highest identification.
    pub id: Option<Negatable<(u32, u32)>>,
    /// `--fraglen`: length of the header; the kernel stores it and does not look.
    pub length: Option<Negatable<u32>>,
    /// `--fragres`: the reserved bits are zero, whatever the manual says.
    pub reserved: bool,
    /// `--fragfirst`: its offset is zero.
    pub first: bool,
    /// `--fragmore`: more fragments follow.
    pub more: bool,
    /// `--fraglast`: none follows.
    pub last: bool,
}

impl Frag {
    /// The flags given, in the order the tools write them.
    fn flags(&self, names: [&str; 4]) -> String {
        let given = [self.reserved, self.first, self.more, self.last];
        let given = names.into_iter().zip(given).filter(|(_, given)| *given);
        given.map(|(name, _)| format!(" {name}")).collect()
    }
}

impl Words for Frag {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("fragid").negatable(),
            opt("fraglen").negatable(),
            opt("fragres").arguments(0),
            opt("fragfirst").arguments(0),
            opt("fragmore").arguments(0).excludes(&["fraglast"]),
            opt("fraglast").arguments(0).excludes(&["fragmore"]),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "fragid" => self.id = given.span("frag")?,
            "fraglen" => self.length = given.negatable(given.word("frag")?),
            "fragres" => self.reserved = true,
            "fragfirst" => self.first = true,
            "fragmore" => self.more = true,
            _ => self.last = true,
        }
        Ok(())
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn save(&self, out: &mut String) {
        super::save_span(out, "fragid", self.id);
        if let Some(length) = &self.length {
            out.push_str(&format!("{} --fraglen {}", bang(length), length.value));
        }
        out.push_str(&self.flags(["--fragres", "--fragfirst", "--fragmore", "--fraglast"]));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" frag ");
        out.push_str(&super::span_text("id", self.id).unwrap_or_default());
        if let Some(length) = &self.length {
            let bang = if length.negated { "!" } else { "" };
            out.push_str(&format!(" length:{bang}{}", length.value));
        }
        out.push_str(&self.flags(["reserved", "first", "more", "last"]));
    }
}
