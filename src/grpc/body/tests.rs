//! Where messages begin and end, and how long they may take.

use std::collections::VecDeque;
use std::convert::Infallible;

use http_body_util::BodyExt as _;
use tokio::time::advance;

use super::*;
use crate::net::receiving::{Receiving, Told};

const PATIENCE: Duration = Duration::from_secs(30);

/// A body whose frames come after so long each.
struct Slow {
    frames: VecDeque<(Duration, Bytes)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((after, _)) = self.frames.front() else { return Poll::Ready(None) };
        let after = *after;
        ready!(self.timer.get_or_insert_with(|| Box::pin(sleep(after))).as_mut().poll(cx));
        self.timer = None;
        let (_, data) = self.frames.pop_front().expect("looked at above");
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

fn body(frames: &[(u64, &[u8])]) -> Metered<Slow> {
    let frames = frames.iter().map(|(after, data)| (Duration::from_secs(*after), Bytes::copy_from_slice(data)));
    let inner = Slow { frames: frames.collect(), timer: None };
    let share = Receiving::new(1 << 20).share([192, 0, 2, 1].into(), &Arc::new(Told::default()));
    Metered::new(inner, share, PATIENCE, "192.0.2.1:7".parse().unwrap(), Arc::default())
}

/// How many frames come, and the code of the end.
async fn through(mut body: Metered<Slow>) -> (usize, Option<tonic::Code>) {
    let mut frames = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(_) => frames += 1,
            Err(error) => {
                assert!(body.frame().await.is_none(), "after its end nothing comes");
                return (frames, Some(error.downcast::<tonic::Status>().unwrap().code()));
            }
        }
    }
    (frames, None)
}

#[test]
fn messages_are_found_however_they_are_cut() {
    let text = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 0], &[1, 0, 0, 1, 4], &[7; 260], &[0, 0, 0]].concat();
    for size in 1..text.len() {
        let mut messages = Messages::default();
        let (mut longest, mut completed) = (0, 0);
        for piece in text.chunks(size) {
            let taken = messages.take(piece);
            longest = longest.max(taken.longest_bytes);
            completed += usize::from(taken.has_completed);
        }
        assert_eq!((longest, messages.is_amid(), messages.come_bytes), (265, true, 3), "{size}");
        assert!(completed >= 1 && (size > 5 || completed == 3), "{size}: {completed}");
    }
    let mut messages = Messages::default();
    messages.take(&text[..text.len() - 3]);
    assert!(!messages.is_amid());
}

#[tokio::test(start_paused = true)]
async fn a_message_is_waited_for_so_long_in_all_and_nobody_for_its_beginning() {
    const HALF: &[u8] = &[0, 0, 0, 0, 9, 1, 2, 3];
    for (frames, expected) in [
        (&[(100, HALF), (29, &[0; 6][..]), (500, HALF)][..], (3, None)),
        (&[(100, HALF), (31, &[0; 6])], (1, Some(tonic::Code::DeadlineExceeded))),
        (&[(0, HALF), (20, &[0]), (9, &[0; 5])], (3, None)),
        (&[(0, HALF), (20, &[0]), (11, &[0; 5])], (2, Some(tonic::Code::DeadlineExceeded))),
        (&[(0, HALF), (20, &[0; 9]), (20, &[0; 8])], (3, None)),
        (&[(0, &[0; 2]), (31, &[0; 3])], (1, Some(tonic::Code::DeadlineExceeded))),
    ] {
        assert_eq!(through(body(frames)).await, expected, "{frames:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_time_goes_by_while_nobody_waits() {
    use futures_util::FutureExt as _;
    let mut body = body(&[(0, &[0, 0, 0, 0, 9, 1]), (1, &[0; 2]), (20, &[0; 6])]);
    assert!(body.frame().await.is_some());
    assert!(body.frame().now_or_never().is_none());
    advance(PATIENCE * 4).await;
    assert_eq!(through(body).await, (2, None));
}
