//! A real port and raw bytes on it: who is closed, who is refused, what a request knows, what an upgrade gets.

use std::time::Duration;

use axum::extract::{Extension, Request};
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::super::admission::Permit;
use super::super::{Peer, listen};
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<io::Result<()>>,
    metrics: Arc<Metrics>,
}

fn start(router: Router, configure: impl FnOnce(Server) -> Server) -> Running {
    let listener = listen("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let metrics = Arc::<Metrics>::default();
    let server = Server::new(listener, router).with_metrics(Arc::clone(&metrics), Called::BROWSERS);
    let served = tokio::spawn(configure(server).serve(stopping));
    Running { address, stop, served, metrics }
}

fn hello() -> Router {
    Router::new().route("/", get(|Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() }))
}

fn impatient() -> Config {
    Config { header_timeout: Duration::from_millis(50), ..Config::default() }
}

/// Everything that comes until the other side closes.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("the server closes the connection") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_request_knows_its_peer() {
    let running = start(hello(), |server| server);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
}

#[tokio::test]
async fn a_peer_that_does_not_finish_its_headers_is_closed_at_the_deadline() {
    let running = start(hello(), |server| server.with_config(impatient()));
    let slow: [&[u8]; 4] = [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"];
    for bytes in slow {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await;
    }
}

/// A connection whose answer is stuck half-way, because nobody reads it.
async fn stuck(config: Config) -> (Running, TcpStream, Arc<ConnectionLimits>) {
    let big = Router::new().route("/", get(|| async { vec![b'a'; 64 << 20] }));
    let limits = ConnectionLimits::new(10, 10);
    let running = start(big, |server| server.with_config(config).with_limits(limits.clone()));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    stream.read_exact(&mut [0; 8]).await.unwrap();
    assert_eq!(limits.connections(), 1);
    (running, stream, limits)
}

#[tokio::test]
async fn an_old_connection_that_does_not_read_its_answer_is_cut() {
    let short = Duration::from_millis(50);
    let config = Config { max_age: short, drain_timeout: short, ..Config::default() };
    let (running, _stream, limits) = stuck(config).await;
    let cut = async {
        while limits.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, cut).await.expect("the connection is cut");
    assert_eq!(running.metrics.limits.get(Limit::HttpConnectionAge), 1);
    assert_eq!(running.metrics.limits.get(Limit::HttpCloseTimeout), 1);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_for_an_answer_to_be_read() {
    let short = Duration::from_millis(50);
    let (running, _stream, _) = stuck(Config { drain_timeout: short, ..Config::default() }).await;
    running.stop.send(true).unwrap();
    timeout(PATIENCE, running.served).await.expect("the connection is cut").unwrap().unwrap();
}

#[tokio::test]
async fn too_many_headers_or_too_long_ones_are_refused() {
    let running = start(hello(), |server| server);
    let many = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let long = format!("x: {}\r\n", "a".repeat(17 * 1024));
    for headers in [many, long] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n").as_bytes()).await;
        let answer = until_closed(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn beyond_the_limit_is_refused_in_http_and_told_when_to_come_back() {
    let limits = ConnectionLimits::new(1, 1);
    let running = start(hello(), |server| server.with_limits(limits.clone()));
    let held = limits.admit("127.0.0.1:1".parse().unwrap()).unwrap();
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
    drop(held);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn stopping_lets_a_running_request_finish_and_closes_the_port() {
    let (started, starting) = oneshot::channel();
    let (finish, finishing) = oneshot::channel::<()>();
    let once = Arc::new(std::sync::Mutex::new(Some((started, finishing))));
    let slow = Router::new().route(
        "/",
        get(move || async move {
            let (started, finishing) = once.lock().unwrap().take().unwrap();
            started.send(()).unwrap();
            finishing.await.unwrap();
            "done"
        }),
    );
    let running = start(slow, |server| server);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    starting.await.unwrap();
    running.stop.send(true).unwrap();
    finish.send(()).unwrap();
    assert!(until_closed(&mut stream).await.ends_with("done"));
    timeout(PATIENCE, running.served).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn an_upgrade_gets_the_bare_socket_and_is_counted_while_it_holds_the_permit() {
    let limits = ConnectionLimits::new(10, 10);
    let (upgraded, upgrading) = oneshot::channel();
    let once = Arc::new(std::sync::Mutex::new(Some(upgraded)));
    let router = Router::new().route(
        "/",
        get(move |mut request: Request| async move {
            let permit = request.extensions_mut().remove::<Permit>().unwrap();
            let upgraded = once.lock().unwrap().take().unwrap();
            let upgrade = hyper::upgrade::on(request);
            tokio::spawn(async move {
                let parts = upgrade.await.unwrap().downcast::<TokioIo<crate::net::tls::Stream>>().unwrap();
                upgraded.send((parts.io.into_inner(), permit)).unwrap();
            });
            (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "test")])
        }),
    );
    let running = start(router, |server| server.with_limits(limits.clone()));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n").await.unwrap();
    let (mut socket, permit) = upgrading.await.unwrap();
    // The server does not wait for what has left it.
    running.stop.send(true).unwrap();
    timeout(PATIENCE, running.served).await.unwrap().unwrap().unwrap();
    assert_eq!(limits.connections(), 1);
    socket.write_all(b"after the upgrade").await.unwrap();
    drop((socket, permit));
    assert!(until_closed(&mut stream).await.ends_with("after the upgrade"));
    assert_eq!(limits.connections(), 0);
}
