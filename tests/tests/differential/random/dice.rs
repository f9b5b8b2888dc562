//! Owns the drawing: the same numbers from the same seed on every machine, and texts with choices in them.

use super::about::About;
use super::settings::Settings;

/// xorshift64* (Vigna 2016).
pub(super) struct Dice {
    state: u64,
    /// What everything that is drawn belongs to.
    pub(super) about: About,
    /// How the routers are set up.
    pub(super) settings: Settings,
    /// Whether hosts may send datagrams in pieces that rules would see one by one.
    pub(super) pieces: bool,
    /// Whether rules need tracking, whatever becomes of single ones.
    pub(super) tracked: bool,
    /// Whether hosts have SCTP associations. What the router's host says to packets of theirs that are INVALID is of their
    /// connection before tracking already (docs/NETFILTER.md), which raw's OUTPUT is not to find out.
    pub(super) associations: bool,
    /// Whether rules may remember packets, so that the order counts in which these come.
    pub(super) memory: bool,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut dice = Self {
            state,
            about: About::Usual,
            settings: Settings::of(seed),
            pieces: true,
            tracked: true,
            associations: false,
            memory: false,
        };
        // Seeds that differ in few bits begin alike.
        for _ in 0..8 {
            dice.below(2);
        }
        dice.about = About::draw(&mut dice);
        dice.associations = dice.about != About::Zones && dice.once_in(3);
        dice.memory = dice.about.has_memory() && dice.once_in(3);
        dice
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % end
    }

    /// One of several.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Whether something happens that does so once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A text of such a template: `{a|b}` is a or b, `~` is now and then `! `.
    pub(super) fn text(&mut self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '~']) {
            text.push_str(&rest[..at]);
            if rest[at..].starts_with('~') {
                text.push_str(if self.once_in(4) { "! " } else { "" });
                rest = &rest[at + 1..];
            } else {
                let end = at + rest[at..].find('}').expect("a choice ends");
                let choices: Vec<_> = rest[at + 1..end].split('|').collect();
                text.push_str(self.one(&choices));
                rest = &rest[end + 1..];
            }
        }
        text + rest
    }
}
