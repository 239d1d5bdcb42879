//! TLS: whose certificate a port shows, and whose it asks for.

use std::path::PathBuf;

use super::key::{Group, Key, Takes};
use super::{Mistake, value};
use crate::net::tls::{Protocol, Tls, TlsFiles};

/// One of the three ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// `--listen`: browsers.
    Listen,
    /// `--grpc`: backends.
    Grpc,
    /// `--admin`: operators.
    Admin,
}

impl Port {
    /// Every port.
    pub const ALL: [Port; 3] = [Port::Listen, Port::Grpc, Port::Admin];

    /// The flag that says where it is.
    pub fn flag(self) -> &'static str {
        match self {
            Port::Listen => "--listen",
            Port::Grpc => "--grpc",
            Port::Admin => "--admin",
        }
    }

    /// What is spoken inside TLS.
    pub fn protocol(self) -> Protocol {
        match self {
            Port::Grpc => Protocol::Http2,
            Port::Listen | Port::Admin => Protocol::Http1,
        }
    }
}

/// Everything about certificates. Without one the ports are plain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// A PEM file with the certificate and what leads to its authority.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its key.
    pub key: Option<PathBuf>,
    /// The ports that have it. Empty: every one.
    pub ports: Vec<Port>,
    /// Another certificate for the backends' port.
    pub grpc_certificate: Option<PathBuf>,
    /// Its key.
    pub grpc_key: Option<PathBuf>,
    /// The authorities whose certificates publishers must show.
    pub grpc_client_ca: Option<PathBuf>,
    /// The authorities whose certificates operators must show.
    pub admin_client_ca: Option<PathBuf>,
}

impl TlsConfig {
    /// The configuration keys that name a file.
    pub(super) const FILES: [&str; 6] =
        ["tls-cert", "tls-key", "grpc-tls-cert", "grpc-tls-key", "grpc-client-ca", "admin-client-ca"];

    /// The files of a port that has TLS.
    pub fn files(&self, port: Port) -> Option<TlsFiles> {
        let client_ca = match port {
            Port::Listen => None,
            Port::Grpc => self.grpc_client_ca.clone().map(|path| (path, "--grpc-client-ca")),
            Port::Admin => self.admin_client_ca.clone().map(|path| (path, "--admin-client-ca")),
        };
        if port == Port::Grpc
            && let (Some(certificate), Some(key)) = (&self.grpc_certificate, &self.grpc_key)
        {
            let (certificate, key) = ((certificate.clone(), "--grpc-tls-cert"), (key.clone(), "--grpc-tls-key"));
            return Some(TlsFiles { certificate, key, client_ca });
        }
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return None;
        }
        let (certificate, key) = (self.certificate.clone()?, self.key.clone()?);
        Some(TlsFiles { certificate: (certificate, "--tls-cert"), key: (key, "--tls-key"), client_ca })
    }

    /// Whether only who shows a certificate gets in there.
    pub fn asks_for_certificates(&self, port: Port) -> bool {
        self.files(port).is_some_and(|files| files.client_ca.is_some())
    }

    /// Whether a port has TLS.
    pub fn is_on(&self, port: Port) -> bool {
        self.files(port).is_some()
    }

    /// What is wrong with what was said, and with the files.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let halves = [
            ("--tls-cert", &self.certificate, "--tls-key", &self.key),
            ("--grpc-tls-cert", &self.grpc_certificate, "--grpc-tls-key", &self.grpc_key),
        ];
        for (certificate_flag, certificate, key_flag, key) in halves {
            let (said, missing) = match (certificate, key) {
                (Some(_), None) => (certificate_flag, key_flag),
                (None, Some(_)) => (key_flag, certificate_flag),
                _ => continue,
            };
            mistakes.push(mistake(
                said,
                format!("a certificate needs its key, and a key its certificate: give {missing} too"),
            ));
        }
        if !self.ports.is_empty() && self.certificate.is_none() {
            mistakes.push(mistake(
                "--tls-port",
                "there is no certificate for it; give --tls-cert and --tls-key".to_owned(),
            ));
        }
        if !mistakes.is_empty() {
            return mistakes;
        }
        for (port, flag, asked) in [
            (Port::Grpc, "--grpc-client-ca", self.grpc_client_ca.is_some()),
            (Port::Admin, "--admin-client-ca", self.admin_client_ca.is_some()),
        ] {
            if asked && !self.is_on(port) {
                let problem = format!(
                    "clients show certificates in TLS only, and {} has none; give --tls-cert and --tls-key for it",
                    port.flag()
                );
                mistakes.push(mistake(flag, problem));
            }
        }
        for port in Port::ALL {
            let Some(files) = self.files(port) else { continue };
            for wrong in Tls::new(&files, port.protocol()).err().unwrap_or_default() {
                let wrong = mistake(wrong.option, wrong.problem);
                // Ports that share a file share its mistakes.
                if !mistakes.contains(&wrong) {
                    mistakes.push(wrong);
                }
            }
        }
        mistakes
    }
}

fn mistake(flag: &str, problem: String) -> Mistake {
    let key = KEYS.iter().find(|key| key.flag() == flag);
    Mistake { key: flag.to_owned(), problem, example: key.map_or_else(String::new, |key| key.example.to_owned()) }
}

fn port(text: &str) -> Result<Port, String> {
    let port = Port::ALL.into_iter().find(|port| port.flag().strip_prefix("--") == Some(text));
    port.ok_or_else(|| format!("{text:?} is not one of listen, grpc, admin"))
}

/// A key that names a file.
macro_rules! file {
    ($name:literal, $field:ident, $help:literal, $example:literal) => {
        Key {
            name: $name,
            group: Group::Edge,
            takes: Takes::One("PATH"),
            help: $help,
            example: $example,
            read: |config, text| value::path(text).map(|path| config.tls.$field = Some(path)),
            show: |config| config.tls.$field.iter().map(|path| path.display().to_string()).collect(),
        }
    };
}

pub(super) const KEYS: &[Key] = &[
    file!(
        "tls-cert",
        certificate,
        "A PEM file with the certificate that the ports show, and what leads to its authority; read again when it changes",
        "/etc/rialto/tls.crt"
    ),
    file!("tls-key", key, "A PEM file with the key of --tls-cert", "/etc/rialto/tls.key"),
    Key {
        name: "tls-port",
        group: Group::Edge,
        takes: Takes::Many("PORT"),
        help: "A port that --tls-cert is for: listen, grpc or admin; default: every one; may be repeated",
        example: "listen",
        read: |config, text| port(text).map(|port| config.tls.ports.push(port)),
        show: |config| config.tls.ports.iter().map(|port| port.flag().trim_start_matches('-').to_owned()).collect(),
    },
    file!("grpc-tls-cert", grpc_certificate, "A certificate for --grpc alone", "/etc/rialto/grpc.crt"),
    file!("grpc-tls-key", grpc_key, "A PEM file with the key of --grpc-tls-cert", "/etc/rialto/grpc.key"),
    file!(
        "grpc-client-ca",
        grpc_client_ca,
        "A PEM file with the authorities of publishers' certificates: --grpc takes only who shows one of theirs",
        "/etc/rialto/publishers-ca.pem"
    ),
    file!(
        "admin-client-ca",
        admin_client_ca,
        "A PEM file with the authorities of operators' certificates: --admin takes only who shows one of theirs",
        "/etc/rialto/operators-ca.pem"
    ),
];

#[cfg(test)]
mod tests;
