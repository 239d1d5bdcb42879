//! Certificates of publishers and operators: judged when a connection is opened, and for as long as it lives.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Endpoint;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
/// HTTP/2's preface, empty SETTINGS, and the acknowledgement of the server's.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, life: Duration) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_after = (SystemTime::now() + life).into();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// A bridge whose two inner ports ask for certificates.
struct Mutual {
    bridge: Bridge,
    own: Authority,
    folder: TempDir,
}

impl Mutual {
    async fn start(publishers: &[&Authority], operators: &[&Authority], list: Option<&str>) -> Self {
        let (own, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
        let path = |name: &str| folder.path().join(name);
        let Pair { certificate, key } = own.sign("localhost", HOUR);
        for (name, text) in [("own.crt", &certificate), ("own.key", &key)] {
            std::fs::write(path(name), text).expect("the folder is there");
        }
        believe(&path("publishers.pem"), publishers);
        believe(&path("operators.pem"), operators);
        if let Some(list) = list {
            std::fs::write(path("publishers.toml"), list).expect("the folder is there");
        }
        let bridge = Bridge::with(|config| {
            (config.tls.certificate, config.tls.key) = (Some(path("own.crt")), Some(path("own.key")));
            config.tls.grpc_client_ca = Some(path("publishers.pem"));
            config.tls.admin_client_ca = Some(path("operators.pem"));
            config.peers.publishers = list.map(|_| path("publishers.toml"));
            // Whatever ends, it is not for having been silent.
            config.limits.handshake_timeout = HOUR;
        })
        .await;
        Mutual { bridge, own, folder }
    }

    /// From now on these authorities vouch for the clients of this file's port; the bridge is told.
    fn exchange(&self, file: &str, authorities: &[&Authority]) {
        believe(&self.folder.path().join(file), authorities);
        self.bridge.reread.ask();
    }

    /// A connection in TLS. In TLS 1.3 one that is refused learns so when it reads.
    async fn enter(&self, port: SocketAddr, shown: &Pair, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        dial(client(&self.own, shown, alpn), port).await
    }

    async fn publisher(&self, shown: &Pair) -> Option<PublisherServiceClient<Channel>> {
        let (config, port) = (client(&self.own, shown, b"h2"), self.bridge.addresses.grpc);
        let connector = tower::service_fn(move |_: http::Uri| {
            let config = Arc::clone(&config);
            async move { dial(config, port).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        within("the connection", endpoint.connect_with_connector(connector)).await.ok().map(PublisherServiceClient::new)
    }

    async fn operator(&self, shown: &Pair) -> Operator {
        let port = self.bridge.addresses.admin;
        let stream = within("TLS", self.enter(port, shown, b"http/1.1")).await.expect("the port is open");
        Operator { stream, host: port }
    }
}

fn believe(file: &Path, authorities: &[&Authority]) {
    let pems: String = authorities.iter().map(|authority| &*authority.pem).collect();
    std::fs::write(file, pems).expect("the folder is there");
}

fn client(trusted: &Authority, shown: &Pair, alpn: &[u8]) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).expect("PEM")).expect("an authority");
    let chain = vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).expect("PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("TLS 1.3").with_root_certificates(roots);
    let mut config = builder.with_client_auth_cert(chain, key).expect("a pair");
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

async fn dial(config: Arc<ClientConfig>, port: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(config).connect(name, TcpStream::connect(port).await?).await
}

/// One connection to the internal port, kept alive.
struct Operator {
    stream: TlsStream<TcpStream>,
    host: SocketAddr,
}

impl Operator {
    /// The status, the head and the body of an answer; `None` where the connection has ended.
    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, String, String)> {
        let (host, length) = (self.host, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.ok()?;
        let answer = async {
            let mut got = String::new();
            loop {
                if let Some((head, rest)) = got.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let length: usize = length.and_then(|text| text.parse().ok()).expect("a length");
                    if rest.len() >= length {
                        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
                        return Some((status.expect("a status"), head.to_owned(), rest.to_owned()));
                    }
                }
                let mut more = [0; 4_096];
                let count = self.stream.read(&mut more).await.ok().filter(|count| *count > 0)?;
                got.push_str(&String::from_utf8_lossy(&more[..count]));
            }
        };
        within("the answer", answer).await
    }
}

/// Waits until nothing more comes. What came.
async fn rest(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut rest = Vec::new();
    // An end without TLS's own close is one, too: what came before it is kept.
    let _ = within("the connection ends", stream.read_to_end(&mut rest)).await;
    rest
}

/// The code of the first GOAWAY among HTTP/2's frames (RFC 9113, sections 4.1 and 6.8).
fn goaway(mut frames: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = frames.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, behind) = rest.split_at_checked(length)?;
        if head[3] == 7 {
            return payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().expect("four bytes")));
        }
        frames = behind;
    }
    None
}

