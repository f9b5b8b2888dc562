//! Small numbers that name things, each with a type of its own.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// As an index into a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A logical interface: a port, a VLAN sub-interface, or the host itself. Stable while the
    /// interface exists.
    InterfaceId(u16)
);
id!(
    /// A worker.
    WorkerId(u8)
);
id!(
    /// A next hop in the snapshot's table.
    NextHopId(u32)
);
id!(
    /// A slot of the neighbour table.
    NeighbourId(u32)
);
id!(
    /// An interned list of the rules and policies a packet passed.
    PathId(u32)
);

impl InterfaceId {
    /// The number by which `sluice ip link` lists it, from 1.
    #[must_use]
    pub const fn link_number(self) -> u32 {
        self.0 as u32 + 1
    }

    /// The gateway's own host stack, as the interface of what its processes send.
    pub const HOST: Self = Self(u16::MAX);
}
