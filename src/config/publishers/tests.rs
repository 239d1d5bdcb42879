//! Files of publishers, right and wrong.

use super::*;
use crate::auth::publishers::Credential;
use crate::ids::ChannelName;

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const OTHER: &str = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed";

fn parse(text: &str) -> Result<Publishers, Vec<(String, String)>> {
    let mistakes = |mistakes: Vec<Mistake>| mistakes.into_iter().map(|wrong| (wrong.key, wrong.problem)).collect();
    parse_publishers(Path::new("p.toml"), text).map_err(mistakes)
}

#[test]
fn a_publisher_is_what_its_table_says() {
    let text = format!(
        "# services\n[[publisher]]\nname = \"billing\"\ntoken-sha256 = [\"{HASH}\"]\ntypes = [\"invoice.*\"]\n\
         channels = [\"project:*\", \"system\"]\ntenants = [\"\", \"acme\"]\nevents-per-second = 500\nburst = 1000\n\
         events-per-second-per-type = 100\n\n[[publisher]]\nname = \"mesh\"\ncertificate = \"spiffe://x/mesh\"\n\
         types = \"*\"\nchannels = \"*\"\n"
    );
    let list = parse(&text).unwrap();
    assert_eq!(list.len(), 2);
    let shown = Credential { token: Some(TokenHash::of(b"abc")), certificate: None };
    let billing = list.recognise(&shown).unwrap();
    assert_eq!(&*billing.name, "billing");
    assert!(billing.types.allow("invoice.sent") && !billing.types.allow("file.sent"));
    let may_go_to = |channel: &str| billing.channels.allow(ChannelName::from(channel).as_str());
    assert!(may_go_to("project:42") && may_go_to("system") && !may_go_to("project:42:x") && !may_go_to("user:u7"));
    let may_for = |tenant: &str| billing.tenants.allow(&Tenant::from(tenant));
    assert!(may_for("") && may_for("acme") && !may_for("other"));
    assert_eq!(billing.rate, Some(Rate { per_second: 500, burst: 1_000, patience: u16::MAX }));
    assert_eq!(billing.type_rate, Some(Rate { per_second: 100, burst: 100, patience: u16::MAX }));

    let shown = Credential { token: None, certificate: Some(["spiffe://x/mesh".into()].into()) };
    let mesh = list.recognise(&shown).unwrap();
    assert!(mesh.channels.allow("a:b:c") && mesh.types.allow("a.b"));
    assert!(mesh.tenants.allow(&Tenant::default_tenant()) && !mesh.tenants.allow(&Tenant::from("acme")));
    assert_eq!((mesh.rate, mesh.type_rate), (None, None));
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = format!(
        "listen = 1\n[[publisher]]\nname = \"a b\"\ntoken-sha256 = \"my-token\"\ntypes = [\"inv*\"]\n\
         channels = [\"project:4*\"]\ntenants = [\"a:b\"]\nevents-per-second = 0\nrate = 7\n\
         [[publisher]]\nname = \"x\"\ntypes = []\nburst = 7\n\
         [[publisher]]\nname = \"x\"\ntoken-sha256 = [\"{HASH}\",\n \"{HASH}\"]\ntypes = [\"*\"]\nchannels = [1]\n"
    );
    let mistakes = parse(&text).unwrap_err();
    let expected = [
        ("p.toml:1: listen", "is not known here"),
        ("p.toml:9: rate", "no such key; the nearest one is"),
        ("p.toml:3: name", "is not 1 to 64 letters"),
        ("p.toml:4: token-sha256", "8 characters are not the 64 hexadecimal digits"),
        ("p.toml:5: types", "\"inv*\" is neither an event type nor a pattern"),
        ("p.toml:6: channels", "\"project:4*\" is not segments"),
        ("p.toml:7: tenants", "\"a:b\": a tenant's name"),
        ("p.toml:8: events-per-second", "is not a whole number from 1"),
        ("p.toml:10: publisher", "no way to recognise"),
        ("p.toml:12: types", "is not a text or a list of texts"),
        ("p.toml:10: publisher", "does not say its channels"),
        ("p.toml:13: burst", "says nothing without events-per-second"),
        ("p.toml:15: name", "is the publisher of line 11 already"),
        ("p.toml:17: token-sha256", "is the hash of line 16 too"),
        ("p.toml:19: channels", "is not a text or a list of texts"),
    ];
    for (key, problem) in expected {
        assert!(
            mistakes.iter().any(|(at, told)| at == key && told.contains(problem)),
            "{key}: {problem} is not in {mistakes:#?}"
        );
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
    assert!(mistakes.iter().all(|(_, told)| !told.contains("my-token")), "what may be a token is not repeated");
}

#[test]
fn a_list_of_nobody_must_be_meant() {
    assert!(parse("publisher = []").unwrap().is_empty());
    for text in ["", "# nothing\n", "publisher = 7", "[publisher]\nname = \"x\"", "[[publisher]", "publisher = [1]"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let text = format!("[[publisher]]\nname = \"x\"\ntoken-sha256 = \"{nothing}\"\ntypes = \"*\"\nchannels = \"*\"");
    assert!(parse(&text).unwrap_err()[0].1.contains("SHA-256 of nothing"));
}

#[test]
fn two_publishers_share_no_token_and_no_certificate_alone() {
    let entry =
        |name: &str, way: &str| format!("[[publisher]]\nname = \"{name}\"\n{way}\ntypes = \"*\"\nchannels = \"*\"\n");
    let pairs = [
        (format!("token-sha256 = \"{HASH}\""), format!("token-sha256 = \"{}\"", HASH.to_uppercase()), false),
        (format!("token-sha256 = \"{HASH}\""), format!("token-sha256 = \"{OTHER}\""), true),
        ("certificate = \"a.internal\"".to_owned(), "certificate = \"a.internal\"".to_owned(), false),
        (
            "certificate = \"a.internal\"".to_owned(),
            format!("certificate = \"a.internal\"\ntoken-sha256 = \"{HASH}\""),
            true,
        ),
        ("certificate = \"*.internal\"".to_owned(), "certificate = \"b.internal\"".to_owned(), false),
    ];
    for (one, other, fits) in pairs {
        let text = entry("one", &one) + &entry("other", &other);
        assert_eq!(parse(&text).is_ok(), fits, "{text}");
    }
}
