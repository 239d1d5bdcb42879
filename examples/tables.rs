//! Writes the tables that the program knows itself into `docs/` and into the TypeScript runtime: `make codes`.
//!
//! A test of each file fails while it is not what this writes.

use std::error::Error;
use std::fs;
use std::path::Path;

use rialto::{metrics, status};

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    rewrite(&root.join("docs/protocol.md"), |text| with_tables(text, &status::markdown()))?;
    rewrite(&root.join("docs/metrics.md"), |text| with_tables(text, &metrics::markdown()))?;
    let [returning, refreshing] = status::typescript();
    rewrite(&root.join("clients/typescript/src/codes.ts"), |text| {
        let text = with_body(text, "export function mayReturn(", &returning)?;
        with_body(&text, "export function needsNewToken(", &refreshing)
    })
}

fn rewrite(path: &Path, change: impl FnOnce(&str) -> Result<String, String>) -> Done {
    let before = fs::read_to_string(path)?;
    let after = change(&before).map_err(|problem| format!("{}: {problem}", path.display()))?;
    if after != before {
        fs::write(path, after)?;
    }
    Ok(())
}

/// The page with these tables in the places of those that have the same first line.
fn with_tables(page: &str, tables: &[String]) -> Result<String, String> {
    tables.iter().try_fold(page.to_owned(), |page, table| {
        let head = table.lines().next().unwrap_or_default();
        let missing = || format!("there is no table that begins with {head}");
        let start = page.find(&format!("{head}\n")).ok_or_else(missing)?;
        let rows = page[start..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
        let end = start + rows.map(str::len).sum::<usize>();
        Ok(format!("{}{table}{}", &page[..start], &page[end..]))
    })
}

/// The text with this line as the only one of a function that begins so.
fn with_body(text: &str, function: &str, line: &str) -> Result<String, String> {
    let missing = || format!("there is no {function}");
    let start = text.find(function).ok_or_else(missing)?;
    let from = start + text[start..].find('\n').ok_or_else(missing)? + 1;
    let to = from + text[from..].find('\n').ok_or_else(missing)?;
    Ok(format!("{}  {line}{}", &text[..from], &text[to..]))
}
