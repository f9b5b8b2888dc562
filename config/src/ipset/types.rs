//! The types of sets: names, revisions, and what their elements consist of.

/// A type of set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum SetType {
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

/// What an element ends with, after address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Tail {
    None,
    Address,
    Net,
    Mark,
    Interface,
}

/// Type, names (the first is printed), revision.
const NAMES: &[(SetType, &[&str], u8)] = &[
    (SetType::HashIp, &["hash:ip", "iphash"], 6),
    (SetType::HashMac, &["hash:mac", "machash"], 1),
    (SetType::HashNet, &["hash:net", "nethash"], 7),
    (SetType::HashIpPort, &["hash:ip,port", "ipporthash"], 7),
    (SetType::HashNetPort, &["hash:net,port", "netporthash"], 8),
    (SetType::HashIpPortIp, &["hash:ip,port,ip", "ipportiphash"], 6),
    (SetType::HashIpPortNet, &["hash:ip,port,net", "ipportnethash"], 8),
    (SetType::HashIpMark, &["hash:ip,mark", "ipmarkhash"], 3),
    (SetType::HashNetNet, &["hash:net,net", "netnethash"], 3),
    (SetType::HashNetIface, &["hash:net,iface", "netifacehash"], 8),
    (SetType::BitmapIp, &["bitmap:ip", "ipmap"], 3),
    (SetType::BitmapPort, &["bitmap:port", "portmap"], 3),
    (SetType::ListSet, &["list:set", "setlist"], 3),
];

impl SetType {
    /// The type of a name or alias.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, names, _)| names.contains(&name)).map(|(kind, ..)| *kind)
    }
    /// The name that is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        let names = NAMES.iter().find(|(kind, ..)| *kind == self).map(|(_, names, _)| *names);
        names.and_then(|names| names.first().copied()).unwrap_or_default()
    }
    /// The revision that is listed.
    #[must_use]
    pub fn revision(self) -> u8 {
        NAMES.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, _, revision)| *revision)
    }
    /// Whether it is one of the hashes.
    #[must_use]
    pub const fn is_hash(self) -> bool {
        !matches!(self, Self::BitmapIp | Self::BitmapPort | Self::ListSet)
    }
    /// Whether elements have protocol and port.
    #[must_use]
    pub const fn has_port(self) -> bool {
        matches!(
            self,
            Self::HashIpPort | Self::HashNetPort | Self::HashIpPortIp | Self::HashIpPortNet
        )
    }
    /// Whether elements begin with a network.
    #[must_use]
    pub const fn first_is_net(self) -> bool {
        matches!(self, Self::HashNet | Self::HashNetPort | Self::HashNetNet | Self::HashNetIface)
    }
    /// What elements end with.
    #[must_use]
    pub const fn tail(self) -> Tail {
        match self {
            Self::HashIpPortIp => Tail::Address,
            Self::HashIpPortNet | Self::HashNetNet => Tail::Net,
            Self::HashIpMark => Tail::Mark,
            Self::HashNetIface => Tail::Interface,
            Self::HashIp
            | Self::HashMac
            | Self::HashNet
            | Self::HashIpPort
            | Self::HashNetPort
            | Self::BitmapIp
            | Self::BitmapPort
            | Self::ListSet => Tail::None,
        }
    }
    /// Whether elements may be exceptions.
    #[must_use]
    pub const fn has_nomatch(self) -> bool {
        self.first_is_net() || matches!(self.tail(), Tail::Net)
    }
    /// How many parts an element has.
    #[must_use]
    pub const fn parts(self) -> usize {
        1 + self.has_port() as usize + !matches!(self.tail(), Tail::None) as usize
    }
}
