//! `-m comment`: words for the reader; always matches.

use crate::netfilter::fault::Fault;
use crate::netfilter::words::{Given, Opt, Words, opt, quoted};

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
        if text.len() > MAX {
            let message =
                format!("comment: Value for \"--comment\" must be at most {MAX} bytes long.\n");
            return Err(Fault::usage(message).help("shorten the comment"));
        }
        self.text = text.to_owned();
        Ok(())
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --comment ");
        out.push_str(&quoted(&self.text));
    }

    fn list(&self, out: &mut String, _numeric: bool) {
        out.push_str(&format!(" /* {} */", self.text));
    }
}
