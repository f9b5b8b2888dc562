//! Programs against a plain reading of the instructions, and against packets they know.

use super::*;
use proptest::prelude::*;

/// Bytes, of which the last are the IP packet, and a mark.
#[derive(Debug)]
struct Sample {
    link: [u8; 14],
    packet: Vec<u8>,
}

const MARK: u32 = 0x1234_5678;
const TYPE: u32 = 0x0800;

impl Sample {
    fn new(packet: &[u8]) -> Self {
        Self { link: *b"\x02abcde\x02fghij\x08\x00", packet: packet.to_vec() }
    }
}

impl Subject for Sample {
    fn read<const N: usize>(&self, offset: i32) -> Option<[u8; N]> {
        let (bytes, at) = match offset {
            0.. => (self.packet.clone(), offset),
            -0x10_0000.. => (self.packet.clone(), offset + 0x10_0000),
            -0x20_0000.. => ([&self.link[..], &self.packet].concat(), offset + 0x20_0000),
            _ => return None,
        };
        bytes.get(at as usize..)?.first_chunk().copied()
    }
    fn length(&self) -> u32 {
        self.packet.len() as u32
    }
    fn fact(&self, fact: Fact) -> Option<u32> {
        match fact {
            Fact::Mark => Some(MARK),
            Fact::Protocol => Some(TYPE),
            Fact::Interface => None,
            Fact::PacketType | Fact::InterfaceKind | Fact::Cpu | Fact::VlanTag | Fact::Random => {
                Some(0)
            }
        }
    }
}

fn instruction((code, jump_true, jump_false, k): (u16, u8, u8, u32)) -> Instruction {
    Instruction { code, jump_true, jump_false, k }
}

fn run(program: &[(u16, u8, u8, u32)], packet: &[u8]) -> u32 {
    let instructions: Vec<_> = program.iter().copied().map(instruction).collect();
    Program::new(&instructions).unwrap().run(&Sample::new(packet))
}

const RETURN_A: (u16, u8, u8, u32) = (0x16, 0, 0, 0);
const RETURN: (u16, u8, u8, u32) = (0x06, 0, 0, 1);

#[test]
fn the_packet_is_read_from_its_ip_header_in_every_width() {
    let packet = [0x45, 1, 2, 3, 4, 5, 6, 7];
    for (code, k, value) in [
        (0x20, 0, 0x4501_0203),
        (0x20, 4, 0x0405_0607),
        (0x20, 5, 0),
        (0x28, 6, 0x0607),
        (0x28, 7, 0),
        (0x30, 7, 7),
        (0x30, 8, 0),
        // By SKF_NET_OFF and SKF_LL_OFF, and before both.
        (0x28, 0xfff0_0002, 0x0203),
        (0x30, 0xfff0_0008, 0),
        (0x20, 0xffe0_000c, 0x0800_4501),
        (0x30, 0xffe0_0015, 7),
        (0x30, 0xffe0_0016, 0),
        (0x30, 0xffdf_ffff, 0),
        // Length, constant.
        (0x80, 0, 8),
        (0x00, 99, 99),
    ] {
        assert_eq!(run(&[(code, 0, 0, k), RETURN_A], &packet), value, "{code:#x} {k:#x}");
    }
    assert_eq!(run(&[(0x01, 0, 0, 3), (0x50, 0, 0, 2), RETURN_A], &packet), 5);
    assert_eq!(run(&[(0x01, 0, 0, u32::MAX), (0x48, 0, 0, 2), RETURN_A], &packet), 0x0102);
    assert_eq!(run(&[(0xb1, 0, 0, 0), (0x87, 0, 0, 0), RETURN_A], &packet), 20);
    assert_eq!(run(&[(0xb1, 0, 0, 9), RETURN], &packet), 0, "beyond the end");
}

#[test]
fn facts_have_numbers_of_their_own() {
    let ask = |k: u32| run(&[(0x00, 0, 0, 7), (0x20, 0, 0, 0xffff_f000 + k), RETURN_A], &[]);
    assert_eq!([ask(0), ask(20), ask(44)], [TYPE, MARK, 0]);
    assert_eq!(ask(8), 7, "no interface ends the program with what is in A");
    let xor = [(0x00, 0, 0, 6), (0x01, 0, 0, 5), (0x20, 0, 0, 0xffff_f028), RETURN_A];
    assert_eq!(run(&xor, &[]), 3);
}

