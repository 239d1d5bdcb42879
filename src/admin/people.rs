//! `AdminService.Disconnect` and `AdminService.Revoke`: ending the connections of somebody, and keeping them out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;

use super::service::{answer, read, tenant_of, timestamp};
use super::{Guard, Result, method_not_allowed};
use crate::auth::{Full, MAX_NAME_BYTES, Subject, is_name};
use crate::ingest::Ingest;
use crate::net::refused::Refused;
use crate::proto::rialto::v1::{
    DisconnectRequest, DisconnectResponse, RevokeRequest, RevokeResponse, disconnect_request, revoke_request,
};
use crate::status::{Code, Status};

/// What comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Who can end connections.
pub trait Doorkeeper: Send + Sync {
    /// Ends the connections of this subject. Says how many there were.
    fn disconnect(&self, subject: Subject) -> Later<usize>;
    /// Refuses the subject's tokens from now on, and ends its connections. Says until when, or `None`: as long as
    /// the bridge lives, and how many there were.
    fn revoke(&self, subject: Subject) -> Later<std::result::Result<(Option<SystemTime>, usize), Full>>;
}

#[derive(Clone)]
struct People {
    ingest: Arc<Ingest>,
    doorkeeper: Arc<dyn Doorkeeper>,
    guard: Guard,
}

/// The calls, for whom the guard lets through.
pub(super) fn people_routes(ingest: Arc<Ingest>, doorkeeper: Arc<dyn Doorkeeper>, guard: Guard) -> Router {
    let only_post = async || method_not_allowed("POST");
    Router::new()
        .route("/rialto.v1.AdminService/Disconnect", post(disconnect).fallback(only_post))
        .route("/rialto.v1.AdminService/Revoke", post(revoke).fallback(only_post))
        .with_state(People { ingest, doorkeeper, guard })
}

/// Whom a request of this module names: both kinds of it say so in the same words.
macro_rules! subject {
    ($request:ident, $asked:ident, $ingest:ident) => {{
        let tenant = tenant_of(&$ingest, &$asked.tenant)?;
        match &$asked.whom {
            Some($request::Whom::User(name)) => named("user", name).map(|name| Subject::User(tenant, name.into())),
            Some($request::Whom::Session(name)) => {
                named("session", name).map(|name| Subject::Session(tenant, name.into()))
            }
            Some($request::Whom::TokenId(name)) => {
                named("tokenId", name).map(|name| Subject::Token(tenant, name.into()))
            }
            None => Err(nobody()),
        }
    }};
}

async fn disconnect(State(people): State<People>, request: Request) -> Result<Response> {
    let People { ingest, doorkeeper, guard } = people;
    let asked: DisconnectRequest = read(&ingest, &guard, "rialto.v1.DisconnectRequest", request).await?;
    let subject = subject!(disconnect_request, asked, ingest)?;
    let connections = doorkeeper.disconnect(subject.clone()).await as u64;
    let (tenant, [user, session, token]) = told(&subject);
    tracing::info!(tenant, user, session, token, connections, "disconnected by an administrator");
    answer(&ingest, "rialto.v1.DisconnectResponse", &DisconnectResponse { connections })
}

async fn revoke(State(people): State<People>, request: Request) -> Result<Response> {
    let People { ingest, doorkeeper, guard } = people;
    let asked: RevokeRequest = read(&ingest, &guard, "rialto.v1.RevokeRequest", request).await?;
    let subject = subject!(revoke_request, asked, ingest)?;
    let (until, connections) = doorkeeper
        .revoke(subject.clone())
        .await
        .map_err(|full| Refused::new(Status::new(Code::ResourceExhausted, "too_many_revocations", full.to_string())))?;
    let connections = connections as u64;
    let (tenant, [user, session, token]) = told(&subject);
    tracing::info!(tenant, user, session, token, connections, "revoked by an administrator");
    answer(&ingest, "rialto.v1.RevokeResponse", &RevokeResponse { connections, until: until.map(timestamp) })
}

/// Whom it was about, for the log: the tenant where it has a name, and user, session or token. As text, so that each is quoted.
fn told(subject: &Subject) -> (Option<&str>, [Option<&str>; 3]) {
    let (tenant, whom) = match subject {
        Subject::User(tenant, user) => (tenant, [Some(&**user), None, None]),
        Subject::Session(tenant, session) => (tenant, [None, Some(session.as_str()), None]),
        Subject::Token(tenant, token) => (tenant, [None, None, Some(&**token)]),
    };
    (Some(tenant.as_str()).filter(|name| !name.is_empty()), whom)
}

fn named<'a>(field: &str, name: &'a str) -> Result<&'a str> {
    if is_name(name) {
        return Ok(name);
    }
    let problem = format!("must have 1 to {MAX_NAME_BYTES} bytes and no control characters");
    let status = Status::new(Code::InvalidArgument, "invalid_name", format!("{field} {problem}"));
    Err(Refused::new(status.with_violation(field, problem)))
}

fn nobody() -> Refused {
    Refused::new(Status::new(Code::InvalidArgument, "nobody_named", "say whom: a user, a session or a tokenId"))
}
