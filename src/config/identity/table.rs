//! What can be said about tokens: the keys of the configuration, and what each takes.

use std::path::PathBuf;
use std::time::Duration;

use super::super::key::{Group, Key, Takes};
use super::super::value;
use super::{ALGORITHMS, Identity, IssuerTenant, JwksUrl, SET, Secret};
use crate::auth::Algorithm;
use crate::ids::Tenant;
use crate::net::https;

/// How much longer than it says a token counts: a duration up to [`Identity::MOST_SLACK`].
fn slack(text: &str) -> Result<Duration, String> {
    let slack = value::duration(text)?;
    match slack <= Identity::MOST_SLACK {
        true => Ok(slack),
        false => Err(format!("must be at most {}", value::show_duration(Identity::MOST_SLACK))),
    }
}

/// How long a token may live.
fn life(text: &str) -> Result<Duration, String> {
    let life = value::duration(text)?;
    if Identity::LIVES.contains(&life) {
        return Ok(life);
    }
    let (least, most) = (Identity::LIVES.start(), Identity::LIVES.end());
    Err(format!("must be from {} to {}", value::show_duration(*least), value::show_duration(*most)))
}

/// A set's place, `https://…` or `ISSUER=https://…`.
fn jwks_url(text: &str) -> Result<JwksUrl, String> {
    // An issuer is most often a URL itself, and may have a `=`.
    let cut = ["=https://", "=http://"].iter().find_map(|between| text.rfind(between));
    let (issuer, url) = match cut {
        Some(cut) if cut > 0 && !text[..cut].contains('?') => (Some(text[..cut].to_owned()), &text[cut + 1..]),
        _ => (None, text),
    };
    https::check(url)?;
    Ok(JwksUrl { issuer, url: url.to_owned() })
}

/// `ISSUER=TENANT`. Tenants have no `=`, and issuers may.
fn issuer_tenant(text: &str) -> Result<IssuerTenant, String> {
    let (issuer, tenant) = text
        .rsplit_once('=')
        .filter(|(issuer, _)| !issuer.is_empty())
        .ok_or_else(|| format!("{text:?} is not ISSUER=TENANT; ISSUER= alone is the tenant without a name"))?;
    let tenant = match tenant {
        "" => Tenant::default_tenant(),
        name => Tenant::parse(name).map_err(|error| error.to_string())?,
    };
    Ok(IssuerTenant { issuer: issuer.to_owned(), tenant })
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| format!("{text:?} is not one of {}", ALGORITHMS.join(", ")))
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// A cookie's name: a token of RFC 6265, section 4.1.1.
fn cookie(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || !text.bytes().all(fits) {
        return Err(format!("{text:?} is not a cookie's name"));
    }
    Ok(text.to_owned())
}

fn show_path(path: &Option<PathBuf>) -> Vec<String> {
    path.iter().map(|path| path.display().to_string()).collect()
}

