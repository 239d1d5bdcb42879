//! The page that shows a bridge at work: live channels, events, a publish form made from the schema.
//!
//! `rialto demo` and `rialto dev` mount it on the first port, for people on the same machine. Its files are part of the
//! program; beside them it gets two documents: what the schema says, and where everything listens and which schema is served.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;

use super::{Addresses, Urls, slow_link};
use crate::codegen::json_schema;
use crate::ingest::Ingest;
use crate::net::pages::{Body, Page};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The files, by path.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../demo/index.html")),
    ("/demo/style.css", STYLE, include_str!("../demo/style.css")),
    ("/demo/icon.svg", "image/svg+xml", include_str!("../demo/icon.svg")),
    // The TypeScript that the page shows.
    ("/demo/feed.ts", PLAIN, include_str!("../demo/page/feed.ts")),
    ("/demo/page.js", SCRIPT, include_str!("../demo/generated/page.js")),
];

/// The page's files and documents.
pub(super) fn pages(
    ingest: &Arc<Ingest>,
    addresses: &Addresses,
    urls: &Urls,
    slow: SocketAddr,
    story: bool,
) -> Vec<Page> {
    let files = FILES.iter().map(|(path, content_type, text)| Page { path, content_type, body: Body::Fixed(text) });
    let (served, ingest) = (Arc::clone(ingest), Arc::clone(ingest));
    let schema = move || json_schema(&served.revision().schema).to_string();
    let where_it_listens = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "listen": addresses.listen.to_string(),
        "grpc": addresses.grpc.to_string(),
        "admin": addresses.admin.to_string(),
        "websocketUrl": urls.websocket,
        "adminUrl": urls.admin,
        // The command line takes an address for a port without TLS.
        "grpcUrl": urls.grpc.strip_prefix("http://").unwrap_or(&urls.grpc),
        "slowPort": slow.port(),
        "slowBytesPerSecond": slow_link::BYTES_PER_SECOND,
        // Whether somebody publishes the demo's story, so that the page knows what to follow.
        "story": story,
    });
    let node = move || {
        let mut node = where_it_listens.clone();
        // Asked for now and then: the page must not go on with a schema that is not served any more.
        node["fingerprint"] = ingest.revision().schema.fingerprint().into();
        node.to_string()
    };
    let made = [("/demo/schema.json", Body::Made(Arc::new(schema))), ("/demo/node.json", Body::Made(Arc::new(node)))];
    files.chain(made.into_iter().map(|(path, body)| Page { path, content_type: JSON, body })).collect()
}
