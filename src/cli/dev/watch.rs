//! When something in the schema's folders changes: by the system's notices, or by looking where it has none.
//!
//! Promises that a folder which is replaced, by a copy, a rename or another symbolic link, is followed again: watched are
//! the folders with what they link to, and every folder on the way there.

mod scope;
mod settle;

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::cli::failure::Failure;
use scope::Scope;

/// How often the folders are looked at where the system gives no notice.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Says that something has changed. What it was is for whoever loads the schema to see.
pub(super) struct Watch {
    paths: Vec<PathBuf>,
    /// One notice is as good as many.
    changes: mpsc::Receiver<()>,
    sender: mpsc::Sender<()>,
    watcher: Watching,
}

/// What lives as long as notices are wanted.
enum Watching {
    /// Watches folders, not names: what is replaced has to be watched again.
    Noticed { _watcher: RecommendedWatcher },
    /// Looks at names.
    Polled { _watcher: PollWatcher },
}

impl Watch {
    /// Watches folders with everything below them, and files by the folder that they are in: editors replace files.
    pub(super) fn new(paths: &[PathBuf]) -> Result<Self, Failure> {
        let (sender, changes) = mpsc::channel(1);
        let noticed = noticed(paths, sender.clone()).map(|watcher| Watching::Noticed { _watcher: watcher });
        let watched = noticed.or_else(|error| {
            tracing::warn!(%error, "the system gives no notice of changes; looking twice a second");
            polled(paths, sender.clone()).map(|watcher| Watching::Polled { _watcher: watcher })
        });
        let watcher = watched.map_err(|error| Failure::Refused(format!("the schema cannot be watched: {error}")))?;
        Ok(Watch { paths: paths.to_owned(), changes, sender, watcher })
    }

    /// Waits for a change since the last call, and until it has settled.
    pub(super) async fn settled(&mut self) {
        settle::settled(&mut self.changes).await;
    }

    /// Watches what stands under the paths now. Whoever looks after this call misses nothing.
    pub(super) fn renew(&mut self) {
        if let Watching::Noticed { .. } = self.watcher {
            match noticed(&self.paths, self.sender.clone()) {
                Ok(watcher) => self.watcher = Watching::Noticed { _watcher: watcher },
                Err(error) => tracing::warn!(%error, "new folders of the schema are not watched"),
            }
        }
    }
}

/// Tells of everything that is within the scope.
fn noticed(paths: &[PathBuf], sender: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let scope = Scope::of(paths);
    let folders = scope.folders();
    let notice = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_change(&event) && (event.need_rescan() || scope.holds(&event.paths))) {
            // Full: a notice is waiting already.
            let _ = sender.try_send(());
        }
    };
    let mut watcher = RecommendedWatcher::new(notice, notify::Config::default())?;
    let mut watched = watcher.paths_mut();
    for (folder, is_needed) in folders {
        match watched.add(&folder, RecursiveMode::NonRecursive) {
            // One that cannot be read on the way, or has gone in between.
            Err(_) if !is_needed || !folder.exists() => {}
            added => added?,
        }
    }
    watched.commit()?;
    Ok(watcher)
}

fn polled(paths: &[PathBuf], sender: mpsc::Sender<()>) -> notify::Result<PollWatcher> {
    let notice = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_change(&event)) {
            let _ = sender.try_send(());
        }
    };
    let config = notify::Config::default().with_poll_interval(POLL_EVERY).with_compare_contents(true);
    let mut watcher = PollWatcher::new(notice, config)?;
    for path in paths {
        if path.is_dir() {
            watcher.watch(path, RecursiveMode::Recursive)?;
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
    }
    Ok(watcher)
}

/// Reading the schema is an event too, and must not be taken for a change.
fn is_change(event: &Event) -> bool {
    !event.kind.is_access()
}

#[cfg(test)]
mod tests {
    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind, ModifyKind, RemoveKind};

    use super::*;

    #[test]
    fn whoever_reads_the_schema_changes_nothing() {
        assert!(!is_change(&Event::new(EventKind::Access(AccessKind::Any))));
        let changes = [
            EventKind::Create(CreateKind::Any),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Remove(RemoveKind::Any),
            // Where the system does not say what it was.
            EventKind::Any,
        ];
        assert!(changes.into_iter().map(Event::new).all(|event| is_change(&event)));
    }
}
