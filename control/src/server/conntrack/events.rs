//! Events from the workers' journal to every client that follows.
//!
//! ```text
//!   workers ─> Journal ─> reader (one task, while anybody follows) ─> broadcast ─> followers
//! ```

use sluice_dataplane::conntrack::{Journal, News};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Between two looks at the journal.
const PAUSE: Duration = Duration::from_millis(5);
/// Events that wait for the slowest follower.
const BACKLOG: usize = 16_384;

/// What followers receive.
#[derive(Debug, Clone)]
pub(super) enum Heard {
    /// What workers have told.
    News(Arc<News>),
    /// So many events found the workers' ring full.
    Lost(u64),
}

/// The journal's one reader. Workers tell nothing while nobody follows.
#[derive(Debug)]
pub(super) struct Hub {
    journal: Arc<Journal>,
    /// Set while the reader runs.
    sender: Mutex<Option<Sender<Heard>>>,
}

impl Hub {
    pub(super) fn new(journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self { journal, sender: Mutex::new(None) })
    }

    /// Everything from now on. Starts the reader if this is the first follower.
    pub(super) fn subscribe(self: &Arc<Self>) -> Receiver<Heard> {
        let mut running = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*running {
            return sender.subscribe();
        }
        // What was left over from the last follower is no news.
        while self.journal.pop().is_some() {}
        let _ = self.journal.take_lost();
        let (sender, receiver) = broadcast::channel(BACKLOG);
        *running = Some(sender.clone());
        self.journal.listen(true);
        tokio::spawn(Arc::clone(self).read(sender));
        receiver
    }

    /// Passes on what workers tell until the last follower has gone.
    async fn read(self: Arc<Self>, sender: Sender<Heard>) {
        loop {
            while let Some(news) = self.journal.pop() {
                // Without a follower it is told to nobody, and the next turn ends.
                let _ = sender.send(Heard::News(Arc::new(news)));
            }
            let lost = self.journal.take_lost();
            if lost > 0 {
                let _ = sender.send(Heard::Lost(lost));
            }
            if self.is_over(&sender) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends the listening when nobody follows; a follower that comes later starts it anew.
    fn is_over(&self, sender: &Sender<Heard>) -> bool {
        let mut running = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let over = sender.receiver_count() == 0;
        if over {
            self.journal.listen(false);
            *running = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn workers_tell_while_somebody_follows() {
        let journal = Arc::new(Journal::new(4));
        let hub = Hub::new(Arc::clone(&journal));
        assert!(!journal.is_listened_to());
        let (first, second) = (hub.subscribe(), hub.subscribe());
        drop(first);
        tokio::time::sleep(4 * PAUSE).await;
        assert!(journal.is_listened_to());
        drop(second);
        for _ in 0..200 {
            tokio::time::sleep(PAUSE).await;
            if !journal.is_listened_to() {
                break;
            }
        }
        assert!(!journal.is_listened_to(), "nobody follows any more");
        let _third = hub.subscribe();
        assert!(journal.is_listened_to());
    }
}
