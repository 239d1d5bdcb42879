//! One connection's socket, plain or in TLS, as its read task and its shard share it.
//!
//! Plain, it is the socket and a branch. In TLS there is a session beside it, behind a lock that either side holds for one
//! read or write and never across an await. The shard puts a piece of plaintext in only when all ciphertext before it has
//! left, so at most [`MAX_SEALED_BYTES`] of a connection wait outside of its log; what is in is on its way and counts as
//! written. While ciphertext waits, the link is as full as a full socket: the same wake-up, the same deadline.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::ServerConnection;
use tokio::net::TcpStream;

use crate::net::tls::Stream;

use super::stream::is_temporary;

/// The plaintext that is sealed at once: two records. A client that stops reading keeps so much memory, and no more.
const MAX_SEALED_BYTES: usize = 32 << 10;
/// What may come without a byte of plaintext in it. A record is a quarter of this; a peer that sends only empty ones, or
/// only asks for new keys, is no client.
const MAX_BARREN_BYTES: usize = 64 << 10;

/// A connection's socket.
#[derive(Debug)]
pub enum Link {
    /// As it comes.
    Plain(TcpStream),
    /// In TLS.
    Tls(Box<Sealed>),
}

/// A socket and the TLS session on it.
#[derive(Debug)]
pub struct Sealed {
    stream: TcpStream,
    session: Mutex<Session>,
}

#[derive(Debug)]
struct Session {
    tls: ServerConnection,
    /// Bytes that came since some were plaintext.
    barren_bytes: usize,
    /// Whether the socket has taken something of which the shard has not heard: the read side answers, too.
    moved: bool,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// So many bytes are on their way, and the socket may take more.
    Took(usize),
    /// None is, as the socket is full.
    Full {
        /// Whether it has taken some of what waited before.
        moved: bool,
    },
}

impl Link {
    /// The socket of a connection past its handshakes.
    pub fn new(stream: Stream) -> Link {
        match stream {
            Stream::Plain(stream) => Link::Plain(stream),
            Stream::Tls(stream) => {
                let (stream, mut tls) = stream.into_inner();
                tls.set_buffer_limit(Some(MAX_SEALED_BYTES));
                Link::Tls(Box::new(Sealed {
                    stream,
                    session: Mutex::new(Session { tls, barren_bytes: 0, moved: false }),
                }))
            }
        }
    }

    /// The socket, for waiting, settings and its end. Whoever read or wrote there would break TLS.
    pub fn stream(&self) -> &TcpStream {
        match self {
            Link::Plain(stream) => stream,
            Link::Tls(sealed) => &sealed.stream,
        }
    }

    /// Whether there is a session beside the socket.
    pub fn is_tls(&self) -> bool {
        matches!(self, Link::Tls(_))
    }

    /// Writes what there is room for. `bytes` are not empty.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        match self {
            Link::Plain(stream) => match stream.try_write(bytes) {
                Ok(count) => Ok(Wrote::Took(count)),
                Err(error) if is_temporary(&error) => Ok(Wrote::Full { moved: false }),
                Err(error) => Err(error),
            },
            Link::Tls(sealed) => sealed.try_write(bytes),
        }
    }

    /// Writes what waits here. All of it is out: [`Wrote::Took`].
    ///
    /// # Errors
    /// The socket is broken.
    pub fn flush(&self) -> io::Result<Wrote> {
        match self {
            Link::Plain(_) => Ok(Wrote::Took(0)),
            Link::Tls(sealed) => sealed.flush(),
        }
    }

    /// Reads what there is, or fails with `WouldBlock`. 0: the peer has said all it had.
    ///
    /// # Errors
    /// There is nothing for now, or the socket is broken.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Link::Plain(stream) => stream.try_read(buffer),
            Link::Tls(sealed) => sealed.try_read(buffer),
        }
    }

    /// Ends our direction, or both. The read task sees an end.
    pub fn hang_up(&self, how: Shutdown) {
        if let (Link::Tls(sealed), Shutdown::Write) = (self, how) {
            let session = &mut *sealed.session();
            session.tls.send_close_notify();
            // Where the socket is full, the end of the stream has to do.
            let _ = sealed.push_out(session);
        }
        // A peer that is gone already is the only error there is.
        let _ = socket2::SockRef::from(self.stream()).shutdown(how);
    }
}

impl Sealed {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<Wrote> {
        let session = &mut *self.session();
        if !self.push_out(session)? {
            return Ok(Wrote::Full { moved: std::mem::take(&mut session.moved) });
        }
        let count = session.tls.writer().write(bytes)?;
        if count == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        // What the socket does not take now makes the next write wait.
        self.push_out(session)?;
        session.moved = false;
        Ok(Wrote::Took(count))
    }

    fn flush(&self) -> io::Result<Wrote> {
        let session = &mut *self.session();
        let is_empty = self.push_out(session)?;
        let moved = std::mem::take(&mut session.moved);
        Ok(if is_empty { Wrote::Took(0) } else { Wrote::Full { moved } })
    }

    /// Gives the socket the ciphertext that waits. `false`: it does not take all of it.
    fn push_out(&self, session: &mut Session) -> io::Result<bool> {
        while session.tls.wants_write() {
            match session.tls.write_tls(&mut Socket(&self.stream)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => session.moved = true,
                Err(error) if is_temporary(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = &mut *self.session();
        loop {
            match session.tls.reader().read(buffer) {
                // Also the end: the peer's last word, or its stream's end without one, which is an error.
                Ok(count) => {
                    session.barren_bytes = 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            session.barren_bytes += session.tls.read_tls(&mut Socket(&self.stream))?;
            if session.barren_bytes > MAX_BARREN_BYTES {
                return Err(io::Error::new(ErrorKind::InvalidData, "nothing but empty TLS records"));
            }
            let processed = session.tls.process_new_packets();
            // An alert, or our part of an exchange of keys. What the socket does not take now goes before the next write.
            let pushed = self.push_out(session);
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            pushed?;
        }
    }
}

/// The socket as rustls takes it.
struct Socket<'a>(&'a TcpStream);

impl io::Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl io::Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
