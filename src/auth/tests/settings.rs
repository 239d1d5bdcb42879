//! Settings that make no authenticator, or an unsafe one.

use super::*;

fn mistakes(issuers: Vec<Issuer>) -> Vec<SettingsError> {
    match Authenticator::new(&settings(issuers)) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes,
    }
}

fn of_key(source: KeySource) -> String {
    let found = mistakes(vec![issuer(vec![source])]);
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn public_keys_need_issuer_and_audience_and_secrets_do_not() {
    let pem = || KeySource::Pem(pem!("rsa.pub").to_owned());
    let bare = |key| Issuer { keys: vec![key], ..Issuer::default() };
    assert_eq!(mistakes(vec![bare(pem())]), [SettingsError::NoIssuer, SettingsError::NoAudience]);
    assert_eq!(mistakes(vec![bare(secret(SECRET))]), []);
    assert_eq!(mistakes(vec![]), [SettingsError::NoKey]);
    assert_eq!(mistakes(vec![Issuer::default()]), [SettingsError::NoKey]);
    let twice = vec![issuer(vec![pem()]), issuer(vec![secret(SECRET)])];
    assert_eq!(mistakes(twice), [SettingsError::RepeatedIssuer(ISSUER.to_owned())]);
    let listed =
        |algorithms: &[Algorithm]| mistakes(vec![Issuer { algorithms: algorithms.to_vec(), ..issuer(vec![pem()]) }]);
    assert_eq!(listed(&[Algorithm::PS384]), []);
    let fitting = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(str::to_owned).to_vec();
    let idle = SettingsError::IdleAlgorithm { algorithm: "ES256".to_owned(), fitting };
    let idle = [idle];
    assert_eq!(listed(&[Algorithm::ES256]), idle);
    assert_eq!(listed(&[Algorithm::RS256, Algorithm::ES256]), idle);
    let short = Issuer { algorithms: vec![Algorithm::HS512], ..issuer(vec![secret(&SECRET[..63])]) };
    let expected = SettingsError::ShortFor { algorithm: "HS512".to_owned(), least_bytes: 64 };
    assert_eq!(mistakes(vec![short]), [expected]);
}

#[test]
fn without_a_named_issuer_any_is_taken_but_no_audience_of_others() {
    let open = authenticator(vec![Issuer { keys: vec![secret(SECRET)], ..Issuer::default() }]);
    let verify = |changes| open.verify(&with_claims(&claims_with(changes)), at(NOW)).err();
    assert_eq!(verify(json!({"aud": null, "iss": null})), None);
    assert_eq!(verify(json!({"aud": null})), None);
    assert_eq!(verify(json!({})), Some(TokenError::UnaskedAudience));
    assert!(TokenError::UnaskedAudience.to_string().contains("this bridge was given none: --jwt-audience"));
    assert_eq!(verify(json!({"aud": []})), Some(TokenError::UnaskedAudience));
    for iss in [json!(7), json!([ISSUER]), json!(false)] {
        assert_eq!(
            verify(json!({"aud": null, "iss": iss})),
            Some(TokenError::Claim { claim: "iss".into(), expected: "a text" }),
            "not everything is a name: {iss}"
        );
    }
}

#[test]
fn a_pem_is_one_public_key_of_a_kind_and_size_that_are_used() {
    for good in [pem!("rsa.pub"), pem!("p256.pub"), pem!("p384.pub"), pem!("ed25519.pub")] {
        assert_eq!(of_key(KeySource::Pem(good.to_owned())), "");
        assert_eq!(of_key(KeySource::Pem(format!("a comment\n{}", good.replace('\n', "\r\n")))), "");
    }
    let rsa = pem!("rsa.pub");
    let table = [
        (String::new(), "does not begin with"),
        ("nonsense".to_owned(), "does not begin with"),
        (pem!("rsa").to_owned(), "a private key"),
        (pem!("p521.pub").to_owned(), "a key of another kind"),
        (pem!("secp256k1.pub").to_owned(), "a key of another kind"),
        (pem!("rsa-short.pub").to_owned(), "the RSA key has 1024 bits; at least 2048"),
        (format!("{rsa}{rsa}"), "several keys"),
        (rsa.replace("PUBLIC KEY", "CERTIFICATE"), "openssl x509"),
        (rsa.replace("PUBLIC KEY", "RSA PUBLIC KEY"), "broken"),
        (rsa[..200].to_owned(), "no end"),
        (rsa.replacen("MII", "M?I", 1), "not base64"),
        (rsa.replacen("MII", "MIA", 1), "broken"),
        (pem!("p256.pub").replacen("AQ", "BQ", 1), "broken"),
    ];
    for (text, expected) in table {
        let told = of_key(KeySource::Pem(text.clone()));
        assert!(told.contains(expected), "{text}: {told}");
    }
}

#[test]
fn a_set_has_public_keys_that_can_be_used_and_no_secrets() {
    let jwks: Value = serde_json::from_str(JWKS).unwrap();
    let (rsa, p256, ed) = (&jwks["keys"][0], &jwks["keys"][1], &jwks["keys"][3]);
    let with = |key: &Value, changes: Value| {
        let mut key = key.clone();
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    };
    let set = |keys: Vec<Value>| json!({"keys": keys}).to_string();
    let many = |count: usize| set((0..count).map(|n| with(ed, json!({"kid": n.to_string()}))).collect());
    let good = [
        set(vec![with(rsa, json!({"alg": "PS256", "kid": "x"}))]),
        set(vec![rsa.clone(), with(rsa, json!({"use": "enc", "kid": "e"}))]),
        set(vec![
            json!({"kty": "new"}),
            p256.clone(),
            with(p256, json!({"crv": "P-521"})),
            with(rsa, json!({"alg": "RSA-OAEP"})),
        ]),
        set(vec![with(ed, json!({"key_ops": ["verify"]})), with(p256, json!({"kid": "ed25519"}))]),
        many(100),
    ];
    for text in good {
        assert_eq!(of_key(KeySource::Jwks(text.clone())), "", "{text}");
    }
    let table = [
        ("".to_owned(), "it is not JSON"),
        (" <!doctype html>".to_owned(), "it is not JSON, but looks like a page (HTML)"),
        ("[]".to_owned(), "not one JSON object"),
        ("{}".to_owned(), "no list called keys"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "without duplicates"),
        (set(vec![]), "no key that signatures can be verified with"),
        (set(vec![json!(1)]), "keys[0] is no object"),
        (set(vec![json!({"kty": "oct", "k": "AAAA"})]), "keys[0] is a secret"),
        (set(vec![rsa.clone(), with(rsa, json!({"d": "AQAB"}))]), "keys[1] is a private key"),
        (set(vec![with(rsa, json!({"use": "enc"}))]), "no key that"),
        (set(vec![with(rsa, json!({"key_ops": ["encrypt"]}))]), "no key that"),
        (set(vec![with(rsa, json!({"n": "AQAB"}))]), "keys[0] cannot be used: the RSA key has 17 bits"),
        (set(vec![with(rsa, json!({"n": "?"}))]), "has no n in base64url"),
        (set(vec![with(rsa, json!({"alg": "ES256"}))]), "not of the kind that its alg needs"),
        (set(vec![with(rsa, json!({"kid": 5}))]), "\"kid\" that is no text"),
        (set(vec![with(rsa, json!({"use": ["enc"]}))]), "\"use\" that is no text"),
        (set(vec![with(rsa, json!({"use": null}))]), "\"use\" that is no text"),
        (set(vec![with(rsa, json!({"alg": 5}))]), "\"alg\" that is no text"),
        (set(vec![rsa.clone(), rsa.clone()]), "keys[1] has the kid of another key"),
        (set(vec![with(p256, json!({"x": "AQAB"}))]), "is no point of P-256"),
        (set(vec![with(p256, json!({"x": p256["y"]}))]), "keys[0] is broken"),
        (set(vec![with(ed, json!({"x": "AQAB"}))]), "keys[0] is broken"),
        (many(101), "101 keys, more than the limit of 100"),
        (" ".repeat(256 * 1024 + 1), "more than the limit of 262144"),
    ];
    for (text, expected) in table {
        let told = of_key(KeySource::Jwks(text.clone()));
        assert!(told.contains(expected), "{}: {told}", &text[..text.len().min(200)]);
    }
    let (hundred, roomier) = (many(101), Bounds { set_keys: 101, ..Bounds::default() });
    assert!(KeySource::Jwks(hundred.clone()).check(roomier).is_ok(), "the number is the configuration's");
    let issuers = vec![issuer(vec![KeySource::Jwks(hundred.clone())])];
    assert!(Authenticator::new(&Settings { bounds: roomier, ..settings(issuers) }).is_ok());
    let bytes = hundred.len();
    for (set_bytes, expected) in [(bytes, true), (bytes - 1, false)] {
        let bounds = Bounds { set_bytes, ..roomier };
        assert_eq!(KeySource::Served(hundred.clone()).check(bounds).is_ok(), expected, "and so is the length");
    }
}

#[test]
fn a_served_set_keeps_its_good_keys_and_says_what_it_passes_over() {
    let jwks: Value = serde_json::from_str(JWKS).unwrap();
    let (rsa, p256) = (&jwks["keys"][0], &jwks["keys"][1]);
    let changed = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        key
    };
    let set = json!({"keys": [
        json!({"kty": "new"}), changed(rsa, "n", json!("AQAB")), changed(rsa, "d", json!("AQAB")), rsa, rsa, p256,
    ]});
    let (keys, passed_over) = jwks::read_served(&set.to_string(), Bounds::default()).unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key.id.clone().unwrap()).collect();
    assert_eq!(ids, ["rsa", "p256"]);
    let told: Vec<_> = passed_over.iter().map(|passed| (&*passed.why, passed.is_wrong)).collect();
    assert_eq!(
        told,
        [
            ("keys[0] is of a kind or curve that is not used here", false),
            ("keys[1] cannot be used: the RSA key has 17 bits; at least 2048 are needed", true),
            ("keys[2] is a private key, which belongs to who signs", true),
            ("keys[4] has the kid of another key of its kind", true),
        ]
    );
    for rubbish in ["[]", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"new"},1]}"#] {
        assert!(jwks::read_served(rubbish, Bounds::default()).is_err(), "{rubbish}");
    }
}

