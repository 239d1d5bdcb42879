//! Files that a running bridge reads again when their content changes: certificates, lists of who may do what.
//!
//! Looked at every few seconds and, at once, when somebody asks ([`Reread`]: SIGHUP does). What counts is the content, not a
//! date: a symlink that is swapped is a change, a file that is written anew as it was is none. Files that belong together
//! are read again together, and only when two looks in a row found the same, so that half of a pair that is being
//! replaced is not taken for the new one. What cannot be used after a change is told in the log, once and to whoever asks, and
//! the old one stays.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// What could not be used is read again after so many looks: a minute.
const LOOKS_BEFORE_AGAIN: u32 = 30;
/// What is looked at of a file; who reads it has a smaller limit.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Asks a bridge to read its files again now.
#[derive(Clone, Debug, Default)]
pub struct Reread(Arc<Notify>);

impl Reread {
    /// Asks. Asking twice before it is done is asking once.
    pub fn ask(&self) {
        self.0.notify_one();
    }
}

/// Files that belong together.
pub(super) struct Watched {
    /// What they are, for the log: "the certificate of --grpc".
    what: String,
    paths: Vec<PathBuf>,
    /// What was taken, or refused, last.
    judged: Seen,
    /// What the last look found.
    found: Seen,
    /// Why they could not be used when they were read last. They may be used later as they are: a certificate that begins then.
    problem: Option<String>,
    /// Looks since they were read.
    looks: u32,
}

/// The content of files; of those that cannot be read, why.
type Seen = Vec<Result<[u8; 32], io::ErrorKind>>;

impl Watched {
    /// Remembers these files as they are now. Made before what is in them is read for the first time, so that a change in
    /// between is found by the first look.
    pub(super) fn new(what: impl Into<String>, paths: Vec<PathBuf>) -> Self {
        let judged = see(&paths);
        Watched { what: what.into(), found: judged.clone(), judged, paths, problem: None, looks: 0 }
    }

    /// Whether they are to be read: they have changed since they were judged, or could not be used and it was some time ago.
    /// `settled`: only when the look before found the same; otherwise somebody has asked.
    fn is_due(&mut self, settled: bool) -> bool {
        self.looks = self.looks.saturating_add(1);
        let again = self.problem.is_some() && (!settled || self.looks >= LOOKS_BEFORE_AGAIN);
        let is_due = self.has_changed(settled) || again;
        if is_due {
            self.looks = 0;
        }
        is_due
    }

    /// Whether they have changed since they were judged.
    fn has_changed(&mut self, settled: bool) -> bool {
        let before = std::mem::replace(&mut self.found, see(&self.paths));
        let is_new = self.found != self.judged && (!settled || before == self.found);
        if is_new {
            self.judged.clone_from(&self.found);
        }
        is_new
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        write!(f, "{} ({})", self.what, paths.join(", "))
    }
}

fn see(paths: &[PathBuf]) -> Seen {
    let digest = |path: &Path| -> io::Result<[u8; 32]> {
        let mut content = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
        Ok(Sha256::digest(&content).into())
    };
    paths.iter().map(|path| digest(path).map_err(|error| error.kind())).collect()
}

/// Reads the files and puts what they say in the place of what they said. An error says what is wrong, where, and what to do.
type Renew = Box<dyn FnMut() -> Result<(), String> + Send>;

/// Everything that a bridge reads again.
#[derive(Default)]
pub(super) struct Files {
    watched: Vec<(Watched, Renew)>,
}

impl Files {
    /// Calls `renew` when these have changed. It may block.
    pub(super) fn watch(&mut self, watched: Watched, renew: impl FnMut() -> Result<(), String> + Send + 'static) {
        self.watched.push((watched, Box::new(renew)));
    }

    /// Looks until the runtime ends.
    pub(super) async fn run(mut self, reread: Reread) {
        let mut clock = interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.watched.is_empty() {
            let settled = tokio::select! {
                _ = clock.tick() => true,
                () = reread.0.notified() => false,
            };
            let looked = tokio::task::spawn_blocking(move || {
                for news in self.look(settled) {
                    match news {
                        Ok(good) => tracing::info!("{good}"),
                        Err(bad) => tracing::error!("{bad}"),
                    }
                }
                self
            });
            match looked.await {
                Ok(files) => self = files,
                Err(error) => {
                    tracing::error!(%error, "files are not looked at any more, by a defect of Rialto's; restart to read them");
                    return;
                }
            }
        }
    }

