//! When something in the schema's folders changes: by the system's notices, or by looking where it has none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::cli::failure::Failure;

/// How often the folders are looked at where the system gives no notice.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Says that something has changed. What it was is for whoever loads the schema to see.
pub(super) struct Watch {
    /// One notice is as good as many.
    changes: mpsc::Receiver<()>,
    /// Lives as long as notices are wanted.
    _watcher: Box<dyn Watcher + Send>,
}

impl Watch {
    /// Watches folders with everything below them, and files by the folder that they are in: editors replace files.
    pub(super) fn new(paths: &[PathBuf]) -> Result<Self, Failure> {
        let (sender, changes) = mpsc::channel(1);
        let notice = move |event: notify::Result<Event>| {
            // Reading the schema is an event too, and must not be taken for a change.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // Full: a notice is waiting already.
                let _ = sender.try_send(());
            }
        };
        let watched = RecommendedWatcher::new(notice.clone(), notify::Config::default())
            .and_then(|watcher| watch_all(watcher, paths))
            .or_else(|error| {
                tracing::warn!(%error, "the system gives no notice of changes; looking twice a second");
                let config = notify::Config::default().with_poll_interval(POLL_EVERY).with_compare_contents(true);
                watch_all(PollWatcher::new(notice, config)?, paths)
            });
        let watcher = watched.map_err(|error| Failure::Refused(format!("the schema cannot be watched: {error}")))?;
        Ok(Watch { changes, _watcher: watcher })
    }

    /// Waits for a change since the last call.
    ///
    /// # Cancel safety
    /// No change is lost.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The watcher is gone with its thread; nothing will change any more.
            std::future::pending::<()>().await;
        }
    }
}

fn watch_all<W: Watcher + Send + 'static>(
    mut watcher: W,
    paths: &[PathBuf],
) -> notify::Result<Box<dyn Watcher + Send>> {
    for path in paths {
        if path.is_dir() {
            watcher.watch(path, RecursiveMode::Recursive)?;
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
    }
    Ok(Box::new(watcher))
}
