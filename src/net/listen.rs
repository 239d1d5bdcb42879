//! Binding a port, with an error that says what to do.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel may hold ready before they are accepted. The kernel lowers it to its own
/// `net.core.somaxconn`; a burst of reconnecting browsers should not be limited by us.
const BACKLOG: i32 = 65_535;

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has it.
    #[error(
        "cannot listen on {address}: the port is in use; stop what uses it, or choose another with {flag} (port 0 takes a free one)"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// Ports below 1024 need privileges.
    #[error("cannot listen on {address}: not permitted; choose a port from 1024 with {flag}")]
    NotPermitted {
        /// The address.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// The address is of no interface of this machine.
    #[error("cannot listen on {address}: this machine does not have that address; choose another with {flag}")]
    NotAvailable {
        /// The address.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
    },
    /// Anything else.
    #[error("cannot listen on {address} ({flag})")]
    Io {
        /// The address.
        address: SocketAddr,
        /// The flag that chooses another.
        flag: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// Binds `address` and listens, non-blocking. `flag` is what the user would change, `--listen`.
///
/// An IPv6 wildcard takes IPv4 connections too.
///
/// # Errors
/// When the address cannot be had: says which, why, and what to change.
pub fn listen(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ListenError> {
    bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address, flag },
        io::ErrorKind::PermissionDenied => ListenError::NotPermitted { address, flag },
        io::ErrorKind::AddrNotAvailable => ListenError::NotAvailable { address, flag },
        _ => ListenError::Io { address, flag, source },
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Otherwise a restart has to wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_together_with_the_flag_that_changes_it() {
        let first = listen("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(address, "--grpc").unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {address}: the port is in use; stop what uses it, or choose another with --grpc \
                 (port 0 takes a free one)"
            )
        );
    }

    #[test]
    fn an_address_of_another_machine_is_said_to_be_so() {
        let error = listen("192.0.2.1:0".parse().unwrap(), "--listen").unwrap_err();
        assert!(matches!(error, ListenError::NotAvailable { .. }), "{error:?}");
    }
}
