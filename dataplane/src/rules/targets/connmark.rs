//! CONNMARK: between the packet's mark and its connection's (kernel `xt_connmark`).

use crate::address::Address;
use crate::rules::View;

/// What is copied, and through which masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnmarkChange {
    /// `--set-xmark`: `connection = (connection & !mask) ^ value`.
    Set {
        /// Bits set or toggled.
        value: u32,
        /// Bits cleared first.
        mask: u32,
    },
    /// `--save-mark`: `connection = (connection & !connection_mask) ^ (packet & packet_mask)`.
    Save {
        /// Bits of the connection's mark cleared first.
        connection_mask: u32,
        /// Bits of the packet's mark that are copied.
        packet_mask: u32,
    },
    /// `--restore-mark`: `packet = (packet & !packet_mask) ^ (connection & connection_mask)`.
    Restore {
        /// Bits of the connection's mark that are copied.
        connection_mask: u32,
        /// Bits of the packet's mark cleared first.
        packet_mask: u32,
    },
}

impl ConnmarkChange {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        let Some(connection) = &mut view.connection else { return };
        let mark = connection.mark();
        let new = match self {
            Self::Set { value, mask } => mark & !mask ^ value,
            Self::Save { connection_mask, packet_mask } => {
                mark & !connection_mask ^ view.mark & packet_mask
            }
            Self::Restore { connection_mask, packet_mask } => {
                view.mark = view.mark & !packet_mask ^ mark & connection_mask;
                return;
            }
        };
        if new != mark {
            connection.set_mark(new);
            view.connection_changed = true;
        }
    }
}
