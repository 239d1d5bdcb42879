//! The parts that serve until the bridge stops, and what it means when one ends before.

use std::future::{Future, pending};
use std::io;

use tokio::task::{JoinError, JoinHandle};

use super::Error;
use crate::socket::Shards;

/// A port's task. `None`: it has ended.
type Port = Option<JoinHandle<io::Result<()>>>;

/// What serves.
pub(super) struct Serving {
    pub(super) public: Port,
    pub(super) grpc: Port,
    pub(super) shards: Shards,
}

impl Serving {
    /// Waits until somebody asks for the end, or a part ends by itself. Then the bridge ends, too, and says why: whoever has
    /// started it starts it again, and half a bridge is not taken for a whole one.
    pub(super) async fn until(&mut self, shutdown: impl Future<Output = ()>) -> Option<Error> {
        let (part, ended) = tokio::select! {
            () = shutdown => return None,
            ended = end(&mut self.public) => ("public port", ended),
            ended = end(&mut self.grpc) => ("gRPC port", ended),
            ended = self.shards.ended() => ("task of a shard", ended.map(Ok)),
        };
        let source = why(ended);
        tracing::error!(error = %source, "the {part} failed: stopping, as the bridge cannot do without");
        Some(Error::Part { part, source })
    }

    /// Waits for the end of the ports, which were told to stop. The shards end with this.
    pub(super) async fn stopped(self) {
        for (name, port) in [("public port", self.public), ("gRPC port", self.grpc)] {
            if let Some(task) = port
                && let Ok(Err(error)) = task.await
            {
                tracing::warn!(%error, "the {name} did not end well");
            }
        }
    }
}

async fn end(port: &mut Port) -> Result<io::Result<()>, JoinError> {
    let Some(task) = port else { return pending().await };
    let ended = task.await;
    *port = None;
    ended
}

fn why(ended: Result<io::Result<()>, JoinError>) -> io::Error {
    match ended {
        Ok(Ok(())) => io::Error::other("it ended by itself"),
        Ok(Err(error)) => error,
        // What it says may have somebody's values in it.
        Err(error) if error.is_panic() => io::Error::other("a defect of Rialto's; the log says where"),
        Err(error) => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    type Task = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    fn going() -> Task {
        Box::pin(pending())
    }

    fn failing() -> Task {
        Box::pin(async { panic!("{}", "somebody's value") })
    }

    fn serving(public: Task, grpc: Task, shard: Task) -> Serving {
        let port = |task: Task| Some(tokio::spawn(task.map(|()| Ok(()))));
        let mut shards = JoinSet::new();
        shards.spawn(pending());
        shards.spawn(shard);
        Serving { public: port(public), grpc: port(grpc), shards: Shards::new(shards) }
    }

    #[tokio::test]
    async fn who_asks_for_the_end_gets_it_without_an_error() {
        let mut serving = serving(going(), going(), going());
        assert!(serving.until(pending()).now_or_never().is_none(), "it goes on");
        assert!(serving.until(async {}).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_ends_by_itself_ends_the_bridge_and_no_value_is_told() {
        let ends = || -> Task { Box::pin(async {}) };
        let (defect, itself) = ("a defect of Rialto's; the log says where", "it ended by itself");
        for (mut serving, part, source) in [
            (serving(failing(), going(), going()), "public port", defect),
            (serving(going(), failing(), going()), "gRPC port", defect),
            (serving(going(), going(), failing()), "task of a shard", defect),
            (serving(ends(), going(), going()), "public port", itself),
            (serving(going(), going(), ends()), "task of a shard", itself),
        ] {
            let end = timeout(Duration::from_secs(1), serving.until(pending())).await;
            let Ok(Some(Error::Part { part: of, source: why })) = end else { panic!("{part}") };
            assert_eq!((of, &*why.to_string()), (part, source));
        }
    }

    #[tokio::test]
    async fn a_port_that_has_ended_is_not_waited_for_again() {
        let ends = || -> Task { Box::pin(async {}) };
        let mut serving = serving(ends(), ends(), going());
        assert!(serving.until(pending()).await.is_some());
        serving.stopped().await;
    }
}
