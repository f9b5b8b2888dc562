//! Ethernet addresses as people write them: six hexadecimal bytes between colons.

use std::fmt;
use std::str::FromStr;

/// An Ethernet address, in transmission order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

/// Why a text is no Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not six hexadecimal bytes separated by colons")]
pub struct BadMac;

impl MacAddress {
    /// Whether the group bit is set, which no interface's own address may have.
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether it is 00:00:00:00:00:00.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl FromStr for MacAddress {
    type Err = BadMac;

    fn from_str(text: &str) -> Result<Self, BadMac> {
        let mut bytes = [0u8; 6];
        let mut words = text.split(':');
        for byte in &mut bytes {
            let word = words.next().ok_or(BadMac)?;
            if word.is_empty() || word.len() > 2 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(BadMac);
            }
            *byte = u8::from_str_radix(word, 16).map_err(|_| BadMac)?;
        }
        if words.next().is_some() { Err(BadMac) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let mac: MacAddress = "02:0:00:aB:cd:1f".parse().unwrap();
        assert_eq!(mac.to_string(), "02:00:00:ab:cd:1f");
        for bad in
            ["", "02:00:00:00:00", "02:00:00:00:00:00:00", "02:00:00:00:00:+1", "g2:0:0:0:0:0"]
        {
            assert_eq!(bad.parse::<MacAddress>(), Err(BadMac), "{bad}");
        }
    }
}
