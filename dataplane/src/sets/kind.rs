//! Types of sets and what one is created with.

use crate::address::IpVersion;

/// What stands second in an element, after address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// Nothing.
    None,
    /// An address.
    Address,
    /// A network.
    Net,
    /// A packet mark.
    Mark,
    /// An interface's name.
    Interface,
}

/// A type of set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    HashIp,
    HashMac,
    HashNet,
    HashIpPort,
    HashNetPort,
    HashIpPortIp,
    HashIpPortNet,
    HashIpMark,
    HashNetNet,
    HashNetIface,
    BitmapIp,
    BitmapPort,
    ListSet,
}

impl Kind {
    /// How many directions (`src,dst`) its elements need.
    #[must_use]
    pub const fn dimension(self) -> usize {
        match self {
            Self::HashIp
            | Self::HashMac
            | Self::HashNet
            | Self::BitmapIp
            | Self::BitmapPort
            | Self::ListSet => 1,
            Self::HashIpPort
            | Self::HashNetPort
            | Self::HashIpMark
            | Self::HashNetNet
            | Self::HashNetIface => 2,
            Self::HashIpPortIp | Self::HashIpPortNet => 3,
        }
    }
    /// Whether elements hold protocol and port.
    #[must_use]
    pub const fn has_port(self) -> bool {
        match self {
            Self::HashIpPort | Self::HashNetPort | Self::HashIpPortIp | Self::HashIpPortNet => true,
            Self::HashIp
            | Self::HashMac
            | Self::HashNet
            | Self::HashIpMark
            | Self::HashNetNet
            | Self::HashNetIface
            | Self::BitmapIp
            | Self::BitmapPort
            | Self::ListSet => false,
        }
    }
    /// What the element ends with.
    #[must_use]
    pub const fn second(self) -> Second {
        match self {
            Self::HashIpPortIp => Second::Address,
            Self::HashIpPortNet | Self::HashNetNet => Second::Net,
            Self::HashIpMark => Second::Mark,
            Self::HashNetIface => Second::Interface,
            Self::HashIp
            | Self::HashMac
            | Self::HashNet
            | Self::HashIpPort
            | Self::HashNetPort
            | Self::BitmapIp
            | Self::BitmapPort
            | Self::ListSet => Second::None,
        }
    }
    /// Whether the first part is a network.
    #[must_use]
    pub const fn first_is_net(self) -> bool {
        match self {
            Self::HashNet | Self::HashNetPort | Self::HashNetNet | Self::HashNetIface => true,
            Self::HashIp
            | Self::HashMac
            | Self::HashIpPort
            | Self::HashIpPortIp
            | Self::HashIpPortNet
            | Self::HashIpMark
            | Self::BitmapIp
            | Self::BitmapPort
            | Self::ListSet => false,
        }
    }
    /// Whether elements may be exceptions (`nomatch`).
    #[must_use]
    pub const fn has_nomatch(self) -> bool {
        self.first_is_net() || matches!(self.second(), Second::Net)
    }
    /// Whether elements are numbers of a range given at creation.
    #[must_use]
    pub const fn is_bitmap(self) -> bool {
        matches!(self, Self::BitmapIp | Self::BitmapPort)
    }
}

/// What a set is created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type.
    pub kind: Kind,
    /// Its family; none for types without addresses, which take packets of either.
    pub family: Option<IpVersion>,
    /// Buckets to begin with, a power of two.
    pub hash_size: u32,
    /// Most elements; of a list: its size.
    pub max_elements: u32,
    /// Bits of addresses that count, where not all.
    pub netmask: Option<u8>,
    /// Bits of marks that count.
    pub mark_mask: u32,
    /// Default timeout in seconds, 0 for ever; none: the set knows no timeouts.
    pub timeout: Option<u32>,
    /// Whether elements count packets and bytes.
    pub counters: bool,
    /// Whether elements may have comments.
    pub comment: bool,
    /// Whether elements give marks, priorities and queues to packets.
    pub skbinfo: bool,
    /// Whether a full set gives up an element for a new one.
    pub force_add: bool,
    /// First and last number of a bitmap, inclusive: addresses or ports.
    pub range: (u32, u32),
    /// Random number, the key of the hash.
    pub seed: u32,
    /// `bucketsize`: only kept to be shown.
    pub bucket_size: u8,
}

impl Header {
    /// A set of a type with the kernel's defaults.
    #[must_use]
    pub const fn new(kind: Kind, family: Option<IpVersion>, seed: u32) -> Self {
        Self {
            kind,
            family,
            hash_size: 1024,
            max_elements: 65536,
            netmask: None,
            mark_mask: u32::MAX,
            timeout: None,
            counters: false,
            comment: false,
            skbinfo: false,
            force_add: false,
            range: (0, 65535),
            seed,
            bucket_size: 12,
        }
    }
    /// Whether what such a set says of a packet it says of the whole flow, as long as nobody changes it and nothing was met that ends
    /// by itself or counts packets: it does not look at Ethernet.
    #[must_use]
    pub(super) const fn is_steady(&self) -> bool {
        !matches!(self.kind, Kind::HashMac)
    }
    /// Bits of an address of the family: 32 or 128.
    #[must_use]
    pub const fn address_bits(&self) -> u8 {
        match self.family {
            Some(IpVersion::V6) => 128,
            Some(IpVersion::V4) | None => 32,
        }
    }
    /// An address with only its first bits left.
    #[must_use]
    pub fn masked(&self, address: u128, bits: u8) -> u128 {
        let host = u32::from(self.address_bits().saturating_sub(bits));
        u128::MAX.checked_shl(host).map_or(0, |mask| address & mask)
    }
}
