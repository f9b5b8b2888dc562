//! `-m bpf`: a classic BPF program looks at the packet (kernel: xt_bpf).

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Surroundings, Words, opt};

/// `--bytecode "LENGTH,CODE JT JF K,…"`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bpf {
    /// From 1 to 64 instructions. The packet, from the network header, matches where the program
    /// returns anything but 0.
    pub program: Vec<BpfInstruction>,
}

/// One instruction (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BpfInstruction {
    /// What is done.
    pub code: u16,
    /// Instructions skipped where a jump's condition holds.
    pub jump_true: u8,
    /// Instructions skipped where it does not.
    pub jump_false: u8,
    /// A constant, an offset or a place in the scratch memory.
    pub k: u32,
}

/// The kernel's XT_BPF_MAX_NUM_INSTR.
const MAX: usize = 64;

/// `scanf`'s `%u`: the decimal number a text begins with, after blanks; too large it wraps.
fn scan(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, rest) = digits.split_at(end);
    if number.is_empty() {
        return None;
    }
    let number = number.parse().unwrap_or(u64::MAX);
    Some((if text.starts_with('-') { number.wrapping_neg() } else { number }, rest))
}

impl BpfInstruction {
    /// `CODE JT JF K`; what follows is not looked at.
    fn parse(text: &str) -> Option<Self> {
        let (code, rest) = scan(text)?;
        let (jump_true, rest) = scan(rest)?;
        let (jump_false, rest) = scan(rest)?;
        let (k, _) = scan(rest)?;
        let (code, k) = (code as u16, k as u32);
        Some(Self { code, jump_true: jump_true as u8, jump_false: jump_false as u8, k })
    }
}

impl Bpf {
    fn parse(text: &str) -> Result<Vec<BpfInstruction>, Fault> {
        let help = "write what `nfbpf_compile` prints: the number of instructions, then each one \
                    after a comma";
        let fault = |message: &str| Fault::usage(format!("bpf: {message}")).help(help);
        let (length, rest) = scan(text)
            .filter(|(_, rest)| rest.starts_with(','))
            .ok_or_else(|| fault("error parsing program length"))?;
        let length = usize::from(length as u16);
        match length {
            0 => return Err(fault("illegal zero length program")),
            length if length > MAX => {
                return Err(fault("number of instructions exceeds maximum"));
            }
            _ => {}
        }
        let mut program = Vec::new();
        // A comma at the very end begins no instruction.
        let mut rest = rest.strip_prefix(',').filter(|rest| !rest.is_empty());
        while let Some(text) = rest {
            let nth = program.len();
            if nth >= length {
                let message = "real program length exceeds the encoded length parameter";
                return Err(fault(message));
            }
            let instruction = BpfInstruction::parse(text);
            program.push(instruction.ok_or_else(|| fault(&format!("error at instr {nth}")))?);
            rest = text.split_once(',').map(|(_, rest)| rest).filter(|rest| !rest.is_empty());
        }
        match program.len() == length {
            true => Ok(program),
            false => Err(fault("parsed program length is less than the encoded length parameter")),
        }
    }

    fn code_text(&self) -> String {
        let one = |instruction: &BpfInstruction| {
            let BpfInstruction { code, jump_true, jump_false, k } = instruction;
            format!("{code} {jump_true} {jump_false} {k}")
        };
        self.program.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

impl Words for Bpf {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("bytecode"), opt("object-pinned")];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        match given.option {
            "bytecode" => self.program = Self::parse(given.argument(0))?,
            _ => {
                return Err(Fault::usage("bpf: failed to get bpf object")
                    .help("programs of the kernel are out of reach here; write `--bytecode`"));
            }
        }
        Ok(())
    }

    fn finish(&mut self, rule: &Surroundings<'_>) -> Result<(), Fault> {
        rule.some("bpf: one of --bytecode or --pinned is required", "--bytecode PROGRAM")
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        match super::bpf_check::sound(&self.program) {
            true => None,
            false => Objection::invalid("the program does not pass the checks of classic BPF"),
        }
    }

    fn save(&self, out: &mut String) {
        out.push_str(&format!(" --bytecode \"{},{}\"", self.program.len(), self.code_text()));
    }

    /// The tool ends it with a NUL, and puts no blank before it.
    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!("match bpf {}\0", self.code_text()));
    }
}
