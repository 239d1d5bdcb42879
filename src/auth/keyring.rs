//! Keys that change while the bridge runs: files that are written anew, sets that an issuer serves.
//!
//! Whoever verifies reads an immutable [`Authenticator`] that is swapped as a whole; whoever brings keys makes another. What
//! cannot be used changes nothing: the keys that were there stay, until whoever fetches them gives them up
//! ([`Keyring::forget`]). This module knows no network: who fetches sets waits at
//! [`Remote::wanted`] and brings them to [`Keyring::fetched`].
//!
//! A token whose `kid` nobody knows may be signed with a key that its issuer has just made. [`Keyring::coming`] asks for one fetch
//! then, at most once in the set's cool-down, and gives what to wait for; the tokens of others wait for nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Notify, watch};

use super::authenticator::Authenticator;
use super::error::{SettingsError, TokenError};
use super::jwks::{self, PassedOver};
use super::settings::{KeySource, Settings};
use crate::session::principal::Principal;

/// The keys of all issuers, as they are now.
#[derive(Debug)]
pub struct Keyring {
    current: RwLock<Arc<Authenticator>>,
    known: Mutex<Known>,
    remotes: Box<[Arc<Remote>]>,
}

#[derive(Debug)]
struct Known {
    settings: Settings,
    /// The newest set of each remote that could be used, as text.
    sets: Vec<Option<String>>,
}

/// One issuer's set at one URL, which the configuration names.
#[derive(Debug)]
pub struct Remote {
    /// Where it is.
    pub url: String,
    /// Whose it is.
    pub issuer: String,
    cool_down: Duration,
    wanted: Notify,
    state: Mutex<Fetching>,
    /// Fetches that are over.
    done: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Fetching {
    is_under_way: bool,
    asked: Option<Instant>,
}

/// A fetch that is under way.
#[derive(Debug)]
pub struct Coming {
    done: watch::Receiver<u64>,
    patience: Duration,
}

impl Coming {
    /// Waits for its end, but not for ever.
    pub async fn over(mut self) {
        // Either way the keys that are there then decide.
        let _ = tokio::time::timeout(self.patience, self.done.changed()).await;
    }
}

impl Keyring {
    /// The keys that settings have, and those that will be fetched. An unknown `kid` is worth one fetch in `cool_down`.
    ///
    /// # Errors
    /// Every reason why nobody, or anybody, would be believed.
    pub fn new(settings: Settings, cool_down: Duration) -> Result<Keyring, Vec<SettingsError>> {
        let current = RwLock::new(Arc::new(Authenticator::new(&settings)?));
        let remotes: Box<[_]> = settings
            .issuers
            .iter()
            .filter_map(|issuer| {
                let (url, issuer) = (issuer.url.clone()?, issuer.name.clone().unwrap_or_default());
                let (wanted, state, done) = (Notify::new(), Mutex::default(), watch::Sender::new(0));
                Some(Arc::new(Remote { url, issuer, cool_down, wanted, state, done }))
            })
            .collect();
        let sets = vec![None; remotes.len()];
        Ok(Keyring { current, known: Mutex::new(Known { settings, sets }), remotes })
    }

    /// The sets to fetch.
    pub fn remotes(&self) -> &[Arc<Remote>] {
        &self.remotes
    }

    /// Who this token is about.
    ///
    /// # Errors
    /// It is not to be believed.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Principal, TokenError> {
        self.current().verify(token, now)
    }

    /// Whether keys of this set are there.
    pub fn has(&self, remote: &Arc<Remote>) -> bool {
        let index = self.remotes.iter().position(|own| Arc::ptr_eq(own, remote));
        index.and_then(|index| lock(&self.known).sets.get(index).map(Option::is_some)).unwrap_or_default()
    }

    /// Whether every issuer has keys.
    pub fn is_complete(&self) -> bool {
        lock(&self.known).sets.iter().all(Option::is_some)
    }

