//! Which pages may connect: WebSocket has no same-origin policy, so the server must ask.

/// Whose scripts may open a connection.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Exact origins, `https://app.example.com`.
    pub allowed: Vec<String>,
    /// Whether pages of this machine may, on any port: for a bridge that listens on loopback only.
    pub localhost: bool,
}

impl Origins {
    /// Whether a request with this `Origin` may go on. Absent: not a browser's page.
    pub fn allow(&self, origin: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        self.allowed.iter().any(|allowed| allowed == origin) || (self.localhost && is_localhost(origin))
    }
}

fn is_localhost(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else {
        return false;
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        authority.strip_prefix(host).is_some_and(|port| {
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_origins_and_this_machine_may_connect() {
        let listed = Origins { allowed: vec!["https://good.example".into()], localhost: false };
        let local = Origins { allowed: Vec::new(), localhost: true };
        for (origin, by_list, by_localhost) in [
            (None, true, true),
            (Some("https://good.example"), true, false),
            (Some("https://GOOD.example"), false, false),
            (Some("https://good.example."), false, false),
            (Some("https://good.example:444"), false, false),
            (Some("https://good.example.evil.test"), false, false),
            (Some("https://evilgood.example"), false, false),
            (Some("http://good.example"), false, false),
            (Some("https://sub.good.example"), false, false),
            (Some("https://good.example/"), false, false),
            (Some("https://good.example:443"), false, false),
            (Some("https://*.good.example"), false, false),
            (Some("https://good.example, https://good.example"), false, false),
            (Some("null"), false, false),
            (Some(""), false, false),
            (Some("http://localhost"), false, true),
            (Some("http://localhost:5173"), false, true),
            (Some("http://127.0.0.1:8080"), false, true),
            (Some("https://[::1]:8080"), false, true),
            (Some("http://localhost:0"), false, false),
            (Some("http://localhost:99999"), false, false),
            (Some("http://localhost.evil.test"), false, false),
            (Some("http://127.0.0.1.evil.test:80"), false, false),
            (Some("ftp://localhost"), false, false),
        ] {
            assert_eq!(listed.allow(origin), by_list, "list: {origin:?}");
            assert_eq!(local.allow(origin), by_localhost, "localhost: {origin:?}");
        }
    }
}
