//! Rules whose match keeps something, or looks into the packet: it is asked of every packet, whatever is known of its connection. And of a
//! set that does neither.

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
}

const SECOND: u64 = 1_000_000_000;
const MILLION: u32 = 1_000_000;

impl Asked {
    /// All of them, by the names of their scenarios.
    pub(crate) const ALL: [(&str, Self); 7] = [
        ("limit", Self::Limit),
        ("recent", Self::Recent),
        ("string", Self::String),
        ("hashlimit", Self::HashLimit),
        ("connlimit", Self::ConnLimit),
        ("set-1M", Self::Set),
        ("set-1M-counters", Self::CountingSet),
    ];

    /// Whether its answer is kept for the packets of a connection.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Set)
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
            Self::Set => set(false),
            Self::CountingSet => set(true),
        }
    }
}

fn set(counters: bool) -> Match<V4> {
    Match::Set(SetMatch {
        set: million(counters),
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
    let mut sets = Sets::default();
    let header = Header::new(Kind::HashIp, Some(IpVersion::V4), 1);
    let header = Header { max_elements: MILLION, counters, ..header };
    let made = sets.create("million", header);
    let Some(set) = made.ok().and_then(|()| sets.reference("million")) else {
        unreachable!("the only set of its name")
    };
    for flow in 0..MILLION {
        let key = Key { first: client(flow).to_bits().into(), ..Key::default() };
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
    fn every_client_is_in_the_set_and_nobody_else() {
        let set = million(false);
        let has = |source: u32| {
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
            };
            let at = Directions::new(&[Direction::Source]).unwrap();
            set.test(&query, at, &MatchOptions::default())
        };
        let flows = [0, 1, 77_777, MILLION - 1];
        assert!(flows.iter().all(|flow| has(client(*flow).to_bits())));
        assert!(!has(client(MILLION).to_bits()));
    }
}
