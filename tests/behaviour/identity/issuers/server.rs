//! An issuer that serves its keys over HTTPS, well or badly.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Set(String),
    /// With this status line, and this set all the same.
    SetAs(&'static str, String),
    Redirect(&'static str),
    Slow,
    Huge,
    HangUp,
}

/// A running server; dropped, it stops.
pub(crate) struct Issuer {
    pub(crate) url: String,
    /// The authority that its certificate is of.
    pub(crate) authority: PathBuf,
    pub(crate) asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Issuer {
    pub(crate) async fn start(first: Answer) -> Issuer {
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("ca.pem");
        std::fs::write(&authority, certified.cert.pem()).expect("the folder is there");
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("https://{}/keys", listener.local_addr().expect("an address"));
        let (answer, asked) = (Arc::new(Mutex::new(first)), Arc::new(AtomicUsize::new(0)));
        let (answers, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers.lock().expect("nobody panics").clone();
                let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    // Who does not trust it leaves.
                    let _ = serve(stream, acceptor, answer, &count).await;
                });
            }
        });
        Issuer { url, authority, asked, answer, task, _folder: folder }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().expect("nobody panics") = answer;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, answer: Answer, count: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let (mut request, mut buffer) = (Vec::new(), [0; 1_024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&buffer[..read]),
        }
    }
    count.fetch_add(1, Ordering::SeqCst);
    let text = |status: &str, more: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n{body}", body.len())
    };
    match answer {
        Answer::Set(set) => stream.write_all(text("200 OK", "", &set).as_bytes()).await?,
        Answer::SetAs(status, set) => stream.write_all(text(status, "", &set).as_bytes()).await?,
        Answer::Redirect(to) => {
            stream.write_all(text("302 Found", &format!("location: {to}\r\n"), "").as_bytes()).await?;
        }
        Answer::Slow => std::future::pending().await,
        Answer::Huge => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n").await?;
            let chunk = vec![b' '; 64 << 10];
            for _ in 0..1_600 {
                stream.write_all(&chunk).await?;
            }
        }
        Answer::HangUp => {}
    }
    stream.shutdown().await
}
