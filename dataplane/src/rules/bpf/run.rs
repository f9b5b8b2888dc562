//! Running a program.

use super::{
    Arithmetic, Comparison, Fact, MEMORY, Operand, Operation, Place, Program, Subject, Width,
};

/// The state of a run.
#[derive(Debug, Default)]
struct Machine {
    accumulator: u32,
    index: u32,
    memory: [u32; MEMORY],
}

/// How an operation ends.
enum Next {
    /// The program goes on after so many instructions more.
    Skip(u32),
    Return(u32),
}

impl Program {
    /// Whether it draws a random number.
    pub(in crate::rules) fn asks_chance(&self) -> bool {
        self.0.contains(&Operation::LoadFact(Fact::Random))
    }

    /// What the program returns for a packet: 0 too where it reads beyond the packet's end or divides by zero.
    pub(in crate::rules) fn run(&self, packet: &impl Subject) -> u32 {
        let mut machine = Machine::default();
        let mut at = 0_usize;
        while let Some(operation) = self.0.get(at) {
            match machine.step(*operation, packet) {
                // Forward in any case.
                Some(Next::Skip(skipped)) => {
                    at = at.saturating_add(1).saturating_add(skipped as usize)
                }
                Some(Next::Return(value)) => return value,
                None => return 0,
            }
        }
        0
    }
}

impl Machine {
    /// One operation; none where it cannot be done.
    fn step(&mut self, operation: Operation, packet: &impl Subject) -> Option<Next> {
        match operation {
            Operation::Load(width, offset) => self.accumulator = read(packet, width, offset)?,
            Operation::LoadIndirect(width, offset) => {
                let offset = offset.wrapping_add(self.index.cast_signed());
                self.accumulator = read(packet, width, offset)?;
            }
            Operation::LoadFact(fact) => match packet.fact(fact) {
                Some(value) => self.accumulator = value,
                // As the kernel does where there is no interface.
                None => return Some(Next::Return(self.accumulator)),
            },
            Operation::LoadLength => self.accumulator = packet.length(),
            Operation::LoadConstant(value) => self.accumulator = value,
            Operation::LoadMemory(place) => self.accumulator = self.memory(place),
            Operation::IndexHeaderLength(offset) => {
                self.index = (read(packet, Width::Byte, offset)? & 0xf) * 4;
            }
            Operation::IndexLength => self.index = packet.length(),
            Operation::IndexConstant(value) => self.index = value,
            Operation::IndexMemory(place) => self.index = self.memory(place),
            Operation::Store(place) => self.store(place, self.accumulator),
            Operation::StoreIndex(place) => self.store(place, self.index),
            Operation::Arithmetic(arithmetic, with) => {
                self.accumulator = arithmetic.of(self.accumulator, self.operand(with))?;
            }
            Operation::Negate => self.accumulator = self.accumulator.wrapping_neg(),
            Operation::Jump(skipped) => return Some(Next::Skip(skipped)),
            Operation::JumpIf { comparison, with, jump_true, jump_false } => {
                let holds = comparison.holds(self.accumulator, self.operand(with));
                return Some(Next::Skip(if holds { jump_true } else { jump_false }.into()));
            }
            Operation::ReturnConstant(value) => return Some(Next::Return(value)),
            Operation::ReturnAccumulator => return Some(Next::Return(self.accumulator)),
            Operation::IndexFromAccumulator => self.index = self.accumulator,
            Operation::AccumulatorFromIndex => self.accumulator = self.index,
        }
        Some(Next::Skip(0))
    }

    const fn operand(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Constant(value) => value,
            Operand::Index => self.index,
        }
    }

    fn memory(&self, Place(place): Place) -> u32 {
        self.memory.get(usize::from(place)).copied().unwrap_or_default()
    }

    fn store(&mut self, Place(place): Place, value: u32) {
        if let Some(word) = self.memory.get_mut(usize::from(place)) {
            *word = value;
        }
    }
}

impl Arithmetic {
    /// None of a division by zero.
    const fn of(self, left: u32, right: u32) -> Option<u32> {
        Some(match self {
            Self::Add => left.wrapping_add(right),
            Self::Subtract => left.wrapping_sub(right),
            Self::Multiply => left.wrapping_mul(right),
            Self::Divide => return left.checked_div(right),
            Self::Remainder => return left.checked_rem(right),
            Self::And => left & right,
            Self::Or => left | right,
            Self::Xor => left ^ right,
            Self::ShiftLeft => left.wrapping_shl(right),
            Self::ShiftRight => left.wrapping_shr(right),
        })
    }
}

impl Comparison {
    const fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Greater => left > right,
            Self::NotLess => left >= right,
            Self::BitsInCommon => left & right != 0,
        }
    }
}

fn read(packet: &impl Subject, width: Width, offset: i32) -> Option<u32> {
    Some(match width {
        Width::Byte => u8::from_be_bytes(packet.read(offset)?).into(),
        Width::Half => u16::from_be_bytes(packet.read(offset)?).into(),
        Width::Word => u32::from_be_bytes(packet.read(offset)?),
    })
}
