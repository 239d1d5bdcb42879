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
fn the_protocols_page_has_the_tables() {
    let page = include_str!("../../docs/protocol.md");
    for table in markdown() {
        assert!(page.contains(&table), "put this table into docs/protocol.md:\n\n{table}");
    }
}

#[test]
fn the_typescript_runtime_knows_the_same_codes() {
    let runtime = include_str!("../../clients/typescript/src/codes.ts");
    for line in typescript() {
        assert!(runtime.contains(&line), "put this line into clients/typescript/src/codes.ts:\n\n{line}");
    }
}

#[test]
fn what_always_closes_says_so() {
    for row in PEER_CODES {
        let how = row.code.comes_as();
        assert_eq!(how.ends_with("close"), row.closes, "{}: {how}", row.reason);
        let (cause, advice) = row.code.meaning();
        assert!(!cause.is_empty() && !advice.is_empty() && !(cause.to_owned() + advice).contains('|'));
    }
    let numbers: Vec<_> = WEBSOCKET_CODES.iter().map(|row| row.number).collect();
    assert!(numbers.is_sorted_by(|left, right| left < right), "each once, in order: {numbers:?}");
}
