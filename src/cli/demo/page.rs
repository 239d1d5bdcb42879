//! The demo page's files, compiled in.

use crate::app::Page;

/// Everything that the page consists of.
pub(super) const PAGES: &[Page] = &[
    Page { path: "/", content_type: "text/html; charset=utf-8", body: include_str!("../../demo/index.html") },
    Page {
        path: "/demo/app.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../../demo/app.js"),
    },
    Page {
        path: "/demo/client.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../../demo/generated/client.js"),
    },
    Page {
        path: "/demo/rialto.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("../../demo/rialto.js"),
    },
    Page {
        path: "/demo/style.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("../../demo/style.css"),
    },
    Page { path: "/demo/icon.svg", content_type: "image/svg+xml", body: include_str!("../../demo/icon.svg") },
];
