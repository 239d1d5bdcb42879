//! What has to be watched so that nothing under some paths changes unseen, and which notices are about that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many folders deep a schema is watched.
const MAX_DEPTH: usize = 32;
/// How many folders and links of a schema are watched.
const MAX_WATCHED: usize = 10_000;

/// Folders by their real names, and names in folders.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Whatever happens in these matters.
    trees: BTreeSet<PathBuf>,
    /// Whether these are there and what they are matters: the paths, the folders on the way, and what links lead to.
    entries: BTreeSet<PathBuf>,
}

impl Scope {
    /// What stands under the paths now.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let mut scope = Scope::default();
        for path in paths {
            scope.follow(path, MAX_DEPTH);
        }
        scope
    }

    /// Whether a notice with these paths is about the scope.
    pub(super) fn holds(&self, paths: &[PathBuf]) -> bool {
        paths.iter().any(|path| {
            let is_inside = path.parent().is_some_and(|folder| self.trees.contains(folder));
            is_inside || self.trees.contains(path) || self.entries.contains(path)
        })
    }

    /// The folders to watch, each without those below it, and whether it is one of the schema's own.
    pub(super) fn folders(&self) -> BTreeMap<PathBuf, bool> {
        let on_the_way =
            self.entries.iter().filter_map(|entry| entry.parent()).map(|folder| (folder.to_owned(), false));
        let needed = self.trees.iter().map(|folder| (folder.clone(), true));
        on_the_way.chain(needed).collect()
    }

    /// Takes a path, and where it leads.
    fn follow(&mut self, path: &Path, depth: usize) {
        let Ok(path) = std::path::absolute(path) else { return };
        self.enter(&path);
        let Ok(real) = path.canonicalize() else { return };
        self.enter(&real);
        if real.is_dir() {
            self.walk(&real, depth);
        }
    }

    /// Takes every name on the way to a path, each in the folder where it really stands.
    fn enter(&mut self, path: &Path) {
        for step in path.ancestors() {
            let Some((folder, name)) = step.parent().zip(step.file_name()) else { continue };
            if let Ok(folder) = folder.canonicalize() {
                self.entries.insert(folder.join(name));
            }
        }
    }

    /// Takes a folder with everything below it.
    fn walk(&mut self, folder: &Path, depth: usize) {
        if self.trees.len() + self.entries.len() > MAX_WATCHED || !self.trees.insert(folder.to_owned()) {
            return;
        }
        let (Some(depth), Ok(entries)) = (depth.checked_sub(1), fs::read_dir(folder)) else { return };
        for entry in entries.flatten() {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_hidden => self.walk(&entry.path(), depth),
                Ok(kind) if kind.is_symlink() && !is_hidden => self.follow(&entry.path(), depth),
                _ => {}
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::Scope;

    #[test]
    fn a_path_is_followed_through_links_and_from_every_folder_on_the_way() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["releases/1/proto/shop", "releases/1/proto/.git", "common/v1", "elsewhere"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        symlink("releases/1", root.join("current")).unwrap();
        symlink(root.join("common"), root.join("releases/1/proto/common")).unwrap();
        let scope = Scope::of(&[root.join("current/proto"), root.join("nowhere/set.binpb")]);
        let holds = |path: &str| scope.holds(&[root.join(path)]);
        for path in [
            "current",
            "releases",
            "releases/1",
            "releases/1/proto",
            "releases/1/proto/a.proto",
            "releases/1/proto/shop/new",
            "common",
            "common/v1/c.proto",
            "nowhere",
        ] {
            assert!(holds(path), "{path}");
        }
        for path in ["elsewhere", "releases/2", "releases/1/README", "other.txt", "elsewhere/a.proto"] {
            assert!(!holds(path), "{path}");
        }
        let folders = scope.folders();
        assert_eq!(folders.get(&root), Some(&false));
        assert_eq!(folders.get(&root.join("common/v1")), Some(&true));
        assert!(!folders.contains_key(&root.join("elsewhere")) && !folders.contains_key(&root.join("current")));
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let root = tempfile::tempdir().unwrap();
        symlink(root.path(), root.path().join("self")).unwrap();
        let scope = Scope::of(&[root.path().to_owned()]);
        assert!(scope.holds(&[root.path().canonicalize().unwrap().join("a.proto")]));
    }
}
