//! The known word that a misspelt one was meant to be.

use crate::schema::distance;

/// The candidate with the smallest edit distance, `_`, `-` and the letters' case aside. The word itself comes first; then
/// one that begins with the whole word, as somebody has stopped writing.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    candidates.min_by_key(|candidate| {
        let candidate = plain(candidate);
        let goes_on = candidate.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with('-'));
        (candidate != word, !goes_on, distance(&word, &candidate))
    })
}

fn plain(word: &str) -> String {
    word.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_word_itself_comes_before_longer_ones() {
        let known = ["max-connections-per-address", "max-connections", "ping-interval", "listen"];
        for (word, meant) in [
            ("max_connections", "max-connections"),
            ("Max-Connections", "max-connections"),
            ("max-connection", "max-connections"),
            ("ping", "ping-interval"),
            ("max_connections_per", "max-connections-per-address"),
            ("listne", "listen"),
        ] {
            assert_eq!(nearest(word, known.into_iter()), Some(meant), "{word}");
        }
    }
}
