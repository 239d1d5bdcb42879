//! Keeps web pages from publishing.
//!
//! A page of another site can make its visitor's browser send requests to internal addresses. It cannot send
//! `application/json` without the browser asking first (which is never allowed), it cannot hide its `Origin` on a POST, and
//! a name of its own that it has pointed at an internal address (DNS rebinding) stands in `Host`. Each alone would do
//! for today's browsers; all three are asked for.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;

use super::Result;
use crate::net::forwarded::ForwardedTo;
use crate::net::refused::Refused;
use crate::status::{Code, Status};

/// Which requests may publish.
#[derive(Clone, Debug)]
pub struct Guard {
    pages: Pages,
    allowed_hosts: Arc<[String]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pages {
    None,
    SameOrigin,
}

impl Guard {
    /// No page at all. Requests may be addressed to an IP address, to `localhost`, or to one of these names.
    pub fn internal(allowed_hosts: Vec<String>) -> Self {
        Guard { pages: Pages::None, allowed_hosts: allowed_hosts.into() }
    }

    /// Only pages that this same port serves. For the demo.
    pub fn same_origin(allowed_hosts: Vec<String>) -> Self {
        Guard { pages: Pages::SameOrigin, allowed_hosts: allowed_hosts.into() }
    }

    /// These routes for whoever may read here. Pages that another name leads to get nothing.
    pub fn reading(self, routes: Router) -> Router {
        routes.layer(middleware::from_fn(move |request: Request, next: Next| {
            let guard = self.clone();
            async move {
                let (head, body) = request.into_parts();
                match guard.check_reader(&head) {
                    Ok(()) => next.run(Request::from_parts(head, body)).await,
                    Err(refused) => refused.into_response(),
                }
            }
        }))
    }

    /// Whether a request with this head may publish.
    pub(super) fn check(&self, head: &Parts) -> Result<()> {
        self.check_reader(head)?;
        if !is_json(&head.headers) {
            let message = "the Content-Type must be application/json";
            return Err(Refused::new(Status::new(Code::InvalidArgument, "not_json", message))
                .with_http_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        // RFC 9110, section 15.5.16.
        if head
            .headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            let message = "no Content-Encoding is taken; send the body as it is";
            return Err(Refused::new(Status::new(Code::InvalidArgument, "content_encoded", message))
                .with_http_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        Ok(())
    }

    /// Whether a request with this head, which changes nothing and has no body, may be answered.
    pub(super) fn check_reader(&self, head: &Parts) -> Result<()> {
        let authority = self.authority(head).ok_or_else(|| {
            let message = "the Host of the request is not a name of this port; use its IP address or localhost";
            Refused::new(Status::new(Code::PermissionDenied, "foreign_host", message))
                .with_http_status(StatusCode::MISDIRECTED_REQUEST)
        })?;
        if head.headers.contains_key(header::ORIGIN) && !self.may(head, &authority) {
            let message = "pages of other origins may not use this port; call it from a backend";
            return Err(Refused::new(Status::new(Code::PermissionDenied, "foreign_origin", message)));
        }
        Ok(())
    }

    /// Whom the request is addressed to. A trusted proxy's word says which name its client has asked for, beside the one
    /// that the proxy has asked for and never instead of it: a page whose name leads straight here writes that header too.
    fn authority(&self, head: &Parts) -> Option<Authority> {
        let known = |authority: &Authority| self.knows(authority.host());
        let own = own_authority(head).filter(known)?;
        match head.extensions.get::<ForwardedTo>().and_then(|to| to.host.as_deref()) {
            Some(host) => Authority::try_from(host).ok().filter(is_plain).filter(known),
            None => Some(own),
        }
    }

    fn knows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        literal
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host))
    }

    fn may(&self, head: &Parts, authority: &Authority) -> bool {
        let mut origins = head.headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
        let same = |scheme: &str| origin.as_bytes() == format!("{scheme}{authority}").as_bytes();
        let scheme = head.extensions.get::<ForwardedTo>().and_then(|to| to.scheme.as_deref());
        let is_same = match scheme {
            Some(scheme) => same(&format!("{}://", scheme.to_ascii_lowercase())),
            None => same("http://") || same("https://"),
        };
        self.pages == Pages::SameOrigin && is_same
    }
}

/// Whom the request is addressed to by itself: a proxy's form of the request line, or exactly one `Host`.
fn own_authority(head: &Parts) -> Option<Authority> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    Authority::try_from(host.as_bytes()).ok().filter(is_plain)
}

