//! Wires every part into one bridge; the only file that knows all of them.
//!
//! [`run`] starts everything, serves until it is asked to stop, and ends in phases: not ready, no new connections, clients
//! asked to come back elsewhere, publishers' streams ended behind their acks, then the internal port. A mistake found on
//! the way up leaves nothing running.

mod clear;
mod door;
mod edge;
mod files;
mod gauges;
mod keys;
mod open;
mod parts;
mod playground;
mod ready;
mod reload;
mod serving;
mod session_token;
mod slow_link;
mod sweep;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::admin::{self, Admin, AdminToken, Guard, channel_routes, health_routes, not_found, publish_routes};
use crate::auth::publishers::Directory;
use crate::config::{Config, ConfigError, Port, raise_file_descriptors};
use crate::grpc;
use crate::ids::short_id;
use crate::metrics::Metrics;
use crate::net::below::below;
use crate::net::http;
use crate::net::{ListenError, admission::Called, listen, pages};
use crate::revision::{Breaking, Reloads};
use crate::schema::{LoadError, Schema};
use crate::socket::Front;

use door::Door;
use edge::Doors;
use files::{Files, Watched};
use gauges::NodeGauges;
use parts::{Backends, Core};
use reload::Reloader;
use serving::Serving;
use slow_link::SlowLink;

pub use files::Reread;
pub use keys::gate;
pub use ready::{Addresses, Urls};

/// How often a drain looks whether everybody has left.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// What a caller wants beyond the configuration.
#[derive(Debug, Default)]
pub struct Options {
    /// Whether the first port serves a page to look at.
    pub playground: Playground,
    /// Requests for reloads of the schema; the admin service adds its own.
    pub reloads: Reloads,
    /// Asks for certificates and other files of the configuration to be read again before they are looked at anyway.
    pub reread: Reread,
    /// Gets the session token that `--session-token` makes, before `ready` does. Nobody else is ever told.
    pub session_token: Option<oneshot::Sender<String>>,
    /// Gets the addresses once everything listens.
    pub ready: Option<oneshot::Sender<Addresses>>,
}

/// Whether the first port serves the page that shows the bridge at work. The page may publish, and so may anybody who
/// can reach the port: it is for one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Playground {
    /// No: the first port is for browsers of users.
    #[default]
    Off,
    /// Yes.
    On,
    /// Yes, and somebody publishes the demo's story.
    Demo,
}

