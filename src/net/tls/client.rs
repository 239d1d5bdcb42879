//! The authorities of clients' certificates on a port, and certificates that they vouch for.
//!
//! A connection can outlive its certificate, and the authority that vouched for it. So a [`ClientCertificate`] is judged again
//! whenever something is done with it ([`ClientCertificate::standing`]): by the authorities of now, at the time of now, all of its
//! chain. It promises that this costs a look at the clock while neither has changed anything.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error};
use tokio::time::sleep;
use webpki::EndEntityCert;

use super::verdict::end;

/// Names that are taken from one client's certificate; one with more is somebody's mistake, and counts as having these.
const MAX_NAMES: usize = 64;
/// Between two looks at the certificate of a connection on which nothing happens.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Who vouches for clients now.
pub struct Authorities(RwLock<Current>);

#[derive(Clone)]
struct Current {
    /// How often they were exchanged.
    generation: u64,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Authorities {
    /// Those of this verifier.
    pub(super) fn new(verifier: Arc<dyn ClientCertVerifier>) -> Arc<Authorities> {
        Arc::new(Authorities(RwLock::new(Current { generation: 0, verifier })))
    }

    /// From now on those of this one.
    pub(super) fn replace(&self, verifier: Arc<dyn ClientCertVerifier>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current { generation: current.generation + 1, verifier };
    }

    fn current(&self) -> Current {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities").field("generation", &self.current().generation).finish_non_exhaustive()
    }
}

/// Why a certificate does not count. The text is for its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lapsed {
    /// Its time is over, or that of one that vouches for it.
    #[error("the client certificate of this connection has ended; connect again with its successor")]
    Ended,
    /// No authority of now vouches for it.
    #[error(
        "the client certificate of this connection is of no authority that counts here now; connect again with one that is"
    )]
    Unvouched,
}

impl Lapsed {
    /// A stable word for it.
    pub fn reason(self) -> &'static str {
        match self {
            Lapsed::Ended => "certificate_expired",
            Lapsed::Unvouched => "certificate_not_trusted",
        }
    }
}

/// The certificate that a connection was opened with, in the extensions of every request on it. There only where one was asked
/// for and verified.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Shown>);

struct Shown {
    names: Arc<[Box<str>]>,
    /// The client's own first.
    chain: Vec<CertificateDer<'static>>,
    /// Who vouched for it.
    port: Arc<Authorities>,
    judged: Mutex<Option<Judged>>,
}

/// What was found, and for how long that holds: in whole seconds since 1970, as certificates have them.
#[derive(Clone, Copy)]
struct Judged {
    generation: u64,
    from: u64,
    /// The last second of a certificate of the chain.
    until: Option<u64>,
    verdict: Result<(), Lapsed>,
}

impl ClientCertificate {
    /// The certificate at the front of this chain, shown to a port of these authorities. `None`: there is none.
    pub(super) fn new(chain: Vec<CertificateDer<'static>>, port: Arc<Authorities>) -> Option<ClientCertificate> {
        let own = EndEntityCert::try_from(chain.first()?).ok()?;
        let names = own.valid_uri_names().chain(own.valid_dns_names());
        let names = names.take(MAX_NAMES).map(Box::from).collect();
        Some(ClientCertificate(Arc::new(Shown { names, chain, port, judged: Mutex::default() })))
    }

    /// Its URI and DNS names (RFC 5280, section 4.2.1.6), as they stand in it.
    pub fn names(&self) -> &Arc<[Box<str>]> {
        &self.0.names
    }

    /// Whether the authorities of its port vouch for it now.
    ///
    /// # Errors
    /// Why it does not count any more.
    pub fn standing(&self, now: SystemTime) -> Result<(), Lapsed> {
        let (current, now_s) = (self.0.port.current(), seconds(now));
        let mut judged = self.0.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |judged: &Judged| {
            judged.generation == current.generation
                && judged.from <= now_s
                && judged.until.is_none_or(|until| now_s <= until)
        };
        if let Some(judged) = judged.filter(holds) {
            return judged.verdict;
        }
        let verdict = self.judge(&*current.verifier, now);
        let ends = self.0.chain.iter().filter_map(end).map(seconds);
        let until = ends.filter(|end| *end >= now_s).min();
        *judged = Some(Judged { generation: current.generation, from: now_s, until, verdict });
        verdict
    }

    /// Whether these authorities vouch for it now, whoever's port it was shown to.
    pub fn is_of(&self, authorities: &Arc<Authorities>, now: SystemTime) -> bool {
        match Arc::ptr_eq(authorities, &self.0.port) {
            true => self.standing(now).is_ok(),
            false => self.judge(&*authorities.current().verifier, now).is_ok(),
        }
    }

    /// Waits until it does not count any more.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    async fn lapsed(&self) -> Lapsed {
        loop {
            match self.standing(SystemTime::now()) {
                Ok(()) => sleep(LOOK_EVERY).await,
                Err(lapsed) => return lapsed,
            }
        }
    }

    fn judge(&self, verifier: &dyn ClientCertVerifier, now: SystemTime) -> Result<(), Lapsed> {
        let Some((own, rest)) = self.0.chain.split_first() else { return Err(Lapsed::Unvouched) };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds(now)));
        match verifier.verify_client_cert(own, rest, now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                Err(Lapsed::Ended)
            }
            Err(_) => Err(Lapsed::Unvouched),
        }
    }
}

/// Waits until this certificate does not count any more; without one for ever. Says why.
///
/// # Cancel safety
/// Nothing is lost.
pub async fn lapse_of(certificate: Option<&ClientCertificate>) -> Lapsed {
    match certificate {
        Some(certificate) => certificate.lapsed().await,
        None => std::future::pending().await,
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate").field(&self.0.names).finish()
    }
}
