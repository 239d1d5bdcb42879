//! What is believed, and what it says.

use super::*;
use crate::session::principal::Known;

const ALGORITHMS: [&str; 12] =
    ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

#[test]
fn tokens_of_another_maker_are_accepted_for_every_algorithm_and_every_form_of_key() {
    for algorithm in ALGORITHMS {
        let token = vector(algorithm);
        let principal = verify(&token).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!((&*principal.user, principal.tenant.as_str(), &*principal.token_id), ("u7", "acme", "t1"));
        assert_eq!(principal.session.as_ref().map(|session| session.as_str()), Some("s1"));
        assert_eq!((principal.known, principal.expires), (Known::ByToken, Some(at(NOW + 600))));
        assert!(principal.grants.allow("project:42:read") && !principal.grants.allow("project:42:write"));
        assert_eq!(principal.claims.get("team"), Some(&json!("blue")));

        let key = match &algorithm[..2] {
            "HS" => secret(SECRET),
            "ES" if algorithm == "ES256" => KeySource::Pem(pem!("p256.pub").to_owned()),
            "ES" => KeySource::Pem(pem!("p384.pub").to_owned()),
            "Ed" => KeySource::Pem(pem!("ed25519.pub").to_owned()),
            _ => KeySource::Pem(pem!("rsa.pub").to_owned()),
        };
        let listed = Issuer { algorithms: vec![algorithm.parse().unwrap()], ..issuer(vec![key]) };
        let alone = authenticator(vec![listed]).verify(&token, at(NOW));
        assert_eq!(alone.as_ref(), Ok(&principal), "{algorithm}");
        // The same keys, and another algorithm of the same family.
        let other = if algorithm == "HS256" { "HS384" } else { "HS256" };
        let keys = vec![secret(SECRET), KeySource::Jwks(JWKS.to_owned())];
        let strict = authenticator(vec![Issuer { algorithms: vec![other.parse().unwrap()], ..issuer(keys) }]);
        assert_eq!(strict.verify(&token, at(NOW)), Err(TokenError::Algorithm), "{algorithm}");
    }
}

#[test]
fn what_is_usual_in_headers_is_accepted() {
    let headers = [
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"typ":"jwt","alg":"HS256"}"#,
        r#"{"typ":"application/at+JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"any"}"#,
        r#"{"alg":"HS256","x5t":"abc","jku":"https://evil.example/keys","vendor":{"a":[1]}}"#,
    ];
    for header in headers {
        assert!(verify(&with_header(header)).is_ok(), "{header}");
    }
}

