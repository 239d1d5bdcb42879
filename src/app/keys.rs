//! Keeps the keys for tokens as they are where they come from: sets at URLs, and files.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::files::{Files, Watched};
use super::{parts, session_token};
use crate::auth::{Keyring, PassedOver, Remote};
use crate::config::{Config, ConfigError, Identity};
use crate::metrics::Metrics;
use crate::net::https::{self, Fetcher, Place};
use crate::socket::Gate;

/// A set is fetched again after nine tenths of the time that a key may live on, so that one late answer does no harm.
const EARLIER: u32 = 10;
/// After a fetch that brought nothing.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// How often sets are fetched.
#[derive(Clone, Copy)]
struct Pace {
    refresh: Duration,
    /// After the last good fetch.
    max_stale: Duration,
    again: Duration,
}

/// Starts with what the configuration's files say and what the URLs serve now; neither waits longer than a fetch may take.
/// `None`: there are none.
pub(super) async fn start(
    config: &Config,
    files: &mut Files,
    helpers: &mut JoinSet<()>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<Keyring>>, ConfigError> {
    let watched = Watched::new("the keys for tokens", config.identity.files());
    let Some(keyring) = keyring(config)? else { return Ok(None) };
    if !config.identity.files().is_empty() {
        let (own, identity) = (Arc::clone(&keyring), config.identity.clone());
        files.watch(watched, move || reread(&own, &identity));
    }
    if keyring.remotes().is_empty() {
        return Ok(Some(keyring));
    }
    let fetcher = fetcher(config)?;
    let refresh = config.limits.jwks_refresh - config.limits.jwks_refresh / EARLIER;
    let pace = Pace { refresh, max_stale: config.limits.jwks_max_stale, again: TRY_AGAIN.min(refresh) };
    let first = fetch_all(&keyring, &fetcher, metrics).await;
    for (remote, place) in first {
        helpers.spawn(keep(Arc::clone(&keyring), remote, place, fetcher.clone(), pace, Arc::clone(metrics)));
    }
    Ok(Some(keyring))
}

/// The gate that a bridge of this configuration would have, with every set fetched once, for a command that judges a token.
/// `None`: there is no key to judge one by.
///
/// # Errors
/// The configuration has mistakes.
pub async fn gate(config: &Config) -> Result<Option<Gate>, ConfigError> {
    let keyring = keyring(config)?;
    if let Some(keyring) = keyring.as_ref().filter(|keyring| !keyring.remotes().is_empty()) {
        fetch_all(keyring, &fetcher(config)?, &Arc::default()).await;
    }
    let (session, made) = session_token::start(config, &mut Files::default())?;
    // One that is made here is not the one that a bridge has made.
    let session = session.filter(|_| made.is_none());
    let is_on = keyring.is_some() || session.is_some();
    Ok(is_on.then(|| parts::gate(config, keyring, session, Arc::default())))
}

fn keyring(config: &Config) -> Result<Option<Arc<Keyring>>, ConfigError> {
    let keyring = config.identity.keyring(config.limits.jwks_cooldown).map_err(|mistakes| ConfigError { mistakes })?;
    Ok(keyring.map(Arc::new))
}

fn fetcher(config: &Config) -> Result<Fetcher, ConfigError> {
    let authorities = config.identity.jwks_ca.as_deref();
    Fetcher::new(authorities, config.limits.jwks_timeout, config.identity.bounds.set_bytes)
        .map_err(|problem| ConfigError { mistakes: vec![Identity::mistake("--jwks-ca", &problem)] })
}

/// Fetches every set once, all at the same time.
async fn fetch_all(keyring: &Arc<Keyring>, fetcher: &Fetcher, metrics: &Arc<Metrics>) -> Vec<(Arc<Remote>, Place)> {
    let mut fetching = JoinSet::new();
    for remote in keyring.remotes() {
        // What the configuration has looked at.
        let Ok(place) = https::check(&remote.url) else { continue };
        let (keyring, remote, fetcher, metrics) =
            (Arc::clone(keyring), Arc::clone(remote), fetcher.clone(), Arc::clone(metrics));
        fetching.spawn(async move {
            fetch(&keyring, &remote, &place, &fetcher, &metrics).await;
            (remote, place)
        });
    }
    fetching.join_all().await
}

/// Fetches a set again and again, and when somebody shows a token whose key is not in it.
async fn keep(
    keyring: Arc<Keyring>,
    remote: Arc<Remote>,
    place: Place,
    fetcher: Fetcher,
    pace: Pace,
    metrics: Arc<Metrics>,
) {
    let mut next = Instant::now() + if keyring.is_complete() { pace.refresh } else { pace.again };
    let mut stale_at = Instant::now() + pace.max_stale;
    loop {
        tokio::select! {
            () = sleep_until(next.min(stale_at)) => {}
            () = remote.wanted() => {}
        }
        let is_good = fetch(&keyring, &remote, &place, &fetcher, &metrics).await;
        let now = Instant::now();
        next = now + if is_good { pace.refresh } else { pace.again };
        if is_good {
            stale_at = now + pace.max_stale;
        } else if now >= stale_at {
            // Once: there is nothing to give up until a set has come again.
            stale_at = now + pace.max_stale;
            if keyring.forget(&remote) {
                let url = &remote.url;
                tracing::error!(
                    url,
                    "the issuer's keys could not be fetched for too long and are not believed any more"
                );
            }
        }
    }
}

async fn fetch(keyring: &Keyring, remote: &Arc<Remote>, place: &Place, fetcher: &Fetcher, metrics: &Metrics) -> bool {
    remote.begin();
    let set = fetcher.get(place).await;
    let taken = keyring.fetched(remote, set);
    match &taken {
        Ok(passed_over) => {
            tell(&remote.url, passed_over);
            metrics.keys.fetched.increment();
            tracing::debug!(url = remote.url, "the issuer's keys were fetched");
        }
        Err(problem) => {
            metrics.keys.failed.increment();
            let then = match keyring.has(remote) {
                true => "those that were there stay",
                false => "there are none, and its tokens are answered with \"try again\" until there are",
            };
            tracing::warn!(
                issuer = remote.issuer,
                url = remote.url,
                problem,
                "the issuer's keys cannot be fetched; {then}"
            );
        }
    }
    taken.is_ok()
}

/// Says which keys of a new set are not used. One that is wrong is its issuer's to mend; one for other ends is nobody's mistake.
fn tell(url: &str, passed_over: &[PassedOver]) {
    if passed_over.is_empty() {
        return;
    }
    let keys = passed_over.iter().map(|passed| &*passed.why).collect::<Vec<_>>().join("; ");
    match passed_over.iter().any(|passed| passed.is_wrong) {
        true => tracing::warn!(url, keys, "keys of the issuer's set cannot be used, and are passed over"),
        false => tracing::info!(url, keys, "keys of the issuer's set are for others, and are passed over"),
    }
}

fn reread(keyring: &Keyring, identity: &Identity) -> Result<(), String> {
    let settings = identity.settings().map_err(|mistakes| ConfigError { mistakes }.to_string())?;
    let settings = settings.ok_or("there is no key left")?;
    keyring.reread(settings).map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
