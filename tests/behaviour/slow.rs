//! Peers that read slowly, or not at all: what it costs, and that nobody else notices.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::harness::{Bridge, Client, Heard, progress, publish, within};
use crate::metrics::{expect, scrape};

/// A socket that takes little before it is full.
pub(crate) async fn narrow(bridge: &Bridge) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a small buffer");
    within("the TCP connection", socket.connect(bridge.addresses.listen)).await.expect("the port is open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_stays_is_told_its_gaps_and_nobody_else_notices() {
    const EVENTS: u64 = 6_000;
    // The project channel keeps 1,000 events and 30 s; a log of 1 MiB holds fewer of these.
    let bridge = Bridge::with(|config| {
        config.limits.max_channel_bytes = 1 << 20;
        // How slowly it reads depends on the publisher, and that on the machine.
        config.limits.write_timeout = Duration::from_secs(60);
        config.limits.pong_timeout = Duration::from_secs(60);
    })
    .await;
    let mut slow = Client::on(narrow(&bridge).await, bridge.addresses.listen, "", None).await;
    let mut quick = bridge.connect().await;
    for client in [&mut slow, &mut quick] {
        client.subscribe(json!({"name": "project:slow"})).await;
        client.next_on("project:slow").await;
    }
    let witness = tokio::spawn(async move {
        for sequence in 1..=EVENTS {
            let frame = quick.next_on("project:slow").await;
            assert_eq!(frame["sequence"], sequence, "{frame}");
        }
    });
    let filler = "é".repeat(500);
    let mut publisher = bridge.publisher().await;
    let (count, mut published) = watch::channel(0_u64);
    let publishing = tokio::spawn(async move {
        for number in 1..=EVENTS {
            publish(&mut publisher, progress("slow", &format!("{number} {filler}"))).await;
            count.send_replace(number);
        }
    });
    // One frame for every eight that are published, so that it falls further and further behind however fast that goes.
    let (mut last, mut seen, mut lost, mut gaps) = (0_u64, 0_u64, 0_u64, 0_u32);
    while last < EVENTS {
        let enough = EVENTS.min(8 * (seen + 1));
        within("the publisher", published.wait_for(|published| *published >= enough)).await.expect("it publishes all");
        match slow.heard().await {
            Heard::Frame(frame) if frame["type"] == "channel.gap" => {
                assert_eq!(frame["data"]["first"], last + 1, "{frame}");
                let to = frame["data"]["last"].as_u64().expect("a number");
                lost += to - last;
                last = to;
                gaps += 1;
            }
            Heard::Frame(frame) if frame["channel"] == "project:slow" => {
                assert_eq!(frame["sequence"], last + 1, "{frame}");
                last += 1;
                seen += 1;
            }
            Heard::Frame(_) => {}
            other => panic!("it stays connected, but: {other:?}"),
        }
    }
    within("the publisher", publishing).await.expect("never held up");
    within("the witness", witness).await.expect("undisturbed");
    assert_eq!(seen + lost, EVENTS);
    assert!(gaps > 0 && lost > 0, "it never fell behind, so nothing was shown");
    let delivered = (EVENTS + seen) as f64;
    let told = [
        ("rialto_gaps_total", f64::from(gaps)),
        ("rialto_gap_lost_events_total", lost as f64),
        ("rialto_events_delivered_total{type=\"process.progress\"}", delivered),
        ("rialto_connections_blocked", 0.0),
    ];
    let scrape = expect(&bridge, &told).await;
    assert!(scrape["rialto_limit_hits_total{limit=\"max-channel-bytes\"}"] > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_closed_by_the_write_timeout_and_resumes_or_is_told() {
    let bridge = Bridge::with(|config| {
        config.limits.write_timeout = Duration::from_millis(400);
        config.limits.max_channel_bytes = 1 << 20;
    })
    .await;
    let mut stopped = Client::on(narrow(&bridge).await, bridge.addresses.listen, "", None).await;
    stopped.subscribe(json!({"name": "project:stop"})).await;
    let subscribed = stopped.next_on("project:stop").await;
    let epoch = subscribed["data"]["head"]["epoch"].as_str().expect("an epoch").to_owned();

    let mut publisher = bridge.publisher().await;
    let filler = "x".repeat(10_000);
    let begun = Instant::now();
    let mut published = 0_u64;
    // Until the bridge has given it up: only then is its subscription gone.
    within("the stopped reader is given up", async {
        loop {
            published += 1;
            publish(&mut publisher, progress("stop", &format!("{published} {filler}"))).await;
            let health = crate::drain::get(bridge.addresses.admin, "/health").await;
            if health.contains("\"connections\":0") {
                break;
            }
        }
    })
    .await;
    assert!(begun.elapsed() >= Duration::from_millis(400), "it had its time");
    let told = [
        ("rialto_limit_hits_total{limit=\"write-timeout\"}", 1.0),
        ("rialto_connections_closed_total{code=\"4102\",by=\"bridge\"}", 1.0),
    ];
    expect(&bridge, &told).await;
    // What it reads now is what the kernel held, whole frames in order, and then the end.
    let mut last = 0_u64;
    while let Heard::Frame(frame) = stopped.heard().await {
        if frame["channel"] == "project:stop" {
            assert_eq!(frame["sequence"], last + 1);
            last += 1;
        }
    }
    assert!(last < published);
    let mut back = bridge.connect().await;
    back.subscribe(json!({"name": "project:stop", "after": {"epoch": epoch, "sequence": last}})).await;
    let subscribed = back.next_on("project:stop").await;
    let recovered = subscribed["data"]["recovered"].as_bool().expect("it says whether");
    if !recovered {
        let gap = back.next_on("project:stop").await;
        assert_eq!((&gap["type"], &gap["data"]["first"]), (&json!("channel.gap"), &json!(last + 1)));
        last = gap["data"]["last"].as_u64().expect("a number");
    }
    while last < published {
        let frame = back.next_on("project:stop").await;
        assert_eq!(frame["sequence"], last + 1);
        last += 1;
    }
}

/// A socket that asks for the upgrade, says these bytes behind it, and does nothing by itself.
async fn raw(bridge: &Bridge, behind: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(bridge.addresses.listen).await.expect("open");
    upgrade(&mut stream, bridge, behind).await;
    stream
}

async fn upgrade(stream: &mut TcpStream, bridge: &Bridge, behind: &[u8]) {
    let request = format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        bridge.addresses.listen
    );
    stream.write_all(&[request.as_bytes(), behind].concat()).await.expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_answer_pings_is_closed() {
    let bridge = Bridge::with(|config| {
        config.limits.ping_interval = Duration::from_millis(200);
        config.limits.pong_timeout = Duration::from_millis(200);
    })
    .await;
    // A raw socket: it opens, and then only listens.
    let mut stream = raw(&bridge, &[]).await;
    let mut heard = Vec::new();
    within("the end", stream.read_to_end(&mut heard)).await.expect("a clean end");
    let contains = |bytes: &[u8]| heard.windows(bytes.len()).any(|window| window == bytes);
    assert!(contains(&[0x89, 0x00]), "a ping");
    assert!(contains(b"heartbeat_missed"), "a reason");
    assert!(contains(&4101_u16.to_be_bytes()), "a close code");
    let told = [
        ("rialto_limit_hits_total{limit=\"pong-timeout\"}", 1.0),
        ("rialto_limit_hits_total{limit=\"message-timeout\"}", 0.0),
        ("rialto_limit_hits_total{limit=\"close-timeout\"}", 1.0),
        ("rialto_connections_closed_total{code=\"4101\",by=\"bridge\"}", 1.0),
    ];
    expect(&bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_finish_a_message_is_closed_for_that() {
    let bridge = Bridge::with(|config| config.limits.message_timeout = Duration::from_millis(200)).await;
    // The head of a text of ten bytes, and two of them.
    let half = [0x81, 0x8a, 0, 0, 0, 0, b'{', b'"'];
    let mut stream = raw(&bridge, &half).await;
    let mut heard = Vec::new();
    within("the end", stream.read_to_end(&mut heard)).await.expect("a clean end");
    assert!(heard.windows(2).any(|code| code == 4101_u16.to_be_bytes()), "a close code");
    let told = [
        ("rialto_limit_hits_total{limit=\"message-timeout\"}", 1.0),
        ("rialto_limit_hits_total{limit=\"pong-timeout\"}", 0.0),
    ];
    expect(&bridge, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_and_pongs_between_its_fragments_do_not_keep_a_message_open() {
    /// Far more than come within the message's deadline.
    const MOST_HEARTBEATS: usize = 200;
    let bridge = Bridge::with(|config| {
        config.limits.message_timeout = Duration::from_millis(500);
        config.limits.heartbeat_interval = Duration::from_millis(60);
    })
    .await;
    // A whole fragment of a text that goes on, behind each heartbeat a ping or a pong, and never its end.
    let fragment = [0x01, 0x82, 0, 0, 0, 0, b'{', b'"'];
    let (ping, pong) = ([0x89, 0x80, 0, 0, 0, 0], [0x8a, 0x80, 0, 0, 0, 0]);
    let mut stream = raw(&bridge, &fragment).await;
    let (mut heard, mut buffer) = (Vec::new(), [0; 4 << 10]);
    let mut heartbeats = 0;
    loop {
        let count = within("a heartbeat or the end", stream.read(&mut buffer)).await.expect("a clean end");
        if count == 0 {
            break;
        }
        heard.extend_from_slice(&buffer[..count]);
        if heard.windows(2).any(|code| code == 4101_u16.to_be_bytes()) {
            break;
        }
        let beats = heard.windows(20).filter(|text| text == b"connection.heartbeat").count();
        while heartbeats < beats {
            heartbeats += 1;
            stream.write_all(if heartbeats % 2 == 0 { &ping } else { &pong }).await.expect("it is open");
        }
        assert!(heartbeats < MOST_HEARTBEATS, "the message is never given up");
    }
    assert!(heard.windows(2).any(|code| code == 4101_u16.to_be_bytes()), "a close code");
    expect(&bridge, &[("rialto_limit_hits_total{limit=\"message-timeout\"}", 1.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_pings_at_once_stays() {
    let bridge = Bridge::with(|config| {
        config.limits.ping_interval = Duration::from_millis(50);
        config.limits.pong_timeout = Duration::from_secs(4);
        config.limits.heartbeat_interval = Duration::from_millis(100);
    })
    .await;
    let mut client = bridge.connect().await;
    // Longer than the pong's deadline: an answer that was not seen ends the connection within it.
    for _ in 0..60 {
        client.next_of("connection.heartbeat").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_talks_and_does_not_listen_is_held_back() {
    const MOST_BYTES: usize = 16 << 20;
    let bridge = Bridge::with(|config| {
        config.limits.commands_per_second = 1_000_000;
        config.limits.commands_burst = 1_000_000;
    })
    .await;
    let mut stream = narrow(&bridge).await;
    upgrade(&mut stream, &bridge, &[]).await;
    let heartbeat = format!("{{\"type\":\"connection.heartbeat\",\"id\":\"{}\"}}", "h".repeat(120));
    // A text frame with a mask of zeros, 200 at a time.
    let mut frame = vec![0x81, 0xFE];
    frame.extend_from_slice(&u16::try_from(heartbeat.len()).expect("short").to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(heartbeat.as_bytes());
    let frames = frame.repeat(200);
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_secs(1), stream.write_all(&frames)).await.is_ok() {
        sent += frames.len();
        assert!(sent < MOST_BYTES, "the bridge takes commands without end though nobody reads the answers");
    }
    let held_back = scrape(&bridge).await["rialto_limit_hits_total{limit=\"max-control-frames\"}"];
    assert!(held_back > 0.0, "a stall of a second, and nobody held it back");
    // Others are served meanwhile.
    let mut other = bridge.connect().await;
    other.send(json!({"type": "connection.heartbeat", "id": "o"})).await;
    assert_eq!(other.next_of("connection.heartbeat").await["replyTo"], "o");
}
