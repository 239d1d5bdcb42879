//! When a certificate of our own counts.

use std::time::{Duration, SystemTime};

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

/// Later than any certificate: 9999-12-31, which X.509 has for "never" (RFC 5280, section 4.1.2.5).
const THE_END: Duration = Duration::from_secs(253_402_300_799);

/// Whether a certificate counts at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// It ends before it begins.
    Never,
    /// Not any more, since then.
    Expired(SystemTime),
    /// Not before then.
    NotYet(SystemTime),
}

/// Whether it counts now.
pub(super) fn verdict(certificate: &CertificateDer<'_>, now: SystemTime) -> Verdict {
    let since = |time: UnixTime| SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    match judge(certificate, now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()) {
        Some(Error::CertExpired { not_after, .. }) => Verdict::Expired(since(not_after)),
        Some(Error::CertNotValidYet { not_before, .. }) => Verdict::NotYet(since(not_before)),
        Some(Error::InvalidCertValidity) => Verdict::Never,
        _ => Verdict::Good,
    }
}

/// When it ends.
pub(super) fn end(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    match judge(certificate, THE_END) {
        Some(Error::CertExpired { not_after, .. }) => {
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(not_after.as_secs()))
        }
        _ => None,
    }
}

/// What verifying it at this time stumbles over first. Its times come before its issuer, who is of no matter here.
fn judge(certificate: &CertificateDer<'_>, at: Duration) -> Option<Error> {
    let own = EndEntityCert::try_from(certificate).ok()?;
    let anchors: Vec<_> = anchor_from_trusted_cert(certificate).into_iter().collect();
    let algorithms = super::provider().signature_verification_algorithms.all;
    let at = UnixTime::since_unix_epoch(at);
    own.verify_for_usage(algorithms, &anchors, &[], at, KeyUsage::server_auth(), None, None).err()
}
