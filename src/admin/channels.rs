//! `AdminService.ListChannels`: what the channels are doing.
//!
//! Served on the internal port, and on the first one for the page that a demo serves there.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;

use super::service::{answer, read, tenant_of};
use super::{Gauges, Guard, Result, method_not_allowed};
use crate::hub::{MAX_LISTED, Order, Query, Summary};
use crate::ingest::Ingest;
use crate::proto::rialto::v1::{
    ChannelOrder, ChannelSummary, ListChannelsRequest, ListChannelsResponse, Position as ProtoPosition,
};
use crate::schema::Schema;

/// How many are listed when nothing is said.
const LISTED: usize = 100;

#[derive(Clone)]
struct Channels {
    ingest: Arc<Ingest>,
    gauges: Arc<dyn Gauges>,
    guard: Guard,
}

/// `POST /rialto.v1.AdminService/ListChannels` for those whom the guard lets through.
pub fn channel_routes(ingest: Arc<Ingest>, gauges: Arc<dyn Gauges>, guard: Guard) -> Router {
    let only_post = async || method_not_allowed("POST");
    Router::new()
        .route("/rialto.v1.AdminService/ListChannels", post(list_channels).fallback(only_post))
        .with_state(Channels { ingest, gauges, guard })
}

async fn list_channels(State(channels): State<Channels>, request: Request) -> Result<Response> {
    let Channels { ingest, gauges, guard } = channels;
    let asked: ListChannelsRequest = read(&ingest, &guard, "rialto.v1.ListChannelsRequest", request).await?;
    let order = match asked.order() {
        ChannelOrder::Name => Order::Name,
        ChannelOrder::Unspecified | ChannelOrder::Rate => Order::Rate,
    };
    let limit = if asked.limit == 0 { LISTED } else { (asked.limit as usize).min(MAX_LISTED) };
    let tenant = tenant_of(&ingest, &asked.tenant)?;
    let listing = gauges.list_channels(&Query { tenant, prefix: asked.prefix, after: asked.after, limit, order });
    let last = listing.channels.last().filter(|_| order == Order::Name && listing.channels.len() == limit);
    let next = last.map(|channel| channel.name.to_string()).unwrap_or_default();
    let schema = &ingest.revision().schema;
    let response = ListChannelsResponse {
        channels: listing.channels.into_iter().map(|channel| summary(channel, schema)).collect(),
        total: listing.total as u64,
        next,
    };
    answer(&ingest, "rialto.v1.ListChannelsResponse", &response)
}

fn summary(channel: Summary, schema: &Schema) -> ChannelSummary {
    let template = schema.channel(channel.name.as_str()).map(|template| template.message_name.to_string());
    ChannelSummary {
        template: template.unwrap_or_default(),
        subscriptions: channel.subscriptions,
        events_per_second: channel.events_per_second,
        head: Some(ProtoPosition { epoch: channel.head.epoch.to_string(), sequence: channel.head.sequence }),
        oldest: channel.oldest,
        log_bytes: channel.bytes as u64,
        name: channel.name.to_string(),
    }
}
