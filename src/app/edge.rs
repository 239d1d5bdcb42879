//! What stands before each port's protocol, and its certificates when they change.

use std::sync::Arc;

use crate::config::{Config, Mistake, Port};
use crate::net::entry::Entry;
use crate::net::tls::{Tls, TlsMistake};

use super::files::{Files, Watched};

/// The entry of a port. Its files are read again when they change: what it shows counts for new connections, who vouches for
/// clients for open ones too.
pub(super) fn entry(config: &Config, port: Port, files: &mut Files) -> Result<Entry, Vec<Mistake>> {
    let proxies = match port {
        Port::Listen => Arc::new(config.proxy.proxies.clone()),
        Port::Grpc | Port::Admin => Arc::default(),
    };
    let Some(own) = config.tls.files(port) else { return Ok(Entry { tls: None, proxies }) };
    let watched = Watched::new(format!("the TLS of {}", port.flag()), own.paths());
    let told = |wrong: Vec<TlsMistake>| {
        let mistakes = wrong.into_iter();
        mistakes.map(|TlsMistake { option, problem }| Mistake {
            key: option.to_owned(),
            problem,
            example: String::new(),
        })
    };
    let tls = Tls::new(&own, port.protocol()).map_err(|wrong| told(wrong).collect::<Vec<_>>())?;
    let renewed = tls.clone();
    files.watch(watched, move || {
        let wrong = renewed.replace(&own, port.protocol()).err();
        let wrong = wrong.map(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        wrong.map_or(Ok(()), Err)
    });
    Ok(Entry { tls: Some(tls), proxies })
}