/// Publishes until it is refused: the reason, in an ack or as the end of the stream.
async fn refusal(stream: &mut Stream) -> String {
    loop {
        // A stream that has ended takes nothing more.
        let _ = stream.requests.send(PublishStreamRequest { events: vec![beat()] }).await;
        match stream.ack().await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return refused.reason,
            Err(status) => return Refused::of_call(&status).reason,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_authority_has_gone_publishes_nothing_more_on_open_connections() {
    let (old, staying) = (Authority::new(), Authority::new());
    let mutual = Mutual::start(&[&old, &staying], &[&old], None).await;
    let (gone, stays) = (old.sign("a.internal", HOUR), staying.sign("b.internal", HOUR));
    let (mut first, mut second) =
        (mutual.publisher(&gone).await.expect("a connection"), mutual.publisher(&stays).await.expect("a connection"));
    let mut publishing = Stream::open(&mut first, "").await;
    let mut idle = Stream::open(&mut first, "").await;
    let mut other = Stream::open(&mut second, "").await;
    for stream in [&mut publishing, &mut other] {
        assert_eq!(stream.reasons(vec![beat()]).await, [None]);
    }
    let mut raw = mutual.enter(mutual.bridge.addresses.grpc, &gone, b"h2").await.expect("a connection");
    raw.write_all(OPENING).await.expect("it is open");

    mutual.exchange("publishers.pem", &[&staying]);
    assert_eq!(within("a refusal", refusal(&mut publishing)).await, "CERTIFICATE_NOT_TRUSTED");
    let told = idle.ack().await.expect_err("its end");
    assert_eq!(
        (told.code(), Refused::of_call(&told).reason.as_str()),
        (tonic::Code::Unauthenticated, "CERTIFICATE_NOT_TRUSTED")
    );
    // Nor is the connection kept for calls to come, even by one that says nothing at all: it is told to go, and no mistake.
    assert_eq!(goaway(&rest(&mut raw).await), Some(0));
    publish_as(&mut first, "", beat()).await.expect_err("it cannot open another");
    assert_eq!(other.reasons(vec![beat()]).await, [None], "whose authority is there goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_ends_takes_its_connection_with_it() {
    let authority = Authority::new();
    let mutual = Mutual::start(&[&authority], &[&authority], None).await;
    // A slow machine may not get in before the end of a short one.
    for seconds in [4, 8, 16, 32, 64] {
        let short = authority.sign("a.internal", Duration::from_secs(seconds));
        let Some(mut publisher) = mutual.publisher(&short).await else { continue };
        if publish_as(&mut publisher, "", beat()).await.is_err() {
            continue;
        }
        let opened = publisher.publish_stream(shown(tokio_stream::pending::<PublishStreamRequest>(), "")).await;
        let Ok(opened) = opened else { continue };
        let ending = tokio::time::timeout(Duration::from_secs(seconds) + crate::harness::patience(), async {
            opened.into_inner().message().await
        });
        let told = ending.await.expect("it ends with its certificate").expect_err("a refusal");
        assert_eq!(
            (told.code(), Refused::of_call(&told).reason.as_str()),
            (tonic::Code::Unauthenticated, "CERTIFICATE_EXPIRED")
        );
        return;
    }
    panic!("nobody got in within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_are_judged_at_every_request_too() {
    let (old, new) = (Authority::new(), Authority::new());
    let mutual = Mutual::start(&[&old], &[&old], None).await;
    let shown = old.sign("ops.internal", HOUR);
    let refused = async {
        loop {
            let mut asking = mutual.operator(&shown).await;
            // The authority may not be back yet.
            if asking.ask("GET", "/health", "").await.is_none() {
                continue;
            }
            mutual.exchange("operators.pem", &[&new]);
            let answered = loop {
                match asking.ask("POST", "/rialto.v1.AdminService/GetNode", "{}").await {
                    Some((200, ..)) => {}
                    answered => break answered,
                }
            };
            // Between two requests it may have been ended without one. Then once more.
            match answered {
                Some(refused) => return (asking, refused),
                None => mutual.exchange("operators.pem", &[&old]),
            }
        }
    };
    let (mut asking, (status, head, body)) = within("a refusal", refused).await;
    assert!(status == 401 && body.contains("CERTIFICATE_NOT_TRUSTED"), "{status} {body}");
    assert!(head.to_ascii_lowercase().contains("connection: close"), "{head}");
    rest(&mut asking.stream).await;
    let mut operator = mutual.operator(&new.sign("ops.internal", HOUR)).await;
    let (status, _, metrics) = operator.ask("GET", "/metrics", "").await.expect("an answer");
    assert_eq!(status, 200);
    assert!(metrics.contains("rialto_internal_refused_total{reason=\"certificate_not_trusted\"} 1"), "{metrics}");
    // One that is kept alive for nothing ends by itself.
    mutual.exchange("operators.pem", &[&old]);
    rest(&mut operator.stream).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_authorities_make_no_publishers() {
    let (publishers, operators) = (Authority::new(), Authority::new());
    let list = format!("[[publisher]]\nname = \"mesh\"\ncertificate = \"mesh.internal\"\n{EVERYTHING}\n");
    let mutual = Mutual::start(&[&publishers], &[&operators], Some(&list)).await;
    let (right, same_name) = (publishers.sign("mesh.internal", HOUR), operators.sign("mesh.internal", HOUR));
    let mut publisher = mutual.publisher(&right).await.expect("a connection");
    publish_as(&mut publisher, "", beat()).await.expect_err("a token that is nobody's counts");
    let event = PublishRequest { event: Some(beat()) };
    within("the ack", publisher.publish(event)).await.expect("the publisher");

    let mut operator = mutual.operator(&same_name).await;
    let body = heartbeat().to_string();
    let (status, _, answer) = operator.ask("POST", "/v1/publish", &body).await.expect("an answer");
    assert!(status == 401 && answer.contains("MISSING_CREDENTIALS"), "{status} {answer}");
    let (status, _, metrics) = operator.ask("GET", "/metrics", "").await.expect("an answer");
    assert!(status == 200 && metrics.contains("rialto_publish_refused_total{reason=\"missing_credentials\"} 1"));

    // Who is vouched for by both is a publisher on this port, too.
    mutual.exchange("operators.pem", &[&operators, &publishers]);
    let publishing = async {
        loop {
            if let Some((status, ..)) = mutual.operator(&right).await.ask("POST", "/v1/publish", &body).await {
                return status;
            }
        }
    };
    assert_eq!(within("the authorities are read again", publishing).await, 200);
}
