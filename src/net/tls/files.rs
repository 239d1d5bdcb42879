//! Certificates, keys and authorities out of PEM files, with what is wrong about them said by file.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::verdict::{Verdict, end, verdict};

/// The largest file that is read: a bundle of all public authorities has a quarter of it.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Sooner than this before its end a certificate is worth a warning.
const ENDS_SOON: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Where a port's certificate is, and which option said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and what leads to its authority, by `--tls-cert`.
    pub certificate: (PathBuf, &'static str),
    /// Its key, by `--tls-key`.
    pub key: (PathBuf, &'static str),
    /// The authorities of clients' certificates, where clients must show one, by `--grpc-client-ca`.
    pub client_ca: Option<(PathBuf, &'static str)>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsMistake {
    /// The option that names it.
    pub option: &'static str,
    /// What is wrong and what to do.
    pub problem: String,
}

impl fmt::Display for TlsMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.problem)
    }
}

/// What the files hold.
pub(super) struct Read {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) authorities: Option<RootCertStore>,
}

impl TlsFiles {
    /// The files.
    pub fn paths(&self) -> Vec<PathBuf> {
        let own = [&self.certificate.0, &self.key.0];
        own.into_iter().chain(self.client_ca.as_ref().map(|(path, _)| path)).cloned().collect()
    }

    pub(super) fn read(&self) -> Result<Read, Vec<TlsMistake>> {
        let mut mistakes = Vec::new();
        let mut told = |option, problem| mistakes.push(TlsMistake { option, problem });
        let chain = chain(&self.certificate.0).and_then(|chain| check_times(&self.certificate.0, chain));
        let chain = chain.map_err(|problem| told(self.certificate.1, problem)).ok();
        let key = private_key(&self.key.0).map_err(|problem| told(self.key.1, problem)).ok();
        let authorities = self
            .client_ca
            .as_ref()
            .map(|(path, option)| authorities(path).map_err(|problem| told(option, problem)).ok());
        match (chain, key, authorities) {
            (Some(chain), Some(key), None) => Ok(Read { chain, key, authorities: None }),
            (Some(chain), Some(key), Some(Some(authorities))) => {
                Ok(Read { chain, key, authorities: Some(authorities) })
            }
            _ => Err(mistakes),
        }
    }

    pub(super) fn not_a_pair(&self, error: &rustls::Error) -> TlsMistake {
        let (key, certificate) = (self.key.0.display(), self.certificate.0.display());
        let problem = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!(
                    "{key} is not the key of the first certificate in {certificate}; give the two that were made together"
                )
            }
            error => format!(
                "{key} and {certificate} cannot be used ({error}); RSA from 2048 bits, P-256, P-384 and Ed25519 can"
            ),
        };
        TlsMistake { option: self.key.1, problem }
    }

    pub(super) fn unusable(&self, error: &dyn std::error::Error) -> TlsMistake {
        let (option, path) = match &self.client_ca {
            Some((path, option)) => (*option, path),
            None => (self.certificate.1, &self.certificate.0),
        };
        TlsMistake { option, problem: format!("{} cannot be used: {error}", path.display()) }
    }
}

fn check_times(path: &Path, chain: Vec<CertificateDer<'static>>) -> Result<Vec<CertificateDer<'static>>, String> {
    let (own, now) = (&chain[0], SystemTime::now());
    let path = path.display();
    match verdict(own, now) {
        Verdict::Expired(since) => return Err(format!("{path} ended on {}; renew it", day(since))),
        Verdict::NotYet(from) => {
            return Err(format!("{path} begins on {}; check the clock, or wait for it", day(from)));
        }
        Verdict::Never => return Err(format!("{path} ends before it begins; have it made anew")),
        Verdict::Good => {}
    }
    let end = end(own);
    if let Some(end) = end.filter(|end| end.duration_since(now).is_ok_and(|left| left < ENDS_SOON)) {
        tracing::warn!(
            "the certificate {path} ends on {}; put its successor in its place, no restart is needed",
            day(end)
        );
    }
    Ok(chain)
}

fn day(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The certificates in a file, a port's own first.
///
/// # Errors
/// There is none, in words.
pub fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("{} is not PEM: {error}", path.display()))?;
    let Some(first) = chain.first() else {
        return Err(format!("{} has no certificate: it should have -----BEGIN CERTIFICATE-----", path.display()));
    };
    let broken = |error| format!("{} has a certificate that cannot be read: {error}", path.display());
    webpki::EndEntityCert::try_from(first).map_err(broken)?;
    Ok(chain)
}

/// The private key in a file.
///
/// # Errors
/// There is none that can be used, in words.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let path = path.display();
        match error {
            _ if contains(&pem, b"ENCRYPTED") => {
                format!("the key in {path} is encrypted, and nobody is there to ask for its password: `openssl pkey -in FILE -out KEY`")
            }
            pem::Error::NoItemsFound => format!("{path} has no private key: it should have -----BEGIN PRIVATE KEY-----"),
            error => format!("{path} is not PEM: {error}"),
        }
    })
}

/// The authorities in a file.
///
/// # Errors
/// There is none, in words.
pub fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut authorities = RootCertStore::empty();
    for certificate in chain_of_authorities(path)? {
        let unusable = |error| format!("{} has an authority that cannot be used: {error}", path.display());
        authorities.add(certificate).map_err(unusable)?;
    }
    Ok(authorities)
}

fn chain_of_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| format!("{} is not PEM: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("{} has no certificate: it should have -----BEGIN CERTIFICATE-----", path.display()));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("{} has more than the {MAX_FILE_BYTES} bytes that are read", path.display()));
    }
    Ok(bytes)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}
