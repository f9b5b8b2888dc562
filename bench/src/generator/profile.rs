//! What to send: which flow next, how large, and how broken.

use crate::traffic::routes::Random;
use std::str::FromStr;

/// Which flow comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Pick {
    /// One after the other.
    Sequential,
    /// Any.
    Random,
    /// A few often, most seldom: Zipf with exponent 1.
    Zipf,
}

impl Pick {
    /// The flow of frame `number`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a flow's number, within 32 bits"
    )]
    pub(super) fn flow(self, flows: u32, number: u64, random: &mut Random) -> u32 {
        let flows = flows.max(1);
        match self {
            Self::Sequential => (number % u64::from(flows)) as u32,
            Self::Random => (random.next() % u64::from(flows)) as u32,
            // The logarithm of the rank is uniform.
            Self::Zipf => {
                let uniform = (random.next() >> 16) as f64 / (1u64 << 32) as f64;
                ((f64::from(flows) + 1.0).powf(uniform) as u32 - 1).min(flows - 1)
            }
        }
    }
}

/// Bytes of a frame, with FCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Always so many.
    Fixed(usize),
    /// Any between the two.
    Range(usize, usize),
    /// Simple IMIX: 7 of 64, 4 of 594, 1 of 1518.
    Imix,
}

impl Size {
    pub(super) fn bytes(self, number: u64, random: &mut Random) -> usize {
        const IMIX: [usize; 12] = [64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64];
        match self {
            Self::Fixed(size) => size,
            Self::Range(least, most) => least + random.next() as usize % (most - least + 1),
            Self::Imix => IMIX[(number % 12) as usize],
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let size = text.parse().ok().filter(|size| (64..=1518).contains(size));
            size.ok_or_else(|| {
                format!("`{text}` is no frame size; write 64 to 1518, 64-1518 or imix")
            })
        };
        match text.split_once('-') {
            _ if text == "imix" => Ok(Self::Imix),
            None => number(text).map(Self::Fixed),
            Some((least, most)) => match (number(least)?, number(most)?) {
                (least, most) if least <= most => Ok(Self::Range(least, most)),
                (least, most) => Err(format!("sizes from {least} to {most}: the smaller first")),
            },
        }
    }
}

/// Breaks a frame in one of the ways that a router must not forward.
pub(super) fn malform(frame: &mut [u8], random: &mut Random) {
    let is6 = frame[12] == 0x86;
    match (random.next() % 4, is6) {
        // The version.
        (0, _) => frame[14] = 0x75,
        // A length longer than the frame.
        (1, false) => frame[16..18].copy_from_slice(&0xffff_u16.to_be_bytes()),
        (1, true) => frame[18..20].copy_from_slice(&0xffff_u16.to_be_bytes()),
        // The IP header's checksum.
        (2, false) => frame[24] ^= 0x55,
        // A multicast source.
        (2, true) => frame[22] = 0xff,
        // A header longer than the packet: of IPv6, an extension.
        (_, false) => frame[14] = 0x4f,
        (_, true) => {
            frame[20] = 0;
            frame[55] = 0xff;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_refused() {
        assert_eq!("64".parse(), Ok(Size::Fixed(64)));
        assert_eq!("64-128".parse(), Ok(Size::Range(64, 128)));
        assert_eq!("imix".parse(), Ok(Size::Imix));
        assert!("63".parse::<Size>().is_err() && "128-64".parse::<Size>().is_err());
    }

    #[test]
    fn picks_stay_within_the_flows_and_zipf_favours_the_first() {
        let mut random = Random(5);
        let mut counts = [0; 100];
        for number in 0..100_000 {
            for pick in [Pick::Sequential, Pick::Random] {
                assert!(pick.flow(100, number, &mut random) < 100);
            }
            counts[Pick::Zipf.flow(100, number, &mut random) as usize] += 1;
        }
        assert!(counts[0] > 10 * counts[50] && counts[99] > 0, "{counts:?}");
    }
}