/// Why a bridge did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The schema has mistakes; each is listed.
    #[error(transparent)]
    Schema(#[from] LoadError),
    /// Keys for tokens cannot be used.
    #[error(transparent)]
    Identity(#[from] ConfigError),
    /// A port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A part could not be started, or failed.
    #[error("the {part} failed")]
    Part {
        /// Which one.
        part: &'static str,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// The ready file cannot be written.
    #[error("cannot write the ready file {}", path.display())]
    ReadyFile {
        /// Where it should be.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
}

/// Runs a bridge until `shutdown`, then drains it.
///
/// # Errors
/// What kept it from starting, or the part that failed. Nothing is left running.
pub async fn run(config: Config, options: Options, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
    let part = |part: &'static str| move |source: io::Error| Error::Part { part, source };
    let schema = Schema::load(&parts::sources(&config.schema))?;
    let metrics = Arc::new(Metrics::default());
    // Ended when this function does, however it does.
    let (mut files, mut helpers) = (Files::default(), JoinSet::new());
    let keys = keys::start(&config, &mut files, &mut helpers, &metrics).await?;
    let (session, made) = session_token::start(&config, &mut files)?;
    let list = config
        .peers
        .publishers
        .clone()
        .map(|path| (Watched::new("the list of --publishers", vec![path.clone()]), path));
    let listed = config.peers.read_publishers().map_err(|mistakes| ConfigError { mistakes })?;
    let directory = Arc::new(Directory::new(listed));
    let admin_token = config.peers.read_admin_token().map_err(|mistake| ConfigError { mistakes: vec![mistake] })?;
    if let Err(error) = raise_file_descriptors() {
        tracing::warn!(%error, "the limit of file descriptors stays as it is");
    }
    let public = listen(config.listen, "--listen")?;
    let publishers = listen(config.grpc, "--grpc")?;
    let internal = listen(config.admin, "--admin")?;
    let address = |listener: &std::net::TcpListener| listener.local_addr().map_err(part("listener"));
    let addresses = Addresses { listen: address(&public)?, grpc: address(&publishers)?, admin: address(&internal)? };
    let link = match options.playground {
        Playground::Off => None,
        // The page has no token, and lets whoever sees it publish and list channels.
        _ if config.asks_anybody() => None,
        _ => Some(SlowLink::bind(addresses.listen.ip()).await.map_err(part("slow link"))?),
    };

    let edge = |port, files: &mut Files| edge::entry(&config, port, files).map_err(|mistakes| ConfigError { mistakes });
    let entries = [edge(Port::Listen, &mut files)?, edge(Port::Grpc, &mut files)?, edge(Port::Admin, &mut files)?];
    let [public_entry, grpc_entry, admin_entry] = entries;
    let authorities = grpc_entry.tls.as_ref().and_then(|tls| tls.authorities().cloned());
    let backends = Backends { directory: Arc::clone(&directory), authorities };

    let node: Arc<str> = short_id(rand::random()).into();
    let Core { metrics, revisions, hub, ingest, front, shards } =
        parts::core(&config, &node, schema, keys, session, metrics, backends);
    let doors = Doors::new(&config);
    let (ready, is_ready) = watch::channel(false);
    let gauges = Arc::new(NodeGauges {
        node: Arc::clone(&node),
        revisions: Arc::clone(&revisions),
        hub: Arc::clone(&hub),
        front: Arc::clone(&front),
        runtime: Handle::current(),
        started: SystemTime::now(),
        up_since: Instant::now(),
        doors: doors.clone(),
        ready: is_ready,
    });
    if let Some((watched, path)) = list {
        let directory = Arc::clone(&directory);
        files.watch(watched, move || parts::renew_publishers(&path, &directory));
    }
    helpers.spawn(sweep::run(Arc::clone(&hub)));
    let reloader = Reloader {
        paths: config.schema.clone(),
        transcode: parts::transcode_options(&config),
        breaking: if config.allow_breaking { Breaking::Allowed } else { Breaking::Refused },
        revisions: Arc::clone(&revisions),
        hub: Arc::clone(&hub),
        front: Arc::clone(&front),
        metrics: Arc::clone(&metrics),
    };
    let reload = options.reloads.handle();
    helpers.spawn(reloader.run(options.reloads));
    helpers.spawn(files.run(options.reread));

    let (stop_admin, admin_stopped) = watch::channel(false);
    let admin = Admin {
        listener: internal,
        ingest: Arc::clone(&ingest),
        gauges: Arc::clone(&gauges) as _,
        doorkeeper: Arc::new(Door(Arc::clone(&front))),
        reload,
        entry: admin_entry,
        limits: doors.admin,
        config: parts::http_config(&config),
        allowed_hosts: config.allowed_hosts.clone(),
        token: admin_token.as_deref().map(AdminToken::new),
    };
    let admin = admin::spawn(admin, admin_stopped).map_err(part("internal port"))?;

    let (stop_grpc, grpc_stopped) = watch::channel(false);
    let grpc = grpc::Server::new(publishers, Arc::clone(&ingest))
        .with_config(parts::grpc_config(&config))
        .with_limits(doors.grpc)
        .with_entry(grpc_entry);
    let grpc = tokio::spawn(grpc.serve(grpc_stopped));

    let mut routes = routes(&front, Arc::clone(&gauges));
    if let Some(link) = link {
        let story = options.playground == Playground::Demo;
        let guard = Guard::same_origin(config.allowed_hosts.clone());
        let urls = Urls::of(&config, &addresses);
        let scheme = if config.tls.is_on(Port::Listen) { "wss" } else { "ws" };
        let pages = playground::pages(&ingest, &addresses, &urls, link.address(), story);
        routes = routes
            .merge(guard.clone().reading(pages::routes(pages, Some((scheme, link.address().port())))))
            .merge(publish_routes(Arc::clone(&ingest), guard.clone(), None).map_err(part("publish route"))?)
            .merge(channel_routes(Arc::clone(&ingest), gauges, guard));
        helpers.spawn(link.run(addresses.listen));
    }
    let (stop_public, public_stopped) = watch::channel(false);
    let nothing = http::Routes::new().fallback(async || not_found());
    let routes = below(&config.proxy.base_path, routes.fallback(async || not_found()), nothing);
    let public = http::Server::new(public, routes)
        .with_config(parts::http_config(&config))
        .with_metrics(metrics, Called::BROWSERS)
        .with_probe(format!("{}/health", config.proxy.base_path))
        .with_entry(public_entry)
        .with_limits(doors.listen);
    let public = tokio::spawn(public.serve(public_stopped));
    let mut serving = Serving { public: Some(public), grpc: Some(grpc), shards };

    let written = config.ready_file.as_deref().map_or(Ok(()), |path| {
        ready::write(path, &addresses).map_err(|source| Error::ReadyFile { path: path.to_owned(), source })
    });
    let failed = if let Err(error) = written {
        Some(error)
    } else {
        ready.send_replace(true);
        let schema = &revisions.current().schema;
        tracing::info!(
            listen = %addresses.listen,
            grpc = %addresses.grpc,
            admin = %addresses.admin,
            %node,
            fingerprint = schema.fingerprint(),
            event_types = schema.events().iter().filter(|event| !event.own).count(),
            "listening"
        );
        for (port, address, may) in open::to_anybody(&config, &addresses) {
            let port = port.flag();
            tracing::warn!(port, %address, "nobody is asked who they are: whoever gets there may {may}");
        }
        for (port, address, whose) in clear::in_the_clear(&config, &addresses) {
            let port = port.flag();
            tracing::warn!(
                port,
                %address,
                "the tokens of {whose} cross the network as they are: give the port a certificate (--tls-cert), or bind loopback \
                 behind something that has one"
            );
        }
        if let (Some(made), Some(tell)) = (made, options.session_token) {
            let _ = tell.send(made);
        }
        if let Some(ready) = options.ready {
            // Whoever asked may have left.
            let _ = ready.send(addresses);
        }
        serving.until(shutdown).await
    };
    let started = Instant::now();
    ready.send_replace(false);
    stop_public.send_replace(true);
    drain(&front, config.drain).await;
    stop_grpc.send_replace(true);
    serving.stopped().await;
    stop_admin.send_replace(true);
    // The thread ends by itself within its own deadline; a blocked runtime must not be waited for.
    let _ = tokio::task::spawn_blocking(move || admin.join()).await;
    drop(helpers);
    if let Some(path) = &config.ready_file {
        // It says where nobody listens any more.
        let _ = std::fs::remove_file(path);
    }
    tracing::info!(took_ms = started.elapsed().as_millis(), "stopped");
    failed.map_or(Ok(()), Err)
}

/// Asks clients to go, and waits until they have or the time is over.
async fn drain(front: &Front, most: Duration) {
    let deadline = Instant::now() + most;
    tracing::info!(connections = front.connections(), "draining");
    front.drain(most);
    while front.connections() > 0 {
        if Instant::now() >= deadline {
            tracing::warn!(connections = front.connections(), "cut at the end of the drain");
            break;
        }
        sleep(DRAIN_POLL).await;
    }
}

/// What the public port always serves.
fn routes(front: &Arc<Front>, gauges: Arc<NodeGauges>) -> http::Routes {
    front.router().merge(health_routes(gauges))
}
