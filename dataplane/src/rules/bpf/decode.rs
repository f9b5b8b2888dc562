//! Instructions to operations; what the kernel's `bpf_check_classic` refuses is refused.

use super::{
    Absent, Arithmetic, Comparison, Fact, Instruction, MEMORY, Operand, Operation, Place, Program,
    Refusal, Width,
};

/// Loads from here up are of facts about the packet (`SKF_AD_OFF`).
const FACTS: u32 = 0xffff_f000;

impl Program {
    /// A program of these instructions.
    ///
    /// # Errors
    /// [`Refusal::Unsound`] with the number of the instruction, from 0, where the kernel would refuse it;
    /// [`Refusal::Meaningless`] where it asks for something that packets do not have here.
    pub fn new(instructions: &[Instruction]) -> Result<Self, Refusal> {
        let last = instructions.len().checked_sub(1).ok_or(Refusal::Unsound(0))?;
        let operations: Vec<Operation> = instructions
            .iter()
            .enumerate()
            .map(|(at, instruction)| {
                let operation = operation(*instruction)?.ok_or(Refusal::Unsound(at))?;
                match stays_within(operation, last - at) {
                    true => Ok(operation),
                    false => Err(Refusal::Unsound(at)),
                }
            })
            .collect::<Result<_, _>>()?;
        match operations.last() {
            Some(Operation::ReturnConstant(_) | Operation::ReturnAccumulator) => {
                Ok(Self(operations))
            }
            Some(_) | None => Err(Refusal::Unsound(last)),
        }
    }
}

/// Whether a jump leads to one of the instructions that follow.
const fn stays_within(operation: Operation, following: usize) -> bool {
    match operation {
        Operation::Jump(skipped) => (skipped as usize) < following,
        Operation::JumpIf { jump_true, jump_false, .. } => {
            (jump_true as usize) < following && (jump_false as usize) < following
        }
        _ => true,
    }
}

/// What an instruction does; none where there is no such one.
fn operation(instruction: Instruction) -> Result<Option<Operation>, Refusal> {
    let Instruction { code, k, .. } = instruction;
    let place = u8::try_from(k).ok().filter(|place| usize::from(*place) < MEMORY).map(Place);
    Ok(Some(match code {
        0x20 | 0x28 | 0x30 if k >= FACTS => return fact(k - FACTS),
        0x20 => Operation::Load(Width::Word, k.cast_signed()),
        0x28 => Operation::Load(Width::Half, k.cast_signed()),
        0x30 => Operation::Load(Width::Byte, k.cast_signed()),
        0x40 => Operation::LoadIndirect(Width::Word, k.cast_signed()),
        0x48 => Operation::LoadIndirect(Width::Half, k.cast_signed()),
        0x50 => Operation::LoadIndirect(Width::Byte, k.cast_signed()),
        0x80 => Operation::LoadLength,
        0x00 => Operation::LoadConstant(k),
        0x60 => return Ok(place.map(Operation::LoadMemory)),
        0xb1 => Operation::IndexHeaderLength(k.cast_signed()),
        0x81 => Operation::IndexLength,
        0x01 => Operation::IndexConstant(k),
        0x61 => return Ok(place.map(Operation::IndexMemory)),
        0x02 => return Ok(place.map(Operation::Store)),
        0x03 => return Ok(place.map(Operation::StoreIndex)),
        0x84 => Operation::Negate,
        0x05 => Operation::Jump(k),
        0x06 => Operation::ReturnConstant(k),
        0x16 => Operation::ReturnAccumulator,
        0x07 => Operation::IndexFromAccumulator,
        0x87 => Operation::AccumulatorFromIndex,
        _ => return Ok(arithmetic(code, k).or_else(|| jump(instruction))),
    }))
}

/// The lowest three bits of a code are its class, the fourth tells where the second number comes from.
const fn operand(code: u16, k: u32) -> Operand {
    if code & 0x08 == 0 { Operand::Constant(k) } else { Operand::Index }
}

fn arithmetic(code: u16, k: u32) -> Option<Operation> {
    let operand = operand(code, k);
    let constant = operand == Operand::Constant(k);
    let arithmetic = match code & !0x08 {
        0x04 => Arithmetic::Add,
        0x14 => Arithmetic::Subtract,
        0x24 => Arithmetic::Multiply,
        0x34 if !(constant && k == 0) => Arithmetic::Divide,
        0x94 if !(constant && k == 0) => Arithmetic::Remainder,
        0x44 => Arithmetic::Or,
        0x54 => Arithmetic::And,
        0xa4 => Arithmetic::Xor,
        0x64 if !(constant && k >= u32::BITS) => Arithmetic::ShiftLeft,
        0x74 if !(constant && k >= u32::BITS) => Arithmetic::ShiftRight,
        _ => return None,
    };
    Some(Operation::Arithmetic(arithmetic, operand))
}

fn jump(instruction: Instruction) -> Option<Operation> {
    let Instruction { code, jump_true, jump_false, k } = instruction;
    let comparison = match code & !0x08 {
        0x15 => Comparison::Equal,
        0x25 => Comparison::Greater,
        0x35 => Comparison::NotLess,
        0x45 => Comparison::BitsInCommon,
        _ => return None,
    };
    Some(Operation::JumpIf { comparison, with: operand(code, k), jump_true, jump_false })
}

/// Facts by their numbers.
const fn fact(number: u32) -> Result<Option<Operation>, Refusal> {
    let fact = match number {
        0 => Fact::Protocol,
        4 => Fact::PacketType,
        8 => Fact::Interface,
        20 => Fact::Mark,
        28 => Fact::InterfaceKind,
        36 => Fact::Cpu,
        44 | 48 | 60 => Fact::VlanTag,
        56 => Fact::Random,
        12 | 16 => return Err(Refusal::Meaningless(Absent::NetlinkAttribute)),
        24 => return Err(Refusal::Meaningless(Absent::Queue)),
        32 => return Err(Refusal::Meaningless(Absent::Hash)),
        52 => return Err(Refusal::Meaningless(Absent::PayloadOffset)),
        // Not a fact, but what the kernel hides among them.
        40 => return Ok(Some(Operation::Arithmetic(Arithmetic::Xor, Operand::Index))),
        _ => return Ok(None),
    };
    Ok(Some(Operation::LoadFact(fact)))
}
