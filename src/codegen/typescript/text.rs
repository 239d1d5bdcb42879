//! Pieces of TypeScript text: quoted strings, keys, comments, names in camel case.

/// Words that cannot name a type or a constant, or that mean something else to a module: `then`, and what CommonJS has in
/// every module, whose compiled form begins with `Object.defineProperty(exports, …)`.
const RESERVED: &[&str] = &[
    "Object",
    "__dirname",
    "__filename",
    "any",
    "arguments",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "exports",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "if",
    "implements",
    "import",
    "in",
    "infer",
    "instanceof",
    "interface",
    "keyof",
    "let",
    "module",
    "never",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "protected",
    "public",
    "readonly",
    "require",
    "return",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "then",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unique",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Whether TypeScript keeps the word to itself.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Whether the text is a name as it stands.
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A string literal.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A key of an object type, quoted where it must be, or where it could be taken for something else.
pub(super) fn key(name: &str) -> String {
    if is_identifier(name) && !matches!(name, "__proto__" | "constructor") { name.to_owned() } else { quote(name) }
}

/// A comment before a declaration: paragraphs of the schema's own text, and lines of ours. Nothing when there are none.
pub(super) fn doc(indent: &str, paragraphs: &[String]) -> String {
    let text = paragraphs.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join("\n\n");
    if text.is_empty() {
        return String::new();
    }
    let harmless = text.replace("*/", "*\\/").replace(|c: char| c.is_control() && c != '\n', " ");
    let lines: Vec<&str> = harmless.lines().map(str::trim_end).collect();
    if let [line] = lines[..] {
        return format!("{indent}/** {line} */\n");
    }
    let mut comment = format!("{indent}/**\n");
    for line in lines {
        let space = if line.is_empty() { "" } else { " " };
        comment.push_str(&format!("{indent} *{space}{line}\n"));
    }
    comment.push_str(&format!("{indent} */\n"));
    comment
}

/// `ProjectRoom` → `projectRoom`, `HTTPRoute` → `httpRoute`.
pub(super) fn lower_camel(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let capitals = letters.iter().take_while(|letter| letter.is_ascii_uppercase()).count();
    // The last capital of several begins the next word, unless nothing follows.
    let is_word_next = letters.get(capitals).is_some_and(char::is_ascii_lowercase);
    let lowered = if capitals > 1 && is_word_next { capitals - 1 } else { capitals };
    letters
        .iter()
        .enumerate()
        .map(|(index, letter)| if index < lowered { letter.to_ascii_lowercase() } else { *letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{doc, key, lower_camel};

    #[test]
    fn names_begin_small_word_by_word() {
        for (name, expected) in [
            ("Project", "project"),
            ("ProjectRoom", "projectRoom"),
            ("HTTPRoute", "httpRoute"),
            ("URL", "url"),
            ("x", "x"),
        ] {
            assert_eq!(lower_camel(name), expected);
        }
    }

    #[test]
    fn keys_that_are_no_plain_names_are_quoted() {
        for (name, expected) in
            [("a_b", "a_b"), ("a-b", "\"a-b\""), ("__proto__", "\"__proto__\""), ("\"", "\"\\\"\""), ("1", "\"1\"")]
        {
            assert_eq!(key(name), expected);
        }
    }

    #[test]
    fn a_comment_cannot_end_early() {
        assert_eq!(doc("  ", &["a */ b".into()]), "  /** a *\\/ b */\n");
        assert_eq!(doc("", &["a".into(), String::new(), "b\nc".into()]), "/**\n * a\n *\n * b\n * c\n */\n");
        assert_eq!(doc("", &[String::new()]), "");
    }
}
