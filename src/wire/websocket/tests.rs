//! The parser against the table of vectors, and against itself however its input is cut.

use proptest::prelude::*;

use super::*;

const VECTORS: &str = include_str!("../../../tests/vectors/websocket.txt");
const LIMIT: usize = 65_536;

struct Vector {
    name: String,
    writes: Vec<Vec<u8>>,
    messages: Vec<Incoming>,
    end: String,
}

/// Hex with blanks and `*N`.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for token in text.split_whitespace() {
        let (hex_text, times) = token.split_once('*').unwrap_or((token, "1"));
        let piece = hex::decode(hex_text).unwrap_or_else(|error| panic!("{token}: {error}"));
        let times: usize = times.parse().expect("a count after the star");
        (0..times).for_each(|_| out.extend_from_slice(&piece));
    }
    out
}

fn message(token: &str) -> Incoming {
    let (kind, payload) = token.split_once(':').expect("kind:payload");
    match kind {
        "text" => Incoming::Text(String::from_utf8(bytes(payload)).expect("UTF-8")),
        "binary" => Incoming::Binary(bytes(payload)),
        "ping" => Incoming::Ping(bytes(payload)),
        "pong" => Incoming::Pong(bytes(payload)),
        "close" => {
            let (code, reason) = payload.split_once(':').expect("close:code:reason");
            let code = (!code.is_empty()).then(|| code.parse().expect("a close code"));
            Incoming::Close { code, reason: String::from_utf8(bytes(reason)).expect("UTF-8") }
        }
        _ => panic!("unknown kind of message in {token}"),
    }
}

fn vectors() -> Vec<Vector> {
    let lines = VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split(" | ").collect();
            let [name, writes, messages, end] = columns[..] else { panic!("four columns: {line}") };
            let messages = messages.split_whitespace().filter(|token| *token != "-");
            Vector {
                name: name.into(),
                writes: writes.split('/').map(bytes).collect(),
                messages: messages.map(message).collect(),
                end: end.into(),
            }
        })
        .collect()
}

/// Everything that comes out of these reads, and how it ends, in the table's words.
fn parse<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Incoming>, String) {
    let mut parser = Parser::new(LIMIT);
    let mut messages = Vec::new();
    for mut read in reads {
        while !read.is_empty() {
            match parser.push(read) {
                Ok((taken, incoming)) => {
                    assert!(taken > 0, "a push takes at least one byte");
                    read = &read[taken..];
                    messages.extend(incoming);
                }
                Err(violation) => {
                    assert!(!parser.mid_message());
                    assert_eq!(parser.push(b"\x81\x80\0\0\0\0"), Ok((6, None)), "nothing after a violation");
                    return (messages, format!("violation {}", violation.close_code));
                }
            }
        }
    }
    let end = match messages.last() {
        Some(Incoming::Close { .. }) => "closed",
        _ if parser.mid_message() => "unfinished",
        _ => "open",
    };
    (messages, end.into())
}

#[test]
fn every_vector_gives_its_messages_and_its_end_however_it_is_cut() {
    let vectors = vectors();
    assert!(vectors.len() >= 60, "{} vectors", vectors.len());
    for vector in vectors {
        let expected = (vector.messages, vector.end);
        let whole = vector.writes.concat();
        assert_eq!(parse(vector.writes.iter().map(Vec::as_slice)), expected, "{}", vector.name);
        assert_eq!(parse([&whole[..]]), expected, "{}, in one read", vector.name);
        assert_eq!(parse(whole.chunks(1)), expected, "{}, byte by byte", vector.name);
        assert_eq!(parse(whole.chunks(7)), expected, "{}, in sevens", vector.name);
    }
}

