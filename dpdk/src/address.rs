//! Addresses of devices: of a card on the PCI bus, of a port on the wire.

use std::{fmt, str::FromStr};

use crate::device::DeviceError;

/// As `from_str_radix`, but for digits only: that takes a sign too.
fn hexadecimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Address of a PCI function, such as `0000:01:00.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PciAddress {
    /// Domain.
    pub domain: u32,
    /// Bus.
    pub bus: u8,
    /// Device, below 32.
    pub device: u8,
    /// Function, below 8.
    pub function: u8,
}

/// An Ethernet address, in the order of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

impl FromStr for PciAddress {
    type Err = DeviceError;

    fn from_str(text: &str) -> std::result::Result<Self, DeviceError> {
        let parse = || {
            let (path, function) = text.rsplit_once('.')?;
            let (path, device) = path.rsplit_once(':')?;
            let (domain, bus) = path.split_once(':').unwrap_or(("0", path));
            let hex = |digits: &str, most: usize| match digits.len() {
                length if (1..=most).contains(&length) => hexadecimal(digits),
                _ => None,
            };
            let address = Self {
                domain: hex(domain, 8)?,
                bus: u8::try_from(hex(bus, 2)?).ok()?,
                device: u8::try_from(hex(device, 2)?).ok()?,
                function: u8::try_from(hex(function, 1)?).ok()?,
            };
            (address.device < 32 && address.function < 8).then_some(address)
        };
        parse().ok_or_else(|| DeviceError::Pci(text.into()))
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

impl FromStr for MacAddress {
    type Err = DeviceError;

    fn from_str(text: &str) -> std::result::Result<Self, DeviceError> {
        let byte = |digits: &str| match digits.len() {
            2 => u8::try_from(hexadecimal(digits)?).ok(),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| DeviceError::Mac(text.into()))
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
    fn mac_addresses_are_six_pairs_of_digits() {
        let mac: MacAddress = "02:00:0a:FF:00:01".parse().unwrap();
        assert_eq!(mac, MacAddress([2, 0, 10, 255, 0, 1]));
        assert_eq!(mac.to_string(), "02:00:0a:ff:00:01");
        for wrong in
            ["", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02:00:00:00:00:+1"]
        {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pci_addresses_may_leave_out_the_domain() {
        let address = PciAddress { domain: 0, bus: 0x3b, device: 0x1f, function: 7 };
        assert_eq!("3b:1f.7".parse(), Ok(address));
        assert_eq!("0000:3b:1f.7".parse(), Ok(address));
        assert_eq!(address.to_string(), "0000:3b:1f.7");
        for wrong in ["3b:1f.8", "3b:20.0", "3b.0", "0:0:3b:1f.0", "+1:00.0", "3b:1f"] {
            assert!(wrong.parse::<PciAddress>().is_err(), "{wrong}");
        }
    }
}
