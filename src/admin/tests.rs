//! Raw HTTP to the real port on its real thread.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::auth::{Full, Subject};
use crate::ingest::fixture::{Fixture, shop};
use crate::net::entry::Entry;
use crate::net::listen;
use crate::revision::{Asker, Breaking, DryRun, ReloadError, ReloadRequest, Reloaded, Reloads};
use crate::schema::compare::{Change, Rule, Severity};
use crate::schema::{LoadError, Mistake};

mod publishing;

const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody is connected here.
struct Nobody;

impl Doorkeeper for Nobody {
    fn disconnect(&self, _: Subject) -> Later<usize> {
        Box::pin(async { 0 })
    }

    fn revoke(&self, _: Subject) -> Later<std::result::Result<(Option<SystemTime>, usize), Full>> {
        Box::pin(async { Err(Full { max: 7 }) })
    }
}

struct Node {
    ready: AtomicBool,
}

impl Gauges for Node {
    fn health(&self) -> Health {
        Health {
            node: "n-1".into(),
            version: "0".into(),
            fingerprint: "f".into(),
            uptime_seconds: 0,
            started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
            connections: 3,
            subscriptions: 7,
            channels: 0,
        }
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn list_channels(&self, _query: &Query) -> Listing {
        Listing::default()
    }

    fn observe(&self) -> Observed {
        crate::metrics::tests::observed()
    }
}

struct Running {
    fixture: Fixture,
    node: Arc<Node>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    reloads: Reloads,
    served: JoinHandle<io::Result<()>>,
}

fn start() -> Running {
    start_with(shop())
}

fn start_with(fixture: Fixture) -> Running {
    let node = Arc::new(Node { ready: AtomicBool::new(true) });
    let listener = listen("127.0.0.1:0".parse().unwrap(), "--admin").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let (ingest, gauges) = (fixture.ingest.clone(), node.clone());
    let reloads = Reloads::default();
    let reload = reloads.handle();
    let (doorkeeper, entry) = (Arc::new(Nobody), Entry::default());
    let (limits, config) = (ConnectionLimits::new(100, 100), http::Config::default());
    let (allowed_hosts, token) = (Vec::new(), None);
    let admin = Admin { listener, ingest, gauges, doorkeeper, reload, entry, limits, config, allowed_hosts, token };
    let served = spawn(admin, stopping).unwrap();
    Running { fixture, node, address, stop, served, reloads }
}

struct Answered {
    status: u16,
    head: String,
    body: Value,
}

impl Running {
    async fn send(&self, request: &[u8]) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A refusal may come before all is written.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer and the end");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        Answered { status, head: head.to_ascii_lowercase(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    async fn get(&self, method_and_path: &str) -> Answered {
        self.send(format!("{method_and_path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())
            .await
    }

    async fn post(&self, path: &str, headers: &str, body: &str) -> Answered {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.send(format!("{head}{body}").as_bytes()).await
    }

    async fn publish_with(&self, headers: &str, body: &str) -> Answered {
        self.post("/v1/publish", headers, body).await
    }

    async fn publish(&self, body: &str) -> Answered {
        self.publish_with("content-type: application/json\r\n", body).await
    }
}

#[tokio::test]
async fn health_has_the_figures_and_ready_follows_the_node() {
    let running = start();
    let health = running.get("GET /health").await;
    assert_eq!(health.status, 200);
    assert_eq!(
        health.body,
        json!({ "status": "ok", "node": "n-1", "version": "0", "fingerprint": "f", "uptimeSeconds": 0,
                "connections": 3, "subscriptions": 7, "channels": 0 })
    );
    assert!(health.head.contains("cache-control: no-store"));
    let ready = running.get("GET /ready").await;
    assert_eq!((ready.status, ready.body), (200, json!({ "status": "ready" })));
    running.node.ready.store(false, Ordering::Relaxed);
    let ready = running.get("GET /ready").await;
    assert_eq!((ready.status, ready.body), (503, json!({ "status": "not ready" })));
}

#[tokio::test]
async fn the_demo_page_may_publish_on_its_own_port() {
    let fixture = shop();
    let listener = listen("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopping) = watch::channel(false);
    let router = publish_routes(fixture.ingest.clone(), Guard::same_origin(Vec::new()), None).unwrap();
    tokio::spawn(Server::new(listener, router).serve(stopping));
    let body = r#"{"type":"order.shipped","data":{"orderId":"a"}}"#;
    for (origin, status) in [(format!("http://{address}"), "200"), ("http://evil.example".into(), "403")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST /v1/publish HTTP/1.1\r\nhost: {address}\r\norigin: {origin}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer[9..12], status, "{answer}");
    }
}

#[tokio::test]
async fn the_thread_ends_when_it_is_stopped() {
    let running = start();
    running.stop.send(true).unwrap();
    let joined = tokio::task::spawn_blocking(|| running.served.join());
    timeout(PATIENCE, joined).await.expect("the thread ends").unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn the_admin_service_answers_json_and_keeps_pages_out() {
    let running = start();
    let path = "/rialto.v1.AdminService/GetNode";
    let json_type = "content-type: application/json\r\n";
    let answer = running.post(path, json_type, "{}").await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "node": "n-1", "version": "0", "fingerprint": "f", "started": "1970-01-01T00:00:01.500Z",
        "connections": 3, "subscriptions": 7, "channels": 0, "revision": 23,
    });
    assert_eq!(answer.body, expected);
    let wrong = running.post(path, json_type, r#"{"nodes":1}"#).await;
    assert_eq!((wrong.status, &wrong.body["code"]), (400, &json!("INVALID_ARGUMENT")));
    assert!(wrong.body["message"].as_str().unwrap().contains("nodes"), "{}", wrong.body);
    let page = running.post(path, &format!("{json_type}origin: http://evil.example\r\n"), "{}").await;
    assert_eq!(page.status, 403);
    assert_eq!(running.post(path, "", "{}").await.status, 415);
    assert_eq!(running.get(&format!("GET {path}")).await.status, 405);
}

#[tokio::test]
async fn a_reload_is_asked_for_and_its_outcome_told_in_full() {
    let mut running = start();
    let mistake = |line| Mistake {
        file: "shop/v1/shop.proto".into(),
        line,
        column: line,
        message: "no".into(),
        advice: "write yes".into(),
    };
    let change = Change {
        severity: Severity::Breaking,
        rule: Rule::EventRemoved,
        file: "shop/v1/old.proto".into(),
        line: Some(9),
        column: None,
        message: "\"hint\" is gone".into(),
        why: "somebody waits",
        advice: String::new(),
    };
    let done = Reloaded {
        fingerprint: "f2".into(),
        revision: 24,
        changed: true,
        warnings: vec![mistake(Some(7))],
        breaking: vec![change.clone()],
        ended_subscriptions: 2,
    };
    let as_json =
        json!({ "file": "shop/v1/shop.proto", "line": 7, "column": 7, "message": "no", "advice": "write yes" });
    let table = [
        (r#"{"allowBreaking":true}"#, Breaking::Allowed, DryRun::No, Ok(done)),
        (
            "{}",
            Breaking::Refused,
            DryRun::No,
            Err(ReloadError::Broken(LoadError { mistakes: vec![mistake(Some(7))], may_hide_more: false })),
        ),
        (
            r#"{"dryRun":true}"#,
            Breaking::Refused,
            DryRun::Yes,
            Err(ReloadError::Breaking { changes: vec![change], subscriptions: 3 }),
        ),
        ("{}", Breaking::Refused, DryRun::No, Err(ReloadError::Stopping)),
    ];
    let change_as_json = json!({ "rule": "event-removed", "file": "shop/v1/old.proto", "line": 9,
                                 "message": "\"hint\" is gone", "why": "somebody waits" });
    let mut change_in_full = change_as_json.clone();
    change_in_full["advice"] = "".into();
    let expected = [
        (
            200,
            json!({ "fingerprint": "f2", "revision": 24, "changed": true, "warnings": [as_json],
                      "breaking": [change_in_full], "endedSubscriptions": 2 }),
        ),
        (
            400,
            json!({ "@type": "type.googleapis.com/rialto.v1.SchemaMistakes", "mistakes": [as_json], "complete": true }),
        ),
        (
            400,
            json!({ "@type": "type.googleapis.com/rialto.v1.BreakingChanges", "changes": [change_as_json],
                      "subscriptions": 3 }),
        ),
        (503, Value::Null),
    ];
    for ((body, breaking, dry_run, outcome), (status, told)) in table.into_iter().zip(expected) {
        let mut reloads = std::mem::take(&mut running.reloads);
        let asking = running.post("/rialto.v1.AdminService/ReloadSchema", "content-type: application/json\r\n", body);
        let answering = async {
            let (request, answer) = timeout(PATIENCE, reloads.next()).await.unwrap();
            assert_eq!(request, ReloadRequest { breaking: Some(breaking), dry_run, asker: Asker::Admin });
            answer.send(outcome);
            reloads
        };
        let (answered, reloads) = tokio::join!(asking, answering);
        running.reloads = reloads;
        assert_eq!(answered.status, status, "{}", answered.body);
        let body = if status == 200 { answered.body } else { answered.body["details"][1].clone() };
        assert_eq!(body, told);
    }
}
