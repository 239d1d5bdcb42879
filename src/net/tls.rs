//! TLS on a port: certificates from PEM files, exchanged while the port is open.
//!
//! A [`Tls`] holds what new connections are offered; [`Tls::replace`] puts something else there, and connections that are
//! open live on as they are. TLS 1.2 and 1.3, nothing older; no early data; no renegotiation. Sessions are resumed by
//! tickets that the client keeps, so none is kept here; where clients show certificates, nothing is resumed, so that each
//! connection is judged by the authorities of now, when it is opened and for as long as it lives.

mod client;
mod files;
mod stream;
mod verdict;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

pub use client::{Authorities, ClientCertificate, Lapsed, lapse_of};
pub use files::{TlsFiles, TlsMistake, authorities, chain, private_key};
pub use stream::Stream;

/// What a port speaks inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, and WebSocket on it.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// Its name in ALPN (RFC 7301).
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        }
    }
}

/// The one that is used everywhere.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What a port offers to new connections.
#[derive(Debug)]
pub struct Tls {
    current: RwLock<Arc<ServerConfig>>,
    /// Whose certificates clients must show, if they must.
    authorities: Option<Arc<Authorities>>,
}

impl Tls {
    /// Offers what these files hold.
    ///
    /// # Errors
    /// Each mistake in them.
    pub fn new(files: &TlsFiles, protocol: Protocol) -> Result<Arc<Tls>, Vec<TlsMistake>> {
        let (config, verifier) = server_config(files, protocol)?;
        Ok(Arc::new(Tls { current: RwLock::new(config), authorities: verifier.map(Authorities::new) }))
    }

    /// Offers what these files hold now. With a mistake in them everything stays as it is.
    ///
    /// # Errors
    /// Each mistake.
    pub fn replace(&self, files: &TlsFiles, protocol: Protocol) -> Result<(), Vec<TlsMistake>> {
        let (config, verifier) = server_config(files, protocol)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        if let (Some(authorities), Some(verifier)) = (&self.authorities, verifier) {
            authorities.replace(verifier);
        }
        Ok(())
    }

    /// Whose certificates clients must show. `None`: they need none.
    pub fn authorities(&self) -> Option<&Arc<Authorities>> {
        self.authorities.as_ref()
    }

    /// Opens TLS on a connection. The caller sets the deadline.
    ///
    /// # Errors
    /// The peer speaks no TLS that is taken here, shows no certificate that is believed, or has gone.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<(Stream, Option<ClientCertificate>)> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec);
        let shown = chain.zip(self.authorities.clone());
        let certificate = shown.and_then(|(chain, authorities)| ClientCertificate::new(chain, authorities));
        Ok((Stream::Tls(Box::new(stream)), certificate))
    }
}

fn verifier(authorities: RootCertStore) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider()).build()
}

type Offer = (Arc<ServerConfig>, Option<Arc<dyn ClientCertVerifier>>);

fn server_config(files: &TlsFiles, protocol: Protocol) -> Result<Offer, Vec<TlsMistake>> {
    let read = files.read()?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| vec![files.unusable(&error)])?;
    let verifier = match read.authorities {
        None => None,
        Some(authorities) => Some(verifier(authorities).map_err(|error| vec![files.unusable(&error)])?),
    };
    let builder = match verifier.clone() {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_single_cert(read.chain, read.key).map_err(|error| vec![files.not_a_pair(&error)])?;
    config.alpn_protocols = vec![protocol.alpn().to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if verifier.is_some() {
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| vec![files.unusable(&error)])?;
        config.send_tls13_tickets = 1;
    }
    Ok((Arc::new(config), verifier))
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
