//! `rialto demo`: a bridge, a page to look at, and something going on.

mod publisher;
mod story;

use std::path::Path;

use clap::Args;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::flags::Flags;
use super::logs;
use super::screen::{Colour, Screen};
use super::serve::{asked_to_stop, runtime};
use super::tls::{self, Trust};
use crate::app::{self, Urls};
use crate::config::{Config, LogLevel, Port, Process};

/// Run a bridge with a page and a publisher, to see what it does.
///
/// The page is on the first port. The publisher is an ordinary gRPC client of the bridge: what it can do, your services
/// can do. Takes the flags of `rialto serve`, except that the schema is the bundled catalogue.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("schema", |schema| schema.hide(true)))]
pub(crate) struct Demo {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  rialto demo                            then open http://127.0.0.1:8080/
  rialto demo --listen 127.0.0.1:8000    where port 8080 is taken";

/// What a channel of the demo keeps, at most: room for the 1,000 events that the catalogue's channels state, so that the
/// limit is not hit, and for about half of the page's burst.
const CHANNEL_BYTES: usize = 768 << 10;

impl Demo {
    /// Runs the bridge, its page and its publisher.
    pub(crate) fn run(self, screen: &mut Screen) -> Result<(), Failure> {
        let mut config = Config::load(&self.flags.0, &Process)?;
        if !config.schema.is_empty() {
            return Err(Failure::Usage(
                "the demo publishes events of the bundled catalogue; for your own schema there is rialto serve --schema"
                    .to_owned(),
            ));
        }
        if config.identity.is_on() {
            return Err(Failure::Usage(
                "the demo's page shows everything to everybody and has no token; to try tokens there is rialto serve"
                    .to_owned(),
            ));
        }
        if config.peers.publishers.is_some() {
            return Err(Failure::Usage(
                "the demo's page lets whoever sees it publish; to try --publishers there is rialto serve".to_owned(),
            ));
        }
        if config.tls.asks_for_certificates(Port::Grpc) {
            return Err(Failure::Usage(
                "the demo publishes by itself and has no certificate to show; to try --grpc-client-ca there is rialto serve"
                    .to_owned(),
            ));
        }
        if config.asks_anybody() {
            return Err(Failure::Usage(
                "the demo's page lists channels and publishes for whoever sees it; to try --admin-token-file and \
                 --admin-client-ca there is rialto serve"
                    .to_owned(),
            ));
        }
        let urls = config.clone();
        // The bridge is in this process: its own certificate is known, whatever names it has.
        let exactly = config.tls.files(Port::Grpc).and_then(|files| tls::first_of(&files.certificate.0));
        let trust = Trust { exactly, ..Trust::default() };
        // So little that a slow reader of a burst soon sees a gap, which is one of the things to look at.
        config.limits.max_channel_bytes = config.limits.max_channel_bytes.min(CHANNEL_BYTES);
        // The demo is for people: the bridge's ordinary log lines would hide what is said to them.
        if config.log.level == LogLevel::Info {
            config.log.level = LogLevel::Warn;
        }
        logs::install(config.log);
        let screen = *screen;
        runtime()?.block_on(async move {
            let asked = asked_to_stop()?;
            let (ready, listening) = oneshot::channel();
            let publisher = tokio::spawn(async move {
                // The bridge did not start; its own error says why.
                let Ok(addresses) = listening.await else { return };
                if welcome(&screen, &Urls::of(&urls, &addresses)).is_ok() {
                    publisher::run(addresses.grpc, &trust, &screen).await;
                }
            });
            let stop = async move {
                asked.await;
                // Before the bridge sends it away, which would look like a failure.
                publisher.abort();
                screen.note("Stopping; once more to stop at once.");
            };
            let options =
                app::Options { playground: app::Playground::Demo, ready: Some(ready), ..app::Options::default() };
            Ok(app::run(config, options, stop).await?)
        })
    }
}

/// Says where everything is and what to try next.
fn welcome(screen: &Screen, urls: &Urls) -> Result<(), Failure> {
    let Urls { page, websocket, grpc, admin } = urls;
    let heading = |text| screen.paint().paint(Colour::Bold, text);
    let flag = |name: &str, usual: &str, actual: String| {
        if usual == actual { String::new() } else { format!(" --{name} {actual}") }
    };
    let url = flag("url", "ws://127.0.0.1:8080/ws", websocket.clone());
    let publish_to = flag("grpc", "127.0.0.1:50051", grpc.strip_prefix("http://").unwrap_or(grpc).to_owned());
    screen.line(&heading("Rialto is running. Open the page:"))?;
    screen.line(&format!("\n  {}\n", screen.paint().paint(Colour::Green, &format!("{page}/"))))?;
    screen.line(&format!("  browsers  {websocket}"))?;
    screen.line(&format!("  backends  {grpc} (gRPC, rialto.v1.PublisherService)"))?;
    screen.line(&format!("  scripts   {admin}/v1/publish\n"))?;
    screen.line(&heading("Try this in another terminal:"))?;
    if Path::new("Cargo.toml").exists() {
        screen.line("  (rialto is not found there? cargo install --path . --locked)")?;
    }
    screen.line(&format!("\n  wscat -c '{websocket}?session_id=t1'"))?;
    screen.line(&format!("  rialto subscribe project:42{url}"))?;
    screen.line(&format!(
        "  rialto publish process.progress '{{\"projectId\":\"42\",\"processId\":\"mine\",\"progress\":50,\"message\":\"Halfway\"}}'{publish_to}\n"
    ))?;
    screen.line("Ctrl-C ends it.")
}
