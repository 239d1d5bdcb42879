//! Files with keys are read again when they change.

use std::time::Duration;

use serde_json::json;

use super::{Guarded, SECRET, now, signed};
use crate::harness::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_replaced_holds_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, SECRET).expect("the folder is there");
    let file = path.clone();
    let shop = Guarded::with(|config| {
        config.identity.secret = None;
        config.identity.secret_file = Some(file);
    })
    .await;
    let other: String = SECRET.chars().rev().collect();
    let made = |secret: &str| signed("ann", now() + 600, &json!({}), secret);
    let taken = async |secret: &str| {
        let header = format!("Bearer {}", made(secret));
        shop.ask("", &[("authorization", &header)]).await.is_ok()
    };
    let (mut open, _) = shop.enter(&made(SECRET)).await;
    assert!(!taken(&other).await);
    for (text, good, bad) in
        [(other.as_str(), &other, SECRET), ("short", &other, SECRET), (SECRET, &SECRET.to_owned(), &other)]
    {
        std::fs::write(&path, text).expect("the file is there");
        within("the new secret", async {
            let mut pause = tokio::time::interval(Duration::from_millis(20));
            while !taken(good).await || taken(bad).await {
                pause.tick().await;
            }
        })
        .await;
    }
    assert_eq!(super::subscribe(&mut open, json!({"name": "open"})).await, None, "who is in stays in");
}
