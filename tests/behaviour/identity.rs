//! Who gets in, as whom, to what, and for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto::auth;
use rialto::config::{Config, Secret};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::harness::{Bridge, Client, Heard, json_event, publish, within};

mod expiry;
mod files;
mod issuers;
mod limits;
mod permissions;
mod refresh;
mod refusals;
mod revocation;
mod session_token;

const SECRET: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";
const JSON: (&str, &str) = ("sec-websocket-protocol", "rialto.v1.json");
const ORIGIN: (&str, &str) = ("origin", "https://app.example");

const SCHEMA: &str = r#"syntax = "proto3";
package shop.v1;
import "rialto/v1/options.proto";
message OrderChannel {
  option (rialto.v1.channel) = { template: "order:{order_id}" history: 10 permissions: {
    subscribe: "order:{order_id}:read" history: "order:{order_id}:past" } };
  string order_id = 1;
}
message MineChannel {
  option (rialto.v1.channel) = { template: "mine:{owner}" permissions: { subscribe: "mine:{@sub}:{owner}" } };
  string owner = 1;
}
message OpenChannel { option (rialto.v1.channel) = { template: "open" }; }
message NewsChannel {
  option (rialto.v1.channel) = {
    template: "news" on_connect: ON_CONNECT_SUBSCRIBE permissions: { subscribe: "news:read" } };
}
message Noted {
  option (rialto.v1.event) = { type: "order.noted" channels: ["OrderChannel"] };
  string order_id = 1; string note = 2;
}
message Owned { option (rialto.v1.event) = { type: "owned" channels: ["MineChannel"] }; string owner = 1; }
message Opened { option (rialto.v1.event) = { type: "opened" channels: ["OpenChannel"] }; }
message Wrote { option (rialto.v1.event) = { type: "wrote" channels: ["NewsChannel"] }; }
message Letter { option (rialto.v1.event) = { type: "letter" }; string text = 1; }
message Say {
  option (rialto.v1.event) = { type: "say" channels: ["SessionChannel"] from: FROM_CLIENT route: ROUTE_HANDLER
    permissions: { send: "say:{room}:{@sub}" } };
  string session_id = 1; string room = 2;
}
"#;

/// A bridge that asks for tokens, for a schema with permissions.
pub(crate) struct Guarded {
    pub(crate) bridge: Bridge,
    folder: TempDir,
}

impl Guarded {
    pub(crate) async fn open() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.proto"), SCHEMA).expect("the folder is there");
        let path = folder.path().to_owned();
        let bridge = Bridge::with(|config| {
            config.schema = vec![path];
            config.identity.secret = Some(Secret::new(SECRET));
            change(config);
        })
        .await;
        Guarded { bridge, folder }
    }

    /// One that replays slowly, and a client of the user `u7` to whom a hundred notes are on their way; the first has come.
    pub(crate) async fn with_backlog() -> (Self, Client) {
        let shop = Self::with(|config| {
            config.limits.replay_bytes_per_second = 4 << 10;
            config.limits.replay_burst_bytes = 4 << 10;
        })
        .await;
        for number in 1..=100 {
            note(&shop, "1", &format!("{number}{}", "x".repeat(1_000))).await;
        }
        let (mut client, _) = shop.enter(&token("u7", &["order:1:read", "order:1:past"])).await;
        client.subscribe(json!({"name": "order:1"})).await;
        let epoch = client.next_on("order:1").await["data"]["head"]["epoch"].clone();
        client.subscribe(json!({"name": "order:1", "after": {"epoch": epoch, "sequence": 0}})).await;
        client.next_of("order.noted").await;
        (shop, client)
    }

    /// Asks for an upgrade with these headers.
    pub(crate) async fn ask(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Client, (u16, Value)> {
        let address = self.bridge.addresses.listen;
        let stream = within("the TCP connection", TcpStream::connect(address)).await.expect("the port is open");
        Client::ask(stream, address, query, headers).await
    }

    /// A plain connection of this token, and its ack's data.
    pub(crate) async fn enter(&self, token: &str) -> (Client, Value) {
        let header = format!("Bearer {token}");
        let mut client = self.ask("", &[("authorization", &header)]).await.expect("an upgrade");
        let ack = client.next_of("connection.ack").await;
        (client, ack["data"].clone())
    }

    /// A connection that says its token in the first frame.
    pub(crate) async fn init(&self, query: &str, token: &str) -> Client {
        let mut client = self.ask(query, &[JSON]).await.expect("an upgrade");
        client.send(json!({"type": "connection.init", "id": "i", "data": {"token": token}})).await;
        client
    }
}

