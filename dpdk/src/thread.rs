//! Worker threads: registered with EAL, so that they have a mempool cache, and pinned to a core.

use std::{
    marker::PhantomData,
    thread::{Builder, JoinHandle},
};

use dpdk_sys as sys;

use crate::{
    eal::Eal,
    error::{Errno, Error, Result},
};

/// The calling thread's place in EAL, given back on drop. Bound to its thread (not `Send`).
#[derive(Debug)]
pub struct ThreadGuard {
    /// False where the thread had a place before: it is not ours to give back.
    registered: bool,
    _eal: Eal,
    _here: PhantomData<*const ()>,
}

impl ThreadGuard {
    pub(crate) fn new(eal: Eal) -> Result<Self> {
        // SAFETY: EAL runs, as `eal` witnesses; shim_lcore_id reads a thread-local.
        let registered = unsafe { sys::shim_lcore_id() } == u32::MAX;
        if registered {
            // SAFETY: as above, and this thread is not registered yet.
            Errno::check(unsafe { sys::rte_thread_register() }).map_err(Error::Register)?;
        }
        Ok(Self { registered, _eal: eal, _here: PhantomData })
    }

    /// EAL's number for this thread, the index of its mempool caches.
    pub fn lcore(&self) -> u32 {
        // SAFETY: reads a thread-local.
        unsafe { sys::shim_lcore_id() }
    }
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        if self.registered {
            // SAFETY: the guard is not Send, so this is the thread that registered, once.
            unsafe { sys::rte_thread_unregister() };
        }
    }
}

/// A worker thread started with [`spawn_worker`].
#[derive(Debug)]
pub struct Worker<T>(JoinHandle<Option<T>>);

impl<T> Worker<T> {
    /// Waits for the worker's end; `None` where it panicked.
    pub fn join(self) -> Option<T> {
        self.0.join().ok().flatten()
    }

    /// Whether it has ended, by itself or by a panic.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Runs `work` on a new thread called `name`, pinned to `core` and registered with EAL.
///
/// Returns when the thread has been pinned and registered, or with the reason why it could not be.
pub fn spawn_worker<T: Send + 'static>(
    eal: &Eal,
    core: usize,
    name: &str,
    work: impl FnOnce(&ThreadGuard) -> T + Send + 'static,
) -> Result<Worker<T>> {
    let usable = core_affinity::get_core_ids().unwrap_or_default();
    let pin_error = Error::Pin {
        worker: name.into(),
        core,
        usable: usable.iter().map(|core| core.id.to_string()).collect::<Vec<_>>().join(", "),
    };
    let Some(wanted) = usable.into_iter().find(|usable| usable.id == core) else {
        return Err(pin_error);
    };
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let eal = eal.clone();
    let run = move || {
        let ready = match core_affinity::set_for_current(wanted) {
            true => ThreadGuard::new(eal),
            false => Err(pin_error),
        };
        let (guard, said) = match ready {
            Ok(guard) => (Some(guard), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // The receiver waits below until this is sent.
        let _ = tell.send(said);
        guard.map(|guard| work(&guard))
    };
    let spawn = |reason: String| Error::Spawn { worker: name.into(), reason };
    let handle =
        Builder::new().name(name.into()).spawn(run).map_err(|error| spawn(error.to_string()))?;
    told.recv().map_err(|error| spawn(error.to_string()))??;
    Ok(Worker(handle))
}