pub(in crate::config) const KEYS: &[Key] = &[
    Key {
        name: "jwt-secret-file",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file with the secret that tokens are signed with; with any key, only who has a token gets in",
        example: "/run/secrets/rialto",
        read: |config, text| {
            config.identity.secret_file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| show_path(&config.identity.secret_file),
    },
    Key {
        name: "jwt-secret",
        group: Group::Identity,
        takes: Takes::One("SECRET"),
        help: "The secret itself; on a command line others of the machine may read it, so rather a variable or a file",
        example: "(the output of openssl rand -hex 32)",
        read: |config, text| name(text).map(|text| config.identity.secret = Some(Secret::new(text))),
        show: |config| config.identity.secret.iter().map(|_| SET.to_owned()).collect(),
    },
    Key {
        name: "jwt-public-key",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file with the PEM of the RSA, P-256, P-384 or Ed25519 public key that verifies tokens",
        example: "/etc/rialto/issuer.pem",
        read: |config, text| {
            config.identity.public_key = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| show_path(&config.identity.public_key),
    },
    Key {
        name: "jwks-file",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file with the issuer's public keys as a JWKS",
        example: "/etc/rialto/jwks.json",
        read: |config, text| {
            config.identity.jwks_file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| show_path(&config.identity.jwks_file),
    },
    Key {
        name: "jwks-url",
        group: Group::Identity,
        takes: Takes::Many("[ISSUER=]URL"),
        help: "Where the issuer serves its public keys, with https; ISSUER=URL for one beside --jwt-issuer; may be repeated",
        example: "https://id.example.com/.well-known/jwks.json",
        read: |config, text| jwks_url(text).map(|set| config.identity.jwks_urls.push(set)),
        show: |config| {
            let show = |set: &JwksUrl| match &set.issuer {
                Some(issuer) => format!("{issuer}={}", set.url),
                None => set.url.clone(),
            };
            config.identity.jwks_urls.iter().map(show).collect()
        },
    },
    Key {
        name: "jwks-ca",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A PEM file with certificate authorities to trust for --jwks-url beside the system's",
        example: "/etc/rialto/ca.pem",
        read: |config, text| {
            config.identity.jwks_ca = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| show_path(&config.identity.jwks_ca),
    },
    Key {
        name: "session-token",
        group: Group::Identity,
        takes: Takes::Nothing,
        help: "Makes a token at the start and prints it once; only who has it, or another good token, gets in",
        example: "true",
        // What was said is not repeated: it may be somebody's token.
        read: |config, text| {
            let problem = "takes true or false; a token of your own is in a file: --session-token-file";
            let yes = value::yes_or_no(text).map_err(|_| problem.to_owned())?;
            config.identity.session_token = yes;
            Ok(())
        },
        show: |config| vec![config.identity.session_token.to_string()],
    },
    Key {
        name: "session-token-file",
        group: Group::Identity,
        takes: Takes::One("PATH"),
        help: "A file with the session token, instead of one that is made. Read again when it changes",
        example: "/run/secrets/rialto-session",
        read: |config, text| {
            config.identity.session_token_file = Some(PathBuf::from(text));
            Ok(())
        },
        show: |config| show_path(&config.identity.session_token_file),
    },
    Key {
        name: "jwt-issuer",
        group: Group::Identity,
        takes: Takes::One("ISSUER"),
        help: "The issuer (iss) that tokens must have, letter by letter; needed with public keys",
        example: "https://id.example.com",
        read: |config, text| name(text).map(|text| config.identity.issuer = Some(text)),
        show: |config| config.identity.issuer.iter().cloned().collect(),
    },
    Key {
        name: "issuer-tenant",
        group: Group::Identity,
        takes: Takes::Many("ISSUER=TENANT"),
        help: "A tenant that this issuer may speak for; one without any may for every tenant; may be repeated",
        example: "https://id.example.com=acme",
        read: |config, text| issuer_tenant(text).map(|bound| config.identity.issuer_tenants.push(bound)),
        show: |config| {
            let show = |bound: &IssuerTenant| format!("{}={}", bound.issuer, bound.tenant);
            config.identity.issuer_tenants.iter().map(show).collect()
        },
    },
    Key {
        name: "jwt-audience",
        group: Group::Identity,
        takes: Takes::Many("AUDIENCE"),
        help: "An audience (aud) that tokens for this bridge have; needed with public keys; may be repeated",
        example: "rialto",
        read: |config, text| name(text).map(|text| config.identity.audiences.push(text)),
        show: |config| config.identity.audiences.clone(),
    },
    Key {
        name: "jwt-algorithm",
        group: Group::Identity,
        takes: Takes::Many("ALGORITHM"),
        help: "An algorithm that tokens may be signed with; default: those of the keys' kinds; may be repeated",
        example: "ES256",
        read: |config, text| algorithm(text).map(|algorithm| config.identity.algorithms.push(algorithm)),
        show: |config| config.identity.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect(),
    },
    Key {
        name: "token-cookie",
        group: Group::Identity,
        takes: Takes::One("NAME"),
        help: "A cookie that may hold the token; it counts for pages of an --allowed-origin only",
        example: "rialto_token",
        read: |config, text| cookie(text).map(|text| config.identity.cookie = Some(text)),
        show: |config| config.identity.cookie.iter().cloned().collect(),
    },
    Key {
        name: "token-in-query",
        group: Group::Identity,
        takes: Takes::Nothing,
        help: "Takes the token from ?token= too, where a client can send it no other way; URLs end in logs of proxies",
        example: "true",
        read: |config, text| value::yes_or_no(text).map(|yes| config.identity.in_query = yes),
        show: |config| vec![config.identity.in_query.to_string()],
    },
    Key {
        name: "jwt-tenant-claim",
        group: Group::Identity,
        takes: Takes::One("CLAIM"),
        help: "The claim that says whose channels a connection sees",
        example: "tenant",
        read: |config, text| name(text).map(|text| config.identity.claims.tenant = text),
        show: |config| vec![config.identity.claims.tenant.clone()],
    },
    Key {
        name: "jwt-session-claim",
        group: Group::Identity,
        takes: Takes::One("CLAIM"),
        help: "The claim that binds a connection to a session",
        example: "sid",
        read: |config, text| name(text).map(|text| config.identity.claims.session = text),
        show: |config| vec![config.identity.claims.session.clone()],
    },
    Key {
        name: "jwt-permissions-claim",
        group: Group::Identity,
        takes: Takes::One("CLAIM"),
        help: "The claim that grants permissions, or the path to it, realm_access.roles: a list or a text with spaces; default: permissions, or else scope",
        example: "permissions",
        read: |config, text| name(text).map(|text| config.identity.claims.permissions = Some(text)),
        show: |config| config.identity.claims.permissions.iter().cloned().collect(),
    },
    Key {
        name: "token-leeway",
        group: Group::Identity,
        takes: Takes::One("TIME"),
        help: "How far the clocks of the bridge and of who makes tokens may differ",
        example: "30s",
        read: |config, text| slack(text).map(|leeway| config.identity.leeway = leeway),
        show: |config| vec![value::show_duration(config.identity.leeway)],
    },
    Key {
        name: "token-max-life",
        group: Group::Identity,
        takes: Takes::One("TIME"),
        help: "The longest that a token is believed after its iat, whatever its exp; without an iat, how far its exp may be ahead",
        example: "24h",
        read: |config, text| life(text).map(|life| config.identity.max_life = life),
        show: |config| vec![value::show_duration(config.identity.max_life)],
    },
    Key {
        name: "token-grace",
        group: Group::Identity,
        takes: Takes::One("TIME"),
        help: "How long a connection outlives its token, so that its page can bring a new one",
        example: "25s",
        read: |config, text| slack(text).map(|grace| config.identity.grace = grace),
        show: |config| vec![value::show_duration(config.identity.grace)],
    },
];
