//! Who gets past the entry, as whom, and what is counted of the others.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::super::tls::fixture::Authority;
use super::super::tls::{Protocol, Tls};
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn behind(written: Option<Written>) -> Entry {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let proxies = Arc::new(Proxies { trusted, written, protocol: true });
    Entry { tls: None, proxies, turns: Arc::default() }
}

/// What becomes of a connection whose peer sends these bytes and no more: its caller, and whom `admit` heard of.
async fn pass(entry: &Entry, bytes: &[u8], metrics: &Metrics, admits: bool) -> (Option<Caller>, Option<Caller>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    client.write_all(bytes).await.unwrap();
    let mut heard = None;
    let admit = |caller, _| {
        heard = Some(caller);
        admits.then_some(())
    };
    let passing = entry.pass(stream, peer, 100 * PATIENCE, metrics, admit);
    let entered = timeout(PATIENCE, passing).await.expect("it is not waited for more");
    (entered.map(|(entered, ())| entered.caller), heard)
}

#[tokio::test]
async fn only_whom_a_proxy_names_may_be_one_whose_headers_count() {
    let (entry, metrics) = (behind(Some(Written::X)), Metrics::default());
    let named = |client: &str| format!("PROXY TCP4 {client} 192.0.2.1 4711 80\r\n");
    let (caller, _) = pass(&entry, named("192.0.2.7").as_bytes(), &metrics, true).await;
    assert_eq!(caller, Some(Caller::Client("192.0.2.7:4711".parse().unwrap())));
    let (caller, _) = pass(&entry, named("127.0.0.9").as_bytes(), &metrics, true).await;
    assert_eq!(caller, Some(Caller::Hop("127.0.0.9:4711".parse().unwrap())), "another proxy before it");
    // Somebody without an address is behind a trusted one, and not it.
    let (caller, _) = pass(&entry, b"PROXY UNKNOWN\r\n", &metrics, true).await;
    assert!(matches!(caller, Some(Caller::Client(peer)) if peer.ip().is_loopback()), "{caller:?}");
    assert_eq!(metrics.proxy_failed.get(), 0);
    assert_eq!(pass(&entry, b"GET / HTTP/1.1\r\n\r\n", &metrics, true).await, (None, None));
    assert_eq!(metrics.proxy_failed.get(), 1);
    // What comes around the proxies speaks for nobody.
    let trusted = vec!["198.51.100.0/24".parse().unwrap()];
    let proxies = Arc::new(Proxies { trusted, written: Some(Written::X), protocol: true });
    let elsewhere = Entry { proxies, ..Entry::default() };
    assert_eq!(pass(&elsewhere, named("192.0.2.7").as_bytes(), &metrics, true).await, (None, None));
}

#[tokio::test]
async fn an_address_is_asked_for_before_tls_and_what_is_no_tls_is_counted() {
    let authority = Authority::new();
    authority.sign("own", |_| ());
    let tls = Some(Tls::new(&authority.files("own", None), Protocol::Http1).unwrap());
    let (entry, metrics) = (Entry { tls, ..Entry::default() }, Metrics::default());
    let (caller, heard) = pass(&entry, b"", &metrics, false).await;
    assert!(caller.is_none() && heard.is_some(), "it has said nothing yet");
    assert_eq!(metrics.tls_failed.get(), 0);
    assert!(pass(&entry, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", &metrics, true).await.0.is_none());
    assert_eq!((metrics.tls_failed.get(), metrics.proxy_failed.get()), (1, 0));
}

#[tokio::test]
async fn who_is_not_through_in_time_is_closed_and_counted() {
    let (entry, metrics) = (behind(None), Metrics::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let passing = entry.pass(stream, peer, Duration::from_millis(20), &metrics, |_, _| Some(()));
    assert!(timeout(PATIENCE, passing).await.expect("it has an end").is_none());
    assert_eq!((metrics.limits.get(Limit::HandshakeTimeout), metrics.proxy_failed.get()), (1, 0));
}

#[tokio::test]
async fn tls_is_computed_when_it_is_its_turn() {
    let authority = Authority::new();
    authority.sign("own", |_| ());
    let tls = Some(Tls::new(&authority.files("own", None), Protocol::Http1).unwrap());
    let (entry, metrics) = (Entry { tls, turns: Arc::new(Turns::new(1)), ..Entry::default() }, Metrics::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let mut passing = pin!(entry.pass(stream, peer, PATIENCE, &metrics, |_, _| Some(())));
    let meanwhile = poll_fn(|context| Poll::Ready(passing.as_mut().poll(context).is_pending()));
    assert!(entry.turns.take(meanwhile, &metrics).await);
    assert_eq!(metrics.limits.get(Limit::MaxHandshakes), 1, "the only turn was another's");
}
