//! One client's subscription to events.

use super::events::{Heard, Hub};
use super::filter::Filter;
use super::message;
use crate::proto::{ConnectionEvent, ConnectionEventKind as Kind};
use sluice_dataplane::conntrack::{Event, EventKind, News};
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

pub(super) const fn kind(kind: EventKind) -> Kind {
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

    /// What it is told, if it wants to hear it.
    pub(super) fn said(&self, news: &News, lost: u64) -> Option<ConnectionEvent> {
        match news {
            News::Connection(event) => self.wants(event).then(|| said(event, lost)),
            News::Expectation(_) => None,
        }
    }

    fn wants(&self, event: &Event) -> bool {
        let of_kind = self.kinds.is_empty() || self.kinds.contains(&kind(event.kind).into());
        of_kind
            && self.filter.is_of_family(&event.connection)
            && self.filter.matches(&event.connection)
    }
}

/// Sends what `say` makes of the news until the client goes away. News that came faster than the client reads are counted,
/// and the next that are said say how many they were.
pub(super) async fn follow<T>(
    hub: Arc<Hub>,
    sender: Sender<Result<T, Status>>,
    say: impl Fn(&News, u64) -> Option<T>,
) {
    let mut heard = hub.subscribe();
    let mut lost = 0;
    loop {
        let heard = tokio::select! {
            heard = heard.recv() => heard,
            () = sender.closed() => return,
        };
        match heard {
            Ok(Heard::News(news)) => {
                if let Some(said) = say(&news, lost) {
                    if sender.send(Ok(said)).await.is_err() {
                        return;
                    }
                    lost = 0;
                }
            }
            Ok(Heard::Lost(more)) | Err(RecvError::Lagged(more)) => lost += more,
            Err(RecvError::Closed) => return,
        }
    }
}

/// Microseconds since the Unix epoch.
pub(super) fn timestamp_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn said(event: &Event, lost: u64) -> ConnectionEvent {
    ConnectionEvent {
        kind: kind(event.kind).into(),
        connection: Some(message::connection(event.worker, &event.connection)),
        lost,
        timestamp_us: timestamp_us(),
        marked: event.marked,
        portid: event.portid,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::masqueraded;
    use super::*;
    use crate::proto::{ConnectionFilter, Family};
    use sluice_dataplane::conntrack::Listed;
    use sluice_dataplane::ids::WorkerId;

    fn event(kind: EventKind, connection: Listed) -> Event {
        Event { kind, worker: WorkerId(1), connection, marked: false, portid: 0 }
    }

    fn wants(filter: ConnectionFilter, kinds: &[Kind]) -> bool {
        let kinds = kinds.iter().map(|kind| i32::from(*kind)).collect();
        let follower = Follower::new(Filter::read(filter).unwrap(), kinds);
        let connection = masqueraded();
        follower.wants(&event(EventKind::Update, connection))
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
        let said = said(&event(EventKind::Destroy, connection), 7);
        assert_eq!((said.kind(), said.lost), (Kind::Destroy, 7));
        assert_eq!(said.connection.unwrap().worker, 1);
    }
}
