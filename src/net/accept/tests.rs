//! Accepting against a scripted listener, and the pace as arithmetic.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

/// Fails as scripted, then accepts from a real listener.
struct Scripted {
    errors: Mutex<VecDeque<io::Error>>,
    listener: TcpListener,
}

impl Listen for Scripted {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let error = self.errors.lock().unwrap().pop_front();
        match error {
            Some(error) => Err(error),
            None => self.listener.accept().await,
        }
    }
}

async fn accept_after(errors: Vec<io::Error>) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // A std client: its connection is in the queue whatever tokio's clock says.
    let client = std::net::TcpStream::connect(address).unwrap();
    let mut acceptor = Acceptor::new(Scripted { errors: Mutex::new(errors.into()), listener }, ACCEPTS_PER_SECOND);
    let before = Instant::now();
    let (_, peer) = acceptor.accept().await;
    assert_eq!(peer, client.local_addr().unwrap());
    before.elapsed()
}

fn out_of_descriptors() -> io::Error {
    io::Error::from_raw_os_error(24) // EMFILE
}

#[tokio::test(start_paused = true)]
async fn out_of_descriptors_backs_off_and_goes_on() {
    let waited = accept_after(vec![out_of_descriptors(), out_of_descriptors(), out_of_descriptors()]).await;
    assert!(waited >= Duration::from_millis(10 + 20 + 40), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn back_off_is_never_longer_than_a_second() {
    let waited = accept_after((0..20).map(|_| out_of_descriptors()).collect()).await;
    assert!(waited <= Duration::from_secs(20), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_in_the_queue_is_skipped_without_waiting() {
    let waited = accept_after(vec![io::ErrorKind::ConnectionAborted.into()]).await;
    assert!(waited < Duration::from_millis(10), "{waited:?}");
}

#[test]
fn a_burst_goes_through_and_the_rest_is_spread_evenly() {
    let now = Instant::now();
    let mut pace = Pace::new(1_000);
    let burst = (0..100).filter(|_| pace.next(now).is_none()).count();
    assert_eq!(burst, 100);
    assert_eq!(pace.next(now), Some(now + Duration::from_millis(1)));
    assert_eq!(pace.next(now), Some(now + Duration::from_millis(2)));
    assert_eq!(pace.next(now + Duration::from_secs(5)), None);
}

#[test]
fn who_is_turned_away_takes_a_tenth_of_a_place() {
    let now = Instant::now();
    let mut pace = Pace::new(1_000);
    let let_in = |pace: &mut Pace| pace.next(now).is_none();
    let turned_away = |pace: &mut Pace| {
        let goes_through = pace.next(now).is_none();
        pace.forgive();
        goes_through
    };
    assert!((0..500).all(|_| turned_away(&mut pace)), "half of the burst of a hundred");
    assert_eq!((0..100).filter(|_| let_in(&mut pace)).count(), 50);
    assert_eq!(
        pace.forgive(),
        Some(now + Duration::from_micros(49_100)),
        "fifty too many, of which one was turned away"
    );
}
