//! The compiler's own errors in Rialto's form.

mod language;

use buffa_descriptor::DescriptorPool;
use miette::Diagnostic;

use super::check::suggest;
use super::mistake::Mistake;
use super::places::{line_and_column, without_comments};
use crate::proto::DESCRIPTORS;

/// Every mistake that a compiler error stands for. `shown` and `text` are the file in which it occurred.
pub(super) fn mistakes_of(error: &protox::Error, shown: &str, text: &str) -> Vec<Mistake> {
    let mut mistakes = vec![mistake_of(error, shown, text)];
    mistakes.extend(error.related().into_iter().flatten().map(|related| mistake_of(related, shown, text)));
    // A symbol that is defined twice brings along all that is inside it.
    let twice: Vec<String> =
        mistakes.iter().filter_map(|mistake| defined_twice(mistake)).map(|name| format!("{name}.")).collect();
    mistakes.retain(|mistake| {
        defined_twice(mistake).is_none_or(|name| !twice.iter().any(|outer| name.starts_with(outer.as_str())))
    });
    mistakes
}

fn defined_twice(mistake: &Mistake) -> Option<&str> {
    let twice = mistake.message.contains("is already defined in file") || mistake.message.ends_with("is defined twice");
    words(&mistake.message).next().filter(|_| twice)
}

fn mistake_of(diagnostic: &dyn Diagnostic, shown: &str, text: &str) -> Mistake {
    // Of two labels the second is where the mistake is, the first what it collides with.
    let label = diagnostic.labels().and_then(Iterator::last);
    let mut offset = label.filter(|_| !text.is_empty()).map(|label| label.offset());
    let mut message = quoted(diagnostic);
    let mut help = diagnostic.help().map(|help| help.to_string().replace('\'', "\""));
    if let Some(inner) = diagnostic.diagnostic_source() {
        // A mistake inside an option: its own labels are offsets in another text, but it names what it is about.
        message = quoted(inner);
        help = inner.help().map(|help| help.to_string().replace('\'', "\""));
        let found = offset.zip(words(&message).next()).and_then(|(from, word)| find_word(text, from, word));
        offset = found.or(offset);
    }
    if offset.is_none() && message.ends_with("end of file") {
        offset = Some(text.trim_end().len());
    }
    let (message, advice) = improve(message, text, help);
    let place = offset.map(|offset| line_and_column(text, offset));
    Mistake {
        file: shown.to_owned(),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        message,
        advice,
    }
}

/// The message with our quotation marks.
fn quoted(diagnostic: &dyn Diagnostic) -> String {
    let message = diagnostic.to_string().replace('\'', "\"");
    let mut named = words(&message);
    let same = named.next().zip(named.next()).filter(|(name, found)| name == found).map(|(name, _)| name);
    match same {
        // It says where it looked, which here is where it was told to.
        Some(name) if message.ends_with("which is not defined") => format!("{name:?} is not defined"),
        _ => message.clone(),
    }
}

/// What stands in quotation marks in a message.
fn words(message: &str) -> impl Iterator<Item = &str> {
    message.split('"').skip(1).step_by(2)
}

fn find_word(text: &str, from: usize, word: &str) -> Option<usize> {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    let starts = text.get(from..)?.match_indices(word);
    let is_whole =
        |at: usize| !text[..at].ends_with(part_of_word) && !text[at + word.len()..].starts_with(part_of_word);
    starts.map(|(at, _)| from + at).find(|at| is_whole(*at))
}

/// A better message where there is one, and what to do about it.
fn improve(message: String, text: &str, help: Option<String>) -> (String, String) {
    if without_comments(text).trim_start().starts_with("edition") {
        return (
            "a file in an edition cannot be compiled here".to_owned(),
            "give the schema as a descriptor set (`buf build -o schema.binpb`), or write `syntax = \"proto3\";`"
                .to_owned(),
        );
    }
    let fallback = match message.ends_with("is not defined") {
        true => "correct the name, or import the file that defines it",
        false => "correct it as the protobuf language asks",
    };
    if text.is_empty() && message.starts_with("import ") {
        let advice = "make the set with its imports: `buf build`, or `protoc --include_imports`";
        return (message, advice.to_owned());
    }
    let advice = advice(&message, text).or(help).unwrap_or_else(|| fallback.to_owned());
    (message, advice)
}

fn advice(message: &str, text: &str) -> Option<String> {
    let has = |part: &str| message.contains(part);
    let words: Vec<&str> = words(message).collect();
    let text = match *words {
        [name, ..] if has("is not defined") && name.starts_with("rialto.v1.") => {
            return Some(advise_name(name, "rialto.v1.", "rialto/v1/options.proto", text));
        }
        [name, ..] if has("is not defined") && name.starts_with("buf.validate.") => {
            return Some(advise_name(name, "buf.validate.", "buf/validate/validate.proto", text));
        }
        [name, scope] if has("not found") => return members_of(scope).map(|known| advise_member(name, &known)),
        _ if has("is already defined in file") => "rename one of the two, or move them to different packages",
        _ if has("is defined twice") => "rename one of the two",
        _ if has("is already used") || has("has already been used") => "choose a number that is free",
        _ if message.starts_with("import ") && has("not found") => {
            "put the file into a schema folder, under the path by which it is imported"
        }
        _ if message.starts_with("expected ") => "correct the syntax here",
        _ if has("invalid token") => "write names with ASCII letters, digits and underscores",
        _ => return language::advice(message).map(str::to_owned),
    };
    Some(text.to_owned())
}

/// What to do about a name in a package that Rialto brings along: it is misspelt, or not imported.
fn advise_name(name: &str, package: &str, file: &str, text: &str) -> String {
    let import = format!("add `import \"{file}\";`");
    let Ok(pool) = DescriptorPool::decode(DESCRIPTORS) else { return import };
    let options: Vec<&str> = pool.extensions().iter().map(|extension| extension.full_name()).collect();
    let messages = pool.messages().iter().map(|message| message.full_name());
    let enums = pool.enums().iter().map(|described| described.full_name());
    let known: Vec<&str> = options.iter().copied().chain(messages).chain(enums).collect();
    if known.contains(&name) {
        return import;
    }
    let within =
        |names: &[&str]| suggest(name, names.iter().copied().filter(|name| name.starts_with(package)), "options");
    let near = within(&known);
    let meant = if near.starts_with("did you mean") { near } else { within(&options) };
    if text.contains(file) { meant } else { format!("{meant}\n{import}") }
}

fn advise_member(name: &str, known: &[String]) -> String {
    suggest(name, known.iter().map(String::as_str), "members")
}

/// The fields of one of Rialto's own messages, or the values of one of its enums.
fn members_of(full_name: &str) -> Option<Vec<String>> {
    let pool = DescriptorPool::decode(DESCRIPTORS).ok()?;
    let fields = pool
        .message_by_name(full_name)
        .map(|message| message.fields().iter().map(|field| field.name().to_owned()).collect());
    let values = || Some(pool.enum_by_name(full_name)?.values().iter().map(|value| value.name().to_owned()).collect());
    fields.or_else(values)
}
