//! Fetching one document from one place that the configuration names: a set of keys.
//!
//! Bounded in time and bytes, without redirects, cookies, caches and proxies: whoever answers can neither send the bridge
//! elsewhere nor keep it busy. Certificates are judged by the system's authorities and those of a file.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::http::Uri;
use axum::http::header::ACCEPT;
use axum::http::uri::Scheme;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// Fetches over HTTPS.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    limit: Duration,
    max_bytes: usize,
}

/// Where a document may be fetched from.
#[derive(Clone, Debug)]
pub struct Place(Uri);

/// Whether a document may be fetched from there.
///
/// # Errors
/// It may not, in words. Without TLS it must be this machine: whoever is between could send another set of keys.
pub fn check(url: &str) -> Result<Place, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{url:?} is not a URL: {error}"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    if host.is_empty() {
        return Err(format!("{url:?} names no host; give a whole URL, https://…"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a URL with a user or a password in it is not taken".to_owned());
    }
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(Place(uri)),
        Some(scheme) if *scheme == Scheme::HTTP && is_here => Ok(Place(uri)),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err(format!("{url:?} must begin with https://; http is taken from this machine only"))
        }
        _ => Err(format!("{url:?} must begin with https://")),
    }
}

impl Fetcher {
    /// One that trusts the system's authorities, and those of a PEM file.
    ///
    /// # Errors
    /// The file cannot be used, or nobody is trusted at all.
    pub fn new(authorities: Option<&Path>, limit: Duration, max_bytes: usize) -> Result<Fetcher, String> {
        let mut roots = RootCertStore::empty();
        // Some of the system's may be broken; the others do.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authorities {
            add_file(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err("this machine trusts no certificate authority; name one with --jwks-ca".to_owned());
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Fetcher { client, limit, max_bytes })
    }

    /// The text at this place.
    ///
    /// # Errors
    /// There is none that is short enough, in time; in words for the log.
    pub async fn get(&self, place: &Place) -> Result<String, String> {
        let asked = async {
            let request = Request::get(place.0.clone()).header(ACCEPT, "application/json").body(Empty::new());
            let response = self.client.request(request.map_err(|error| error.to_string())?).await;
            let response = response.map_err(|error| in_words(&error))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(format!("it answers {status}, and redirects are not followed"));
            }
            if status.as_u16() != 200 {
                return Err(format!("it answers {status}"));
            }
            let body = Limited::new(response.into_body(), self.max_bytes).collect().await;
            let body = body.map_err(|error| format!("{error}, within {} bytes", self.max_bytes))?.to_bytes();
            String::from_utf8(body.into()).map_err(|_| "what it sends is not text".to_owned())
        };
        timeout(self.limit, asked).await.unwrap_or_else(|_| Err(format!("it takes longer than {:?}", self.limit)))
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let unusable = |why: String| format!("{} cannot be used: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error: io::Error| unusable(error.to_string()))?;
    let mut found = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        found += 1;
    }
    if found == 0 { Err(unusable("it has no certificate in PEM".to_owned())) } else { Ok(()) }
}

/// Why nobody answered.
fn in_words(error: &dyn std::error::Error) -> String {
    let text = chain(error);
    // What came is no record of TLS (RFC 8446, section 5.1).
    match text.contains("InvalidContentType") {
        true => "no TLS is spoken there: the URL says https, and the port speaks something else".to_owned(),
        false => text,
    }
}

/// An error with its causes: the client's own text says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::tls::fixture::Authority;

    #[test]
    fn keys_come_by_tls_or_from_this_machine() {
        for good in [
            "https://id.example/jwks",
            "https://id.example:8443/a?b=c",
            "http://127.0.0.1:1/x",
            "http://[::1]/",
            "http://localhost/",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "id.example",
            "/jwks",
            "http://id.example/",
            "http://localhost.evil.example/",
            "http://10.0.0.1/",
            "ftp://id.example/",
            "file:///etc/passwd",
            "https://user:word@id.example/",
            "https:///x",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let told = |path: &Path| Fetcher::new(Some(path), Duration::from_secs(1), 1).unwrap_err();
        assert!(told(&path).contains("ca.pem cannot be used"));
        std::fs::write(&path, "nothing").unwrap();
        assert!(told(&path).contains("no certificate"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(told(&path).contains("ca.pem cannot be used"));
    }

    #[tokio::test]
    async fn a_port_that_speaks_no_tls_is_called_that() {
        let authority = Authority::new();
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = check(&format!("https://{}/jwks", server.local_addr().unwrap())).unwrap();
        let fetcher = Fetcher::new(Some(&authority.path("ca.pem")), Duration::from_secs(30), 1_000).unwrap();
        let plain = async {
            let (mut stream, _) = server.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            stream
        };
        let (got, _stream) = tokio::join!(fetcher.get(&place), plain);
        let problem = got.unwrap_err();
        assert!(problem.starts_with("no TLS is spoken there: the URL says https"), "{problem}");
    }
}
