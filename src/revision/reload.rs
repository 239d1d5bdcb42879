//! Asking for a reload, and its answer.
//!
//! Requests of all kinds (a signal, the admin service, a watched folder) go through one bounded queue to one task, which
//! carries them out one after the other and to the end, whoever has stopped waiting.

use tokio::sync::{mpsc, oneshot};

use crate::schema::compare::Change;
use crate::schema::{LoadError, Mistake};

/// Requests that wait for the one that is carried out; further ones wait to be queued.
const MAX_WAITING: usize = 4;

/// Whether a schema may break those who use the one that is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaking {
    /// No: such a schema is refused.
    #[default]
    Refused,
    /// Yes: subscriptions that it leaves without a channel or a type end, and are told so.
    Allowed,
}

/// Whether a reload only says what it would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// It is carried out.
    #[default]
    No,
    /// Nothing is changed.
    Yes,
}

/// Who asks: what the log says of it, and how loudly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// Whoever sent SIGHUP, who sees nothing but the log.
    #[default]
    Signal,
    /// A caller of the admin service.
    Admin,
    /// Somebody at a terminal who is told there.
    Developer,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadRequest {
    /// Whether the schema may break those who use the one that is served. `None`: as the configuration says.
    pub breaking: Option<Breaking>,
    /// Whether the reload only says what it would do.
    pub dry_run: DryRun,
    /// Who asks.
    pub asker: Asker,
}

/// What is served after a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The schema's fingerprint.
    pub fingerprint: String,
    /// The revision's number; on a dry run, of the one that is served and stays.
    pub revision: u32,
    /// Whether the schema differs from the one that was served.
    pub changed: bool,
    /// What is allowed in the schema and likely to surprise.
    pub warnings: Vec<Mistake>,
    /// What it breaks for those who used the schema before.
    pub breaking: Vec<Change>,
    /// The subscriptions that ended by it; on a dry run, those on channels that the schema does not have.
    pub ended_subscriptions: usize,
}

/// Why the schema that was served stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The schema has mistakes.
    #[error("{} in the schema; the old one stays", counted(.0.mistakes.len(), "mistake"))]
    Broken(LoadError),
    /// It would break those who use the schema that is served, and nobody has allowed that.
    #[error("{} in the schema; the old one stays", breakage(changes.len(), *subscriptions))]
    Breaking {
        /// What would break.
        changes: Vec<Change>,
        /// The live subscriptions that would end.
        subscriptions: usize,
    },
    /// The bridge is about to stop.
    #[error("the bridge is stopping; its schema stays")]
    Stopping,
}

fn breakage(changes: usize, subscriptions: usize) -> String {
    let changes = counted(changes, "breaking change");
    match subscriptions {
        0 => changes,
        ending => format!("{changes}, which would end {}, ", counted(ending, "subscription")),
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

struct Ask {
    request: ReloadRequest,
    answer: oneshot::Sender<Result<Reloaded, ReloadError>>,
}

/// Asks for reloads.
#[derive(Clone)]
pub struct Reload {
    asks: mpsc::Sender<Ask>,
}

impl Reload {
    /// Reloads the schema from where it came from.
    ///
    /// # Cancel safety
    /// A reload that has begun goes on when its caller stops waiting.
    ///
    /// # Errors
    /// Why the schema that was served stays.
    pub async fn reload(&self, request: ReloadRequest) -> Result<Reloaded, ReloadError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { request, answer }).await.map_err(|_| ReloadError::Stopping)?;
        answered.await.unwrap_or(Err(ReloadError::Stopping))
    }
}

/// The requests for reloads, for the one who carries them out.
pub struct Reloads {
    reload: Reload,
    waiting: mpsc::Receiver<Ask>,
}

impl Default for Reloads {
    fn default() -> Self {
        let (asks, waiting) = mpsc::channel(MAX_WAITING);
        Reloads { reload: Reload { asks }, waiting }
    }
}

impl std::fmt::Debug for Reloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloads").finish_non_exhaustive()
    }
}

impl Reloads {
    /// Where to ask.
    pub fn handle(&self) -> Reload {
        self.reload.clone()
    }

    /// The next request, and where its answer goes.
    ///
    /// # Cancel safety
    /// No request is lost.
    pub async fn next(&mut self) -> (ReloadRequest, Answer) {
        let ask = self.waiting.recv().await.expect("one who may ask is kept here");
        (ask.request, Answer(ask.answer))
    }
}

/// Where a reload's answer goes.
pub struct Answer(oneshot::Sender<Result<Reloaded, ReloadError>>);

impl Answer {
    /// Answers.
    pub fn send(self, answer: Result<Reloaded, ReloadError>) {
        // Whoever asked may have left.
        let _ = self.0.send(answer);
    }
}
