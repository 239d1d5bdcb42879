//! The public port: the handshake, RFC 6455 by a table of bytes, the protocol's opening and its errors.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Bridge, Client, Heard, progress, publish, within};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Sends a request head, gives the status line and headers of the answer and the connection.
async fn head(bridge: &Bridge, request: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(bridge.addresses.listen).await.expect("open");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = within("the answer", stream.read_u8()).await;
        let Ok(byte) = byte else { break };
        answer.push(byte);
    }
    (String::from_utf8(answer).expect("ASCII"), stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handshake_is_checked_before_anything_else() {
    let bridge = Bridge::start().await;
    let good = [
        "GET /ws HTTP/1.1",
        "host: localhost",
        "upgrade: websocket",
        "connection: keep-alive, Upgrade",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for (what, line, instead, status) in [
        ("nothing wrong", 0, "GET /ws HTTP/1.1", 101),
        ("another method", 0, "POST /ws HTTP/1.1", 405),
        ("no upgrade", 2, "x: y", 426),
        ("no connection upgrade", 3, "connection: close", 400),
        ("an old version", 4, "sec-websocket-version: 8", 426),
        ("no version", 4, "x: y", 426),
        ("no key", 5, "x: y", 400),
        ("a short key", 5, "sec-websocket-key: c2hvcnQ=", 400),
        ("a session with a control character", 0, "GET /ws?session_id=a%07 HTTP/1.1", 400),
        ("an unknown subprotocol", 1, "host: localhost\r\nsec-websocket-protocol: mqtt", 400),
        ("a known one among others", 1, "host: localhost\r\nsec-websocket-protocol: mqtt, rialto.v1.json", 101),
        ("another site's page", 1, "host: localhost\r\norigin: https://evil.example", 403),
        ("a page of this machine", 1, "host: localhost\r\norigin: http://localhost:5173", 101),
        ("another path", 0, "GET /other HTTP/1.1", 404),
    ] {
        let mut lines = good;
        lines[line] = instead;
        let (answer, _) = head(&bridge, &format!("{}\r\n\r\n", lines.join("\r\n"))).await;
        let got = answer.split(' ').nth(1).unwrap_or("");
        // RFC 6455 leaves 400 and 426 to the server; both say what to do.
        let same = got == status.to_string() || (status == 426 && got == "400") || (status == 400 && got == "426");
        assert!(same, "{what}: expected {status}, got {answer}");
        if status == 101 {
            assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        }
    }
}

/// One vector of the table.
struct Vector {
    name: String,
    writes: Vec<Vec<u8>>,
    messages: Vec<String>,
    end: String,
}

fn vectors() -> Vec<Vector> {
    let table = include_str!("../vectors/websocket.txt");
    let lines = table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let mut column = || columns.next().unwrap_or_else(|| panic!("four columns: {line}")).to_owned();
            let (name, bytes, messages, end) = (column(), column(), column(), column());
            let writes = bytes.split('/').map(unhex).collect();
            let messages = messages.split_whitespace().map(str::to_owned).collect();
            Vector { name, writes, messages, end }
        })
        .collect()
}

/// `48656c` is three bytes, `61*125` repeats what stands before the star.
fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (hex, times) = word.split_once('*').unwrap_or((word, "1"));
        let digits: Vec<u8> = hex.bytes().collect();
        let once: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
            .collect();
        for _ in 0..times.parse::<usize>().expect("a number") {
            bytes.extend_from_slice(&once);
        }
    }
    bytes
}

/// What the server says after its opening frames, until its end or until it has answered a last ping.
#[derive(Debug, Default, PartialEq)]
struct Said {
    errors: usize,
    pongs: Vec<Vec<u8>>,
    close: Option<u16>,
}

const LAST_PING: &[u8] = b"\x89\x84\x00\x00\x00\x00last";

