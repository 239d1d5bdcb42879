//! What a token grants: exact permissions and patterns of them.
//!
//! A permission is segments joined by `:`, `project:42:read`. A grant is a permission, or a pattern:
//!
//! | in a grant | stands for |
//! |---|---|
//! | `*` as a segment | any one segment: `project:*:read` grants `project:42:read`, not `project:42:files:read` |
//! | `**` as the last segment | one or more segments: `project:**` grants all of `project:42` and below, not `project` |
//! | `*` or `**` alone | everything |
//! | `*` anywhere else, `proj*` | nothing: an asterisk of a value is escaped, so no permission has one |
//!
//! Values stand in permissions as in channel names, by the one table of [`crate::schema::escape()`]: a project that is
//! called `42:read` is the one segment `42%3Aread`, and one called `*` is `%2A`. So no value becomes structure, neither in
//! what is asked for nor in what is granted.

use std::collections::HashSet;

/// Between segments.
const SEPARATOR: char = ':';

/// What somebody may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// In the order in which they were given.
    texts: Vec<Box<str>>,
    exact: HashSet<Box<str>>,
    patterns: Vec<Pattern>,
}

/// A grant with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// `None` is any segment.
    segments: Box<[Option<Box<str>>]>,
    /// Whether one or more segments of any kind follow.
    open: bool,
}

impl Grants {
    /// These grants.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Grants {
        let mut grants = Grants::default();
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            match Pattern::parse(text) {
                Some(pattern) => grants.patterns.push(pattern),
                None => _ = grants.exact.insert(text.into()),
            }
            grants.texts.push(text.into());
        }
        grants
    }

    /// Why a text grants nothing, whatever is asked for. `None`: something can be asked for that it grants.
    pub fn idle(text: &str) -> Option<&'static str> {
        let segments: Vec<&str> = text.split(SEPARATOR).collect();
        let last = segments.len() - 1;
        let is_partial = |segment: &&str| segment.contains('*') && !matches!(*segment, "*" | "**");
        match () {
            () if text.is_empty() => Some("it is empty"),
            () if text.contains(['{', '}']) => {
                Some("braces are for the schema: write the value that stands there, or * for every one")
            }
            () if segments.iter().any(is_partial) => {
                Some("* stands for a whole segment between colons, not for a part of one")
            }
            () if segments[..last].contains(&"**") => {
                Some("** stands for the rest, at the end only; * is one segment between colons")
            }
            () => None,
        }
    }

    /// All there is.
    pub fn everything() -> Grants {
        Grants::new(["*"])
    }

    /// Whether this permission, with its values filled in and escaped, is granted.
    pub fn allow(&self, permission: &str) -> bool {
        self.exact.contains(permission) || self.patterns.iter().any(|pattern| pattern.matches(permission))
    }

    /// The grants as they were given, for `connection.ack`.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}

impl Pattern {
    /// `None`: the text has no wildcard.
    fn parse(text: &str) -> Option<Pattern> {
        let mut segments: Vec<&str> = text.split(SEPARATOR).collect();
        let open = segments == ["*"] || segments.last() == Some(&"**");
        if open {
            segments.pop();
        }
        let segments: Box<[_]> = segments.into_iter().map(|part| (part != "*").then(|| part.into())).collect();
        (open || segments.iter().any(Option::is_none)).then_some(Pattern { segments, open })
    }

    fn matches(&self, permission: &str) -> bool {
        let mut parts = permission.split(SEPARATOR);
        let begins = self.segments.iter().all(|segment| match (segment, parts.next()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(literal), Some(part)) => **literal == *part,
        });
        begins && parts.next().is_some() == self.open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::escape;

    #[test]
    fn a_grant_is_exact_or_a_pattern_of_segments() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("chat:write", &["chat:write"], &["chat", "chat:write:x", "chat:writes", "Chat:write", ""]),
            (
                "project:*:read",
                &["project:42:read", "project:%2A:read", "project:42%3Aread:read"],
                &["project:42:write", "project:read", "project:42:files:read", "project:42:read:x", "projects:42:read"],
            ),
            ("project:*", &["project:42"], &["project", "project:42:read"]),
            ("*:read", &["a:read"], &["a:b:read", "read"]),
            ("project:**", &["project:42", "project:42:read", "project:a:b:c"], &["project", "projects:42"]),
            ("a:*:c:**", &["a:b:c:d", "a:b:c:d:e"], &["a:b:c", "a:b:x:d"]),
            ("*", &["a", "a:b", "a:b:c"], &[]),
            ("**", &["a", "a:b", "a:b:c"], &[]),
            ("*:*", &["a:b"], &["a", "a:b:c"]),
            ("proj*:read", &[], &["project:read", "proj:read", "proj%2A:read"]),
            ("a:**:c", &[], &["a:b:c", "a:b:b:c", "a:c"]),
            ("**:c", &[], &["a:c", "c"]),
            ("***", &[], &["a", "a:b"]),
            ("team:{id}:read", &[], &["team:7:read", "team:id:read"]),
            ("", &[], &["a", ""]),
        ];
        for (grant, allowed, refused) in table {
            assert_eq!(Grants::idle(grant).is_some(), allowed.is_empty(), "{grant}");
            let grants = Grants::new([*grant]);
            for permission in *allowed {
                assert!(grants.allow(permission), "{grant} should grant {permission}");
            }
            for permission in *refused {
                assert!(!grants.allow(permission), "{grant} should not grant {permission}");
            }
        }
        assert!(!Grants::default().allow("a"));
        assert_eq!(Grants::new(["b", "", "a:*"]).texts().collect::<Vec<_>>(), ["b", "a:*"]);
    }

    /// Values that are made of what could be taken for structure.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof!["[*:%{}a4-]{1,8}", "\\PC{1,6}", Just("42:read".to_owned()), Just("**".to_owned())]
    }

    proptest! {
        #[test]
        fn a_value_is_one_segment_and_never_structure(value in value(), other in value()) {
            let (part, other_part) = (escape(&value), escape(&other));
            let permission = format!("project:{part}:read");
            prop_assert!(Grants::new(["project:*:read"]).allow(&permission));
            prop_assert!(!Grants::new(["project:*"]).allow(&permission));
            prop_assert!(!Grants::new(["project:*:*:read"]).allow(&permission));
            // A value in a grant grants that value alone.
            let granted = Grants::new([format!("project:{other_part}:read").as_str()]);
            prop_assert_eq!(granted.allow(&permission), value == other);
        }

        #[test]
        fn what_a_pattern_grants_is_what_its_first_segments_grant(
            parts in prop::collection::vec("[a-c]{1,2}", 1..5),
            wild in prop::collection::vec(any::<bool>(), 5),
            more in prop::collection::vec("[a-c]", 0..3),
        ) {
            let pattern: Vec<&str> = parts.iter().zip(&wild).map(|(part, wild)| if *wild { "*" } else { part }).collect();
            let permission = [&parts[..], &more[..]].concat().join(":");
            let alone = pattern == ["*"];
            let closed = Grants::new([pattern.join(":").as_str()]).allow(&permission);
            prop_assert_eq!(closed, more.is_empty() || alone);
            let open = Grants::new([format!("{}:**", pattern.join(":")).as_str()]).allow(&permission);
            prop_assert_eq!(open, !more.is_empty());
        }
    }
}
