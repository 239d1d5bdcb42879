//! The end of a connection whose peer may still be sending.
//!
//! A socket that is closed while bytes of its peer are unread, or on their way, is reset: the peer's next write fails, and it may
//! never read our last words. [`Lingering`] says that nothing more comes and then throws away what still arrives, until the peer
//! is at its end too, for a while and so many bytes at most.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::pass::pass_writes;

/// A peer far away reads what was said and closes within this.
const MOST: Duration = Duration::from_secs(2);
/// More than a window of HTTP/2: who sends it does not listen.
const MAX_BYTES: usize = 32 << 20;
/// What is thrown away at once.
const PIECE_BYTES: usize = 4 << 10;

/// A stream that lingers when it is shut down.
pub struct Lingering<S> {
    stream: S,
    /// From when our side is shut down.
    until: Option<Pin<Box<Sleep>>>,
    discarded_bytes: usize,
}

impl<S> Lingering<S> {
    /// This stream.
    pub fn new(stream: S) -> Self {
        Lingering { stream, until: None, discarded_bytes: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    pass_writes!(stream);

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Lingering { stream, until, discarded_bytes } = &mut *self;
        let until = match until {
            Some(until) => until,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
                until.insert(Box::pin(sleep(MOST)))
            }
        };
        let mut piece = [0; PIECE_BYTES];
        while *discarded_bytes <= MAX_BYTES && until.as_mut().poll(context).is_pending() {
            let mut piece = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                break;
            }
            *discarded_bytes += piece.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// What the client reads to its end, and whether it could go on sending.
    async fn talk(server: impl AsyncWrite + Unpin + Send + 'static, mut client: TcpStream) -> io::Result<String> {
        client.write_all(&[0; 50_000]).await?;
        let mut server = server;
        let ending = tokio::spawn(async move {
            server.write_all(b"the last words").await?;
            server.shutdown().await
        });
        let mut words = [0; 14];
        client.read_exact(&mut words).await?;
        client.write_all(&[0; 50_000]).await?;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await?;
        drop(client);
        timeout(PATIENCE, ending).await.expect("it ends with its peer").unwrap()?;
        Ok(String::from_utf8_lossy(&[&words[..], &rest].concat()).into_owned())
    }

    #[tokio::test]
    async fn a_peer_that_is_still_sending_reads_the_last_words_and_an_end() {
        let (client, server) = pair().await;
        assert_eq!(talk(Lingering::new(server), client).await.unwrap(), "the last words");
        let (client, server) = pair().await;
        assert!(talk(server, client).await.is_err(), "without it the connection is reset");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_ends_is_left_after_a_while() {
        let (_client, server) = tokio::io::duplex(100);
        let mut server = Lingering::new(server);
        let begun = tokio::time::Instant::now();
        timeout(PATIENCE, server.shutdown()).await.expect("an end").unwrap();
        assert_eq!(begun.elapsed(), MOST);
    }
}
