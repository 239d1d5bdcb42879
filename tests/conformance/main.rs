//! Protobuf's own conformance runner on the transcoder: JSON in both directions, by the single pass and by the slow path.
//!
//! This program is both the test and, started again by the runner, what is tested. It holds the committed list of expected
//! failures against the run in both directions. The runner itself is installed by `make tools`; where there is none, the
//! test says so loudly and passes, unless `CI` is set.

#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

mod testee;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Argument of the program that is tested, then which path of the transcoder.
const TESTEE: &str = "--answer-the-runner";
/// As many recommended cases may fail.
const MAX_EXPECTED_FAILURES: usize = 20;
/// What a run must have come through at least, so that an empty one is no success.
const MIN_SUCCESSES: usize = 2_700;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/conformance");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, path] = &arguments[..]
        && first == TESTEE
    {
        return match testee::answer(&folder.join("messages.binpb"), path == "slow") {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("the testee: {error}")),
        };
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    if !folder.join("run").exists() {
        let why = std::fs::read_to_string(folder.join("missing"));
        let why = why.unwrap_or_else(|_| "it is not installed: `make tools` installs it".to_owned());
        eprintln!("\n!!!! CONFORMANCE NOT RUN !!!!\n!!!! {}\n", why.trim());
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        return if in_ci { fail("under CI the conformance runner has to be there") } else { ExitCode::SUCCESS };
    }
    match check_list().and_then(|()| run(&folder, "fast")).and_then(|()| run(&folder, "slow")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("conformance failed: {message}");
    ExitCode::FAILURE
}

fn expected_failures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/expected_failures.txt")
}

/// The list may name recommended cases that begin with JSON, and few of them.
fn check_list() -> Result<(), String> {
    let text = std::fs::read_to_string(expected_failures()).map_err(|error| error.to_string())?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let names: BTreeSet<&str> = lines.filter(|line| !line.is_empty()).collect();
    let allowed = |name: &str| name.starts_with("Recommended.") && name.contains(".JsonInput.") && !name.contains('*');
    match names.iter().find(|name| !allowed(name)) {
        Some(name) => Err(format!("{name} must not be expected to fail")),
        None if names.len() > MAX_EXPECTED_FAILURES => {
            Err(format!("{} failures are expected, more than {MAX_EXPECTED_FAILURES}", names.len()))
        }
        None => Ok(()),
    }
}

/// One whole run. The runner itself fails when a case fails that is not in the list, and when one in it does not.
fn run(folder: &Path, path: &str) -> Result<(), String> {
    let results = folder.join(format!("results-{path}"));
    std::fs::create_dir_all(&results).map_err(|error| error.to_string())?;
    let testee = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(folder.join("run"))
        .arg("--enforce_recommended")
        .args(["--maximum_edition", "2024"])
        .arg("--failure_list")
        .arg(expected_failures())
        .arg("--output_dir")
        .arg(&results)
        .arg(testee)
        .args([TESTEE, path])
        .output()
        .map_err(|error| format!("the runner does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let summary = said.lines().find(|line| line.contains("successes")).unwrap_or_default();
    println!("{path} path: {}", summary.trim());
    if !output.status.success() {
        return Err(format!("{path} path, {}:\n{said}", output.status));
    }
    let successes = summary
        .split(", ")
        .find_map(|part| part.strip_suffix(" successes"))
        .and_then(|part| part.rsplit(' ').next()?.parse::<usize>().ok());
    match successes {
        Some(successes) if successes >= MIN_SUCCESSES => Ok(()),
        _ => Err(format!("{path} path: fewer than {MIN_SUCCESSES} cases succeeded:\n{said}")),
    }
}
