//! `rialto dev`: a bridge that follows a schema while it is written.

mod watch;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::sync::oneshot;

use super::check;
use super::failure::Failure;
use super::flags::Flags;
use super::generate;
use super::logs;
use super::screen::{Colour, Screen};
use super::serve::{asked_to_stop, reload_on_hangup, runtime, tell_session_token};
use crate::app::{self, Addresses, Playground, Urls};
use crate::codegen::typescript;
use crate::config::{Config, LogLevel, Process};
use crate::revision::{Asker, Breaking, DryRun, Reload, ReloadError, ReloadRequest, Reloaded};
use crate::schema::{LoadError, Schema, Source};
use watch::Watch;

/// Run a bridge that follows your schema while you write it.
///
/// Watches the folder. Every change is checked and served at once, without a restart and without cutting anybody, also
/// where it breaks something: you are told what. A schema with mistakes is listed as rialto check does, and the bridge
/// goes on with the last good one. Takes the other flags of rialto serve.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("schema", |schema| schema.hide(true)))]
pub(crate) struct Dev {
    /// Folders of .proto files, or files with a FileDescriptorSet
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Generate TypeScript into this folder, and keep it current
    #[arg(long, value_name = "DIR")]
    typescript: Option<PathBuf>,
    /// Another name for a message in TypeScript: `shop.v1.Order=ShopOrder`
    #[arg(long, value_name = "MESSAGE=NAME", requires = "typescript")]
    alias: Vec<String>,
    /// Serve a page on the first port that shows the schema's channels and publishes its events
    #[arg(long)]
    page: bool,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  rialto dev ./my-proto                                     check, serve, follow
  rialto dev ./my-proto --typescript web/src/events         keep the typed client current, too
  rialto dev ./my-proto --listen 127.0.0.1:8000             with any flag of rialto serve";

/// What is followed, and what is made of it.
struct Followed {
    paths: Vec<PathBuf>,
    typescript: Option<PathBuf>,
    options: typescript::Options,
    playground: Playground,
    config: Config,
    screen: Screen,
}

impl Dev {
    /// Runs the bridge and follows the schema.
    pub(crate) fn run(mut self, screen: &mut Screen) -> Result<(), Failure> {
        // What --schema names is followed like everything else.
        let (schema, flags): (Vec<_>, Vec<_>) = self.flags.0.drain(..).partition(|(key, _)| key == "schema");
        self.flags.0 = flags;
        self.paths.extend(schema.into_iter().map(|(_, path)| PathBuf::from(path)));
        if let Some(missing) = self.paths.iter().find(|path| !path.exists()) {
            return Err(Failure::Usage(format!("{} does not exist", missing.display())));
        }
        let mut options = typescript::Options::default();
        for alias in &self.alias {
            options.add_alias(alias).map_err(|error| Failure::Usage(error.to_string()))?;
        }
        let said = self.paths.iter().map(|path| ("schema".to_owned(), path.display().to_string()));
        self.flags.0.extend(said);
        let mut config = Config::load(&self.flags.0, &Process)?;
        if self.page && config.asks_anybody() {
            return Err(Failure::Usage(
                "the page shows everything to everybody and has no token; leave out --page, or the keys for tokens, \
                 --publishers, --admin-token-file and authorities of clients"
                    .to_owned(),
            ));
        }
        // For people: what matters is said in words, and the bridge's ordinary log lines would hide it.
        if config.log.level == LogLevel::Info {
            config.log.level = LogLevel::Warn;
        }
        logs::install(config.log);
        let playground = if self.page { Playground::On } else { Playground::Off };
        let (paths, typescript) = (self.paths, self.typescript);
        let followed = Followed { paths, typescript, options, playground, config: config.clone(), screen: *screen };
        runtime()?.block_on(followed.run(config))
    }
}

impl Followed {
    async fn run(self, config: Config) -> Result<(), Failure> {
        let mut watch = Watch::new(&self.paths)?;
        let asked = asked_to_stop()?;
        tokio::pin!(asked);
        // From the beginning there may be mistakes: then there is nothing to serve yet.
        while let Err(error) = self.load() {
            self.refused(&error)?;
            self.screen.note("Waiting for a schema without mistakes.");
            tokio::select! {
                () = &mut asked => return Ok(()),
                _ = self.changed_and_there(&mut watch) => {}
            }
        }
        self.generate();
        let (ready, listening) = oneshot::channel();
        let mut options = app::Options { playground: self.playground, ready: Some(ready), ..app::Options::default() };
        options.session_token = Some(tell_session_token(self.screen));
        let reload = options.reloads.handle();
        reload_on_hangup(reload.clone(), options.reread.clone())?;
        let mut following = tokio::spawn(async move {
            // The bridge did not start; its own error says why.
            let Ok(addresses) = listening.await else { return std::future::pending().await };
            self.welcome(&addresses)?;
            self.follow(&mut watch, &reload).await
        });
        let (tell, told) = oneshot::channel();
        let stop = async move {
            tokio::select! {
                () = &mut asked => following.abort(),
                // Nobody would be told any more what is served: whoever read it has enough.
                ended = &mut following => if let Ok(Err(failure)) = ended {
                    let _ = tell.send(failure);
                },
            }
        };
        app::run(config, options, stop).await?;
        // Where it was asked to stop nothing is told.
        told.await.map_or(Ok(()), Err)
    }

