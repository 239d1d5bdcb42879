//! The locks and atomics of the hub: the standard library's. Tests that are built with `--cfg rialto_model` have a model
//! checker's, which chooses at every use of one who goes on (`make model`; the scenarios are in `tests/model.rs`).

#[cfg(all(test, rialto_model))]
pub(super) use shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockWriteGuard, atomic};
#[cfg(not(all(test, rialto_model)))]
pub(super) use std::sync::{Mutex, MutexGuard, RwLock, RwLockWriteGuard, atomic};
