//! A bridge that stops: nobody is cut off without a word, and what it was asked to keep, it keeps until the end.

use std::time::Duration;

use rialto::app;
use rialto::config::Config;
use serde_json::json;

use crate::harness::{Bridge, Client, Heard, progress, publish, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_bridge_asks_every_client_to_come_back_and_ends_when_they_have_gone() {
    let mut bridge = Bridge::start().await;
    let mut clients = Vec::new();
    for number in 0..120 {
        let mut client = if number % 2 == 0 { bridge.connect().await } else { bridge.connect_with_init().await };
        client.subscribe(json!({"name": "project:42"})).await;
        client.next_on("project:42").await;
        clients.push(client);
    }
    let mut publisher = bridge.publisher().await;
    publish(&mut publisher, progress("42", "before")).await;
    bridge.ask_to_stop();
    let mut delays = Vec::new();
    for mut client in clients {
        assert_eq!(client.next_on("project:42").await["data"]["message"], "before");
        let reconnect = client.next_of("connection.reconnect").await;
        assert_eq!(reconnect["data"]["reason"], "draining");
        delays.push(reconnect["data"]["delayMs"].as_u64().expect("a delay"));
        assert_eq!(client.close_code().await, Some(4100));
    }
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 10, "they do not all come back at once: {delays:?}");
    bridge.ended().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_bridge_is_not_ready_and_takes_no_new_connection() {
    let mut bridge = Bridge::with(|config| config.drain = Duration::from_secs(3)).await;
    let addresses = bridge.addresses;
    // A client that never answers the close frame keeps the drain going.
    let stubborn = tokio::net::TcpStream::connect(addresses.listen).await.expect("open");
    let mut stubborn = Client::on(stubborn, addresses.listen, "", None).await;
    stubborn.next_of("connection.ack").await;
    let ready = get(addresses.admin, "/ready").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    bridge.ask_to_stop();
    within("not ready", async {
        while !get(addresses.admin, "/ready").await.starts_with("HTTP/1.1 503") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within("the port is closed", async {
        while tokio::net::TcpStream::connect(addresses.listen).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    bridge.ended().await.expect("it ends within its drain");
    loop {
        match stubborn.heard().await {
            Heard::Frame(_) | Heard::Binary(_) => {}
            Heard::Closed(close) => {
                assert_eq!(close.map(|close| u16::from(close.code)), Some(4100));
                break;
            }
            Heard::Cut => panic!("a close frame comes before the end"),
        }
    }
}

/// The answer to a GET, as text.
pub(crate) async fn get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = within("a connection", tokio::net::TcpStream::connect(address)).await.expect("the port is open");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    within("an answer", stream.read_to_end(&mut answer)).await.expect("read");
    String::from_utf8(answer).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bridge_that_cannot_write_its_ready_file_says_so_and_gives_its_ports_back() {
    let folder = tempfile::tempdir().expect("a folder");
    // An address of its own, where the system has it: beside other tests the ports would not stay free.
    let bind = |address| std::net::TcpListener::bind((address, 0));
    let free = || bind("127.77.0.1").or_else(|_| bind("127.0.0.1")).and_then(|port| port.local_addr()).expect("a port");
    let addresses = [free(), free(), free()];
    let mut config = Config { ready_file: Some(folder.path().join("nowhere/ready.json")), ..Config::default() };
    [config.listen, config.grpc, config.admin] = addresses;
    let running = app::run(config, app::Options::default(), std::future::pending());
    let error = within("the bridge ends", running).await.expect_err("there is no such folder");
    assert!(matches!(&error, app::Error::ReadyFile { path, .. } if path.ends_with("nowhere/ready.json")), "{error}");
    for address in addresses {
        std::net::TcpListener::bind(address).expect("nobody listens any more");
    }
}