#[test]
fn vector_names_are_unique() {
    let mut names: Vec<String> = vectors().into_iter().map(|vector| vector.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn an_idle_parser_is_small_and_holds_nothing_on_the_heap() {
    assert!(size_of::<Parser>() <= 152, "{} bytes", size_of::<Parser>());
    let mut parser = Parser::new(LIMIT);
    for frame in [client_frame(1, true, b"text"), client_frame(9, true, b"ping")] {
        let (_, incoming) = parser.push(&frame).expect("good frames");
        assert!(incoming.is_some());
        assert_eq!(parser.heap_bytes(), 0);
    }
}

#[test]
fn a_header_that_promises_much_reserves_nothing() {
    let mut parser = Parser::new(1 << 20);
    let mut header = vec![0x82, 0xFF];
    header.extend_from_slice(&(1_u64 << 20).to_be_bytes());
    header.extend_from_slice(&[0; 4]);
    header.push(1);
    assert_eq!(parser.push(&header), Ok((header.len(), None)));
    assert!(parser.mid_message());
    assert!(parser.heap_bytes() <= 64, "{} bytes", parser.heap_bytes());
}

#[test]
fn a_message_has_begun_from_its_first_byte_to_its_last() {
    let mut parser = Parser::new(LIMIT);
    assert!(!parser.mid_message());
    let mut stream = client_frame(1, false, b"a");
    stream.extend(client_frame(9, true, b""));
    stream.extend(client_frame(0, true, b"b"));
    let last = stream.len() - 1;
    for (index, byte) in stream.iter().enumerate() {
        parser.push(&[*byte]).expect("good frames");
        assert_eq!(parser.mid_message(), index != last, "after byte {index}");
    }
}

#[test]
fn a_push_stops_behind_each_message() {
    let mut stream = client_frame(1, true, b"a");
    let first = stream.len();
    stream.extend(client_frame(1, true, b"b"));
    let mut parser = Parser::new(LIMIT);
    assert_eq!(parser.push(&stream), Ok((first, Some(Incoming::Text("a".into())))));
    assert_eq!(parser.push(&stream[first..]), Ok((first, Some(Incoming::Text("b".into())))));
    assert_eq!(parser.push(&[]), Ok((0, None)));
}

/// A masked frame with the shortest length.
fn client_frame(opcode: u8, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    put_header(&mut frame, Opcode::Text, payload.len());
    frame[0] = opcode | if is_final { 0x80 } else { 0 };
    frame[1] |= 0x80;
    let mask = [0xA1, 0x02, 0x5F, 0xC4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

#[derive(Clone, Debug)]
enum Sent {
    Text(String, u8),
    Binary(Vec<u8>, u8),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    let short = || prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![
        ("\\PC{0,120}", 1..5_u8).prop_map(|(text, pieces)| Sent::Text(text, pieces)),
        (bytes(), 1..5_u8).prop_map(|(bytes, pieces)| Sent::Binary(bytes, pieces)),
        short().prop_map(Sent::Ping),
        short().prop_map(Sent::Pong),
    ]
}

fn put_sent(stream: &mut Vec<u8>, sent: &Sent) -> Incoming {
    let mut fragments = |opcode: u8, payload: &[u8], pieces: u8| {
        let size = payload.len().div_ceil(usize::from(pieces)).max(1);
        let mut rest: Vec<&[u8]> = payload.chunks(size).collect();
        if rest.is_empty() {
            rest.push(&[]);
        }
        let last = rest.len() - 1;
        for (index, piece) in rest.into_iter().enumerate() {
            let opcode = if index == 0 { opcode } else { 0 };
            stream.extend(client_frame(opcode, index == last, piece));
        }
    };
    match sent {
        Sent::Text(text, pieces) => {
            fragments(1, text.as_bytes(), *pieces);
            Incoming::Text(text.clone())
        }
        Sent::Binary(bytes, pieces) => {
            fragments(2, bytes, *pieces);
            Incoming::Binary(bytes.clone())
        }
        Sent::Ping(bytes) => {
            fragments(9, bytes, 1);
            Incoming::Ping(bytes.clone())
        }
        Sent::Pong(bytes) => {
            fragments(10, bytes, 1);
            Incoming::Pong(bytes.clone())
        }
    }
}

proptest! {
    #[test]
    fn any_cut_of_any_good_stream_gives_the_same_messages(
        sent in prop::collection::vec(sent(), 0..8),
        sizes in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let mut stream = Vec::new();
        let expected: Vec<Incoming> = sent.iter().map(|sent| put_sent(&mut stream, sent)).collect();
        let mut reads = Vec::new();
        let mut rest = &stream[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (read, after) = rest.split_at((*size).min(rest.len()));
            reads.push(read);
            rest = after;
        }
        prop_assert_eq!(parse(reads), (expected, "open".to_string()));
    }

    #[test]
    fn random_bytes_never_panic_and_end_alike_however_they_are_cut(
        stream in prop::collection::vec(prop_oneof![
            3 => any::<u8>(), 1 => Just(0x81), 1 => Just(0x80), 1 => Just(0x01), 1 => Just(0x89), 1 => Just(0x82),
        ], 0..200),
        size in 1..9_usize,
    ) {
        prop_assert_eq!(parse([&stream[..]]), parse(stream.chunks(size)));
    }

    #[test]
    fn every_server_frame_says_its_own_length(payload in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let mut out = Vec::new();
        put_header(&mut out, Opcode::Binary, payload.len());
        out.extend_from_slice(&payload);
        prop_assert_eq!(frame_len(&out), Some(out.len()));
    }
}
