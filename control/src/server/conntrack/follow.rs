//! Events, found by comparing one listing with the next.
//!
//! A connection that comes and goes between two listings is not seen.

use super::filter::Filter;
use super::{blocking, message, pages};
use crate::proto::{ConnectionEvent, ConnectionEventKind as Kind};
use crate::server::Plane;
use sluice_dataplane::conntrack::Listed;
use sluice_dataplane::ids::WorkerId;
use sluice_dataplane::tuple::Tuple;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tonic::Status;

/// Between two listings.
const INTERVAL: Duration = Duration::from_millis(200);

/// Connections by worker and original tuple.
type Listing = HashMap<(WorkerId, Tuple<IpAddr>), Listed>;

/// One client's subscription.
pub(super) struct Follower {
    plane: Arc<Plane>,
    filter: Arc<Filter>,
    kinds: Vec<i32>,
}

impl Follower {
    pub(super) fn new(plane: Arc<Plane>, filter: Filter, kinds: Vec<i32>) -> Self {
        Self { plane, filter: Arc::new(filter), kinds }
    }

    /// Sends events until the client goes away or a worker stops answering.
    pub(super) async fn run(self, sender: Sender<Result<ConnectionEvent, Status>>) {
        let mut before = None;
        let mut lost = 0;
        while !sender.is_closed() {
            let now = match self.listing().await {
                Ok(now) => now,
                Err(status) => return drop(sender.try_send(Err(status))),
            };
            let events = before.as_ref().map(|before| changes(before, &now)).unwrap_or_default();
            for (kind, worker, listed) in events.into_iter().filter(|event| self.wants(event.0)) {
                let event = ConnectionEvent {
                    kind: kind.into(),
                    connection: Some(message::connection(worker, &listed)),
                    lost,
                    timestamp_us: microseconds(),
                };
                lost = match sender.try_send(Ok(event)) {
                    Ok(()) => 0,
                    Err(TrySendError::Full(_)) => lost + 1,
                    Err(TrySendError::Closed(_)) => return,
                };
            }
            before = Some(now);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind.into())
    }

    async fn listing(&self) -> Result<Listing, Status> {
        let (plane, filter) = (Arc::clone(&self.plane), Arc::clone(&self.filter));
        blocking(move || {
            let mut listing = Listing::new();
            pages::matching(&plane, &filter, |worker, page| {
                listing.extend(page.iter().map(|listed| ((worker.id, listed.original), *listed)));
                true
            })?;
            Ok(listing)
        })
        .await
    }
}

fn microseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// What became of connections between two listings: ends first, as a new one may have their tuples.
fn changes(before: &Listing, now: &Listing) -> Vec<(Kind, WorkerId, Listed)> {
    let gone = before
        .iter()
        .filter(|(key, old)| now.get(key).is_none_or(|new| new.reply != old.reply))
        .map(|(key, old)| (Kind::Destroy, key.0, *old));
    let come = now.iter().filter_map(|(key, new)| match before.get(key) {
        Some(old) if old.reply == new.reply => {
            let same = (old.state, old.status, old.mark) == (new.state, new.status, new.mark);
            (!same).then_some((Kind::Update, key.0, *new))
        }
        Some(_) | None => Some((Kind::New, key.0, *new)),
    });
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::masqueraded;
    use super::*;

    fn listing(connections: &[Listed]) -> Listing {
        connections.iter().map(|listed| ((WorkerId(0), listed.original), *listed)).collect()
    }

    fn kinds(before: &[Listed], now: &[Listed]) -> Vec<Kind> {
        let changes = changes(&listing(before), &listing(now));
        changes.into_iter().map(|(kind, ..)| kind).collect()
    }

    #[test]
    fn coming_changing_and_going_are_events_and_ageing_is_none() {
        let old = masqueraded();
        let aged = Listed { timeout_s: old.timeout_s - 1, ..old };
        let closing = Listed { state: "FIN_WAIT", ..old };
        assert_eq!(kinds(&[], &[old]), [Kind::New]);
        assert_eq!(kinds(&[old], &[aged]), []);
        assert_eq!(kinds(&[old], &[closing]), [Kind::Update]);
        assert_eq!(kinds(&[old], &[]), [Kind::Destroy]);
    }

    #[test]
    fn a_connection_translated_otherwise_is_another() {
        let old = masqueraded();
        let mut new = old;
        new.reply.destination = IpAddr::from([198, 51, 100, 2]);
        assert_eq!(kinds(&[old], &[new]), [Kind::Destroy, Kind::New]);
    }
}
