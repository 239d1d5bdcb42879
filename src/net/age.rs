//! How old a connection may become: about as old as is said, each its own.
//!
//! Connections that were opened together, after a deploy say, would otherwise end together, and come back together. gRPC does the same
//! with its `MAX_CONNECTION_AGE`.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How much younger or older than is said, as a share of it.
const SPREAD: f64 = 0.1;

/// Waits until a connection of then is too old. `None`: it never is.
///
/// # Cancel safety
/// The age is chosen at the first poll: whoever waits anew may wait longer.
pub async fn over(opened: Instant, most: Option<Duration>) {
    match most {
        Some(most) => sleep(about(most, rand::random()).saturating_sub(opened.elapsed())).await,
        None => pending().await,
    }
}

/// This time, a tenth more or less: `chance` is from 0 to 1.
fn about(most: Duration, chance: f64) -> Duration {
    most.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * chance)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    const MOST: Duration = Duration::from_secs(1_000);

    #[test]
    fn an_age_is_a_tenth_more_or_less() {
        for (chance, expected) in [(0.0, 900), (0.5, 1_000), (1.0, 1_100)] {
            assert_eq!(about(MOST, chance).as_secs_f64().round(), f64::from(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_of_one_moment_end_at_many() {
        let opened = Instant::now();
        let ends = join_all((0..200).map(|_| async {
            over(opened, Some(MOST)).await;
            opened.elapsed().as_secs()
        }))
        .await;
        assert!(ends.iter().all(|end| (900..=1_100).contains(end)), "{ends:?}");
        let (first, last) = (ends.iter().min(), ends.iter().max());
        assert!(first < Some(&950) && last > Some(&1_050), "{ends:?}");
    }
}