#[test]
fn grants_come_from_permissions_or_scope_or_a_claim_of_ones_own() {
    let own = ClaimNames {
        tenant: "org".to_owned(),
        session: "browser".to_owned(),
        permissions: Some("https://app.example/may".to_owned()),
    };
    let renamed =
        Authenticator::new(&Settings { claims: own, ..settings(vec![issuer(vec![secret(SECRET)])]) }).unwrap();
    let most = vec!["a"; 256].join(" ");
    let table = [
        (json!({}), "", ""),
        (json!({"permissions": ["a", "b:*"]}), "a b:*", ""),
        (json!({"permissions": []}), "", ""),
        (json!({"permissions": [], "scope": "a"}), "", ""),
        (json!({"scope": "openid  a:read "}), "openid a:read", ""),
        (json!({"permissions": "a b"}), "a b", ""),
        (json!({"permissions": vec!["a"; 256]}), &most, ""),
        (json!({"scope": &most}), &most, ""),
        (json!({"https://app.example/may": ["x"], "permissions": ["a"]}), "a", "x"),
    ];
    for (changes, usually, named) in table {
        let token = with_claims(&claims_with(changes.clone()));
        let granted = |authenticator: &Authenticator| {
            let principal = authenticator.verify(&token, at(NOW)).unwrap();
            principal.grants.texts().map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((granted(&usual()).as_str(), granted(&renamed).as_str()), (usually, named), "{changes}");
    }
    let token = with_claims(&claims_with(json!({"org": "o1", "browser": "b1", "tenant": "t", "sid": "s"})));
    let principal = renamed.verify(&token, at(NOW)).unwrap();
    assert_eq!((principal.tenant.as_str(), principal.session.unwrap().as_str()), ("o1", "b1"));
    let plain = verify(&with_claims(&claims())).unwrap();
    assert_eq!((plain.tenant.as_str(), plain.session, &*plain.token_id), ("", None, ""));
}

#[test]
fn a_claim_with_dots_is_the_one_of_that_name_or_else_a_path_into_another() {
    let called = |tenant: &str, session: &str, permissions: &str| {
        let names = ClaimNames {
            tenant: tenant.to_owned(),
            session: session.to_owned(),
            permissions: Some(permissions.to_owned()),
        };
        Authenticator::new(&Settings { claims: names, ..settings(vec![issuer(vec![secret(SECRET)])]) }).unwrap()
    };
    let nested = called("realm.org", "realm.browser.id", "realm_access.roles");
    let url = called("https://app.example/org", "https://app.example/sid", "https://app.example/may");
    let keycloak = json!({"realm": {"org": "o1", "browser": {"id": "b1"}}, "realm_access": {"roles": ["a", "b"]}});
    let whole =
        json!({"realm.org": "o2", "realm": {"org": "o1"}, "realm_access.roles": "x", "realm_access": {"roles": ["a"]}});
    let named = json!({"https://app.example/org": "o3", "https://app.example/sid": "b3", "https://app.example/may": ["y"],
                       "https://app": {"example/org": "o4", "example/sid": "b4", "example/may": ["z"]}});
    let elsewhere = json!({"https://app": {"example/may": ["z"]}});
    let nothing = json!({"realm_access": {"role": ["a"]}, "realm": 7});
    for (issuer, claims, expected) in [
        (&nested, &keycloak, ("o1", "b1", "a b")),
        (&nested, &whole, ("o2", "", "x")),
        (&nested, &nothing, ("", "", "")),
        (&url, &named, ("o3", "b3", "y")),
        (&url, &elsewhere, ("", "", "z")),
        (&url, &keycloak, ("", "", "")),
    ] {
        let principal = issuer.verify(&with_claims(&claims_with(claims.clone())), at(NOW)).unwrap();
        let session = principal.session.as_ref().map_or("", |session| session.as_str());
        let granted = principal.grants.texts().collect::<Vec<_>>().join(" ");
        assert_eq!((principal.tenant.as_str(), session, granted.as_str()), expected, "{claims}");
    }
    let wrong = json!({"realm_access": {"roles": {"a": true}}});
    let refused = nested.verify(&with_claims(&claims_with(wrong)), at(NOW));
    assert!(
        matches!(&refused, Err(TokenError::Claim { claim, .. }) if &**claim == "realm_access.roles"),
        "{refused:?}"
    );
}

#[test]
fn an_audience_may_be_one_of_several_on_both_sides() {
    let several = Issuer { audiences: vec!["other".to_owned(), AUDIENCE.to_owned()], ..issuer(vec![secret(SECRET)]) };
    let several = authenticator(vec![several]);
    for audience in [json!(AUDIENCE), json!(["x", AUDIENCE]), json!([AUDIENCE])] {
        let token = with_claims(&claims_with(json!({"aud": audience})));
        assert!(several.verify(&token, at(NOW)).is_ok(), "{audience}");
    }
}

#[test]
fn a_minted_token_is_accepted_by_who_has_the_secret() {
    let Value::Object(claims) = claims() else { unreachable!() };
    let token = mint(&claims, SECRET.as_bytes()).unwrap();
    assert_eq!(&*verify(&token).unwrap().user, "u7");
    assert!(matches!(mint(&claims, b"short"), Err(KeyError::ShortSecret(5))));
}