    /// Reloads after each change, without end.
    async fn follow(&self, watch: &mut Watch, reload: &Reload) -> Result<(), Failure> {
        // Whether the last word was that something is wrong: then it is told that nothing is, changed or not.
        let mut is_refused = false;
        // The revision that was told last.
        let mut told = 1;
        loop {
            is_refused |= self.changed_and_there(watch).await == Found::Again;
            let request =
                ReloadRequest { breaking: Some(Breaking::Allowed), dry_run: DryRun::No, asker: Asker::Developer };
            match reload.reload(request).await {
                // It is news too when somebody else, by SIGHUP or at the internal port, was quicker to ask.
                Ok(reloaded) if reloaded.changed || reloaded.revision != told => {
                    (is_refused, told) = (false, reloaded.revision);
                    self.told(&reloaded)?;
                    self.generate();
                }
                Ok(Reloaded { revision, .. }) if is_refused => {
                    self.good(&format!("ok: nothing is wrong any more; revision {revision} is served as before"))?;
                    is_refused = false;
                    self.generate();
                }
                // Comments are no part of what is served, and of the client they are.
                Ok(_) => self.generate(),
                Err(ReloadError::Broken(error)) => {
                    self.refused(&error)?;
                    self.screen.note("The bridge goes on with the schema that it has.");
                    is_refused = true;
                }
                Err(error) => {
                    self.screen.failure(&error.to_string());
                    is_refused = true;
                }
            }
        }
    }

    /// Waits for a change after which there is something to load under every path; says once what is gone meanwhile.
    async fn changed_and_there(&self, watch: &mut Watch) -> Found {
        let mut gone: Vec<&Path> = Vec::new();
        loop {
            change(watch).await;
            let missing: Vec<&Path> = self.paths.iter().map(PathBuf::as_path).filter(|path| !path.exists()).collect();
            for path in missing.iter().filter(|path| !gone.contains(path)) {
                self.screen.warning(&format!("{} is gone; waiting until it is back", path.display()));
            }
            for path in gone.iter().filter(|path| !missing.contains(path)) {
                self.screen.note(&format!("{} is back.", path.display()));
            }
            match (missing.is_empty(), gone.is_empty()) {
                (true, true) => return Found::AsEver,
                (true, false) => return Found::Again,
                (false, _) => gone = missing,
            }
        }
    }

    fn load(&self) -> Result<Schema, LoadError> {
        let sources: Vec<Source> = self.paths.iter().map(|path| Source::at(path)).collect();
        Schema::load(&sources)
    }

    /// Writes the client again, where one is wanted. What keeps it from being written keeps nothing from being served.
    fn generate(&self) {
        let Some(out) = &self.typescript else { return };
        // A mistake that came in between is told with the next change, which it is.
        let Ok(schema) = self.load() else { return };
        let files = typescript::generate(&schema, &self.options).map_err(|error| Failure::Refused(error.to_string()));
        match files.and_then(|files| generate::write_all(out, &files)) {
            Ok(written) if written.changed => drop(self.screen.line(&written.told)),
            Ok(_) => {}
            Err(failure) => self.screen.failure(&failure.to_string()),
        }
    }

    fn refused(&self, error: &LoadError) -> Result<(), Failure> {
        check::list(error.mistakes.iter(), &self.screen)?;
        self.screen.warning(&check::found(error));
        Ok(())
    }

    fn told(&self, reloaded: &Reloaded) -> Result<(), Failure> {
        for change in &reloaded.breaking {
            self.screen.warning(&change.to_string());
        }
        if reloaded.ended_subscriptions > 0 {
            let ended = check::counted(reloaded.ended_subscriptions, "subscription");
            self.screen.warning(&format!("{ended} ended: the schema has no such channel or type any more"));
        }
        for warning in &reloaded.warnings {
            self.screen.warning(&warning.to_string());
        }
        self.good(&format!("ok: revision {} is served", reloaded.revision))
    }

    fn good(&self, text: &str) -> Result<(), Failure> {
        self.screen.line(&self.screen.paint().paint(Colour::Green, text))
    }

    fn welcome(&self, addresses: &Addresses) -> Result<(), Failure> {
        let Urls { page, websocket, grpc, admin } = Urls::of(&self.config, addresses);
        let screen = &self.screen;
        let paths: Vec<String> = self.paths.iter().map(|path| Path::display(path).to_string()).collect();
        screen.line(&screen.paint().paint(Colour::Bold, &format!("Rialto follows {}", paths.join(", "))))?;
        screen.line(&format!("  browsers  {websocket}"))?;
        screen.line(&format!("  backends  {grpc} (gRPC, rialto.v1.PublisherService, with reflection)"))?;
        screen.line(&format!("  scripts   {admin}/v1/publish"))?;
        if self.playground == Playground::On {
            screen.line(&format!("  page      {page}/"))?;
        }
        screen.line("Change the schema, and it is served at once. Ctrl-C ends it.")
    }
}

/// Where the schema was before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// In its place.
    AsEver,
    /// Gone, which was told.
    Again,
}

/// Waits for a change, and until it has settled; then what is there now is watched.
async fn change(watch: &mut Watch) {
    watch.settled().await;
    watch.renew();
}