#[test]
fn a_token_without_kid_is_tried_with_a_few_keys_only() {
    let jwks: Value = serde_json::from_str(JWKS).unwrap();
    let set = |count: usize| {
        let keys = (0..count).map(|n| {
            let mut key = jwks["keys"][0].clone();
            key["kid"] = json!(format!("k{n}"));
            key
        });
        KeySource::Jwks(json!({"keys": keys.collect::<Vec<_>>()}).to_string())
    };
    let key = EncodingKey::from_rsa_pem(pem!("rsa").as_bytes()).unwrap();
    let token = |header: &str| signed(header, &claims().to_string(), &key, Algorithm::RS256);
    let verify = |count, header| authenticator(vec![issuer(vec![set(count)])]).verify(&token(header), at(NOW)).err();
    assert_eq!(verify(4, r#"{"alg":"RS256"}"#), None);
    assert_eq!(verify(5, r#"{"alg":"RS256"}"#), Some(TokenError::NoKeyId));
    assert_eq!(verify(100, r#"{"alg":"RS256","kid":"k99"}"#), None);
}

#[test]
fn a_kid_means_the_key_of_that_name_where_there_is_one_and_else_those_without() {
    let mut set: Value = serde_json::from_str(JWKS).unwrap();
    set["keys"].as_array_mut().unwrap().retain(|key| key["kid"] == "rsa");
    let both = [KeySource::Jwks(set.to_string()), KeySource::Pem(pem!("rsa-other.pub").to_owned())];
    let authenticator = authenticator(vec![issuer(both.to_vec())]);
    for (key, kid, expected) in [
        (pem!("rsa"), "rsa", None),
        (pem!("rsa"), "other", Some(TokenError::Signature)),
        (pem!("rsa-other"), "other", None),
        (pem!("rsa-other"), "rsa", Some(TokenError::Signature)),
    ] {
        let key = EncodingKey::from_rsa_pem(key.as_bytes()).unwrap();
        let token =
            signed(&json!({"alg": "RS256", "kid": kid}).to_string(), &claims().to_string(), &key, Algorithm::RS256);
        assert_eq!(authenticator.verify(&token, at(NOW)).err(), expected, "{kid}");
    }
}

#[test]
fn neither_keys_nor_settings_print_secrets() {
    let settings = settings(vec![issuer(vec![secret(SECRET), KeySource::Jwks(JWKS.to_owned())])]);
    let told = format!("{settings:?} {:?}", Authenticator::new(&settings).unwrap());
    assert!(!told.contains(&SECRET[..8]) && told.contains(ISSUER), "{told}");
    let weak = of_key(secret("changeme-changeme-changeme-1234567"));
    assert!(weak.contains("sample") && !weak.contains("changeme"), "{weak}");
}
