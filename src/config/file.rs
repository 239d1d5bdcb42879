//! A configuration file: TOML with the keys' names at the top, each value as a flag would take it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use toml_edit::{Document, Item, Value};

use super::key::{Key, Takes};
use super::{Mistake, keys, spelling};

/// How large a file may be: every key with every comment is a hundredth of it.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A line that is right in every file.
const AN_EXAMPLE: &str = "listen = \"127.0.0.1:8080\"";

/// What a file says, and what is wrong with how it says it.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) entries: Vec<Entry>,
    pub(super) mistakes: Vec<Mistake>,
}

/// The values of one key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: &'static Key,
    /// From 1.
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// Reads a file. One that cannot be read is a mistake like any other.
pub(super) fn read(path: &Path) -> Said {
    match text_of(path) {
        Ok(text) => parse(path, &text),
        Err(problem) => {
            let (key, example) = (path.display().to_string(), "rialto.toml".to_owned());
            Said { entries: Vec::new(), mistakes: vec![Mistake { key, problem, example }] }
        }
    }
}

/// The text of a regular file of at most [`MAX_FILE_BYTES`], or what is wrong with it.
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    let text = || -> std::io::Result<Result<String, String>> {
        // A pipe would be waited for, and a device read without end.
        if !fs::metadata(path)?.is_file() {
            return Ok(Err("is not a regular file; name one that is on the disk".to_owned()));
        }
        let mut text = String::new();
        let length = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        Ok(match length as u64 > MAX_FILE_BYTES {
            true => Err(format!("has more than the {MAX_FILE_BYTES} bytes that are read")),
            false => Ok(text),
        })
    };
    text().unwrap_or_else(|error| Err(format!("cannot be read: {error}")))
}

fn parse(path: &Path, text: &str) -> Said {
    let mut said = Said::default();
    let line_of = |span: Option<std::ops::Range<usize>>| {
        let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
        before.matches('\n').count() + 1
    };
    let mistake = |line: usize, name: &str, problem: String, example: String| {
        let colon = if name.is_empty() { "" } else { ": " };
        Mistake { key: format!("{}:{line}{colon}{name}", path.display()), problem, example }
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = line_of(error.span());
            let bare = text.lines().nth(line - 1).and_then(without_quotes);
            said.mistakes.push(match bare {
                Some((key, example)) => {
                    mistake(line, key.name, "is not TOML: text stands in quotes".to_owned(), example)
                }
                None => {
                    let problem = format!("is not TOML: {}", error.message().lines().next().unwrap_or_default());
                    mistake(line, "", problem, AN_EXAMPLE.to_owned())
                }
            });
            return said;
        }
    };
    let table = document.as_table();
    for (name, item) in table {
        let line = line_of(table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span()));
        let Some(key) = keys().iter().find(|key| key.name == name && key.name != "config") else {
            let (problem, example) = unknown(name, item);
            said.mistakes.push(mistake(line, name, problem, example));
            continue;
        };
        match values(key, item) {
            Ok(values) => said.entries.push(Entry { key, line, values }),
            Err(problem) => said.mistakes.push(mistake(line, name, problem, as_toml(key, &[key.example.to_owned()]))),
        }
    }
    said
}

/// The key of a line whose value is text and stands there as it is, and the line that was meant.
fn without_quotes(line: &str) -> Option<(&'static Key, String)> {
    let (name, value) = line.split_once('=')?;
    let key = keys().iter().find(|key| key.name == name.trim())?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let is_text = !matches!(key.takes, Takes::Nothing | Takes::One("N"));
    if !is_text || value.is_empty() || value.starts_with(['"', '\'', '[', '{']) {
        return None;
    }
    let meant = if key.is_secret() { key.example } else { value };
    Some((key, as_toml(key, &[meant.to_owned()])))
}

fn unknown(name: &str, item: &Item) -> (String, String) {
    let example = |key: &Key| as_toml(key, &[key.example.to_owned()]);
    if name == "config" {
        return ("a file cannot name another one".to_owned(), "--config rialto.toml".to_owned());
    }
    if item.is_table_like() || item.is_array_of_tables() {
        return ("is a table; every key stands at the top of the file".to_owned(), AN_EXAMPLE.to_owned());
    }
    let names = keys().iter().map(|key| key.name).filter(|name| *name != "config");
    let nearest = spelling::nearest(name, names);
    match nearest.and_then(|nearest| keys().iter().find(|key| key.name == nearest)) {
        Some(key) => (format!("no such key; the nearest one is {}", key.name), example(key)),
        None => ("no such key; `rialto config` lists them".to_owned(), AN_EXAMPLE.to_owned()),
    }
}

/// The values as a flag would take them.
fn values(key: &Key, item: &Item) -> Result<Vec<String>, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.value().clone()),
        Value::Integer(number) => Ok(number.value().to_string()),
        Value::Boolean(yes) => Ok(yes.value().to_string()),
        other => Err(format!("takes text or a number, not {}", article(other.type_name()))),
    };
    match (item.as_value(), key.takes) {
        (Some(Value::Array(array)), Takes::Many(_)) => array.iter().map(scalar).collect(),
        (Some(Value::Array(_)), _) => Err("takes one value, not a list".to_owned()),
        (Some(value), _) => Ok(vec![scalar(value)?]),
        (None, _) => Err("takes a value, not a table".to_owned()),
    }
}

fn article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// A line of a file that says this.
pub(super) fn as_toml(key: &Key, values: &[String]) -> String {
    let one = |text: &String| match key.takes {
        Takes::Nothing => text.clone(),
        Takes::One("N") => text.replace('_', ""),
        // Rust escapes control characters as TOML does not, hence by the library.
        _ => Value::from(text.as_str()).to_string(),
    };
    let value = match key.takes {
        Takes::Many(_) => format!("[{}]", values.iter().map(one).collect::<Vec<_>>().join(", ")),
        _ => values.first().map(one).unwrap_or_default(),
    };
    format!("{} = {value}", key.name)
}
