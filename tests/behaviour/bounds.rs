//! Bounds that a peer runs into, by a key of their own or fixed: each refuses with its code and is counted under its name.

use std::time::Duration;

use futures_util::StreamExt as _;
use rialto::proto::rialto::v1::PublishRequest;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_stream::iter;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::harness::{Bridge, Client, Heard, json_event, within};
use crate::http::call;
use crate::identity::{Guarded, claims, token};
use crate::metrics::{expect, scrape};

const JSON: (&str, &str) = ("content-type", "application/json");
const PUBLISH: &str = "/v1/publish";

/// How often this limit was hit.
pub(crate) fn hits(limit: &str) -> String {
    format!("rialto_limit_hits_total{{limit=\"{limit}\"}}")
}

async fn expect_hits(bridge: &Bridge, limit: &str, count: f64) {
    expect(bridge, &[(&hits(limit), count)]).await;
}

async fn channel(bridge: &Bridge) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", bridge.addresses.grpc)).expect("a URL");
    within("a connection", endpoint.connect()).await.expect("gRPC is up")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_over_http_has_as_many_events_as_the_configuration_says() {
    let bridge = Bridge::with(|config| config.limits.max_publish_request_events = 2).await;
    let admin = bridge.addresses.admin;
    let array = |count: usize| json!(vec![json!({"type": "system.heartbeat"}); count]).to_string();
    assert_eq!(call(admin, "POST", PUBLISH, &[JSON], &array(2)).await.status, 200);
    let refused = call(admin, "POST", PUBLISH, &[JSON], &array(3)).await;
    assert_eq!((refused.status, &*refused.reason()), (413, "TOO_MANY_EVENTS"), "{}", refused.text);
    assert!(refused.text.contains("more than 2 events"), "{}", refused.text);
    expect_hits(&bridge, "max-publish-request-events", 1.0).await;
    let accepted = "rialto_events_published_total{type=\"system.heartbeat\"}";
    expect(&bridge, &[(accepted, 2.0)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_given_up_at_its_deadline() {
    let bridge = Bridge::with(|config| config.limits.body_timeout = Duration::from_millis(300)).await;
    let admin = bridge.addresses.admin;
    for path in [PUBLISH, "/rialto.v1.AdminService/GetNode"] {
        let mut stream = TcpStream::connect(admin).await.expect("the port is open");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.expect("it is");
        let mut answer = String::new();
        within("an answer", stream.read_to_string(&mut answer)).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("BODY_TIMEOUT"), "{answer}");
        assert!(answer.contains("longer than 300 ms"), "{answer}");
    }
    expect_hits(&bridge, "body-timeout", 2.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_as_long_as_the_configuration_says_whichever_way_it_comes() {
    let short = token("ann", &[]);
    let long = claims("ann", Duration::from_secs(600), &json!({"x": "y".repeat(300)}));
    let most = long.len() - 1;
    let shop = Guarded::with(|config| config.identity.bounds.token_bytes = most).await;
    let (status, body) = shop.ask("", &[("authorization", &format!("Bearer {long}"))]).await.err().expect("no upgrade");
    assert_eq!((status, &body["details"][0]["metadata"]["code"]), (401, &json!("4001")), "{body}");
    let expected = format!("the token has {} bytes, more than the limit of {most}", long.len());
    assert_eq!(body["message"], json!(expected));
    assert_eq!(shop.init("", &long).await.close_code().await, Some(4001));
    shop.enter(&short).await;
    expect_hits(&shop.bridge, "token-max-bytes", 2.0).await;
    let roomier = Guarded::with(|config| config.identity.bounds.token_bytes = most + 1).await;
    roomier.enter(&long).await;
    expect_hits(&roomier.bridge, "token-max-bytes", 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_told_to_go_on_the_publishers_port_is_cut_after_the_grace() {
    // Longer than a test waits for anything by default: the key decides.
    for (grace, is_cut) in [(Duration::from_millis(200), true), (Duration::from_secs(3_600), false)] {
        let bridge = Bridge::with(|config| {
            config.limits.grpc_idle_timeout = Duration::from_millis(200);
            config.limits.grpc_close_timeout = grace;
        })
        .await;
        let mut health = HealthClient::new(channel(&bridge).await);
        let mut watched = health.watch(HealthCheckRequest::default()).await.expect("health is up").into_inner();
        within("the health", watched.message()).await.expect("it is told").expect("a status");
        expect_hits(&bridge, "grpc-idle-timeout", 1.0).await;
        if is_cut {
            within("the watch ends", async { while let Ok(Some(_)) = watched.message().await {} }).await;
            expect_hits(&bridge, "grpc-close-timeout", 1.0).await;
        } else {
            assert_eq!(scrape(&bridge).await[&*hits("grpc-close-timeout")], 0.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_sensible_or_pings_without_end_is_told_and_counted() {
    let bridge = Bridge::with(|config| {
        (config.limits.commands_per_second, config.limits.commands_burst) = (10_000, 10_000);
    })
    .await;
    let mut babbling = bridge.connect().await;
    for _ in 0..100 {
        babbling.send(json!({"type": "no.such.thing"})).await;
    }
    assert_eq!(babbling.close_code().await, Some(4500));
    expect_hits(&bridge, "invalid-frames", 1.0).await;
    let mut pinging = bridge.connect().await;
    // A hundred at once and twenty a second get their pong; a thousand without one end the connection.
    assert_eq!(pinging.ping_until_closed(20_000).await, Some(4004));
    let told = scrape(&bridge).await;
    assert!(told[&*hits("pings-per-second")] >= 1_000.0, "{}", told[&*hits("pings-per-second")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_refreshes_are_all_refused_ends_and_is_counted() {
    let shop = Guarded::open().await;
    let (mut client, _) = shop.enter(&token("ann", &[])).await;
    for round in 1..=9 {
        client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": "no token"}})).await;
        let error = client.next_of("error").await;
        assert_eq!((&error["replyTo"], &error["data"]["code"]), (&json!("r"), &json!(4001)), "round {round}");
    }
    client.send(json!({"type": "connection.refresh", "id": "r", "data": {"token": "no token"}})).await;
    assert_eq!(client.close_code().await, Some(4001));
    expect_hits(&shop.bridge, "refused-refreshes", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_to_reflection_has_room_for_a_name_and_not_for_a_book() {
    let bridge = Bridge::start().await;
    let mut reflection = ServerReflectionClient::new(channel(&bridge).await);
    let mut ask = async |bytes: usize| {
        let message_request = Some(MessageRequest::FileContainingSymbol("x".repeat(bytes)));
        let question = ServerReflectionRequest { host: String::new(), message_request };
        let mut answers = reflection.server_reflection_info(iter([question])).await?.into_inner();
        within("an answer", answers.next()).await.expect("an answer")
    };
    ask(16_000).await.expect("a symbol that is not there is an answer like any other");
    let refused = ask(17_000).await.expect_err("too long");
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("ask for one file"), "{refused}");
    expect_hits(&bridge, "reflection-request-bytes", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_rules_would_cost_too_much_is_counted() {
    const SCHEMA: &str = r#"syntax = "proto3";
package costly.v1;
import "buf/validate/validate.proto";
import "rialto/v1/options.proto";
message Costly {
  option (rialto.v1.event) = { type: "costly" channels: ["AllChannel"] };
  option (buf.validate.message).cel = {
    id: "all.pairs" message: "must be sorted"
    expression: "this.numbers.all(a, this.numbers.all(b, a <= b || b <= a))" };
  repeated int32 numbers = 1;
}
message AllChannel { option (rialto.v1.channel) = { template: "all" }; }
"#;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("costly.proto"), SCHEMA).expect("the folder is there");
    let path = folder.path().to_owned();
    let bridge = Bridge::with(|config| config.schema = vec![path]).await;
    let mut publisher = bridge.publisher().await;
    let mut publish = async |count: usize| {
        let event = json_event("costly", &json!({"numbers": vec![7; count]}));
        publisher.publish(PublishRequest { event: Some(event) }).await
    };
    publish(3).await.expect("three numbers are nine pairs");
    let refused = publish(3_000).await.expect_err("nine million are too many");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("too large for its rule"), "{refused}");
    expect_hits(&bridge, "rule-budget", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_http2s_own_frames_ends_its_connection_and_is_counted() {
    const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // `:method: POST`, `:scheme: http`, `:path: /`, `:authority: a`, all but the last by the static table.
    const HEADERS: &[u8] = b"\x83\x86\x84\x41\x01a";
    let bridge = Bridge::start().await;
    let mut stream = TcpStream::connect(bridge.addresses.grpc).await.expect("the port is open");
    let mut flood = OPENING.to_vec();
    for stream_id in (1_u32..4_000).step_by(2) {
        let id = stream_id.to_be_bytes();
        flood.extend_from_slice(&[0, 0, HEADERS.len() as u8, 1, 4]);
        flood.extend_from_slice(&id);
        flood.extend_from_slice(HEADERS);
        // RST_STREAM with CANCEL.
        flood.extend_from_slice(&[0, 0, 4, 3, 0]);
        flood.extend_from_slice(&id);
        flood.extend_from_slice(&[0, 0, 0, 8]);
    }
    // It may be cut before all is sent.
    let _ = stream.write_all(&flood).await;
    let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
    expect_hits(&bridge, "http2-floods", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_heeds_no_rate_is_closed_and_counted_with_the_rate_that_was_in_the_way() {
    for (limit, other) in
        [("commands-per-second", "user-commands-per-second"), ("user-commands-per-second", "commands-per-second")]
    {
        let shop = Guarded::with(|config| {
            let limits = &mut config.limits;
            let (own, user) = if limit == "commands-per-second" { (1, 100_000) } else { (100_000, 1) };
            (limits.commands_per_second, limits.commands_burst) = (own, own);
            (limits.user_commands_per_second, limits.user_commands_burst) = (user, user);
        })
        .await;
        let (mut client, _) = shop.enter(&token("ann", &[])).await;
        let mut refused = 0;
        let code = loop {
            client.send(json!({"type": "connection.heartbeat", "id": "h", "data": {}})).await;
            let closed = loop {
                match client.heard().await {
                    Heard::Frame(frame) if frame["replyTo"] == "h" => {
                        refused += u32::from(frame["type"] == "error");
                        break None;
                    }
                    Heard::Frame(_) => {}
                    Heard::Closed(close) => break Some(close.map(|close| u16::from(close.code))),
                    other => panic!("{other:?}"),
                }
            };
            if let Some(code) = closed {
                break code;
            }
        };
        assert_eq!(code, Some(4004), "{limit}");
        // The last one was not answered any more.
        expect(&shop.bridge, &[(&hits(limit), f64::from(refused + 1)), (&hits(other), 0.0)]).await;
    }
}

impl Client {
    /// Pings, so many times at most, until the bridge has closed the connection; its code.
    async fn ping_until_closed(&mut self, most: usize) -> Option<u16> {
        for _ in 0..most {
            if self.ping().await.is_err() {
                break;
            }
        }
        self.close_code().await
    }
}
