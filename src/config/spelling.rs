//! The known word that a misspelt one was meant to be.

/// The candidate with the smallest edit distance; one that begins with the whole word comes before all others, as
/// somebody has stopped writing.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates.min_by_key(|candidate| {
        let rest = candidate.strip_prefix(word).is_some_and(|rest| rest.starts_with(['-', '_']));
        (!rest, distance(word, candidate))
    })
}

/// Levenshtein's distance: insertions, deletions and replacements of one byte.
fn distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left_byte) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right_byte) in right.iter().enumerate() {
            let replace = diagonal + usize::from(left_byte != *right_byte);
            diagonal = row[column + 1];
            row[column + 1] = replace.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