/// Without a user.
fn is_plain(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return false };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_trusted_proxy_its_word_about_host_and_scheme_counts() {
        let demo = Guard::same_origin(vec!["backend".to_owned()]);
        for (own, host, scheme, origin, expected) in [
            ("backend:1", "localhost:8443", Some("https"), "https://localhost:8443", true),
            ("backend:1", "localhost:8443", Some("https"), "http://localhost:8443", false),
            ("backend:1", "localhost:8443", None, "http://localhost:8443", true),
            ("backend:1", "localhost:8443", Some("https"), "https://backend:1", false),
            ("backend:1", "evil.example", Some("https"), "https://evil.example", false),
            ("backend:1", "a@localhost", None, "http://a@localhost", false),
            // A page of this name, which leads straight here, writes what it likes.
            ("evil.example", "localhost:8443", None, "http://localhost:8443", false),
            ("evil.example", "localhost:8443", None, "http://evil.example", false),
        ] {
            let to = ForwardedTo { host: Some(host.into()), scheme: scheme.map(Into::into) };
            let request = axum::http::Request::get("/").header("host", own).header("origin", origin);
            let (head, ()) = request.extension(to).body(()).unwrap().into_parts();
            assert_eq!(demo.check_reader(&head).is_ok(), expected, "{own} {host} {scheme:?} {origin}");
        }
    }

    fn answer(guard: &Guard, headers: &[(&str, &str)]) -> u16 {
        let mut request = axum::http::Request::post("/v1/publish");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        match guard.check(&head) {
            Ok(()) => 200,
            Err(refused) => refused.into_response().status().as_u16(),
        }
    }

    #[test]
    fn hosts_origins_and_content_types_are_checked() {
        let internal = Guard::internal(vec!["rialto.internal".into()]);
        let demo = Guard::same_origin(Vec::new());
        let json = ("content-type", "application/json");
        let local = ("host", "127.0.0.1:9090");
        type Row<'a> = (&'a Guard, &'a [(&'a str, &'a str)], u16);
        let table: &[Row<'_>] = &[
            (&internal, &[local, json], 200),
            (&internal, &[local, ("content-type", "Application/JSON; charset=utf-8")], 200),
            (&internal, &[("host", "localhost:1"), json], 200),
            (&internal, &[("host", "[::1]:9090"), json], 200),
            (&internal, &[("host", "demo.localhost"), json], 200),
            (&internal, &[("host", "10.1.2.3"), json], 200),
            (&internal, &[("host", "Rialto.Internal:9090"), json], 200),
            (&internal, &[("host", "evil.example:9090"), json], 421),
            (&internal, &[("host", "localhost.evil.example"), json], 421),
            (&internal, &[("host", "127.0.0.1.evil.example"), json], 421),
            (&internal, &[("host", "localhost@evil.example"), json], 421),
            (&internal, &[("host", "evil.example@localhost"), json], 421),
            (&internal, &[local, ("host", "evil.example"), json], 421),
            (&internal, &[json], 421),
            (&internal, &[local], 415),
            (&internal, &[local, ("content-type", "text/plain")], 415),
            (&internal, &[local, ("content-type", "application/json-patch+json")], 415),
            (&internal, &[local, json, ("content-type", "text/plain")], 415),
            (&internal, &[local, json, ("content-encoding", "Identity")], 200),
            (&internal, &[local, json, ("content-encoding", "gzip")], 415),
            (&internal, &[local, json, ("content-encoding", "identity"), ("content-encoding", "br")], 415),
            (&internal, &[local, json, ("content-encoding", "")], 415),
            (&internal, &[local, json, ("origin", "http://127.0.0.1:9090")], 403),
            (&internal, &[local, json, ("origin", "null")], 403),
            (&internal, &[local, json, ("origin", "")], 403),
            (&demo, &[local, json, ("origin", "http://127.0.0.1:9090")], 200),
            (&demo, &[local, json], 200),
            (&demo, &[local, json, ("origin", "http://127.0.0.1:9091")], 403),
            (&demo, &[local, json, ("origin", "http://localhost:9090")], 403),
            (&demo, &[local, json, ("origin", "null")], 403),
            (&demo, &[local, json, ("origin", "http://127.0.0.1:9090"), ("origin", "http://evil.example")], 403),
            (&demo, &[("host", "evil.example"), json, ("origin", "http://evil.example")], 421),
            (&demo, &[local, ("origin", "http://127.0.0.1:9090"), ("content-type", "text/plain")], 415),
        ];
        for (guard, headers, expected) in table {
            assert_eq!(answer(guard, headers), *expected, "{guard:?} {headers:?}");
        }
    }
}