    /// What to wait for before this token is refused for want of its key. `None`: nothing will change.
    pub fn coming(&self, issuer: &str, patience: Duration, now: Instant) -> Option<Coming> {
        let remote = self.remotes.iter().find(|remote| remote.issuer == issuer)?;
        let mut state = lock(&remote.state);
        let is_due = state.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= remote.cool_down);
        if !is_due && !state.is_under_way {
            return None;
        }
        let done = remote.done.subscribe();
        if is_due && !state.is_under_way {
            state.asked = Some(now);
            state.is_under_way = true;
            remote.wanted.notify_one();
        }
        Some(Coming { done, patience })
    }

    /// A fetch of this set is over. Takes its keys; says which it passes over, once for each set that is not the one before.
    ///
    /// # Errors
    /// None can be used, and those that were there stay.
    pub fn fetched(&self, remote: &Arc<Remote>, set: Result<String, String>) -> Result<Vec<PassedOver>, String> {
        let taken = set.and_then(|text| self.take_set(remote, text));
        // Under the lock, so that whoever asks after this waits for another fetch and is not woken by this one.
        let mut state = lock(&remote.state);
        state.is_under_way = false;
        remote.done.send_modify(|done| *done += 1);
        drop(state);
        taken
    }

    /// Nobody knows any more whether this set holds: its keys go, and tokens of its issuer are told to try again. Whether there
    /// were any.
    pub fn forget(&self, remote: &Arc<Remote>) -> bool {
        let mut known = lock(&self.known);
        let index = self.remotes.iter().position(|own| Arc::ptr_eq(own, remote));
        let Some(before) = index.and_then(|index| known.sets.get_mut(index)).and_then(Option::take) else {
            return false;
        };
        let made = self.renew(&known);
        if made.is_err()
            && let Some(set) = index.and_then(|index| known.sets.get_mut(index))
        {
            *set = Some(before);
        }
        made.is_ok()
    }

    fn take_set(&self, remote: &Arc<Remote>, text: String) -> Result<Vec<PassedOver>, String> {
        let mut known = lock(&self.known);
        let bounds = known.settings.bounds;
        let (_, passed_over) = jwks::read_served(&text, bounds).map_err(|error| error.to_string())?;
        let Some(index) = self.remotes.iter().position(|own| Arc::ptr_eq(own, remote)) else {
            return Err("it is another bridge's".to_owned());
        };
        if known.sets[index].as_ref() == Some(&text) {
            return Ok(Vec::new());
        }
        let before = known.sets[index].replace(text);
        let made = self.renew(&known);
        if made.is_err() {
            known.sets[index] = before;
        }
        made.map(|()| passed_over).map_err(|mistakes| in_words(&mistakes))
    }

    /// Takes what the files of the configuration say now; sets that were fetched stay.
    ///
    /// # Errors
    /// It cannot be used, and nothing changed.
    pub fn reread(&self, settings: Settings) -> Result<(), Vec<SettingsError>> {
        let mut known = lock(&self.known);
        let before = std::mem::replace(&mut known.settings, settings);
        let made = self.renew(&known);
        if made.is_err() {
            known.settings = before;
        }
        made
    }

    fn renew(&self, known: &Known) -> Result<(), Vec<SettingsError>> {
        let mut settings = known.settings.clone();
        let fetched = settings.issuers.iter_mut().filter(|issuer| issuer.url.is_some());
        for (issuer, set) in fetched.zip(&known.sets) {
            issuer.keys.extend(set.clone().map(KeySource::Served));
        }
        let next = Arc::new(Authenticator::new(&settings)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn current(&self) -> Arc<Authenticator> {
        // What is inside is replaced as a whole.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Remote {
    /// Waits until somebody shows a token whose key is not there.
    ///
    /// # Cancel safety
    /// A wish is not lost when the future is dropped before it is ready.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// A fetch begins by itself: who wants one meanwhile waits for it.
    pub fn begin(&self) {
        lock(&self.state).is_under_way = true;
    }
}

fn in_words(mistakes: &[SettingsError]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
