//! The table of codes is whole, obeys its own numbering, is what gRPC says, and what `docs/protocol.md` says.

use super::*;

#[test]
fn canonical_codes_are_grpcs_and_have_the_http_status_that_google_maps_them_to() {
    let table = [
        ("OK", 200),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("INVALID_ARGUMENT", 400),
        ("DEADLINE_EXCEEDED", 504),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("PERMISSION_DENIED", 403),
        ("RESOURCE_EXHAUSTED", 429),
        ("FAILED_PRECONDITION", 400),
        ("ABORTED", 409),
        ("OUT_OF_RANGE", 400),
        ("UNIMPLEMENTED", 501),
        ("INTERNAL", 500),
        ("UNAVAILABLE", 503),
        ("DATA_LOSS", 500),
        ("UNAUTHENTICATED", 401),
    ];
    assert_eq!(Code::ALL.map(|code| (code.name(), code.http_status())), table);
    for (number, code) in (0..).zip(Code::ALL) {
        assert_eq!((code.number(), Code::from_number(number)), (number, code));
    }
    for number in [-1, 17, i32::MAX, i32::MIN] {
        assert_eq!(Code::from_number(number), Code::Unknown, "{number}");
    }
}

/// Clients that are out there go by these: a row may be added, none may become another.
#[test]
fn what_clients_know_of_a_code_stays() {
    use Retry::{AfterDelay, BackOff, Never, WithNewToken};
    let table = [
        (4001, Code::Unauthenticated, "invalid_token", true, WithNewToken),
        (4002, Code::Unauthenticated, "token_expired", true, WithNewToken),
        (4003, Code::PermissionDenied, "permission_denied", false, Never),
        (4004, Code::ResourceExhausted, "rate_limited", false, AfterDelay),
        (4005, Code::InvalidArgument, "invalid_message", false, Never),
        (4006, Code::NotFound, "channel_not_found", false, Never),
        (4007, Code::Unavailable, "handler_unavailable", false, BackOff),
        (4008, Code::ResourceExhausted, "limit_reached", false, Never),
        (4100, Code::Unavailable, "draining", true, AfterDelay),
        (4101, Code::DeadlineExceeded, "heartbeat_missed", true, BackOff),
        (4102, Code::DeadlineExceeded, "write_timeout", true, BackOff),
        (4103, Code::ResourceExhausted, "overloaded", true, BackOff),
        (4104, Code::Internal, "internal", true, BackOff),
        (4500, Code::InvalidArgument, "protocol_violation", true, Never),
        (4501, Code::Unauthenticated, "no_credentials", true, Never),
        (4502, Code::FailedPrecondition, "protocol_version", true, Never),
        (4503, Code::FailedPrecondition, "schema_refused", true, Never),
        (4504, Code::PermissionDenied, "revoked", true, Never),
    ];
    for known in table {
        let row = PEER_CODES.iter().find(|row| row.code.number() == known.0);
        let row = row.map(|row| (row.code.number(), row.status, row.reason, row.closes, row.retry));
        assert_eq!(row, Some(known));
    }
}

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
