//! CONNMARK: between the packet's mark and its connection's (kernel `xt_connmark`).

use crate::address::Address;
use crate::rules::View;

/// What is copied, through which masks, and by how much it is shifted on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnmarkChange {
    /// What is copied.
    pub copy: MarkCopy,
    /// How far what is stored, or copied, is shifted.
    pub shift: MarkShift,
}

/// What is copied, and through which masks; `shifted` is what [`MarkShift`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkCopy {
    /// `--set-xmark`: `connection = shifted((connection & !mask) ^ value)`.
    Set {
        /// Bits set or toggled.
        value: u32,
        /// Bits cleared first.
        mask: u32,
    },
    /// `--save-mark`: `connection = (connection & !connection_mask) ^ shifted(packet & packet_mask)`.
    Save {
        /// Bits of the connection's mark cleared first.
        connection_mask: u32,
        /// Bits of the packet's mark that are copied.
        packet_mask: u32,
    },
    /// `--restore-mark`: `packet = (packet & !packet_mask) ^ shifted(connection & connection_mask)`.
    Restore {
        /// Bits of the connection's mark that are copied.
        connection_mask: u32,
        /// Bits of the packet's mark cleared first.
        packet_mask: u32,
    },
}

/// A shift by less than 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkShift {
    /// Towards the high bits; 0 is none.
    Left(u8),
    /// Towards the low bits.
    Right(u8),
}

impl MarkShift {
    /// No shift.
    pub const NONE: Self = Self::Left(0);

    const fn of(self, mark: u32) -> u32 {
        let shifted = match self {
            Self::Left(bits) => mark.checked_shl(bits as u32),
            Self::Right(bits) => mark.checked_shr(bits as u32),
        };
        match shifted {
            Some(shifted) => shifted,
            None => 0,
        }
    }
}

impl ConnmarkChange {
    pub(in crate::rules) fn apply<A: Address>(self, view: &mut View<'_, A>) {
        let Some(connection) = &mut view.connection else { return };
        let old = connection.mark();
        let (new, packet) = self.of(old, view.mark.get());
        view.mark.set(packet);
        if new != old {
            connection.set_mark(new);
            view.connection_changed = true;
        }
    }

    /// Both marks afterwards.
    const fn of(self, connection: u32, packet: u32) -> (u32, u32) {
        match self.copy {
            MarkCopy::Set { value, mask } => (self.shift.of(connection & !mask ^ value), packet),
            MarkCopy::Save { connection_mask, packet_mask } => {
                (connection & !connection_mask ^ self.shift.of(packet & packet_mask), packet)
            }
            MarkCopy::Restore { connection_mask, packet_mask } => {
                (connection, packet & !packet_mask ^ self.shift.of(connection & connection_mask))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: u32 = 0x8000_00f1;
    const PACKET: u32 = 0x0000_120f;

    fn marks(copy: MarkCopy, shift: MarkShift) -> (u32, u32) {
        ConnmarkChange { copy, shift }.of(CONNECTION, PACKET)
    }

    #[test]
    fn what_is_set_is_shifted_whole() {
        let set = MarkCopy::Set { value: 0x2, mask: 0xf };
        assert_eq!(marks(set, MarkShift::NONE), (0x8000_00f2, PACKET));
        assert_eq!(marks(set, MarkShift::Left(4)), (0xf20, PACKET), "the high bit is lost");
        assert_eq!(marks(set, MarkShift::Right(4)), (0x0800_000f, PACKET));
    }

    #[test]
    fn what_is_copied_is_shifted_behind_its_mask() {
        let save = MarkCopy::Save { connection_mask: 0xf00, packet_mask: 0xf };
        assert_eq!(marks(save, MarkShift::NONE), (CONNECTION ^ 0xf, PACKET));
        assert_eq!(marks(save, MarkShift::Left(8)), (0x8000_0ff1, PACKET));
        assert_eq!(marks(save, MarkShift::Right(3)), (CONNECTION ^ 1, PACKET));
        let restore = MarkCopy::Restore { connection_mask: 0xf0, packet_mask: 0xf };
        assert_eq!(marks(restore, MarkShift::Right(4)), (CONNECTION, 0x120f));
        assert_eq!(marks(restore, MarkShift::Left(31)), (CONNECTION, 0x1200));
    }
}