    /// Looks once, and gives what is to be told of it.
    fn look(&mut self, settled: bool) -> Vec<Result<String, String>> {
        let mut news = Vec::new();
        for (watched, renew) in &mut self.watched {
            if watched.is_due(settled) {
                let problem = renew().err();
                match &problem {
                    None => news.push(Ok(format!("{watched} has changed and holds from now on"))),
                    Some(problem) if watched.problem.as_ref() != Some(problem) => {
                        news.push(Err(format!(
                            "{watched} has changed and cannot be used, the old one stays: {problem}"
                        )));
                    }
                    // Told once, however often it is tried, and again to whoever asks.
                    Some(_) if settled => {}
                    Some(problem) => {
                        news.push(Err(format!("{watched} still cannot be used, the old one stays: {problem}")));
                    }
                }
                watched.problem = problem;
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::*;

    /// Two files and what was read of them, each time.
    struct Pair {
        folder: tempfile::TempDir,
        files: Files,
        read: Arc<Mutex<Vec<String>>>,
    }

    impl Pair {
        fn new() -> Pair {
            let folder = tempfile::tempdir().unwrap();
            let paths = ["a", "b"].map(|name| folder.path().join(name));
            for path in &paths {
                fs::write(path, "1").unwrap();
            }
            let watched = Watched::new("the pair", paths.to_vec());
            let read = Arc::new(Mutex::new(Vec::new()));
            let (mut files, reading) = (Files::default(), Arc::clone(&read));
            files.watch(watched, move || {
                let contents = paths.iter().map(|path| fs::read_to_string(path).unwrap_or_else(|_| "-".to_owned()));
                let contents = contents.collect::<String>();
                reading.lock().unwrap().push(contents.clone());
                if contents.contains('x') { Err("x".to_owned()) } else { Ok(()) }
            });
            Pair { folder, files, read }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.folder.path().join(name), text).unwrap();
        }

        fn read(&self) -> Vec<String> {
            std::mem::take(&mut *self.read.lock().unwrap())
        }
    }

    #[test]
    fn a_change_is_read_once_when_it_has_settled_or_at_once_when_asked() {
        let mut pair = Pair::new();
        pair.files.look(true);
        pair.files.look(false);
        assert!(pair.read().is_empty(), "nothing has changed");
        pair.write("a", "2");
        pair.files.look(true);
        pair.write("b", "2");
        pair.files.look(true);
        assert!(pair.read().is_empty(), "it is still being replaced");
        pair.files.look(true);
        pair.files.look(true);
        assert_eq!(pair.read(), ["22"]);
        pair.write("a", "3");
        pair.files.look(false);
        assert_eq!(pair.read(), ["32"]);
        pair.write("a", "3");
        pair.files.look(false);
        assert!(pair.read().is_empty(), "the same content is no change");
    }

    #[test]
    fn what_is_broken_or_gone_is_told_once_and_to_whoever_asks_and_read_again_when_it_is_back() {
        let mut pair = Pair::new();
        pair.write("a", "x");
        let told = |news: Vec<Result<String, String>>| {
            let bad = |news: Result<String, String>| news.unwrap_err().split(", the old").next().unwrap().to_owned();
            news.into_iter().map(bad).map(|line| line[line.rfind(')').unwrap()..].to_owned()).collect::<Vec<_>>()
        };
        let news = (0..3).flat_map(|_| pair.files.look(true)).collect();
        assert_eq!(told(news), [") has changed and cannot be used"]);
        assert_eq!(pair.read(), ["x1"]);
        let news = (0..LOOKS_BEFORE_AGAIN).flat_map(|_| pair.files.look(true)).collect();
        assert_eq!((told(news), pair.read()), (vec![], vec!["x1".to_owned()]), "it may be good by now");
        let news = pair.files.look(false);
        assert_eq!(told(news), [") still cannot be used"], "whoever asks is told again");
        assert_eq!(pair.read(), ["x1"], "and not put off");
        fs::remove_file(pair.folder.path().join("a")).unwrap();
        for _ in 0..3 {
            pair.files.look(false);
        }
        assert_eq!(pair.read(), ["-1"]);
        pair.write("a", "1");
        pair.files.look(false);
        assert_eq!(pair.read(), ["11"]);
    }

    #[tokio::test]
    async fn it_looks_by_itself_and_when_asked() {
        let pair = Pair::new();
        let (reread, read) = (Reread::default(), Arc::clone(&pair.read));
        let running = tokio::spawn(pair.files.run(reread.clone()));
        let until_read = async |text: &str| {
            tokio::time::timeout(Duration::from_secs(30), async {
                while read.lock().unwrap().last().is_none_or(|last| last != text) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await
        };
        fs::write(pair.folder.path().join("a"), "2").unwrap();
        reread.ask();
        until_read("21").await.expect("SIGHUP reads it");
        fs::write(pair.folder.path().join("a"), "3").unwrap();
        until_read("31").await.expect("it is found without being asked");
        running.abort();
    }
}
