//! Who is recognised, and what patterns cover.

use super::*;

/// A publisher that may do everything, with these tokens and certificate names.
pub(crate) fn publisher(name: &str, tokens: &[&str], certificates: &[&str]) -> Publisher {
    Publisher {
        name: name.into(),
        tokens: tokens.iter().map(|token| TokenHash::of(token.as_bytes())).collect(),
        certificates: certificates.iter().map(|name| (*name).into()).collect(),
        types: TypePatterns::new(["*"]).unwrap(),
        channels: Grants::everything(),
        tenants: TenantGrants::Only(vec![Tenant::default_tenant()]),
        rate: None,
        type_rate: None,
    }
}

fn shown(token: Option<&str>, names: &[&str]) -> Credential {
    Credential {
        token: token.map(|token| TokenHash::of(token.as_bytes())),
        certificate: (!names.is_empty()).then(|| names.iter().map(|name| (*name).into()).collect()),
    }
}

#[test]
fn a_publisher_is_who_shows_all_that_its_entry_asks_for() {
    let list = Publishers::new([
        publisher("billing", &["t-1", "t-2"], &[]),
        publisher("mesh", &[], &["spiffe://x/mesh", "mesh.internal"]),
        publisher("both", &["t-3"], &["both.internal"]),
        publisher("twin", &[], &["twin.internal"]),
    ]);
    type Row = (Option<&'static str>, &'static [&'static str], Result<&'static str, Unrecognised>);
    let table: [Row; 13] = [
        (Some("t-1"), &[], Ok("billing")),
        (Some("t-2"), &[], Ok("billing")),
        (Some("t-1"), &["anybody.internal"], Ok("billing")),
        (Some("T-1"), &[], Err(Unrecognised::Token)),
        (Some("t-9"), &["mesh.internal"], Err(Unrecognised::Token)),
        (None, &["mesh.internal"], Ok("mesh")),
        (None, &["other", "spiffe://x/mesh"], Ok("mesh")),
        (None, &["other"], Err(Unrecognised::Certificate)),
        (None, &["mesh.internal", "twin.internal"], Err(Unrecognised::Ambiguous)),
        (Some("t-3"), &["both.internal"], Ok("both")),
        (Some("t-3"), &["mesh.internal"], Err(Unrecognised::Certificate)),
        (None, &["both.internal"], Err(Unrecognised::Certificate)),
        (None, &[], Err(Unrecognised::Nothing)),
    ];
    for (token, names, expected) in table {
        let found = list.recognise(&shown(token, names)).map(|publisher| &*publisher.name);
        assert_eq!(found, expected, "{token:?} {names:?}");
    }
}

#[test]
fn an_empty_list_knows_nobody_and_no_list_asks_nobody() {
    let directory = Directory::default();
    assert_eq!(directory.recognise(&shown(None, &[])), Ok(None));
    directory.replace(Publishers::new([publisher("a", &["t"], &[])]));
    assert_eq!(directory.recognise(&shown(None, &[])), Err(Unrecognised::Nothing));
    assert!(directory.recognise(&shown(Some("t"), &[])).unwrap().is_some());
    directory.replace(Publishers::default());
    assert_eq!(directory.recognise(&shown(Some("t"), &[])), Err(Unrecognised::Token));
}

#[test]
fn a_bearer_token_is_one_header_of_that_scheme() {
    let parse = |values: &[&[u8]]| {
        let mut headers = http::HeaderMap::new();
        for value in values {
            headers.append("authorization", http::HeaderValue::from_bytes(value).unwrap());
        }
        bearer(&headers).map(|token| token.map(str::to_owned))
    };
    assert_eq!(parse(&[]), Ok(None));
    assert_eq!(parse(&[b"Bearer abc"]), Ok(Some("abc".to_owned())));
    assert_eq!(parse(&[b"bearer  abc "]), Ok(Some("abc".to_owned())));
    for wrong in ["abc", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "", "Bearer\tabc"] {
        assert_eq!(parse(&[wrong.as_bytes()]), Err(BearerError::NotBearer), "{wrong:?}");
    }
    assert_eq!(parse(&["Bearer k\u{e4}se".as_bytes()]), Err(BearerError::NotBearer));
    assert_eq!(parse(&[b"Bearer abc", b"Bearer abc"]), Err(BearerError::Repeated));
    assert_eq!(parse(&[b"Basic x", b"Bearer abc"]), Err(BearerError::Repeated));
}

#[test]
fn type_patterns_cover_all_deeper_segments_and_nothing_else() {
    let types = TypePatterns::new(["invoice.*", "file.uploaded"]).unwrap();
    for covered in ["invoice.sent", "invoice.line.added", "file.uploaded"] {
        assert!(types.allow(covered), "{covered}");
    }
    for other in ["invoice", "invoices.sent", "file", "file.uploaded.twice", "file.deleted"] {
        assert!(!types.allow(other), "{other}");
    }
    assert!(TypePatterns::new(["*"]).unwrap().allow("a"));
    assert!(!TypePatterns::default().allow("a"));
    for wrong in ["", "inv*", "*.sent", "invoice.", "Invoice.sent", "a b", ".*", "a.**"] {
        assert_eq!(TypePatterns::new([wrong]), Err(wrong));
    }
}

#[test]
fn channel_patterns_have_asterisks_as_whole_segments_only() {
    for right in ["system", "project:42", "project:*", "project:**", "*", "**", "*:files:**", "user:a%3Ab"] {
        assert!(channel_pattern(right), "{right}");
    }
    for wrong in ["", "project:", ":42", "project:4*", "**:42", "a::b", "a\u{7}", "room:{room_id}", "a}b"] {
        assert!(!channel_pattern(wrong), "{wrong:?}");
    }
}

#[test]
fn a_hash_is_64_hexadecimal_digits_and_is_not_printed_by_the_way() {
    let hash = TokenHash::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash.to_string(), text);
    assert_eq!(TokenHash::from_hex(text), Some(hash));
    assert_eq!(TokenHash::from_hex(&text.to_uppercase()), Some(hash));
    assert_eq!(TokenHash::from_hex(&text[1..]), None);
    assert!(!format!("{hash:?}").contains("ba78"));
}
