//! A pipeline broken on purpose, which the checks must notice.

use dpdk::Mbuf;

/// What goes wrong with one packet of every round, after the worker and before the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sabotage {
    /// One bit of it flips.
    Corrupt,
    /// It is lost.
    Drop,
    /// It leaves by another port.
    Misroute,
    /// It leaves twice, in another's place.
    Duplicate,
}

impl Sabotage {
    /// Does it to what came out of the ports.
    pub(crate) fn strike(self, done: &mut [Vec<Mbuf>; 2]) {
        let [first, second] = done;
        let (from, to) = if first.is_empty() { (second, first) } else { (first, second) };
        match self {
            Self::Corrupt => {
                if let Some(byte) = from.last_mut().and_then(|mbuf| mbuf.data_mut().get_mut(27)) {
                    *byte ^= 0x10;
                }
            }
            Self::Drop => drop(from.pop()),
            Self::Misroute => to.extend(from.pop()),
            Self::Duplicate => {
                if let Some([original, copy]) = from.last_chunk_mut::<2>() {
                    let bytes = original.data();
                    let length = bytes.len().min(copy.data().len());
                    if let (Some(into), Some(bytes)) =
                        (copy.data_mut().get_mut(..length), bytes.get(..length))
                    {
                        into.copy_from_slice(bytes);
                    }
                }
            }
        }
    }
}
