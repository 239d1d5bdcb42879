//! HAProxy's PROXY protocol, versions 1 and 2: a proxy that hands on bytes says first whose they are.
//!
//! Exactly the header is read and not a byte more, so that whatever follows (TLS, HTTP, HTTP/2) begins where it should. A
//! header is bounded; everything that is not one is refused, as the other side would otherwise choose its own address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end.
const MAX_LINE_BYTES: usize = 107;
/// What version 2 may have behind its first 16 bytes: addresses and some notes of the proxy.
const MAX_REST_BYTES: usize = 2_048;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The connection is this client's.
    Client(SocketAddr),
    /// The proxy speaks for itself (`LOCAL`), or for somebody without an address (`UNKNOWN`).
    Nobody,
}

/// Reads the header from a connection. The caller sets the deadline.
///
/// # Errors
/// The connection ends, or begins with something else.
pub async fn read(stream: &mut TcpStream) -> io::Result<Said> {
    let mut first = [0; SIGNATURE.len()];
    stream.read_exact(&mut first).await?;
    if first == *SIGNATURE {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        let rest_bytes = usize::from(u16::from_be_bytes([head[2], head[3]]));
        if rest_bytes > MAX_REST_BYTES {
            return Err(wrong("too long"));
        }
        let mut rest = vec![0; rest_bytes];
        stream.read_exact(&mut rest).await?;
        return version_2(head[0], head[1], &rest);
    }
    if !first.starts_with(b"PROXY ") {
        return Err(wrong("not there"));
    }
    let mut line = first.to_vec();
    while !line.ends_with(b"\n") {
        if line.len() == MAX_LINE_BYTES {
            return Err(wrong("too long"));
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line)
}

fn wrong(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the PROXY header is {how}"))
}

/// `PROXY TCP4 192.0.2.7 192.0.2.1 56324 443`, and its end.
fn version_1(line: &[u8]) -> io::Result<Said> {
    let line =
        line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok()).ok_or_else(|| wrong("no line"))?;
    let words: Vec<&str> = line.split(' ').collect();
    let ip = |text: &str| text.parse::<IpAddr>().ok();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Ok(Said::Nobody),
        ["PROXY", family @ ("TCP4" | "TCP6"), client, own, client_port, own_port] => {
            let fits = |address: &IpAddr| address.is_ipv4() == (family == "TCP4");
            let client = ip(client).filter(fits).ok_or_else(|| wrong("without a client"))?;
            ip(own).filter(fits).ok_or_else(|| wrong("without our address"))?;
            // Digits alone: the standard library reads `+1`, too.
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let port =
                |text: &str| text.parse::<u16>().ok().filter(|_| digits(text)).ok_or_else(|| wrong("without ports"));
            port(own_port)?;
            Ok(Said::Client(SocketAddr::new(client.to_canonical(), port(client_port)?)))
        }
        _ => Err(wrong("not of version 1")),
    }
}

/// The bytes behind the signature: version and command, family and protocol, addresses.
fn version_2(version: u8, family: u8, rest: &[u8]) -> io::Result<Said> {
    match version {
        0x20 => return Ok(Said::Nobody),
        0x21 => {}
        _ => return Err(wrong("not of version 2")),
    }
    let client = match family {
        // TCP over IPv4.
        0x11 => rest.first_chunk::<12>().map(|bytes| {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *bytes;
            SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
        }),
        // TCP over IPv6.
        0x21 => rest.first_chunk::<36>().and_then(|bytes| {
            let address = Ipv6Addr::from(*bytes.first_chunk::<16>()?);
            let port = u16::from_be_bytes([bytes[32], bytes[33]]);
            Some(SocketAddr::new(IpAddr::V6(address).to_canonical(), port))
        }),
        // Unspecified, or a local socket: somebody who has no address.
        0x00 | 0x31 | 0x32 => return Ok(Said::Nobody),
        _ => return Err(wrong("of another protocol")),
    };
    client.map(Said::Client).ok_or_else(|| wrong("without addresses"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// What these bytes say, and what is left behind them.
    async fn said(bytes: &[u8]) -> Result<(Said, Vec<u8>), io::ErrorKind> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(30), read(&mut stream)).await.expect("it does not wait");
        let said = read.map_err(|error| error.kind())?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        Ok((said, rest))
    }

    fn second(version: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[version, family], &length, rest, b"GET /"].concat()
    }

    #[tokio::test]
    async fn headers_say_whose_a_connection_is_and_nothing_behind_them_is_taken() {
        let v4 = [192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 0x04, 0x01, 0xbb];
        let v6 = ["2001:db8::7".parse::<Ipv6Addr>().unwrap().octets(), [0; 16]].concat();
        let v6 = [&v6[..], &[0xdc, 0x04, 0, 80]].concat();
        let with_notes = [&v4[..], &[0x04, 0, 3, 1, 2, 3]].concat();
        for (bytes, expected) in [
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nGET /".to_vec(), Some("192.0.2.7:56324")),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\nGET /".to_vec(), Some("[2001:db8::7]:56324")),
            (b"PROXY UNKNOWN\r\nGET /".to_vec(), None),
            (b"PROXY UNKNOWN ffff:f:f 1 2 3 4\r\nGET /".to_vec(), None),
            (second(0x21, 0x11, &v4), Some("192.0.2.7:56324")),
            (second(0x21, 0x11, &with_notes), Some("192.0.2.7:56324")),
            (second(0x21, 0x21, &v6), Some("[2001:db8::7]:56324")),
            (second(0x20, 0x11, &v4), None),
            (second(0x20, 0x00, b""), None),
            (second(0x21, 0x00, b""), None),
        ] {
            let expected = expected.map_or(Said::Nobody, |client| Said::Client(client.parse().unwrap()));
            assert_eq!(said(&bytes).await, Ok((expected, b"GET /".to_vec())), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[tokio::test]
    async fn everything_else_is_refused() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        let long = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
        for (bytes, expected) in [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 192.0.2.7".to_vec(), UnexpectedEof),
            (b"PRO".to_vec(), UnexpectedEof),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n".to_vec(), InvalidData),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 70000\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 +443\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n".to_vec(), InvalidData),
            (b"PROXY TCP4 192.0.2.7  192.0.2.1 1 2\r\n".to_vec(), InvalidData),
            (b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n".to_vec(), InvalidData),
            (b"PROXY  UNKNOWN\r\n".to_vec(), InvalidData),
            (long, InvalidData),
            (second(0x11, 0x11, &[0; 12]), InvalidData),
            (second(0x21, 0x11, &[0; 11]), InvalidData),
            (second(0x21, 0x12, &[0; 12]), InvalidData),
            (second(0x21, 0x21, &[0; 35]), InvalidData),
            (second(0x21, 0x11, &vec![0; MAX_REST_BYTES + 1]), InvalidData),
            ([&SIGNATURE[..], &[0x21, 0x11, 0, 12, 1]].concat(), UnexpectedEof),
        ] {
            assert_eq!(said(&bytes).await.unwrap_err(), expected, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
