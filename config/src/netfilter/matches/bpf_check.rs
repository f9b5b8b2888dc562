//! What the kernel asks of a classic BPF program before it runs it (net/core/filter.c,
//! `bpf_check_classic` and `check_load_and_stores`).

use super::BpfInstruction;

/// Words of scratch memory.
const MEMORY: u32 = 16;

/// Loads from here up are of facts about the packet, not of its bytes (SKF_AD_OFF).
const ANCILLARY: u32 = 0xffff_f000;

/// Whether the program uses known instructions, stays within itself and its memory, reads no word
/// of memory it has not written, and ends by returning.
pub(super) fn sound(program: &[BpfInstruction]) -> bool {
    let ends = program.last().is_some_and(|last| matches!(last.code, 0x06 | 0x16));
    let mut numbered = program.iter().zip(0u32..);
    ends && numbered.all(|(instruction, at)| fits(instruction, at, program.len() as u32))
        && stores_before_loads(program)
}

/// Whether one instruction is known and its constant makes sense.
fn fits(instruction: &BpfInstruction, at: u32, length: u32) -> bool {
    let BpfInstruction { code, jump_true, jump_false, k } = *instruction;
    let within = |skipped: u8| at + 1 + u32::from(skipped) < length;
    match code {
        // Bytes of the packet: known facts only beyond them.
        0x20 | 0x28 | 0x30 => k < ANCILLARY || (k & 3 == 0 && k - ANCILLARY <= 60),
        // Loads: length, indirect, immediate; index register likewise, and the header's length.
        0x80 | 0x40 | 0x48 | 0x50 | 0x00 | 0x81 | 0x01 | 0xb1 => true,
        // Scratch memory, loads and stores.
        0x60 | 0x61 | 0x02 | 0x03 => k < MEMORY,
        // Division and remainder by a constant.
        0x34 | 0x94 => k != 0,
        // Shifts by a constant.
        0x64 | 0x74 => k < 32,
        // The other arithmetic, with a constant and with the index register; negation.
        0x04 | 0x14 | 0x24 | 0x44 | 0x54 | 0xa4 => true,
        0x0c | 0x1c | 0x2c | 0x3c | 0x4c | 0x5c | 0x6c | 0x7c | 0x9c | 0xac | 0x84 => true,
        // Jumps: always; on equal, greater, not less and bits in common.
        0x05 => k < length - at - 1,
        0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d | 0x4d => {
            within(jump_true) && within(jump_false)
        }
        // Return, and moves between the registers.
        0x06 | 0x16 | 0x07 | 0x87 => true,
        _ => false,
    }
}

/// Whether every load from scratch memory has a store before it on every way there. Jumps go
/// forward only, so one pass sees all ways to an instruction before it.
fn stores_before_loads(program: &[BpfInstruction]) -> bool {
    // For each instruction the words that are written on every jump to it.
    let mut written = vec![u16::MAX; program.len()];
    let mut valid = 0u16;
    for (instruction, at) in program.iter().zip(0u32..) {
        let BpfInstruction { code, jump_true, jump_false, k } = *instruction;
        valid &= written.get(at as usize).copied().unwrap_or_default();
        let skips = match code {
            0x02 | 0x03 => {
                valid |= 1 << k;
                continue;
            }
            0x60 | 0x61 if valid & 1 << k == 0 => return false,
            0x05 => [k, k],
            0x15 | 0x25 | 0x35 | 0x45 | 0x1d | 0x2d | 0x3d | 0x4d => {
                [jump_true, jump_false].map(u32::from)
            }
            _ => continue,
        };
        for skipped in skips {
            if let Some(there) = written.get_mut((at + 1 + skipped) as usize) {
                *there &= valid;
            }
        }
        // What follows is reached by jumps alone.
        valid = u16::MAX;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(text: &[(u16, u8, u8, u32)]) -> Vec<BpfInstruction> {
        let one = |&(code, jump_true, jump_false, k): &(u16, u8, u8, u32)| BpfInstruction {
            code,
            jump_true,
            jump_false,
            k,
        };
        text.iter().map(one).collect()
    }

    const RETURN: (u16, u8, u8, u32) = (0x06, 0, 0, 1);

    #[test]
    fn ends_by_returning() {
        assert!(sound(&program(&[RETURN])));
        assert!(!sound(&program(&[(0x20, 0, 0, 0)])));
        assert!(!sound(&program(&[RETURN, (0x00, 0, 0, 0)])));
        assert!(!sound(&[]));
    }

    #[test]
    fn jumps_stay_inside() {
        assert!(sound(&program(&[(0x15, 0, 1, 5), RETURN, RETURN])));
        assert!(!sound(&program(&[(0x15, 0, 2, 5), RETURN, RETURN])));
        assert!(sound(&program(&[(0x05, 0, 0, 1), RETURN, RETURN])));
        assert!(!sound(&program(&[(0x05, 0, 0, 2), RETURN, RETURN])));
        assert!(!sound(&program(&[(0x05, 0, 0, u32::MAX), RETURN, RETURN])));
    }

    #[test]
    fn memory_is_written_before_it_is_read() {
        assert!(!sound(&program(&[(0x60, 0, 0, 3), RETURN])));
        assert!(sound(&program(&[(0x02, 0, 0, 3), (0x60, 0, 0, 3), RETURN])));
        assert!(!sound(&program(&[(0x02, 0, 0, 3), (0x61, 0, 0, 4), RETURN])));
        // One of two ways leads past the store.
        let past = [(0x15, 0, 1, 5), (0x02, 0, 0, 3), (0x60, 0, 0, 3), RETURN];
        assert!(!sound(&program(&past)));
    }

    #[test]
    fn constants_make_sense() {
        for (code, good, bad) in [(0x34, 1, 0), (0x64, 31, 32), (0x02, 15, 16)] {
            assert!(sound(&program(&[(code, 0, 0, good), RETURN])), "{code:#x} {good}");
            assert!(!sound(&program(&[(code, 0, 0, bad), RETURN])), "{code:#x} {bad}");
        }
        assert!(sound(&program(&[(0x28, 0, 0, ANCILLARY + 60), RETURN])));
        assert!(!sound(&program(&[(0x28, 0, 0, ANCILLARY + 64), RETURN])));
        assert!(!sound(&program(&[(0x101, 0, 0, 0), RETURN])));
    }
}
