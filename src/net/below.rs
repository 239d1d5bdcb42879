//! A port whose routes are all below a path.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use tower::ServiceExt as _;

/// These routes below a path, `/live`, which none of them sees; everything else goes to `beside`. The path itself leads to
/// what is at its root.
pub fn below(base: &str, routes: Router, beside: Router) -> Router {
    if base.is_empty() {
        return routes;
    }
    let base: Arc<str> = base.into();
    Router::new().fallback(move |mut request: Request| {
        let (base, routes, beside) = (Arc::clone(&base), routes.clone(), beside.clone());
        async move {
            let path = request.uri().path_and_query().map_or("", |path| path.as_str());
            let rest = path.strip_prefix(&*base);
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('?')) {
                // A query may have bytes that no header's text has.
                let Ok(there) = HeaderValue::from_bytes(format!("{base}/{rest}").as_bytes()) else {
                    return StatusCode::BAD_REQUEST.into_response();
                };
                return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, there)]).into_response();
            }
            let rest = rest.filter(|rest| rest.starts_with('/')).and_then(|rest| rest.parse::<Uri>().ok());
            let routes = match rest {
                Some(rest) => {
                    *request.uri_mut() = rest;
                    routes
                }
                None => beside,
            };
            routes.oneshot(request).await.into_response()
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request as HttpRequest;
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn routes_are_below_the_path_and_nowhere_else() {
        let routes = Router::new().route("/", get(async || "root")).route("/ws", get(async |uri: Uri| uri.to_string()));
        let port = below("/a/live", routes, Router::new());
        for (path, status, expected) in [
            ("/a/live/", 200, "root"),
            ("/a/live?\u{e9}", 308, "/a/live/?\u{e9}"),
            ("/a/live/ws?x=1&y=%2F", 200, "/ws?x=1&y=%2F"),
            ("/a/live", 308, "/a/live/"),
            ("/a/live?x=1", 308, "/a/live/?x=1"),
            ("/a/live//ws", 404, ""),
            ("/a/livews", 404, ""),
            ("/a/livehttp://a/ws", 404, ""),
            ("/a/live/a/live/ws", 404, ""),
            ("/ws", 404, ""),
            ("/", 404, ""),
            ("/a", 404, ""),
            ("/a/Live/ws", 404, ""),
            ("/a%2Flive/ws", 404, ""),
        ] {
            let request = HttpRequest::get(path).body(Body::empty()).unwrap();
            let response = port.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path}");
            let location = response.headers().get(header::LOCATION);
            let location = location.map(|to| String::from_utf8(to.as_bytes().to_vec()).unwrap());
            let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
            let said = location.unwrap_or_else(|| String::from_utf8(body.to_vec()).unwrap());
            assert_eq!(said, expected, "{path}");
        }
    }
}
