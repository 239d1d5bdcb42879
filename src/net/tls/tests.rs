//! What is taken and what is refused, by files and by handshakes.

use std::time::SystemTime;

use rcgen::date_time_ymd;
use rustls::HandshakeKind;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::fixture::{Authority, uri};
use super::*;

/// One connection: what the port makes of it, and whether the client gets an answer.
async fn meet(tls: &Arc<Tls>, client: Arc<rustls::ClientConfig>) -> (io::Result<Option<ClientCertificate>>, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answered = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let Ok(mut stream) = TlsConnector::from(client).connect(name, stream).await else { return false };
        // In TLS 1.3 a client learns only now that its certificate was refused.
        stream.read_u8().await.is_ok_and(|byte| byte == 42)
    });
    let (stream, _) = listener.accept().await.unwrap();
    let accepted = match tls.accept(stream).await {
        Ok((mut stream, certificate)) => {
            stream.write_all(&[42]).await.unwrap();
            stream.flush().await.unwrap();
            stream.shutdown().await.unwrap();
            Ok(certificate)
        }
        Err(error) => Err(error),
    };
    (accepted, answered.await.unwrap())
}

#[tokio::test]
async fn a_new_certificate_holds_for_new_connections_and_a_broken_one_for_none() {
    let (old, new) = (Authority::new(), Authority::new());
    old.sign("own", |_| ());
    new.sign("own", |_| ());
    let files = old.files("own", None);
    let tls = Tls::new(&files, Protocol::Http1).unwrap();
    assert!(meet(&tls, old.client(None, Protocol::Http1)).await.1);
    assert!(!meet(&tls, new.client(None, Protocol::Http1)).await.1);
    std::fs::copy(new.path("own.crt"), old.path("own.crt")).unwrap();
    let wrong = tls.replace(&files, Protocol::Http1).unwrap_err();
    assert!(wrong[0].option == "--tls-key" && wrong[0].problem.contains("made together"), "{wrong:?}");
    assert!(meet(&tls, old.client(None, Protocol::Http1)).await.1, "the old one stays");
    std::fs::copy(new.path("own.key"), old.path("own.key")).unwrap();
    tls.replace(&files, Protocol::Http1).unwrap();
    assert!(meet(&tls, new.client(None, Protocol::Http1)).await.1);
    assert!(!meet(&tls, old.client(None, Protocol::Http1)).await.1);
}

#[tokio::test]
async fn only_certificates_of_the_authority_get_in_and_bring_their_names() {
    let (own, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    own.sign("own", |_| ());
    clients.sign("orders", |params| {
        params.subject_alt_names.push(uri("spiffe://shop/orders"));
        params.subject_alt_names.push(uri("spiffe://shop/old"));
    });
    clients.sign("late", |params| params.not_after = date_time_ymd(2020, 1, 1));
    others.sign("orders", |_| ());
    let ca = clients.path("ca.pem");
    let files = own.files("own", Some(&ca));
    let tls = Tls::new(&files, Protocol::Http2).unwrap();
    let (accepted, answered) = meet(&tls, own.client(Some((&clients, "orders")), Protocol::Http2)).await;
    let names: Vec<String> = accepted.unwrap().unwrap().names().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["spiffe://shop/orders", "spiffe://shop/old", "localhost"]);
    assert!(answered);
    for shown in [None, Some((&clients, "late")), Some((&others, "orders"))] {
        let (accepted, answered) = meet(&tls, own.client(shown, Protocol::Http2)).await;
        assert!(accepted.is_err() && !answered, "{:?}", shown.map(|(_, name)| name));
    }
    // Every connection is judged anew: none is resumed.
    let client = own.client(Some((&clients, "orders")), Protocol::Http2);
    for _ in 0..2 {
        assert_eq!(kind(&tls, Arc::clone(&client)).await, Some(HandshakeKind::Full));
    }
    // Authorities are exchanged like certificates; whose authority has gone does not come in again.
    let client = own.client(Some((&clients, "orders")), Protocol::Http2);
    assert!(meet(&tls, Arc::clone(&client)).await.1);
    std::fs::copy(others.path("ca.pem"), &ca).unwrap();
    tls.replace(&files, Protocol::Http2).unwrap();
    assert!(meet(&tls, client).await.0.is_err(), "a session of before does not count");
    assert!(meet(&tls, own.client(Some((&others, "orders")), Protocol::Http2)).await.1);
}

#[test]
fn a_certificate_counts_as_long_as_it_lasts_and_its_authority_is_there() {
    let (old, new) = (Authority::new(), Authority::new());
    old.sign("orders", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
    });
    let port = old.authorities();
    let certificate = old.shown("orders", &port);
    let day = |days: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400);
    let (now, last) = (day(20_000), day(43_830) + std::time::Duration::from_millis(999));
    let ended = day(43_830) + std::time::Duration::from_secs(1);
    assert_eq!(certificate.standing(now), Ok(()));
    assert_eq!(certificate.standing(last), Ok(()));
    assert_eq!(certificate.standing(ended), Err(Lapsed::Ended));
    assert_eq!(certificate.standing(now), Ok(()), "a clock that was wrong");
    assert_eq!(certificate.standing(day(10_000)), Err(Lapsed::Unvouched), "it has not begun");
    new.replaces(&port);
    assert_eq!(certificate.standing(now), Err(Lapsed::Unvouched));
    old.replaces(&port);
    assert_eq!(certificate.standing(now), Ok(()));
    // Whoever's port it was shown to, others are asked for themselves.
    assert!(certificate.is_of(&old.authorities(), now) && !certificate.is_of(&old.authorities(), ended));
    assert!(certificate.is_of(&port, now) && !certificate.is_of(&new.authorities(), now));
    new.replaces(&port);
    assert!(certificate.is_of(&old.authorities(), now) && !certificate.is_of(&port, now));
}

