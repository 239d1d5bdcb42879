//! The addresses that were taken, and the file that tells them to whoever started the bridge.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

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
