//! What a tenant may have: whether there must be one, and how many connections.
//!
//! A connection is counted as soon as it is known whose it is, before the upgrade where the token came with it, and until
//! its read task drops the [`Held`].

use std::sync::Arc;

use crate::ids::Tenant;
use crate::limits::{Held, Keyed};
use crate::metrics::{Limit, Metrics};
use crate::session::principal::{Known, Principal};
use crate::status::PeerCode;

use super::gate::Refused;

/// The connections of all tenants.
#[derive(Debug, Default)]
pub struct Tenancy {
    /// Whether a token must name a tenant.
    pub required: bool,
    /// Connections of one tenant. `None`: as many as there may be.
    pub max_connections: Option<u32>,
    /// Where hits are counted.
    pub metrics: Arc<Metrics>,
    counts: Arc<Keyed<Tenant>>,
}

impl Tenancy {
    /// A bridge that requires tenants, or not, and allows each so many connections.
    pub fn new(required: bool, max_connections: Option<u32>, metrics: Arc<Metrics>) -> Self {
        Tenancy { required, max_connections, metrics, counts: Arc::default() }
    }

    /// Whether somebody of this tenant may be there at all.
    pub(super) fn check(&self, tenant: &Tenant) -> Result<(), Refused> {
        if self.required && tenant.is_default() {
            let message = "the token names no tenant, and this bridge serves only those of a tenant";
            return Err(Refused::new(PeerCode::InvalidToken, message));
        }
        Ok(())
    }

    /// Counts one more connection of this principal, if its tenant may have it.
    pub(super) fn enter(&self, principal: &Principal) -> Result<Held<Tenant>, Refused> {
        let most = self.max_connections.filter(|_| principal.known == Known::ByToken);
        self.counts.take(principal.tenant.clone(), most.unwrap_or(u32::MAX)).ok_or_else(|| {
            self.metrics.limits.hit(Limit::MaxConnectionsPerTenant, &principal.tenant);
            let message = "this tenant has as many connections as one may have; close some, then try again";
            Refused::new(PeerCode::Overloaded, message)
        })
    }

    /// How many connections each tenant has that has any.
    pub(super) fn connections(&self) -> Vec<(Tenant, u64)> {
        self.counts.counts().into_iter().map(|(tenant, count)| (tenant, u64::from(count))).collect()
    }
}
