//! `-m comment`: words for the reader; always matches.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Look, Opt, Words, opt, quoted};

/// `--comment TEXT`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comment {
    /// At most 255 bytes.
    pub text: String,
}

/// The kernel's XT_MAX_COMMENT_LEN, less the final zero.
const MAX: usize = 255;

impl Words for Comment {
    fn options(&self) -> &'static [Opt] {
        const OPTIONS: &[Opt] = &[opt("comment").required()];
        OPTIONS
    }

    fn set(&mut self, given: &Given<'_>) -> Result<(), Fault> {
        let text = given.argument(0);
        if text.contains('\n') {
            let message = "comment: Newlines not allowed in --comment";
            return Err(
                Fault::usage(message).help("leave the line end out: a rule is saved as one line")
            );
        }
        // A longer one is cut, not refused.
        let mut end = text.len().min(MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text = text.get(..end).unwrap_or_default().to_owned();
        Ok(())
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --comment ");
        out.push_str(&quoted(&self.text));
    }

    fn list(&self, out: &mut String, _look: Look) {
        out.push_str(&format!(" /* {} */", self.text));
    }
}
