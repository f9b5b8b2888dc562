//! A lock for what several workers write at once: lists that some matches keep.
//!
//! Held for some dozen instructions, and never across anything that waits. A worker that meets another turns
//! around; it never sleeps, as it would with a mutex that asks the system.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// A value behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Spin<T>(Mutex<T>);

/// The value, while it is held.
#[derive(Debug)]
pub(crate) struct Held<'a, T>(MutexGuard<'a, T>);

impl<T> Spin<T> {
    /// A value.
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Takes the lock.
    pub(crate) fn hold(&self) -> Held<'_, T> {
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Held(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Held(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
