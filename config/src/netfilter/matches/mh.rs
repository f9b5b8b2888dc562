//! `-m mh`: the type of a mobility header (kernel: ip6t_mh).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, bang, number, opt};
use crate::netfilter::{Family, Negatable, Protocol};

/// `[!] --mh-type TYPE[:TYPE]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mh {
    /// Lowest and highest type; any where absent.
    pub types: Option<Negatable<(u8, u8)>>,
}

/// Names of types (RFC 6275), the long one and the short one.
const NAMES: [(&str, &str); 8] = [
    ("binding-refresh-request", "brr"),
    ("home-test-init", "hoti"),
    ("careof-test-init", "coti"),
    ("home-test", "hot"),
    ("careof-test", "cot"),
    ("binding-update", "bu"),
    ("binding-acknowledgement", "ba"),
    ("binding-error", "be"),
];

/// A name, the beginning of one (the first that begins so) or a number.
fn kind(text: &str) -> Result<u8, Fault> {
    let lower = text.to_ascii_lowercase();
    let all =
        || NAMES.iter().zip(0u8..).flat_map(|((long, short), nth)| [(*long, nth), (*short, nth)]);
    let whole = all().find(|(name, _)| *name == lower);
    let begun = || all().find(|(name, _)| name.starts_with(&lower));
    let named = whole.or_else(begun).map(|(_, nth)| nth);
    named.or_else(|| number(text).and_then(|n| u8::try_from(n).ok())).ok_or_else(|| {
        Fault::usage(format!("Invalid MH type `{text}'"))
            .help("write a number from 0 to 255 or a name such as `binding-update`")
    })
}

impl Mh {
    fn parse(text: &str) -> Result<(u8, u8), Fault> {
        let Some((low, high)) = text.split_once(':') else {
            return kind(text).map(|kind| (kind, kind));
        };
        let low = if low.is_empty() { 0 } else { kind(low)? };
        let high = if high.is_empty() { u8::MAX } else { kind(high)? };
        if low > high {
            return Err(Fault::usage("Invalid MH type range (min > max)")
                .help(format!("write the lower first: {high}:{low}")));
        }
        Ok((low, high))
    }
}

impl Words for Mh {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("mh-type").negatable()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        self.types = given.negatable(Self::parse(given.argument(0))?);
        Ok(())
    }

    fn family(&self) -> Option<Family> {
        Some(Family::V6)
    }

    fn fits(&self, protocol: Option<Negatable<Protocol>>) -> bool {
        protocol == Some(Negatable::plain(Protocol(135)))
    }

    fn save(&self, out: &mut String) {
        // Every type is not written, negated or not.
        if let Some(types) = self.types.filter(|types| types.value != (0, u8::MAX)) {
            let bang = bang(&types);
            out.push_str(&match types.value {
                (low, high) if low == high => format!("{bang} --mh-type {low}"),
                (low, high) => format!("{bang} --mh-type {low}:{high}"),
            });
        }
    }

    fn list(&self, out: &mut String, look: Look) {
        out.push_str(" mh");
        let every = |types: &Negatable<(u8, u8)>| !types.negated && types.value == (0, u8::MAX);
        let Some(types) = self.types.filter(|types| !every(types)) else { return };
        let name = |kind: u8| {
            let name = NAMES.get(usize::from(kind)).map(|(long, _)| *long);
            name.filter(|_| !look.numeric).map_or_else(|| kind.to_string(), str::to_owned)
        };
        let bang = if types.negated { "!" } else { "" };
        out.push_str(&match types.value {
            (low, high) if low == high => format!(" {bang}{}", name(low)),
            (low, high) => format!(" {bang}{}:{}", name(low), name(high)),
        });
    }
}
