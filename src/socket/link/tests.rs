//! Bytes over real sockets with small buffers: all of them, once, and nothing kept that need not be.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::net::tls::fixture::Authority;
use crate::net::tls::{Protocol, Tls};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A link and its client, with small buffers between them.
async fn pair() -> (Link, TlsStream<TcpStream>) {
    let own = Authority::new();
    own.sign("own", |_| ());
    let tls = Tls::new(&own.files("own", None), Protocol::Http1).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = own.client(None, Protocol::Http1);
    let client = tokio::spawn(async move {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let stream = socket.connect(address).await.unwrap();
        TlsConnector::from(client).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    });
    let (stream, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&stream).set_send_buffer_size(4 << 10).unwrap();
    let (stream, _) = tls.accept(stream).await.unwrap();
    (Link::new(stream), client.await.unwrap())
}

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

/// Fills the link; gives what it took.
fn fill(link: &Link, bytes: &[u8]) -> usize {
    let mut taken = 0;
    loop {
        match link.try_write(&bytes[taken..]).unwrap() {
            Wrote::Took(count) => taken += count,
            Wrote::Full { .. } => return taken,
        }
    }
}

#[tokio::test]
async fn a_full_socket_is_full_and_what_was_taken_comes_once_and_in_order() {
    let (link, mut client) = pair().await;
    let bytes = some_bytes(2 << 20);
    let mut taken = fill(&link, &bytes);
    assert!(taken < bytes.len() / 2, "the kernel has {taken} bytes");
    assert_eq!(link.flush().unwrap(), Wrote::Full { moved: false });
    assert_eq!(link.try_write(&bytes[taken..]).unwrap(), Wrote::Full { moved: false }, "nothing is queued beside it");
    let expected = bytes.clone();
    let reading = tokio::spawn(async move {
        let mut came = vec![0; expected.len()];
        client.read_exact(&mut came).await.unwrap();
        assert!(came == expected, "bytes were lost, doubled or changed");
        client
    });
    let write = async {
        while taken < bytes.len() {
            link.stream().writable().await.unwrap();
            taken += fill_some(&link, &bytes[taken..]);
        }
        while link.flush().unwrap() != Wrote::Took(0) {
            link.stream().writable().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, write).await.expect("the client reads");
    let mut client = tokio::time::timeout(PATIENCE, reading).await.expect("all comes").unwrap();
    link.hang_up(Shutdown::Write);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "TLS ends before the stream does");
}

/// Writes until nothing more goes in or out.
fn fill_some(link: &Link, bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { fill_or_all(link, bytes) }
}

fn fill_or_all(link: &Link, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match link.try_write(&bytes[taken..]).unwrap() {
            Wrote::Took(count) => taken += count,
            Wrote::Full { .. } => break,
        }
    }
    taken
}

#[tokio::test]
async fn what_the_read_side_moves_is_told_to_the_write_side() {
    let (link, mut client) = pair().await;
    let bytes = some_bytes(2 << 20);
    fill(&link, &bytes);
    assert_eq!(link.flush().unwrap(), Wrote::Full { moved: false });
    let Link::Tls(sealed) = &link else { panic!("it is TLS") };
    let mut some = vec![0; 512 << 10];
    let reading = tokio::spawn(async move {
        client.read_exact(&mut some).await.unwrap();
        client
    });
    let moves = async {
        while !sealed.session().moved {
            link.stream().writable().await.unwrap();
            // As the read side does when it has read.
            sealed.push_out(&mut sealed.session()).unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, moves).await.expect("the client reads");
    reading.abort();
    assert!(matches!(link.flush().unwrap(), Wrote::Took(0) | Wrote::Full { moved: true }));
    fill(&link, &bytes);
    sealed.session().moved = true;
    assert_eq!(link.try_write(&bytes).unwrap(), Wrote::Full { moved: true });
    assert!(!sealed.session().moved, "it is told once");
}

#[tokio::test]
async fn little_is_sealed_ahead_of_the_kernel() {
    let (link, _client) = pair().await;
    let bytes = some_bytes(2 << 20);
    fill(&link, &bytes);
    let Link::Tls(sealed) = &link else { panic!("it is TLS") };
    let mut waiting = 0;
    // What is left is taken out by hand: all that the link holds.
    let tls = &mut sealed.session().tls;
    while tls.wants_write() {
        waiting += tls.write_tls(&mut io::sink()).unwrap();
    }
    assert!(waiting > 0 && waiting <= MAX_SEALED_BYTES + 1_024, "{waiting} bytes wait");
}

/// Reads until so many bytes have come.
async fn read(link: &Link, count: usize) -> Vec<u8> {
    let mut came = Vec::new();
    let mut more = true;
    while came.len() < count {
        if !more {
            link.stream().readable().await.unwrap();
        }
        let mut buffer = [0; 1_000];
        match link.try_read(&mut buffer) {
            Ok(read) => {
                assert!(read > 0, "an end after {} bytes", came.len());
                came.extend_from_slice(&buffer[..read]);
                more = read == buffer.len();
            }
            Err(error) => {
                assert!(is_temporary(&error), "{error}");
                more = false;
            }
        }
    }
    came
}

#[tokio::test]
async fn what_is_read_is_whole_however_small_the_reads_are() {
    let (link, mut client) = pair().await;
    let bytes = some_bytes(300_000);
    let sent = bytes.clone();
    let sending = tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.flush().await.unwrap();
        client
    });
    let came = tokio::time::timeout(PATIENCE, read(&link, bytes.len())).await.expect("all comes");
    assert!(came == bytes);
    let mut client = sending.await.unwrap();
    client.shutdown().await.unwrap();
    let end = async {
        loop {
            link.stream().readable().await.unwrap();
            match link.try_read(&mut [0; 16]) {
                Err(error) if is_temporary(&error) => {}
                ended => return ended,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, end).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_flood_without_plaintext_ends_the_connection() {
    let (link, client) = pair().await;
    let (mut stream, mut tls) = client.into_inner();
    let flooding = tokio::spawn(async move {
        let mut sent = 0;
        loop {
            // One byte inside, so that rustls makes a record; then its content type and byte are no application data.
            tls.refresh_traffic_keys().unwrap();
            let mut records = Vec::new();
            while tls.wants_write() {
                sent += tls.write_tls(&mut records).unwrap();
            }
            if stream.write_all(&records).await.is_err() || sent > 8 * MAX_BARREN_BYTES {
                return sent;
            }
        }
    });
    let refused = async {
        loop {
            link.stream().readable().await.unwrap();
            match link.try_read(&mut [0; 64]) {
                Err(error) if is_temporary(&error) => {}
                other => return other,
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("it is refused");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidData);
    link.hang_up(Shutdown::Both);
    tokio::time::timeout(PATIENCE, flooding).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_plain_link_is_its_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let link = Arc::new(Link::new(Stream::Plain(listener.accept().await.unwrap().0)));
    assert_eq!(link.flush().unwrap(), Wrote::Took(0));
    link.stream().writable().await.unwrap();
    assert_eq!(link.try_write(b"hello").unwrap(), Wrote::Took(5));
    let mut came = [0; 5];
    client.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"hello");
    assert!(!link.is_tls());
}
