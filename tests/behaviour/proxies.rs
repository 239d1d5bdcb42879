//! Who is turned away at a port, and whose connections a proxy's requests are.

use std::net::SocketAddr;

use rialto::config::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bounds::hits;
use crate::harness::{Bridge, Client, within};
use crate::http::call;
use crate::metrics::scrape;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A bridge that believes the headers of this machine's proxies.
async fn behind(change: impl FnOnce(&mut Config)) -> Bridge {
    Bridge::with(|config| {
        config.proxy.trusted = vec!["127.0.0.1".parse().expect("an address")];
        change(config);
    })
    .await
}

/// A proxy's connection that is kept alive.
struct Kept {
    stream: TcpStream,
    host: SocketAddr,
}

impl Kept {
    async fn open(host: SocketAddr) -> Self {
        Kept { stream: within("the connection", TcpStream::connect(host)).await.expect("the port is open"), host }
    }

    /// The status of the answer to a request that is handed on for this client.
    async fn ask_for(&mut self, client: &str) -> u16 {
        let request = format!("HEAD /health HTTP/1.1\r\nhost: {}\r\n{FORWARDED_FOR}: {client}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).await.expect("it is open");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("the answer", self.stream.read_u8()).await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("text");
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_a_proxy_hands_on_is_of_its_clients_address() {
    let bridge = behind(|config| config.limits.max_connections_per_address = 1).await;
    let host = bridge.addresses.listen;
    let stream = within("the connection", TcpStream::connect(host)).await.expect("the port is open");
    let there = Client::ask(stream, host, "", &[(FORWARDED_FOR, "192.0.2.7")]).await;
    let mut kept = Kept::open(host).await;
    assert_eq!(kept.ask_for("192.0.2.8").await, 200);
    assert_eq!(kept.ask_for("192.0.2.7").await, 429, "it has its one connection");
    let limit = hits("max-connections-per-address");
    crate::metrics::expect(&bridge, &[(&limit, 1.0)]).await;
    drop(there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxys_new_connection_is_its_clients_and_what_comes_behind_on_it_is_no_new_one() {
    let bridge = behind(|config| config.limits.handshakes_per_address = Some(1)).await;
    let host = bridge.addresses.listen;
    let mut kept = Kept::open(host).await;
    for _ in 0..30 {
        assert_eq!(kept.ask_for("192.0.2.7").await, 200);
    }
    // Ten at once, and one more a second.
    let mut told = Vec::new();
    while told.last() != Some(&429) && told.len() < 1_000 {
        told.push(call(host, "GET", "/health", &[(FORWARDED_FOR, "192.0.2.7")], "").await.status);
    }
    assert_eq!(told.last(), Some(&429), "{} were let in", told.len());
    assert!(told.len() >= 10, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_at_a_port_holds_up_others_little() {
    // Ten of those who are let in would have to wait.
    const MANY: usize = 60;
    let paced = |config: &mut Config| config.limits.handshakes_per_second = 100;
    let full = Bridge::with(|config| {
        paced(config);
        config.limits.max_connections = 1;
    })
    .await;
    let _there = full.connect().await;
    for _ in 0..MANY {
        assert_eq!(call(full.addresses.listen, "GET", "/ws", &[], "").await.status, 503);
    }
    let told = scrape(&full).await;
    assert_eq!((told[&*hits("max-connections")], told[&*hits("handshakes-per-second")]), (MANY as f64, 0.0));
    for port in [0, 1] {
        let bridge = Bridge::with(|config| {
            paced(config);
            config.proxy.trusted = vec!["192.0.2.1".parse().expect("an address")];
            config.proxy.protocol[port] = true;
        })
        .await;
        let address = [bridge.addresses.listen, bridge.addresses.grpc][port];
        for _ in 0..MANY {
            let mut stream = TcpStream::connect(address).await.expect("the port is open");
            let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
        }
        let told = scrape(&bridge).await;
        let counted = (told["rialto_proxy_headers_refused_total"], told[&*hits("handshakes-per-second")]);
        assert_eq!(counted, (MANY as f64, 0.0), "port {port}");
    }
}
