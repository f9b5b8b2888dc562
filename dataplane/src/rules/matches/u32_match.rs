//! `-m u32`: numbers picked out of the packet and compared (kernel `xt_u32`).
//!
//! ```text
//!   start 0, read 4 bytes at `offset` ─> value ─ & << >> ─> value ─ @ ─> start + value, read 4 bytes at start + n ─> …
//! ```
//!
//! Offsets count from the IP header. Reading beyond the packet's end fails the test.

use super::Condition;
use crate::address::Address;
use crate::rules::View;

/// One step from a value to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `&`.
    And(u32),
    /// `<<`, by 31 bits at most.
    ShiftLeft(u32),
    /// `>>`, by 31 bits at most.
    ShiftRight(u32),
    /// `@`: the value moves the start; the next one is read that far behind the new start.
    At(u32),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Where the first value is read.
    pub offset: u32,
    /// What is done with it, in order.
    pub steps: Vec<Step>,
    /// The last value lies in one of these, ends included.
    pub ranges: Vec<(u32, u32)>,
}

/// Comparisons that all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct U32 {
    /// In order; the first that fails ends it.
    pub tests: Vec<Test>,
    /// `!`: one of them fails, be it for want of bytes.
    pub invert: bool,
}

impl Test {
    /// The value that is compared, from a packet of which `read` gives four bytes; none beyond its end.
    fn value(&self, read: &impl Fn(u32) -> Option<u32>) -> Option<u32> {
        let mut start = 0_u32;
        let mut value = read(self.offset)?;
        for step in &self.steps {
            value = match *step {
                Step::And(mask) => value & mask,
                Step::ShiftLeft(bits) => value.wrapping_shl(bits),
                Step::ShiftRight(bits) => value.wrapping_shr(bits),
                Step::At(offset) => {
                    start = start.checked_add(value)?;
                    read(start.checked_add(offset)?)?
                }
            };
        }
        Some(value)
    }

    fn holds(&self, read: &impl Fn(u32) -> Option<u32>) -> bool {
        let within =
            |value: u32| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&value));
        self.value(read).is_some_and(within)
    }
}

impl<A: Address> Condition<A> for U32 {
    fn holds(&self, view: &View<'_, A>) -> bool {
        let read = |at| view.bytes(at).map(u32::from_be_bytes);
        self.tests.iter().all(|test| test.holds(&read)) != self.invert
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(packet: &[u8]) -> impl Fn(u32) -> Option<u32> {
        |at| packet.get(at as usize..)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    fn test(offset: u32, steps: &[Step]) -> Test {
        Test { offset, steps: steps.to_vec(), ranges: vec![(3, 5), (7, 7)] }
    }

    #[test]
    fn values_are_read_moved_and_masked() {
        let packet = [0x45, 0, 0, 2, 0, 0, 0, 9, 10, 11, 12, 13];
        let value = |offset, steps: &[Step]| test(offset, steps).value(&read(&packet));
        assert_eq!(value(0, &[]), Some(0x4500_0002));
        assert_eq!(value(0, &[Step::ShiftRight(28), Step::ShiftLeft(1)]), Some(8));
        assert_eq!(value(0, &[Step::And(0xff), Step::At(4)]), Some(0x0009_0a0b));
        // The start has moved for good: 2, and 0 more.
        let twice = [Step::And(2), Step::At(2), Step::And(6), Step::At(0)];
        assert_eq!(value(0, &twice), Some(0x0002_0000));
    }

    #[test]
    fn the_last_four_bytes_can_be_read_and_no_more() {
        let packet = [1, 2, 3, 4, 5];
        let value = |offset, steps: &[Step]| test(offset, steps).value(&read(&packet));
        assert_eq!(value(1, &[]), Some(0x0203_0405));
        assert_eq!(value(2, &[]), None);
        assert_eq!(value(u32::MAX, &[]), None);
        assert_eq!(value(0, &[Step::And(1), Step::At(1)]), Some(0x0203_0405));
        assert_eq!(value(0, &[Step::And(1), Step::At(2)]), None);
        assert_eq!(value(0, &[Step::At(u32::MAX)]), None);
    }

    #[test]
    fn a_value_lies_in_one_of_the_ranges() {
        for (value, within) in [(2, false), (3, true), (5, true), (6, false), (7, true), (8, false)]
        {
            assert_eq!(test(0, &[]).holds(&|_| Some(value)), within, "{value}");
        }
    }

    /// The kernel's loop, word for word.
    fn plainly(test: &Test, packet: &[u8]) -> Option<u32> {
        let length = packet.len() as u64;
        let (mut at, mut value) = (0_u64, 0_u64);
        let first = std::iter::once(Step::At(test.offset));
        for step in first.chain(test.steps.iter().copied()) {
            match step {
                Step::And(mask) => value &= u64::from(mask),
                Step::ShiftLeft(bits) => value = value << (bits % 32) & 0xffff_ffff,
                Step::ShiftRight(bits) => value >>= bits % 32,
                Step::At(position) => {
                    at += value;
                    if at + 4 > 0xffff_ffff || at + 4 + u64::from(position) > length {
                        return None;
                    }
                    let at = (at + u64::from(position)) as usize;
                    value =
                        packet[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                }
            }
        }
        Some(value as u32)
    }

    fn step() -> impl Strategy<Value = Step> {
        let number = prop_oneof![0..40_u32, any::<u32>()];
        (0..4, number).prop_map(|(kind, number)| match kind {
            0 => Step::And(number),
            1 => Step::ShiftLeft(number),
            2 => Step::ShiftRight(number),
            _ => Step::At(number),
        })
    }

    proptest! {
        #[test]
        fn as_the_kernel_reads(
            packet in prop::collection::vec(0..12_u8, 0..40),
            offset in 0..40_u32,
            steps in prop::collection::vec(step(), 0..6),
        ) {
            let test = test(offset, &steps);
            prop_assert_eq!(test.value(&read(&packet)), plainly(&test, &packet));
        }
    }
}
