//! What posts over HTTP hold in memory while they come, and who is refused where that is too much.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bounds::hits;
use crate::harness::{Bridge, within};
use crate::http::{Answer, call};
use crate::metrics::expect;

const JSON: (&str, &str) = ("content-type", "application/json");
const PUBLISH: &str = "/v1/publish";
const EVENT: &str = r#"{"type":"system.heartbeat"}"#;
const KIB: usize = 1 << 10;
/// The largest post, and how many of them there is memory for.
const MOST_BYTES: usize = 256 * KIB;
const ROOM: usize = 4;

/// A bridge that waits for whoever holds a post back.
async fn patient() -> Bridge {
    Bridge::with(|config| {
        let (limits, hour) = (&mut config.limits, Duration::from_secs(3_600));
        (limits.body_timeout, limits.http_connection_age) = (hour, hour);
        (limits.max_event_bytes, limits.max_publish_request_bytes) = (64 * KIB, MOST_BYTES);
        limits.max_receiving_bytes = ROOM * MOST_BYTES;
    })
    .await
}

/// An event with so much white space behind it.
fn post_of(bytes: usize) -> String {
    format!("{EVENT}{}", " ".repeat(bytes - EVENT.len()))
}

/// Posts all but the end of a large body, and the end when it is time. Gives the answer, which may come before.
async fn hold(bridge: &Bridge, mut release: watch::Receiver<bool>) -> impl Future<Output = Answer> + use<> {
    let admin = bridge.addresses.admin;
    let mut stream = within("a connection", TcpStream::connect(admin)).await.expect("the port is open");
    async move {
        let head = format!(
            "POST {PUBLISH} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {MOST_BYTES}\r\n\r\n"
        );
        let body = post_of(MOST_BYTES);
        let (begin, end) = body.split_at(MOST_BYTES - KIB);
        let (mut reading, mut writing) = stream.split();
        let mut answer = Vec::new();
        {
            let send = async {
                // Who is refused need not be heard to the end.
                let _ = writing.write_all(format!("{head}{begin}").as_bytes()).await;
                let _ = release.wait_for(|release| *release).await;
                let _ = writing.write_all(end.as_bytes()).await;
            };
            let read = reading.read_to_end(&mut answer);
            tokio::pin!(send, read);
            let read = tokio::select! {
                read = &mut read => read,
                () = &mut send => read.await,
            };
            read.expect("an answer");
        }
        Answer::read(&String::from_utf8_lossy(&answer))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_that_hold_all_memory_end_and_others_pass() {
    const HELD: usize = 3 * ROOM;
    let bridge = patient().await;
    let (release, released) = watch::channel(false);
    let mut held = JoinSet::new();
    for _ in 0..HELD {
        held.spawn(hold(&bridge, released.clone()).await);
    }
    let mut refused = 0;
    let mut expect_refused = |answer: &Answer| {
        assert_eq!((answer.status, &*answer.reason()), (429, "RECEIVING_FULL"), "{}", answer.text);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.text.contains("--max-receiving-bytes"), "{}", answer.text);
        refused += 1;
    };
    for _ in ROOM..HELD {
        let answer =
            within("there is no room for more", held.join_next()).await.expect("they are there").expect("it ends");
        expect_refused(&answer);
    }
    // Whoever has little passes, and who comes with much and goes on passes rather than who only holds.
    for bytes in [EVENT.len(), 16 * KIB, 64 * KIB, MOST_BYTES] {
        let answer = call(bridge.addresses.admin, "POST", PUBLISH, &[JSON], &post_of(bytes)).await;
        assert_eq!(answer.status, 200, "{bytes}: {}", answer.text);
    }
    release.send_replace(true);
    let mut passed = 0;
    while let Some(answer) = within("the others end", held.join_next()).await {
        match answer.expect("it ends") {
            answer if answer.status == 200 => passed += 1,
            answer => expect_refused(&answer),
        }
    }
    assert!(passed >= 2 && passed + refused == HELD, "{passed} passed, {refused} refused");
    // Nothing is held any more: as many as there is memory for pass at once.
    let whole = post_of(MOST_BYTES);
    let all = (0..ROOM).map(|_| call(bridge.addresses.admin, "POST", PUBLISH, &[JSON], &whole));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    expect(&bridge, &[(&hits("max-receiving-bytes"), refused as f64)]).await;
}
