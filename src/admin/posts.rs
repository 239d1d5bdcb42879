//! Posts of events while they come, and until they are worked on.
//!
//! Promises that all posts of a port together hold no more memory than `--max-receiving-bytes` ([`Receiving`]): each counts from its
//! first bytes to its answer, and who is refused for want of room is who holds most for longest, at once, whether it sends or waits
//! for its turn. A small post counts as nothing and has its turn at once, so it passes whatever large ones do.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;

use super::body::{self, Bounds, hit};
use super::work::{NoTurn, TURN_PATIENCE, Turn, Work};
use super::{Refused, Result};
use crate::ingest::Ingest;
use crate::metrics::Limit;
use crate::net::Peer;
use crate::net::receiving::{Receiving, Share};
use crate::status::{Code, Status};

/// When a post that had no room, or no turn, may come back.
const RETRY: Duration = Duration::from_secs(1);

/// What posts of one port share.
#[derive(Clone)]
pub(super) struct Posts {
    ingest: Arc<Ingest>,
    receiving: Arc<Receiving>,
    work: Work,
}

/// A post that is whole, and whose turn it is.
pub(super) struct Post {
    /// What it says.
    pub(super) body: Bytes,
    turn: Turn,
    share: Arc<Share>,
}

impl Posts {
    /// None yet.
    ///
    /// # Errors
    /// When threads cannot be made.
    pub(super) fn start(ingest: Arc<Ingest>) -> io::Result<Self> {
        Ok(Posts::with(ingest, Work::start()?))
    }

    fn with(ingest: Arc<Ingest>, work: Work) -> Self {
        let receiving = Receiving::new(ingest.limits().max_receiving_bytes);
        Posts { ingest, receiving, work }
    }

