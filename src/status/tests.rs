//! The table of codes is whole, obeys its own numbering, and is what `docs/protocol.md` says.

use super::*;

#[test]
fn every_code_has_a_row_and_numbers_say_whether_to_come_back() {
    for row in PEER_CODES {
        assert_eq!(row.code.row().reason, row.reason);
        match row.code.number() {
            4000..=4099 => {}
            4100..=4499 => assert_ne!(row.retry, Retry::Never, "{}", row.reason),
            4500..=4999 => assert_eq!(row.retry, Retry::Never, "{}", row.reason),
            other => panic!("{other} is not an application's close code (RFC 6455, section 7.4.2)"),
        }
    }
    let numbers = PEER_CODES.map(|row| row.code.number());
    assert!(numbers.is_sorted_by(|left, right| left < right), "each once, in order: {numbers:?}");
}

#[test]
fn the_protocols_page_has_the_same_table() {
    let page = include_str!("../../docs/protocol.md");
    let documented: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| 4"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(documented.len(), PEER_CODES.len());
    for (cells, row) in documented.iter().zip(PEER_CODES) {
        let come_back = match row.retry {
            Retry::Never => "no",
            Retry::BackOff => "backing off",
            Retry::AfterDelay => "after the delay",
            Retry::WithNewToken => "with a new token",
        };
        let expected = [row.code.number().to_string(), format!("`{}`", row.reason)];
        assert_eq!(cells[..2], expected.each_ref().map(String::as_str));
        assert_eq!(cells[3], come_back, "{}", row.reason);
        let always_closes = cells[2].ends_with("close");
        assert_eq!(always_closes, row.closes, "{}: {}", row.reason, cells[2]);
        assert!(!cells[4].is_empty(), "{}: what to do", row.reason);
    }
}
