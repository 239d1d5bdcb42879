//! Symbolic links in a tree of git's: followed to files of the same tree, refused where they lead elsewhere.

use std::path::Path;

use super::asked;

/// The object of the file that a link leads to; `None` where it leads to nothing, and is no `.proto` file.
///
/// # Errors
/// Why the link cannot be followed, to stand behind "is a symbolic link".
pub(super) fn target(folder: &Path, commit: &str, path: &str) -> Result<Option<String>, String> {
    let is_proto = path.ends_with(".proto");
    if path.contains('\n') {
        return Err("with a line break in its name, which git cannot be asked about".to_owned());
    }
    let question = format!("{commit}:./{path}");
    let answer = asked(folder, &["cat-file", "--batch-check", "--follow-symlinks"], &question)
        .map_err(|failure| format!("that git did not follow: {failure}"))?;
    let answer = String::from_utf8_lossy(&answer.stdout);
    // An object, its type and its size; or what is wrong with the link, and more about it in further lines.
    let words: Vec<&str> = answer.lines().next().unwrap_or_default().split(' ').collect();
    match words[..] {
        [object, "blob", _] => Ok(Some(object.to_owned())),
        [_, "tree", _] => Err("to a folder, and those are not followed in git".to_owned()),
        ["symlink", _] => Err("that leads out of the repository".to_owned()),
        _ if is_proto => Err("that leads to nothing".to_owned()),
        _ => Ok(None),
    }
}