    /// Reads the body of the request with this head, and waits for its turn.
    ///
    /// # Errors
    /// What a [`body::read`] refuses; there is no room for it; its turn did not come.
    pub(super) async fn receive(&self, head: &Parts, body: Body) -> Result<Post> {
        let address = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip());
        // Whoever is told here ends at once, so nobody asks later who did not.
        let share = self.receiving.share(address, &Arc::default());
        let no_room = || {
            hit(&self.ingest, head, Limit::MaxReceivingBytes);
            let message = "requests that are being received have all the memory that there is for them \
                           (--max-receiving-bytes); send it again";
            Refused::new(Status::new(Code::ResourceExhausted, "receiving_full", message).with_retry_after(RETRY))
        };
        let most = self.ingest.limits().max_request_bytes;
        let bounds = Bounds { max_bytes: most, advice: "send fewer events at once" };
        let received = async {
            let grow = |bytes| share.reach(bytes).map_err(|_| no_room());
            let body = body::read(head, body, &bounds, &self.ingest, grow).await?;
            // Who only waits for a turn outlives who sends no more.
            share.on_message();
            let turn = self.work.turn(body.len()).await.map_err(|NoTurn| self.no_turn(head, body.len()))?;
            Result::Ok((body, turn))
        };
        let (body, turn) = tokio::select! {
            biased;
            () = share.told() => return Err(no_room()),
            received = received => received?,
        };
        share.on_received();
        Ok(Post { body, turn, share })
    }

    fn no_turn(&self, head: &Parts, bytes: usize) -> Refused {
        hit(&self.ingest, head, Limit::PublishTurns);
        let message = format!(
            "a post of {bytes} bytes was not begun within {} ms, so many large ones are there; send it again, or smaller ones",
            TURN_PATIENCE.as_millis()
        );
        Refused::new(Status::new(Code::Unavailable, "publish_busy", message).with_retry_after(RETRY))
    }

    /// Does the work on this post, as [`Work::done`] does.
    pub(super) async fn work<T, F>(&self, post: Post, work: impl FnOnce(Bytes) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let Post { body, turn, share } = post;
        let work = work(body);
        let worked = async move {
            let done = work.await;
            drop(share);
            done
        };
        self.work.done(turn, worked).await
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::response::IntoResponse as _;
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::ingest::Limits;
    use crate::ingest::fixture::shop_with;

    const LARGE: usize = 96 << 10;

    /// Posts with room for two large ones and something, of which one at a time is worked on, and somebody who sends.
    fn posts() -> (Posts, Parts) {
        let limits = Limits { max_receiving_bytes: 256 << 10, ..Limits::default() };
        let posts = Posts::with(shop_with(limits).ingest, Work::with(1).unwrap());
        let (mut head, ()) = axum::http::Request::new(()).into_parts();
        head.extensions.insert(Peer("192.0.2.7:7".parse().unwrap()));
        (posts, head)
    }

    fn of(bytes: usize) -> Body {
        Body::from(vec![b' '; bytes])
    }

    fn status(refused: Refused) -> (u16, String) {
        let response = refused.into_response();
        (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn who_waits_for_a_turn_gives_way_to_who_comes_and_small_posts_wait_for_nothing() {
        let (posts, head) = posts();
        let hits = |limit| posts.ingest.metrics().limits.get(limit);
        let working = posts.receive(&head, of(LARGE)).await.unwrap();
        let tell = async |body: Body| posts.receive(&head, body).await.map(|post| post.body.len()).map_err(status);
        let mut waiting = std::pin::pin!(tell(of(LARGE)));
        let mut later = std::pin::pin!(tell(of(LARGE)));
        assert!(waiting.as_mut().now_or_never().is_none() && later.as_mut().now_or_never().is_none());
        assert_eq!(waiting.await, Err((429, "1".to_owned())), "what is worked on is left alone");
        assert_eq!(tell(of(16 << 10)).await, Ok(16 << 10));
        assert_eq!((hits(Limit::MaxReceivingBytes), hits(Limit::PublishTurns)), (1, 0));
        assert_eq!(posts.work(working, async |body: Bytes| body.len()).await, Some(LARGE));
        assert_eq!(later.await, Ok(LARGE), "its turn, and room");
        let both = tokio::join!(posts.receive(&head, of(LARGE)), async { tell(of(1)).await.unwrap() });
        assert!(both.0.is_ok(), "nothing is left of the others");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_sent_all_outlives_who_sends_no_more() {
        let (posts, head) = posts();
        let working = posts.receive(&head, of(LARGE)).await.unwrap();
        let tell = async |body: Body| posts.receive(&head, body).await.map(|post| post.body.len()).map_err(status);
        let second = || tokio::time::advance(Duration::from_secs(1));
        // It begins first, and is whole when the other one has stopped.
        let (send, mut sent) = tokio::sync::mpsc::channel::<std::result::Result<Vec<u8>, Infallible>>(1);
        let stream = futures_util::stream::poll_fn(move |cx| sent.poll_recv(cx));
        let mut whole = std::pin::pin!(tell(Body::from_stream(stream)));
        send.send(Ok(vec![b' '; LARGE / 2])).await.unwrap();
        assert!(whole.as_mut().now_or_never().is_none());
        second().await;
        let half = futures_util::stream::once(async { Ok::<_, Infallible>(vec![b' '; LARGE / 2]) });
        let mut holding = std::pin::pin!(tell(Body::from_stream(half.chain(futures_util::stream::pending()))));
        assert!(holding.as_mut().now_or_never().is_none());
        second().await;
        send.send(Ok(vec![b' '; LARGE / 2])).await.unwrap();
        drop(send);
        assert!(whole.as_mut().now_or_never().is_none(), "it waits for its turn");
        assert_eq!(tell(of(48 << 10)).await, Ok(48 << 10));
        assert_eq!(holding.await, Err((429, "1".to_owned())));
        drop(working);
        assert_eq!(whole.await, Ok(LARGE));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_turn_without_end() {
        let (posts, head) = posts();
        let _working = posts.receive(&head, of(LARGE)).await.unwrap();
        let begun = tokio::time::Instant::now();
        assert_eq!(posts.receive(&head, of(LARGE)).await.err().map(status), Some((503, "1".to_owned())));
        assert_eq!(begun.elapsed(), TURN_PATIENCE);
        assert_eq!(posts.ingest.metrics().limits.get(Limit::PublishTurns), 1);
    }
}
