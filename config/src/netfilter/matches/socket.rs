//! `-m socket`: whether a socket of this box waits for the packet (kernel: xt_socket, revision 3).

use crate::netfilter::Hook;
use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt};

/// The options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Socket {
    /// `--transparent`: one that takes packets for other addresses.
    pub transparent: bool,
    /// `--nowildcard`: one bound to no address counts too.
    pub no_wildcard: bool,
    /// `--restore-skmark`: the packet gets the socket's mark.
    pub restore_mark: bool,
}

impl Words for Socket {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[
            opt("transparent").arguments(0),
            opt("nowildcard").arguments(0),
            opt("restore-skmark").arguments(0),
        ];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "transparent" => self.transparent = true,
            "nowildcard" => self.no_wildcard = true,
            _ => self.restore_mark = true,
        }
        Ok(())
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Prerouting, Hook::Input]
    }

    fn save(&self, out: &mut String) {
        let options = [
            (self.transparent, " --transparent"),
            (self.no_wildcard, " --nowildcard"),
            (self.restore_mark, " --restore-skmark"),
        ];
        out.extend(options.into_iter().filter(|(given, _)| *given).map(|(_, text)| text));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(" socket");
        self.save(out);
    }
}
