//! Text as messages carry it: decimal numbers read as the kernel reads them (`simple_strtoul`), and what is written in place
//! of others.

/// The number that text begins with, modulo 2⁶⁴, and of how many digits it is; zero of none.
pub(crate) fn read_number(text: &[u8]) -> (u64, usize) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold((0, 0), |(value, length): (u64, usize), digit| {
        (value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')), length + 1)
    })
}

/// A few bytes to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Text {
    const MOST: usize = 64;

    pub(crate) const fn new() -> Self {
        Self { bytes: [0; Self::MOST], length: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// What does not fit is left out.
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    pub(crate) fn push_number(&mut self, number: u32) {
        let mut unit = 1_000_000_000;
        let mut shown = false;
        while unit > 0 {
            let digit = number / unit % 10;
            shown |= digit != 0 || unit == 1;
            if shown {
                self.push(b'0' + u8::try_from(digit).unwrap_or(0));
            }
            unit /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_up_to_the_first_other_byte() {
        assert_eq!(read_number(b"3232235785 1025\n"), (3_232_235_785, 10));
        assert_eq!(
            (read_number(b""), read_number(b"x1"), read_number(b"007")),
            ((0, 0), (0, 0), (7, 3))
        );
        assert_eq!(read_number(b"18446744073709551617"), (1, 20), "modulo 2^64");
    }

    #[test]
    fn numbers_are_written_without_zeros_before_them() {
        for number in [0, 7, 10, 1025, 65_535, u32::MAX] {
            let mut text = Text::new();
            text.push_number(number);
            assert_eq!(text.as_bytes(), number.to_string().as_bytes());
        }
        let mut text = Text::new();
        (0..100).for_each(|_| text.push(b'x'));
        assert_eq!(text.as_bytes(), [b'x'; Text::MOST]);
    }
}
