//! Rialto: the bridge between a company's gRPC services and its users' browsers.
//!
//! Services publish events over gRPC, browsers subscribe over WebSocket and get JSON, and one set of `.proto` files says
//! what may cross. The floors of the house, from the bottom: [`ids`], [`status`], [`proto`]; [`schema`], [`log`],
//! [`transcode`], [`wire`], [`session`], [`codegen`]; [`hub`], [`engine`], [`revision`], [`ingest`], [`auth`], [`limits`], [`net`], [`metrics`];
//! [`grpc`], [`socket`], [`admin`]; [`config`], [`app`], [`cli`].

pub mod admin;
pub mod app;
pub mod auth;
pub mod cli;
pub mod codegen;
pub mod config;
pub mod engine;
pub mod grpc;
pub mod hub;
pub mod ids;
pub mod ingest;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod net;
pub mod proto;
pub mod revision;
pub mod schema;
pub mod session;
pub mod socket;
pub mod status;
pub mod transcode;
pub mod wire;
