//! The older schema that another is compared with: a folder, a descriptor set, or what git remembers.

mod link;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::cli::failure::Failure;
use crate::schema::Source;

/// How many bytes of files are taken from git.
const MAX_BYTES: usize = 64 << 20;
/// How many `.proto` files a folder may have had.
const MAX_FILES: usize = 10_000;
/// What a git hook is told about the repository that it runs for. The folder's own is asked here, whatever that is.
const OF_ANOTHER_REPOSITORY: [&str; 5] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"];
/// The mode of a symbolic link in a tree of git's.
const SYMBOLIC_LINK: &str = "120000";

/// Where the older schema is.
///
/// # Errors
/// What was said names neither a path nor a commit of the repository that the folders are in.
pub(super) fn sources(old: &str, paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let path = Path::new(old);
    if path.exists() {
        return Ok(vec![Source::at(path)]);
    }
    if old.is_empty() || old.starts_with('-') {
        return Err(Failure::Usage(format!("--against {old:?}: give a folder, a descriptor set, or a git ref")));
    }
    if paths.is_empty() {
        let problem =
            format!("--against {old}: there is no such path; to look it up in git, name your schema's folder");
        return Err(Failure::Usage(problem));
    }
    paths.iter().map(|folder| at_commit(old, folder)).collect()
}

/// The `.proto` files of a folder as they were at a commit.
fn at_commit(old: &str, folder: &Path) -> Result<Source, Failure> {
    if !folder.is_dir() {
        let problem =
            format!("--against {old}: {} is no folder, and git is asked about folders only", folder.display());
        return Err(Failure::Usage(problem));
    }
    let refuse = |why: &str| {
        let shown = folder.display();
        Failure::Usage(format!("--against {old}: neither a path, nor a commit of the repository of {shown}: {why}"))
    };
    let commit = git(folder, &["rev-parse", "--verify", "--quiet", &format!("{old}^{{commit}}")])?;
    if !commit.status.success() {
        let said = String::from_utf8_lossy(&commit.stderr);
        return Err(refuse(said.lines().next().unwrap_or("git does not know it")));
    }
    let commit = String::from_utf8_lossy(&commit.stdout).trim().to_owned();
    let listed = git(folder, &["ls-tree", "-r", "-z", &commit, "--", "."])?;
    if !listed.status.success() {
        return Err(refuse(&String::from_utf8_lossy(&listed.stderr)));
    }
    let mut files: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8_lossy(&listed.stdout).split('\0') {
        // Mode, type and object, a tab, and the path from the folder.
        let Some((about, path)) = line.split_once('\t') else { continue };
        let mut about = about.split(' ');
        let (Some(mode), Some(object)) = (about.next(), about.nth(1)) else { continue };
        if path.split('/').any(|part| part.starts_with('.')) {
            continue;
        }
        let object = match mode {
            SYMBOLIC_LINK => link::target(folder, &commit, path).map_err(|why| {
                Failure::Usage(format!(
                    "--against {old}: {path} is a symbolic link {why}; compare with a checkout instead"
                ))
            })?,
            _ => Some(object.to_owned()),
        };
        files.extend(object.filter(|_| path.ends_with(".proto")).map(|object| (path.to_owned(), object)));
    }
    if files.is_empty() {
        return Err(refuse("there were no .proto files in that folder then"));
    }
    if files.len() > MAX_FILES {
        return Err(Failure::Usage(format!("--against {old}: the folder had more than {MAX_FILES} .proto files then")));
    }
    let texts = contents(folder, files.iter().map(|(_, object)| object.as_str()))?;
    let files = files.into_iter().map(|(path, _)| path).zip(texts).collect();
    Ok(Source::Texts { origin: format!("{old}:{}", folder.display()), files })
}

/// The contents of git's objects, in order.
fn contents<'a>(folder: &Path, objects: impl Iterator<Item = &'a str>) -> Result<Vec<Vec<u8>>, Failure> {
    let wanted: Vec<&str> = objects.collect();
    let mut command = command(folder, &["cat-file", "--batch"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(no_git)?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let lines = wanted.join("\n") + "\n";
    // Git answers while it reads: whoever writes must not wait for whoever reads.
    let writer = thread::spawn(move || input.map(|mut input| input.write_all(lines.as_bytes())));
    let mut given = Vec::new();
    if let Some(output) = output {
        // Then the pipe is closed, and git ends whether or not it had more.
        output.take(MAX_BYTES as u64 + 1).read_to_end(&mut given)?;
    }
    child.wait()?;
    // What git did not read it has no answer to, which is told below.
    drop(writer.join());
    let broken = || Failure::Refused("git did not give the files that it listed".to_owned());
    if given.len() > MAX_BYTES {
        return Err(Failure::Refused(format!("the files in git have more than the {MAX_BYTES} bytes that are read")));
    }
    let mut rest = &given[..];
    let mut texts = Vec::with_capacity(wanted.len());
    for _ in wanted {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
        let head = String::from_utf8_lossy(&rest[..end]);
        let length: usize = head.rsplit(' ').next().and_then(|length| length.parse().ok()).ok_or_else(broken)?;
        let text = rest.get(end + 1..end + 1 + length).ok_or_else(broken)?;
        texts.push(text.to_vec());
        rest = rest.get(end + length + 2..).ok_or_else(broken)?;
    }
    Ok(texts)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    command(folder, arguments).stdin(Stdio::null()).output().map_err(no_git)
}

/// What git answers to one line of input.
fn asked(folder: &Path, arguments: &[&str], line: &str) -> Result<Output, Failure> {
    let mut child = command(folder, arguments).stdin(Stdio::piped()).spawn().map_err(no_git)?;
    if let Some(mut input) = child.stdin.take() {
        // Git's own failure says more than a broken pipe.
        drop(input.write_all(format!("{line}\n").as_bytes()));
    }
    Ok(child.wait_with_output()?)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in OF_ANOTHER_REPOSITORY {
        command.env_remove(variable);
    }
    command
}

fn no_git(error: std::io::Error) -> Failure {
    Failure::Refused(format!("git cannot be run: {error}; give a folder or a descriptor set instead"))
}
