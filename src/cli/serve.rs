//! `rialto serve`: runs a bridge until it is asked to stop.

use std::future::Future;

use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::failure::Failure;
use super::flags::Flags;
use super::logs;
use super::screen::Screen;
use crate::app;
use crate::config::{Config, Process};
use crate::revision::{Reload, ReloadRequest};

/// Run a bridge.
///
/// Browsers connect to --listen, backends publish to --grpc. Without any flag the bridge serves the bundled catalogue
/// on loopback. Every flag is a variable too: --listen is RIALTO_LISTEN. SIGTERM lets clients go in peace, a second one
/// does not wait. SIGHUP reloads the schema and certificates without a restart; one with mistakes is refused and the old one stays.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  rialto serve                                       the bundled catalogue, on loopback
  rialto serve --schema ./my-proto                   your own .proto files
  rialto serve --listen 127.0.0.1:0 --ready-file r   a free port, written to the file r
  rialto serve --session-token                       only who has the token that it prints gets in
  RIALTO_LOG_FORMAT=json rialto serve                log lines for machines";

impl Serve {
    /// Runs the bridge.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let config = Config::load(&self.flags.0, &Process)?;
        logs::install(config.log);
        let screen = *screen;
        runtime()?.block_on(async move {
            let session_token = Some(tell_session_token(screen));
            let options = app::Options { session_token, ..app::Options::default() };
            reload_on_hangup(options.reloads.handle(), options.reread.clone())?;
            Ok(app::run(config, options, asked_to_stop()?).await?)
        })
    }
}

/// Polls of tasks after which a worker looks at its sockets, however many tasks are ready. A poll may compute a handshake for a
/// millisecond: with tokio's own 61 those who are connected waited for tens of them.
const EVENT_INTERVAL: u32 = 16;

/// The runtime of a bridge: one worker a processor.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().event_interval(EVENT_INTERVAL).enable_all().build()?)
}

/// Prints the session token, if one is made: on standard output, once, and not in the log, which others read.
pub(crate) fn tell_session_token(screen: Screen) -> oneshot::Sender<String> {
    let (tell, told) = oneshot::channel::<String>();
    tokio::spawn(async move {
        let Ok(token) = told.await else { return };
        if screen.line(&format!("session token: {token}")).is_err() {
            tracing::error!(
                "the session token could not be printed, so nobody has it; restart, or use --session-token-file"
            );
        }
    });
    tell
}

/// Reads the schema and the files of the configuration again whenever SIGHUP arrives. The bridge itself logs how it went.
pub(crate) fn reload_on_hangup(reload: Reload, reread: app::Reread) -> Result<(), Failure> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!(signal = "SIGHUP", "reloading the schema, and what files have changed");
            reread.ask();
            let _ = reload.reload(ReloadRequest::default()).await;
        }
    });
    Ok(())
}

/// Ready when SIGTERM or SIGINT arrives. The second one ends the process at once.
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (asked, stop) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => (SignalKind::terminate(), "SIGTERM"),
                _ = interrupt.recv() => (SignalKind::interrupt(), "SIGINT"),
            }
        };
        let (_, name) = next().await;
        tracing::info!(signal = name, "stopping; once more to stop at once");
        // Nobody listens when the bridge has ended by itself.
        let _ = asked.send(());
        let (kind, name) = next().await;
        tracing::warn!(signal = name, "stopped at once");
        std::process::exit(128 + kind.as_raw_value());
    });
    Ok(async move {
        // The sender lives as long as the runtime.
        let _ = stop.await;
    })
}
