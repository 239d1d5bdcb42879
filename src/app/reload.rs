//! Replaces the schema while the bridge runs.
//!
//! One task carries out one reload after the other. The order is what keeps its promises: load and check first, so a
//! schema with mistakes changes nothing; then the connections, so every filter knows the new types; then what the channels
//! keep and hide; then, in one swap, everybody who publishes or asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::revision::{Asker, Breaking, DryRun, ReloadError, ReloadRequest, Reloaded, Reloads, Revision, Revisions};
use crate::schema::compare::{self, Change};
use crate::schema::{LoadError, Mistake, Schema};
use crate::socket::Front;
use crate::transcode;

use super::parts;

/// What a reload needs.
pub(super) struct Reloader {
    pub(super) paths: Vec<PathBuf>,
    pub(super) transcode: transcode::Options,
    /// What holds where a request does not say.
    pub(super) breaking: Breaking,
    pub(super) revisions: Arc<Revisions>,
    pub(super) hub: Arc<Hub>,
    pub(super) front: Arc<Front>,
    pub(super) metrics: Arc<Metrics>,
}

impl Reloader {
    /// Carries out reloads until the runtime ends.
    pub(super) async fn run(self, mut reloads: Reloads) {
        loop {
            let (request, answer) = reloads.next().await;
            let started = Instant::now();
            let outcome = self.reload(request).await;
            self.count(&outcome, request);
            if request.asker != Asker::Developer {
                log(&outcome, request, started);
            }
            answer.send(outcome);
        }
    }

    async fn reload(&self, request: ReloadRequest) -> Result<Reloaded, ReloadError> {
        let current = self.revisions.current();
        let (next, changes) = self.load(Arc::clone(&current)).await?;
        let unchanged = next.schema.fingerprint() == current.schema.fingerprint();
        let subscriptions = self.ending(&next.schema).await?;
        let is_allowed = request.breaking.unwrap_or(self.breaking) == Breaking::Allowed;
        if (subscriptions > 0 || !changes.is_empty()) && !is_allowed {
            return Err(ReloadError::Breaking { changes, subscriptions });
        }
        let mut reloaded = Reloaded {
            fingerprint: next.schema.fingerprint().to_owned(),
            revision: current.number,
            changed: !unchanged,
            warnings: next.schema.warnings().to_vec(),
            breaking: changes,
            ended_subscriptions: subscriptions,
        };
        if reloaded.changed && request.dry_run == DryRun::No {
            let next = Arc::new(next);
            reloaded.revision = next.number;
            self.metrics.learn(&next.schema);
            reloaded.ended_subscriptions = self.front.adopt(&next).await;
            let (hub, revision) = (Arc::clone(&self.hub), Arc::clone(&next));
            aside(move || hub.revise(&current.schema, &revision)).await?;
            if next.hides_anew() {
                // What was read before that and not begun to be written is read again.
                self.front.adopt(&next).await;
            }
            self.revisions.replace(next);
        }
        Ok(reloaded)
    }

    fn count(&self, outcome: &Result<Reloaded, ReloadError>, request: ReloadRequest) {
        let reloads = &self.metrics.reloads;
        match outcome {
            _ if request.dry_run == DryRun::Yes => {}
            Ok(Reloaded { changed: true, .. }) => reloads.applied.increment(),
            Ok(_) => reloads.unchanged.increment(),
            Err(_) => reloads.refused.increment(),
        }
    }

    /// Loads what there is now, and says what it breaks. That takes longer than others may be kept waiting.
    async fn load(&self, current: Arc<Revision>) -> Result<(Revision, Vec<Change>), ReloadError> {
        let (sources, options, hub) = (parts::sources(&self.paths), self.transcode, Arc::clone(&self.hub));
        let loaded = aside(move || {
            let schema = current.schema.load_next(&sources)?;
            let changes = compare::breaking(&current.schema, &schema);
            let kept = hub.kept_revisions();
            Ok((current.next(schema, options, |numbers| kept.range(numbers.clone()).next().is_some()), changes))
        });
        loaded.await?.map_err(ReloadError::Broken)
    }

    /// How many subscriptions are on channels that the next schema does not have.
    async fn ending(&self, next: &Arc<Schema>) -> Result<usize, ReloadError> {
        let (hub, next) = (Arc::clone(&self.hub), Arc::clone(next));
        aside(move || {
            let channels = hub.subscribed();
            let gone = channels.filter(|(channel, _)| next.channel(channel.key().channel.as_str()).is_none());
            gone.map(|(_, subscriptions)| subscriptions as usize).sum()
        })
        .await
    }
}

/// Does what takes long where nobody waits for it. A defect of ours in it ends this reload, not those after it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ReloadError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a reload failed inside Rialto");
        let advice = "the bridge goes on with the schema that it has; its log says more".to_owned();
        let message = "could not be loaded for a reason of Rialto's own".to_owned();
        ReloadError::Broken(LoadError {
            mistakes: vec![Mistake { file: "schema".to_owned(), line: None, column: None, message, advice }],
            may_hide_more: true,
        })
    })
}

/// Tells the operator how it went: every mistake where it stands.
fn log(outcome: &Result<Reloaded, ReloadError>, request: ReloadRequest, started: Instant) {
    let took_ms = started.elapsed().as_millis();
    let dry_run = request.dry_run == DryRun::Yes;
    match outcome {
        Ok(Reloaded { changed: false, fingerprint, .. }) => {
            tracing::info!(fingerprint, "the schema is the one that is served already");
        }
        Ok(reloaded) => {
            for change in &reloaded.breaking {
                tracing::warn!(dry_run, "{change}");
            }
            tracing::info!(
                fingerprint = reloaded.fingerprint,
                revision = reloaded.revision,
                ended_subscriptions = reloaded.ended_subscriptions,
                dry_run,
                took_ms,
                "{}",
                if dry_run { "the schema can be reloaded" } else { "the schema was reloaded" }
            );
        }
        Err(error) => {
            tracing::error!(dry_run, "schema not reloaded: {error}");
            match error {
                ReloadError::Broken(LoadError { mistakes, .. }) => {
                    mistakes.iter().for_each(|mistake| tracing::error!("{mistake}"));
                }
                ReloadError::Breaking { changes, .. } => changes.iter().for_each(|change| tracing::error!("{change}")),
                ReloadError::Stopping => {}
            }
        }
    }
}
