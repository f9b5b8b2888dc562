//! Clients and their filters, and the steps that go to them.
//!
//! ```text
//!   workers ─> Traces ─> reader (one task, while anybody follows) ─> broadcast ─> clients
//! ```

use crate::proto::TraceStep;
use crate::server::Plane;
use crate::trace::{Book, step};
use crossbeam_channel::bounded;
use sluice_config::netfilter::Family;
use sluice_dataplane::address::IpVersion;
use sluice_dataplane::trace::{Event, Filter, Filters, Traced};
use sluice_dataplane::worker::Request;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tonic::Status;

/// Between two looks at the ring.
const PAUSE: Duration = Duration::from_millis(5);
/// Steps that wait for the slowest client.
const BACKLOG: usize = 16_384;
/// How long a worker may take to answer; a live one takes microseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Clients with a filter there may be.
const CLIENTS: u32 = 8;

/// What clients receive.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// A step, and whose.
    Step(u32, Arc<TraceStep>),
    /// So many steps found the workers' ring full.
    Lost(u64),
}

/// The ring's one reader, and all clients.
#[derive(Debug)]
pub(super) struct Hub {
    plane: Arc<Plane>,
    state: Mutex<State>,
    /// One change of filters after the other.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// A bit for each client that has a filter, and the filter.
    filters: Vec<(u32, Arc<Filter>)>,
    /// How many listen to what rules choose.
    by_rule: usize,
    /// Set while the reader runs.
    sender: Option<Sender<News>>,
}

/// One client's.
pub(super) struct Session {
    hub: Arc<Hub>,
    client: u32,
}

impl Session {
    /// Its bit in the steps' clients.
    pub(super) const fn client(&self) -> u32 {
        self.client
    }

    /// Nobody follows any more.
    pub(super) async fn end(self) {
        let Self { hub, client } = self;
        {
            let mut state = hub.state();
            match client {
                Traced::BY_RULE => state.by_rule -= 1,
                _ => state.filters.retain(|(other, _)| *other != client),
            }
        }
        // A worker that does not answer is reported by the watch on workers.
        drop(hub.tell_workers().await);
    }
}

impl Hub {
    pub(super) fn new(plane: &Arc<Plane>) -> Arc<Self> {
        let (state, changing) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { plane: Arc::clone(plane), state, changing })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to tell of the packets that `filter` chooses, or, without one, that rules choose. Every worker knows of
    /// it when this is done.
    pub(super) async fn begin(
        self: Arc<Self>,
        filter: Option<Filter>,
    ) -> Result<(Session, Receiver<News>), Status> {
        let (client, news) = {
            let mut state = self.state();
            let client = match filter {
                None => {
                    state.by_rule += 1;
                    Traced::BY_RULE
                }
                Some(filter) => {
                    let taken = |bit: &u32| state.filters.iter().any(|(client, _)| client == bit);
                    let free = (0..CLIENTS).map(|shift| 1 << shift).find(|bit| !taken(bit));
                    let client = free.ok_or_else(|| {
                        Status::resource_exhausted("eight clients trace packets already; end one")
                    })?;
                    state.filters.push((client, Arc::new(filter)));
                    client
                }
            };
            (client, self.subscribe(&mut state))
        };
        let session = Session { hub: Arc::clone(&self), client };
        match self.tell_workers().await {
            Ok(()) => Ok((session, news)),
            Err(error) => {
                session.end().await;
                Err(error)
            }
        }
    }

    /// Starts the reader if this is the first client.
    fn subscribe(self: &Arc<Self>, state: &mut State) -> Receiver<News> {
        if let Some(sender) = &state.sender {
            return sender.subscribe();
        }
        let traces = &self.plane.insight.traces;
        // What was left over from the last client is no news.
        while traces.pop().is_some() {}
        let _ = traces.take_lost();
        let (sender, receiver) = broadcast::channel(BACKLOG);
        state.sender = Some(sender.clone());
        tokio::spawn(Arc::clone(self).read(sender));
        receiver
    }

    /// Has every worker ask the filters there are now.
    async fn tell_workers(self: &Arc<Self>) -> Result<(), Status> {
        let _one = self.changing.lock().await;
        let filters = {
            let state = self.state();
            self.plane.insight.traces.listen(state.by_rule > 0);
            Some(&state.filters)
                .filter(|filters| !filters.is_empty())
                .map(|filters| Arc::new(Filters::of(filters.clone())))
        };
        let hub = Arc::clone(self);
        let told = tokio::task::spawn_blocking(move || {
            hub.plane.workers.iter().all(|worker| {
                // Room for the one answer: the worker never waits to give it. The filters before are freed here.
                let (reply, before) = bounded(1);
                let request = Request::Trace { filters: filters.clone(), reply };
                worker.requests.send_timeout(request, PATIENCE).is_ok()
                    && before.recv_timeout(PATIENCE).is_ok()
            })
        });
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Status::unavailable("a worker does not answer; see the gateway's log"))
            }
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    /// Passes on what workers tell until the last client has gone.
    async fn read(self: Arc<Self>, sender: Sender<News>) {
        let traces = &self.plane.insight.traces;
        loop {
            let events: Vec<Event> =
                std::iter::from_fn(|| traces.pop()).take(BACKLOG / 2).collect();
            if !events.is_empty() {
                for (clients, step) in self.steps(&events) {
                    // Without a client it is told to nobody, and the next turn ends.
                    let _ = sender.send(News::Step(clients, Arc::new(step)));
                }
            }
            let lost = traces.take_lost();
            if lost > 0 {
                let _ = sender.send(News::Lost(lost));
            }
            if self.is_over(&sender) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Events in the words of the rules in force. Those of rules that are no more go without words.
    fn steps(&self, events: &[Event]) -> Vec<(u32, TraceStep)> {
        let controller = self.plane.lock();
        let number = controller.snapshot().number;
        let (rules4, rules6) = (&controller.running.rules4, &controller.running.rules6);
        let book4 = Book::of(rules4, controller.layout(Family::V4));
        let book6 = Book::of(rules6, controller.layout(Family::V6));
        let told = events.iter().map(|event| {
            let book = match event.version {
                IpVersion::V4 => &book4,
                IpVersion::V6 => &book6,
            };
            let book = Some(book).filter(|_| event.snapshot == number);
            (event.traced.clients, step(event, book, &controller.interfaces))
        });
        told.collect()
    }

    /// Ends the reading when nobody follows; a client that comes later starts it anew.
    fn is_over(&self, sender: &Sender<News>) -> bool {
        let mut state = self.state();
        let over = sender.receiver_count() == 0;
        if over {
            state.sender = None;
        }
        over
    }
}
