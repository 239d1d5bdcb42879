//! Where in the files something stands: descriptors' paths to lines and columns.

use std::collections::BTreeMap;

use buffa_descriptor::generated::descriptor::FileDescriptorSet;

use super::compile::Input;

/// An element of a file: its path in the file's descriptor (see `SourceCodeInfo.Location.path`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) file: usize,
    pub(super) path: Vec<i32>,
}

impl Site {
    /// An element inside this one.
    pub(super) fn inside(&self, steps: &[i32]) -> Site {
        Site { file: self.file, path: [&self.path, steps].concat() }
    }
}

/// What to point at inside an element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Near<'a> {
    /// The element's beginning.
    Start,
    /// A member of an option, `history`.
    Key(&'a str),
    /// A string in a member of an option.
    Value(&'a str, &'a str),
}

/// The places of every file of a schema.
pub(super) struct Files {
    files: Vec<FilePlaces>,
}

struct FilePlaces {
    shown: String,
    text: Option<Text>,
    /// By path: what is inside an element follows it.
    spans: BTreeMap<Vec<i32>, Span>,
}

/// Lines and byte columns from 0, as in `SourceCodeInfo`.
#[derive(Clone, Copy)]
struct Span {
    start: (usize, usize),
    end: (usize, usize),
}

/// A file's text three times, with equal offsets.
struct Text {
    whole: String,
    /// Comments blanked.
    code: Vec<u8>,
    /// Comments and the insides of strings blanked.
    bones: Vec<u8>,
    lines: Vec<usize>,
}

impl Files {
    /// The places of a set's files. `editions` are those that were not compiled; they stand last in it.
    pub(super) fn new(set: &FileDescriptorSet, inputs: &BTreeMap<String, Input>, editions: &[Input]) -> Files {
        let compiled = set.file.len().saturating_sub(editions.len());
        let files = set.file.iter().enumerate().map(|(index, file)| {
            let name = file.name.clone().unwrap_or_default();
            let input = index.checked_sub(compiled).map_or_else(|| inputs.get(&name), |index| editions.get(index));
            let locations = file.source_code_info.location.iter();
            FilePlaces {
                shown: input.map_or(name, |input| input.shown.clone()),
                text: input.and_then(|input| input.file.source()).map(Text::new),
                spans: locations.filter_map(|location| Some((location.path.clone(), span(&location.span)?))).collect(),
            }
        });
        Files { files: files.collect() }
    }

    /// The file as the user would open it.
    pub(super) fn shown(&self, file: usize) -> &str {
        &self.files[file].shown
    }

    /// Line and column, both from 1, as well as they are known.
    pub(super) fn place(&self, site: &Site, near: Near<'_>) -> Option<(u32, u32)> {
        let file = &self.files[site.file];
        let mut path = &site.path[..];
        loop {
            let inside = file.spans.range(path.to_vec()..).take_while(|(inner, _)| inner.starts_with(path));
            let mut spans: Vec<Span> = match (near, file.spans.get(path)) {
                // An element begins where the first thing in it does: there is nothing to look for.
                (Near::Start, Some(whole)) => vec![*whole],
                _ => inside.map(|(_, span)| *span).collect(),
            };
            spans.sort_by_key(|span| span.start);
            if let Some(first) = file.spans.get(path).or(spans.first()) {
                let Some(text) = &file.text else {
                    return Some((count(first.start.0), count(first.start.1)));
                };
                // Of options of one name, the one that holds the value.
                let exact = spans.iter().find_map(|span| text.find_value(*span, near));
                let found = exact.or_else(|| spans.iter().find_map(|span| text.find(*span, near)));
                let offset = found.unwrap_or_else(|| text.offset(first.start));
                return Some(text.line_and_column(offset));
            }
            path = &path[..path.len().checked_sub(1)?];
        }
    }
}

