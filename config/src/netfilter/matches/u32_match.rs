//! `-m u32`: numbers picked out of the packet and compared (kernel: xt_u32).
//!
//! ```text
//! test ("&&" test)…      test: location "=" range ("," range)…
//! location: number (("&" | "<<" | ">>" | "@") number)…      range: number [":" number]
//! ```

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Objection, Opt, Place, Words, leading_number, opt};

/// `[!] --u32 TESTS`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct U32 {
    /// `!`
    pub negated: bool,
    /// All must hold; from 1 to 10.
    pub tests: Vec<U32Test>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct U32Test {
    /// Where reading begins: the four bytes this many after the network header, in network byte
    /// order.
    pub offset: u32,
    /// What is then done with the value, in order; at most 9 steps.
    pub steps: Vec<U32Step>,
    /// The result lies in one of these, ends included; from 1 to 10.
    pub ranges: Vec<(u32, u32)>,
}

/// One step of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum U32Step {
    /// `&`
    And(u32),
    /// `<<`
    ShiftLeft(u32),
    /// `>>`
    ShiftRight(u32),
    /// `@`: the value moves the start, and the four bytes this many after the new start are read.
    At(u32),
}

/// The kernel's XT_U32_MAXSIZE.
const MAX: usize = 10;

impl U32Step {
    fn text(self) -> String {
        match self {
            Self::And(number) => format!("&{number:#x}"),
            Self::ShiftLeft(number) => format!("<<{number:#x}"),
            Self::ShiftRight(number) => format!(">>{number:#x}"),
            Self::At(number) => format!("@{number:#x}"),
        }
    }
}

impl U32Test {
    fn text(&self) -> String {
        let steps: String = self.steps.iter().map(|step| step.text()).collect();
        let range = |(min, max): &(u32, u32)| match min == max {
            true => format!("{min:#x}"),
            false => format!("{min:#x}:{max:#x}"),
        };
        let ranges: Vec<String> = self.ranges.iter().map(range).collect();
        format!("{:#x}{steps}={}", self.offset, ranges.join(","))
    }
}

/// A reader of the tests.
struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Bytes read so far, which messages count.
    fn position(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    fn fault(&self, what: &str) -> Fault {
        let message = format!("u32: at char {}: {what}", self.position());
        Fault::usage(message).help("as in `--u32 \"6&0xFF=1 && 0>>22&0x3C@0>>24=0\"`")
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The second character of an operator whose first was read.
    fn second(&mut self, text: &str) -> Result<(), Fault> {
        match self.take(text) {
            true => Ok(()),
            false => Err(self.fault(&format!("a second '{text}' was expected"))),
        }
    }

    fn number(&mut self) -> Result<u32, Fault> {
        let read = leading_number(self.rest)
            .and_then(|(number, rest)| Some((u32::try_from(number).ok()?, rest)));
        let (number, rest) = read.ok_or_else(|| self.fault("not a number or out of range"))?;
        self.rest = rest;
        Ok(number)
    }

    fn step(&mut self) -> Result<U32Step, Fault> {
        let step: fn(u32) -> U32Step = match self.rest.chars().next() {
            Some('&') => U32Step::And,
            Some('<') => U32Step::ShiftLeft,
            Some('>') => U32Step::ShiftRight,
            Some('@') => U32Step::At,
            Some(_) | None => return Err(self.fault("operator expected")),
        };
        if self.take("<") {
            self.second("<")?;
        } else if self.take(">") {
            self.second(">")?;
        } else {
            let _ = self.take("&") || self.take("@");
        }
        self.number().map(step)
    }

    /// A location and the `=` behind it.
    fn location(&mut self) -> Result<U32Test, Fault> {
        let abrupt = "u32: abrupt end of input after location specifier";
        let abrupt = || Fault::usage(abrupt).help("write `=` and a value behind it");
        self.blanks();
        match self.rest.chars().next() {
            None => return Err(abrupt()),
            Some('=') => return Err(self.fault("location spec missing")),
            Some(_) => {}
        }
        let mut test = U32Test { offset: self.number()?, ..U32Test::default() };
        loop {
            self.blanks();
            if self.rest.is_empty() {
                return Err(abrupt());
            }
            if self.take("=") {
                return Ok(test);
            }
            let step = self.step()?;
            test.steps.push(step);
            if test.steps.len() >= MAX {
                return Err(self.fault("too many operators"));
            }
        }
    }

    fn range(&mut self) -> Result<(u32, u32), Fault> {
        let min = self.number()?;
        self.blanks();
        let max = if self.take(":") { self.number()? } else { min };
        Ok((min, max))
    }

    /// The values of a test; whether another test follows.
    fn values(&mut self, test: &mut U32Test) -> Result<bool, Fault> {
        loop {
            self.blanks();
            if self.rest.is_empty() && test.ranges.is_empty() {
                let message = "u32: test ended with no value specified";
                return Err(Fault::usage(message).help("write a value behind `=`"));
            }
            if self.rest.is_empty() {
                return Ok(false);
            }
            if self.take("&") {
                // The tool's count stands at the second character where it says this.
                if !self.rest.starts_with('&') {
                    return Err(self.fault("a second '&' was expected"));
                }
                if test.ranges.is_empty() {
                    return Err(self.fault("value spec missing"));
                }
                return Ok(true);
            }
            if !test.ranges.is_empty() && !self.take(",") {
                return Err(self.fault("expected \",\" or \"&&\""));
            }
            let range = self.range()?;
            test.ranges.push(range);
            if test.ranges.len() > MAX {
                return Err(self.fault("too many \",\"s"));
            }
        }
    }

    fn tests(mut self) -> Result<Vec<U32Test>, Fault> {
        let mut tests = Vec::new();
        loop {
            let mut test = self.location()?;
            let more = self.values(&mut test)?;
            tests.push(test);
            if tests.len() > MAX {
                return Err(self.fault("too many \"&&\"s"));
            }
            if !more {
                return Ok(tests);
            }
            let _ = self.take("&");
        }
    }
}

impl U32 {
    fn text(&self) -> String {
        let tests: Vec<String> = self.tests.iter().map(U32Test::text).collect();
        format!(" \"{}\"", tests.join("&&"))
    }
}

impl Words for U32 {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("u32").negatable().required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let whole = given.argument(0);
        self.tests = Reader { whole, rest: whole }.tests()?;
        self.negated = given.negated;
        Ok(())
    }

    fn objection(&self, _place: &Place) -> Option<Objection> {
        let mut steps = self.tests.iter().flat_map(|test| &test.steps);
        let too_far = steps.any(|step| match *step {
            U32Step::ShiftLeft(bits) | U32Step::ShiftRight(bits) => bits >= u32::BITS,
            U32Step::And(_) | U32Step::At(_) => false,
        });
        if too_far { Objection::invalid("shift by 31 bits at most") } else { None }
    }

    fn save(&self, out: &mut String) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!("{bang} --u32{}", self.text()));
    }

    fn list(&self, out: &mut String, _look: Look) {
        let bang = if self.negated { " !" } else { "" };
        out.push_str(&format!(" u32{bang}{}", self.text()));
    }
}
