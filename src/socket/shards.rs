//! The shards' tasks, and hearing that one has ended.

use tokio::task::{JoinError, JoinSet};

/// The tasks of a front's shards. They end when this is dropped.
#[derive(Debug)]
pub struct Shards(JoinSet<()>);

impl Shards {
    pub(crate) fn new(tasks: JoinSet<()>) -> Self {
        Shards(tasks)
    }

    /// Waits until one ends, which takes a defect of ours. Its connections are cut then, and so is who comes to it later, while
    /// the others go on: the bridge does but a part of its work until it is started anew.
    ///
    /// # Errors
    /// It panicked.
    ///
    /// # Cancel safety
    /// An end is not lost when the future is dropped before it is ready.
    pub async fn ended(&mut self) -> Result<(), JoinError> {
        match self.0.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Opened};
    use crate::auth::Subject;
    use crate::ids::Tenant;

    #[tokio::test]
    async fn when_a_shard_ends_its_connections_do_and_nobody_waits_for_it() {
        let (front, mut shards) = fixture::front();
        let Opened { mut client, limits } = fixture::open(&front).await;
        client.acked().await;
        assert_eq!((front.connections(), limits.connections()), (1, 1));
        shards.0.abort_all();
        assert!(fixture::within(shards.ended()).await.is_err());
        client.ended().await;
        assert_eq!((front.connections(), limits.connections()), (0, 0));

        let Opened { mut client, limits } = fixture::open(&front).await;
        client.ended().await;
        assert_eq!((front.connections(), limits.connections()), (0, 0), "nobody is let in where nobody serves");
        let revision = front.shared.revisions.current();
        assert_eq!(fixture::within(front.adopt(&revision)).await, 0);
        let subject = Subject::User(Tenant::default_tenant(), fixture::USER.into());
        let _seat = fixture::seat(&front);
        assert_eq!(fixture::within(front.expel(&subject)).await, 1);
    }

    #[tokio::test]
    async fn what_a_shard_has_not_read_when_it_ends_is_given_back() {
        let (front, mut shards) = fixture::front();
        let revision = front.shared.revisions.current();
        let subject = Subject::User(Tenant::default_tenant(), fixture::USER.into());
        let _seat = fixture::seat(&front);
        let Opened { mut client, limits } = fixture::open(&front).await;
        let waiting = async { (front.adopt(&revision).await, front.expel(&subject).await) };
        let ending = async {
            shards.0.abort_all();
            shards.ended().await
        };
        let (answers, ended) = fixture::within(async { tokio::join!(waiting, ending) }).await;
        assert!(ended.is_err());
        assert_eq!(answers, (0, 1));
        client.ended().await;
        assert_eq!(limits.connections(), 0);
    }
}
