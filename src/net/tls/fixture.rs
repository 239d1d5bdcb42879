//! Certificates made for tests, and clients that trust them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::ClientConfig;

use super::{Authorities, ClientCertificate, Protocol, TlsFiles, authorities, chain, private_key, provider, verifier};

/// An authority, and a folder for what it signs.
pub(crate) struct Authority {
    pub(crate) folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Its certificate is in `ca.pem`.
    pub(crate) fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate for these names: `NAME.crt` and `NAME.key`.
    pub(crate) fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// The files of a port with this certificate.
    pub(crate) fn files(&self, name: &str, client_ca: Option<&Path>) -> TlsFiles {
        TlsFiles {
            certificate: (self.path(&format!("{name}.crt")), "--tls-cert"),
            key: (self.path(&format!("{name}.key")), "--tls-key"),
            client_ca: client_ca.map(|path| (path.to_owned(), "--grpc-client-ca")),
        }
    }

    /// What a port goes by that asks for this authority's certificates.
    pub(crate) fn authorities(&self) -> Arc<Authorities> {
        Authorities::new(verifier(authorities(&self.path("ca.pem")).unwrap()).unwrap())
    }

    /// The certificate `NAME.crt` as such a port passes it on.
    pub(crate) fn shown(&self, name: &str, port: &Arc<Authorities>) -> ClientCertificate {
        let chain = chain(&self.path(&format!("{name}.crt"))).unwrap();
        ClientCertificate::new(chain, Arc::clone(port)).unwrap()
    }

    /// Puts this authority in the place of the port's.
    pub(crate) fn replaces(&self, port: &Authorities) {
        port.replace(verifier(authorities(&self.path("ca.pem")).unwrap()).unwrap());
    }

    /// A client that believes this authority, and shows a certificate.
    pub(crate) fn client(&self, shown: Option<(&Authority, &str)>, protocol: Protocol) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(authorities(&self.path("ca.pem")).unwrap());
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some((of, name)) => {
                let (cert, key) = (of.path(&format!("{name}.crt")), of.path(&format!("{name}.key")));
                builder.with_client_auth_cert(chain(&cert).unwrap(), private_key(&key).unwrap()).unwrap()
            }
        };
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        Arc::new(config)
    }
}

/// A URI as a name.
pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}
