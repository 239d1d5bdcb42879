//! The file that lists publishers: TOML, a table `[[publisher]]` each.
//!
//! Read at the start and again whenever it changes. Every mistake is told with its line; a file with mistakes lists nobody,
//! so what was read before stays. A key that is not known is a mistake: misspelt, it would grant or hold back in silence.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, Key as TomlKey, Table, Value};

use super::file::text_of;
use super::{Mistake, spelling};
use crate::auth::publishers::{
    MAX_NAME_BYTES, MAX_PUBLISHERS, Publisher, Publishers, TenantGrants, TokenHash, TypePatterns, channel_pattern,
};
use crate::ids::Tenant;
use crate::session::grants::Grants;
use crate::session::meter::Rate;

/// Every key of a publisher, with a value that is right.
const KEYS: [(&str, &str); 10] = [
    ("name", "\"billing\""),
    ("token-sha256", "[\"64 hexadecimal digits\"], from `rialto token publisher`"),
    ("certificate", "[\"spiffe://example.com/billing\", \"billing.internal\"]"),
    ("types", "[\"invoice.*\"]"),
    ("channels", "[\"project:*\"]"),
    ("tenants", "[\"acme\"]"),
    ("events-per-second", "500"),
    ("burst", "1000"),
    ("events-per-second-per-type", "100"),
    ("burst-per-type", "200"),
];

/// The list in this file.
///
/// # Errors
/// Every mistake, by line.
pub fn read_publishers(path: &Path) -> Result<Publishers, Vec<Mistake>> {
    let text = text_of(path).map_err(|problem| {
        let (key, example) = (path.display().to_string(), "publishers.toml".to_owned());
        vec![Mistake { key, problem, example }]
    })?;
    parse_publishers(path, &text)
}

/// The list that is the text of this file.
///
/// # Errors
/// Every mistake, by line.
pub fn parse_publishers(path: &Path, text: &str) -> Result<Publishers, Vec<Mistake>> {
    let mut reading = Reading { path, text, mistakes: Vec::new() };
    let publishers = reading.file();
    if reading.mistakes.is_empty() { Ok(publishers) } else { Err(reading.mistakes) }
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    mistakes: Vec<Mistake>,
}

/// What two publishers must not share, with the line of whoever had it first.
#[derive(Default)]
struct Taken {
    names: Vec<(Box<str>, usize)>,
    tokens: Vec<(TokenHash, usize)>,
    certificates: Vec<(Box<str>, usize)>,
}