#[test]
fn numbers_wrap_and_a_division_by_zero_is_no_match() {
    let of = |code, left, right| {
        run(&[(0x00, 0, 0, left), (0x01, 0, 0, right), (code, 0, 0, 0), RETURN_A], &[])
    };
    assert_eq!(of(0x0c, u32::MAX, 2), 1);
    assert_eq!(of(0x1c, 1, 2), u32::MAX);
    assert_eq!(of(0x2c, 1 << 31, 2), 0);
    assert_eq!([of(0x3c, 7, 2), of(0x3c, 7, 0), of(0x9c, 7, 2), of(0x9c, 7, 0)], [3, 0, 1, 0]);
    assert_eq!([of(0x6c, 1, 33), of(0x7c, 4, 33)], [2, 2]);
    assert_eq!(run(&[(0x00, 0, 0, 1), (0x84, 0, 0, 0), RETURN_A], &[]), u32::MAX);
    let divided = [(0x00, 0, 0, 7), (0x3c, 0, 0, 0), RETURN];
    assert_eq!(run(&divided, &[]), 0, "it ends there");
}

#[test]
fn what_the_kernel_refuses_is_refused() {
    let refused = |program: &[(u16, u8, u8, u32)]| {
        let instructions: Vec<_> = program.iter().copied().map(instruction).collect();
        Program::new(&instructions).err()
    };
    assert_eq!(refused(&[]), Some(Refusal::Unsound(0)));
    assert_eq!(refused(&[(0x20, 0, 0, 0)]), Some(Refusal::Unsound(0)));
    for wrong in [
        (0x0e, 0, 0, 0),
        (0x101, 0, 0, 0),
        (0x34, 0, 0, 0),
        (0x94, 0, 0, 0),
        (0x64, 0, 0, 32),
        (0x02, 0, 0, 16),
        (0x05, 0, 0, 1),
        (0x05, 0, 0, u32::MAX),
        (0x15, 1, 0, 0),
        (0x1d, 0, 1, 0),
        (0x20, 0, 0, 0xffff_f001),
        (0x30, 0, 0, 0xffff_f040),
    ] {
        assert_eq!(refused(&[wrong, RETURN]), Some(Refusal::Unsound(0)), "{wrong:?}");
    }
    for meaningless in [12, 16, 24, 32, 52] {
        let found = refused(&[(0x28, 0, 0, 0xffff_f000 + meaningless), RETURN]);
        assert!(matches!(found, Some(Refusal::Meaningless(_))), "{meaningless}");
    }
    assert_eq!(refused(&[(0x34, 0, 0, 1), (0x15, 0, 1, 0), RETURN, RETURN]), None);
}

