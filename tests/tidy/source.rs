//! A file as the rules see it: its text, its code without comments and strings, and the modules it names.

/// A text file of the repository.
pub(crate) struct Source {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its Rust code without comments, literals' contents and its own tests; line by line as in the text.
    pub(crate) code: String,
}

impl Source {
    /// A file with this text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { without_tests(&bare(text)) } else { String::new() };
        Source { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The top-level module that a file of `src/` belongs to.
    pub(crate) fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split('/').next().unwrap_or(inside);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The line, from 1, of a byte of the code.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.code[..offset].matches('\n').count()
    }

    /// The top-level modules that the code names, each with its line.
    pub(crate) fn named_modules(&self) -> Vec<(String, usize)> {
        let mut named = Vec::new();
        for (offset, after) in paths_from(&self.code, "crate::") {
            named.extend(first_names(after).into_iter().map(|name| (name, self.line(offset))));
        }
        // `super::` out of a module as deep as the file is the crate's root.
        let depth = self.path.trim_start_matches("src/").matches('/').count() + 1;
        let way_out = "super::".repeat(depth);
        for (offset, after) in paths_from(&self.code, &way_out) {
            if !self.code[..offset].ends_with("super::") && !after.starts_with("super::") {
                named.extend(first_names(after).into_iter().map(|name| (name, self.line(offset))));
            }
        }
        named
    }

    /// The places where the code has these words, not as part of longer ones.
    pub(crate) fn find(&self, words: &str) -> Vec<usize> {
        paths_from(&self.code, words).into_iter().map(|(offset, _)| self.line(offset)).collect()
    }
}

/// Where `words` stands in the code at the beginning of a word, with what follows.
fn paths_from<'a>(code: &'a str, words: &'a str) -> Vec<(usize, &'a str)> {
    code.match_indices(words)
        .filter(|(offset, _)| !code[..*offset].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(offset, _)| (offset, &code[offset + words.len()..]))
        .collect()
}

/// The first names of a path's rest: `a::b` → a; `{a, b::{c, d}}` → a, b.
fn first_names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut names, mut depth, mut start) = (Vec::new(), 0_usize, true);
    for (index, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && (c.is_alphanumeric() || c == '_') => {
                names.push(word(&group[index..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

/// The code with comments and the contents of strings blanked out, newlines kept.
fn bare(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(quotes) = raw_string(rest) {
            let closing = format!("\"{}", "#".repeat(quotes));
            let opening = 2 + quotes;
            rest[opening..].find(&closing).map_or(rest.len(), |end| opening + end + closing.len())
        } else if rest.starts_with('"') {
            string_end(rest)
        } else if let Some(end) = char_end(rest) {
            end
        } else {
            let c = rest.chars().next().unwrap_or(' ');
            out.push(c);
            at += c.len_utf8();
            continue;
        };
        out.extend(rest[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at += end;
    }
    out
}

/// The number of `#` of a raw string that begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let quotes = rest.strip_prefix('r')?;
    let hashes = quotes.len() - quotes.trim_start_matches('#').len();
    quotes[hashes..].starts_with('"').then_some(hashes)
}

fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The end of a character literal, which a lifetime is not.
fn char_end(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let escaped = inside.starts_with('\\');
    let first = inside.chars().next()?;
    let from = if escaped { 2 } else { first.len_utf8() };
    let end = inside.get(from..)?.find('\'')?;
    (escaped || end == 0).then_some(1 + from + end + 1)
}

/// The code up to its `#[cfg(test)] mod … {`, which stands last in a file.
fn without_tests(code: &str) -> String {
    for (offset, attribute) in code.match_indices("#[cfg(test)]") {
        let item = code[offset + attribute.len()..].trim_start();
        if item.starts_with("mod ") && item.find('{') < item.find(';').or(Some(usize::MAX)) && item.contains('{') {
            return code[..offset].to_owned();
        }
    }
    code.to_owned()
}
