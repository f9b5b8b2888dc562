//! Rules whose match keeps something, or looks into the packet: it is asked of every packet, whatever is known of its connection. And of
//! sets that do neither.

use crate::traffic::client;
use sluice_dataplane::address::{IpVersion, V4};
use sluice_dataplane::rules::matches::connlimit::ConnLimit;
use sluice_dataplane::rules::matches::hashlimit::{HashLimit, Mode, Rate, Table, Terms};
use sluice_dataplane::rules::matches::limit::Limit;
use sluice_dataplane::rules::matches::recent::{Action, End, Recent};
use sluice_dataplane::rules::matches::set::SetMatch;
use sluice_dataplane::rules::matches::string::Pattern;
use sluice_dataplane::rules::matches::{Kept, Match};
use sluice_dataplane::sets::{
    Direction, Directions, Entry, Header, Key, Kind, MatchOptions, SetRef, Sets,
};
use sluice_dataplane::time::Instant;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `-m limit --limit 1000000/second`.
    Limit,
    /// `-m recent --update --seconds 60`, with the first hundred clients in the list.
    Recent,
    /// `-m string --algo bm --string` of bytes that no packet has.
    String,
    /// `-m hashlimit --hashlimit-upto 1000000/second --hashlimit-mode srcip`.
    HashLimit,
    /// `-m connlimit --connlimit-above 1000`.
    ConnLimit,
    /// `-m set --match-set` of a `hash:ip` with the first million clients: what it says holds until it changes.
    Set,
    /// The same, with counters.
    CountingSet,
    /// `-m set --match-set` of a `hash:net` with 100,000 networks of nobody's, all of which end by themselves.
    Blocklist,
}

const SECOND: u64 = 1_000_000_000;
const MILLION: u32 = 1_000_000;

impl Asked {
    /// All of them, by the names of their scenarios.
    pub(crate) const ALL: [(&str, Self); 8] = [
        ("limit", Self::Limit),
        ("recent", Self::Recent),
        ("string", Self::String),
        ("hashlimit", Self::HashLimit),
        ("connlimit", Self::ConnLimit),
        ("set-1M", Self::Set),
        ("set-1M-counters", Self::CountingSet),
        ("blocklist-100k", Self::Blocklist),
    ];

    /// Whether its answer is kept for the packets of a connection.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Set | Self::Blocklist)
    }

    /// Whether it looks into a set of a million.
    pub(crate) const fn is_of_million(self) -> bool {
        matches!(self, Self::Set | Self::CountingSet)
    }

    /// With a state of its own.
    pub(super) fn condition(self) -> Match<V4> {
        match self {
            Self::Limit => {
                let cost = SECOND / u64::from(MILLION);
                Match::Limit(Limit { cost, burst: 1000, bucket: Kept::default() })
            }
            Self::Recent => Match::Recent(recent()),
            Self::String => {
                Match::String(Pattern::new(b"not in any packet", false, 0, u16::MAX, false))
            }
            Self::HashLimit => Match::HashLimit(HashLimit {
                table: Kept(Arc::new(Table::new(terms(), 65_536))),
                above: false,
            }),
            Self::ConnLimit => Match::ConnLimit(ConnLimit {
                counts: Kept::default(),
                limit: 1000,
                mask: V4([0xff; 4]),
                destination: false,
                upto: false,
            }),
            Self::Set => from(million(false)),
            Self::CountingSet => from(million(true)),
            Self::Blocklist => from(blocklist()),
        }
    }
}

fn from(set: SetRef) -> Match<V4> {
    Match::Set(SetMatch {
        set,
        at: Directions::new(&[Direction::Source]).unwrap_or_default(),
        options: MatchOptions::default(),
        invert: false,
    })
}

fn recent() -> Recent {
    let list = Kept::default();
    let recent = Recent {
        list,
        action: Action::Update,
        end: End::Source,
        mask: u128::MAX,
        seconds: Some(60),
        hits: 0,
        ttl: false,
        reap: false,
        invert: false,
    };
    (0..100).for_each(|flow| recent.list.add(IpAddr::V4(client(flow)), Instant(SECOND)));
    recent
}

fn million(counters: bool) -> SetRef {
    let header = Header { counters, ..Header::new(Kind::HashIp, Some(IpVersion::V4), 1) };
    let hosts =
        (0..MILLION).map(|flow| Key { first: client(flow).to_bits().into(), ..Key::default() });
    filled(header, hosts)
}

/// From 172.0.0.0 on, where no client is.
fn blocklist() -> SetRef {
    let header =
        Header { timeout: Some(86_400), ..Header::new(Kind::HashNet, Some(IpVersion::V4), 1) };
    let network = |number: u32| (0xac00_0000 + (number << 8)).into();
    let networks =
        (0..100_000).map(|number| Key { first: network(number), prefix: 24, ..Key::default() });
    filled(header, networks)
}

fn filled(header: Header, keys: impl Iterator<Item = Key>) -> SetRef {
    let mut sets = Sets::default();
    let made = sets.create("filled", Header { max_elements: MILLION, ..header });
    let Some(set) = made.ok().and_then(|()| sets.reference("filled")) else {
        unreachable!("the only set of its name")
    };
    for key in keys {
        let entry = Entry { key, ..Entry::default() };
        // Each is new, and there is room.
        let _ = set.set().insert(&entry, false, Instant(SECOND));
    }
    set
}

/// Of a rate that no source exceeds.
fn terms() -> Terms {
    Terms {
        mode: Mode { source: Some(u128::MAX), ..Mode::default() },
        rate: Rate::Packets { cost: SECOND / u64::from(MILLION), burst: 1000 },
        expire: Duration::from_secs(60),
        collect: Duration::from_secs(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_dataplane::sets::Query;

    #[test]
    fn every_client_is_in_the_million_and_nobody_else() {
        let (million, blocklist) = (million(false), blocklist());
        assert_eq!((million.set().len(), blocklist.set().len()), (1_000_000, 100_000));
        let has = |set: &SetRef, source: u32| {
            let query = Query {
                version: IpVersion::V4,
                source: source.into(),
                destination: 0,
                ports: None,
                protocol: 17,
                mark: 0,
                macs: None,
                ingress: "",
                egress: "",
                length: 0,
                now: Instant(SECOND),
                fleeting: None,
            };
            let at = Directions::new(&[Direction::Source]).unwrap();
            set.test(&query, at, &MatchOptions::default())
        };
        let flows = [0, 1, 77_777, MILLION - 1];
        assert!(flows.iter().all(|flow| has(&million, client(*flow).to_bits())));
        assert!(!has(&million, client(MILLION).to_bits()));
        assert!(flows.iter().all(|flow| !has(&blocklist, client(*flow).to_bits())));
        assert!(has(&blocklist, 0xac01_0203));
    }
}
