//! SYN cookies: a sequence number that says what a SYN offered and that only its receiver can have read
//! (kernel `net/ipv4/syncookies.c`, after D. J. Bernstein and Eric Schenk).
//!
//! ```text
//!   cookie = hash(secret 1, ends) + client's sequence number
//!          + minute << 24 + (hash(secret 2, ends, minute) + index of the MSS) % 2^24
//! ```

use crate::address::{Address, IpVersion};
use crate::time::Instant;
use crate::tuple::{Tuple, Zone};
use std::fmt;
use zerocopy::IntoBytes;

/// A cookie is good in the minute it was made in, and in the next (kernel `MAX_SYNCOOKIE_AGE`).
const MINUTES: u32 = 2;
/// Bits of a cookie below the minute.
const BITS: u32 = 24;
const MASK: u32 = (1 << BITS) - 1;

/// The maximum segment sizes a cookie can tell, ascending: of a client that offers another, the next lower.
const fn sizes(version: IpVersion) -> [u16; 4] {
    match version {
        IpVersion::V4 => [536, 1300, 1440, 1460],
        IpVersion::V6 => [1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60],
    }
}

/// What cookies are made with: secret, and the same for all workers.
#[derive(Clone, Copy)]
pub struct SynCookies {
    constant: [u64; 2],
    by_minute: [u64; 2],
}

impl fmt::Debug for SynCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SynCookies")
    }
}

impl SynCookies {
    /// From numbers nobody on the wire can guess.
    #[must_use]
    pub const fn new([a, b, c, d]: [u64; 4]) -> Self {
        Self { constant: [a, b], by_minute: [c, d] }
    }

    /// The sequence number that answers a SYN of `tuple` with that sequence number and maximum segment size
    /// (zero if it named none).
    #[must_use]
    pub fn make<A: Address>(&self, tuple: &Tuple<A>, seq: u32, mss: u16, now: Instant) -> u32 {
        let lower = sizes(A::VERSION).iter().skip(1).filter(|&&size| size <= mss).count() as u32;
        let minute = minute(now);
        let secret = hash(self.by_minute, tuple, minute).wrapping_add(lower) & MASK;
        self.base(tuple, seq).wrapping_add(minute << BITS).wrapping_add(secret)
    }

    /// The maximum segment size that a cookie for `tuple` and that sequence number tells; none when we did not
    /// make it, or not lately.
    #[must_use]
    pub fn check<A: Address>(
        &self,
        tuple: &Tuple<A>,
        seq: u32,
        cookie: u32,
        now: Instant,
    ) -> Option<u16> {
        let told = cookie.wrapping_sub(self.base(tuple, seq));
        let minute = minute(now);
        let age = minute.wrapping_sub(told >> BITS) & (u32::MAX >> BITS);
        if age >= MINUTES {
            return None;
        }
        let secret = hash(self.by_minute, tuple, minute.wrapping_sub(age));
        let index = told.wrapping_sub(secret) & MASK;
        sizes(A::VERSION).get(index as usize).copied()
    }

    fn base<A: Address>(&self, tuple: &Tuple<A>, seq: u32) -> u32 {
        hash(self.constant, tuple, 0).wrapping_add(seq)
    }
}

fn minute(now: Instant) -> u32 {
    (now.0 / 60_000_000_000) as u32
}

/// `SipHash`, which keeps its secret from those who see many of its results.
#[expect(deprecated, reason = "the other hashers of std draw their key themselves, or have none")]
fn hash<A: Address>(key: [u64; 2], tuple: &Tuple<A>, minute: u32) -> u32 {
    use std::hash::{Hasher, SipHasher};
    let mut hasher = SipHasher::new_with_keys(key[0], key[1]);
    hasher.write(Tuple { zone: Zone::default(), ..*tuple }.as_bytes());
    hasher.write_u32(minute);
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{L4Port, V4, V6};
    use proptest::prelude::*;
    use std::time::Duration;

    const COOKIES: SynCookies = SynCookies::new([1, 2, 3, 4]);
    const NOW: Instant = Instant(90_000_000_000);

    fn tuple<A: Address>(source: A, destination: A, ports: (u16, u16)) -> Tuple<A> {
        Tuple {
            protocol: 6,
            source,
            destination,
            source_port: L4Port::new(ports.0),
            destination_port: L4Port::new(ports.1),
            ..Tuple::default()
        }
    }

    fn client() -> Tuple<V4> {
        tuple(V4([10, 1, 0, 2]), V4([192, 168, 1, 9]), (4000, 80))
    }

    proptest! {
        #[test]
        fn it_comes_back_with_the_next_lower_size(
            source: [u8; 16], destination: [u8; 16], ports: (u16, u16), seq: u32, mss: u16,
            start in 0_u64..1 << 50, later in 0_u64..60,
        ) {
            let (made, now) = (Instant(start), Instant(start) + Duration::from_secs(later));
            let v6 = tuple(V6(source), V6(destination), ports);
            let cookie = COOKIES.make(&v6, seq, mss, made);
            let size = COOKIES.check(&v6, seq, cookie, now).unwrap();
            let all = sizes(IpVersion::V6);
            prop_assert_eq!(size, *all.iter().rfind(|&&one| one <= mss).unwrap_or(&all[0]));
            // The server's end, another port, another number, another secret: all but never good.
            let others = [
                COOKIES.check(&v6.reversed(), seq, cookie, now),
                COOKIES.check(&tuple(V6(source), V6(destination), (!ports.0, ports.1)), seq, cookie, now),
                COOKIES.check(&v6, seq.wrapping_add(1 << 20), cookie, now),
                SynCookies::new([1, 2, 3, 5]).check(&v6, seq, cookie, now),
                SynCookies::new([1, 3, 3, 4]).check(&v6, seq, cookie, now),
            ];
            let same = if v6 == v6.reversed() { 1 } else { 0 };
            prop_assert!(others.iter().flatten().count() <= same, "{others:?}");
        }
    }

    #[test]
    fn sizes_of_ipv4() {
        for (offered, told) in [(0, 536), (1299, 536), (1300, 1300), (1459, 1440), (9000, 1460)] {
            let cookie = COOKIES.make(&client(), 7, offered, NOW);
            assert_eq!(COOKIES.check(&client(), 7, cookie, NOW), Some(told), "{offered}");
        }
    }

    #[test]
    fn it_grows_old_and_does_not_come_again() {
        let cookie = COOKIES.make(&client(), 7, 1460, NOW);
        let check = |seconds| {
            COOKIES.check(&client(), 7, cookie, NOW + Duration::from_secs(seconds)).is_some()
        };
        // It was made in the middle of the second minute.
        assert!(check(0) && check(89));
        assert!((90..60 * 300).step_by(30).all(|seconds| !check(seconds)));
        let before = Instant(NOW.0 - 60_000_000_000);
        assert_eq!(COOKIES.check(&client(), 7, cookie, before), None, "of the future");
    }

    #[test]
    fn guesses_are_worth_no_more_than_the_four_sizes_in_two_minutes() {
        let good = (0..1_u32 << 22)
            .map(|guess| guess.wrapping_mul(0x9e37_79b1))
            .filter(|&guess| COOKIES.check(&client(), 7, guess, NOW).is_some())
            .count();
        // 8 of 2^32 are good; of 2^22 guesses hardly ever one.
        assert!(good <= 2, "{good}");
    }
}
