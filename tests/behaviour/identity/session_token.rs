//! The session token: one secret for everybody, beside an issuer or alone.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{Guarded, JSON, subscribe, token};
use crate::harness::within;

const TOKEN: &str = "Wm3x-9QeT7uVbY1kLs0Hd_5RfGz8NjPc2aKoXiCy4Bt";

async fn shop(file: &Path, with_keys: bool) -> Guarded {
    std::fs::write(file, TOKEN).expect("the folder is there");
    let file = file.to_owned();
    Guarded::with(move |config| {
        config.identity.session_token_file = Some(file);
        config.limits.max_connections_per_user = 2;
        if !with_keys {
            config.identity.secret = None;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_it_gets_in_by_every_way_and_nobody_else_does() {
    let folder = tempfile::tempdir().expect("a folder");
    for with_keys in [false, true] {
        let shop = shop(&folder.path().join("token"), with_keys).await;
        let bearer = format!("Bearer {TOKEN}");
        let mut clients = Vec::new();
        // More than a user may have, as they need not be one.
        for headers in [("x-session-token", TOKEN), ("authorization", bearer.as_str())] {
            clients.push(shop.ask("", &[headers]).await.expect("an upgrade"));
        }
        clients.push(shop.init("", TOKEN).await);
        for client in &mut clients {
            let ack = client.next_of("connection.ack").await["data"].clone();
            assert_eq!((&ack["userId"], &ack["permissions"]), (&json!("session-token"), &json!(["*"])));
            assert!(ack["sessionId"].as_str().is_some_and(|session| session.starts_with("session-token:")), "{ack}");
            assert_eq!(subscribe(client, json!({"name": "order:1"})).await, None);
            assert_eq!(subscribe(client, json!({"name": "user:ann"})).await, Some(4003), "others' are others'");
        }
        // The same again: a refresh by who never needs one.
        clients[0].send(json!({"type": "connection.refresh", "id": "r", "data": {"token": TOKEN}})).await;
        assert_eq!(clients[0].next_of("connection.refreshed").await["replyTo"], "r");
        let wrong = &TOKEN[1..];
        let table = [
            (vec![("x-session-token", wrong)], "invalid_token"),
            (vec![("x-session-token", wrong), ("authorization", bearer.as_str())], "invalid_token"),
            (vec![("x-session-token", wrong), JSON], "invalid_token"),
            (vec![("authorization", "Bearer x")], "invalid_token"),
            (vec![], "no_credentials"),
        ];
        for (headers, reason) in table {
            let (status, answer) = shop.ask("", &headers).await.err().expect("a refusal");
            assert_eq!((status, &answer["details"][0]["reason"]), (401, &json!(reason)), "{headers:?}");
            assert!(!answer.to_string().contains(wrong), "{answer}");
        }
        for (shown, code) in [(wrong, 4001), ("", 4501)] {
            let mut client = shop.init("", shown).await;
            assert_eq!(client.close_code().await, Some(code), "{shown:?}");
        }
        // An issuer's users are what they were, and none of them is this one.
        assert_eq!(shop.init("", &token("session-token", &["*"])).await.close_code().await, Some(4001));
        if with_keys {
            let (_, ack) = shop.enter(&token("ann", &[])).await;
            assert_eq!((&ack["userId"], &ack["permissions"]), (&json!("ann"), &json!([])));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_changes_the_token_and_one_that_is_broken_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let shop = shop(&path, false).await;
    let other: String = TOKEN.chars().rev().collect();
    let taken = async |token: &str| shop.ask("", &[("x-session-token", token)]).await.is_ok();
    let mut open = shop.ask("", &[("x-session-token", TOKEN)]).await.expect("an upgrade");
    for (text, good, bad) in [(other.as_str(), other.as_str(), TOKEN), ("short", &other, TOKEN), (TOKEN, TOKEN, &other)]
    {
        std::fs::write(&path, text).expect("the file is there");
        shop.bridge.reread.ask();
        within("the token that counts", async {
            let mut pause = tokio::time::interval(Duration::from_millis(20));
            while !taken(good).await || taken(bad).await {
                pause.tick().await;
            }
        })
        .await;
    }
    assert_eq!(subscribe(&mut open, json!({"name": "open"})).await, None, "who is in stays in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_revoked_stays_so_and_the_next_one_lets_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let shop = shop(&path, false).await;
    let other: String = TOKEN.chars().rev().collect();
    let shown = async |token: &str| shop.ask("", &[("x-session-token", token)]).await.err();
    let (status, _) = shop.bridge.admin("Revoke", &json!({"user": "session-token"})).await;
    assert_eq!(status, 200);
    // Written again as it was, it is the same.
    for (text, reason) in [(TOKEN, "revoked"), (other.as_str(), "invalid_token")] {
        std::fs::write(&path, text).expect("the file is there");
        shop.bridge.reread.ask();
        within("what the old one is worth", async {
            let mut pause = tokio::time::interval(Duration::from_millis(20));
            while shown(TOKEN).await.expect("it is refused").1["details"][0]["reason"] != reason {
                pause.tick().await;
            }
        })
        .await;
    }
    assert_eq!(shown(&other).await, None, "the new one");
}
