//! What a read task notes of what comes.

use std::time::Duration;

use super::super::fixture::{self, Opened};
use super::*;
use crate::session::inbound::Opening;

/// A read task of this front that nobody runs, and its client.
async fn reader(front: &super::super::Front, key: ConnectionKey) -> (Box<Reader>, tokio::net::TcpStream) {
    let (link, client) = fixture::link().await;
    let shared = Arc::clone(&front.shared);
    let judge = Judge {
        inbound: Inbound::new(Opening::Plain, None, shared.inbound, now()),
        entrance: Entrance::new([192, 0, 2, 7].into(), None, "made".into()),
        shared,
        state: Arc::new(ReadState::new(now())),
        mailbox: Arc::clone(&front.mailboxes[0]),
        key,
        paused: None,
        ended: false,
        discarded_bytes: 0,
    };
    let parser = Parser::new(judge.shared.inbound.max_message_bytes);
    (Box::new(Reader { link: Arc::new(link), parser, judge }), client)
}

/// A client's frame with a mask of zeros.
fn frame(first: u8, payload: &str) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, 0x80 | length, 0, 0, 0, 0], payload.as_bytes()].concat()
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_message_begins_with_it_whatever_comes_between_its_fragments() {
    let (front, _shards) = fixture::front();
    let (mut reader, _client) = reader(&front, ConnectionKey { index: 7, serial: 1 }).await;
    let began = |reader: &Reader| reader.judge.state.inbound().message_began;
    let (begin, end) = (frame(0x01, r#"{"type":"connection."#), frame(0x80, r#"heartbeat","id":"h"}"#));
    assert_eq!(began(&reader), None);
    let first = now();
    reader.take(&begin);
    assert_eq!(began(&reader), Some(first));
    let (ping, pong) = (frame(0x89, "p"), frame(0x8a, ""));
    for between in [&ping[..], &pong, &[ping.clone(), pong.clone()].concat(), &ping[..3], &ping[3..]] {
        tokio::time::advance(Duration::from_secs(1)).await;
        reader.take(between);
        assert_eq!(began(&reader), Some(first), "{between:?} is no message");
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    reader.take(&[&end[..], &begin].concat());
    assert_eq!(began(&reader), Some(now()), "another one");
    reader.take(&end);
    assert_eq!(began(&reader), None);
}

#[tokio::test]
async fn a_connection_ends_whose_read_task_panics() {
    let (front, _shards) = fixture::front();
    let Opened { mut client, limits } = fixture::open(&front).await;
    client.acked().await;
    // In place of its own, which does not.
    let (reader, _client) = reader(&front, ConnectionKey { index: 0, serial: 1 }).await;
    let task = tokio::spawn(async move {
        let _reader = reader;
        panic!("a defect, for this test");
    });
    assert!(fixture::within(task).await.is_err_and(|error| error.is_panic()));
    client.ended().await;
    assert_eq!((front.connections(), limits.connections()), (0, 0));
}

fn result_size<F, R>(_: F) -> usize
where
    F: FnOnce(Box<Reader>, bytes::Bytes) -> R,
{
    size_of::<R>()
}

#[test]
fn a_connection_that_says_nothing_costs_a_small_task() {
    assert!(result_size(Reader::run) <= 256, "{} bytes", result_size(Reader::run));
    assert!(size_of::<Reader>() <= 512, "{} bytes", size_of::<Reader>());
}
