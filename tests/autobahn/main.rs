//! RFC 6455's test suite, Autobahn's: on an echo server made of the front's own code, and on the real endpoint.
//!
//! The echo server answers every case (WS-01 of the attacks); from the endpoint, which never echoes, those are asked that
//! need no echo (WS-02); and an echo server with a small limit shows that the gate can fail (WS-03). What is not OK is
//! listed with its reason, and a listed case that is OK is a failure too. The suite itself needs Python 2.7 and is
//! installed by `make tools`; where there is none the test says so loudly and passes, unless `CI` is set.

#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr)]

mod testee;
mod verdicts;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto::app::{self, Addresses};
use rialto::config::{Config, Secret};
use rialto::revision::Revision;
use rialto::schema::Schema;
use serde_json::json;
use testee::Echo;
use tokio::sync::{oneshot, watch};
use verdicts::Expected;

/// Everything but compression, which is never negotiated.
const ECHO_CASES: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];
/// What a run has to come through, so that an empty one is no success.
const ECHO_COUNT: usize = 301;
/// The same for the endpoint.
const MIN_ENDPOINT_COUNT: usize = 100;
/// Above the suite's largest message, 16 MiB.
const MAX_MESSAGE_BYTES: usize = 17 << 20;
/// The cap of the run that shows that the gate can fail: the cases with longer messages must.
const SMALL_MESSAGE_BYTES: usize = 1_000;
/// The suite takes about a minute on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/autobahn");
    let program = tools.join("environment/bin/wstest");
    if !program.exists() {
        let why = std::fs::read_to_string(tools.join("missing"));
        let why = why.unwrap_or_else(|_| "it is not installed: `make tools` installs it".to_owned());
        eprintln!("\n!!!! AUTOBAHN NOT RUN !!!!\n!!!! {}\n", why.trim());
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
        return if in_ci { fail("the suite has to be there") } else { ExitCode::SUCCESS };
    }
    let suite = Suite { program, folder: tools };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            // All at once: the suite waits in many of its cases.
            let (echo, endpoint, small) = tokio::join!(on_echo(&suite), on_endpoint(&suite), on_small_echo(&suite));
            echo.and(endpoint).and(small)
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("autobahn failed: {message}");
    ExitCode::FAILURE
}

fn echo(max_message_bytes: usize) -> Arc<Echo> {
    Echo::new(Arc::new(Revision::first(Schema::bundled(), rialto::transcode::Options::default())), max_message_bytes)
}

async fn on_echo(suite: &Suite) -> Result<(), String> {
    let (_stop, stopped) = watch::channel(false);
    let address = echo(MAX_MESSAGE_BYTES).start(stopped)?;
    let cases: Vec<String> = ECHO_CASES.iter().map(|case| (*case).to_owned()).collect();
    let expected = Expected::read("echo.txt")?;
    let found = suite.run("echo", &format!("ws://{address}/"), &[], &cases).await?;
    if found.len() != ECHO_COUNT {
        return Err(format!("{} cases were run, not {ECHO_COUNT}", found.len()));
    }
    expected.compare("echo", &found)
}

/// With a small limit exactly the cases with long messages fail.
async fn on_small_echo(suite: &Suite) -> Result<(), String> {
    let (_stop, stopped) = watch::channel(false);
    let address = echo(SMALL_MESSAGE_BYTES).start(stopped)?;
    let cases: Vec<String> = ["1.*", "2.*", "5.*", "10.*"].iter().map(|case| (*case).to_owned()).collect();
    let found = suite.run("small", &format!("ws://{address}/"), &[], &cases).await?;
    Expected::read("small.txt")?.compare("small", &found)
}

/// With a subprotocol, so that nothing comes by itself: the endpoint's own frames are no echo. The token is in the URL.
async fn on_endpoint(suite: &Suite) -> Result<(), String> {
    let bridge = Bridge::start().await?;
    let expected = Expected::read("endpoint.txt")?;
    let cases: Vec<String> = expected.cases().map(str::to_owned).collect();
    if cases.len() < MIN_ENDPOINT_COUNT {
        return Err(format!("endpoint.txt names {} cases, fewer than {MIN_ENDPOINT_COUNT}", cases.len()));
    }
    let url = format!("ws://{}/ws?token={}", bridge.addresses.listen, bridge.token);
    let found = suite.run("endpoint", &url, &["rialto.v1.json"], &cases).await?;
    if found.len() != cases.len() {
        return Err(format!("{} cases were run on the endpoint, not {}", found.len(), cases.len()));
    }
    expected.compare("endpoint", &found)
}

/// A bridge that asks for tokens.
struct Bridge {
    addresses: Addresses,
    token: String,
    _stop: oneshot::Sender<()>,
}

impl Bridge {
    async fn start() -> Result<Self, String> {
        let secret = "an echo is no secret, but it is long enough for one";
        let mut config = Config::default();
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        (config.listen, config.grpc, config.admin) = (free, free, free);
        config.identity.secret = Some(Secret::new(secret));
        config.identity.in_query = true;
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = app::Options { ready: Some(ready), ..app::Options::default() };
        tokio::spawn(app::run(config, options, async {
            let _ = stopped.await;
        }));
        let addresses = is_ready.await.map_err(|_| "the bridge does not start".to_owned())?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(|e| e.to_string())?;
        let claims = json!({"sub": "autobahn", "exp": now.as_secs() + 3_600, "permissions": ["*"]});
        let claims = claims.as_object().cloned().unwrap_or_default();
        let token = rialto::auth::mint(&claims, secret.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Bridge { addresses, token, _stop: stop })
    }
}

/// The installed suite.
struct Suite {
    program: PathBuf,
    folder: PathBuf,
}

impl Suite {
    /// Runs these cases against this URL.
    async fn run(
        &self,
        name: &str,
        url: &str,
        protocols: &[&str],
        cases: &[String],
    ) -> Result<verdicts::Found, String> {
        let reports = self.folder.join(format!("reports-{name}"));
        let _ = std::fs::remove_dir_all(&reports);
        std::fs::create_dir_all(&reports).map_err(|error| error.to_string())?;
        let spec = json!({
            "outdir": reports,
            "servers": [{"agent": name, "url": url, "protocols": protocols}],
            "cases": cases,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        });
        let spec_file = reports.join("spec.json");
        std::fs::write(&spec_file, spec.to_string()).map_err(|error| error.to_string())?;
        let log = std::fs::File::create(reports.join("log")).map_err(|error| error.to_string())?;
        let began = Instant::now();
        let mut command = tokio::process::Command::new(&self.program);
        // In UTC, or the suite's time stamps may not parse.
        command.args(["--mode", "fuzzingclient", "--spec"]).arg(&spec_file).env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(|e| e.to_string())?).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("the suite does not start: {error}"))?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let status = ended.map_err(|_| format!("{name}: the suite is not through after {PATIENCE:?}"))?;
        let status = status.map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("{name}: the suite ended with {status}; {} says more", reports.join("log").display()));
        }
        let index = std::fs::read_to_string(reports.join("index.json")).map_err(|error| error.to_string())?;
        let found = verdicts::found(&index, name)?;
        println!("autobahn, {name}: {} cases in {:.0} s", found.len(), began.elapsed().as_secs_f64());
        Ok(found)
    }
}