async fn said(stream: &mut TcpStream) -> Said {
    let mut said = Said::default();
    let mut buffer = Vec::new();
    loop {
        while let Some((opcode, payload, used)) = frame(&buffer) {
            match opcode {
                1 => {
                    let frame: Value = serde_json::from_slice(&payload).expect("JSON");
                    if frame["type"] == "error" {
                        assert!(
                            [4004, 4005, 4008].contains(&frame["data"]["code"].as_u64().expect("a code")),
                            "{frame}"
                        );
                        said.errors += 1;
                    }
                }
                8 if payload.is_empty() => said.close = Some(0),
                8 => said.close = Some(u16::from_be_bytes([payload[0], payload[1]])),
                10 if payload == b"last" => return said,
                10 => said.pongs.push(payload),
                other => panic!("opcode {other}"),
            }
            buffer.drain(..used);
        }
        let mut part = [0; 4096];
        match within("bytes", stream.read(&mut part)).await {
            Ok(0) | Err(_) => return said,
            Ok(count) => buffer.extend_from_slice(&part[..count]),
        }
    }
}

fn frame(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0xF0, 0x80, "whole frames without extensions");
    assert!(second < 128, "a server does not mask");
    let (length, header) = match second {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let payload = bytes.get(header..header + length)?.to_vec();
    Some((first & 0x0F, payload, header + length))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vector_of_rfc_6455_has_its_outcome_on_the_real_port() {
    let bridge = Bridge::start().await;
    let vectors = vectors();
    assert!(vectors.len() >= 60, "{} vectors", vectors.len());
    for vector in vectors {
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
        );
        let (answer, mut stream) = head(&bridge, &request).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        for bytes in &vector.writes {
            // A server that has closed already may refuse the rest.
            if stream.write_all(bytes).await.is_err() {
                break;
            }
        }
        let binary = vector.messages.iter().position(|message| message.starts_with("binary:"));
        let understood = &vector.messages[..binary.unwrap_or(vector.messages.len())];
        let expected_close = match (binary, vector.end.as_str()) {
            (Some(_), _) => Some(1003),
            (None, "open") => None,
            (None, "closed") => {
                let close = understood.iter().find_map(|message| message.strip_prefix("close:")).expect("a close");
                let code = close.split(':').next().unwrap_or("");
                Some(code.parse().unwrap_or(0))
            }
            (None, violation) => Some(violation.strip_prefix("violation ").expect("an end").parse().expect("a code")),
        };
        if expected_close.is_none() {
            stream.write_all(LAST_PING).await.expect("it is open");
        }
        let said = said(&mut stream).await;
        assert_eq!(said.close, expected_close, "{}: {said:?}", vector.name);
        let pings = understood.iter().filter_map(|message| message.strip_prefix("ping:")).map(unhex);
        assert_eq!(said.pongs, pings.collect::<Vec<_>>(), "{}", vector.name);
        let texts = understood.iter().filter(|message| message.starts_with("text:")).count();
        assert_eq!(said.errors, texts, "{}: every text is answered", vector.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_connection_needs_no_frame_and_one_with_a_subprotocol_begins_with_init() {
    let bridge = Bridge::start().await;
    let mut plain = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    assert_eq!(plain.next().await["data"]["sessionId"], "t1");
    plain.send(json!({"type": "connection.init", "id": "1"})).await;
    assert_eq!(plain.next_of("error").await["data"]["code"], 4005);

    let mut client = Client::open(bridge.addresses.listen, "", Some("rialto.v1.json")).await;
    client.send(json!({"type": "connection.init", "id": "i", "data": {"protocol": 1}})).await;
    let ack = client.next().await;
    assert_eq!((&ack["type"], &ack["replyTo"]), (&json!("connection.ack"), &json!("i")));
    assert_eq!(ack["data"]["fingerprint"].as_str().map(str::len), Some(64));

    for (first, code) in [
        (json!({"type": "channel.subscribe", "data": {"channels": [{"name": "project:1"}]}}), 4500),
        (json!({"type": "connection.init", "data": {"protocol": 9}}), 4502),
    ] {
        let mut client = Client::open(bridge.addresses.listen, "", Some("rialto.v1.json")).await;
        client.send(first).await;
        assert_eq!(client.close_code().await, Some(code));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flat_frames_filters_and_errors_work_from_a_terminal() {
    let bridge = Bridge::start().await;
    let mut client = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    client
        .send(json!({"type": "channel.subscribe", "channels": [{"name": "project:42", "types": ["project.*"]}]}))
        .await;
    client.next_on("project:42").await;
    client.send(json!({"type": "message", "id": "m", "session_id": "t1", "content": "Hi"})).await;
    let error = client.next_of("error").await;
    assert_eq!((&error["replyTo"], &error["data"]["code"]), (&json!("m"), &json!(4007)));
    client.send(json!({"type": "no.such.type", "id": "n"})).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4005);
    client.send(json!({"type": "channel.subscribe", "id": "c", "channels": [{"name": "nowhere:1"}]})).await;
    assert_eq!(client.next_of("error").await["data"]["code"], 4006);
    client.send(json!({"type": "connection.heartbeat", "id": "h"})).await;
    assert_eq!(client.next_of("connection.heartbeat").await["replyTo"], "h");

    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("42", "filtered out")).await;
    let updated = crate::harness::json_event("project.updated", &json!({"projectId": "42"}));
    publish(&mut publisher, updated).await;
    let frame = client.next_on("project:42").await;
    assert_eq!((&frame["type"], &frame["sequence"]), (&json!("project.updated"), &json!(2)));
    client.send(json!({"type": "channel.unsubscribe", "channels": ["project:42"]})).await;
    assert_eq!(client.next_on("project:42").await["type"], "channel.unsubscribed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_and_half_spoken_http_connections_are_closed() {
    let bridge = Bridge::with(|config| {
        config.limits.handshake_timeout = std::time::Duration::from_millis(300);
        config.limits.init_timeout = std::time::Duration::from_millis(300);
    })
    .await;
    for begun in ["", "GET /ws HT", "GET /ws HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(bridge.addresses.listen).await.expect("open");
        stream.write_all(begun.as_bytes()).await.expect("written");
        let mut rest = Vec::new();
        within("it is closed", stream.read_to_end(&mut rest)).await.ok();
    }
    let mut client = Client::open(bridge.addresses.listen, "", Some("rialto.v1.json")).await;
    assert_eq!(client.close_code().await, Some(4501));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_limit_are_refused_before_the_upgrade() {
    let bridge = Bridge::with(|config| config.limits.max_connections = 2).await;
    let mut first = bridge.connect().await;
    let second = bridge.connect().await;
    first.next_of("connection.ack").await;
    let request = "GET /ws HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (answer, _) = head(&bridge, request).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("retry-after:"), "{answer}");
    drop(second);
    within("a place is free again", async {
        loop {
            let (answer, _) = head(&bridge, request).await;
            if !answer.starts_with("HTTP/1.1 503") {
                break;
            }
        }
    })
    .await;
    first.send(json!({"type": "connection.heartbeat", "id": "h"})).await;
    assert_eq!(first.next_of("connection.heartbeat").await["replyTo"], "h");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_talks_too_fast_is_told_when_to_go_on() {
    let bridge = Bridge::start().await;
    let mut client = bridge.connect().await;
    for number in 0..260 {
        client.send(json!({"type": "connection.heartbeat", "id": number.to_string()})).await;
    }
    let error = client.next_of("error").await;
    assert_eq!(error["data"]["code"], 4004);
    assert!(error["data"]["retryAfterMs"].as_u64().is_some_and(|wait| (1..1_000).contains(&wait)), "{error}");
    loop {
        match client.heard().await {
            Heard::Frame(frame) if frame["replyTo"] == "259" => break,
            Heard::Frame(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