#[test]
fn of_a_certificate_with_many_names_the_first_ones_count() {
    let authority = Authority::new();
    authority.sign("many", |params| {
        params.subject_alt_names = (0..70).map(|number| uri(&format!("spiffe://shop/{number}"))).collect();
    });
    let certificate = authority.shown("many", &authority.authorities());
    let names: Vec<_> = certificate.names().iter().map(ToString::to_string).collect();
    let first: Vec<_> = (0..64).map(|number| format!("spiffe://shop/{number}")).collect();
    assert_eq!(names, first);
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let authority = Authority::new();
    authority.sign("own", |_| ());
    let path = authority.path("own.crt");
    let pem = std::fs::read(&path).unwrap();
    for (bytes, is_read) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        // Text before the first certificate is nobody's.
        let mut padded = vec![b'\n'; bytes - pem.len()];
        padded.extend_from_slice(&pem);
        std::fs::write(&path, padded).unwrap();
        match Tls::new(&authority.files("own", None), Protocol::Http1) {
            Ok(_) => assert!(is_read, "{bytes}"),
            Err(wrong) => {
                assert!(!is_read && wrong[0].option == "--tls-cert", "{wrong:?}");
                assert!(wrong[0].problem.contains("more than the 1048576 bytes"), "{wrong:?}");
            }
        }
    }
}

/// How a connection is opened, with an answer after it, so that the client has had its ticket.
async fn kind(tls: &Arc<Tls>, client: Arc<rustls::ClientConfig>) -> Option<HandshakeKind> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answered = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(client).connect(name, stream).await.unwrap();
        stream.read_u8().await.unwrap()
    });
    let (mut stream, _) = tls.accept(listener.accept().await.unwrap().0).await.unwrap();
    stream.write_all(&[42]).await.unwrap();
    stream.flush().await.unwrap();
    answered.await.unwrap();
    let Stream::Tls(stream) = stream else { return None };
    stream.get_ref().1.handshake_kind()
}

#[tokio::test]
async fn browsers_resume_by_tickets_that_are_kept_by_them() {
    let own = Authority::new();
    own.sign("own", |_| ());
    let tls = Tls::new(&own.files("own", None), Protocol::Http1).unwrap();
    let client = own.client(None, Protocol::Http1);
    assert_eq!(kind(&tls, Arc::clone(&client)).await, Some(HandshakeKind::Full));
    assert_eq!(kind(&tls, client).await, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn another_protocol_inside_is_refused() {
    let own = Authority::new();
    own.sign("own", |_| ());
    let tls = Tls::new(&own.files("own", None), Protocol::Http2).unwrap();
    assert!(meet(&tls, own.client(None, Protocol::Http1)).await.0.is_err());
    assert!(meet(&tls, own.client(None, Protocol::Http2)).await.1);
}

#[test]
fn mistakes_in_files_say_which_and_what_to_do() {
    let own = Authority::new();
    own.sign("own", |_| ());
    own.sign("other", |_| ());
    own.sign("late", |params| params.not_after = date_time_ymd(2020, 1, 1));
    own.sign("soon", |params| params.not_before = date_time_ymd(4000, 1, 1));
    std::fs::write(own.path("empty"), "").unwrap();
    std::fs::write(
        own.path("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let key = std::fs::read_to_string(own.path("own.key")).unwrap();
    std::fs::write(own.path("cut"), &key[..key.len() / 2]).unwrap();
    for (certificate, key, client_ca, option, part) in [
        ("none.crt", "own.key", None, "--tls-cert", "none.crt cannot be read"),
        ("empty", "own.key", None, "--tls-cert", "has no certificate"),
        ("own.key", "own.key", None, "--tls-cert", "has no certificate"),
        ("late.crt", "late.key", None, "--tls-cert", "ended on 2020-01-01 00:00 UTC; renew it"),
        ("soon.crt", "soon.key", None, "--tls-cert", "begins on 4000-01-01"),
        ("own.crt", "own.crt", None, "--tls-key", "has no private key"),
        ("own.crt", "locked", None, "--tls-key", "is encrypted"),
        ("own.crt", "cut", None, "--tls-key", "is not PEM"),
        ("own.crt", "other.key", None, "--tls-key", "is not the key of the first certificate"),
        ("own.crt", "own.key", Some("empty"), "--grpc-client-ca", "has no certificate"),
        ("own.crt", "own.key", Some("none"), "--grpc-client-ca", "none cannot be read"),
    ] {
        let files = TlsFiles {
            certificate: (own.path(certificate), "--tls-cert"),
            key: (own.path(key), "--tls-key"),
            client_ca: client_ca.map(|name| (own.path(name), "--grpc-client-ca")),
        };
        let wrong = Tls::new(&files, Protocol::Http1).unwrap_err();
        assert!(wrong.len() == 1 && wrong[0].option == option, "{certificate} {key}: {wrong:?}");
        assert!(wrong[0].problem.contains(part), "{certificate} {key}: {wrong:?}");
    }
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let own = Authority::new();
    own.sign("own", |params| params.not_after = date_time_ymd(2090, 1, 1));
    let certificate = &chain(&own.path("own.crt")).unwrap()[0];
    let end = verdict::end(certificate).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(end.as_secs(), 3_786_912_000);
    assert_eq!(verdict::verdict(certificate, SystemTime::now()), verdict::Verdict::Good);
}
