//! Which port has which certificate, and what is said wrong about it.

use super::super::tests::load;
use super::*;
use crate::net::tls::fixture::Authority;

/// The mistakes of these flags, as flag and problem.
fn mistakes(flags: &[(&str, &str)]) -> Vec<(String, String)> {
    let error = load(flags, &[]).expect_err("a mistake");
    error.mistakes.into_iter().map(|mistake| (mistake.key, mistake.problem)).collect()
}

#[test]
fn a_certificate_is_for_every_port_or_those_that_are_named() {
    let own = Authority::new();
    for name in ["own", "grpc"] {
        own.sign(name, |_| ());
    }
    let text = |name: &str| own.path(name).display().to_string();
    let (cert, key, ca) = (text("own.crt"), text("own.key"), text("ca.pem"));
    let (grpc_cert, grpc_key) = (text("grpc.crt"), text("grpc.key"));
    let both = [("tls-cert", cert.as_str()), ("tls-key", key.as_str())];
    let has = |flags: &[(&str, &str)]| {
        let config = load(flags, &[]).unwrap().tls;
        Port::ALL.map(|port| config.files(port).map(|files| files.certificate.1))
    };
    assert_eq!(has(&[]), [None; 3]);
    assert_eq!(has(&both), [Some("--tls-cert"); 3]);
    let named = [both[0], both[1], ("tls-port", "listen"), ("tls-port", "admin")];
    assert_eq!(has(&named), [Some("--tls-cert"), None, Some("--tls-cert")]);
    let own_grpc = [("grpc-tls-cert", grpc_cert.as_str()), ("grpc-tls-key", &grpc_key), ("grpc-client-ca", &ca)];
    assert_eq!(has(&own_grpc), [None, Some("--grpc-tls-cert"), None]);
    assert_eq!(has(&[both[0], both[1], own_grpc[0], own_grpc[1]])[1], Some("--grpc-tls-cert"));
    let config = load(&[both[0], both[1], ("admin-client-ca", &ca)], &[]).unwrap().tls;
    assert_eq!(Port::ALL.map(|port| config.asks_for_certificates(port)), [false, false, true]);
}

#[test]
fn ports_that_ask_for_certificates_may_be_reached_from_elsewhere() {
    let own = Authority::new();
    own.sign("own", |_| ());
    let text = |name: &str| own.path(name).display().to_string();
    let (cert, key, ca) = (text("own.crt"), text("own.key"), text("ca.pem"));
    let tls = [("tls-cert", cert.as_str()), ("tls-key", key.as_str()), ("grpc", "0.0.0.0:1")];
    let found = mistakes(&tls);
    assert!(found.len() == 1 && found[0].0 == "--grpc" && found[0].1.contains("--grpc-client-ca"), "{found:?}");
    let asking = [tls[0], tls[1], tls[2], ("grpc-client-ca", ca.as_str())];
    assert!(load(&asking, &[]).is_ok());
    let admin_too = [asking[0], asking[1], asking[2], asking[3], ("admin", "0.0.0.0:2")];
    assert_eq!(mistakes(&admin_too)[0].0, "--admin");
}

#[test]
fn a_variable_for_a_file_that_is_empty_is_a_mistake_and_never_a_plain_port() {
    for name in TlsConfig::FILES {
        let variable = format!("RIALTO_{}", name.to_uppercase().replace('-', "_"));
        let error = load(&[], &[(&variable, " ")]).expect_err(&variable);
        assert_eq!(error.mistakes.len(), 1, "{error}");
        assert!(error.mistakes[0].key == variable && error.mistakes[0].problem.contains("plain"), "{error}");
    }
}

#[test]
fn mistakes_name_the_flag_and_what_to_do() {
    let own = Authority::new();
    own.sign("own", |_| ());
    let text = |name: &str| own.path(name).display().to_string();
    let (cert, key, ca) = (text("own.crt"), text("own.key"), text("ca.pem"));
    type Flags<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Flags<'_>, &str, &str)] = &[
        (&[("tls-cert", &cert)], "--tls-cert", "give --tls-key too"),
        (&[("grpc-tls-key", &key)], "--grpc-tls-key", "give --grpc-tls-cert too"),
        (&[("tls-port", "grpc")], "--tls-port", "give --tls-cert and --tls-key"),
        (&[("tls-port", "udp")], "--tls-port", "not one of listen, grpc, admin"),
        (&[("grpc-client-ca", &ca)], "--grpc-client-ca", "--grpc has none"),
        (
            &[("tls-cert", &cert), ("tls-key", &key), ("tls-port", "grpc"), ("admin-client-ca", &ca)],
            "--admin-client-ca",
            "--admin has none",
        ),
        (&[("tls-cert", &cert), ("tls-key", &ca)], "--tls-key", "has no private key"),
        (&[("tls-cert", ""), ("tls-key", &key)], "--tls-cert", "must not be empty"),
    ];
    for (flags, flag, part) in table {
        let found = mistakes(flags);
        assert!(found.iter().any(|(named, problem)| named == flag && problem.contains(part)), "{flags:?}: {found:?}");
    }
    let shared = mistakes(&[("tls-cert", "/no/such"), ("tls-key", &key)]);
    assert_eq!(shared.len(), 1, "three ports share one mistake: {shared:?}");
}