impl Reading<'_> {
    fn line(&self, span: Option<Range<usize>>) -> usize {
        let before = span.and_then(|span| self.text.get(..span.start)).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    fn refuse(&mut self, line: usize, key: &str, problem: impl Into<String>, example: &str) {
        let colon = if key.is_empty() { "" } else { ": " };
        let key = format!("{}:{line}{colon}{key}", self.path.display());
        self.mistakes.push(Mistake { key, problem: problem.into(), example: example.to_owned() });
    }

    fn file(&mut self) -> Publishers {
        let document = match Document::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                let problem = format!("is not TOML: {}", error.message().lines().next().unwrap_or_default());
                let line = self.line(error.span());
                self.refuse(line, "", problem, "[[publisher]]");
                return Publishers::default();
            }
        };
        let top = document.as_table();
        for (name, _) in top.iter().filter(|(name, _)| *name != "publisher") {
            let line = self.line(top.key(name).and_then(TomlKey::span));
            self.refuse(line, name, "is not known here; each publisher is a table of its own", "[[publisher]]");
        }
        let list = match top.get("publisher") {
            Some(Item::ArrayOfTables(list)) => list,
            // Said on purpose: nobody may publish.
            Some(Item::Value(Value::Array(list))) if list.is_empty() => return Publishers::default(),
            Some(item) => {
                let line = self.line(item.span());
                self.refuse(line, "publisher", "is not a list of tables", "[[publisher]]");
                return Publishers::default();
            }
            None => {
                let problem = "lists nobody; if nobody shall publish, say so";
                self.refuse(1, "publisher", problem, "publisher = []");
                return Publishers::default();
            }
        };
        if list.len() > MAX_PUBLISHERS {
            let problem = format!("{} publishers are more than the {MAX_PUBLISHERS} that may be", list.len());
            self.refuse(1, "publisher", problem, "fewer");
            return Publishers::default();
        }
        let mut taken = Taken::default();
        let publishers: Vec<_> = list.iter().filter_map(|table| self.publisher(table, &mut taken)).collect();
        Publishers::new(publishers)
    }

    fn publisher(&mut self, table: &Table, taken: &mut Taken) -> Option<Publisher> {
        let line = self.line(table.span());
        for (name, _) in table.iter().filter(|(name, _)| KEYS.iter().all(|(known, _)| known != name)) {
            let at = self.line(table.key(name).and_then(TomlKey::span));
            let nearest = spelling::nearest(name, KEYS.iter().map(|(known, _)| *known)).unwrap_or("name");
            self.refuse(at, name, format!("no such key; the nearest one is {nearest}"), &example(nearest));
        }
        let name = self.name(table, line, taken);
        let tokens = self.tokens(table, taken);
        let certificates = self.certificates(table, taken);
        if !table.contains_key("token-sha256") && !table.contains_key("certificate") {
            let problem = "there is no way to recognise this publisher; give token-sha256, certificate or both";
            self.refuse(line, "publisher", problem, &example("token-sha256"));
        }
        let types = self.texts(table, "types", line);
        let types = match TypePatterns::new(types.iter().map(|(text, _)| &**text)) {
            Ok(types) => types,
            Err(wrong) => {
                let problem = format!("{wrong:?} is neither an event type nor a pattern such as invoice.* or *");
                let at = types.iter().find(|(text, _)| **text == *wrong).map_or(line, |(_, at)| *at);
                self.refuse(at, "types", problem, &example("types"));
                TypePatterns::default()
            }
        };
        let channels = self.texts(table, "channels", line);
        for (wrong, at) in channels.iter().filter(|(text, _)| !channel_pattern(text)) {
            let problem = format!(
                "{wrong:?} is not segments joined by ':', of which * is any one and a last ** the rest; * alone is \
                 every channel; a template's {{parameter}} is written *"
            );
            self.refuse(*at, "channels", problem, &example("channels"));
        }
        let channels = Grants::new(channels.iter().map(|(text, _)| &**text));
        let tenants = self.tenants(table, line);
        let rate = self.rate(table, "events-per-second", "burst");
        let type_rate = self.rate(table, "events-per-second-per-type", "burst-per-type");
        Some(Publisher { name: name?.into(), tokens, certificates, types, channels, tenants, rate, type_rate })
    }

    fn name(&mut self, table: &Table, line: usize, taken: &mut Taken) -> Option<Box<str>> {
        let Some(item) = table.get("name") else {
            self.refuse(line, "publisher", "has no name", &format!("name = {}", example("name")));
            return None;
        };
        let at = self.line(item.span());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let name =
            item.as_str().filter(|name| !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(fits));
        let Some(name) = name else {
            let problem = format!("is not 1 to {MAX_NAME_BYTES} letters, digits, '-', '_' and '.'");
            self.refuse(at, "name", problem, &example("name"));
            return None;
        };
        if let Some((_, first)) = taken.names.iter().find(|(known, _)| **known == *name) {
            let problem = format!("{name:?} is the publisher of line {first} already; give one publisher one table");
            self.refuse(at, "name", problem, &example("name"));
        }
        taken.names.push((name.into(), at));
        Some(name.into())
    }

    fn tokens(&mut self, table: &Table, taken: &mut Taken) -> Vec<TokenHash> {
        let mut tokens = Vec::new();
        for (text, at) in self.list(table, "token-sha256") {
            let Some(hash) = TokenHash::from_hex(&text) else {
                let problem = format!(
                    "{} characters are not the 64 hexadecimal digits of a SHA-256; the token itself must not stand here",
                    text.chars().count()
                );
                self.refuse(at, "token-sha256", problem, &example("token-sha256"));
                continue;
            };
            if hash == TokenHash::of(b"") {
                let problem = "is the SHA-256 of nothing: the token was lost before it was hashed";
                self.refuse(at, "token-sha256", problem, &example("token-sha256"));
            }
            if let Some((_, first)) = taken.tokens.iter().find(|(known, _)| *known == hash) {
                let problem = format!("is the hash of line {first} too; give each publisher a token of its own");
                self.refuse(at, "token-sha256", problem, &example("token-sha256"));
            }
            taken.tokens.push((hash, at));
            tokens.push(hash);
        }
        tokens
    }

    fn certificates(&mut self, table: &Table, taken: &mut Taken) -> Vec<Box<str>> {
        let mut certificates = Vec::new();
        let may_share = table.contains_key("token-sha256");
        for (name, at) in self.list(table, "certificate") {
            if name.contains('*') || name.bytes().any(|byte| !byte.is_ascii_graphic()) {
                let problem = format!("{name:?} is not a DNS name or URI; they are compared letter by letter");
                self.refuse(at, "certificate", problem, &example("certificate"));
            }
            let earlier = taken.certificates.iter().find(|(known, _)| *known == name && !may_share);
            if let Some((_, first)) = earlier {
                let problem = format!("{name:?} is the publisher of line {first} already");
                self.refuse(at, "certificate", problem, &example("certificate"));
            }
            if !may_share {
                taken.certificates.push((name.clone(), at));
            }
            certificates.push(name);
        }
        certificates
    }

    fn tenants(&mut self, table: &Table, line: usize) -> TenantGrants {
        if !table.contains_key("tenants") {
            return TenantGrants::Only(vec![Tenant::default_tenant()]);
        }
        let texts = self.texts(table, "tenants", line);
        if texts.iter().any(|(text, _)| **text == *"*") {
            return TenantGrants::All;
        }
        let mut tenants = Vec::new();
        for (text, at) in texts {
            // The empty text is the tenant without a name.
            match if text.is_empty() { Ok(Tenant::default_tenant()) } else { Tenant::parse(&text) } {
                Ok(tenant) => tenants.push(tenant),
                Err(error) => {
                    let problem = format!("{text:?}: {error}; \"*\" is every tenant, \"\" the one without a name");
                    self.refuse(at, "tenants", problem, &example("tenants"));
                }
            }
        }
        TenantGrants::Only(tenants)
    }

    fn rate(&mut self, table: &Table, key: &str, burst_key: &str) -> Option<Rate> {
        let per_second = self.count(table, key);
        let burst = self.count(table, burst_key);
        if burst.is_some() && !table.contains_key(key) {
            let at = self.line(table.key(burst_key).and_then(TomlKey::span));
            self.refuse(at, burst_key, format!("says nothing without {key}"), &format!("{key} = {}", example(key)));
        }
        per_second.map(|per_second| Rate { per_second, burst: burst.unwrap_or(per_second), patience: u16::MAX })
    }

    fn count(&mut self, table: &Table, key: &str) -> Option<u32> {
        let item = table.get(key)?;
        let count = item.as_integer().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        if count.is_none() {
            let at = self.line(item.span());
            self.refuse(at, key, "is not a whole number from 1", &example(key));
        }
        count
    }

    /// A list that must be there and say something.
    fn texts(&mut self, table: &Table, key: &str, line: usize) -> Vec<(Box<str>, usize)> {
        if !table.contains_key(key) {
            let problem = format!("does not say its {key}, and what is not said is not granted; [\"*\"] is all");
            self.refuse(line, "publisher", problem, &format!("{key} = {}", example(key)));
            return Vec::new();
        }
        self.list(table, key)
    }

    /// The texts of a key that takes one or several, each with its line.
    fn list(&mut self, table: &Table, key: &str) -> Vec<(Box<str>, usize)> {
        let Some(item) = table.get(key) else { return Vec::new() };
        let line = self.line(item.span());
        let values: Vec<&Value> = match item.as_value() {
            Some(Value::Array(array)) => array.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        let texts: Vec<_> =
            values.iter().filter_map(|value| Some((value.as_str()?.into(), self.line(value.span())))).collect();
        if texts.is_empty() || texts.len() < values.len() {
            self.refuse(line, key, "is not a text or a list of texts", &example(key));
        }
        texts
    }
}

fn example(key: &str) -> String {
    KEYS.iter().find(|(known, _)| *known == key).map_or_else(String::new, |(_, value)| (*value).to_owned())
}

#[cfg(test)]
mod tests;
