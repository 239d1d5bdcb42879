//! `AdminService` for people and scripts: each call is a POST of JSON to `/rialto.v1.AdminService/Method`, the Connect
//! protocol's unary JSON form, so `curl` and Connect clients need nothing else.
//!
//! Requests pass the same guard as publishing.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use pbjson_types::Timestamp;
use prost::Message;

use super::answer::Detail;
use super::body::{self, Bounds};
use super::{Gauges, Guard, Result, method_not_allowed};
use crate::ids::Tenant;
use crate::ingest::Ingest;
use crate::net::refused::Refused;
use crate::proto::rialto::v1::{
    BreakingChange, GetNodeRequest, GetNodeResponse, ReloadSchemaRequest, ReloadSchemaResponse, SchemaMistake,
};
use crate::revision::{Asker, Breaking, DryRun, Reload, ReloadError, ReloadRequest};
use crate::schema::compare::Change;
use crate::schema::{LoadError, Mistake};
use crate::status::{Code, Status};

/// What a request may be: the messages are small, so that all connections together need no budget for them.
const REQUEST: Bounds = Bounds { max_bytes: 64 << 10, advice: "no call needs as many" };

#[derive(Clone)]
struct Service {
    ingest: Arc<Ingest>,
    gauges: Arc<dyn Gauges>,
    reload: Reload,
    guard: Guard,
}

/// The calls, for whom the guard lets through.
pub(super) fn service_routes(ingest: Arc<Ingest>, gauges: Arc<dyn Gauges>, reload: Reload, guard: Guard) -> Router {
    let only_post = async || method_not_allowed("POST");
    Router::new()
        .route("/rialto.v1.AdminService/GetNode", post(get_node).fallback(only_post))
        .route("/rialto.v1.AdminService/ReloadSchema", post(reload_schema).fallback(only_post))
        .with_state(Service { ingest, gauges, reload, guard })
}

async fn get_node(State(service): State<Service>, request: Request) -> Result<Response> {
    let GetNodeRequest {} = read(&service.ingest, &service.guard, "rialto.v1.GetNodeRequest", request).await?;
    let health = service.gauges.health();
    let response = GetNodeResponse {
        node: health.node,
        version: health.version,
        fingerprint: health.fingerprint,
        started: Some(timestamp(health.started)),
        connections: health.connections,
        subscriptions: health.subscriptions,
        channels: health.channels,
        revision: service.ingest.revision().number,
    };
    answer(&service.ingest, "rialto.v1.GetNodeResponse", &response)
}

async fn reload_schema(State(service): State<Service>, request: Request) -> Result<Response> {
    let asked: ReloadSchemaRequest =
        read(&service.ingest, &service.guard, "rialto.v1.ReloadSchemaRequest", request).await?;
    let request = ReloadRequest {
        breaking: Some(if asked.allow_breaking { Breaking::Allowed } else { Breaking::Refused }),
        dry_run: if asked.dry_run { DryRun::Yes } else { DryRun::No },
        asker: Asker::Admin,
    };
    let reloaded = service.reload.reload(request).await?;
    let response = ReloadSchemaResponse {
        fingerprint: reloaded.fingerprint,
        revision: reloaded.revision,
        changed: reloaded.changed,
        warnings: reloaded.warnings.into_iter().map(schema_mistake).collect(),
        breaking: reloaded.breaking.into_iter().map(breaking_change).collect(),
        ended_subscriptions: reloaded.ended_subscriptions as u64,
    };
    answer(&service.ingest, "rialto.v1.ReloadSchemaResponse", &response)
}

fn schema_mistake(mistake: Mistake) -> SchemaMistake {
    let Mistake { file, line, column, message, advice } = mistake;
    SchemaMistake { file, line, column, message, advice }
}

fn breaking_change(change: Change) -> BreakingChange {
    let Change { severity: _, rule, file, line, column, message, why, advice } = change;
    BreakingChange { rule: rule.name().into(), file, line, column, message, why: why.into(), advice }
}

impl From<ReloadError> for Refused {
    fn from(error: ReloadError) -> Self {
        let message = error.to_string();
        let refused = |code, reason| Refused::new(Status::new(code, reason, message));
        match error {
            ReloadError::Broken(LoadError { mistakes, may_hide_more }) => {
                let mistakes = mistakes.into_iter().map(schema_mistake).collect();
                refused(Code::FailedPrecondition, "broken_schema")
                    .with_detail(&Detail::SchemaMistakes { mistakes, complete: !may_hide_more })
            }
            ReloadError::Breaking { changes, subscriptions } => {
                let subscriptions = subscriptions as u64;
                let changes = changes.into_iter().map(breaking_change).collect();
                let detail = Detail::BreakingChanges { changes, subscriptions };
                refused(Code::FailedPrecondition, "breaking_schema").with_detail(&detail)
            }
            ReloadError::Stopping => refused(Code::Unavailable, "stopping"),
        }
    }
}

/// The request's message, read by the schema's own rules.
pub(super) async fn read<M: Message + Default>(
    ingest: &Ingest,
    guard: &Guard,
    name: &'static str,
    request: Request,
) -> Result<M> {
    let (head, body) = request.into_parts();
    guard.check(&head)?;
    let invalid = |message: String| Refused::new(Status::new(Code::InvalidArgument, "malformed_request", message));
    let body = body::read(&head, body, &REQUEST, ingest, |_| Ok(())).await?;
    let revision = ingest.revision();
    let message = revision.schema.pool().message_index(name).ok_or_else(|| missing(name))?;
    let wire = revision.transcoder.from_json(message, &body).map_err(|error| invalid(error.to_string()))?;
    M::decode(&wire[..]).map_err(|error| invalid(error.to_string()))
}

/// The answer, printed as events are: every field, numbers as numbers.
pub(super) fn answer(ingest: &Ingest, name: &'static str, response: &impl Message) -> Result<Response> {
    let revision = ingest.revision();
    let message = revision.schema.pool().message_index(name).ok_or_else(|| missing(name))?;
    let mut json = Vec::new();
    revision.transcoder.to_json(message, &response.encode_to_vec(), &mut json).map_err(|_| missing(name))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], json).into_response())
}

pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    // A clock before 1970 is wrong by so much that the epoch will do.
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
        nanos: since_epoch.subsec_millis() as i32 * 1_000_000,
    }
}

/// A schema always has Rialto's own messages; this is what is said if one ever does not.
fn missing(name: &'static str) -> Refused {
    Refused::new(Status::new(Code::Internal, "missing_message", format!("{name} cannot be printed or read")))
}

/// The tenant that is named: one that could never be would be a mistake that looks like a success.
pub(super) fn tenant_of(ingest: &Ingest, name: &str) -> Result<Tenant> {
    let must_be_named = ingest.limits().require_tenant;
    let problem = match Tenant::parse(name) {
        Ok(tenant) => return Ok(tenant),
        Err(_) if name.is_empty() && !must_be_named => return Ok(Tenant::default_tenant()),
        Err(_) if name.is_empty() => "must be named: this bridge has nobody without a tenant".to_owned(),
        Err(wrong) => wrong.to_string(),
    };
    let status = Status::new(Code::InvalidArgument, "invalid_tenant", format!("tenant: {problem}"));
    Err(Refused::new(status.with_violation("tenant", problem)))
}
