//! One client's subscription to events.

use super::events::{Hub, News};
use super::filter::Filter;
use super::message;
use crate::proto::{ConnectionEvent, ConnectionEventKind as Kind};
use sluice_dataplane::conntrack::{Event, EventKind};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;
use tonic::Status;

/// What a client wants to hear.
pub(super) struct Follower {
    filter: Filter,
    kinds: Vec<i32>,
}

const fn kind(kind: EventKind) -> Kind {
    match kind {
        EventKind::New => Kind::New,
        EventKind::Update => Kind::Update,
        EventKind::Destroy => Kind::Destroy,
    }
}

impl Follower {
    pub(super) fn new(filter: Filter, kinds: Vec<i32>) -> Self {
        Self { filter, kinds }
    }

    /// Sends events until the client goes away. Those that came faster than the client reads are counted,
    /// and the next event that is sent says how many they were.
    pub(super) async fn run(self, hub: Arc<Hub>, sender: Sender<Result<ConnectionEvent, Status>>) {
        let mut news = hub.subscribe();
        let mut lost = 0;
        loop {
            let heard = tokio::select! {
                heard = news.recv() => heard,
                () = sender.closed() => return,
            };
            match heard {
                Ok(News::Event(event)) if self.wants(&event) => {
                    if sender.send(Ok(said(&event, lost))).await.is_err() {
                        return;
                    }
                    lost = 0;
                }
                Ok(News::Event(_)) => {}
                Ok(News::Lost(more)) | Err(RecvError::Lagged(more)) => lost += more,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&kind(event.kind).into());
        of_kind
            && self.filter.is_of_family(&event.connection)
            && self.filter.matches(&event.connection)
    }
}

fn said(event: &Event, lost: u64) -> ConnectionEvent {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ConnectionEvent {
        kind: kind(event.kind).into(),
        connection: Some(message::connection(event.worker, &event.connection)),
        lost,
        timestamp_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::masqueraded;
    use super::*;
    use crate::proto::{ConnectionFilter, Family};
    use sluice_dataplane::ids::WorkerId;

    fn wants(filter: ConnectionFilter, kinds: &[Kind]) -> bool {
        let kinds = kinds.iter().map(|kind| i32::from(*kind)).collect();
        let follower = Follower::new(Filter::read(filter).unwrap(), kinds);
        let connection = masqueraded();
        follower.wants(&Event { kind: EventKind::Update, worker: WorkerId(1), connection })
    }

    #[test]
    fn only_what_was_asked_for_is_heard() {
        let all = ConnectionFilter::default;
        assert!(wants(all(), &[]));
        assert!(wants(all(), &[Kind::New, Kind::Update]));
        assert!(!wants(all(), &[Kind::Destroy]));
        assert!(!wants(ConnectionFilter { protocol: Some(17), ..all() }, &[]));
        assert!(wants(ConnectionFilter { family: Family::Ipv4.into(), ..all() }, &[]));
        assert!(!wants(ConnectionFilter { family: Family::Ipv6.into(), ..all() }, &[]));
    }

    #[test]
    fn losses_are_said_with_the_next_event() {
        let connection = masqueraded();
        let said = said(&Event { kind: EventKind::Destroy, worker: WorkerId(3), connection }, 7);
        assert_eq!((said.kind(), said.lost), (Kind::Destroy, 7));
        assert_eq!(said.connection.unwrap().worker, 3);
    }
}