/// A token of this user for ten minutes, with these permissions.
pub(crate) fn token(user: &str, permissions: &[&str]) -> String {
    claims(user, Duration::from_secs(600), &json!({ "permissions": permissions }))
}

/// A token of this user that is still good for so long, with these claims.
pub(crate) fn claims(user: &str, life: Duration, more: &Value) -> String {
    signed(user, now() + life.as_secs(), more, SECRET)
}

/// A token that ends at this second, signed with this secret.
pub(crate) fn signed(user: &str, ends: u64, more: &Value, secret: &str) -> String {
    let mut claims = Map::from_iter([("sub".to_owned(), json!(user)), ("exp".to_owned(), json!(ends))]);
    claims.extend(more.as_object().cloned().unwrap_or_default());
    auth::mint(&claims, secret.as_bytes()).expect("a secret of enough bytes")
}

/// The seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than that").as_secs()
}

/// The code of the error that answers this subscription. `None`: it is subscribed.
pub(crate) async fn subscribe(client: &mut Client, subscription: Value) -> Option<u64> {
    client.subscribe(subscription).await;
    loop {
        let frame = client.next().await;
        if frame["replyTo"] == "s" {
            return frame["data"]["code"].as_u64();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_leads_to_the_same_user() {
    let shop = Guarded::with(|config| {
        config.identity.cookie = Some("app".to_owned());
        config.identity.in_query = true;
        config.allowed_origins = vec![ORIGIN.1.to_owned()];
    })
    .await;
    let token = token("u 7", &["order:*:read", "news:read"]);
    let header = format!("bearer {token}");
    let cookie = format!("other=1; app={token}; app2=x");
    let query = format!("?token={token}");
    type Headers<'a> = &'a [(&'static str, &'a str)];
    let table: [(&str, Headers<'_>); 6] = [
        ("", &[("authorization", &header)]),
        ("", &[("authorization", "Basic eDp5"), ("cookie", &cookie), ORIGIN]),
        (&query, &[]),
        ("", &[("authorization", &header), JSON]),
        ("", &[("cookie", &cookie), ORIGIN, JSON]),
        ("", &[JSON]),
    ];
    for (query, headers) in table {
        let mut client = shop.ask(query, headers).await.expect("an upgrade");
        if headers.contains(&JSON) {
            // The last one has said nothing yet; a second token of the same user harms nobody.
            let data = if headers.len() == 1 { json!({ "token": token }) } else { json!({}) };
            client.send(json!({"type": "connection.init", "data": data})).await;
        }
        let ack = client.next().await;
        assert_eq!(ack["type"], "connection.ack", "{headers:?}");
        assert_eq!(ack["data"]["userId"], "u 7", "{headers:?}");
        assert_eq!(ack["data"]["permissions"], json!(["order:*:read", "news:read"]), "{headers:?}");
        let mut channels = Vec::new();
        while channels.len() < 4 {
            channels
                .push(client.next_of("channel.subscribed").await["data"]["channel"].as_str().unwrap_or("").to_owned());
        }
        channels.sort_unstable();
        let session = ack["data"]["sessionId"].as_str().expect("a session");
        let session = format!("session:{}", session.replace(':', "%3A"));
        assert_eq!(channels, ["news", &session, "system", "user:u 7"], "{headers:?}");
        assert_eq!(subscribe(&mut client, json!({"name": "order:1"})).await, None);
        assert_eq!(subscribe(&mut client, json!({"name": "nothing:1"})).await, Some(4006));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_get_what_is_theirs_and_nothing_of_each_other() {
    let shop = Guarded::open().await;
    let mut publisher = shop.bridge.publisher().await;
    let (ann, ack) = shop.enter(&token("ann", &[])).await;
    let (bob, _) = shop.enter(&token("bob", &["*"])).await;
    let (mut ann, mut bob) = (ann, bob);
    let session = ack["sessionId"].as_str().expect("a session").replace(':', "%3A");
    for taken in ["user:ann".to_owned(), format!("session:{session}")] {
        assert_eq!(subscribe(&mut bob, json!({ "name": taken })).await, Some(4003), "{taken}");
    }
    // Neither does a session's id lead there, whoever names it.
    for asked in [&session, "ann", ack["sessionId"].as_str().unwrap_or("")] {
        let mut thief = shop.init(&format!("?session_id={asked}"), &token("bob", &["*"])).await;
        let bound = thief.next_of("connection.ack").await["data"]["sessionId"].clone();
        assert!(bound.as_str().is_some_and(|bound| bound.starts_with("bob:")), "{asked} became {bound}");
    }
    for (channel, text) in [
        ("user:ann", "a"),
        ("user:bob", "b"),
        (&format!("session:{session}"), "s"),
        ("system", "all"),
        ("user:ann", "end"),
        ("user:bob", "end"),
    ] {
        let mut letter = json_event("letter", &json!({ "text": text }));
        letter.channels = vec![channel.to_owned()];
        let answer = publisher.publish(rialto::proto::rialto::v1::PublishRequest { event: Some(letter) }).await;
        // A private event goes to users and sessions, not to everybody.
        assert_eq!(answer.is_err(), channel == "system", "{channel}: {answer:?}");
    }
    for (client, expected) in [(&mut ann, ["a", "end", "s"]), (&mut bob, ["b", "end", ""])] {
        let mut texts = Vec::new();
        while texts.len() < expected.iter().filter(|text| !text.is_empty()).count() {
            texts.push(client.next_of("letter").await["data"]["text"].as_str().unwrap_or("").to_owned());
        }
        texts.sort_unstable();
        let expected: Vec<&str> = expected.into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(texts, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_kept_by_its_user_and_by_its_token() {
    let shop = Guarded::open().await;
    let ann = token("ann", &[]);
    let mut client = shop.init("?session_id=t1", &ann).await;
    let session = client.next_of("connection.ack").await["data"]["sessionId"].clone();
    assert_eq!(session, "ann:t1");
    // It comes back as it was told, as clients do after a cut.
    let mut again = shop.init("?session_id=ann:t1", &ann).await;
    assert_eq!(again.next_of("connection.ack").await["data"]["sessionId"], session);

    let bound = claims("ann", Duration::from_secs(60), &json!({"sid": "s9"}));
    let header = format!("Bearer {bound}");
    let mut client = shop.ask("", &[("authorization", &header)]).await.expect("an upgrade");
    assert_eq!(client.next().await["data"]["sessionId"], "s9");
    let (status, body) = shop.ask("?session_id=s8", &[("authorization", &header)]).await.err().expect("no upgrade");
    assert_eq!((status, &body["details"][0]["reason"]), (403, &json!("permission_denied")));
    let mut client = shop.init("?session_id=s8", &bound).await;
    assert_eq!(client.close_code().await, Some(4003));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_everybody_is_nobody_and_may_do_everything_but_be_somebody() {
    let bridge = Bridge::start().await;
    let mut client = Client::open(bridge.addresses.listen, "?session_id=t1", None).await;
    let ack = client.next().await["data"].clone();
    assert_eq!((&ack["userId"], &ack["sessionId"], &ack["permissions"]), (&json!(""), &json!("t1"), &json!(["*"])));
    for (channel, code) in
        [("project:42", None), ("user:u7", Some(4003)), ("session:t2", Some(4003)), ("session:t1", None)]
    {
        assert_eq!(subscribe(&mut client, json!({ "name": channel })).await, code, "{channel}");
    }
    // A token that nobody asked for is nobody's.
    let mut client = Client::open(bridge.addresses.listen, "", Some("rialto.v1.json")).await;
    client.send(json!({"type": "connection.init", "data": {"token": "x"}})).await;
    assert_eq!(client.next().await["data"]["userId"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_cannot_be_used_keeps_the_bridge_from_starting() {
    let config = Config { identity: Default::default(), ..Config::default() };
    for (secret, why) in [("short", "at least 32"), ("changemechangemechangemechangeme", "openssl rand")] {
        let mut config = config.clone();
        config.identity.secret = Some(Secret::new(secret));
        let started = rialto::app::run(config, rialto::app::Options::default(), async {}).await;
        let error = started.expect_err("no bridge").to_string();
        assert!(error.contains("--jwt-secret") && error.contains(why) && !error.contains(secret), "{error}");
    }
}

/// What a client heard until its end: event types, and the close code.
pub(crate) async fn until_closed(client: &mut Client) -> (Vec<String>, Option<u16>) {
    let mut types = Vec::new();
    loop {
        match client.heard().await {
            Heard::Frame(frame) => types.push(frame["type"].as_str().unwrap_or("").to_owned()),
            Heard::Binary(frame) => types.push(frame.r#type),
            Heard::Closed(close) => return (types, close.map(|close| close.code.into())),
            Heard::Cut => return (types, None),
        }
    }
}

/// Publishes a note in this order's channel.
pub(crate) async fn note(shop: &Guarded, order: &str, note: &str) -> u64 {
    let mut publisher = shop.bridge.publisher().await;
    publish(&mut publisher, json_event("order.noted", &json!({"orderId": order, "note": note}))).await.sequence
}
