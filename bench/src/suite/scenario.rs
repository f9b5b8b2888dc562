//! The scenarios by name.

use crate::rig::Checksums;
use crate::traffic::{Protocol, Way};

/// Which flow the next packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In the order in which they began.
    Sequential,
    /// Any.
    Random,
}

/// Which ways the packets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ways {
    /// All the same.
    One(Way),
    /// By turns of a burst.
    Both,
}

impl Ways {
    /// The way of burst `number`.
    pub(crate) const fn of(self, number: usize) -> Way {
        match self {
            Self::One(way) => way,
            Self::Both if number.is_multiple_of(2) => Way::Out,
            Self::Both => Way::Back,
        }
    }
}

/// A table of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// 198.18.0.0/15.
    One,
    /// So many, as the Internet has.
    Internet4(usize),
    /// So many, as the Internet has.
    Internet6(usize),
}

/// Packets of known connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Established {
    pub(crate) protocol: Protocol,
    pub(crate) flows: u32,
    pub(crate) order: Order,
    pub(crate) ways: Ways,
    pub(crate) checksums: Checksums,
    /// Rules in FORWARD.
    pub(crate) filters: usize,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Routing without connections, to so many destinations.
    Forward { table: Table, flows: u32 },
    /// Packets of known connections.
    Established(Established),
    /// Packets that each begin a connection, with so many known already.
    New { live: usize, filters: usize },
    /// The same, while as many end: a million live, 100,000 a second come and go.
    Churn,
}

/// A scenario and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Destinations of random traffic.
const MANY: u32 = 1 << 20;
const MILLION: u32 = 1_000_000;

const OUT: Established = Established {
    protocol: Protocol::Udp,
    flows: 1,
    order: Order::Random,
    ways: Ways::One(Way::Out),
    checksums: Checksums::Verified,
    filters: 0,
};

/// All of them, in the order of the report.
pub(crate) fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut add = |name: String, kind| list.push(Scenario { name, kind });
    let tables = [
        ("1", Table::One),
        ("100k", Table::Internet4(100_000)),
        ("1M", Table::Internet4(1_000_000)),
    ];
    for (routes, table) in tables {
        add(format!("forward/{routes}-routes/1-flow"), Kind::Forward { table, flows: 1 });
        add(format!("forward/{routes}-routes/random"), Kind::Forward { table, flows: MANY });
    }
    for (routes, count) in [("1", 1), ("100k", 100_000)] {
        let table = Table::Internet6(count);
        add(format!("forward6/{routes}-routes/random"), Kind::Forward { table, flows: MANY });
    }
    let sizes = [("1", 1), ("10k", 10_000), ("64k", 65_536), ("1M", MILLION), ("4M", 4 * MILLION)];
    let orders = [("sequential", Order::Sequential), ("random", Order::Random)];
    for (protocol, path) in [(Protocol::Udp, "established"), (Protocol::Tcp, "established-tcp")] {
        for (size, flows) in sizes {
            for (word, order) in orders {
                let kind = Kind::Established(Established { protocol, flows, order, ..OUT });
                add(format!("nat/{path}/{size}-flows/{word}"), kind);
            }
        }
    }
    let unknown = Established { flows: 65_536, checksums: Checksums::Unknown, ..OUT };
    add("nat/established/64k-flows/random/no-rx-checksum".into(), Kind::Established(unknown));
    let million = Established { flows: MILLION, ..OUT };
    let reply = Established { ways: Ways::One(Way::Back), ..million };
    add("nat/reply/1M-flows/random".into(), Kind::Established(reply));
    let both = Established { ways: Ways::Both, ..million };
    add("nat/both-ways/1M-flows/random".into(), Kind::Established(both));
    add("nat/new".into(), Kind::New { live: MILLION as usize, filters: 0 });
    add("nat/churn".into(), Kind::Churn);
    let filters = [("0", 0), ("10", 10), ("1k", 1_000), ("10k", 10_000)];
    for (count, filters) in filters {
        let kind = Kind::Established(Established { flows: 10_000, filters, ..OUT });
        add(format!("rules/established/{count}"), kind);
    }
    for (count, filters) in filters {
        let kind = Kind::New { live: 0, filters };
        if filters > 0 {
            add(format!("rules/first/{count}"), kind);
        }
    }
    list
}
