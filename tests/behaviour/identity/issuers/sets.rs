//! Sets with keys that are of no use here, and issuers that speak for some tenants alone.

use rialto::config::IssuerTenant;
use rialto::ids::Tenant;

use super::*;

/// The RSA key's set, with one more entry.
fn with(entry: Value) -> Answer {
    let Answer::Set(text) = set(&["rsa"]) else { unreachable!("a set") };
    let mut set: Value = serde_json::from_str(&text).expect("JSON");
    set["keys"].as_array_mut().expect("keys").insert(0, entry);
    Answer::Set(set.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_served_key_that_is_of_no_use_takes_nothing_from_the_good_ones() {
    let whole: Value = serde_json::from_str(SET).expect("JSON");
    let p256 = whole["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == "p256").expect("a key").clone();
    let private = {
        let mut key = p256.clone();
        key["d"] = json!("AQAB");
        key
    };
    for entry in [
        json!({"kty": "new", "kid": "n"}),
        json!({"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "RSA", "kid": "broken"}),
        json!({"kid": "nothing"}),
        json!({"kty": "EC", "kid": "e", "use": "enc"}),
        json!({"kty": "oct", "k": "a3E4WnQwdkx3M1h5N1JiMk5mNUpkOUhzMUdtNFBjNmU"}),
        json!("a text"),
        private,
    ] {
        let issuer = Issuer::start(with(entry.clone())).await;
        let bridge = bridge(&issuer, |config| config.limits.jwks_cooldown = Duration::from_millis(1)).await;
        assert_eq!(upgrade(&bridge, &ann("rsa")).await, 0, "{entry}");
        assert_eq!(
            upgrade(&bridge, &ann("p256")).await,
            401,
            "a key whose private half is known signs nothing: {entry}"
        );
        expect(&bridge, &[(FAILED, 0.0)]).await;
        if entry["kty"] != "new" {
            continue;
        }
        // A set of such keys alone is rubbish, and the ones that were there stay.
        issuer.answer(Answer::Set(json!({"keys": [entry]}).to_string()));
        assert_eq!(upgrade(&bridge, &signed(NAME, "p256", "unknown")).await, 401);
        expect(&bridge, &[(FAILED, 1.0)]).await;
        assert_eq!(upgrade(&bridge, &ann("rsa")).await, 0);
    }
}

/// A token of this issuer for this tenant; an empty name is none.
fn of_tenant(issuer: &str, tenant: &str) -> String {
    let claims = json!({"iss": issuer, "aud": "rialto", "sub": "ann", "exp": now() + 600, "iat": now() - 5});
    let mut claims = claims;
    if !tenant.is_empty() {
        claims["tenant"] = json!(tenant);
    }
    let key = EncodingKey::from_rsa_pem(include_bytes!("../../../vectors/keys/rsa.pem")).expect("a key");
    let header = Header { kid: Some("rsa".to_owned()), ..Header::new(Algorithm::RS256) };
    encode(&header, &claims, &key).expect("a token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_bound_to_tenants_speaks_for_no_other() {
    let (one, other) = (Issuer::start(set(&["rsa"])).await, Issuer::start(set(&["rsa"])).await);
    let authorities = [&one, &other].map(|issuer| std::fs::read_to_string(&issuer.authority).expect("a file"));
    std::fs::write(&one.authority, authorities.concat()).expect("a file");
    let second = "https://id2.example";
    let bridge = bridge(&one, |config| {
        config.identity.jwks_urls.push(JwksUrl { issuer: Some(second.to_owned()), url: other.url.clone() });
        let bound = |tenant| IssuerTenant { issuer: second.to_owned(), tenant };
        config.identity.issuer_tenants = vec![bound(Tenant::from("acme")), bound(Tenant::from("beta"))];
    })
    .await;
    for (issuer, tenant, expected) in [
        (second, "acme", 0),
        (second, "beta", 0),
        (second, "other", 401),
        (second, "", 401),
        (NAME, "acme", 0),
        (NAME, "other", 0),
        (NAME, "", 0),
    ] {
        assert_eq!(upgrade(&bridge, &of_tenant(issuer, tenant)).await, expected, "{issuer} {tenant:?}");
    }
    assert_eq!(init(&bridge, &of_tenant(second, "other")).await, 4001);
}
