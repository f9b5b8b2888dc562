//! Classic BPF programs, as the kernel runs them on packets (net/core/filter.c).
//!
//! ```text
//!   instructions ─ Program::new: known, jumps within, a return at the end ─> operations ─ run ─> a number
//! ```
//!
//! A program has an accumulator `A`, an index register `X` and 16 words of memory, all zero at first. Jumps go forward
//! only, so that it ends after as many steps as it has instructions.

mod decode;
mod run;

#[cfg(test)]
mod tests;

use thiserror::Error;

/// Words of memory.
const MEMORY: usize = 16;

/// One instruction (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// Instructions skipped where a jump's condition holds.
    pub jump_true: u8,
    /// Instructions skipped where it does not.
    pub jump_false: u8,
    /// A constant, an offset or a place in memory.
    pub k: u32,
}

/// Why a program is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The kernel would not run it either: an instruction nobody knows, a jump out of the program, a constant that makes
    /// no sense, or no return at the end.
    #[error("instruction {0} is not sound")]
    Unsound(usize),
    /// It asks for something that no packet has here.
    #[error("{0:?} has no meaning here")]
    Meaningless(Absent),
}

/// What the kernel knows about a packet and this gateway does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// `SKF_AD_NLATTR`, `SKF_AD_NLATTR_NEST`: attributes of netlink messages, which are no packets.
    NetlinkAttribute,
    /// `SKF_AD_QUEUE`: a queue of the kernel's.
    Queue,
    /// `SKF_AD_RXHASH`: the kernel's hash of addresses and ports.
    Hash,
    /// `SKF_AD_PAY_OFFSET`: where the kernel's flow dissector finds the payload.
    PayloadOffset,
}

/// A program that is known to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<Operation>);

/// Where an operation takes its second number from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Constant(u32),
    Index,
}

/// How many bytes are read of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    Byte,
    Half,
    Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Greater,
    NotLess,
    BitsInCommon,
}

/// A place in memory, below [`MEMORY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// `A` from the packet.
    Load(Width, i32),
    /// `A` from the packet, `X` bytes further on.
    LoadIndirect(Width, i32),
    /// `A` from what is known about the packet.
    LoadFact(Fact),
    LoadLength,
    LoadConstant(u32),
    LoadMemory(Place),
    /// `X`: four times the lower half of a byte of the packet, which is how IPv4 says the length of its header.
    IndexHeaderLength(i32),
    IndexLength,
    IndexConstant(u32),
    IndexMemory(Place),
    Store(Place),
    StoreIndex(Place),
    Arithmetic(Arithmetic, Operand),
    Negate,
    Jump(u32),
    JumpIf {
        comparison: Comparison,
        with: Operand,
        jump_true: u8,
        jump_false: u8,
    },
    ReturnConstant(u32),
    ReturnAccumulator,
    IndexFromAccumulator,
    AccumulatorFromIndex,
}

/// What a program can ask about a packet beside its bytes (`SKF_AD_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Fact {
    /// `EtherType` of what it holds.
    Protocol,
    /// `PACKET_HOST` and the like.
    PacketType,
    /// Number of the interface it is at.
    Interface,
    /// Kind of that interface (`ARPHRD_*`).
    InterfaceKind,
    /// Its mark.
    Mark,
    /// Who runs the program.
    Cpu,
    /// A VLAN tag that was taken off it, whether there is one, and its `EtherType`.
    VlanTag,
    /// A random number.
    Random,
}

/// What a program runs on.
pub(in crate::rules) trait Subject {
    /// Bytes of the packet, which begins with its IP header; from -0x100000 on likewise, and from -0x200000 on with its
    /// Ethernet header. None beyond its end.
    fn read<const N: usize>(&self, offset: i32) -> Option<[u8; N]>;
    /// Its length from the IP header on.
    fn length(&self) -> u32;
    /// What is known about it; none of an interface where it is at none, which ends the program.
    fn fact(&self, fact: Fact) -> Option<u32>;
}
