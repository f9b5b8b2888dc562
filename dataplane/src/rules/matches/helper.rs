//! `-m helper`: which helper expected the packet's connection (kernel `xt_helper`). The connection that has the helper is
//! not meant: nobody expected that.

use super::{Condition, Depends};
use crate::address::Address;
use crate::rules::View;
use crate::tuple::Tuple;

/// A set of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Helper {
    /// Data connections of FTP.
    pub ftp: bool,
    /// Transfers of TFTP.
    pub tftp: bool,
    /// `!`.
    pub invert: bool,
}

impl<A: Address> Condition<A> for Helper {
    fn holds(&self, view: &View<'_, A>) -> bool {
        use crate::conntrack::Helper::{Ftp, Tftp};
        let expected_by = view.connection.as_ref().and_then(|connection| connection.expected_by());
        let asked = match expected_by {
            Some(Ftp) => self.ftp,
            Some(Tftp) => self.tftp,
            None => false,
        };
        asked != self.invert
    }
    fn depends(&self) -> Depends {
        Depends::Flow
    }
    fn needs_conntrack(&self) -> bool {
        true
    }
    fn consult(&self, bits: &mut Tuple<A>) {
        bits.protocol = u8::MAX;
    }
}
