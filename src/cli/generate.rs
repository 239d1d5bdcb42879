//! `rialto generate`: clients from a schema.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::failure::Failure;
use super::screen::Screen;
use crate::codegen::{File, typescript};
use crate::schema::{Schema, Source};

/// Generate a typed client from a schema.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Generate {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    Typescript(Typescript),
}

/// Generate TypeScript for browsers and Node.
///
/// Writes one module for each package of the schema, `schema.ts`, `index.ts` and the runtime. Files in the output folder
/// that an earlier run generated and that are not of this schema any more are deleted; others are left alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Typescript {
    /// Folders of .proto files, or files with a FileDescriptorSet [default: the events that come with Rialto]
    #[arg(long, value_name = "PATH")]
    schema: Vec<PathBuf>,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the generated code gets its runtime from
    #[arg(long, value_enum, default_value_t)]
    runtime: Runtime,
    /// Another name for a message: `shop.v1.Order=ShopOrder`
    #[arg(long, value_name = "MESSAGE=NAME")]
    alias: Vec<String>,
    /// Write nothing; exit with 1 when the folder is not current
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Runtime {
    /// Written beside it
    #[default]
    Embedded,
    /// The package @rialto/client
    Npm,
}

const EXAMPLES: &str = "\
Examples:
  rialto generate typescript --schema ./my-proto --out web/src/events
  rialto generate typescript --schema ./my-proto --out web/src/events --check     in a pipeline
  rialto generate typescript --out events                                         the bundled events";

impl Generate {
    /// Generates, or checks what is there.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        match self.target {
            Target::Typescript(typescript) => typescript.run(screen),
        }
    }
}

impl Typescript {
    fn run(self, screen: &Screen) -> Result<(), Failure> {
        let sources: Vec<Source> = match &self.schema[..] {
            [] => vec![Source::Bundled],
            paths => paths.iter().map(|path| Source::at(path)).collect(),
        };
        let schema = Schema::load(&sources).map_err(|error| Failure::Refused(error.to_string()))?;
        let mut options = typescript::Options {
            runtime: match self.runtime {
                Runtime::Embedded => typescript::Runtime::Embedded,
                Runtime::Npm => typescript::Runtime::Npm,
            },
            ..Default::default()
        };
        for alias in &self.alias {
            options.add_alias(alias).map_err(|error| Failure::Usage(error.to_string()))?;
        }
        let files = typescript::generate(&schema, &options).map_err(|error| Failure::Refused(error.to_string()))?;
        if self.check {
            return check(&self.out, &files, &stale(&self.out, &files)?, screen);
        }
        screen.line(&write_all(&self.out, &files)?.told)
    }
}

/// What writing came to.
pub(super) struct Written {
    /// Whether anything is other than before.
    pub(super) changed: bool,
    /// How much that was, in words.
    pub(super) told: String,
}

/// Writes what has changed, deletes what is no longer generated, and says how much that was.
pub(super) fn write_all(out: &Path, files: &[File]) -> Result<Written, Failure> {
    let stale = stale(out, files)?;
    let mut written = 0;
    for file in files {
        written += usize::from(write(&out.join(&file.path), &file.text)?);
    }
    for path in &stale {
        fs::remove_file(path)?;
    }
    let deleted = if stale.is_empty() { String::new() } else { format!(", {} deleted", stale.len()) };
    let told = format!("{}: {} files, {written} of them changed{deleted}", out.display(), files.len());
    Ok(Written { changed: written > 0 || !stale.is_empty(), told })
}

/// Says what is not as it would be generated.
fn check(out: &Path, files: &[File], stale: &[PathBuf], screen: &Screen) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for file in files {
        let path = out.join(&file.path);
        match fs::read(&path) {
            Ok(bytes) if bytes == file.text.as_bytes() => {}
            Ok(_) => problems.push(format!("{}: is not current", path.display())),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    problems.extend(stale.iter().map(|path| format!("{}: is not of this schema", path.display())));
    for problem in &problems {
        screen.line(problem)?;
    }
    match problems.len() {
        0 => screen.line(&format!("{}: {} files, all current", out.display(), files.len())),
        _ => Err(Failure::Refused(format!("{} is not current: run the same without --check", out.display()))),
    }
}

/// Writes a file unless it is the same already, so that what watches the folder is left in peace.
fn write(path: &Path, text: &str) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(false);
    }
    let failed = |error: std::io::Error| Failure::Refused(format!("{} cannot be written: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)?;
    Ok(true)
}

/// The files that an earlier run wrote and this one does not. Looks only where files are written: a folder below may be
/// another schema's.
fn stale(out: &Path, files: &[File]) -> Result<Vec<PathBuf>, Failure> {
    let current: BTreeSet<PathBuf> = files.iter().map(|file| out.join(&file.path)).collect();
    let mut found = Vec::new();
    for folder in [out.to_owned(), out.join(typescript::RUNTIME_FOLDER)].iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_ours = path.extension().is_some_and(|extension| extension == "ts")
                && fs::read(&path).is_ok_and(|bytes| bytes.starts_with(typescript::MARK.as_bytes()));
            if is_ours && !current.contains(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
