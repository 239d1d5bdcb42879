//! The addresses that were taken, and the file that tells them to whoever started the bridge.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

use crate::config::{Config, Port};

/// Where a bridge listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Browsers: `/ws`, `/health`, `/ready`.
    pub listen: SocketAddr,
    /// Backends: gRPC.
    pub grpc: SocketAddr,
    /// Internal: `/v1/publish`, `/health`, `/ready`.
    pub admin: SocketAddr,
}

/// The same, as people and programs write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// The root of what browsers see, without a slash at its end.
    pub page: String,
    /// For WebSockets.
    pub websocket: String,
    /// For gRPC.
    pub grpc: String,
    /// The internal port, without a slash at its end.
    pub admin: String,
}

impl Urls {
    /// Those of a bridge with this configuration that has taken these addresses.
    pub fn of(config: &Config, addresses: &Addresses) -> Urls {
        let [s, grpc_s, admin_s] = Port::ALL.map(|port| if config.tls.is_on(port) { "s" } else { "" });
        let (base, Addresses { listen, grpc, admin }) = (&config.proxy.base_path, addresses);
        Urls {
            page: format!("http{s}://{listen}{base}"),
            websocket: format!("ws{s}://{listen}{base}/ws"),
            grpc: format!("http{grpc_s}://{grpc}"),
            admin: format!("http{admin_s}://{admin}"),
        }
    }
}

/// Writes the file whole: a reader sees nothing or everything.
pub(super) fn write(path: &Path, addresses: &Addresses) -> io::Result<()> {
    let text = serde_json::to_string(addresses).map_err(io::Error::other)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, text + "\n")?;
    fs::rename(&beside, path).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
