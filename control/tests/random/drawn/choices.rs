//! A list of bytes as a list of choices: the same bytes choose the same, and when they have come to an end every
//! choice is the first one. So whoever makes bytes (a fuzzer, a property test) draws what is made of them, and
//! fewer bytes are less of it.

/// The bytes that are left.
#[derive(Debug, Clone)]
pub struct Choices<'b>(&'b [u8]);

impl<'b> Choices<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Whether every further choice is the first one.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// A number below `end`, which is above zero and at most 65,536.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end <= 256 { self.byte().into() } else { usize::from(self.u16()) };
        number % end
    }

    /// One of several.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A copy of one of several.
    pub fn picked<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// Whether something happens that does so once in `times`, and never behind the end.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }
}
