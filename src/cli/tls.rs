//! TLS for the commands that are clients of a bridge: whom they believe, and what they show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;
use crate::net::tls::{Protocol, authorities, chain, private_key, provider};

/// Whom a client believes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Trust {
    /// A PEM file with the authorities of the bridge's certificate, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The one certificate that is believed, whatever its name: a program's own.
    #[arg(skip)]
    pub(crate) exactly: Option<CertificateDer<'static>>,
}

/// What a client shows of itself.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Shown {
    /// A PEM file with a certificate to show, where the bridge asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// A PEM file with the key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

impl Trust {
    /// Whether something was said that makes sense in TLS only.
    pub(crate) fn is_said(&self) -> bool {
        self.ca.is_some() || self.exactly.is_some()
    }

    /// What a connection in TLS is opened with.
    pub(crate) fn client(&self, shown: &Shown, protocol: Protocol) -> Result<Arc<ClientConfig>, Failure> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Failure::Usage(error.to_string()))?;
        let builder = match (&self.exactly, &self.ca) {
            (Some(own), _) => builder.dangerous().with_custom_certificate_verifier(Arc::new(Exactly::new(own)?)),
            (None, Some(path)) => builder.with_root_certificates(authorities(path).map_err(said_of("--ca"))?),
            (None, None) => builder.with_root_certificates(of_the_system()?),
        };
        let mut config = match (&shown.cert, &shown.key) {
            (Some(cert), Some(key)) => {
                let pair = (chain(cert).map_err(said_of("--cert"))?, private_key(key).map_err(said_of("--key"))?);
                let unusable = |error: rustls::Error| {
                    let (cert, key) = (cert.display(), key.display());
                    Failure::Usage(format!("--key: {key} and {cert} cannot be used together: {error}"))
                };
                builder.with_client_auth_cert(pair.0, pair.1).map_err(unusable)?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        Ok(Arc::new(config))
    }
}

/// A port of a bridge, and how it is known.
#[derive(Clone, Debug)]
pub(crate) struct Bridge<'a> {
    /// As it was written: an address, or a URL.
    pub(crate) address: &'a str,
    pub(crate) trust: &'a Trust,
    pub(crate) shown: &'a Shown,
}

impl Bridge<'_> {
    /// Where it is, with the scheme that was meant.
    pub(crate) fn uri(&self) -> Result<String, Failure> {
        let in_tls = self.trust.is_said() || self.shown.cert.is_some();
        if !self.address.contains("://") {
            return Ok(format!("{}://{}", if in_tls { "https" } else { "http" }, self.address));
        }
        if in_tls && !self.address.starts_with("https://") {
            let problem =
                format!("--ca and --cert are for TLS: write https:// before the address, not {:?}", self.address);
            return Err(Failure::Usage(problem));
        }
        Ok(self.address.to_owned())
    }
}

fn said_of(flag: &'static str) -> impl Fn(String) -> Failure {
    move |problem| Failure::Usage(format!("{flag}: {problem}"))
}

fn of_the_system() -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        let problem = "this system has no authorities to believe (ca-certificates); name those of the bridge with --ca";
        return Err(Failure::Usage(problem.to_owned()));
    }
    Ok(store)
}

/// A connection, in TLS or not.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Connects to a host, in TLS where there is something to open it with.
pub(crate) async fn open(
    host: &str,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
) -> std::io::Result<Box<dyn Connection>> {
    // As it stands in a URL, an address of IPv6 has brackets.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await?;
    // It works without, only less well.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    Ok(Box::new(TlsConnector::from(tls).connect(name, stream).await?))
}

/// Believes one certificate, whatever it says: that of a bridge in this same process.
#[derive(Debug)]
struct Exactly {
    own: CertificateDer<'static>,
    signatures: Arc<WebPkiServerVerifier>,
}

impl Exactly {
    fn new(own: &CertificateDer<'static>) -> Result<Exactly, Failure> {
        let unusable = |error: &dyn std::error::Error| Failure::Usage(format!("the bridge's own certificate: {error}"));
        let mut anchor = RootCertStore::empty();
        anchor.add(own.clone()).map_err(|error| unusable(&error))?;
        let signatures = WebPkiServerVerifier::builder_with_provider(Arc::new(anchor), provider()).build();
        Ok(Exactly { own: own.clone(), signatures: signatures.map_err(|error| unusable(&error))? })
    }
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.own {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signatures.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signatures.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}

/// Why the bridge's certificate is not believed, or that it asks for one, and what to do. `None`: this error is about something
/// else.
pub(crate) fn disbelief(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An error of I/O shows the cause of what is in it, and not what is in it.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.map_or(error, |inner| inner as &(dyn std::error::Error + 'static));
        if let Some(rustls::Error::InvalidCertificate(wrong)) = inner.downcast_ref() {
            return Some(in_words(wrong));
        }
        // Clients of HTTP hand the alert on as text alone.
        if inner.to_string().contains(&format!("{:?}", AlertDescription::CertificateRequired)) {
            return Some("this port asks for a certificate: give --cert and --key");
        }
        cause = inner.source();
    }
    None
}

fn in_words(wrong: &CertificateError) -> &'static str {
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it, or mend the clock of this machine"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: mend the clock of one of the two machines"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name: the address must have a name of the certificate"
        }
        // Among them an authority of the system's that has the same name as the real one, and another kind of key.
        _ => {
            "its certificate is not signed by an authority that is believed here: --ca names one that the system does not know"
        }
    }
}

/// The first certificate of a file, for [`Trust::exactly`].
pub(crate) fn first_of(path: &Path) -> Option<CertificateDer<'static>> {
    chain(path).ok()?.into_iter().next()
}
