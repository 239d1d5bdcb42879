//! What a call shows of who makes it, and whether that counts now.
//!
//! Asked when a call begins and again for each batch of its events: a certificate may have ended since, its authority may have
//! gone, a publisher may have been taken out of the list. The names in a certificate are a publisher's only where the authorities of
//! publishers vouch for it: those of operators, on the internal port, speak for operators alone.

use std::sync::Arc;
use std::time::SystemTime;

use super::Ingest;
use crate::auth::publishers::{Credential, Publisher, TokenHash, Unrecognised};
use crate::net::ClientCertificate;
use crate::net::tls::{Lapsed, lapse_of};
use crate::status::{Code, Status};

/// What a call shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The hash of its bearer token.
    pub token: Option<TokenHash>,
    /// The certificate that its connection was opened with.
    pub certificate: Option<ClientCertificate>,
}

impl Shown {
    /// Waits until the certificate does not count any more; without one for ever. Says what the call is told then.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn lapsed(&self) -> Status {
        lapse_of(self.certificate.as_ref()).await.into()
    }

    /// What the call is told if the certificate does not count any more.
    pub(super) fn lapse(&self) -> Option<Status> {
        let standing = self.certificate.as_ref()?.standing(SystemTime::now());
        standing.err().map(Status::from)
    }
}

impl Ingest {
    /// Whether who shows this may publish now, whatever it is. Each batch of events asks again.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: it is nobody's.
    pub fn admit(&self, shown: &Shown) -> Result<(), Status> {
        self.publisher(shown).map(|_| ())
    }

    /// Who shows this. `None`: nobody is asked.
    pub(super) fn publisher(&self, shown: &Shown) -> Result<Option<Arc<Publisher>>, Status> {
        let now = SystemTime::now();
        let certificate = shown.certificate.as_ref();
        certificate.map_or(Ok(()), |certificate| certificate.standing(now))?;
        let is_vouched = |certificate: &&ClientCertificate| {
            self.authorities.as_ref().is_some_and(|authorities| certificate.is_of(authorities, now))
        };
        let certificate = certificate.filter(is_vouched).map(|certificate| Arc::clone(certificate.names()));
        Ok(self.publishers.recognise(&Credential { token: shown.token, certificate })?)
    }
}

impl From<Unrecognised> for Status {
    fn from(error: Unrecognised) -> Self {
        Status::new(Code::Unauthenticated, error.reason(), error.to_string())
    }
}

impl From<Lapsed> for Status {
    fn from(lapsed: Lapsed) -> Self {
        Status::new(Code::Unauthenticated, lapsed.reason(), lapsed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::publishers::tests::publisher;
    use crate::auth::publishers::{Directory, Publishers};
    use crate::ingest::PublishContext;
    use crate::ingest::fixture::{shipped, shop};
    use crate::net::tls::fixture::Authority;

    /// What becomes of two events of one call.
    async fn reasons(ingest: &Ingest, context: &PublishContext) -> Vec<Option<&'static str>> {
        let results = ingest.publish(vec![shipped("o-1"), shipped("o-2")], context).await;
        results.into_iter().map(|result| result.err().map(|status| status.reason)).collect()
    }

    #[tokio::test]
    async fn each_batch_of_an_open_call_asks_whether_its_certificate_still_counts() {
        let (old, new) = (Authority::new(), Authority::new());
        old.sign("mesh", |_| ());
        let port = old.authorities();
        let list = Publishers::new([publisher("mesh", &[], &["localhost"])]);
        for list in [None, Some(list)] {
            old.replaces(&port);
            let ingest = Arc::into_inner(shop().ingest).unwrap().with_authorities(Some(Arc::clone(&port)));
            let ingest = ingest.with_publishers(Arc::new(Directory::new(list)));
            let shown = Shown { token: None, certificate: Some(old.shown("mesh", &port)) };
            assert!(ingest.admit(&shown).is_ok());
            let context = PublishContext::default().with_shown(shown.clone());
            assert_eq!(reasons(&ingest, &context).await, [None, None]);
            new.replaces(&port);
            assert_eq!(reasons(&ingest, &context).await, [Some("certificate_not_trusted"); 2]);
            assert_eq!(context.lapsed().await.reason, "certificate_not_trusted");
            assert_eq!(ingest.admit(&shown).unwrap_err().code, Code::Unauthenticated);
        }
    }
}