/// What instructions mean, read off the bits of their codes.
fn plainly(program: &[Instruction], sample: &Sample) -> u32 {
    let (mut a, mut x, mut memory, mut at) = (0_u64, 0_u64, [0_u64; 16], 0);
    loop {
        let Instruction { code, jump_true, jump_false, k } = program[at];
        at += 1;
        let k = u64::from(k);
        let with = if code & 8 == 0 { k } else { x };
        let size = match code & 0x18 {
            0x00 => 4,
            0x08 => 2,
            _ => 1,
        };
        let read = |offset: u64, size: usize| {
            let offset = i64::from(offset as u32 as i32);
            let all = [&sample.link[..], &sample.packet].concat();
            let at = match offset {
                0.. => offset + 14,
                -0x10_0000.. => offset + 0x10_0000 + 14,
                _ => offset + 0x20_0000,
            };
            let bytes = all.get(usize::try_from(at).ok()?..)?.get(..size)?;
            Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        };
        match code & 7 {
            // Loads of A, by mode.
            0 => match code & 0xe0 {
                0x00 => a = k,
                0x20 if k >= 0xffff_f000 => match k - 0xffff_f000 {
                    0 => a = u64::from(TYPE),
                    8 => return a as u32,
                    20 => a = u64::from(MARK),
                    40 => a ^= x,
                    _ => a = 0,
                },
                0x20 => match read(k, size) {
                    Some(value) => a = value,
                    None => return 0,
                },
                0x40 => match read(x + k, size) {
                    Some(value) => a = value,
                    None => return 0,
                },
                0x60 => a = memory[k as usize],
                _ => a = sample.packet.len() as u64,
            },
            1 => match code & 0xe0 {
                0x00 => x = k,
                0x60 => x = memory[k as usize],
                0x80 => x = sample.packet.len() as u64,
                _ => match read(k, 1) {
                    Some(value) => x = (value & 15) << 2,
                    None => return 0,
                },
            },
            2 => memory[k as usize] = a,
            3 => memory[k as usize] = x,
            4 => {
                let zero = matches!(code & 0xf0, 0x30 | 0x90) && with == 0;
                if zero {
                    return 0;
                }
                a = match code & 0xf0 {
                    0x00 => a + with,
                    0x10 => a.wrapping_sub(with),
                    0x20 => a.wrapping_mul(with),
                    0x30 => a / with,
                    0x40 => a | with,
                    0x50 => a & with,
                    0x60 => a << (with % 32),
                    0x70 => a >> (with % 32),
                    0x80 => a.wrapping_neg(),
                    0x90 => a % with,
                    _ => a ^ with,
                } & 0xffff_ffff;
            }
            5 => {
                let holds = match code & 0xf0 {
                    0x00 => {
                        at += k as usize;
                        continue;
                    }
                    0x10 => a == with,
                    0x20 => a > with,
                    0x30 => a >= with,
                    _ => a & with != 0,
                };
                at += usize::from(if holds { jump_true } else { jump_false });
            }
            6 => return if code & 0x18 == 0x10 { a as u32 } else { k as u32 },
            _ => match code & 0xf8 {
                0 => x = a,
                _ => a = x,
            },
        }
    }
}

const CODES: [u16; 43] = [
    0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60, 0xb1, 0x81, 0x01, 0x61, 0x02, 0x03, 0x04,
    0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84,
    0x94, 0x9c, 0xa4, 0xac, 0x05, 0x15, 0x1d, 0x25, 0x35, 0x45, 0x87,
];

fn likely() -> impl Strategy<Value = Instruction> {
    let code = prop_oneof![
        10 => prop::sample::select(CODES.to_vec()),
        1 => Just(0x06),
        1 => Just(0x16),
        1 => Just(0x07)
    ];
    let k = prop_oneof![
        8 => 0..16_u32,
        1 => prop::sample::select(vec![0xffff_f000_u32, 0xffff_f008, 0xffff_f014, 0xffff_f028, 0xffff_f02c]),
        1 => 0xfff0_0000..0xfff0_0010_u32,
        1 => 0xffe0_0000..0xffe0_0020_u32,
        1 => any::<u32>(),
    ];
    (code, 0..3_u8, 0..3_u8, k).prop_map(instruction)
}

proptest! {
    #[test]
    fn programs_do_what_their_bits_say(
        mut program in prop::collection::vec(likely(), 0..12),
        packet in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        program.push(instruction(RETURN_A));
        let sample = Sample::new(&packet);
        // Instructions that make a program unsound are taken out until it is sound.
        let compiled = loop {
            match Program::new(&program) {
                Ok(compiled) => break compiled,
                Err(Refusal::Unsound(at)) => drop(program.remove(at)),
                Err(Refusal::Meaningless(_)) => return Ok(()),
            }
        };
        prop_assert_eq!(compiled.run(&sample), plainly(&program, &sample), "{:?}", program);
    }

    #[test]
    fn no_program_and_no_packet_harm(
        program in prop::collection::vec(
            (0..0xc0_u16, any::<u8>(), any::<u8>(), any::<u32>()).prop_map(instruction), 0..64),
        packet in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Ok(program) = Program::new(&program) {
            program.run(&Sample::new(&packet));
        }
    }
}
