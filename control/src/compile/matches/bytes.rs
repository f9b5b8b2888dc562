//! Matches that read the packet's bytes by number, and the one that asks who does.

use crate::compile::error::Unsupported;
use sluice_config::netfilter::matches as words;
use sluice_dataplane::rules::bpf::{Absent, Instruction, Program, Refusal};
use sluice_dataplane::rules::matches::u32_match::{Step, Test, U32};
use sluice_dataplane::rules::matches::{Match, bpf, cpu};

pub(super) fn u32<A>(asked: &words::U32) -> Match<A> {
    let step = |step: &words::U32Step| match *step {
        words::U32Step::And(number) => Step::And(number),
        words::U32Step::ShiftLeft(number) => Step::ShiftLeft(number),
        words::U32Step::ShiftRight(number) => Step::ShiftRight(number),
        words::U32Step::At(number) => Step::At(number),
    };
    let test = |test: &words::U32Test| Test {
        offset: test.offset,
        steps: test.steps.iter().map(step).collect(),
        ranges: test.ranges.clone(),
    };
    Match::U32(U32 { tests: asked.tests.iter().map(test).collect(), invert: asked.negated })
}

pub(super) fn bpf<A>(asked: &words::Bpf) -> Result<Match<A>, Unsupported> {
    let instruction = |instruction: &words::BpfInstruction| {
        let words::BpfInstruction { code, jump_true, jump_false, k } = *instruction;
        Instruction { code, jump_true, jump_false, k }
    };
    let program: Vec<_> = asked.program.iter().map(instruction).collect();
    let program = Program::new(&program).map_err(|refusal| match refusal {
        Refusal::Unsound(_) => Unsupported {
            what: "--bytecode that does not pass the checks of classic BPF",
            instead: "write what nfbpf_compile prints",
        },
        Refusal::Meaningless(absent) => meaningless(absent),
    })?;
    Ok(Match::Bpf(bpf::Bpf(program)))
}

fn meaningless(absent: Absent) -> Unsupported {
    let (what, instead) = match absent {
        Absent::NetlinkAttribute => (
            "--bytecode that loads SKF_AD_NLATTR",
            "packets hold no netlink attributes; leave the instruction out",
        ),
        Absent::Queue => (
            "--bytecode that loads SKF_AD_QUEUE",
            "there are no queues of the kernel's; load SKF_AD_CPU for the worker",
        ),
        Absent::Hash => (
            "--bytecode that loads SKF_AD_RXHASH",
            "there is no hash of the kernel's; hash addresses and ports in the program",
        ),
        Absent::PayloadOffset => {
            ("--bytecode that loads SKF_AD_PAY_OFFSET", "add up the lengths that the headers say")
        }
    };
    Unsupported { what, instead }
}

pub(super) fn cpu<A>(asked: words::Cpu) -> Match<A> {
    Match::Cpu(cpu::Cpu { number: asked.number, invert: asked.negated })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::address::V4;

    fn loading(k: u32) -> Result<Match<V4>, Unsupported> {
        let instruction = |code, k| words::BpfInstruction { code, jump_true: 0, jump_false: 0, k };
        bpf(&words::Bpf { program: vec![instruction(0x20, k), instruction(0x16, 0)] })
    }

    #[test]
    fn loads_without_a_meaning_are_refused_by_name() {
        let refused = |number: u32| loading(0xffff_f000 + number).map_err(|refused| refused.what);
        assert_eq!(refused(24).err(), Some("--bytecode that loads SKF_AD_QUEUE"));
        assert_eq!(refused(32).err(), Some("--bytecode that loads SKF_AD_RXHASH"));
        assert_eq!(refused(52).err(), Some("--bytecode that loads SKF_AD_PAY_OFFSET"));
        assert_eq!(refused(12), refused(16));
        assert!(
            [0, 4, 8, 20, 28, 36, 40, 44, 48, 56, 60].iter().all(|fact| refused(*fact).is_ok())
        );
    }
}
