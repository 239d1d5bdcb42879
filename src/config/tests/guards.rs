//! Who is let in, and what is said where nobody is asked.

use super::{load, mistakes};

#[test]
fn what_guards_a_port_lets_it_be_reached_without_insecure() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let list = path("publishers.toml", "publisher = []");
    let token = path("token", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e\n");
    let (publishers, admin) = (("publishers", list.as_str()), ("admin-token-file", token.as_str()));
    assert!(load(&[("grpc", "0.0.0.0:7000"), publishers], &[]).is_ok());
    assert!(load(&[("admin", "0.0.0.0:7000"), admin], &[]).is_ok());
    for (key, other, advice) in [("grpc", admin, "--publishers"), ("admin", publishers, "--admin-token-file")] {
        let found = mistakes(&[(key, "0.0.0.0:7000"), other], &[]);
        assert!(found.len() == 1 && found[0].0 == format!("--{key}") && found[0].1.contains(advice), "{found:?}");
    }
    let broken = path("broken.toml", "[[publisher]]\nname = \"x\"\nchannels = [\"*\"]\n");
    let short = path("short", "abc");
    let found = mistakes(&[("publishers", &broken), ("admin-token-file", &short)], &[]);
    let keys: Vec<_> = found.iter().map(|(key, _)| key.replace(&broken, "FILE")).collect();
    assert_eq!(keys, ["FILE:1: publisher", "FILE:1: publisher", "--admin-token-file"], "{found:?}");
    let empty = mistakes(&[], &[("RIALTO_PUBLISHERS", ""), ("RIALTO_ADMIN_TOKEN_FILE", " ")]);
    assert!(empty.len() == 2 && empty.iter().all(|(_, problem)| problem.contains("set and empty")), "{empty:?}");
    let text = "[[publisher]]\nname = \"mesh\"\ncertificate = \"a.internal\"\ntypes = \"*\"\nchannels = \"*\"";
    let certified = path("certified.toml", text);
    let found = mistakes(&[("publishers", &certified)], &[]);
    assert!(found.len() == 1 && found[0].1.contains("mesh is known by a certificate"), "{found:?}");
    let lonely = mistakes(&[("require-tenant", "true")], &[]);
    assert!(lonely.len() == 1 && lonely[0].1.contains("no key to verify tokens"), "{lonely:?}");
}

#[test]
fn of_a_guard_that_was_said_wrongly_it_is_not_said_that_it_is_missing() {
    let beside = [("jwt-issuer", "a"), ("jwt-audience", "b"), ("require-tenant", "true"), ("listen", "0.0.0.0:7000")];
    for wrong in ["http://id.example.com/keys", "https://", "keys"] {
        let flags: Vec<_> = [("jwks-url", wrong)].into_iter().chain(beside).collect();
        let found = mistakes(&flags, &[]);
        assert_eq!(found.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["--jwks-url"], "{wrong}");
    }
    let missing = mistakes(&beside, &[]);
    assert_eq!(missing.len(), beside.len(), "{missing:?}");
    let other = mistakes(&[("jwks-url", "keys"), ("jwt-secret-file", "/nowhere"), ("publishers", "/nowhere")], &[]);
    assert_eq!(other.len(), 3, "{other:?}");
}

#[test]
fn an_open_address_needs_insecure() {
    for key in ["listen", "grpc", "admin"] {
        let found = mistakes(&[(key, "0.0.0.0:7000")], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, format!("--{key}"));
        assert!(found[0].1.contains("--insecure"), "{}", found[0].1);
        assert!(load(&[(key, "0.0.0.0:7000"), ("insecure", "true")], &[]).is_ok());
    }
    assert!(load(&[("listen", "[::1]:0"), ("grpc", "127.0.0.9:0")], &[]).is_ok());
    // Tokens guard the port where browsers connect, and no other.
    let secret = ("jwt-secret", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e");
    assert!(load(&[("listen", "0.0.0.0:7000"), secret], &[]).is_ok());
    for key in ["grpc", "admin"] {
        let found = mistakes(&[(key, "0.0.0.0:7000"), secret], &[]);
        assert_eq!((found.len(), found[0].0.clone()), (1, format!("--{key}")));
    }
}

#[test]
fn a_cookie_counts_where_a_page_may_connect() {
    let key = ("jwt-secret", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e");
    let found = mistakes(&[key, ("token-cookie", "app")], &[]);
    assert!(found.len() == 1 && found[0].0 == "--token-cookie" && found[0].1.contains("--allowed-origin"), "{found:?}");
    assert!(load(&[key, ("token-cookie", "app"), ("allowed-origin", "https://a.example")], &[]).is_ok());
}

#[test]
fn secrets_of_different_ends_are_different() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let one = path("one", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e\n");
    let copy = path("copy", "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e");
    let other = path("other", "Zp4Wm8Qa1Ls6Vx3Tc9Yb5Rn7Ke2Hd0Gu");
    let (key, session, admin) = ("jwt-secret-file", "session-token-file", "admin-token-file");
    for (flags, blamed) in [
        ([(key, &one), (session, &one)], "--session-token-file"),
        ([(key, &one), (admin, &one)], "--admin-token-file"),
        ([(session, &one), (admin, &copy)], "--admin-token-file"),
    ] {
        let flags = flags.map(|(flag, path)| (flag, path.as_str()));
        let found = mistakes(&flags, &[]);
        assert!(
            found.len() == 1 && found[0].0 == blamed && found[0].1.contains("holds the same"),
            "{flags:?}: {found:?}"
        );
        assert!(!found[0].1.contains("kq8Z"), "{found:?}");
    }
    assert!(load(&[(key, &one), (admin, &other)], &[]).is_ok());
}

#[test]
fn a_secret_that_stands_without_quotes_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rialto.toml");
    std::fs::write(&path, "jwt-secret = kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e\n").unwrap();
    let told = load(&[("config", path.to_str().unwrap())], &[]).unwrap_err().to_string();
    assert!(told.contains("rialto.toml:1: jwt-secret: is not TOML: text stands in quotes"), "{told}");
    assert!(!told.contains("kq8Z"), "{told}");
}

#[test]
fn what_is_in_a_file_is_told_with_the_file_and_no_other_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short");
    std::fs::write(&path, "short").unwrap();
    let path = path.to_str().unwrap();
    for flag in ["jwt-secret-file", "session-token-file", "admin-token-file"] {
        let told = load(&[(flag, path)], &[]).unwrap_err().to_string();
        let line = format!("--{flag}: {path}: the secret has 5 bytes");
        assert!(told.contains(&line) && !told.contains("example:"), "{told}");
    }
    let secret = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e";
    let told = load(&[("jwt-secret", secret), ("jwt-algorithm", "RS256")], &[]).unwrap_err();
    assert_eq!(told.mistakes.len(), 1, "{told}");
    assert!(load(&[("jwt-secret", secret), ("jwt-algorithm", &told.mistakes[0].example)], &[]).is_ok(), "{told}");
}
