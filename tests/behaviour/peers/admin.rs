//! The internal port's token, and what is on which port.

use std::io::Write as _;

use serde_json::json;

use super::*;

const TOKEN: &str = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";

fn token_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{TOKEN}").expect("room for it");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_token_the_internal_port_answers_probes_alone_without_it() {
    let file = token_file();
    let bridge = Bridge::with(|config| config.peers.admin_token = Some(file.path().to_owned())).await;
    let admin = bridge.addresses.admin;
    let json = ("content-type", "application/json");
    let right = format!("Bearer {TOKEN}");
    let calls = [
        ("GET", "/metrics", ""),
        ("POST", "/rialto.v1.AdminService/GetNode", "{}"),
        ("POST", "/rialto.v1.AdminService/ListChannels", "{}"),
        ("POST", "/rialto.v1.AdminService/ReloadSchema", "{\"dryRun\":true}"),
        ("POST", "/v1/publish", "{\"type\":\"system.heartbeat\"}"),
    ];
    for (method, path, body) in calls {
        for wrong in [vec![], vec![("authorization", "Bearer kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6f")]] {
            let headers: Vec<_> = wrong.into_iter().chain([json]).collect();
            let answer = call(admin, method, path, &headers, body).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{path}");
        }
        let answer = call(admin, method, path, &[("authorization", &right), json], body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let metrics = call(admin, "GET", "/metrics", &[("authorization", &right)], "").await.text;
    for reason in ["missing_credentials", "unknown_token"] {
        let line = format!("rialto_internal_refused_total{{reason=\"{reason}\"}} {}\n", calls.len());
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
    for probe in ["/health", "/ready"] {
        assert_eq!(call(admin, "GET", probe, &[], "").await.status, 200, "{probe}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_publishers_are_listed_the_ports_own_token_does_not_publish() {
    let file = token_file();
    let listed = Listed::with(&entry("billing", BILLING, EVERYTHING), |config| {
        config.peers.admin_token = Some(file.path().to_owned());
    })
    .await;
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(listed.post(&[("authorization", &bearer(TOKEN))], &heartbeat()).await.status, 401);
    assert_eq!(listed.post(&[("authorization", &bearer(BILLING))], &heartbeat()).await.status, 200);
    let publishers = bearer(BILLING);
    let metrics = call(listed.bridge.addresses.admin, "GET", "/metrics", &[("authorization", &publishers)], "").await;
    assert_eq!(metrics.status, 401, "nor does a publisher's operate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_port_has_nothing_of_the_others() {
    let bridge = Bridge::start().await;
    let json = ("content-type", "application/json");
    let paths = [
        "/metrics",
        "/v1/publish",
        "/rialto.v1.AdminService/GetNode",
        "/rialto.v1.AdminService/ListChannels",
        "/rialto.v1.AdminService/ReloadSchema",
        "/rialto.v1.PublisherService/Publish",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Check",
    ];
    for path in paths {
        for (method, body) in [("GET", ""), ("POST", "{}")] {
            let answer = call(bridge.addresses.listen, method, path, &[json], body).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    for probe in ["/health", "/ready"] {
        assert_eq!(call(bridge.addresses.listen, "GET", probe, &[], "").await.status, 200, "{probe}");
    }
    let (status, node) = bridge.admin("GetNode", &json!({})).await;
    assert_eq!((status, node["revision"].as_u64()), (200, Some(1)), "they are on the internal one");
}
