//! What RFC 7515, RFC 7519 and RFC 8725 refuse, and what people try.

use super::*;

/// Refused, without any of the token's parts in what is said about it.
fn refused(name: &str, token: &str) -> TokenError {
    let Err(error) = verify(token) else { panic!("{name} is accepted: {token}") };
    let told = format!("{error} {error:?}");
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(!told.contains(part), "{name} is told with its text: {told}");
    }
    error
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn what_is_not_three_canonical_parts_is_refused() {
    let good = with_claims(&claims());
    assert!(verify(&good).is_ok());
    let [header, body, signature] = parts(&good);
    let none = b64(r#"{"alg":"none"}"#);
    // The last character of 43 has two bits that stand for nothing.
    let (most, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    let loose = format!("{header}.{body}.{most}{}", &alphabet[place + 1..place + 2]);
    let table = [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{body}")),
        ("four parts", format!("{good}.")),
        ("five parts, as encrypted ones have", format!("{good}.a.b")),
        ("an empty signature", format!("{header}.{body}.")),
        ("none, unsigned", format!("{none}.{body}.")),
        ("no header", format!(".{body}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("a space before", format!(" {good}")),
        ("a line's end behind", format!("{good}\n")),
        ("a space inside", format!("{header}. {body}.{signature}")),
        ("padding", format!("{good}=")),
        ("bits for nothing", loose),
        ("Bearer", format!("Bearer {good}")),
        ("quotes", format!("\"{good}\"")),
        ("a zero byte", format!("{good}\0")),
        ("another alphabet", format!("{header}.{body}.{}", "+/".repeat(21) + "A")),
        ("the JSON form", json!({"protected": header, "payload": body, "signature": signature}).to_string()),
        ("not UTF-8 inside", format!("{header}.{}.{signature}", b64(b"{\"sub\":\"\xff\"}"))),
    ];
    for (name, token) in table {
        assert!(matches!(refused(name, &token), TokenError::Malformed(_)), "{name}");
    }
    for size in [DEFAULT_MAX_TOKEN_BYTES + 1, 1 << 20] {
        assert_eq!(refused("long", &"a".repeat(size)), TokenError::TooLong { bytes: size, max_bytes: 8 << 10 });
    }
    let long = with_claims(&claims_with(json!({"sub": "u7", "x": "y".repeat(DEFAULT_MAX_TOKEN_BYTES)})));
    assert!(matches!(refused("signed and long", &long), TokenError::TooLong { .. }));
    let settings = Settings {
        bounds: Bounds { token_bytes: long.len(), ..Bounds::default() },
        ..settings(vec![issuer(vec![secret(SECRET)])])
    };
    let roomier = Authenticator::new(&settings).unwrap();
    assert_eq!(&*roomier.verify(&long, at(NOW)).unwrap().user, "u7", "the length is the configuration's");
}

#[test]
fn every_token_that_is_cut_short_or_changed_in_one_place_is_refused() {
    for algorithm in ["HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let good = vector(algorithm);
        for end in 0..good.len() {
            refused("cut", &good[..end]);
        }
        let step = if algorithm.starts_with("HS") { 1 } else { 7 };
        for place in (0..good.len()).step_by(step) {
            let old = good.as_bytes()[place];
            let new = if old == b'A' { 'B' } else { 'A' };
            refused("changed", &format!("{}{new}{}", &good[..place], &good[place + 1..]));
        }
        let [header, body, signature] = parts(&good);
        let others = b64(claims_with(json!({"sub": "root"})).to_string());
        refused("other claims", &format!("{header}.{others}.{signature}"));
        for (name, forged) in [
            ("zeros", vec![0; 64]),
            ("more zeros", vec![0; 96]),
            ("as many zeros as RSA", vec![0; 256]),
            ("ones", vec![0xff; 64]),
            ("one byte", vec![0]),
            // r and s of the curve's order, which is 0 to the curve.
            (
                "the order twice",
                hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".repeat(2)).unwrap(),
            ),
        ] {
            assert_eq!(
                refused(name, &format!("{header}.{body}.{}", b64(forged))),
                TokenError::Signature,
                "{algorithm} {name}"
            );
        }
    }
}

#[test]
fn an_algorithm_is_a_known_one_of_the_issuers() {
    let names = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "hs256",
        "HS256 ",
        "HS1",
        "RSA",
        "RS1",
        "ES512",
        "ES256K",
        "Ed448",
        "dir",
        "A128KW",
        "RSA-OAEP",
        "PBES2-HS256+A128KW",
    ];
    for name in names {
        let token = with_header(&json!({"alg": name}).to_string());
        assert_eq!(refused(name, &token), TokenError::Algorithm);
    }
    for header in [r#"{}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":256}"#, r#"{"ALG":"HS256"}"#] {
        assert_eq!(refused(header, &with_header(header)), TokenError::Algorithm);
    }
}

#[test]
fn a_public_key_is_no_secret() {
    // Who trusts only public keys, and gets HMACs made with every form of them.
    let public = [
        ("rsa", pem!("rsa.pub")),
        ("p256", pem!("p256.pub")),
        ("p384", pem!("p384.pub")),
        ("ed25519", pem!("ed25519.pub")),
    ];
    for (name, text) in public {
        let der: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(der).unwrap();
        for key in [text.as_bytes(), text.trim_end().as_bytes(), &der, JWKS.as_bytes(), b""] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let header = format!(r#"{{"alg":"{algorithm:?}","kid":"{name}"}}"#);
                let token = signed(&header, &claims().to_string(), &EncodingKey::from_secret(key), algorithm);
                for source in [KeySource::Pem(text.to_owned()), KeySource::Jwks(JWKS.to_owned())] {
                    let found = authenticator(vec![issuer(vec![source])]).verify(&token, at(NOW));
                    assert_eq!(found, Err(TokenError::Algorithm), "{name} {algorithm:?}");
                }
                assert!(matches!(refused(name, &token), TokenError::Signature | TokenError::UnknownKey));
            }
        }
    }
}

#[test]
fn a_token_is_signed_by_the_key_and_the_issuer_that_it_names() {
    let stranger = EncodingKey::from_rsa_pem(pem!("rsa-other").as_bytes()).unwrap();
    let own = EncodingKey::from_rsa_pem(pem!("rsa").as_bytes()).unwrap();
    let rs256 = |header: &str, key| signed(header, &claims().to_string(), key, Algorithm::RS256);
    assert!(verify(&rs256(r#"{"alg":"RS256","kid":"rsa"}"#, &own)).is_ok());
    let jwk = serde_json::from_str::<Value>(JWKS).unwrap()["keys"][0].clone();
    let table = [
        (r#"{"alg":"RS256","kid":"rsa"}"#.to_owned(), &stranger, TokenError::Signature),
        (r#"{"alg":"RS256"}"#.to_owned(), &stranger, TokenError::Signature),
        (r#"{"alg":"RS256","kid":"p256"}"#.to_owned(), &own, TokenError::UnknownKey),
        (r#"{"alg":"RS256","kid":"../../etc/passwd"}"#.to_owned(), &own, TokenError::UnknownKey),
        (r#"{"alg":"RS256","kid":"rsa' OR '1'='1"}"#.to_owned(), &own, TokenError::UnknownKey),
        (r#"{"alg":"RS256","kid":"RSA"}"#.to_owned(), &own, TokenError::UnknownKey),
        (r#"{"alg":"RS256","kid":"rsa\u0000"}"#.to_owned(), &own, TokenError::UnknownKey),
        (r#"{"alg":"RS256","kid":"https://evil.example/k"}"#.to_owned(), &stranger, TokenError::UnknownKey),
        (r#"{"alg":"RS256","jku":"https://evil.example/jwks.json"}"#.to_owned(), &stranger, TokenError::Signature),
        (r#"{"alg":"RS256","x5u":"https://evil.example/x"}"#.to_owned(), &stranger, TokenError::Signature),
        (json!({"alg": "RS256", "jwk": jwk}).to_string(), &stranger, TokenError::Signature),
        // The right key, and another algorithm of its family in the header than in the signature.
        (r#"{"alg":"PS256","kid":"rsa"}"#.to_owned(), &own, TokenError::Signature),
        (r#"{"alg":"RS512","kid":"rsa"}"#.to_owned(), &own, TokenError::Signature),
    ];
    for (header, key, expected) in table {
        assert_eq!(refused(&header, &rs256(&header, key)), expected, "{header}");
    }
    for kid in [json!(1), json!(""), json!(null), json!(["rsa"]), json!("k".repeat(257))] {
        let header = json!({"alg": "RS256", "kid": kid}).to_string();
        assert!(matches!(refused(&header, &rs256(&header, &own)), TokenError::Header(_)), "{header}");
    }
}

#[test]
fn one_issuers_key_does_not_sign_for_another() {
    let (first, second) = ("https://a.example", "https://b.example");
    let named = |name: &str, key: &str| {
        let jwks = JWKS.replace("\"p256\"", &format!("\"{key}\""));
        Issuer { name: Some(name.to_owned()), ..issuer(vec![KeySource::Jwks(jwks)]) }
    };
    let mut other = named(second, "p256");
    other.keys = vec![KeySource::Pem(pem!("rsa-other.pub").to_owned())];
    let both = authenticator(vec![named(first, "p256"), other]);
    let token = |iss: Value, name: &str, text: &str| {
        let key = EncodingKey::from_rsa_pem(text.as_bytes()).unwrap();
        let header = json!({"alg": "RS256", "kid": name}).to_string();
        signed(&header, &claims_with(json!({"iss": iss})).to_string(), &key, Algorithm::RS256)
    };
    let not_text = || Some(TokenError::Claim { claim: "iss".into(), expected: "a text" });
    let table = [
        (json!(first), pem!("rsa"), None),
        (json!(second), pem!("rsa-other"), None),
        (json!(second), pem!("rsa"), Some(TokenError::Signature)),
        (json!(first), pem!("rsa-other"), Some(TokenError::Signature)),
        (json!("https://c.example"), pem!("rsa"), Some(TokenError::Issuer)),
        (json!("https://a.example/"), pem!("rsa"), Some(TokenError::Issuer)),
        (json!("HTTPS://A.EXAMPLE"), pem!("rsa"), Some(TokenError::Issuer)),
        (json!(null), pem!("rsa"), Some(TokenError::NoIssuer)),
        (json!([first]), pem!("rsa"), not_text()),
        (json!({"url": first}), pem!("rsa"), not_text()),
    ];
    for (iss, key, expected) in table {
        assert_eq!(both.verify(&token(iss.clone(), "rsa", key), at(NOW)).err(), expected, "{iss}");
    }
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    let headers = [
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":"HS256","b64":true}"#,
        r#"{"alg":"HS256","zip":"DEF"}"#,
        r#"{"alg":"HS256","enc":"A128GCM"}"#,
        r#"{"alg":"HS256","cty":"JWT"}"#,
        r#"{"alg":"HS256","typ":"logout+jwt"}"#,
        r#"{"alg":"HS256","typ":"dpop+jwt"}"#,
        r#"{"alg":"HS256","typ":"JWE"}"#,
        r#"{"alg":"HS256","typ":""}"#,
        r#"{"alg":"HS256","typ":["JWT"]}"#,
    ];
    for header in headers {
        assert!(matches!(refused(header, &with_header(header)), TokenError::Header(_)), "{header}");
    }
}

#[test]
fn json_is_one_object_without_duplicates() {
    let body = claims().to_string();
    let inner = &body[1..body.len() - 1];
    let bodies = [
        format!("{{{inner},\"exp\":{}}}", NOW + 9_999),
        format!("{{{inner},\"sub\":\"root\"}}"),
        format!("{{{inner},\"\\u0073ub\":\"root\"}}"),
        format!("{{{inner},\"x\":{{\"a\":1,\"a\":2}}}}"),
        format!("{body} {body}"),
        format!("{body}x"),
        format!("[{body}]"),
        format!("{{{inner},}}"),
        json!(with_claims(&claims())).to_string(),
        with_claims(&claims()),
        "\u{feff}".to_owned() + &body,
        "null".to_owned(),
        format!("{{\"a\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000)),
    ];
    for body in bodies {
        assert!(matches!(refused(&body, &hs256(r#"{"alg":"HS256"}"#, &body)), TokenError::Malformed(_)), "{body}");
    }
    for header in [r#"{"alg":"HS256","alg":"HS256"}"#, r#"{"alg":"none","alg":"HS256"}"#, "[]", "\"HS256\"", "{"] {
        assert!(matches!(refused(header, &with_header(header)), TokenError::Malformed(_)), "{header}");
    }
}

#[test]
fn claims_that_are_missing_or_of_another_kind_are_refused() {
    let long = "x".repeat(256);
    let table = [
        (json!({"exp": null}), "no claim \"exp\""),
        (json!({"sub": null}), "no claim \"sub\""),
        (json!({"sub": ""}), "\"sub\" is not"),
        (json!({"sub": 7}), "\"sub\" is not a JSON string of 1 to 255 bytes"),
        (json!({"sub": ["u7"]}), "\"sub\" is not"),
        (json!({"sub": "a\nb"}), "\"sub\" is not"),
        (json!({"sub": long}), "\"sub\" is not"),
        (json!({"aud": null}), "has no audience (aud), and this bridge asks for one"),
        (json!({"aud": "Rialto"}), "audience (aud) is not this bridge"),
        (json!({"aud": "rialto "}), "audience"),
        (json!({"aud": ["a", "b"]}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": ["rialto", 1]}), "\"aud\" is not"),
        (json!({"aud": [["rialto"]]}), "\"aud\" is not"),
        (json!({"aud": {"rialto": true}}), "\"aud\" is not"),
        (json!({"iss": null}), "has no issuer (iss)"),
        (json!({"iss": "x"}), "issuer (iss) is not one of"),
        (json!({"jti": 5}), "\"jti\" is not"),
        (json!({"sid": ""}), "\"sid\" is not a JSON string of 1 to 128 bytes"),
        (json!({"sid": "s".repeat(129)}), "\"sid\" is not"),
        (json!({"tenant": ["a", "b"]}), "\"tenant\" is not"),
        (json!({"tenant": "a b"}), "\"tenant\" is not"),
        (json!({"tenant": "t".repeat(129)}), "\"tenant\" is not"),
        (json!({"permissions": vec!["a"; 257]}), "\"permissions\" is not"),
        (json!({"scope": vec!["a"; 257].join(" ")}), "\"scope\" is not"),
        (json!({"permissions": {"a": true}}), "\"permissions\" is not"),
        (json!({"permissions": ["a", 1]}), "\"permissions\" is not"),
        (json!({"permissions": 7, "scope": "a"}), "\"permissions\" is not"),
    ];
    for (changes, expected) in table {
        let told = refused(&changes.to_string(), &with_claims(&claims_with(changes.clone()))).to_string();
        assert!(told.contains(expected), "{changes}: {told}");
    }
    // Null is not absence.
    let text = format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":null,"exp":{}}}"#, NOW + 60);
    assert!(matches!(refused("null", &hs256(r#"{"alg":"HS256"}"#, &text)), TokenError::Claim { .. }));
}