fn span(numbers: &[i32]) -> Option<Span> {
    let at = |index: usize| usize::try_from(numbers[index]).ok();
    match numbers.len() {
        3 => Some(Span { start: (at(0)?, at(1)?), end: (at(0)?, at(2)?) }),
        4 => Some(Span { start: (at(0)?, at(1)?), end: (at(2)?, at(3)?) }),
        _ => None,
    }
}

fn count(from_zero: usize) -> u32 {
    u32::try_from(from_zero).unwrap_or(u32::MAX - 1) + 1
}

/// Line and column of a byte offset, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..char_boundary(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (count(before.matches('\n').count()), count(before[line_start..].chars().count()))
}

/// Where the character begins that the byte at `offset` is in.
fn char_boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl Text {
    fn new(source: &str) -> Text {
        let (code, bones) = blank(source.as_bytes());
        let lines = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { whole: source.to_owned(), code, bones, lines }
    }

    fn offset(&self, (line, column): (usize, usize)) -> usize {
        self.lines.get(line).map_or(self.whole.len(), |start| (start + column).min(self.whole.len()))
    }

    /// As the function of that name, without counting the lines before.
    fn line_and_column(&self, offset: usize) -> (u32, u32) {
        let offset = char_boundary(&self.whole, offset);
        let line = self.lines.partition_point(|start| *start <= offset).saturating_sub(1);
        (count(line), count(self.whole[self.lines[line]..offset].chars().count()))
    }

    fn find(&self, span: Span, near: Near<'_>) -> Option<usize> {
        match near {
            Near::Start => Some(self.offset(span.start)),
            Near::Key(key) => self.find_key(span, key),
            Near::Value(key, _) => self.find_value(span, near).or_else(|| self.find_key(span, key)),
        }
    }

    fn find_key(&self, span: Span, key: &str) -> Option<usize> {
        let (start, end) = (self.offset(span.start), self.offset(span.end));
        (start..end).find(|at| {
            let inside =
                |at: usize| self.bones.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            self.bones[*at..end].starts_with(key.as_bytes())
                && !inside(at + key.len())
                && !at.checked_sub(1).is_some_and(inside)
        })
    }

    /// A string behind its key, exactly.
    fn find_value(&self, span: Span, near: Near<'_>) -> Option<usize> {
        let Near::Value(key, value) = near else { return None };
        let (from, end) = (self.find_key(span, key)?, self.offset(span.end));
        let quoted = |at: &usize| {
            ['"', '\''].iter().any(|quote| self.code[*at..end].starts_with(format!("{quote}{value}{quote}").as_bytes()))
        };
        (from..end).find(quoted)
    }
}

/// A file's text with its comments blanked.
pub(super) fn without_comments(source: &str) -> String {
    String::from_utf8_lossy(&blank(source.as_bytes()).0).into_owned()
}

/// Blanks comments, and comments and strings' insides.
fn blank(source: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut code, mut bones) = (source.to_vec(), source.to_vec());
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let length = |end: Option<usize>| end.unwrap_or(rest.len());
        match rest[0] {
            b'/' if rest.starts_with(b"//") => {
                let length = length(rest.iter().position(|byte| *byte == b'\n'));
                code[at..at + length].fill(b' ');
                bones[at..at + length].fill(b' ');
                at += length;
            }
            b'/' if rest.starts_with(b"/*") => {
                let length = length(rest.windows(2).skip(2).position(|pair| pair == b"*/").map(|end| end + 4));
                code[at..at + length].fill(b' ');
                bones[at..at + length].fill(b' ');
                at += length;
            }
            quote @ (b'"' | b'\'') => {
                let mut end = 1;
                while end < rest.len() && rest[end] != quote && rest[end] != b'\n' {
                    end += if rest[end] == b'\\' { 2 } else { 1 };
                }
                let end = end.min(rest.len());
                bones[at + 1..at + end].fill(b' ');
                at += (end + 1).min(rest.len());
            }
            _ => at += 1,
        }
    }
    (code, bones)
}
